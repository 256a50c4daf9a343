"""Recovery of orphaned jobs: their worker died, and its slot no longer exists, as devices or slots were removed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable

from bioasm.diagnostics import EXIT_DEVICE, error
from bioasm.drivers.remote.protocol import RUNNING
from bioasm.serve import jobs
from bioasm.serve.devices import Device
from bioasm.serve.keeping import adopted
from bioasm.serve.store import Store, lock


def reclaim(store: Store, devices: Iterable[Device]) -> int:
    """Requeue or end the running jobs of slots without a worker, unless a worker of an earlier server still runs them."""
    places = {(device.name, slot) for device in devices for slot in range(device.workers)}
    running = store.rows("SELECT * FROM jobs WHERE state = ? AND slot IS NOT NULL", RUNNING)
    left = [row for row in running if (row["device"], row["slot"]) not in places]
    return sum(_reclaimed(store, row) for row in left)


def _reclaimed(store: Store, row: sqlite3.Row) -> bool:
    held = lock(store.folder / "locks" / f"{row['device']}.{row['slot']}")
    if held is None:
        return False
    try:
        now = store.row("SELECT * FROM jobs WHERE id = ? AND state = ? AND slot = ?", row["id"], RUNNING, row["slot"])
        if now is not None:  # unless it ended meanwhile
            _settle(store, now)
    finally:
        os.close(held)
    return now is not None


def _settle(store: Store, row: sqlite3.Row) -> None:
    found = adopted(store, row["id"])
    if found is not None:
        jobs.end(store, row["id"], found)
    elif row["wanted"] == "cancel":
        jobs.end(store, row["id"], jobs.Outcome("interrupted"))
    elif row["repeats"]:
        jobs.release(store, row["id"])
    else:
        text = "the worker of the job died, and what the cells did can't be repeated"
        jobs.end(store, row["id"], jobs.Outcome("lost", error("B555", text).diagnostics, EXIT_DEVICE))
