"""Worker process: runs the jobs of one slot of a device in sequence, independent of its server's life.

    python -m bioasm.serve.worker FOLDER DEVICE SLOT EVERY

It holds the lock of its slot, so that a dead worker's job can be recovered and no two use one rig. The server wakes it through
standard input; at its end of file the server is gone: the worker finishes its job and exits. On SIGTERM it requeues its job
with a checkpoint.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from bioasm.binary.reader import read
from bioasm.diagnostics import EXIT_DEVICE, EXIT_INTERNAL, BioasmError, Diagnostic, error
from bioasm.drivers import Driver, RunOptions
from bioasm.drivers.remote.protocol import parse_options, told
from bioasm.results import Result
from bioasm.serve import jobs
from bioasm.serve.devices import Device, about, device_of, keeps_checkpoints
from bioasm.serve.fitness import check_still_fit
from bioasm.serve.keeping import adopted, keep, persist
from bioasm.serve.reporter import Reporter
from bioasm.serve.store import Store, lock
from bioasm.verifier.gate import verify

_ASKED = ("seed", "lanes", "first_lane", "all_lanes", "fuel", "parameters")  # keys of a job's options for its run
_LOOK = 0.5  # s between polls of the queue
_TROUBLE = 5.0  # s until the retry of an unusable device


class Worker:
    """A worker in one slot of a device."""

    def __init__(self, store: Store, device: Device, slot: int, every: float) -> None:
        self.store, self.device, self.slot, self.every = store, device, slot, every
        self.leaving = False
        self.alone = False
        self.about: dict[str, Any] = {}
        self.looked = -_TROUBLE

    # --- the server -----------------------------------------------------------------------------------

    def leave(self, *_: object) -> None:
        """SIGTERM: stop at the end of the slice."""
        self.leaving = True

    def wait(self, seconds: float) -> None:
        """Wait for a wake-up byte on standard input; its end means that the server is gone, and sets `alone`."""
        if not self.alone and select.select([0], [], [], seconds)[0]:
            self.alone = not os.read(0, 4096)

    def ring(self) -> None:
        """Notify the server of new events."""
        with contextlib.suppress(OSError):  # the server is gone; another will poll
            os.write(1, b".")

    # --- the queue --------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Run jobs until the server is gone or asks to exit."""
        left = jobs.orphan(self.store, self.device.name, self.slot)
        while not (self.alone or self.leaving):
            if not self.usable():
                self.wait(_LOOK)
            elif left is not None:
                self.take_up(left)
                left = None
            elif (job := jobs.claim(self.store, self.device.name, self.slot)) is not None:
                self.run(job)
            else:
                self.wait(_LOOK)

    def usable(self) -> bool:
        """Whether the device is usable; an unusable one is retried after a while."""
        if "abilities" not in self.about and time.monotonic() - self.looked >= _TROUBLE:
            self.describe()
        return "abilities" in self.about

    def describe(self) -> None:
        """Record the device's abilities in the database, or the error that makes it unusable."""
        try:
            with self.device.make() as driver:
                self.about = about(self.device, driver)
        except BioasmError as trouble:
            self.about = {"name": self.device.name, "driver": self.device.driver, "trouble": told(trouble.diagnostics)}
        self.looked = time.monotonic()
        with self.store.change() as database:
            database.execute("UPDATE devices SET about = ? WHERE name = ?", (json.dumps(self.about), self.device.name))
        self.ring()

    def take_up(self, job: sqlite3.Row) -> None:
        """Crash recovery of a dead worker's job: adopt its result, run it again, or end it as lost."""
        found = adopted(self.store, job["id"])
        if found is not None:
            self.end(job["id"], found)
        elif not (self.about["reproducible"] or self.about["checkpoints"]):
            text = "the worker of the job died, and what the cells did can't be repeated"
            self.end(job["id"], jobs.Outcome("lost", error("B555", text).diagnostics, EXIT_DEVICE))
        elif not jobs.take_up(self.store, job):
            text = f"the worker of the job died {jobs.CRASHES + 1} times without a checkpoint between"
            self.end(job["id"], jobs.Outcome("lost", error("B555", text).diagnostics, EXIT_DEVICE))
        else:
            self.run(job)

    def end(self, job: str, outcome: jobs.Outcome) -> None:
        """Record the outcome of a job."""
        persist(lambda: jobs.end(self.store, job, outcome))
        self.ring()

    # --- a job ------------------------------------------------------------------------------------------

    def run(self, job: sqlite3.Row) -> None:
        """Run a job to its end, or until it is requeued."""
        self.ring()
        reporter = Reporter(self.store, job["id"], self)
        try:
            with self.device.make() as driver, reporter:
                result = self._result(driver, job, reporter)
        except BioasmError as fault:
            if fault.exit_code == EXIT_DEVICE:
                self.about, self.looked = {}, -_TROUBLE  # it is checked again before the next job
            self.end(job["id"], self._failed(job["id"], fault))
        except Exception as cause:  # noqa: BLE001  (a defect costs its job, not the queue)
            text = f"internal error: {type(cause).__name__}: {cause}"
            self.end(job["id"], jobs.Outcome("failed", (Diagnostic("B901", text),), EXIT_INTERNAL))
        else:
            if result.status == "interrupted" and reporter.released:
                jobs.release(self.store, job["id"])
                self.ring()
            else:
                self.end(job["id"], reporter.judged(keep(self.store, job["id"], result)))

    def _result(self, driver: Driver, job: sqlite3.Row, reporter: Reporter) -> Result:
        """Run a job, from its checkpoint if it is valid; returns the driver's Result."""
        wanted = parse_options(job["options"])
        verified = verify(read(self.store.program(job["program"])), wanted.parameters)
        check_still_fit(job, self.device, driver, verified)
        path = self.store.checkpoint(job["id"]) if keeps_checkpoints(driver) else None
        reporter.may_release = path is not None
        asked: dict[str, Any] = {name: getattr(wanted, name) for name in _ASKED}

        def go(resume: bool) -> Result:
            kept: dict[str, Any] = {"checkpoint": path, "checkpoint_every": self.every, "resume": resume}
            return driver.run(verified, RunOptions(**asked, **kept), reporter)

        if path is None or not path.exists():
            return go(False)
        try:
            return go(True)
        except BioasmError as fault:
            if fault.partial is not None or {d.code for d in fault.diagnostics} != {"B404"}:
                raise
            path.unlink(missing_ok=True)  # of another version, or damaged: restart the run
            return go(False)

    def _failed(self, job: str, fault: BioasmError) -> jobs.Outcome:
        if fault.partial is not None:
            return keep(self.store, job, fault.partial, fault)
        return jobs.Outcome("failed", fault.diagnostics, fault.exit_code)


def _locked(worker: Worker, path: Path) -> bool:
    """Wait for the slot's lock, which a worker of an earlier server may still hold; False where told to leave first."""
    while not worker.alone and not worker.leaving:
        if lock(path) is not None:
            return True
        worker.wait(0.2)
    return False


def main(arguments: list[str]) -> int:
    """Entry point of a worker process; returns when the server is gone."""
    os.umask(0o077)
    folder, device, slot, every = arguments
    store = Store(Path(folder))
    worker = Worker(store, device_of(device), int(slot), float(every))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, worker.leave)
    if _locked(worker, store.folder / "locks" / f"{worker.device.name}.{slot}"):
        worker.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
