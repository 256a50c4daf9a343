"""The cpu driver: runs programs on the compiled virtual machine in this process."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from bioasm.binary.writer import program_hash
from bioasm.demand.disk import check_spool
from bioasm.demand.footprint import check_demand, demand
from bioasm.drivers.base import SIMULATED, Driver
from bioasm.drivers.interpreted import result_of, told_lanes
from bioasm.memory import processors
from bioasm.models import MODELS
from bioasm.results import Result
from bioasm.runtime.lane_trace import piece_of_run
from bioasm.runtime.options import Observer, Progress, RunOptions, check_options
from bioasm.runtime.outcome import Provenance, compose
from bioasm.verifier.gate import Verified
from bioasm.vm.background import Abandoned
from bioasm.vm.kernel_cache import Notice
from bioasm.vm.kernel_runner import KernelRunner
from bioasm.vm.layout import Status
from bioasm.vm.machine import Machine
from bioasm.vm.spool import Spool
from bioasm.vm.view import View


class CpuDriver(Driver):
    """Runs on the CPU, with up to one thread for each block of lanes."""

    name: ClassVar[str] = "cpu"
    summary: ClassVar[str] = "the compiled machine on this computer's processor"
    abilities: ClassVar[frozenset[str]] = SIMULATED
    models: ClassVar[frozenset[str]] = frozenset(MODELS)
    quick: ClassVar[bool] = True
    spools: ClassVar[bool] = True
    pieces: ClassVar[bool] = True
    by_lane: ClassVar[bool] = True

    def checkpoint_seed(self, path: Path) -> int:
        """The seed of a checkpoint's run."""
        from bioasm.vm.checkpoint import checkpoint_seed

        return checkpoint_seed(path)

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        began = time.perf_counter()
        _check_size(verified, options)
        digest = program_hash(verified.program)
        machine = self._machine(verified, options, observer, digest)
        try:
            if options.resume and options.checkpoint is not None:
                from bioasm.vm.checkpoint import load_checkpoint

                load_checkpoint(options.checkpoint, machine, digest)
            prepared = time.perf_counter()

            def result(status: str) -> Result:
                timing = {"prepare": prepared - began, **machine.seconds, "total": time.perf_counter() - began}
                piece = piece_of_run(options, machine.readings_over_lanes)
                extras = self.extras() | told_lanes(options)
                source = Provenance(self.name, options.seed, options.lanes, timing, self.packages(), extras, digest, piece)
                composed = compose(machine, source, status)
                if machine.spool is not None:
                    machine.spool.tidy()
                return composed

            return result_of(_Watch(machine, options, observer, digest).run, result)
        finally:
            machine.close()

    def kernels(self, options: RunOptions, notice: Notice) -> KernelRunner:
        """A runner of compiled kernels on the threads of the options.

        It calls `notice` with a message before it compiles; False stops the run.
        """
        return KernelRunner(options.threads if options.threads is not None else processors(), notice)

    def packages(self) -> dict[str, str]:
        """Versions of the packages used."""
        import llvmlite

        return {"llvmlite": llvmlite.__version__}

    def extras(self) -> dict[str, Any]:
        """Further provenance of a Result."""
        return {}

    def _machine(self, verified: Verified, options: RunOptions, observer: Observer | None, digest: str) -> Machine:
        def notice(message: str) -> bool:
            return observer is None or observer(Progress(0, 0, float("nan"), message))

        about = {"program_sha256": digest, "seed": options.seed, "lanes": options.lanes, "n": verified.n}
        spool = Spool(options.spool, about) if options.spool is not None else None
        return Machine(
            verified, options.seed, options.lanes, 1, options.fuel, options.parameters, notice, options.trace, spool,
            options.span, options.lane_values, self.kernels(options, notice),
        )  # fmt: skip


def _check_size(verified: Verified, options: RunOptions) -> None:
    """Memory check before anything is allocated."""
    check_options(options, verified.n)
    fuel = None if options.resume else options.fuel
    needed = demand(verified, options.lanes, options.parameters, fuel, options.lane_values)
    needed = needed if options.trace else replace(needed, trace=0)
    if options.spool is not None:
        check_spool(options.spool, needed)
        needed = needed.streamed
    check_demand(needed, here=True)


class _Watch:
    """Run loop of a machine: time slices, reports to the observer, and checkpoints."""

    def __init__(self, machine: Machine, options: RunOptions, observer: Observer | None, digest: str) -> None:
        self.machine, self.options, self.observer, self.digest = machine, options, observer, digest
        self.saved = time.monotonic()
        self.view = View(machine)

    def run(self) -> str:
        """Run to the end, until the fuel is used up, or until the observer asks to stop."""
        while True:
            try:
                status = self.machine.run_slice()
            except Abandoned:
                self._checkpoint(0.0)
                return "interrupted"
            if status is Status.HALT:
                self._go_on(last=True)  # the observer gets the whole run
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
            self.machine.model.best()  # includes the present state, for which progress reports compile no kernel
        lowest = self.machine.lowest_seen
        return self.observer(Progress(self.machine.steps, self.machine.run_end, lowest, look=self.view))

    def _checkpoint(self, every: float) -> None:
        path = self.options.checkpoint
        if path is not None and time.monotonic() - self.saved >= every:
            from bioasm.vm.checkpoint import save_checkpoint

            save_checkpoint(path, self.machine, self.digest)
            self.saved = time.monotonic()
