"""The cpu driver: runs programs on the compiled machine of this process."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from bioasm import __version__
from bioasm.binary.writer import program_hash
from bioasm.diagnostics import BioasmError, error
from bioasm.drivers.base import MODEL_TEXTS, Driver, Observer, Progress, RunOptions
from bioasm.isa.limits import limit
from bioasm.isa.verify import Verified
from bioasm.memory import memory
from bioasm.models import MODELS
from bioasm.models.base import SPINS
from bioasm.results import Result, Spikes
from bioasm.vm.background import Abandoned
from bioasm.vm.layout import Status
from bioasm.vm.machine import Machine

# What the machine allocates for a neuron of a lane, about: of spins; of others, and beside that for each state and input.
_SPIN_BYTES, _CELL_BYTES, _STATE_BYTES, _INPUT_BYTES = 24, 92, 8, 40


class CpuDriver(Driver):
    """Runs on the processor, with as many threads as there are blocks of lanes to share."""

    name: ClassVar[str] = "cpu"
    summary: ClassVar[str] = "the compiled machine on this computer's processor"
    abilities: ClassVar[frozenset[str]] = frozenset(
        {"core", "control", "inputs", "kbody", "record", "clamp", "network", MODEL_TEXTS}
    )
    models: ClassVar[frozenset[str]] = frozenset(MODELS)

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
                return _result(machine, verified, options, status, timing, digest)

            try:
                return result(_Watch(machine, options, observer, digest).run())
            except BioasmError as fault:
                so_far = result("failed")
                fault.partial = replace(so_far, diagnostics=(*so_far.diagnostics, *fault.diagnostics))
                raise
        finally:
            machine.close()


def _check_size(verified: Verified, options: RunOptions) -> None:
    """Refuse what would not fit, before anything is allocated."""
    if not 1 <= options.lanes <= limit("lanes"):
        raise error("B406", f"{options.lanes} lanes; there can be 1 to {limit('lanes')}")
    if not 0 <= options.seed < 1 << 64:
        raise error("B406", f"the seed is {options.seed}; it is a whole number from 0 to 2**64 - 1")
    if options.resume and options.checkpoint is None:
        raise error("B406", "a run is resumed from a checkpoint, and none is named")
    if verified.n * options.lanes > limit("cells"):
        raise error("B111", f"{verified.n} neurons in {options.lanes} lanes are more than {limit('cells')} cells")
    needed = _neuron_bytes(verified) * options.lanes
    if needed > memory():
        text = f"{verified.n} neurons in {options.lanes} lanes need {needed / 1e9:.1f} GB, and there are {memory() / 1e9:.1f}"
        raise error("B403", text, hint="run fewer lanes at a time")


def _neuron_bytes(verified: Verified) -> int:
    """Bytes that all neurons of a lane need."""
    if verified.model.kind == SPINS:
        return verified.n * _SPIN_BYTES
    sizes = [population.n for population in verified.network.populations]
    held = [
        sizes[i.population] * (len(i.model.states) * _STATE_BYTES + len(i.model.inputs) * _INPUT_BYTES)
        for i in verified.network.instances()
    ]
    return verified.n * _CELL_BYTES + sum(held)


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _machine(verified: Verified, options: RunOptions, observer: Observer | None) -> Machine:
    threads = options.threads if options.threads is not None else _processors()
    if threads < 1:
        raise error("B406", f"{threads} threads; there is at least 1")

    def notice(message: str) -> bool:
        return observer is None or observer(Progress(0, 0, float("nan"), message))

    return Machine(verified, options.seed, options.lanes, threads, options.fuel, options.parameters, notice)


class _Watch:
    """Runs a machine slice by slice, tells the observer, and writes checkpoints."""

    def __init__(self, machine: Machine, options: RunOptions, observer: Observer | None, digest: str) -> None:
        self.machine, self.options, self.observer, self.digest = machine, options, observer, digest
        self.saved = time.monotonic()

    def run(self) -> str:
        """Run to the end, to the end of the fuel, or until the observer asks to stop."""
        while True:
            try:
                status = self.machine.run_slice()
            except Abandoned:
                self._checkpoint(0.0)
                return "interrupted"
            if status is Status.HALT:
                return "finished"
            if status is Status.FUEL:
                self._checkpoint(0.0)
                return "out of fuel"
            if not self._go_on():
                self._checkpoint(0.0)
                return "interrupted"
            self._checkpoint(self.options.checkpoint_every)

    def _go_on(self) -> bool:
        if self.observer is None:
            return True
        best = self.machine.best_energy()
        lowest = float(np.nanmin(best)) if np.isfinite(best).any() else float("nan")
        return self.observer(Progress(self.machine.steps, self.machine.run_end, lowest))

    def _checkpoint(self, every: float) -> None:
        path = self.options.checkpoint
        if path is not None and time.monotonic() - self.saved >= every:
            from bioasm.vm.checkpoint import save_checkpoint

            save_checkpoint(path, self.machine, self.digest)
            self.saved = time.monotonic()


def _versions() -> Mapping[str, str]:
    import platform

    import llvmlite

    return {
        "bioasm": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "llvmlite": llvmlite.__version__,
    }


def _result(
    machine: Machine, verified: Verified, options: RunOptions, status: str, timing: Mapping[str, float], digest: str
) -> Result:
    model, dt = machine.model, machine.step_length
    no_spikes = Spikes(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
    counts = model.read("spike_count") if model.has_spikes else np.zeros((machine.lanes, machine.state.n), np.int64)
    return Result(
        driver=CpuDriver.name,
        model=verified.model.name,
        n=machine.state.n,
        lanes=machine.lanes,
        seed=options.seed,
        program_sha256=digest,
        versions=_versions(),
        timing=timing,
        results=tuple(machine.outputs.readings),
        state=np.asarray(model.read("state"), np.float64),
        energy=machine.energy(),
        best_energy=machine.best_energy(),
        best_state=machine.best_state(),
        energy_trace=machine.outputs.energies(),
        spikes=machine.outputs.all_spikes(dt) if model.has_spikes else no_spikes,
        spike_count=counts,
        recordings=machine.outputs.recordings(dt),
        steps=machine.steps,
        seconds_per_step=dt,
        clock=verified.model.clock,
        status=status,
        diagnostics=verified.warnings,
    )
