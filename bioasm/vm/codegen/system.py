"""The system of equations of a population and the mechanisms on its membrane, under names of its own.

Every name of an instance's text becomes `id.name` (`p0.v` is v of the first population), so that expressions of several
texts can stand in one equation. The part of an input that comes from outside is `id.name#`; where mechanisms add to an input
or a program scales it, `id.name` is a definition over that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from bioasm.models.algebra import read_now
from bioasm.models.base import Assignment, Equation, Input, Model, Parameter, Port
from bioasm.models.expression import Binary, Call, Expression, Symbol, rebuilt
from bioasm.models.linear_systems import Row, coupled, linear_row
from bioasm.vm.codegen.types import Rate

OFFSET, FACTOR = "#offset", "#factor"  # what follows the name of an input that a program sets or scales
_WORDS = frozenset({"dt", "t"})


class Instance(NamedTuple):
    """A population or a mechanism of a program; `id` names it in generated source."""

    name: str
    model: Model
    id: str

    def qualified(self, name: str) -> str:
        """The name of one of its values in a system."""
        return f"{self.id}.{name}"


@dataclass(frozen=True, eq=False)
class System:
    """A population, the mechanisms on it, and which of their values differ between cells.

    `own` are the qualified names of parameters that have a value for each neuron, `modulated` those of inputs that the
    program sets or scales.
    """

    population: Instance
    mechanisms: tuple[Instance, ...]
    own: frozenset[str] = frozenset()
    modulated: frozenset[str] = frozenset()

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
        """All state variables by qualified name, with what they start as."""
        return {i.qualified(s.name): self.qualify(i, s.initial) for i in self.instances for s in i.model.states}

    @cached_property
    def _named(self) -> frozenset[str]:
        found = {i.qualified(d.name) for i in self.instances for d in i.model.definitions}
        found |= {i.qualified(s.name) for i in self.instances for s in i.model.states}
        return frozenset(found | set(self.parameters) | set(self.inputs))

    def name(self, instance: Instance, word: str) -> str:
        """The qualified name of what a word in an instance's text means."""
        if word in _WORDS:
            return word
        if word == instance.model.noise_name:
            return "noise"
        others = [self.population, *self.mechanisms] if instance in self.mechanisms else []
        for owner in (instance, *others):
            if owner.qualified(word) in self._named:
                return owner.qualified(word)
        return instance.qualified(word)  # a white noise, or the weight of a port

    def qualify(self, instance: Instance, expression: Expression) -> Expression:
        """An expression of an instance's text with qualified names. What is delayed also says by whose spikes."""
        if isinstance(expression, Symbol):
            return Symbol(self.name(instance, expression.name))
        within = rebuilt(expression, lambda part: self.qualify(instance, part))
        if isinstance(within, Call) and within.function == "delayed":
            return Call("delayed", (*within.arguments, Symbol(instance.id)))
        return within

    # --- definitions --------------------------------------------------------------------------------

    @cached_property
    def additions(self) -> dict[str, list[Expression]]:
        """What mechanisms add to each input."""
        found: dict[str, list[Expression]] = {}
        for mechanism in self.mechanisms:
            for addition in mechanism.model.adds:
                found.setdefault(self._input(addition.target), []).append(self.qualify(mechanism, addition.value))
        return found

    def _input(self, word: str) -> str:
        """The qualified name of the input that mechanisms add to: the population's, else that of the mechanism that has it."""
        return next(i.qualified(word) for i in self.instances if i.qualified(word) in self.inputs)

    @cached_property
    def definitions(self) -> dict[str, Expression]:
        """All names that stand for an expression: definitions, and inputs with what is added to them."""
        found = {i.qualified(d.name): self.qualify(i, d.expression) for i in self.instances for d in i.model.definitions}
        return found | {name: self._total(name) for name in self.inputs}

    def _total(self, name: str) -> Expression:
        """An input: what comes from outside, what mechanisms add, and what the program makes of the sum."""
        total: Expression = Symbol(name + "#")
        for added in self.additions.get(name, ()):
            total = Binary("+", total, added)
        if name in self.modulated:
            total = Binary("+", Symbol(name + OFFSET), Binary("*", Symbol(name + FACTOR), total))
        return total

    def flat(self, expression: Expression) -> Expression:
        """The expression with all definitions put in, for algebra. What is held or delayed stays as it is."""
        if isinstance(expression, Symbol):
            meant = self.definitions.get(expression.name)
            return expression if meant is None else self.flat(meant)
        if isinstance(expression, Call) and expression.function in ("held", "delayed"):
            return expression
        return rebuilt(expression, self.flat)

    def coupled(self, equations: list[Equation]) -> list[dict[str, Row]]:
        """The systems of exact equations that are solved together, each of one text, in terms of its states and of inputs."""
        found = []
        for instance in self.instances:
            own = {instance.qualified(state.name) for state in instance.model.states}
            exact = {e.variable: self._spelled_out(e.rate) for e in equations if e.variable in own and e.method == "exact"}
            for names in coupled(exact):
                rows = {name: linear_row(exact[name], names) for name in names}
                found.append({name: row for name, row in rows.items() if isinstance(row, Row)})
        return found

    def _spelled_out(self, expression: Expression) -> Expression:
        """The expression with the definitions of texts put in, but not what inputs are."""
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
        return max((self.rate_of_change(part) for part in expression.parts()), default=Rate.UNIFORM)

    def _rate_of_name(self, name: str) -> Rate:
        if name in self.definitions:
            return self.rate_of_change(self.definitions[name])
        if name in self.parameters:
            return Rate.PER_CELL if name in self.own else Rate.UNIFORM
        if "#" in name:
            return Rate.PER_CELL
        return Rate.UNIFORM if name in ("dt", "noise") else Rate.VARYING

    # --- what happens -------------------------------------------------------------------------------

    @cached_property
    def stages(self) -> list[list[Equation | Assignment]]:
        """The stages of all instances side by side, with qualified names."""
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
        """What a spike does to the neuron that fired it."""
        model = self.population.model
        return [Assignment(self.population.qualified(a.variable), self.qualify(self.population, a.value)) for a in model.reset]

    def spikes_interact(self, instance: Instance, port: Port) -> bool:
        """Whether spikes at a port must act one after another: a factor reads, through definitions, what the port changes."""
        changed = {instance.qualified(variable) for variable, _ in port.jumps}
        return any(read_now(self.flat(self.qualify(instance, factor))) & changed for _, factor in port.jumps)
