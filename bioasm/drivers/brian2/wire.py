"""Code generation of one Synapses object: names, equations and statements of a synapse.

Brian2 solves uncoupled event-driven equations, and integrates clock-driven ones where it has their method. Statements are
generated here for the rest, as for neurons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

from bioasm.drivers.brian2.cell import FREE, Cell, Part, identifier, port_name, unit_of_thing
from bioasm.drivers.brian2.derivative import ZERO, derivative
from bioasm.drivers.brian2.exact import ExactSystem, coupled_events, event_driven
from bioasm.drivers.brian2.integration import step_code
from bioasm.drivers.brian2.population import Population
from bioasm.drivers.brian2.printer import replaced, spell, spell_unit
from bioasm.drivers.brian2.sums import summed_variable
from bioasm.models.algebra import is_number, simplify
from bioasm.models.base import EVENT_DRIVEN, LAST_EVENT, POST, PRE, Assignment, Equation, Handler, Model, Port, Send
from bioasm.models.expression import Binary, Call, Expression, Number, Symbol, rebuilt
from bioasm.network.attachment import end_of, owner_of
from bioasm.network.coupling import sums
from bioasm.network.namespace import WEIGHT
from bioasm.network.network import Network, Projection
from bioasm.units import Dimension, exponents_of

FindPart = Callable[[str], tuple[Population, Part]]
_PLAIN = frozenset({"exp", "log", "sqrt", "sin", "cos", "tanh"})  # functions that sympy has under the same name
_SHARED = frozenset({"t", "dt", "t_in_timesteps", "N", "i"})  # names that Brian2 defines for connections


class Wire(Cell):
    """The synapse of a projection between two populations. `place` is the index of the projection in the program."""

    def __init__(self, network: Network, projection: Projection, place: int, find: FindPart) -> None:
        assert projection.synapse is not None
        self.network, self.projection, self.place = network, projection, place
        self.synapse = projection.synapse
        super().__init__([Part(projection.name, _in_every_step(self.synapse))])
        self.ends = {PRE: find(network.populations[projection.pre].name)[0], POST: find(projection.target)[0]}
        self.target = find(projection.target)[1]
        self.used = {use.name: self._at_end(use.name, find) for use in self.synapse.uses}

    def _at_end(self, use: str, find: FindPart) -> Expression:
        """The expression of a neuron's name at its end, with definitions and inputs substituted."""
        end, meant = end_of(use)[1], owner_of(self.network, self.projection, use)
        assert meant is not None
        owner, name = meant
        return _seen_from(self.ends[end].cell.written_out(find(owner.name)[1], Symbol(name)), end)

    # --- names ----------------------------------------------------------------------------------------

    @property
    def part(self) -> Part:
        """The synapse under the name of its projection."""
        return self.parts[0]

    def own(self, name: str) -> str:
        """The name in Brian2 of a value per connection."""
        return identifier(self.part, name)

    def written_out(self, part: Part, expression: Expression) -> Expression:
        """An expression with all definitions and references to neurons substituted."""

        def meaning(name: str) -> Expression:
            made = next((d for d in part.model.definitions if d.name == name), None)
            if made is not None:
                return self.written_out(part, made.expression)
            return self.used.get(name) or Symbol(self.variable(part, name))

        return replaced(expression, meaning, lambda call: call)

    def text(self, expression: Expression) -> str:
        """An expression of the synapse in Brian2's notation."""
        return self.spelled(self.part, expression)

    @property
    def port(self) -> Port | None:
        """The target port; None where it sends nothing."""
        return self.target.model.port(self.projection.port) if self.synapse.sends else None

    # --- equations ------------------------------------------------------------------------------------

    def lines(self, step: float) -> Iterator[str]:
        """The equations of the Synapses object; `step` is the time step in seconds."""
        for parameter in self.synapse.parameters:
            yield f"{self.own(parameter.name)} : {spell_unit(unit_of_thing(parameter))} (constant)"
        if self.port is not None:
            yield f"{self.own(WEIGHT)} : {spell_unit(self.port.unit)} (constant)"
        native = {e.variable: "clock-driven" for e in self.clock_driven if self.method}
        native |= {e.variable: EVENT_DRIVEN for e in self.solved_by_brian2}
        rates = {e.variable: e.rate for e in (*self.clock_driven, *self.solved_by_brian2)}
        for state in self.synapse.states:
            own, unit = self.own(state.name), spell_unit(state.unit)
            if state.name not in native:
                yield f"{own} : {unit}"
                continue
            rate = self.written_out(self.part, rates[state.name])
            if native[state.name] == EVENT_DRIVEN:
                rate = _at_step(rate, step)
            yield f"d{own}/dt = {spell(rate)} : {unit} ({native[state.name]})"
        yield from self._summed()
        numbers = [e for _, _, s in self.exact_systems for still in s.variants for e in s.entries(still)]
        yield from (f"{e.variable} : {spell_unit(e.unit)} (constant)" for e in numbers)
        if self.event_driven and not self.solved_by_brian2:
            yield f"{self.last_event} : second"

    def _summed(self) -> Iterator[str]:
        for at, one in enumerate(sums(self.network, self.projection)):
            unit = next(i.unit for i in one.owner.model.inputs if i.name == one.input)
            yield f"{summed_variable(self.place, at, one)}_{one.end} = {self.text(one.value)} : {spell_unit(unit)} (summed)"

    @property
    def last_event(self) -> str:
        """The time of a connection's last event: Brian2's own variable where it solves equations itself."""
        return "lastupdate" if self.solved_by_brian2 else self.own(LAST_EVENT)

    # --- every step -----------------------------------------------------------------------------------

    @property
    def clock_driven(self) -> list[Equation]:
        """The clock-driven equations."""
        return [item for item in self.part.model.stages[0] if isinstance(item, Equation)]

    @cached_property
    def method(self) -> str | None:
        """The integrator of Brian2 for the clock-driven equations, or None where there is none."""
        methods = {e.method for e in self.clock_driven}
        plain = all(_is_plain(self.written_out(self.part, e.rate)) for e in self.clock_driven)
        return methods.pop() if len(methods) == 1 and methods <= {"euler", "rk4"} and plain else None

    @property
    def step_code(self) -> str:
        """Code run per connection in each step, in addition to Brian2's integrator."""
        if self.method is None:
            return step_code(self)
        assigned = [item for item in self.part.model.stages[0] if isinstance(item, Assignment)]
        return "\n".join(f"{self.own(a.variable)} = {self.text(a.value)}" for a in assigned)

    # --- from event to event --------------------------------------------------------------------------

    @cached_property
    def event_driven(self) -> list[Equation]:
        """The event-driven equations."""
        return event_driven(self.synapse)

    @cached_property
    def together(self) -> ExactSystem | None:
        """The coupled event-driven equations."""
        among = coupled_events(self.synapse)
        if not among:
            return None
        exact = tuple(e._replace(method="exact") for e in self.event_driven if e.variable in among)
        return ExactSystem(replace(self.synapse, stages=(exact,)), 0, "", {})

    @property
    def alone(self) -> list[Equation]:
        """The uncoupled event-driven equations."""
        return [e for e in self.event_driven if self.together is None or e.variable not in self.together.names]

    @cached_property
    def solved_by_brian2(self) -> list[Equation]:
        """The uncoupled event-driven equations that Brian2 solves."""
        return [e for e in self.alone if self._slope(e) != ZERO and _is_plain(self.written_out(self.part, e.rate))]

    def _slope(self, equation: Equation) -> Expression:
        """The coefficient of the state in its rate; 0 also where it cancels out, which Brian2 can't solve."""
        slope = simplify(derivative(self.written_out(self.part, equation.rate), self.own(equation.variable)))
        return ZERO if is_number(slope, 0.0) else slope

    def _brought_up_to_date(self) -> Iterator[str]:
        """Code that solves the event-driven equations that Brian2 does not solve, from the last event to now."""
        elapsed = f"(t - {self.last_event})"
        if self.together is not None:
            known = ", ".join(self.own(name) for name in (*self.together.names, *self.read_together))
            for at, name in enumerate(self.together.names):
                yield f"_new_{self.own(name)} = {self.solution(at)}({elapsed}, {known})"
            yield from (f"{self.own(name)} = _new_{self.own(name)}" for name in self.together.names)
        for equation in (e for e in self.alone if e not in self.solved_by_brian2):
            own, rate = self.own(equation.variable), self.text(equation.rate)
            growth = f"exprel(({spell(self._slope(equation))}) * {elapsed})" if self._slope(equation) != ZERO else "1.0"
            yield f"{own} = {own} + {elapsed} * ({rate}) * {growth}"

    def solution(self, at: int) -> str:
        """The name of the function that solves the coupled equations for a state."""
        return f"solved_{at}"

    @property
    def read_together(self) -> list[str]:
        """The parameters in coupled equations."""
        assert self.together is not None
        names = {n.name for rate in self.together.rates.values() for n in rate.walk() if isinstance(n, Symbol)}
        return [p.name for p in self.synapse.parameters if p.name in names]

    # --- events ---------------------------------------------------------------------------------------

    def pathway(self, handler: Handler) -> str:
        """Code that a spike runs for a connection, one statement a line."""
        lines, sent = [*self._brought_up_to_date()], 0
        free = self._is_free_of_order(handler)
        for statement in handler.statements:
            if isinstance(statement, Assignment):
                lines.append(self._assigned(statement, free))
            elif self.acts_at_once:
                lines.append(f"_sent_{sent} = ({self.text(statement.value)}) * {self.own(WEIGHT)}")
                sent += 1
            else:
                lines.append(self._arriving(statement))
        lines += [line for at in range(sent) for line in self._spike(at)]
        if self.event_driven and not self.solved_by_brian2:
            lines.append(f"{self.last_event} = t")
        return "\n".join(lines)

    @property
    def acts_at_once(self) -> bool:
        """Whether spikes at the port act in sequence, so that a sent number acts in its connection's iteration."""
        return self.port is not None and self.ends[POST].cell.spikes_interact(self.target, self.port)

    def _arriving(self, statement: Send) -> str:
        """Code that adds the sent number to the sum of arriving weights of the port."""
        assert self.port is not None
        return f"{port_name(self.target, self.port)}_{POST} += ({self.text(statement.value)}) * {self.own(WEIGHT)}"

    def _spike(self, at: int) -> Iterator[str]:
        """Code of the receiving neuron for a spike with the sent weight."""
        assert self.port is not None
        post = self.ends[POST]
        there = {str(name): f"{name}_{POST}" for name in post.group.variables if name not in _SHARED}
        there[port_name(self.target, self.port)] = f"_sent_{at}"
        for line in post.cell.spike_code(self.target, self.port, some=False).splitlines():
            yield re.sub(r"\w+", lambda word: there.get(word[0], word[0]), line)

    def _assigned(self, statement: Assignment, free: bool) -> str:
        target, rest = self._named(statement.variable), _added(statement)
        if statement.variable not in self.used:
            return f"{target} = {self.text(statement.value)}"
        if free and rest is not None:
            return f"{target} += {self.text(rest)}"
        value, held = self.text(statement.value), self._clamped(target)
        # Brian2 executes statements that read the variable they change connection by connection, also in numpy.
        return f"{target} = chosen({f'{held} > 0.5' if held else 't == t'}, {value}, {target})"

    def _named(self, name: str) -> str:
        """The name in Brian2 of an assigned variable."""
        found = self.used.get(name)
        return found.name if isinstance(found, Symbol) else self.own(name)

    def _clamped(self, target: str) -> str | None:
        """The flag of unclamped neurons, for an assigned variable that can be clamped; else None."""
        population, name = self._place_of(target) or (None, "")
        if population is None or not population.cell.clamps:
            return None
        cell, end = population.cell, target.rpartition("_")[2]
        own = cell.parts[0]
        return f"{FREE}_{end}" if own.model.clamp and name == identifier(own, own.model.clamp) else None

    def _is_free_of_order(self, handler: Handler) -> bool:
        """Whether the connections' actions commute: they change neurons by addition only."""
        assigned = [s for s in handler.statements if isinstance(s, Assignment) and s.variable in self.used]
        changed = {self._place_of(self._named(s.variable)) for s in assigned}
        only_added = all(_added(s) is not None and self._clamped(self._named(s.variable)) is None for s in assigned)
        values = (_added(s) or s.value if s in assigned else s.value for s in handler.statements)
        read = {self._place_of(n.name) for v in values for n in self.written_out(self.part, v).walk() if isinstance(n, Symbol)}
        return only_added and not (read - {None}) & changed and not self.acts_at_once

    def _place_of(self, name: str) -> tuple[Population, str] | None:
        """The population that owns a variable, and its name there; None for a connection's own."""
        own, _, end = name.rpartition("_")
        return (self.ends[end], own) if end in self.ends else None


def _in_every_step(synapse: Model) -> Model:
    """A synapse with all clock-driven equations and then assignments as its only stage."""
    items = [item for stage in synapse.stages for item in stage]
    equations = [item for item in items if isinstance(item, Equation) and item.method != EVENT_DRIVEN]
    assigned = [item for item in items if isinstance(item, Assignment)]
    return replace(synapse, stages=((*equations, *assigned),))


def _added(statement: Assignment) -> Expression | None:
    """The expression that a statement adds to its variable; None for other statements."""
    match statement.value:
        case Binary("+", Symbol(name), rest) if name == statement.variable:
            return rest
    return None


def _seen_from(expression: Expression, end: str) -> Expression:
    """An expression of a neuron's variables, with the suffix of the connection's end."""
    if isinstance(expression, Symbol):
        return expression if expression.name in ("t", "dt") else Symbol(f"{expression.name}_{end}")
    return rebuilt(expression, lambda part: _seen_from(part, end))


def _at_step(expression: Expression, step: float) -> Expression:
    """An expression with dt as a number, because Brian2 substitutes the elapsed time for dt in event-driven equations."""
    second = exponents_of(Dimension.TIME)
    return replaced(expression, lambda name: Number(step, second) if name == "dt" else Symbol(name), lambda call: call)


def _is_plain(expression: Expression) -> bool:
    """Whether Brian2 can parse an expression with sympy, which lacks conditions."""
    nodes: list[Any] = list(expression.walk())
    operators = {n.operator for n in nodes if isinstance(n, Binary)}
    return operators <= {"+", "-", "*", "/", "^"} and all(n.function in _PLAIN for n in nodes if isinstance(n, Call))
