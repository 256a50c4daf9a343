"""Persistence of results: a Result is written to a file, with retries while the disk fails."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable

from bioasm.diagnostics import EXIT_FAULT, BioasmError, Diagnostic
from bioasm.files import whole
from bioasm.results import Result
from bioasm.results.transfer import pack_result, unpack_result
from bioasm.serve.jobs import Outcome
from bioasm.serve.store import Store

WAITS = (0.2, 1.0, 5.0, 10.0, 20.0)  # s between attempts to write


def keep(store: Store, job: str, result: Result, fault: BioasmError | None = None) -> Outcome:
    """Write a Result to its file; returns the outcome of its job, failed where the file can't be written."""
    data = pack_result(result)
    found, code = (fault.diagnostics, fault.exit_code) if fault else ((), 0)
    try:
        persist(lambda: _write(store, job, data))
    except BioasmError:
        text = "the run ended, but its result can't be written to the server's folder"
        return Outcome("failed", (*found, Diagnostic("B302", text)), code or EXIT_FAULT)
    return Outcome(result.status, found, code, len(data), hashlib.sha256(data).hexdigest())


def _write(store: Store, job: str, data: bytes) -> None:
    with whole(store.result(job)) as stream:
        stream.write(data)


def persist(action: Callable[[], None]) -> None:
    """Retry an action that may fail for a while because of a disk or a database. Raises the last failure."""
    for wait in WAITS:
        try:
            return action()
        except (BioasmError, sqlite3.Error):
            time.sleep(wait)
    return action()


def adopted(store: Store, job: str) -> Outcome | None:
    """Crash recovery: the outcome of a job whose worker died between writing its result and recording it, or None.

    Files of results are written atomically, and a renewed job has none.
    """
    try:
        data = store.result(job).read_bytes()
        result = unpack_result(data)
    except (OSError, BioasmError):
        return None
    found = result.diagnostics if result.status == "failed" else ()
    return Outcome(result.status, found, EXIT_FAULT if found else 0, len(data), hashlib.sha256(data).hexdigest())
