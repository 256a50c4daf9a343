"""Resumable uploads at the board's end: kept over a lost link, checked by SHA-256, skipped where loaded already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from bioasm.hardware.link.messages import (
    Kind,
    Refusal,
    Refused,
    Reply,
    State,
    UploadBegin,
    UploadData,
    UploadEnd,
    UploadReady,
    Verified,
)

MayUpload = Callable[[Kind, int], Refused | None]
Uploaded = Callable[[Kind, bytes], Refused | None]


@dataclass(slots=True)
class _Partial:
    """An incomplete upload."""

    sha256: bytes
    total: int
    data: bytearray = field(default_factory=bytearray)


class Uploads:
    """The uploads of a board. `loaded` holds the SHA-256 of what the board took, by kind.

    A partial upload of each kind is kept, also when the session ends, until another of its kind begins.
    """

    def __init__(self, may_upload: MayUpload, uploaded: Uploaded, state: Callable[[], State]) -> None:
        self.loaded: dict[Kind, bytes] = {}
        self._may_upload, self._uploaded, self._state = may_upload, uploaded, state
        self._partial: dict[Kind, _Partial] = {}
        self._current: Kind | None = None

    def begin(self, message: UploadBegin) -> Reply:
        """Start or resume an upload: its offset, or a refusal."""
        self._current = None
        if self.loaded.get(message.kind) == message.sha256:
            return UploadReady(loaded=True, offset=message.total)
        refused = self._wrong_state(message.kind) or self._may_upload(message.kind, message.total)
        if refused is not None:
            return refused
        partial = self._partial.get(message.kind)
        if partial is None or (partial.sha256, partial.total) != (message.sha256, message.total):
            partial = self._partial[message.kind] = _Partial(message.sha256, message.total)
        self._current = message.kind
        return UploadReady(offset=len(partial.data))

    def data(self, message: UploadData) -> None:
        """Append the next bytes. Noncontiguous ones are dropped, which the hash detects."""
        partial = self._partial.get(self._current) if self._current is not None else None
        if partial is None or message.offset != len(partial.data):
            return
        if len(partial.data) + len(message.data) <= partial.total:
            partial.data += message.data

    def end(self, message: UploadEnd) -> Reply:
        """Check a complete upload: length, SHA-256, the board's present state, and the board's own validation."""
        refused = self._wrong_state(message.kind)
        if refused is not None:
            return refused
        partial = self._partial.pop(message.kind, None)
        if partial is None or partial.sha256 != message.sha256:
            return Refused(reason=Refusal.NOT_LOADED, text="no such upload was begun")
        if sha256(partial.data).digest() != message.sha256:
            text = f"{len(partial.data)} of {partial.total} bytes came, and their hash is not the one that was announced"
            return Refused(reason=Refusal.HASH, text=text)
        return self._take(message.kind, partial)

    def _take(self, kind: Kind, partial: _Partial) -> Reply:
        refused = self._uploaded(kind, bytes(partial.data))
        if refused is not None:
            return refused
        self.loaded[kind] = partial.sha256
        return Verified(kind=kind, sha256=partial.sha256)

    def _wrong_state(self, kind: Kind) -> Refused | None:
        """Refuse uploads during a run, and limits while armed."""
        state = self._state()
        if state is State.DISARMED or (state is State.ARMED and kind is not Kind.LIMITS):
            return None
        text = f"{kind.name.lower()} can't be uploaded while the board is {state.name.lower()}"
        return Refused(reason=Refusal.STATE, subject="state", text=text)
