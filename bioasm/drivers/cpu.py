"""The cpu driver: runs programs on the compiled machine of this process."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from bioasm.binary.writer import program_hash
from bioasm.demand.footprint import check_demand, demand
from bioasm.drivers.base import MODEL_TEXTS, Driver
from bioasm.drivers.interpreted import result_of
from bioasm.models import MODELS
from bioasm.results import Result
from bioasm.runtime.options import Observer, Progress, RunOptions, check_options
from bioasm.runtime.outcome import Provenance, compose
from bioasm.verifier.gate import Verified
from bioasm.vm.background import Abandoned
from bioasm.vm.layout import Status
from bioasm.vm.machine import Machine
from bioasm.vm.view import View


class CpuDriver(Driver):
    """Runs on the processor, with as many threads as there are blocks of lanes to share."""

    name: ClassVar[str] = "cpu"
    summary: ClassVar[str] = "the compiled machine on this computer's processor"
    abilities: ClassVar[frozenset[str]] = frozenset(
        {"core", "control", "inputs", "kbody", "record", "clamp", "start", "network", MODEL_TEXTS}
    )
    models: ClassVar[frozenset[str]] = frozenset(MODELS)
    quick: ClassVar[bool] = True

    def checkpoint_seed(self, path: Path) -> int:
        """The seed of the run that a checkpoint holds."""
        from bioasm.vm.checkpoint import checkpoint_seed

        return checkpoint_seed(path)

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        began = time.perf_counter()
        _check_size(verified, options)
        digest = program_hash(verified.program)
        machine = _machine(verified, options, observer)
        try:
            if options.resume and options.checkpoint is not None:
                from bioasm.vm.checkpoint import load_checkpoint

                load_checkpoint(options.checkpoint, machine, digest)
            prepared = time.perf_counter()

            def result(status: str) -> Result:
                timing = {"prepare": prepared - began, **machine.seconds, "total": time.perf_counter() - began}
                source = Provenance(self.name, options.seed, options.lanes, timing, _packages(), digest=digest)
                return compose(machine, source, status)

            return result_of(_Watch(machine, options, observer, digest).run, result)
        finally:
            machine.close()


def _check_size(verified: Verified, options: RunOptions) -> None:
    """Refuse what would not fit, before anything is allocated."""
    check_options(options, verified.n)
    fuel = None if options.resume else options.fuel
    needed = demand(verified, options.lanes, options.parameters, fuel)
    check_demand(needed if options.trace else replace(needed, trace=0), here=True)


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _machine(verified: Verified, options: RunOptions, observer: Observer | None) -> Machine:
    threads = options.threads if options.threads is not None else _processors()

    def notice(message: str) -> bool:
        return observer is None or observer(Progress(0, 0, float("nan"), message))

    return Machine(verified, options.seed, options.lanes, threads, options.fuel, options.parameters, notice, options.trace)


class _Watch:
    """Runs a machine slice by slice, tells the observer, and writes checkpoints."""

    def __init__(self, machine: Machine, options: RunOptions, observer: Observer | None, digest: str) -> None:
        self.machine, self.options, self.observer, self.digest = machine, options, observer, digest
        self.saved = time.monotonic()
        self.view = View(machine)

    def run(self) -> str:
        """Run to the end, to the end of the fuel, or until the observer asks to stop."""
        while True:
            try:
                status = self.machine.run_slice()
            except Abandoned:
                self._checkpoint(0.0)
                return "interrupted"
            if status is Status.HALT:
                self._go_on(last=True)  # who looks at the run sees all of it
                return "finished"
            if status is Status.FUEL:
                self._checkpoint(0.0)
                return "out of fuel"
            if not self._go_on():
                self._checkpoint(0.0)
                return "interrupted"
            self._checkpoint(self.options.checkpoint_every)

    def _go_on(self, *, last: bool = False) -> bool:
        if self.observer is None:
            return True
        if last and self.machine.allocated:
            self.machine.model.best()  # sees the present state, which a report on the way compiles no kernel for
        lowest = self.machine.lowest_seen
        return self.observer(Progress(self.machine.steps, self.machine.run_end, lowest, look=self.view))

    def _checkpoint(self, every: float) -> None:
        path = self.options.checkpoint
        if path is not None and time.monotonic() - self.saved >= every:
            from bioasm.vm.checkpoint import save_checkpoint

            save_checkpoint(path, self.machine, self.digest)
            self.saved = time.monotonic()


def _packages() -> Mapping[str, str]:
    import llvmlite

    return {"llvmlite": llvmlite.__version__}
