"""Code generation of one NeuronGroup: names, equations and conditions of a population with its mechanisms.

A part is the population's model or a mechanism on it. All of a part's names get the part's name as a prefix, which avoids
collisions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bioasm.drivers.brian2.exact import ExactSystem
from bioasm.drivers.brian2.printer import is_condition, replaced, spell, spell_unit
from bioasm.models.base import ORDER, Equation, Model, Parameter, Port
from bioasm.models.dimensions import unit_of
from bioasm.models.expression import Binary, Call, Expression, Number, Symbol
from bioasm.network.cables import alias
from bioasm.network.network import usable
from bioasm.units import NO_UNIT, Exponents, exponents_of

FREE = "is_free"
BEFORE = "held_before"
STILL = "refractory_for"
SLOTS = {"step": "groups", "spike": "thresholds", "receive": "synapses", "reset": "resets"}  # Brian2's, in the default order


class Part(NamedTuple):
    """A model or mechanism under its name in the program.

    `place` is the location of a point mechanism on cells of cable, `region` that of a painted one.
    """

    name: str
    model: Model
    place: str = ""
    region: str = ""

    def kind_of(self, name: str) -> str | None:
        """The kind of a name in the part itself: parameter, state, input, definition, noise; None for any other."""
        model = self.model
        kinds: dict[str, Iterable[Any]] = {
            "parameter": model.parameters,
            "state": model.states,
            "input": model.inputs,
            "definition": model.definitions,
        }
        found = [kind for kind, things in kinds.items() if any(thing.name == name for thing in things)]
        return found[0] if found else ("noise" if name and name == model.noise_name else None)


def identifier(part: Part, name: str) -> str:
    """Name mangling: a part's variable in Brian2, in ASCII. The number distinguishes `c` of `a_b` from `b_c` of `a`."""
    plain = "".join(c if c.isascii() else f"u{ord(c):x}" for c in f"{part.name}_{name}").replace(".", "_")
    return f"n_{plain}_{len(part.name)}"


class Tree(NamedTuple):
    """The role of a population in the cable cells called `name`, which have their own time slots in a step.

    `flows` are the currents into control volumes, each with the potential of its linearisation, as names of the population's
    model; with `together` painted mechanisms are stepped on the whole membrane.
    """

    name: str
    flows: tuple[tuple[str, str], ...] = ()
    together: bool = False


@dataclass
class Cell:
    """The parts of one population, the population's own first.

    With `own_noise` Brian2 draws its noise; else it is a variable that each step sets. With `clamps` neurons may be clamped.
    `tree` is the role of the population in cells of cable.
    """

    parts: list[Part]
    own_noise: bool = False
    clamps: bool = False
    tree: Tree | None = None
    summed: Mapping[tuple[str, str], list[str]] = field(default_factory=dict)  # sums over connections, by part and input
    kept: dict[str, tuple[Part, Call]] = field(default_factory=dict)  # calls of held(...) and delayed(...)

    # --- names ----------------------------------------------------------------------------------------

    def owner(self, part: Part, name: str) -> tuple[Part | None, str]:
        """Name resolution: the part that owns a name of `part`, and the name there; None for dt and the like.

        A point mechanism's potential is that of its place."""
        if name == "dt":
            return None, name
        if name == part.model.noise_name or part.kind_of(name):
            return part, name
        others, there = self.parts if part in self.parts[1:] else [], alias(name, part.place)
        return next((p for p in others if p.kind_of(there)), None), there

    def named(self, part: Part, expression: Expression) -> Expression:
        """An expression with Brian2's names."""
        return replaced(expression, lambda name: Symbol(self.variable(part, name)), lambda call: self._keep(part, call))

    def written_out(self, part: Part, expression: Expression) -> Expression:
        """An expression with all definitions and inputs substituted, over states, parameters and numbers."""

        def meaning(name: str) -> Expression:
            owner, there = self.owner(part, name)
            kind = owner.kind_of(there) if owner else None
            if owner and kind == "definition":
                made = next(d for d in owner.model.definitions if d.name == there)
                return self.written_out(owner, made.expression)
            if owner and kind == "input":
                return self.input_sum(owner, there, self.written_out)
            return Symbol(self.variable(part, name))

        return replaced(expression, meaning, lambda call: self._keep(part, call))

    def spelled(self, part: Part, expression: Expression) -> str:
        """An expression of a part, substituted, in Brian2's notation."""
        return spell(self.written_out(part, expression))

    def variable(self, part: Part, name: str) -> str:
        """The name in Brian2 of a variable of a part."""
        owner, there = self.owner(part, name)
        return identifier(owner or part, there) if owner or name.startswith("xi") else name

    def _keep(self, part: Part, call: Call) -> Expression:
        """The variable that holds the value of a call of held or delayed."""
        for name, (owner, known) in self.kept.items():
            if owner is part and known == call:
                return Symbol(name)
        name = f"{call.function}_{len(self.kept)}"
        self.kept[name] = (part, call)
        return Symbol(name)

    @property
    def noises(self) -> list[tuple[Part, str]]:
        """The white noises of all parts, as (part, name)."""
        found = []
        for part in self.parts:
            for name in sorted({n for _, e in _equations(part.model) for n, _ in e.noise}):
                found.append((part, name))
        return found

    # --- inputs ---------------------------------------------------------------------------------------

    def input_owner(self, name: str) -> Part | None:
        """The owner of an input that mechanisms add to: the population, else the mechanism that has it."""
        return next((p for p in self.parts if any(i.name == name for i in p.model.inputs)), None)

    def input_sum(self, part: Part, name: str, form: Callable[[Part, Expression], Expression]) -> Expression:
        """An input: scale * (external part + additions of mechanisms) + set. `form` spells the additions."""
        own = identifier(part, name)
        total: Expression = Symbol(f"{own}_outside")
        for other, value in self.additions(part, name):
            added = form(other, value)
            if self.is_shared(other, part):
                added = Binary("*", Symbol(covered(other)), added)
            total = Binary("+", total, added)
        for variable in self.summed.get((part.name, name), ()):
            total = Binary("+", total, Symbol(variable))
        return Binary("+", Binary("*", Symbol(f"{own}_scale"), total), Symbol(f"{own}_set"))

    def additions(self, part: Part, name: str) -> Iterator[tuple[Part, Expression]]:
        """Additions of mechanisms to an input of a part: the mechanism, and the value in its names."""
        for other in self.parts:
            for addition in other.model.adds:
                target = alias(addition.target, other.place)
                if target == name and other is not part and self.input_owner(target) is part:
                    yield other, addition.value

    def is_shared(self, other: Part, part: Part) -> bool:
        """Whether a part's addition to another is weighted by the share of the membrane that it is painted on."""
        return bool(other.region) and part is self.parts[0]

    def is_clamp(self, part: Part | None, variable: str) -> bool:
        """Whether a variable is the clampable one."""
        return part is self.parts[0] and variable == self.parts[0].model.clamp

    # --- equations ------------------------------------------------------------------------------------

    def equations(self) -> str:
        """The equations of the NeuronGroup, with differential equations where Brian2 can integrate them."""
        native = self.native_method() is not None
        lines = [line for part in self.parts for line in self._declared(part, native)]
        lines += [f"{covered(part)} : 1 (constant)" for part in self.parts if part.region]
        lines += [f"{self.variable(p, n)} : 1" for p, n in self.noises if not (native and self.own_noise)]
        lines += [f"{FREE} : 1 (constant)"] if self.clamps else []
        threshold = self.parts[0].model.threshold
        lines += [f"{BEFORE} : boolean"] if threshold and threshold.crossing else []
        lines += [f"{STILL} : second"] if self.refractory == STILL else []
        lines += [f"{name} : {spell_unit(self._unit_of_kept(p, e))}" for name, (p, e) in self.kept.items()]
        numbers = [e for _, _, s in self.exact_systems for still in s.variants for e in s.entries(still)]
        lines += [f"{e.variable} : {spell_unit(e.unit)} (constant)" for e in numbers]
        return "\n".join(lines)

    @property
    def exact_systems(self) -> list[tuple[Part, int, ExactSystem]]:
        """The systems of coupled exact equations, each with its part and stage."""
        found = []
        for part in self.parts:
            for stage in range(len(part.model.stages)):
                system = ExactSystem(part.model, stage, identifier(part, ""), self._still(part, stage))
                found += [(part, stage, system)] if system.is_coupled else []
        return found

    def _still(self, part: Part, stage: int) -> dict[frozenset[str], str]:
        """The sets of states that can be frozen at the same time, smaller ones first, with the condition of each."""
        frozen = frozenset(e.variable for k, e in _equations(part.model) if k == stage and self._is_frozen(part, e.variable))
        held = frozenset(s.name for s in part.model.states if self.clamps and self.is_clamp(part, s.name))
        refractory, clamped = f"not {self.moves}", f"{FREE} <= 0.5"
        found = {frozen | held: f"{refractory} and {clamped}", frozen: refractory, held: clamped}
        if frozen == held:
            found[frozen] = f"{refractory} or {clamped}"
        return {still: found[still] for still in sorted(found, key=len) if still}

    def _declared(self, part: Part, native: bool) -> Iterator[str]:
        model = part.model
        for parameter in model.parameters:
            if parameter.name != "dt":
                yield f"{identifier(part, parameter.name)} : {spell_unit(unit_of_thing(parameter))} (constant)"
        if model.noise_name:
            yield f"{identifier(part, model.noise_name)} : {spell_unit(exponents_of(model.noise))} (shared)"
        for value in model.inputs:
            own, unit = identifier(part, value.name), spell_unit(value.unit)
            yield f"{own}_outside : {unit}"
            yield f"{own}_scale : 1 (constant)"
            yield f"{own}_set : {unit} (constant)"
            yield from (f"{variable} : {unit}" for variable in self.summed.get((part.name, value.name), ()))
            if native:
                yield f"{own} = {spell(self.input_sum(part, value.name, self.named))} : {unit}"
        for made in model.definitions if native else ():
            unit = "boolean" if is_condition(made.expression) else spell_unit(made.unit)
            yield f"{identifier(part, made.name)} = {spell(self.named(part, made.expression))} : {unit}"
        rates = {e.variable: e for _, e in _equations(model)} if native else {}
        for state in model.states:
            equation, unit = rates.get(state.name), spell_unit(state.unit)
            own = identifier(part, state.name)
            yield f"{own} : {unit}" if equation is None else self._differential(part, own, equation, unit)
        for port in model.ports:
            yield f"{port_name(part, port)} : {spell_unit(port.unit)}"

    def _differential(self, part: Part, own: str, equation: Equation, unit: str) -> str:
        rate = spell(self.named(part, equation.rate))
        for name, factor in equation.noise:
            number = self._native_noise(part, name)
            rate += f" + {spell(self.named(part, factor))} * {number}"
        if self.clamps and self.is_clamp(part, equation.variable):
            rate = f"{FREE} * ({rate})"
        return f"d{own}/dt = {rate} : {unit}"

    def _native_noise(self, part: Part, name: str) -> str:
        own = identifier(part, name)
        return f"xi_{own}" if self.own_noise else f"{own} / sqrt(dt)"

    def _unit_of_kept(self, part: Part, call: Call) -> Exponents:
        """The unit of a stored call, from those of the names in it."""
        units = {t.name: unit_of_thing(t) for p in reversed((part, *self.parts)) for t in usable(p.model)}
        return unit_of(call.arguments[0], units) or NO_UNIT

    def native_method(self) -> str | None:
        """The integrator of Brian2 for the model's methods, or None where there is none."""
        if self.tree is not None:
            return None  # their step is only complete after the solution of the potentials
        items = [(part, k, item) for part in self.parts for k, stage in enumerate(part.model.stages) for item in stage]
        equations = [item for _, _, item in items if isinstance(item, Equation)]
        methods = {e.method for e in equations}
        plain = len(equations) == len(items) and not any(k for _, k, _ in items) and not any(e.frozen for e in equations)
        if not plain or len(methods) != 1 or methods - {"euler", "rk4"} or (self.clamps and methods == {"rk4"}):
            return None
        read = [n for p in self.parts for e in _expressions(p.model) for n in e.walk()]
        if any(is_condition(node) for node in read) or any(isinstance(n, Call) and n.function == "where" for n in read):
            return None  # Brian2 parses equations with sympy, which lacks conditions
        return methods.pop()

    # --- events ---------------------------------------------------------------------------------------

    @property
    def threshold(self) -> str | None:
        """The spike condition."""
        own = self.parts[0]
        if own.model.threshold is None:
            return None
        condition = self.spelled(own, own.model.threshold.condition)
        if own.model.threshold.crossing:
            condition += f" and not {BEFORE}"
        return f"{condition} and {FREE} > 0.5" if self.clamps else condition

    @property
    def events(self) -> Iterator[tuple[str, str, str]]:
        """The events of all parts, in the order in which they act: Brian2's name, condition and statements of each."""
        for part in self.parts:
            for event in part.model.events:
                condition = event.threshold.condition
                if event.threshold.crossing:
                    held = Call("held", (Call("where", (condition, Number(1.0), Number(0.0))),))
                    condition = Binary("and", condition, Binary("<", held, Number(0.5)))
                lines = [self._given(part, a.variable, self.spelled(part, a.value)) for a in event.statements]
                yield identifier(part, event.name), self.spelled(part, condition), "\n".join(lines)

    def _given(self, part: Part, variable: str, new: str) -> str:
        """The statement that gives a state a value, unless it is clamped."""
        own = identifier(part, variable)
        held = self.clamps and self.is_clamp(part, variable)
        return f"{own} = chosen({FREE} > 0.5, {new}, {own})" if held else f"{own} = {new}"

    @property
    def reset(self) -> str | None:
        """Code of the reset after a spike; None where the neuron does not spike."""
        own = self.parts[0]
        if own.model.threshold is None:
            return None
        lines = [f"{STILL} = {self._refractory_steps}"] if self.refractory == STILL else []  # until the next spike
        lines += [f"{identifier(own, a.variable)} = {self.spelled(own, a.value)}" for a in own.model.reset]
        return "\n".join(lines)

    @property
    def refractory(self) -> str | None:
        """The refractory period after a spike, a time or a condition; None without one."""
        refractory = self.parts[0].model.refractory
        if refractory is not None and refractory.lasting:
            condition = self.spelled(self.parts[0], refractory.duration)
            return f"({condition}) or lastspike >= t" if self._resets_later else condition
        return STILL if refractory is not None else None

    @property
    def _refractory_steps(self) -> str:
        """The refractory period of a spike in this step, as a number of steps that is robust to Brian2's rounding.

        Brian2 integrates a neuron again once its last spike is that long ago, so it is one step more.
        """
        own = self.parts[0]
        assert own.model.refractory is not None
        steps = f"({self.spelled(own, own.model.refractory.duration)}) / dt"
        if not own.model.refractory.inclusive:
            return f"ceil({steps} - 1e-6) * dt"
        return f"(floor({steps} + 1e-6) + 1) * dt"

    @property
    def _over(self) -> str:
        """The condition that a neuron is not refractory, of a `lasting` refractory period."""
        return f"not_refractory or not ({self.refractory})"

    @property
    def start_code(self) -> str:
        """Code before the step: it stores the values of held(...), and whether the threshold's condition held."""
        lines = [
            f"{name} = {self.spelled(part, call.arguments[0])}"
            for name, (part, call) in self.kept.items()
            if call.function == "held"
        ]
        own = self.parts[0]
        if own.model.threshold and own.model.threshold.crossing:
            lines.append(f"{BEFORE} = {self.spelled(own, own.model.threshold.condition)}")
        if self.refractory and not self.is_before("step", "spike"):  # Brian2 tests it too late for the threshold
            ended = f"t - lastspike > {STILL} - 0.5 * dt" if self.refractory == STILL else self._over
            lines.append(f"not_refractory = {ended}")
        return "\n".join(lines)

    def spikes_interact(self, part: Part, port: Port) -> bool:
        """Whether spikes at a port act in sequence: a factor depends on a variable that the port changes."""
        changed = {self.variable(part, variable) for variable, _ in port.jumps}
        factors = [self.written_out(part, factor) for _, factor in port.jumps]
        return any(isinstance(n, Symbol) and n.name in changed for factor in factors for n in factor.walk())

    def port_code(self, part: Part, port: Port) -> str:
        """Code that applies the sum of the weights that arrived at a port in a step."""
        arrived = port_name(part, port)
        lines = [f"_jump_{at} = ({self.spelled(part, factor)}) * {arrived}" for at, (_, factor) in enumerate(port.jumps)]
        lines += [self._changed(part, variable, f"_jump_{at}") for at, (variable, _) in enumerate(port.jumps)]
        return "\n".join([*lines, f"{arrived} = 0 * {arrived}"])

    def spike_code(self, part: Part, port: Port, *, some: bool = True) -> str:
        """Code that applies one spike at a port; with `some`, only to neurons whose weight is not 0."""
        arrived = port_name(part, port)
        condition = f"{arrived} != 0 * {arrived}" if some else ""  # in the unit of the weights
        return "\n".join(
            self._changed(part, variable, f"({self.spelled(part, factor)}) * {arrived}", condition)
            for variable, factor in port.jumps
        )

    def _changed(self, part: Part, variable: str, jump: str, condition: str = "") -> str:
        """The statement that adds a jump to a variable, unless it is refractory or clamped."""
        owner, own = self.owner(part, variable)[0], self.variable(part, variable)
        conditions = [condition] if condition else []
        if self._is_frozen(owner, variable):  # freezing ends with the last refractory step
            conditions.append(self._hears_again)
        if self.clamps and self.is_clamp(owner, variable):
            conditions.append(f"{FREE} > 0.5")
        new = f"{own} + {jump}"
        return f"{own} = chosen({' and '.join(f'({c})' for c in conditions)}, {new}, {own})" if conditions else f"{own} = {new}"

    @property
    def _hears_again(self) -> str:
        """The condition that arriving spikes change a variable that is frozen while refractory: after it, before this reset."""
        early = 0.5 + self.is_before("step", "receive")
        ended = f"{STILL} - (t - lastspike) < {early} * dt" if self.refractory == STILL else self._over
        return f"({ended} or lastspike >= t)" if self.is_before("receive", "reset") else ended

    def slot(self, phase: str) -> str:
        """Brian2's time slot of a phase of the population: an early one has its own slots."""
        if self.tree is not None:
            return f"cable_{self.tree.name}_{phase}"
        return f"early_{self.parts[0].name}_{phase}" if self.is_early else SLOTS[phase]

    @property
    def is_early(self) -> bool:
        """Whether the step has another order than the default, and is thus done before that of other populations."""
        return self.parts[0].model.order != ORDER

    @property
    def moves(self) -> str:
        """The condition that a variable that is frozen while refractory is integrated; the period begins with the reset."""
        return "(not_refractory or lastspike >= t)" if self._resets_later else "not_refractory"

    @property
    def _resets_later(self) -> bool:
        """Whether a step of the equations comes between a spike and its reset."""
        return self.is_before("spike", "step") and self.is_before("step", "reset")

    def is_before(self, phase: str, other: str) -> bool:
        """Whether one phase of a step comes before another."""
        order = self.parts[0].model.order
        return order.index(phase) < order.index(other)

    def _is_frozen(self, part: Part | None, variable: str) -> bool:
        if part is None or self.refractory is None:
            return False
        return any(e.variable == variable and e.frozen for _, e in _equations(part.model))


def covered(part: Part) -> str:
    """The variable with the share of each control volume's membrane that a mechanism is painted on."""
    return f"covered_{identifier(part, '')}"


def port_name(part: Part, port: Port) -> str:
    """The variable in which the weights that arrive at a port in a step are summed."""
    return f"{identifier(part, port.name)}_arrived"


def unit_of_thing(thing: Any) -> Exponents:
    """The unit of a parameter, state, definition or input; for a parameter without one, that of its dimension."""
    unit: Exponents = thing.unit
    return exponents_of(thing.dimension) if isinstance(thing, Parameter) and unit == NO_UNIT else unit


def _equations(model: Model) -> list[tuple[int, Equation]]:
    return [(k, item) for k, stage in enumerate(model.stages) for item in stage if isinstance(item, Equation)]


def _expressions(model: Model) -> Iterator[Expression]:
    """All expressions that take part in integrating a model."""
    for _, equation in _equations(model):
        yield equation.rate
        yield from (factor for _, factor in equation.noise)
    yield from (d.expression for d in model.definitions)
    yield from (a.value for a in model.adds)
