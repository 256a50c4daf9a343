"""One population as a NeuronGroup of all lanes, concatenated, and its values as arrays (lanes, n)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import brian2
import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.brian2.arrivals import CAME, Arrivals, operation
from bioasm.drivers.brian2.cell import FREE, SLOTS, Cell, Part, covered, identifier, port_name
from bioasm.drivers.brian2.evaluation import evaluate
from bioasm.drivers.brian2.flows import flow_code, flow_equations
from bioasm.drivers.brian2.integration import step_code
from bioasm.drivers.brian2.printer import spell_unit
from bioasm.models.base import Port
from bioasm.models.expression import Expression, Symbol

Array = NDArray[Any]


def neuron_group(cell: Cell, count: int, clock: Any) -> Any:
    """A NeuronGroup of `count` neurons, with the code of its steps."""
    native, code = cell.native_method(), step_code(cell, slice(1) if cell.tree else slice(None))
    around = {"step": flow_code(cell), "then": step_code(cell, slice(1, None))} if cell.tree else {}
    events: dict[str, Any] = {"threshold": cell.threshold, "reset": cell.reset} if cell.threshold else {}
    if cell.refractory:
        events["refractory"] = cell.refractory
    for part in cell.parts:
        for port in part.model.ports:
            cell.port_code(part, port)  # registers stored calls as variables of the group
    own = list(cell.events)
    if own:
        events["events"] = {name: condition for name, condition, _ in own}
    group = brian2.NeuronGroup(
        count, cell.equations() + flow_equations(cell), method=native or "euler", clock=clock, namespace={}, **events
    )
    group.state_updater.when = cell.slot("step")
    if cell.threshold:
        group.thresholder["spike"].when, group.resetter["spike"].when = cell.slot("spike"), cell.slot("reset")
    for order, (name, _, statements) in enumerate(own):  # Brian2 tests events after `thresholds`, before anything changes
        group.set_event_schedule(name, when=f"after_{cell.slot('step')}")
        if statements:
            group.run_on_event(name, statements, when=f"after_{SLOTS['reset']}", order=order)
    if native is None and code:  # after Brian2's own updater, which computes refractoriness
        group.run_regularly(code, clock=clock, when=cell.slot("step"), order=1)
    for slot, more in around.items():  # currents at the old potentials before the first stage; later stages with the new
        if more:
            group.run_regularly(more, clock=clock, when=cell.slot(slot), order=0)
    if cell.start_code:
        group.run_regularly(cell.start_code, clock=clock, when="start", order=1)
    return group


class Population:
    """One population. `first` is the index of its first neuron in the program."""

    def __init__(self, cell: Cell, n: int, lanes: int, first: int, clock: Any, parameters: Mapping[str, float]) -> None:
        self.cell, self.n, self.lanes, self.first = cell, n, lanes, first
        self.clock = clock
        self.values = {
            (part.name, p.name): np.full(n, parameters[f"{part.name}.{p.name}"])
            for part in cell.parts
            for p in part.model.parameters
        }
        self.held = np.zeros(n, bool)
        self.placed = np.zeros(n, bool)  # whether LDS, CLAMP or SET has set a neuron's initial state
        self.given: dict[str, Array] = {}  # by other states: whether SET has given a neuron its value, (n,)
        self.group = neuron_group(cell, n * lanes, clock)
        self.spikes = brian2.SpikeMonitor(self.group) if cell.threshold else None
        self.events: dict[tuple[str, str], Any] = {}  # monitors by part and event
        self.seen_at_start: Callable[[], Mapping[str, Array]] = dict  # potentials at places of cells of cable, by name
        self._ports: dict[str, Arrivals | None] = {}
        self._fill_in()

    # --- values ---------------------------------------------------------------------------------------

    def array(self, name: str) -> Array:
        """A view of one of Brian2's variables, (lanes, n)."""
        values: Array = self.group.variables[name].get_value()
        return values.reshape(self.lanes, self.n)

    def store(self, name: str, value: Any) -> None:
        """Write values that broadcast to (lanes, n) into one of Brian2's variables."""
        self.array(name)[:] = value

    def _fill_in(self) -> None:
        """Set parameters, inputs and initial values."""
        for (owner, name), values in self.values.items():
            if name != "dt":
                self.store(identifier(self.part(owner), name), values)
        for part in self.cell.parts:
            for value in part.model.inputs:
                self.store(f"{identifier(part, value.name)}_outside", value.default)
                self.store(f"{identifier(part, value.name)}_scale", 1.0)
            if part.model.noise_name:
                self.group.variables[identifier(part, part.model.noise_name)].get_value()[:] = part.model.noise_default
        if self.cell.clamps:
            self.store(FREE, 1.0)
        self.propagate()
        self.reset()

    def propagate(self) -> None:
        """Compute the propagators of coupled exact equations from the present parameters."""
        for part, _, system in self.cell.exact_systems:
            found = system.values(lambda name, part=part: self.value(part, name), self.n, float(self.clock.dt_))  # type: ignore[misc]
            for variable, values in found:
                self.store(variable, values)

    def part(self, name: str) -> Part:
        """The part of this name."""
        return next(p for p in self.cell.parts if p.name == name)

    def reset(self) -> None:
        """Reset all states to their initial values, except clamped ones."""
        self.placed &= self.held
        self.given.clear()
        self.start()

    def start(self) -> None:
        """Initialise all states except those that the program has set."""
        for part in self.cell.parts:
            for state in part.model.states:
                start = np.broadcast_to(self.initial(part, state.name), (self.lanes, self.n))
                name = identifier(part, state.name)
                now, given = self.array(name), self.given.get(name, False)
                keep = self.placed & self.cell.is_clamp(part, state.name) | given
                now[:] = np.where(keep, now, start)
        for variable in (v for several in self.cell.summed.values() for v in several if v in self.group.variables):
            self.store(variable, 0.0)
        for arrived, arrivals in self._ports.items():
            self.store(arrived, 0.0)
            if arrivals is not None:
                arrivals.clear()
        if self.cell.refractory:
            self.group.variables["lastspike"].get_value()[:] = -1e4  # Brian2's initial value
            self.group.variables["not_refractory"].get_value()[:] = True

    def initial(self, part: Part, name: str) -> Any:
        """The initial value of a state, from parameters, definitions and other initial values."""
        return self.value(part, name, initial=True)

    def value(self, part: Part, name: str, *, initial: bool = False) -> Any:
        """The present or initial value of a variable of a part, which broadcasts to (lanes, n)."""
        owner, name = self.cell.owner(part, name)
        if owner is None:
            return float(self.clock.dt_) if name == "dt" else float(self.clock.variables["t"].get_value()[0])
        kind, own = owner.kind_of(name), identifier(owner, name)
        if kind == "parameter":
            return self.values[(owner.name, name)]
        if kind == "noise":
            return float(self.group.variables[own].get_value()[0])
        if kind == "definition":
            made = next(d for d in owner.model.definitions if d.name == name)
            return evaluate(made.expression, lambda inner: self.value(owner, inner, initial=initial))
        if kind == "state" and initial:
            seen = self.seen_at_start() if owner is self.cell.parts[0] else {}
            if name in seen:
                return seen[name]
            state = next(s for s in owner.model.states if s.name == name)
            return evaluate(state.initial, lambda inner: self.value(owner, inner, initial=True))
        return self._input(owner, name, initial) if kind == "input" else self.array(own)

    def _input(self, part: Part, name: str, initial: bool) -> Any:
        own = identifier(part, name)
        if initial:
            return next(i.default for i in part.model.inputs if i.name == name)
        total = self.array(f"{own}_outside")
        for other, value in self.cell.additions(part, name):
            added = evaluate(value, lambda inner, other=other: self.value(other, inner))  # type: ignore[misc]
            total = total + (self.array(covered(other)) * added if self.cell.is_shared(other, part) else added)
        for variable in self.cell.summed.get((part.name, name), ()):
            total = total + self.array(variable)
        return self.array(f"{own}_scale") * total + self.array(f"{own}_set")

    def evaluated(self, part: Part, expression: Expression) -> Array:
        """The present value of an expression of a part, (lanes, n)."""
        found = evaluate(expression, lambda inner: self.value(part, inner))
        return np.array(np.broadcast_to(found, (self.lanes, self.n)), np.float64)

    def shown(self, part: Part, name: str) -> Array:
        """The present value of a variable of a part, (lanes, n)."""
        return self.evaluated(part, Symbol(name))

    def spike_count(self) -> Array:
        """Spikes so far, (lanes, n)."""
        if self.spikes is None:
            return np.zeros((self.lanes, self.n), np.int64)
        counted: Array = np.asarray(self.spikes.count[:], np.int64)
        return counted.reshape(self.lanes, self.n)

    def watch(self, part: Part, event: str) -> Any:
        """The monitor of an event, memoised."""
        self.events[part.name, event] = brian2.EventMonitor(self.group, identifier(part, event))
        return self.events[part.name, event]

    def all_spikes(self) -> tuple[Array, Array, Array]:
        """Steps, neurons (indices over all), and lanes of all spikes so far."""
        if self.spikes is None:
            none = np.zeros(0, np.int64)
            return none, none, none
        return self._seen(self.spikes)

    def all_events(self, owner: str, event: str) -> tuple[Array, Array, Array]:
        """Steps, neurons (indices over all), and lanes of a monitored event."""
        return self._seen(self.events[owner, event])

    def _seen(self, monitor: Any) -> tuple[Array, Array, Array]:
        lane, neuron = np.divmod(np.asarray(monitor.i[:], np.int64), self.n)
        steps = np.rint(np.asarray(monitor.t_[:]) / float(self.clock.dt_)).astype(np.int64)
        return steps, neuron + self.first, lane

    # --- clamps and ports -----------------------------------------------------------------------------

    def set_states(self, states: Array) -> None:
        """Set the clampable variable, (lanes, n)."""
        own = self.cell.parts[0]
        self.placed[:] = True
        array = self.array(identifier(own, own.model.clamp))
        array[:] = np.where(self.held, array, states)

    def set_state(self, part: Part, name: str, value: Array | float, neurons: slice) -> None:
        """Set a state of neurons to a number, (n,) or (lanes, n); clamped neurons keep their level."""
        own = identifier(part, name)
        array = self.array(own)[:, neurons]
        if self.cell.is_clamp(part, name):
            self.placed[neurons] = True
            array[:] = np.where(self.held[neurons], array, value)
        else:
            self.given.setdefault(own, np.zeros(self.n, bool))[neurons] = True
            array[:] = value

    def clamp(self, neurons: Array, value: Array | float) -> None:
        """Clamp neurons at a value."""
        own = self.cell.parts[0]
        self.held[neurons] = self.placed[neurons] = True
        self.array(identifier(own, own.model.clamp))[:, neurons] = value
        self.store(FREE, ~self.held)

    def free(self, neurons: Array | slice) -> None:
        """End the clamping of neurons; no-op without a CLAMP in the program."""
        self.held[neurons] = False
        if self.cell.clamps:
            self.store(FREE, ~self.held)

    def open_port(self, part: Part, port: Port) -> Arrivals | None:
        """Add the code of a port; returns the event queue of a port with sequential spikes."""
        arrived = port_name(part, port)
        if arrived not in self._ports:
            places = [port_name(p, each) for p in self.cell.parts for each in p.model.ports]
            how = {"when": self.cell.slot("receive"), "order": 10 + places.index(arrived)}
            self._ports[arrived] = self._queue(part, port, how) if self.cell.spikes_interact(part, port) else None
            if self._ports[arrived] is None:
                self.group.run_regularly(self.cell.port_code(part, port), clock=self.clock, **how)
        return self._ports[arrived]

    def _queue(self, part: Part, port: Port, how: dict[str, Any]) -> Arrivals:
        act = self.group.run_regularly(self.cell.spike_code(part, port), clock=self.clock, **how)  # alone it changes nothing
        arrivals = Arrivals(self.group.variables[port_name(part, port)].get_value(), act)
        self.group.contained_objects.append(operation(arrivals, self.clock, **how))
        return arrivals

    def synapses(self, source: Any, part: Part, port: Port, place: int, times: str = "", **how: Any) -> Any:
        """Synapses from a group to a port, not connected yet; `place` is the index among the port's sources.

        `times` is a factor in code, with its multiplication sign: the multiplicity of a spike of the group.
        """
        arrivals, unit = self.open_port(part, port), spell_unit(port.unit)
        act = f"{port_name(part, port)}_post += {times}w" if arrivals is None else f"came += {times}1"
        model = f"w : {unit}" if arrivals is None else f"w : {unit}\n{CAME}"
        made = brian2.Synapses(source, self.group, model, on_pre=act, clock=self.clock, namespace={}, **how)
        if arrivals is not None:
            arrivals.sources[place] = made
        return made
