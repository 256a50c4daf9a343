"""Neurons with equations on Brian2: the Network, and what has to be done from outside before each of its steps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import brian2
import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError
from bioasm.drivers.brian2.cell import SLOTS, Cell, Part, identifier
from bioasm.drivers.brian2.drive import Drive
from bioasm.drivers.brian2.population import Population
from bioasm.drivers.brian2.sources import Poisson, Train
from bioasm.drivers.brian2.stream import Stream, poisson_stream, white_noise
from bioasm.drivers.brian2.synapses import Rings, Wire
from bioasm.isa.limits import limit
from bioasm.models.base import Port
from bioasm.network import network as wiring
from bioasm.network.references import STATE, InputRef, ParameterRef, PortRef, ProjectionRef, VariableRef
from bioasm.results import Spikes
from bioasm.runtime.dynamics import Best, Guide, More, Recorded, Samples, Watch, sorted_spikes
from bioasm.runtime.energy import Couplings, Landscape
from bioasm.runtime.setup import event_ports, feedback_flaw
from bioasm.verifier.gate import Verified
from bioasm.verifier.resolve import shown

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

    def __init__(
        self,
        verified: Verified,
        lanes: int,
        seed: int,
        parameters: Mapping[str, float],
        own_noise: bool,
        guide: Guide | None,
    ) -> None:
        network = verified.network
        self.network, self.program, self.n, self.lanes, self.step = network, verified.program, network.n, lanes, 0
        self.event_ports = event_ports(verified)
        self.step_length = float(parameters["dt"])
        self.seed, self.own_noise, self.parameters, self.guide = seed, own_noise, dict(parameters), guide
        self.clock = brian2.Clock(dt=self.step_length * brian2.second)
        self.populations = [self._population(k, p) for k, p in enumerate(network.populations)]
        self.wires = [self._wire(k, p) for k, p in enumerate(network.projections)]
        self.drives = {(part.name, i.name): Drive(p, part, i.name) for p, part in self.parts() for i in part.model.inputs}
        self.coupled = next((p for p in self.populations if p.cell.parts[0].model.feedback is not None), None)
        n = self.coupled.n if self.coupled else 0
        self._best, self._trace, self.offset = Best.none(lanes, n), list[Array](), 0.0
        self.landscape = Landscape(n)
        self.samples: list[Samples] = []
        self.trains: dict[PortRef, Train] = {}
        self.rates: dict[PortRef, Poisson] = {}
        self.noises: list[tuple[Array, Stream]] = [] if own_noise else self._noises()
        self._noisy, self._wired = True, False
        self._watch: Watch = lambda steps: True
        self._more: More = lambda: 0
        self._until = 0
        self._fault: BioasmError | None = None
        self.net = self._make_network()

    # --- building -------------------------------------------------------------------------------------

    def _population(self, index: int, one: wiring.Population) -> Population:
        parts = [Part(one.name, one.model)]
        parts += [Part(m.name, m.model) for m in self.network.mechanisms if m.population == index]
        clamps = any(i.mnemonic == "CLAMP" for i in self.program.instructions)
        return Population(Cell(parts, self.own_noise, clamps), one.n, self.lanes, one.first, self.clock, self.parameters)

    def parts(self) -> list[tuple[Population, Part]]:
        """All populations, then all mechanisms, with the population that each is or stands on."""
        own = [(p, p.cell.parts[0]) for p in self.populations]
        return own + [(p, part) for p in self.populations for part in p.cell.parts[1:]]

    def _wire(self, place: int, projection: wiring.Projection) -> Wire:
        post, target = self._part(projection.target)
        wire = Wire(projection, place, self.populations[projection.pre], post, target)
        wire.weight = self.parameters.get(f"{projection.name}.weight", 1.0)
        wire.delay = self.parameters.get(f"{projection.name}.delay", 0.0)
        return wire

    def _make_network(self) -> TimedNetwork:
        before = brian2.NetworkOperation(self._before_step, clock=self.clock, when="start", order=-1)
        after = brian2.NetworkOperation(self._after_step, clock=self.clock, when="end", order=1)
        made = [p.group for p in self.populations] + [p.spikes for p in self.populations if p.spikes is not None]
        net = TimedNetwork(*made, before, after)
        early = [p.cell for p in self.populations if p.cell.is_early]
        slots = [cell.slot(phase) for cell in early for phase in cell.parts[0].model.order]
        net.schedule = ["start", *slots, *SLOTS.values(), "end"]
        return net

    def _noises(self) -> list[tuple[Array, Stream]]:
        """Where each white noise stands and the numbers that go there: `xi` of a population, then others by their names."""
        found = []
        for population in self.populations:
            cell = population.cell
            own = [(part, name) for part, name in cell.noises if (part, name) == (cell.parts[0], "xi")]
            others = sorted((pair for pair in cell.noises if pair not in own), key=lambda pair: self._rank(population, *pair))
            for place, (part, name) in [(0, pair) for pair in own] + list(enumerate(others, 1)):
                where = population.group.variables[cell.variable(part, name)].get_value()
                found.append((where, white_noise(self.seed, self.lanes, population.n, population.first, place)))
        return found

    def _rank(self, population: Population, part: Part, name: str) -> tuple[bool, int, str]:
        """Mechanisms come before the population, in the order of the program."""
        names = [m.name for m in self.network.mechanisms]
        return part is population.cell.parts[0], names.index(part.name) if part.name in names else 0, name

    def _connect(self) -> None:
        """Before the first step: connections, and the past that delayed values have."""
        self._wired = True
        for wire in self.wires:
            wire.connect(self.program, self.seed)
            if wire.objects:
                self.net.add(*wire.objects)
        delays = {w.target.name: w.delay for w in self.wires if w.is_delayed_by_target}
        self.rings = [Rings(p, delays) for p in self.populations]

    # --- a step ---------------------------------------------------------------------------------------

    def _before_step(self) -> None:
        """What comes at the start of a step: feedback, samples, currents that change, and the noise of the step."""
        step = self.step
        reached = self._be_guided(self.guide) if self.guide is not None and step % self.guide.every == 0 else {}
        if self.landscape.loaded and self._feedback_is_due(step):
            self._feed_back()
        self._take_samples(reached)
        for drive in self.drives.values():
            if drive.changes(step):
                drive.update(step)
        for ring in self.rings:
            ring.note()
        if self._noisy:
            for where, stream in self.noises:
                where[:] = stream.row(step)
        for poisson in self.rates.values():
            poisson.draw(step)

    def _be_guided(self, guide: Guide) -> dict[VariableRef, Array]:
        """Go on from the states of another run, so that no deviation outlives a piece; returns those reached without it."""
        reached, at = {}, self.step // guide.spacing
        for ref, values in guide.states.items():
            if at < values.shape[1]:
                population, part = self._part(ref.owner)
                reached[ref] = population.array(identifier(part, ref.name)).copy()
                population.store(identifier(part, ref.name), values[:, at])
        return reached

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
        if not self._wired:
            self._connect()
        self._watch, self._more, self._until = watch, more, self.step + steps
        self.net.run((limit("steps") - self.step) * self.step_length * brian2.second, namespace={})
        if self._fault is not None:
            raise self._fault

    # --- feedback -------------------------------------------------------------------------------------

    @property
    def _fed(self) -> Drive:
        """The input that the feedback goes into."""
        assert self.coupled is not None
        part = self.coupled.cell.parts[0]
        assert part.model.feedback is not None
        return self.drives[(part.name, part.model.feedback.target)]

    def _feedback_is_due(self, step: int) -> bool:
        part = self._fed.part
        assert part.model.feedback is not None
        return step % round(self.parameters[f"{part.name}.{part.model.feedback.every}"] / self.step_length) == 0

    def _state(self) -> Array:
        """What the energy is a function of, (lanes, n)."""
        if self.coupled is None:
            return np.zeros((self.lanes, 0))
        part = self.coupled.cell.parts[0]
        assert part.model.feedback is not None
        return self.coupled.shown(part, part.model.feedback.source)

    def _feed_back(self) -> None:
        """The energy of the present state and the feedback that follows from it."""
        feedback = self._fed.part.model.feedback
        assert feedback is not None
        state = self._state()
        self._trace.append(self.landscape.energy(state) + self.offset)
        current, most = self.landscape.slope(state), self.parameters[f"{self._fed.part.name}.{feedback.within}"]
        largest = np.abs(current).max(axis=1, keepdims=True)
        self._fed.fed = np.where(largest > most, current * (most / np.maximum(largest, most)), current)
        self._fed.update(self.step)
        one = (state > 0.5).astype(np.float64)
        self._best.see(self.landscape.energy(one), one)

    # --- what instructions do -------------------------------------------------------------------------

    def load(self, couplings: Couplings) -> None:
        """Take over new couplings; the best state starts anew."""
        self.landscape = Landscape(self.landscape.n, couplings)
        self._forget_best()

    def _forget_best(self) -> None:
        self._best = Best.none(self.lanes, self.landscape.n)

    def set_noise(self, level: float) -> None:
        """The level of noise from the next step on."""
        self._noisy = not self.own_noise
        for population in self.populations:
            name = population.cell.parts[0].model.noise_name
            if name:
                population.group.variables[identifier(population.cell.parts[0], name)].get_value()[:] = level

    def set_offset(self, offset: float) -> None:
        """What is added to the energies of the trace from now on."""
        self.offset = offset

    def set_parameter(self, ref: ParameterRef | ProjectionRef, value: Array | float) -> str | None:
        """Set a parameter of all neurons, one number or (n,), or the weight of a projection."""
        if isinstance(ref, ProjectionRef):
            next(w for w in self.wires if w.projection.name == ref.owner).set_weight(float(value))
            return None
        population, part = self._part(ref.owner)
        own = ref.parameter.name
        population.values[(part.name, own)][:] = value
        population.store(identifier(part, own), population.values[(part.name, own)])
        if np.ndim(value) == 0:
            self.parameters[ref.key] = float(value)
        if self.step == 0:
            for each in self.populations:
                each.reset()  # neurons start as their parameters are when they first run
        if self.coupled is not None and not np.isfinite(self._state()).all():
            return f"with this {own} the state that the feedback is made from has no value"
        return None

    def reset(self) -> None:
        """All states to what they were at the start and nothing under way; the clock goes on."""
        for population in self.populations:
            population.reset()
        for ring in self.rings if self._wired else ():
            ring.clear()
        for wire in self.wires:
            wire.forget()
        if self.coupled is not None:
            self._fed.fed = 0.0
            self._fed.update(self.step)

    def set_states(self, states: Array) -> None:
        """Go on from values (lanes, n) of the variables that CLAMP holds; clamped neurons stay."""
        for p in self.populations:
            p.set_states(states[:, p.first : p.first + p.n])

    def clamp(self, neurons: Array, levels: Array) -> None:
        """Hold neurons, numbered through, each at its level."""
        for p in self.populations:
            mine = (neurons >= p.first) & (neurons < p.first + p.n)
            if mine.any():
                p.clamp(neurons[mine] - p.first, levels[mine])
        self._forget_best()

    def free(self, neurons: Array | slice) -> None:
        """Let neurons go."""
        chosen = np.arange(self.n)[neurons]
        for p in self.populations:
            p.free(chosen[(chosen >= p.first) & (chosen < p.first + p.n)] - p.first)
        self._forget_best()

    def set_input(self, ref: InputRef, value: Array | float, how: str) -> None:
        """The constant of CUR or INP."""
        drive = self.drives[(ref.owner, ref.name)]
        drive.set(value, how)
        drive.update(self.step)

    def play(self, ref: InputRef, rows: Array, period: int) -> None:
        """The rows of WAVE or PLAY, one every `period` steps from now."""
        drive = self.drives[(ref.owner, ref.name)]
        drive.played = rows, period, self.step
        drive.update(self.step)

    def _port(self, ref: PortRef) -> tuple[Population, Part, Port]:
        """Where spikes from outside go."""
        population, part = self._part(ref.owner)
        port = part.model.port(ref.port)
        assert port is not None
        return population, part, port

    def send(self, ref: PortRef, steps: Array, neurons: Array, weight: Array | float) -> None:
        """The spikes of SPK or EVT, in steps from now, in place of those before."""
        if ref in self.trains and self.trains[ref].objects:
            self.net.remove(*self.trains[ref].objects)
        self.trains[ref] = Train(*self._port(ref), steps + self.step, neurons, weight)
        if self.trains[ref].objects:
            self.net.add(*self.trains[ref].objects)

    def bombard(self, ref: PortRef, rate: Array | float, weight: Array | float) -> None:
        """The Poisson spikes of POI or RATE, in place of those before."""
        population, part, port = self._port(ref)
        if ref not in self.rates:
            words = poisson_stream(self.seed, self.lanes, population.n, self.event_ports.index(ref))
            self.rates[ref] = Poisson(population, part, port, None if self.own_noise else words)
            self.net.add(*self.rates[ref].objects)
        self.rates[ref].set(rate, weight, self.step_length)

    # --- reading --------------------------------------------------------------------------------------

    def _part(self, name: str) -> tuple[Population, Part]:
        """A population or mechanism by its name, with the population that it is or stands on."""
        return next((population, part) for population, part in self.parts() if part.name == name)

    def record(self, ref: VariableRef, every: int, neurons: Array) -> None:
        """Begin to take samples."""
        self.samples.append(Samples(ref, every, self.step, neurons))

    def stop_recording(self, ref: VariableRef) -> None:
        """End all recordings of a variable."""
        for samples in self.samples:
            samples.active = samples.active and samples.ref != ref

    @property
    def recorders(self) -> int:
        """How many recordings are under way."""
        return sum(samples.active for samples in self.samples)

    def recorded(self) -> list[Recorded]:
        """All recordings."""
        return [samples.recorded(self.lanes) for samples in self.samples]

    def _take_samples(self, reached: Mapping[VariableRef, Array]) -> None:
        """Samples of this step; where a run was led back to another's states, of what it had `reached` by itself."""
        for samples in self.samples:
            if samples.is_due(self.step):
                values = reached[samples.ref] if samples.ref in reached else self.read(samples.ref)
                samples.taken.append(values[:, samples.neurons])

    def neurons_of(self, ref: VariableRef) -> int:
        """How many neurons have a variable."""
        return self._part(ref.owner)[0].n

    def read(self, ref: VariableRef) -> Array:
        """A variable now, (lanes, n), of one part of the network or of all populations."""
        if not ref.owner:
            return np.concatenate([self._of(p, p.cell.parts[0], ref.name) for p in self.populations], axis=1)
        return self._of(*self._part(ref.owner), ref.name)

    def _of(self, population: Population, part: Part, name: str) -> Array:
        if name == "spike_count":
            return population.spike_count()
        model = part.model
        if name == "state":  # as RD shows it of all populations
            name = shown(model, name)
        if model.feedback is not None and name == model.feedback.target:  # read, it is the feedback alone
            return np.array(np.broadcast_to(self.drives[(part.name, name)].fed, (self.lanes, population.n)))
        return population.shown(part, name)

    def energy(self) -> Array:
        """E of the present state without the offset, (lanes,)."""
        return self.landscape.energy(self._state())

    def best(self) -> Best:
        """The best of all feedback times."""
        return self._best

    def trace(self) -> Array:
        """Energies of all feedback times, (lanes, entries)."""
        return np.array(self._trace, np.float64).reshape(len(self._trace), self.lanes).T.copy()

    @property
    def energy_neurons(self) -> tuple[int, int]:
        """The first of the neurons that have an energy, and how many there are."""
        return (self.coupled.first, self.coupled.n) if self.coupled else (0, 0)

    def final_as_best(self) -> Array:
        """The present state as 0/1."""
        return (self.read(STATE) > 0.5).astype(np.int8)

    def flaw(self) -> str | None:
        """What is wrong with parameters that registers or options have set; None where nothing is."""
        if self.coupled is None:
            return None
        model, name = self._fed.part.model, self._fed.part.name
        assert model.feedback is not None
        flaw = feedback_flaw(model, self.parameters[f"{name}.{model.feedback.every}"], self.step_length)
        if flaw is None and not np.isfinite(self._state()).all():
            return f"the state {model.feedback.source} has no value"
        return flaw

    def spikes(self) -> Spikes:
        """All spikes so far."""
        found = [p.all_spikes() for p in self.populations]
        steps, neurons, lanes = (np.concatenate(column) for column in zip(*found, strict=True))
        return sorted_spikes(steps, neurons, lanes, self.step_length)

    def fault(self) -> str | None:
        """What left the finite range."""
        for population, part in self.parts():
            for state in part.model.states:
                if not np.isfinite(population.array(identifier(part, state.name))).all():
                    alone = len(self.parts()) == 1
                    return f"the variable {state.name if alone else f'{part.name}.{state.name}'}"
        return None
