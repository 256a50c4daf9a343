"""Client of BRP/1: idempotent requests over HTTP/1.1 with retries, and resumable streams."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, TypeVar

from bioasm import __version__
from bioasm.diagnostics import EXIT_DEVICE, BioasmError, Diagnostic, error
from bioasm.drivers.remote import protocol as p
from bioasm.drivers.remote.events import Event, read_events
from bioasm.drivers.remote.places import Opened, Place, open_place
from bioasm.files import reason
from bioasm.memory import memory

T = TypeVar("T")
_FIRST = 3.0  # s of retries before the first answer of a server; afterwards the user's patience
_SHORTEST, _LONGEST = 0.05, 2.0  # s between retries
_SILENCE = 3 * p.HEARTBEAT  # s after which a connection counts as lost
_ANSWER = 1 << 26  # bytes of a response in JSON
_PIECE = 1 << 20
_LOST = (OSError, HTTPException)


class Busy(Exception):
    """The server asks to retry later."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful response: its headers (in lower case) and its body."""

    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The JSON object of the body. Raises BioasmError B552."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise garbled("an answer is no JSON object")
        return found


class _Wire(HTTPConnection):
    """HTTP connection over any of the transports to the server."""

    def __init__(self, place: Place, timeout: float, ca: str | None) -> None:
        host = place.host if place.scheme in ("http", "https") else "localhost"  # a socket file, also behind ssh
        super().__init__(host, place.port or None if host == place.host else None, timeout=timeout)
        self.place, self.ca = place, ca
        self.opened: Opened | None = None

    def connect(self) -> None:
        """Open the socket, the process or the secured connection."""
        self.opened = open_place(self.place, float(self.timeout or _SILENCE), self.ca)
        self.sock = self.opened.sock

    def close(self) -> None:
        """Close the connection and its transport."""
        super().close()
        if self.opened is not None:
            self.opened.close()
            self.opened = None


class Client:
    """Client of a server. All requests are idempotent, so that lost ones are retried.

    `patience` is the time in seconds of retries after a lost connection.
    """

    def __init__(self, place: Place, token: str | None = None, ca: str | None = None, patience: float = 60.0) -> None:
        self.place, self.token, self.ca, self.patience = place, token, ca, patience
        self.met = False
        self._wire: _Wire | None = None

    def close(self) -> None:
        """Close the connection."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    # --- requests -----------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request and return the response.

        Raises BioasmError: B550 where the server can't be reached, B552 for an invalid response, else the server's error.
        """
        return self._persist(lambda: self._call(method, path, body, headers or {}))

    def _persist(self, action: Callable[[], T]) -> T:
        """Retry an action that may lose its connection until patience ends. Returns its value."""
        began, wait = time.monotonic(), _SHORTEST
        while True:
            try:
                done = action()
                self.met = True
                return done
            except ssl.SSLCertVerificationError as cause:
                hint = "name the file of its certificate with --driver-option ca=FILE"
                raise self._unreached(cause.verify_message, hint) from None
            except (*_LOST, Busy) as cause:
                self.close()
                patience = self.patience if self.met else min(_FIRST, self.patience)
                patience = max(patience, 10.0) if isinstance(cause, Busy) else patience
                if time.monotonic() - began + wait > patience:
                    raise self._unreached(_words(cause), "is `bioasm serve` running there?") from None
            time.sleep(wait * random.uniform(0.5, 1.5))
            wait = min(2 * wait, _LONGEST)

    def _unreached(self, why: str, hint: str) -> BioasmError:
        return error("B550", f"the server at {self.place} can't be reached: {why}", hint=hint, exit_code=EXIT_DEVICE)

    def _call(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        response = self._send(method, path, body, headers)
        return Answer({name.lower(): value for name, value in response.getheaders()}, _content(response))

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> HTTPResponse:
        """Send a request; returns a successful response with an unread body."""
        self._wire = self._wire or _Wire(self.place, _SILENCE, self.ca)
        mine = {"User-Agent": f"bioasm/{__version__}", **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        self._wire.request(method, path, body or None, {**mine, **headers})
        response = self._wire.getresponse()
        if response.status >= 300:
            self._refuse(response)
        return response

    def _refuse(self, response: HTTPResponse) -> None:
        content = _content(response)
        if response.status == 503:
            raise Busy("it is busy")
        said = Answer({}, content).json() if "json" in (response.getheader("Content-Type") or "") else {}
        found = p.findings(said.get("findings"))
        exit_code = said.get("exit")
        found = found or [Diagnostic("B551", f"the server refuses: {response.status} {response.reason}")]
        raise BioasmError(*found, exit_code=exit_code if type(exit_code) is int and 0 < exit_code < 256 else 1)

    # --- jobs ---------------------------------------------------------------------------------------

    def about(self, is_ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The server's description, once it is ready for this client."""

        def ask() -> dict[str, Any]:
            found = self._call("GET", "/v1", b"", {})
            if not is_ready(found.json()):
                raise Busy("the device is being asked what it can do")
            return found.json()

        return self._persist(ask)

    def job(self, job: str) -> dict[str, Any]:
        """The server's description of a job."""
        return self.call("GET", f"/v1/jobs/{job}").json()

    def events(self, job: str, after: int = 0) -> Iterator[Event]:
        """The events of a job after number `after` to its end, across lost connections."""
        while True:
            try:
                response = self._persist(lambda: self._joined(job, after))  # noqa: B023  (called before `after` changes)
                for event in read_events(response):
                    if event is not None and event.number > after:
                        after = event.number
                        yield event
                        if event.kind == p.ENDED:
                            return
            except ValueError as cause:
                raise garbled(f"a stream of events: {cause}") from None
            except _LOST:
                pass
            finally:
                self.close()
            if self.job(job).get("state") == p.ENDED and not self._more(job, after):
                return

    def _joined(self, job: str, after: int) -> HTTPResponse:
        return self._send("GET", f"/v1/jobs/{job}/events", b"", {p.AFTER: str(after), "Accept": p.EVENTS})

    def _more(self, job: str, after: int) -> bool:
        """Whether a job has events after number `after`."""
        last = self.job(job).get("event")
        return type(last) is int and last > after

    def result(self, job: str, query: str = "") -> bytes:
        """The bytes of a result, complete or the parts in `query`; interrupted downloads are resumed."""
        got = _Download()
        self._persist(lambda: self._download(job, query, got))
        return got.checked()

    def _download(self, job: str, query: str, got: _Download) -> None:
        headers = {"Range": f"bytes={len(got.data)}-", "If-Range": got.tag} if got.data and got.tag else {}
        response = self._send("GET", f"/v1/jobs/{job}/result{query}", b"", headers)
        if response.status != 206:
            got.data.clear()
        got.begin(response)
        while piece := response.read(_PIECE):
            got.data += piece
        if len(got.data) < got.size:
            raise ConnectionError("the result was cut")


def _content(response: HTTPResponse) -> bytes:
    """The body of a response. Raises ConnectionError where it is truncated, BioasmError B552 where it is too long."""
    length = response.length
    content = response.read(_ANSWER + 1)
    if len(content) > _ANSWER:
        raise garbled(f"an answer has more than {_ANSWER:,} bytes")
    if length is not None and len(content) < length:
        raise ConnectionError("an answer was cut")
    return content


class _Download:
    """A resumable download of a result: the bytes so far, and the expected size, tag and digest."""

    def __init__(self) -> None:
        self.data, self.size, self.tag, self.digest = bytearray(), 0, "", ""

    def begin(self, response: HTTPResponse) -> None:
        """Store the expected size. Raises BioasmError B403 where it exceeds this machine's memory."""
        self.size = len(self.data) + (response.length or 0)
        self.tag = response.getheader("ETag") or ""
        self.digest = response.getheader(p.DIGEST) or ""
        if self.size > memory():
            raise error("B403", f"the result has {self.size:,} bytes, more than the memory of this machine")

    def checked(self) -> bytes:
        """Verify the hash of the bytes against the server's. Raises BioasmError B552."""
        wanted = digest_header(hashlib.sha256(self.data).digest())
        if self.digest and self.digest != wanted:
            raise garbled("the result's hash is another than the server told")
        return bytes(self.data)


def digest_header(sha256: bytes) -> str:
    """The value of the header Repr-Digest (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


def garbled(what: str) -> BioasmError:
    """The error B552 for a response that violates the protocol."""
    return error("B552", f"the server's answer can't be understood: {what}", exit_code=EXIT_DEVICE)


def _words(cause: Exception) -> str:
    return reason(cause) if isinstance(cause, OSError) else str(cause) or type(cause).__name__
