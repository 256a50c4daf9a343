"""Validation of untrusted requests: authentication, framing, and bodies written to a file of limited size."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bioasm.binary import looks_like_bytecode
from bioasm.diagnostics import EXIT_INTERNAL, BioasmError, Diagnostic
from bioasm.drivers.remote.protocol import told

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

BODY_BYTES = 1 << 30
HEAD_BYTES = 1 << 15
SPARE = 1 << 28  # bytes of the disk that are reserved for results, checkpoints and the database
_MAGIC = 4  # bytes that identify bytecode
BODY_SECONDS = 20.0  # timeout of the next piece of a body
_FIRST, _RATE = 60.0, 1 << 16  # s for a body, and the least bytes per second afterwards
_LENGTH = re.compile(r"[0-9]{1,15}")
_ONCE = (
    b"content-length", b"host", b"authorization", b"brp-options", b"idempotency-key", b"range", b"last-event-id", b"origin",
    b"sec-fetch-site",
)  # fmt: skip


class Refusal(Exception):
    """An error response; with `close` the connection can't be reused."""

    def __init__(self, status: int, message: str, hint: str | None = None, close: bool = False) -> None:
        super().__init__(message)
        self.status, self.close = status, close
        self.findings: Sequence[Diagnostic] = (Diagnostic("B553" if status == 404 else "B551", message, hint=hint),)

    @classmethod
    def of(cls, status: int, fault: BioasmError) -> Refusal:
        """The HTTP response for a BioasmError."""
        made = cls(status, str(fault))
        made.findings, made.exit_code = fault.diagnostics, fault.exit_code
        return made

    @classmethod
    def defect(cls, cause: Exception) -> Refusal:
        """The response (500) for a bug of the server; details are logged and not sent."""
        made = cls(500, f"internal error: {type(cause).__name__}", close=True)
        made.findings, made.exit_code = (Diagnostic("B901", str(made)),), EXIT_INTERNAL
        return made

    exit_code = 1

    def response(self) -> Response:
        """The HTTP response."""
        from starlette.responses import JSONResponse

        headers = {"Connection": "close"} if self.close else {}
        headers |= {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}
        headers |= {"Retry-After": "1"} if self.status in (429, 503) else {}
        return JSONResponse({"findings": told(self.findings), "exit": self.exit_code}, self.status, headers)


def check_frame(headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Guard against request smuggling: no repeated framing header, no chunked body, no upgrade, and short headers."""
    names = [name for name, _ in headers]
    if sum(len(name) + len(value) for name, value in headers) > HEAD_BYTES:
        raise Refusal(431, f"the headers have more than {HEAD_BYTES:,} bytes", close=True)
    for name in _ONCE:
        if names.count(name) > 1:
            raise Refusal(400, f"the header {name.decode()} stands twice", close=True)
    if b"transfer-encoding" in names:
        raise Refusal(411, "a body comes with its Content-Length, not in chunks", close=True)
    if b"upgrade" in names:
        raise Refusal(400, "this server changes to no other protocol", close=True)


def body_length(request: Request, most: int) -> int:
    """The declared length of the body in bytes. Raises Refusal where it is missing or over the limit."""
    text = request.headers.get("content-length", "")
    if not text:
        raise Refusal(411, "a submission has a Content-Length", close=True)
    if not _LENGTH.fullmatch(text) or int(text) > most:
        raise Refusal(413, f"the body has {text[:20]} bytes; the most here is {most:,}", close=True)
    return int(text)


def check_space(folder: Path, size: int) -> None:
    """Refuse bodies that would fill the disk. Raises Refusal (507)."""
    if shutil.disk_usage(folder).free < size + SPARE:
        raise Refusal(507, "the disk of the server is full", close=True)


def _no_bytecode() -> Refusal:
    refusal = Refusal(422, "what was sent is no bytecode", close=True)
    hint = "`bioasm asm` makes bytecode of a text"
    refusal.findings = (Diagnostic("B201", str(refusal), hint=hint),)
    return refusal


async def take_body(request: Request, path: Path, most: int) -> None:
    """Write the body of a request to a file. Raises Refusal where it is too long or stalls."""
    length, got = body_length(request, most), 0
    check_space(path.parent, length)
    until = time.monotonic() + _FIRST + length / _RATE
    first, pieces = b"", cast(Any, request.stream())
    with open(path, "xb") as file:
        while got < length:
            try:
                piece = await asyncio.wait_for(anext(pieces), min(BODY_SECONDS, until - time.monotonic()))
            except TimeoutError:
                raise Refusal(408, f"the body stopped after {got:,} of {length:,} bytes", close=True) from None
            except StopAsyncIteration:
                break
            got += len(piece)
            first += piece[: _MAGIC - len(first)]
            if len(first) == _MAGIC and not looks_like_bytecode(first):
                raise _no_bytecode()
            file.write(piece)
    if got != length:
        raise Refusal(400, f"the body has {got:,} bytes, not {length:,}", close=True)
