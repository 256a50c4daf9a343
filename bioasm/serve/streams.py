"""Streaming responses in bounded memory: server-sent events from any position, and files of results."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from io import BytesIO
from typing import IO, Any

from bioasm.drivers.remote.protocol import ENDED, HEARTBEAT
from bioasm.files import unreadable
from bioasm.results.transfer import unpack_result
from bioasm.serve import jobs
from bioasm.serve.bell import Bell
from bioasm.serve.requests import Refusal, check_space
from bioasm.serve.store import Store

_BATCH = 500  # events read at a time
_POLL = 0.25  # s between polls for events of a worker without a bell
_PIECE = 1 << 18
_PART = re.compile(r"[A-Za-z0-9_./@-]{1,200}")


async def stream(store: Store, bell: Bell, job: str, after: int, is_over: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The events of a job after a number as text/event-stream, to its end, with comments as heartbeats."""
    spoke = time.monotonic()
    yield b": BRP/1\n\n"
    while not is_over():
        found = jobs.events_after(store, job, after, _BATCH)
        if found:
            after, spoke = found[-1]["number"], time.monotonic()
            yield "".join(_event(row) for row in found).encode()
            continue
        row = jobs.find(store, job)
        if row is None or (row["state"] == ENDED and jobs.described(store, row)["event"] <= after):
            return
        if time.monotonic() - spoke >= HEARTBEAT:
            spoke = time.monotonic()
            yield b": alive\n\n"
        await bell.wait(_POLL)


def _event(row: Any) -> str:
    return f"id: {row['number']}\nevent: {row['kind']}\ndata: {row['data']}\n\n"


def parts(store: Store, job: str, wanted: list[str]) -> tuple[int, Iterator[bytes]]:
    """The size and the pieces of an npz of a result's arrays, spooled in an anonymous file for slow readers.

    Raises Refusal for an unknown array, or a full disk.
    """
    data = _archive(store, job, wanted)
    check_space(store.folder, len(data))
    file = tempfile.TemporaryFile(dir=store.folder / "incoming")  # noqa: SIM115  (its reader closes it)
    file.write(data)
    file.seek(0)
    return len(data), _pieces(file)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def _archive(store: Store, job: str, wanted: list[str]) -> bytes:
    """An npz of the named arrays, or of all without names."""
    import numpy as np

    from bioasm.npz import Archive
    from bioasm.results.files import write_npz

    try:
        result = unpack_result(store.result(job).read_bytes())
    except OSError as cause:
        raise Refusal.of(404, unreadable("the result", cause)) from None
    made = BytesIO()
    write_npz(result, made)
    if not wanted:
        return made.getvalue()
    with Archive(made.getvalue()) as archive:
        strange = [name for name in wanted if name not in archive.names]
        if strange:
            raise Refusal(404, f"the result has no {strange[0][:80]!r}", f"it has {', '.join(archive.names)}")
        arrays: dict[str, Any] = {name: archive.read(name, len(made.getbuffer())) for name in wanted}
    kept = BytesIO()
    np.savez(kept, **arrays)
    return kept.getvalue()


def named(text: str) -> list[str]:
    """Parse the names in `?only=state,best_energy`. Raises Refusal."""
    names = [name for name in text.split(",") if name]
    if len(names) > 100 or not all(_PART.fullmatch(name) for name in names):
        raise Refusal(400, "`only` is a list of names of arrays")
    return names
