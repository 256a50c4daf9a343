"""Transfers in progress at the host: a pending reply, an upload, a download. State alone, without time or threads."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from bioasm.diagnostics import EXIT_DEVICE, BioasmError, error
from bioasm.hardware.link.errors import BoardRefused, request_name
from bioasm.hardware.link.messages import (
    Accepted,
    Fetch,
    Kind,
    Message,
    Refused,
    Reply,
    Request,
    ResultData,
    RunEnded,
    UploadBegin,
    UploadData,
    UploadEnd,
    UploadReady,
    Verified,
)
from bioasm.hardware.link.window import Sender


class Pending:
    """A pending request; `reply` is None until the board has answered."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.reply: Reply | None = None

    @property
    def done(self) -> bool:
        """Whether the reply has arrived."""
        return self.reply is not None

    def result(self) -> Reply:
        """The reply. Raises BoardRefused where it is a refusal."""
        if isinstance(self.reply, Refused):
            raise BoardRefused(request_name(self.request), self.reply)
        assert self.reply is not None
        return self.reply


Ask = Callable[[Request], Pending]
Send = Callable[[Message], None]


class Upload:
    """One upload: begun, sent from where the board has it, and verified. `sent` counts bytes that were queued or there,
    `arrived` those that the board has, at least."""

    def __init__(self, ask: Ask, kind: Kind, data: bytes, chunk: int) -> None:
        self.kind, self.data, self.chunk = kind, data, chunk
        self.sha256 = sha256(data).digest()
        self.sent = self.arrived = 0
        self.skipped = False
        self.failure: BioasmError | None = None
        self._ask = ask
        self._begin = ask(UploadBegin(kind, len(data), self.sha256))
        self._end: Pending | None = None
        self.done = False

    def advance(self, send: Send, sender: Sender) -> None:
        """Handle the board's replies, and queue further data while the window has room."""
        if self.done or not self._begin.done:
            return
        try:
            if self.sent == 0 and self._end is None:
                self._start()
            self._send(send, sender)
            self.done = self.done or (self._end is not None and self._end.done and self._verified())
            self.arrived = len(self.data) if self.done else self.arrived
        except BioasmError as failure:
            self.failure, self.done = failure, True

    def _start(self) -> None:
        ready = self._begin.result()
        if not isinstance(ready, UploadReady) or ready.offset > len(self.data):
            raise damaged("the board answered an upload with something else")
        self.sent = ready.offset
        if ready.loaded:
            self.skipped = self.done = True

    def _send(self, send: Send, sender: Sender) -> None:
        while not self.done and self.sent < len(self.data) and sender.wants_more:
            piece = self.data[self.sent : self.sent + self.chunk]
            send(UploadData(self.sent, piece))
            self.sent += len(piece)
        if not self.done and self._end is None and self.sent == len(self.data):
            self._end = self._ask(UploadEnd(self.kind, self.sha256))
        self.arrived = max(self.arrived, self.sent - self.chunk * sender.outstanding)

    def _verified(self) -> bool:
        assert self._end is not None
        verified = self._end.result()
        if not isinstance(verified, Verified) or verified.sha256 != self.sha256:
            raise damaged("the board verified another upload than was sent")
        return True


class Download:
    """One result of a run on its way from the board. `data` grows in order."""

    def __init__(self, ask: Ask, ended: RunEnded, have: bytes = b"") -> None:
        self.ended = ended
        self.data = bytearray(have)
        self.failure: BioasmError | None = None
        self._asked = ask(Fetch(ended.run, len(have)))

    def take(self, piece: ResultData) -> None:
        """Take the next bytes; the window brings them in order and once."""
        if piece.run == self.ended.run and piece.offset == len(self.data):
            self.data += piece.data

    @property
    def done(self) -> bool:
        """Whether the download is complete or has failed."""
        return self._asked.done and (isinstance(self._asked.reply, Refused) or len(self.data) >= self.ended.total)

    def result(self) -> bytes:
        """The result's bytes. Raises BoardRefused, or BioasmError B515 where they are not those that were announced."""
        reply = self._asked.result()
        data = bytes(self.data)
        if not isinstance(reply, Accepted) or len(data) != self.ended.total or sha256(data).digest() != self.ended.sha256:
            raise damaged("the result is not the one that the board announced")
        return data


def damaged(text: str) -> BioasmError:
    """The error for a result that is complete and has the wrong hash: a defect of the firmware, not of the line."""
    return error("B515", text, exit_code=EXIT_DEVICE)
