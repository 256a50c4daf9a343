"""The system of equations of a population and the mechanisms on its membrane, with qualified names.

Every name of an instance's text becomes `id.name` (`p0.v` is v of the first population), so that expressions of several
texts can be combined. The external part of an input is `id.name#`; where mechanisms add to an input or a program scales it,
`id.name` is a definition over that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from bioasm.models.algebra import read_now
from bioasm.models.base import Addition, Assignment, Equation, Event, Input, Model, Parameter, Port, Threshold
from bioasm.models.expression import Binary, Call, Expression, Symbol, rebuilt, symbols
from bioasm.models.linear_systems import Row, coupled, linear_row
from bioasm.network.cables import CURRENT, alias
from bioasm.vm.codegen.types import Rate

OFFSET, FACTOR = "#offset", "#factor"  # suffixes of an input that a program sets or scales
COVERED = "covered:"  # prefix of the field with the share of each control volume that a mechanism is painted on
COUPLED = "coupled:"  # prefix of the field with the sum that connections add to an input
_WORDS = frozenset({"dt", "t"})


def level_field(population: str) -> str:
    """The field with the noise level of each cell of a population (by its id), where lanes have their own."""
    return f"noise:{population}"


def coupled_field(name: str) -> str:
    """The field with the sum that connections add to an input in this step."""
    return COUPLED + name


class Instance(NamedTuple):
    """A population or a mechanism of a program; `id` names it in generated source."""

    name: str
    model: Model
    id: str

    def qualified(self, name: str) -> str:
        """The qualified name of one of its members."""
        return f"{self.id}.{name}"


@dataclass(frozen=True, eq=False)
class System:
    """A population with the mechanisms on it, and the values that differ between cells.

    `own` are the qualified names of parameters with a value for each neuron or lane, with the `level_field` if the noise level
    has one; `modulated` those of inputs that the program sets or scales, `summed` those that get sums over connections. `where`
    are places of cells (for their CVs: regions) by the ids of the mechanisms that are only there.
    """

    population: Instance
    mechanisms: tuple[Instance, ...]
    own: frozenset[str] = frozenset()
    modulated: frozenset[str] = frozenset()
    summed: frozenset[str] = frozenset()
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The population and then its mechanisms."""
        return (self.population, *self.mechanisms)

    # --- names --------------------------------------------------------------------------------------

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """All parameters by qualified name."""
        return {i.qualified(p.name): p for i in self.instances for p in i.model.parameters}

    @cached_property
    def inputs(self) -> dict[str, Input]:
        """All inputs by qualified name."""
        return {i.qualified(x.name): x for i in self.instances for x in i.model.inputs}

    @cached_property
    def states(self) -> dict[str, Expression]:
        """All state variables by qualified name, with their initial values."""
        return {i.qualified(s.name): self.qualify(i, s.initial) for i in self.instances for s in i.model.states}

    @cached_property
    def _named(self) -> frozenset[str]:
        found = {i.qualified(d.name) for i in self.instances for d in i.model.definitions}
        found |= {i.qualified(s.name) for i in self.instances for s in i.model.states}
        return frozenset(found | set(self.parameters) | set(self.inputs))

    def name(self, instance: Instance, word: str) -> str:
        """Name resolution: the qualified name of a word in an instance's text."""
        if word in _WORDS:
            return word
        if word == instance.model.noise_name:
            return "noise"
        if self._is_placed(instance) and instance.qualified(word) not in self._named:
            word = alias(word, self.where[instance.id])
        others = [self.population, *self.mechanisms] if instance in self.mechanisms else []
        for owner in (instance, *others):
            if owner.qualified(word) in self._named:
                return owner.qualified(word)
        return instance.qualified(word)  # a white noise, or the weight of a port

    def _is_placed(self, instance: Instance) -> bool:
        """Whether a mechanism is a point mechanism, not one painted on a region."""
        return instance.id in self.where and self.population.qualified(alias("v", self.where[instance.id])) in self._named

    def qualify(self, instance: Instance, expression: Expression) -> Expression:
        """An expression of an instance's text with qualified names; `delayed` calls are marked with the instance."""
        if isinstance(expression, Symbol):
            return Symbol(self.name(instance, expression.name))
        within = rebuilt(expression, lambda part: self.qualify(instance, part))
        if isinstance(within, Call) and within.function == "delayed":
            return Call("delayed", (*within.arguments, Symbol(instance.id)))
        return within

    # --- definitions --------------------------------------------------------------------------------

    @cached_property
    def additions(self) -> dict[str, list[Expression]]:
        """The expressions that mechanisms add to each input; those of mechanisms with loops of their own come last."""
        found: dict[str, list[Expression]] = {}
        for mechanism in sorted(self.mechanisms, key=lambda one: one in self.apart):
            for addition in mechanism.model.adds:
                target, value = self._target(mechanism, addition)
                found.setdefault(target, []).append(value)
        return found

    def _target(self, mechanism: Instance, addition: Addition) -> tuple[str, Expression]:
        """The input that a mechanism adds to, and the term: at a place, its input; of a painted one, scaled by its coverage."""
        value = self.qualify(mechanism, addition.value)
        if self._is_placed(mechanism):
            return self._input(alias(addition.target, self.where[mechanism.id])), value
        if mechanism.id in self.where and self.population.qualified(addition.target) in self.inputs:
            value = Binary("*", Symbol(f"{COVERED}{mechanism.id}#"), value)
        return self._input(addition.target), value

    @cached_property
    def apart(self) -> tuple[Instance, ...]:
        """The painted mechanisms without dependencies on other mechanisms: each can have a loop over its CVs only.

        None where the program changes the sum that they add to.
        """
        painted = [one for one in self.mechanisms if one.id in self.where and not self._is_placed(one)]
        if not painted or self.population.qualified(CURRENT) in self.modulated | self.summed:
            return ()
        met = {one.id: self._met_by(one) for one in self.mechanisms}
        others = {one.id: set[str]().union(*(ids for owner, ids in met.items() if owner != one.id)) for one in painted}
        return tuple(one for one in painted if not met[one.id] and one.id not in others[one.id])

    def _met_by(self, mechanism: Instance) -> set[str]:
        """The other mechanisms that a mechanism reads from or adds to."""
        statements = [self._qualified(mechanism, s) for stage in mechanism.model.stages for s in stage]
        read = [s.rate if isinstance(s, Equation) else s.value for s in statements]
        read += [self.qualify(mechanism, one.expression) for one in mechanism.model.definitions]
        added = [self._target(mechanism, addition) for addition in mechanism.model.adds]
        names = {name for e in (*read, *(value for _, value in added)) for name in symbols(e)} | {target for target, _ in added}
        ids = {one.id for one in self.mechanisms}
        return {name.partition(".")[0] for name in names if "." in name} & ids - {mechanism.id}

    def added_by(self, mechanism: Instance) -> list[Expression]:
        """The term that a mechanism adds to the population's current density."""
        found = [self._target(mechanism, one) for one in mechanism.model.adds]
        return [value for target, value in found if target == self.population.qualified(CURRENT)]

    def _input(self, word: str) -> str:
        """The qualified name of an input that mechanisms add to: the population's, else of the mechanism that has it."""
        return next(i.qualified(word) for i in self.instances if i.qualified(word) in self.inputs)

    @cached_property
    def definitions(self) -> dict[str, Expression]:
        """All names defined by an expression: definitions, and inputs with their additions."""
        found = {i.qualified(d.name): self.qualify(i, d.expression) for i in self.instances for d in i.model.definitions}
        return found | {name: self.total(name) for name in self.inputs}

    def total(self, name: str, without: Collection[Expression] = ()) -> Expression:
        """The expression of an input: its external part and additions of mechanisms, scaled or set by the program."""
        total: Expression = Symbol(name + "#")
        for added in (one for one in self.additions.get(name, ()) if one not in without):
            total = Binary("+", total, added)
        if name in self.summed:
            total = Binary("+", total, Symbol(coupled_field(name)))
        if name in self.modulated:
            total = Binary("+", Symbol(name + OFFSET), Binary("*", Symbol(name + FACTOR), total))
        return total

    def flat(self, expression: Expression) -> Expression:
        """The expression with all definitions substituted, for algebra, except within `held` and `delayed`."""
        if isinstance(expression, Symbol):
            meant = self.definitions.get(expression.name)
            return expression if meant is None else self.flat(meant)
        if isinstance(expression, Call) and expression.function in ("held", "delayed"):
            return expression
        return rebuilt(expression, self.flat)

    def coupled(self, equations: list[Equation]) -> list[dict[str, Row]]:
        """The coupled systems of exact equations, each of one text, in terms of its states and of inputs."""
        found = []
        for instance in self.instances:
            own = {instance.qualified(state.name) for state in instance.model.states}
            exact = {e.variable: self._spelled_out(e.rate) for e in equations if e.variable in own and e.method == "exact"}
            for names in coupled(exact):
                rows = {name: linear_row(exact[name], names) for name in names}
                found.append({name: row for name, row in rows.items() if isinstance(row, Row)})
        return found

    def _spelled_out(self, expression: Expression) -> Expression:
        """The expression with the definitions of texts substituted, but not those of inputs."""
        if isinstance(expression, Symbol) and expression.name in self.definitions and expression.name not in self.inputs:
            return self._spelled_out(self.definitions[expression.name])
        return rebuilt(expression, self._spelled_out)

    # --- how often something changes ----------------------------------------------------------------

    def rate_of_change(self, expression: Expression) -> Rate:
        """How often an expression changes."""
        if isinstance(expression, Symbol):
            return self._rate_of_name(expression.name)
        if isinstance(expression, Call) and expression.function == "delayed":
            return Rate.VARYING
        found = Rate.UNIFORM
        for part in expression.parts():
            found = max(found, self.rate_of_change(part))
            if found is Rate.VARYING:
                break
        return found

    @cached_property
    def _rates(self) -> dict[str, Rate]:
        """Memoised rates of names."""
        return {}

    def _rate_of_name(self, name: str) -> Rate:
        if name not in self._rates:
            self._rates[name] = self._found_rate(name)
        return self._rates[name]

    def _found_rate(self, name: str) -> Rate:
        if name in self.definitions:
            return self.rate_of_change(self.definitions[name])
        if name in self.parameters:
            return Rate.PER_CELL if name in self.own else Rate.UNIFORM
        if "#" in name:
            return Rate.PER_CELL
        if name == "noise" and self.noisy_by_lane:
            return Rate.PER_CELL
        return Rate.UNIFORM if name in ("dt", "noise") else Rate.VARYING

    @property
    def noisy_by_lane(self) -> bool:
        """Whether lanes have noise levels of their own."""
        return level_field(self.population.id) in self.own

    # --- what happens -------------------------------------------------------------------------------

    @cached_property
    def stages(self) -> list[list[Equation | Assignment]]:
        """The merged stages of all instances, with qualified names."""
        count = max((len(i.model.stages) for i in self.instances), default=0)
        merged: list[list[Equation | Assignment]] = [[] for _ in range(count)]
        for instance in self.instances:
            for stage, statements in zip(merged, instance.model.stages, strict=False):
                stage.extend(self._qualified(instance, statement) for statement in statements)
        return merged

    def _qualified(self, instance: Instance, statement: Equation | Assignment) -> Equation | Assignment:
        variable = instance.qualified(statement.variable)
        if isinstance(statement, Assignment):
            return Assignment(variable, self.qualify(instance, statement.value))
        noise = tuple((self.name(instance, xi), self.qualify(instance, factor)) for xi, factor in statement.noise)
        return Equation(variable, self.qualify(instance, statement.rate), statement.method, noise, statement.frozen)

    @cached_property
    def noises(self) -> list[str]:
        """The qualified names of all white noises: `xi` of the population first, then the rest in alphabetical order."""
        found = {xi for stage in self.stages for s in stage if isinstance(s, Equation) for xi, _ in s.noise}
        return sorted(found, key=lambda xi: (xi != self.population.qualified("xi"), xi))

    @cached_property
    def reset(self) -> list[Assignment]:
        """The reset of a neuron that has fired, as assignments."""
        model = self.population.model
        return [Assignment(self.population.qualified(a.variable), self.qualify(self.population, a.value)) for a in model.reset]

    @cached_property
    def events(self) -> list[Event]:
        """The events of all instances, with qualified names."""
        return [self._qualified_event(instance, event) for instance in self.instances for event in instance.model.events]

    def _qualified_event(self, instance: Instance, event: Event) -> Event:
        condition = self.qualify(instance, event.threshold.condition)
        done = [Assignment(instance.qualified(a.variable), self.qualify(instance, a.value)) for a in event.statements]
        return Event(instance.qualified(event.name), Threshold(condition, event.threshold.crossing), tuple(done))

    def spikes_interact(self, instance: Instance, port: Port) -> bool:
        """Whether spikes at a port must act in sequence: a factor depends on a variable that the port changes."""
        changed = {instance.qualified(variable) for variable, _ in port.jumps}
        return any(read_now(self.flat(self.qualify(instance, factor))) & changed for _, factor in port.jumps)
