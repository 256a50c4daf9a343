"""Neurons with equations on Brian2: the Network, and what has to be done from outside before each of its steps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import brian2
import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError
from bioasm.drivers.brian2.cell import Cell, Part, identifier
from bioasm.drivers.brian2.dynamics import Best, More, Samples, Watch
from bioasm.drivers.brian2.landscape import Landscape
from bioasm.drivers.brian2.population import Population
from bioasm.drivers.brian2.sources import Poisson, Train
from bioasm.drivers.brian2.stream import Stream, normal_stream, poisson_stream
from bioasm.isa.limits import limit
from bioasm.models.base import Model

Array = NDArray[Any]


class TimedNetwork(brian2.Network):  # type: ignore[misc]
    """A Network that knows how long it generated code."""

    seconds = 0.0

    def before_run(self, namespace: Any) -> None:
        """As Brian2 does, with a look at the clock."""
        began = time.perf_counter()
        super().before_run(namespace)
        type(self).seconds += time.perf_counter() - began


class Neurons:
    """All populations of a program in all lanes."""

    has_spikes = True

    def __init__(
        self, model: Model, n: int, lanes: int, seed: int, parameters: Mapping[str, float], own_noise: bool, clamps: bool
    ) -> None:
        self.n, self.lanes, self.step = n, lanes, 0
        self.step_length = float(parameters["dt"])
        self.seed, self.own_noise, self.parameters = seed, own_noise, dict(parameters)
        self.clock = brian2.Clock(dt=self.step_length * brian2.second)
        part = Part(model.name, model)
        self.populations = [Population(Cell([part], own_noise, clamps), n, lanes, 0, self.clock, parameters)]
        self.best, self.trace, self.offset = Best.none(lanes, n), list[Array](), 0.0
        self.landscape = Landscape(n)
        self.recorders: list[Samples] = []
        self.current = np.zeros(n)
        self.wave: tuple[Array, int, int] | None = None  # rows, period, first step
        self.fed = np.zeros((lanes, n))
        self.train: Train | None = None
        self.poisson: Poisson | None = None
        self.noises: list[tuple[Array, Stream]] = [] if own_noise else self._noises()
        self.uniforms = poisson_stream(seed, lanes, n)
        self._watch: Watch = lambda steps: True
        self._more: More = lambda: 0
        self._until = 0
        self._fault: BioasmError | None = None
        self.net = self._make_network()

    def _make_network(self) -> TimedNetwork:
        before = brian2.NetworkOperation(self._before_step, clock=self.clock, when="start", order=-1)
        after = brian2.NetworkOperation(self._after_step, clock=self.clock, when="end", order=1)
        made = [p.group for p in self.populations] + [p.spikes for p in self.populations if p.spikes is not None]
        return TimedNetwork(*made, before, after)

    def _noises(self) -> list[tuple[Array, Stream]]:
        found = []
        for population in self.populations:
            for part, name in population.cell.noises:
                where = population.group.variables[population.cell.variable(part, name)].get_value()
                found.append((where, normal_stream(self.seed, self.lanes, population.n)))
        return found

    # --- a step ---------------------------------------------------------------------------------------

    def _before_step(self) -> None:
        """What comes at the start of a step: feedback, samples, currents that change, and the noise of the step."""
        step, fed = self.step, False
        if self.landscape.loaded and step % self._feedback_every == 0:
            self._feed_back()
            fed = True
        if self.recorders:
            self._take_samples()
        if fed or (self.wave is not None and (step - self.wave[2]) % self.wave[1] == 0):
            self._set_drive()
        if self._noisy:
            for where, stream in self.noises:
                where[:] = stream.row(step)
        if self.poisson is not None and not self.own_noise:
            self.poisson.uniform[:] = self.uniforms.row(step)

    def _after_step(self) -> None:
        self.step += 1
        if not self._watch(self.step):
            self.net.stop()
        elif self.step == self._until:
            try:
                self._until += self._more()
            except BioasmError as fault:  # what Brian2 would wrap into an error of its own
                self._fault = fault
            if self.step == self._until:
                self.net.stop()

    def advance(self, steps: int, watch: Watch, more: More) -> None:
        """Run so many steps, and then as many as `more` asks for: one run of Brian2's, which takes long to begin."""
        self._watch, self._more, self._until = watch, more, self.step + steps
        self.net.run((limit("steps") - self.step) * self.step_length * brian2.second, namespace={})
        if self._fault is not None:
            raise self._fault

    # --- feedback -------------------------------------------------------------------------------------

    @property
    def _own(self) -> tuple[Population, Part]:
        population = self.populations[0]
        return population, population.cell.parts[0]

    @property
    def _feedback_every(self) -> int:
        feedback = self._own[1].model.feedback
        assert feedback is not None
        return round(self.parameters[feedback.every] / self.step_length)

    def _state(self) -> Array:
        """What the energy is a function of, (lanes, n)."""
        population, part = self._own
        if part.model.feedback is None:
            return np.zeros((self.lanes, self.n))
        return np.broadcast_to(population.value(part, part.model.feedback.source), (self.lanes, self.n))

    def _feed_back(self) -> None:
        """The energy of the present state and the feedback that follows from it."""
        feedback = self._own[1].model.feedback
        assert feedback is not None
        state = self._state()
        self.trace.append(self.landscape.energy(state) + self.offset)
        current, most = self.landscape.slope(state), self.parameters[feedback.within]
        largest = np.abs(current).max(axis=1, keepdims=True)
        self.fed = np.where(largest > most, current * (most / np.maximum(largest, most)), current)
        one = (state > 0.5).astype(np.float64)
        self.best.see(self.landscape.energy(one), one)

    def _set_drive(self) -> None:
        """What comes into the neurons from outside: the constant current, the row of WAVE and the feedback."""
        population, part = self._own
        target = part.model.feedback.target if part.model.feedback else part.model.inputs[0].name
        default = next(i.default for i in part.model.inputs if i.name == target)
        total = default + self.current + self.fed
        if self.wave is not None:
            rows, period, first = self.wave
            row = (self.step - first) // period
            total = total + (rows[row] if row < len(rows) else 0.0)
        population.store(f"{identifier(part, target)}_outside", total)

    # --- what instructions do -------------------------------------------------------------------------

    def load(self, landscape: Landscape) -> None:
        """Take over new couplings; the best state starts anew."""
        self.landscape = landscape
        self.best = Best.none(self.lanes, self.n)

    def set_noise(self, level: float) -> None:
        """The level of noise from the next step on."""
        self._noisy = level != 0.0 and not self.own_noise
        for population in self.populations:
            for part in population.cell.parts:
                if part.model.noise_name:
                    population.group.variables[identifier(part, part.model.noise_name)].get_value()[:] = level

    def set_offset(self, offset: float) -> None:
        """What is added to the energies of the trace from now on."""
        self.offset = offset

    def set_parameter(self, name: str, value: Array | float) -> str | None:
        """Set a parameter of all neurons, one number or (n,)."""
        population, part = self._own
        population.values[(part.name, name)][:] = value
        population.store(identifier(part, name), population.values[(part.name, name)])
        return None

    def reset(self) -> None:
        """All states and inputs to what they were at the start; the clock goes on."""
        for population in self.populations:
            population.reset()
        self.fed[:] = 0.0
        self._set_drive()

    def clamp(self, neurons: Array, value: Array | float) -> None:
        """Hold neurons at a value."""
        self.populations[0].clamp(neurons, value)
        self.best = Best.none(self.lanes, self.n)

    def free(self, neurons: Array | slice) -> None:
        """Let neurons go."""
        self.populations[0].free(neurons)
        self.best = Best.none(self.lanes, self.n)

    def set_current(self, value: Array | float) -> None:
        """The constant current of CUR."""
        self.current = np.broadcast_to(np.asarray(value, np.float64), self.n)
        self._set_drive()

    def play(self, rows: Array, period: int) -> None:
        """The currents of WAVE, a row every `period` steps from now."""
        self.wave = rows, period, self.step
        self._set_drive()

    def send(self, steps: Array, neurons: Array, jump: Array | float) -> None:
        """The spikes of SPK, in steps from now, in place of those before."""
        if self.train is not None and self.train.objects:
            self.net.remove(*self.train.objects)
        population, part = self._own
        self.train = Train(population, part, part.model.ports[0], steps + self.step, neurons, jump)
        if self.train.objects:
            self.net.add(*self.train.objects)

    def bombard(self, rate: Array | float, jump: Array | float) -> None:
        """The Poisson spikes of POI, in place of those before."""
        population, part = self._own
        if self.poisson is None:
            self.poisson = Poisson(population, part, part.model.ports[0], self.own_noise)
            self.net.add(*self.poisson.objects)
        self.poisson.set(rate, jump, self.step_length)

    def record(self, samples: Samples) -> None:
        """Begin to take samples."""
        self.recorders.append(samples)

    def _take_samples(self) -> None:
        self.recorders = [s for s in self.recorders if s.active]
        for samples in self.recorders:
            if (self.step - samples.start) % samples.every == 0:
                samples.taken.append(self.variable(samples.variable)[:, samples.neurons])

    # --- reading --------------------------------------------------------------------------------------

    def variable(self, name: str) -> Array:
        """A variable of all neurons now, (lanes, n)."""
        population, part = self._own
        if name == "spike_count":
            return population.spike_count()
        if part.model.feedback is not None and name == part.model.feedback.target:  # recorded, it is the feedback alone
            return self.fed.copy()
        shown = part.model.observable(name)
        inner = shown.variable if shown and shown.variable else name
        return np.array(np.broadcast_to(population.value(part, inner), (self.lanes, self.n)))

    def energy(self) -> Array:
        """E of the present state without the offset, (lanes,)."""
        return self.landscape.energy(self._state())

    def look(self) -> None:
        """The best is looked for at feedback times alone."""

    def final_as_best(self) -> Array:
        """The present state as 0/1."""
        return (self._state() > 0.5).astype(np.int8)

    def spikes(self) -> tuple[Array, Array, Array]:
        """Steps, neurons and lanes of all spikes so far."""
        found = [p.all_spikes() for p in self.populations]
        steps, neurons, lanes = (np.concatenate(column) for column in zip(*found, strict=True))
        return steps, neurons, lanes

    def fault(self) -> str | None:
        """What left the finite range."""
        for population in self.populations:
            for part in population.cell.parts:
                for state in part.model.states:
                    if not np.isfinite(population.array(identifier(part, state.name))).all():
                        return f"{state.name} of a neuron"
        return None
