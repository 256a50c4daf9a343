"""Addresses of servers, and connections to them: socket files, TCP, TLS, ssh."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bioasm.diagnostics import EXIT_USAGE, BioasmError, error

FORMS = "unix:PATH, ssh://HOST, https://HOST:PORT or http://127.0.0.1:PORT"
SSH = ("ssh", "-T", "-o", "BatchMode=yes")


@dataclass(frozen=True, slots=True)
class Place:
    """The address of a server: a socket file (`unix`), a port (`http`, `https`), or an account (`ssh`)."""

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    user: str = ""

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{self.user}{'@' if self.user else ''}{host}{f':{self.port}' if self.port else ''}{self.path}"


def parse_place(text: str) -> Place:
    """Parse an address. Raises BioasmError B406 for an invalid one, or one that would send a token unencrypted."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:").removeprefix("//") if text.startswith("unix:///") else text.removeprefix("unix:")
        if not path:
            raise _wrong(text, "names no file")
        return Place("unix", path=str(Path(path).expanduser()))
    try:
        parts = urlsplit(text)
        place = Place(parts.scheme, parts.hostname or "", parts.port or 0, unquote(parts.path), parts.username or "")
    except ValueError as cause:
        raise _wrong(text, str(cause)) from None
    if place.scheme not in ("http", "https", "ssh") or not place.host or parts.query or parts.fragment or parts.password:
        raise _wrong(text, "is no address of a server")
    return _checked(place, text)


def _checked(place: Place, text: str) -> Place:
    if place.scheme == "ssh":
        if place.host.startswith("-") or place.user.startswith("-"):
            raise _wrong(text, "has a name that ssh would take for an option")
        return place
    if place.path.strip("/") or place.user:
        raise _wrong(text, "has more than a host and a port")
    if place.scheme == "http" and not is_loopback(place.host):
        raise _wrong(text, "would send the token in the clear; use https or ssh")
    return Place(place.scheme, place.host, place.port or (443 if place.scheme == "https" else 80))


def _wrong(text: str, why: str) -> BioasmError:
    return error("B406", f"{text!r} {why}", hint=f"a server is at {FORMS}", exit_code=EXIT_USAGE)


def is_loopback(host: str) -> bool:
    """Whether a host is a loopback address, or localhost where it resolves only to loopback addresses."""
    if host == "localhost":
        return _leads_here(host)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _leads_here(host: str) -> bool:
    try:
        found = {str(address[0]) for *_, address in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(number.partition("%")[0]).is_loopback for number in found)


# --- sockets ----------------------------------------------------------------------------------------


class Opened:
    """A socket to a server, with the ssh process at its other end, if any."""

    def __init__(self, sock: socket.socket, helper: subprocess.Popen[bytes] | None = None) -> None:
        self.sock, self.helper = sock, helper

    def close(self) -> None:
        """Close the socket, upon which the process exits."""
        self.sock.close()
        if self.helper is not None:
            try:
                self.helper.wait(2.0)
            except subprocess.TimeoutExpired:
                self.helper.kill()
                self.helper.wait()


def open_place(place: Place, timeout: float, ca: str | None = None) -> Opened:
    """Connect to the server. Raises OSError (including ssl.SSLError) on failure."""
    if place.scheme == "ssh":
        return _through_ssh(place, timeout)
    if place.scheme == "unix":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        try:
            sock.connect(place.path)
        except BaseException:
            sock.close()
            raise
        return Opened(sock)
    plain = socket.create_connection((place.host, place.port), timeout)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Opened(plain if place.scheme == "http" else _secured(plain, place.host, ca))


def _secured(plain: socket.socket, host: str, ca: str | None) -> socket.socket:
    try:
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _through_ssh(place: Place, timeout: float) -> Opened:
    """Run `bioasm serve --stdio` on the other machine through ssh, connected by a socket pair."""
    ours, theirs = socket.socketpair()
    ours.settimeout(timeout)
    port = ("-p", str(place.port)) if place.port else ()
    name = f"{place.user}@{place.host}" if place.user else place.host
    folder = ("--store", place.path) if place.path.strip("/") else ()
    command = [*SSH, *port, "--", name, "bioasm", "serve", "--stdio", *folder]
    try:
        helper = subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno(), start_new_session=True)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return Opened(ours, helper)
