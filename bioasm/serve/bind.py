"""Listening sockets of a server: a socket file, a loopback port, or a port with TLS."""

from __future__ import annotations

import os
import socket
import ssl
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bioasm.diagnostics import EXIT_USAGE, BioasmError, error
from bioasm.drivers.remote.places import is_loopback
from bioasm.files import reason

_WAITING = 64  # backlog of connections


@dataclass(frozen=True, slots=True)
class Bind:
    """An address to listen at: the path of a socket file, or host and port."""

    path: Path | None = None
    host: str = ""
    port: int = 0


def parse_bind(text: str, secured: bool) -> Bind:
    """Parse an address. Raises BioasmError B556 for an invalid one, or one that would be public without TLS."""
    if text.startswith("unix:"):
        if text == "unix:":
            raise _refused("unix: names no file")
        return Bind(Path(text.removeprefix("unix:")).expanduser())
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port[:6]) < 1 << 16):
        raise _refused(f"{text!r} is no address to listen at", "unix:PATH, 127.0.0.1:PORT, or HOST:PORT with --cert and --key")
    if not secured and not is_loopback(host):
        hint = "give --cert and --key, or listen at a socket file or a loopback port and come by ssh"
        raise _refused(f"{host} can be reached from elsewhere, and there is no TLS", hint)
    return Bind(None, host, int(port))


def _refused(message: str, hint: str | None = None) -> BioasmError:
    return error("B556", message, hint=hint, exit_code=EXIT_USAGE)


def tls(cert: str, key: str) -> ssl.SSLContext:
    """TLS 1.2 or newer with a certificate. Raises BioasmError B556."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ValueError) as cause:  # includes ssl.SSLError
        raise _refused(f"the certificate {cert} and the key {key} can't be used: {cause}") from None
    return context


def listen(bind: Bind) -> socket.socket:
    """A listening socket. A socket file is accessible to its owner only. Raises BioasmError B556."""
    try:
        return _port(bind) if bind.path is None else _file(bind.path)
    except OSError as cause:
        raise _refused(f"can't listen at {bind.path or f'{bind.host}:{bind.port}'}: {reason(cause)}") from None


def _port(bind: Bind) -> socket.socket:
    family = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server((bind.host, bind.port), family=family, backlog=_WAITING)


def _file(path: Path) -> socket.socket:
    """Bind a Unix socket file, replacing a stale one."""
    if _is_stale(path):
        path.unlink()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(str(path))
    except BaseException:
        made.close()
        raise
    finally:
        os.umask(before)
    made.listen(_WAITING)
    return made


def _is_stale(path: Path) -> bool:
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.stat().st_mode):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
            try:
                asked.connect(str(path))
            except ConnectionRefusedError:
                return True
    return False


def spelled(bind: Bind, sock: socket.socket, secured: bool) -> str:
    """The address in the form for clients, with the actual port."""
    if bind.path is not None:
        return f"unix:{bind.path.absolute()}"
    host = f"[{bind.host}]" if ":" in bind.host else bind.host
    return f"{'https' if secured else 'http'}://{host}:{sock.getsockname()[1]}"
