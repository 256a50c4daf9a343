"""Neurons with equations on Brian2 as `Dynamics`: the steps of a run, and settings and readings of instructions."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import brian2
import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError
from bioasm.drivers.brian2.assembly import Assembly
from bioasm.drivers.brian2.cell import Part, identifier
from bioasm.drivers.brian2.connections import ConnectionGroup
from bioasm.drivers.brian2.population import Population
from bioasm.drivers.brian2.stimuli import InputSource, Stimuli
from bioasm.isa.limits import limit
from bioasm.models.base import Feedback
from bioasm.network.references import EventRef, InputRef, ParameterRef, PortRef, ProjectionRef, VariableRef
from bioasm.results import Spikes
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.delays import differing_delays
from bioasm.runtime.dynamics import Guide, More, Watch, sorted_spikes
from bioasm.runtime.parts import place
from bioasm.runtime.python_dynamics import PythonDynamics
from bioasm.runtime.setup import feedback_problem
from bioasm.verifier.gate import Verified
from bioasm.verifier.resolve import shown

Array = NDArray[Any]


@contextmanager
def _heap_set_aside() -> Iterator[None]:
    """Exempt existing objects from garbage collection: Brian2 begins each run with a full one, often longer than the run."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class Neurons(PythonDynamics):
    """All populations of a program in all lanes."""

    def __init__(
        self,
        verified: Verified,
        lanes: range,
        seed: int,
        parameters: Mapping[str, float],
        own_noise: bool,
        guide: Guide | None,
    ) -> None:
        self.parameters, self.guide, self.seed, self.own_noise = dict(parameters), guide, seed, own_noise
        arguments = verified, lanes, seed, self.parameters, own_noise
        self.assembly = Assembly(*arguments, before=self._before_step, after=self._after_step)
        self.populations = self.assembly.populations
        self.coupled = next((p for p in self.populations if p.cell.parts[0].model.feedback is not None), None)
        self.n, self.lanes, self.step, self.step_length = verified.network.n, len(lanes), 0, float(parameters["dt"])
        super().__init__()
        self.stimuli = Stimuli(self.assembly, verified)
        self._noisy = True
        self._watch: Watch = lambda steps: True
        self._more: More = lambda: 0
        self._until = 0
        self._fault: BioasmError | None = None

    # --- a step ---------------------------------------------------------------------------------------

    def _before_step(self) -> None:
        """Begin a step: apply feedback, samples, changed currents, and the noise of the step."""
        step = self.step
        reached = self._be_guided(self.guide) if self.guide is not None and step % self.guide.every == 0 else {}
        if self.landscape.loaded and self._feedback_is_due(step):
            self._fed.fed = self.feed_back(self.parameters[f"{self._fed.part.name}.{self._feedback.within}"])
            self._fed.update(step)
        self.take_samples(reached)
        self.stimuli.update(step)
        for lines in self.assembly.delay_lines:
            lines.note()
        if self._noisy:
            self.assembly.draw_noise(step)

    def _be_guided(self, guide: Guide) -> dict[VariableRef, Array]:
        """Set the states to those of the guiding run, which bounds deviations to a piece; returns the states before."""
        reached, at = {}, self.step // guide.spacing
        for ref, values in guide.states.items():
            if at >= values.shape[1]:
                continue
            connections = self.assembly.connections(ref.owner)
            if connections is not None:
                reached[ref] = connections.read(ref.name)
                connections.store(ref.name, values[:, at])
            else:
                population, part = self.assembly.part(ref.owner)
                reached[ref] = population.array(identifier(part, ref.name)).copy()
                population.store(identifier(part, ref.name), values[:, at])
        return reached

    def _after_step(self) -> None:
        self.step += 1
        if not self._watch(self.step):
            self.assembly.net.stop()
        elif self.step == self._until:
            try:
                self._until += self._more()
            except BioasmError as fault:  # Brian2 would wrap it into its own error
                self._fault = fault
            if self.step == self._until:
                self.assembly.net.stop()

    def advance(self, steps: int, watch: Watch, more: More) -> None:
        """Run `steps` steps, then as many as `more` asks for, in one run of Brian2, which is slow to start."""
        self.assembly.connect()
        self._watch, self._more, self._until = watch, more, self.step + steps
        with _heap_set_aside():
            self.assembly.net.run((limit("steps") - self.step) * self.step_length * brian2.second, namespace={})
        if self._fault is not None:
            raise self._fault

    # --- feedback -------------------------------------------------------------------------------------

    @property
    def _feedback(self) -> Feedback:
        """The feedback of the population that has one."""
        assert self.coupled is not None
        feedback = self.coupled.cell.parts[0].model.feedback
        assert feedback is not None
        return feedback

    @property
    def _fed(self) -> InputSource:
        """The input that gets the feedback."""
        assert self.coupled is not None
        return self.stimuli.inputs[(self.coupled.cell.parts[0].name, self._feedback.target)]

    def _feedback_is_due(self, step: int) -> bool:
        return step % round(self.parameters[f"{self._fed.part.name}.{self._feedback.every}"] / self.step_length) == 0

    @property
    def energy_neurons(self) -> tuple[int, int]:
        """The first of the neurons that have an energy, and how many there are."""
        return (self.coupled.first, self.coupled.n) if self.coupled else (0, 0)

    def energy_state(self) -> Array:
        """The state that the energy is a function of, (lanes, n)."""
        if self.coupled is None:
            return np.zeros((self.lanes, 0))
        return self.coupled.shown(self.coupled.cell.parts[0], self._feedback.source)

    # --- what instructions do -------------------------------------------------------------------------

    def set_noise(self, level: float) -> None:
        """The level of noise from the next step on."""
        self._noisy = not self.own_noise
        for population in self.populations:
            name = population.cell.parts[0].model.noise_name
            if name:
                population.group.variables[identifier(population.cell.parts[0], name)].get_value()[:] = level

    def set_weight(self, ref: ProjectionRef, values: ConnectionValues) -> None:
        """Set the weights of a projection, or the factors of those of a matrix."""
        found = next(s for s in self.assembly.synapses if s.projection.name == ref.owner)
        found.set_weight(values)

    def set_parameter(self, ref: ParameterRef | ProjectionRef, value: Array | float) -> str | None:
        """Set a parameter of all neurons, one number or (n,), or the weight of a projection."""
        if isinstance(ref, ProjectionRef):
            return self._set_projection(ref, value)
        population, part = self.assembly.part(ref.owner)
        own = ref.parameter.name
        population.values[(part.name, own)][place(ref.part)] = value
        population.store(identifier(part, own), population.values[(part.name, own)])
        population.propagate()
        if np.ndim(value) == 0 and ref.part is None:
            self.parameters[ref.key] = float(value)
        if self.step == 0:
            for each in self.populations:
                each.start()  # initial states use the parameters at the first step
            self.assembly.look()
        if self.coupled is not None and not np.isfinite(self.energy_state()).all():
            return f"with this {own} the state that the feedback is made from has no value"
        return None

    def _set_projection(self, ref: ProjectionRef, value: Array | float) -> str | None:
        """Set a parameter or state of a projection's synapse, which needs the number of connections."""
        self.assembly.connect()
        found = self.assembly.connections(ref.owner)
        assert found is not None
        return found.set_own(ref.parameter.name, value, begun=self.step > 0)

    def reset(self) -> None:
        """Reset all states to their initial values and clear spikes in flight; the clock continues."""
        self.assembly.reset(self.step * self.step_length)
        if self.coupled is not None:
            self._fed.fed = 0.0
            self._fed.update(self.step)

    def set_states(self, states: Array) -> None:
        """LDS: set the clampable variables (lanes, n); clamped neurons keep their levels."""
        for p in self.populations:
            p.set_states(states[:, p.first : p.first + p.n])
        self.assembly.look()

    def set_state(self, ref: VariableRef, value: Array | float) -> None:
        """SET of a state, one number, (n,) or (lanes, n); clamped neurons keep their levels."""
        population, part = self.assembly.part(ref.owner)
        population.set_state(part, ref.name, value, place(ref.part))
        self.assembly.look()

    def clamp(self, neurons: Array, levels: Array) -> None:
        """CLAMP: hold neurons (indices over all), each at its level."""
        for p in self.populations:
            mine = (neurons >= p.first) & (neurons < p.first + p.n)
            if mine.any():
                p.clamp(neurons[mine] - p.first, levels[mine])
        self.forget_best()

    def free(self, neurons: Array | slice) -> None:
        """FREE: end the clamping of neurons."""
        chosen = np.arange(self.n)[neurons]
        for p in self.populations:
            p.free(chosen[(chosen >= p.first) & (chosen < p.first + p.n)] - p.first)
        self.forget_best()

    def set_input(self, ref: InputRef, value: Array | float, how: str) -> None:
        """CUR, INP: set the constant of an input."""
        self.stimuli.set_input(ref, value, how, self.step)

    def set_waveform(self, ref: InputRef, rows: Array, period: int) -> None:
        """WAVE, PLAY: rows of a waveform, one every `period` steps from now."""
        self.stimuli.set_waveform(ref, rows, period, self.step)

    def set_spike_train(self, ref: PortRef, steps: Array, neurons: Array, weight: Array | float) -> None:
        """SPK, EVT: replace the spike train, in steps from now."""
        self.stimuli.set_spike_train(ref, steps + self.step, neurons, weight, self.step)

    def set_poisson(self, ref: PortRef, rate: Array | float, weight: Array | float) -> None:
        """POI, RATE: replace the Poisson spike trains; `rate` in hertz."""
        self.stimuli.set_poisson(ref, rate, weight)

    # --- reading --------------------------------------------------------------------------------------

    def neurons_of(self, ref: VariableRef) -> int:
        """The number of neurons of a variable; of a projection's, of connections."""
        connections = self._connections(ref)
        return self.assembly.part(ref.owner)[0].n if connections is None else connections.count

    def _connections(self, ref: VariableRef) -> ConnectionGroup | None:
        """The connections of a variable, made on first use; None where neurons have it."""
        found = self.assembly.connections(ref.owner)
        if found is not None:
            self.assembly.connect()
        return found

    def read(self, ref: VariableRef) -> Array:
        """Present values of a variable, (lanes, n), of one part of the network or of all populations."""
        if not ref.owner:
            return np.concatenate([self._of(p, p.cell.parts[0], ref.name) for p in self.populations], axis=1)
        connections = self._connections(ref)
        if connections is not None:
            return connections.read(ref.name)
        return self._of(*self.assembly.part(ref.owner), ref.name)

    def _of(self, population: Population, part: Part, name: str) -> Array:
        if name == "spike_count":
            return population.spike_count()
        model = part.model
        if name == "state":  # the state that RD emits for all populations
            name = shown(model, name)
        if model.feedback is not None and name == model.feedback.target:  # a reading gives the feedback alone
            return np.array(np.broadcast_to(self.stimuli.inputs[(part.name, name)].fed, (self.lanes, population.n)))
        return population.shown(part, name)

    def parameter_problem(self) -> str | None:
        """The fault of the parameters that registers or options have set, or None."""
        if self.coupled is None:
            return differing_delays(self.assembly.network, self.parameters)
        part = self._fed.part
        problem = feedback_problem(part.model, self.parameters[f"{part.name}.{self._feedback.every}"], self.step_length)
        if problem is None and not np.isfinite(self.energy_state()).all():
            return f"the state {self._feedback.source} has no value"
        return problem or differing_delays(self.assembly.network, self.parameters)

    def spikes(self) -> Spikes:
        """All spikes so far."""
        found = [p.all_spikes() for p in self.populations]
        steps, neurons, lanes = (np.concatenate(column) for column in zip(*found, strict=True))
        return sorted_spikes(steps, neurons, lanes, self.step_length)

    def recorded_events(self) -> dict[EventRef, Spikes]:
        """The recorded spikes of each event that the program records."""
        return {ref: self._recorded(ref) for ref in self.assembly.heard}

    def _recorded(self, ref: EventRef) -> Spikes:
        seen = self.assembly.part(ref.owner)[0].all_events(ref.owner, ref.name)
        chosen = self.is_heard(ref, seen[0])
        steps, neurons, lanes = (column[chosen] for column in seen)
        return sorted_spikes(steps, neurons, lanes, self.step_length)

    def non_finite(self) -> str | None:
        """The variable that left the finite range, or None."""
        parts = self.assembly.parts()
        for population, part in parts:
            for state in part.model.states:
                if not np.isfinite(population.array(identifier(part, state.name))).all():
                    alone = len(parts) == 1
                    return f"the variable {state.name if alone else f'{part.name}.{state.name}'}"
        found = (one.non_finite() for one in self.assembly.synapses if isinstance(one, ConnectionGroup))
        return next(filter(None, found), None)
