"""Neurons whose single RUN is a standalone C++ program of Brian2, whose final values are copied back."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import brian2
import numpy as np
from brian2.devices.device import reset_device
from numpy.typing import NDArray

from bioasm.diagnostics import error
from bioasm.drivers.brian2.assembly import TimedNetwork
from bioasm.drivers.brian2.cell import identifier
from bioasm.drivers.brian2.network import Neurons
from bioasm.drivers.brian2.population import Population, neuron_group
from bioasm.runtime.dynamics import More, Samples, Watch

Array = NDArray[Any]

_FLAGS = ["-w", "-O2", "-std=c++11"]  # without -ffast-math, which would reorder sums


@dataclass(frozen=True)
class _Seen:
    """The spikes of a SpikeMonitor, under the monitor's own names."""

    count: Array
    i: Array
    t_: Array


class _Twin(NamedTuple):
    """A population, its group in the C++ program, and the monitor of its spikes, if it has any."""

    population: Population
    group: Any
    spikes: Any


class CompiledNeurons(Neurons):
    """Neurons that are set up and read in numpy, and integrated in C++."""

    def advance(self, steps: int, watch: Watch, more: More) -> None:
        """Run `steps` steps; `more` is not called.

        Raises BioasmError B503 where the C++ program can't be compiled.
        """
        with TemporaryDirectory(prefix="bioasm_") as folder, _device(self.seed if self.own_noise else None) as device:
            began = time.perf_counter()
            clock = brian2.Clock(dt=self.step_length * brian2.second)
            twins = [self._twin(p, clock) for p in self.populations]
            monitors = [self._monitors(samples, twins) for samples in self.samples]
            objects = [o for t in twins for o in (t.group, t.spikes) if o is not None]
            net = brian2.Network(*objects, *(m for found in monitors for _, m in found))
            net.schedule = self.assembly.net.schedule
            net.run(steps * self.step_length * brian2.second, namespace={})
            device.build(directory=folder, compile=False, run=False)
            _compile(folder)
            TimedNetwork.seconds += time.perf_counter() - began
            _execute(device, folder)
            for samples, found in zip(self.samples, monitors, strict=True):
                self._replay(samples, found)
            for twin in twins:
                _take_over(twin)
            self.step += round(float(clock.variables["t"].get_value()[0]) / self.step_length)
        self._set_time(self.step)
        watch(self.step)

    def _twin(self, population: Population, clock: Any) -> _Twin:
        """A copy of the group in C++, with the present values of its variables."""
        group = neuron_group(population.cell, population.n * population.lanes, clock)
        for name in group.equations.parameter_names | group.equations.diff_eq_names:
            group.variables[name].set_value(population.group.variables[name].get_value())
        return _Twin(population, group, brian2.SpikeMonitor(group) if population.spikes is not None else None)

    def _monitors(self, samples: Samples, twins: list[_Twin]) -> list[tuple[Population, Any]]:
        """Monitors of all states of the populations with a recorded variable."""
        chosen = [t for t in twins if t.population is self.assembly.part(samples.ref.owner)[0]]
        dt = samples.every * self.step_length * brian2.second
        return [(t.population, brian2.StateMonitor(t.group, _states(t.population), record=True, dt=dt)) for t in chosen]

    def _replay(self, samples: Samples, monitors: list[tuple[Population, Any]]) -> None:
        """Evaluate the recorded variables from the monitored states at each sample."""
        taken = [(p, name, getattr(monitor, f"{name}_")) for p, monitor in monitors for name in _states(p)]
        for at in range(taken[0][2].shape[1]):
            self._set_time(at * samples.every)
            for population, name, values in taken:
                population.store(name, values[:, at].reshape(population.lanes, population.n))
            samples.taken.append(self.read(samples.ref)[:, samples.neurons])

    def _set_time(self, step: int) -> None:
        now = step * self.step_length * brian2.second
        self.assembly.clock.set_interval(now, now)


def _states(population: Population) -> list[str]:
    return [identifier(part, state.name) for part in population.cell.parts for state in part.model.states]


def _take_over(twin: _Twin) -> None:
    """Copy the final states and spikes of the group in C++ to its population."""
    population, group, spikes = twin
    for name in _states(population):
        population.array(name)[:] = group.variables[name].get_value().reshape(population.lanes, population.n)
    if spikes is not None:
        population.spikes = _Seen(*(np.array(values[:]) for values in (spikes.count, spikes.i, spikes.t_)))


@contextmanager
def _device(seed: int | None) -> Iterator[Any]:
    """Context manager: an empty C++ device of Brian2, with an optional seed; the previous device is restored."""
    flags = brian2.prefs.codegen.cpp.extra_compile_args_gcc
    brian2.set_device("cpp_standalone", build_on_run=False)
    device = brian2.get_device()
    device.reinit()
    device.activate(build_on_run=False)
    brian2.prefs.codegen.cpp.extra_compile_args_gcc = _FLAGS
    if seed is not None:
        brian2.seed((seed ^ seed >> 32) & 0xFFFFFFFF)
    try:
        yield device
    finally:
        brian2.prefs.codegen.cpp.extra_compile_args_gcc = flags
        device.reinit()
        reset_device()


def _compile(folder: str) -> None:
    how: dict[str, Any] = {"capture_output": True, "text": True, "errors": "replace", "start_new_session": True}  # no Ctrl-C
    done = subprocess.run(["make", "-j2"], cwd=folder, check=False, **how)
    if done.returncode or not (Path(folder) / "main").exists():
        told = (done.stderr.strip() or done.stdout.strip() or "make told nothing").splitlines()[-1]
        raise error("B503", f"the C++ program could not be compiled: {told}", hint=HINT)


def _execute(device: Any, folder: str) -> None:
    """Run the program. Ctrl-C stops it after its present step."""
    try:
        device.run(directory=folder, with_output=False)
    except RuntimeError as cause:
        raise error("B503", "the C++ program ended before its run did", hint="target=numpy runs without one") from cause


HINT = "Brian2 compiles with g++ and make; target=numpy needs neither"


def find_compiler() -> None:
    """Find g++ and make. Raises BioasmError B503 where one is not installed."""
    for tool in ("g++", "make"):
        if shutil.which(tool) is None:
            raise error("B503", f"target cpp_standalone needs {tool}, which is not installed", hint=HINT)
