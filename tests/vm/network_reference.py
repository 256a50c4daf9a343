"""A network of models as text, interpreted in plain numpy: what the machine is held against.

One lane of a straight-line program, neuron arrays of float64, one step after another as docs/model-language.md defines a
step. Nothing here looks at the code that the machine generates; shared with it are only the readers of texts, derivatives,
`bioasm.runtime.random`, the connections of random rules, and random values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from bioasm.models.algebra import derivative
from bioasm.models.base import ORDER, Assignment, Equation
from bioasm.models.expression import Binary, Call, Expression, Negation, Number, Symbol
from bioasm.network.composition import added_to, used_by
from bioasm.network.network import variables_of
from bioasm.network.wiring import Candidates
from bioasm.runtime import random as noise
from bioasm.runtime.connectivity import from_rule
from bioasm.runtime.drawing import Values
from bioasm.verifier.gate import Verified
from tests.vm.network_meanings import Meanings
from tests.vm.network_parts import FUNCTIONS, INPUT_PARTS, OPERATORS, Array, Key, Membrane, Part, Spiked, instance_of, key_of
from tests.vm.reference import full, poisson_counts


class NetworkReference(Meanings):
    """One lane of a program."""

    def __init__(self, verified: Verified, seed: int = 1, lane: int = 0) -> None:
        self.program, self.network, self.seed, self.lane = verified.program, verified.network, seed, lane
        self.step, self.clock, self.dt = 0, 0.0, 1e-4
        self.began = 0  # the step before which nothing was
        self.sigma: float | None = None  # before any SIG each model has its own
        everyone = [Part(*one) for one in self.network.instances()]
        self.parts = {part.name: part for part in everyone}
        self.membranes = [
            Membrane([part for part in everyone if part.population == k], p.n, p.first)
            for k, p in enumerate(self.network.populations)
        ]
        self.values: dict[Key, Any] = {(p.name, q.name): q.default for p in everyone for q in p.model.parameters}
        self.constants: dict[Key, dict[str, Any]] = {(p.name, i.name): {} for p in everyone for i in p.model.inputs}
        self.waves: dict[Key, tuple[Array, int, int]] = {}
        self.trains: dict[Key, tuple[list[tuple[int, int]], Any]] = {}
        self.rates: dict[Key, tuple[Any, Any]] = {}
        self.weights = dict.fromkeys((p.name for p in self.network.projections), 1.0)
        self.delays: dict[str, Any] = dict.fromkeys(self.weights, 0.0)
        self.travelling: list[Spiked] = []
        self.past: dict[tuple[str, Expression], list[Array]] = {}
        self.recorders: dict[str, tuple[int, int, Any, list[Array]]] = {}
        self.spikes: list[tuple[int, int]] = []
        self.readings: list[tuple[str, Array]] = []
        self._flat: dict[Key, Expression] = {}
        self._set_what_is_fixed()
        self.dt = next(v for (_, name), v in self.values.items() if name == "dt")
        for membrane in self.membranes:
            membrane.held, membrane.count = np.zeros(membrane.n, bool), np.zeros(membrane.n)
        self.do_rst()

    # --- the program --------------------------------------------------------------------------------

    def _start(self, membrane: Membrane, key: Key) -> Array:
        """What a state starts as, which others may be needed for."""
        if key not in membrane.states:
            part = self.parts[key[0]]
            initial = next(s.initial for s in part.model.states if s.name == key[1])
            for node in self.flat(part, initial).walk():
                if isinstance(node, Symbol) and (other := key_of(node.name)) in self._states(membrane):
                    self._start(membrane, other)
            membrane.states[key] = self.value(membrane, self.flat(part, initial), membrane.states)
        return membrane.states[key]

    def _states(self, membrane: Membrane) -> set[Key]:
        return {(part.name, s.name) for part in membrane.parts for s in part.model.states}

    # --- expressions --------------------------------------------------------------------------------

    def flat(self, part: Part, node: Expression) -> Expression:
        """An expression of a text with whole names, definitions put in, and inputs as sums."""
        if isinstance(node, Symbol):
            return self._meant(part, node.name)
        if isinstance(node, Negation):
            return Negation(node.operator, self.flat(part, node.operand))
        if isinstance(node, Binary):
            return Binary(node.operator, self.flat(part, node.left), self.flat(part, node.right))
        if isinstance(node, Call) and node.function == "delayed":
            return Call("delayed", (*(self.flat(part, a) for a in node.arguments), Symbol(part.name)))
        if isinstance(node, Call):
            return Call(node.function, tuple(self.flat(part, a) for a in node.arguments))
        return node

    def _meant(self, part: Part, name: str) -> Expression:
        if name in ("dt", "t") or name.startswith("xi"):
            return Symbol(name)
        if name == part.model.noise_name:
            return Symbol(f"sigma of.{part.name}")
        if any(use.name == name for use in part.model.uses):
            owner = used_by(self.network, instance_of(part), name)[0]
            return self._meant(self.parts[owner.name], name)
        key = (part.name, name)
        if key not in self._flat:
            definition = next((d.expression for d in part.model.definitions if d.name == name), None)
            if definition is not None:
                self._flat[key] = self.flat(part, definition)
            else:
                self._flat[key] = self._total(part, name) if key in self.constants else Symbol(".".join(key))
        return self._flat[key]

    def _total(self, part: Part, name: str) -> Expression:
        """An input: what comes from outside, what mechanisms add, scaled or set."""
        whole = f"{part.name}.{name}{INPUT_PARTS}"
        constants = self.constants[part.name, name]
        if "set" in constants:
            return Symbol(whole + "set")
        total: Expression = Symbol(whole + "outside")
        for other in self.membranes[part.population].parts[1:]:
            for addition in other.model.adds:
                owner = added_to(self.network, instance_of(other), addition.target)[0]
                if (owner.name, addition.target) == (part.name, name):
                    total = Binary("+", total, self.flat(other, addition.value))
        return Binary("*", Symbol(whole + "scale"), total) if "scale" in constants else total

    def value(self, membrane: Membrane, node: Expression, states: dict[Key, Array], time: float | None = None) -> Array:
        """A flat expression for all neurons, (n,)."""
        with np.errstate(all="ignore"):
            found = self._value(membrane, node, states, self.step * self.dt if time is None else time)
        return np.array(np.broadcast_to(found, (membrane.n,)))

    def _value(self, membrane: Membrane, node: Expression, states: dict[Key, Array], time: float) -> Any:
        if isinstance(node, Number):
            return np.float64(node.value)
        if isinstance(node, Symbol):
            return self._present(node.name, states, time)
        if isinstance(node, Negation):
            inner = self._value(membrane, node.operand, states, time)
            return -inner if node.operator == "-" else np.logical_not(inner)
        if isinstance(node, Binary):
            left, right = (self._value(membrane, part, states, time) for part in (node.left, node.right))
            return OPERATORS[node.operator](left, right)
        assert isinstance(node, Call)
        if node.function == "held":
            return self._value(membrane, node.arguments[0], membrane.begun, self.step * self.dt)
        if node.function == "delayed":
            return self._delayed(membrane, node, time)
        return FUNCTIONS[node.function](*(self._value(membrane, part, states, time) for part in node.arguments))

    def _present(self, name: str, states: dict[Key, Array], time: float) -> Any:
        if name in ("t", "dt"):
            return np.float64({"t": time, "dt": self.dt}[name])
        instance, _, own = name.partition(".")
        if instance == "sigma of":
            return np.float64(self.parts[own].model.noise_default if self.sigma is None else self.sigma)
        if INPUT_PARTS in own:
            own, _, what = own.partition(INPUT_PARTS)
            return self._outside((instance, own)) if what == "outside" else self.constants[instance, own][what]
        return states[instance, own] if (instance, own) in states else self.values[instance, own]

    def _outside(self, key: Key) -> Any:
        default = next(i.default for i in self.parts[key[0]].model.inputs if i.name == key[1])
        total = default + np.asarray(self.constants[key].get("add", 0.0))
        if key in self.waves:
            rows, period, start = self.waves[key]
            row = (self.step - start) // period
            total = total + (rows[row] if row < len(rows) else 0.0)
        return total

    def _delayed(self, membrane: Membrane, node: Call, time: float) -> Any:
        inner, owner = node.arguments
        assert isinstance(owner, Symbol)
        projection = next((p for p in self.network.projections if p.target == owner.name), None)
        steps = 0 if projection is None else math.ceil(self.delays[projection.name] / self.dt - 1e-6)
        past = self.past.setdefault((owner.name, inner), [])
        now = self.step - self.began
        while len(past) <= now:
            past.append(np.zeros(membrane.n))
        past[now] = self.value(membrane, inner, membrane.begun)
        return past[now - steps] if now >= steps else np.zeros(membrane.n)

    def seen(self, word: str) -> Array:
        """A variable or observable of all its neurons."""
        name, own = self.named(word, lambda part: [v.name for v in variables_of(part.model)])
        part = self.parts[name]
        membrane = self.membranes[part.population]
        if own == "spike_count":
            return membrane.count.copy()
        if own == "state":
            own = next((o.variable for o in part.model.observables if o.name == "state"), part.model.states[0].name)
        membrane.begun = membrane.states
        return self.value(membrane, self.flat(part, Symbol(own)), membrane.states)

    # --- one step -----------------------------------------------------------------------------------

    def one_step(self) -> None:
        """Everything between one step and the next."""
        for word, (start, every, neurons, samples) in self.recorders.items():
            if (self.step - start) % every == 0:
                values = self.seen(word)
                samples.append(values if neurons is None else values[np.atleast_1d(neurons).astype(int)])
        for membrane in self.membranes:
            membrane.begun = dict(membrane.states)
            membrane.fired = np.zeros(membrane.n, bool)
            membrane.above = self._condition(membrane)
            self._note_delayed(membrane)
        self._events()
        early = [m for m in self.membranes if m.own.model.order != ORDER]
        late = [m for m in self.membranes if m.own.model.order == ORDER]
        for membrane in early:
            for phase in membrane.own.model.order:
                getattr(self, f"phase_{phase}")(membrane)
        for phase in ORDER:
            if phase == "receive":
                self._send()
            for membrane in late:
                getattr(self, f"phase_{phase}")(membrane)

    def _note_delayed(self, membrane: Membrane) -> None:
        """Values of now are kept for later, whoever reads them."""
        for part in membrane.parts:
            for addition in part.model.adds:
                self.value(membrane, self.flat(part, addition.value), membrane.states)

    def phase_step(self, membrane: Membrane) -> None:
        """All stages."""
        membrane.still = membrane.left > 0
        membrane.left = np.maximum(membrane.left - 1, 0)
        for k in range(max(len(part.model.stages) for part in membrane.parts)):
            stages = [(part, s) for part in membrane.parts if k < len(part.model.stages) for s in part.model.stages[k]]
            equations = [(part, s) for part, s in stages if isinstance(s, Equation)]
            before = dict(membrane.states)
            changed = self._runge_kutta(membrane, [e for e in equations if e[1].method == "rk4"], before)
            for part, equation in equations:
                if equation.method != "rk4":
                    changed[part.name, equation.variable] = self._moved(membrane, part, equation, before)
            for part, equation in equations:
                self._store(membrane, (part.name, equation.variable), changed, equation.frozen)
            for part, assignment in stages:
                if isinstance(assignment, Assignment):
                    value = self.value(membrane, self.flat(part, assignment.value), membrane.states)
                    self._store(membrane, (part.name, assignment.variable), {(part.name, assignment.variable): value})

    def _store(self, membrane: Membrane, key: Key, changed: dict[Key, Array], frozen: bool = False) -> None:
        stays = (membrane.still & frozen) | (membrane.held & (key == membrane.clamp))
        membrane.states[key] = np.where(stays, membrane.states[key], changed[key])

    def _moved(self, membrane: Membrane, part: Part, equation: Equation, before: dict[Key, Array]) -> Array:
        """One equation by itself."""
        key, rate, dt = (part.name, equation.variable), self.flat(part, equation.rate), self.dt
        x, f = before[key], self.value(membrane, rate, before)
        z = dt * self.value(membrane, derivative(rate, ".".join(key)), before)
        with np.errstate(all="ignore"):
            if equation.method == "euler":
                change = dt * f
            elif equation.method == "implicit":
                change = dt * f / (1 - z)
            elif equation.method == "cnexp":
                change = np.where(z == 0, dt * f, dt * f / np.where(z == 0, 1, z) * ((1 + z / 2) / (1 - z / 2) - 1))
            else:
                change = np.where(z == 0, dt * f, dt * f * np.expm1(z) / np.where(z == 0, 1, z))
        for xi, factor in equation.noise:
            change = change + math.sqrt(dt) * self.value(membrane, self.flat(part, factor), before) * self._xi(membrane, xi)
        return x + change

    def _xi(self, membrane: Membrane, name: str) -> Array:
        equations = [s for stage in membrane.own.model.stages for s in stage if isinstance(s, Equation)]
        others = sorted({xi for e in equations for xi, _ in e.noise} - {"xi"})
        stream = noise.STREAM_DYNAMICS if name == "xi" else noise.STREAM_WHITE + others.index(name)
        neurons = membrane.first + np.arange(membrane.n)
        return noise.normal(self.seed, self.lane, neurons, self.step, stream).astype(np.float64)

    def _runge_kutta(
        self, membrane: Membrane, equations: list[tuple[Part, Equation]], before: dict[Key, Array]
    ) -> dict[Key, Array]:
        keys = [(part.name, e.variable) for part, e in equations]
        stays = {
            key: (membrane.still & e.frozen) | (membrane.held & (key == membrane.clamp))
            for key, (_, e) in zip(keys, equations, strict=True)
        }
        slopes: list[dict[Key, Array]] = [dict.fromkeys(keys, np.zeros(membrane.n))]
        for share in (0.0, 0.5, 0.5, 1.0):
            states = before | {key: before[key] + share * self.dt * slopes[-1][key] for key in keys}
            time = (self.step + share) * self.dt
            slopes.append({})
            for key, (part, equation) in zip(keys, equations, strict=True):
                rate = self.value(membrane, self.flat(part, equation.rate), states, time)
                slopes[-1][key] = np.where(stays[key], 0.0, rate)
        _, a, b, c, d = slopes
        return {key: before[key] + self.dt / 6 * (a[key] + 2 * b[key] + 2 * c[key] + d[key]) for key in keys}

    def _condition(self, membrane: Membrane) -> Array:
        threshold = membrane.own.model.threshold
        if threshold is None:
            return np.zeros(membrane.n, bool)
        return self.value(membrane, self.flat(membrane.own, threshold.condition), membrane.states) > 0

    def phase_spike(self, membrane: Membrane) -> None:
        """Who spikes."""
        threshold = membrane.own.model.threshold
        still = membrane.still if membrane.before_spike("step") else membrane.left > 0
        fired = self._condition(membrane) & ~still & ~membrane.held
        membrane.fired = fired & ~membrane.above if threshold is not None and threshold.crossing else fired
        membrane.count = membrane.count + membrane.fired
        self.spikes += [(self.step, int(i) + membrane.first) for i in np.flatnonzero(membrane.fired)]

    def phase_reset(self, membrane: Membrane) -> None:
        """What a spike does to the neuron itself."""
        refractory, own = membrane.own.model.refractory, membrane.own
        if refractory is not None:
            steps = self.value(membrane, self.flat(own, refractory.duration), membrane.states) / self.dt
            after = np.floor(steps + 1e-6) if refractory.inclusive else np.ceil(steps - 1e-6) - 1
            stands = after + (not membrane.before_spike("step"))  # the step of the spike itself, where it is still to come
            membrane.left = np.where(membrane.fired, np.maximum(stands, 0), membrane.left)
        for assignment in own.model.reset:
            key = (own.name, assignment.variable)
            value = self.value(membrane, self.flat(own, assignment.value), membrane.states)
            membrane.states[key] = np.where(membrane.fired, value, membrane.states[key])

    # --- spikes on their way ------------------------------------------------------------------------

    def _send(self) -> None:
        """The spikes of this step set out."""
        for place, projection in enumerate(self.network.projections):
            fired = self.membranes[projection.pre].fired
            if fired.any():
                target = self.parts[projection.target]
                waits = any("delayed" in repr(a.value) for a in target.model.adds)
                late = np.zeros_like(self._connected(place)) if waits else self._late(place)
                port = projection.target, projection.port
                for i in np.flatnonzero(fired):
                    for steps in np.unique(late[i]):
                        row = self._row(place, i, late[i] == steps)
                        self.travelling.append(Spiked(self.step + int(steps), port, row, place))

    def _row(self, place: int, i: int, on_time: Array) -> Callable[[], Array]:
        """What asks for the weights of sender `i` of a projection to the neurons of one delay; SET may change them while the
        spike is on its way."""
        return lambda: self._weights(place)[i] * on_time

    @cache  # noqa: B019
    def _late(self, place: int) -> Array:
        """The delays of a projection in steps, (pre, post): one for all, or one for each connection in their order."""
        given, connected = self.delays[self.network.projections[place].name], self._connected(place)
        delay = np.zeros_like(connected)
        there = connected != 0
        delay[there] = given.drawn(range(int(there.sum()))) if isinstance(given, Values) else given
        return np.floor(delay / self.dt + 0.5)

    def _weights(self, place: int) -> Array:
        """The weights of a projection now, (pre, post)."""
        return self.weights[self.network.projections[place].name] * self._connected(place)

    @cache  # noqa: B019  (as long as the test that compares with it)
    def _connected(self, place: int) -> Array:
        """The connections of a projection by weights that its own weight scales, (pre, post)."""
        projection = self.network.projections[place]
        pre, post = self.membranes[projection.pre].n, self.membranes[self.parts[projection.target].population].n
        if projection.data is not None:
            return full(self.program.data[projection.data].value)  # type: ignore[arg-type]
        simple = {"all": np.ones((pre, post)), "others": 1 - np.eye(pre, post), "one_to_one": np.eye(pre, post)}
        rule = projection.rule
        if rule.kind in simple and rule.autapses:
            return simple[rule.kind]
        same = projection.pre == self.parts[projection.target].population
        among = Candidates(pre, post, 0 if same else None, rule.autapses)
        start, reached, _ = from_rule(rule, projection.number or 0.0, among, self.seed, place)
        matrix = np.zeros((pre, post))
        np.add.at(matrix, (np.repeat(np.arange(pre), np.diff(start)), reached), 1.0)
        return matrix

    def _events(self) -> None:
        """Spikes from outside."""
        words = [(i.mnemonic, self.port(i.operands[0].text)) for i in self.program.instructions if i.mnemonic in _FROM_OUTSIDE]  # type: ignore[union-attr]
        order = list(dict.fromkeys(port for _, port in words))
        for target in order:
            n = self.membranes[self.parts[target[0]].population].n
            train, weight = self.trains.get(target, ([], 0.0))
            for step, i in train:
                if step == self.step:
                    self.travelling.append(Spiked(self.step, target, _given(weight * np.eye(n)[i]), _FIRST))
            rate, jump = self.rates.get(target, (0.0, 0.0))
            stream = noise.STREAM_RATES + order.index(target) if order.index(target) else noise.STREAM_POISSON
            u = noise.uniform(self.seed, self.lane, np.arange(n), self.step, stream)
            count = poisson_counts(u, np.asarray(rate) * self.dt)
            for k in range(int(count.max())):
                self.travelling.append(Spiked(self.step, target, _given(np.where(k < count, jump, 0.0)), _FIRST))

    def phase_receive(self, membrane: Membrane) -> None:
        """What has arrived by now acts, port by port and spike by spike, each line of a port after the one before it."""
        names = {part.name for part in membrane.parts}
        due = [s for s in self.travelling if s.step <= self.step and s.target[0] in names]
        self.travelling = [s for s in self.travelling if not (s.step <= self.step and s.target[0] in names)]
        frozen = {
            (part.name, s.variable)
            for part in membrane.parts
            for stage in part.model.stages
            for s in stage
            if isinstance(s, Equation) and s.frozen
        }
        ports = [(part.name, port.name) for part in membrane.parts for port in part.model.ports]
        for target, spike in ((port, s) for port in ports for s in sorted(due, key=lambda s: s.place) if s.target == port):
            part = self.parts[target[0]]
            port = part.model.port(target[1])
            assert port is not None
            weight = spike.weights()
            for variable, factor in port.jumps:
                key = (part.name, variable)
                new = membrane.states[key] + self.value(membrane, self.flat(part, factor), membrane.states) * weight
                stays = ((membrane.left > 0) & (key in frozen)) | (membrane.held & (key == membrane.clamp))
                membrane.states[key] = np.where((weight != 0) & ~stays, new, membrane.states[key])


_FROM_OUTSIDE = ("EVT", "RATE")
_FIRST = -1  # before the projections, in the order of the program


def _given(weight: Array) -> Callable[[], Array]:
    """A weight that nothing changes."""
    return lambda: weight
