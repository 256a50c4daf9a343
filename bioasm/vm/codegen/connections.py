"""Code of synapses: their equations and handlers as loops over connections, with names at a connection and its two ends.

Names of the synapse become `id.name`; neurons' variables become `pre!p0.v` or `post!p0.v`, of the cell at that end. An
iteration is one connection in one lane, at the local ENTRY; PRE_CELL and POST_CELL are the cells at its ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from bioasm.models.algebra import is_number, linear_in, simplify
from bioasm.models.base import EVENT_DRIVEN, LAST_EVENT, POST, PRE, Assignment, Equation, Handler, Send
from bioasm.models.expression import Expression, Symbol, expanded, rebuilt, symbols
from bioasm.models.linear_systems import Row, coupled, linear_row
from bioasm.network.attachment import end_of
from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.loop import Loop
from bioasm.vm.codegen.lower import DT, STEP, Environment
from bioasm.vm.codegen.passes import Hoisting, Numbering
from bioasm.vm.codegen.plan import Link, Summand
from bioasm.vm.codegen.propagator import Propagator
from bioasm.vm.codegen.schedule import LANE0, WIDTH, Effect, Scheduled, schedule
from bioasm.vm.codegen.statements import Assign, Let, Store
from bioasm.vm.codegen.steps import StepBuilder
from bioasm.vm.codegen.system import Instance, System, coupled_field, level_field
from bioasm.vm.codegen.types import Rate, Space, Type
from bioasm.vm.codegen.values import Value, apply, as_number, as_value, made_of, named, read

CONNECTION = named("connection", Type.I64, Space.CONNECTION)
ENTRY, PRE_CELL, POST_CELL = (named(word, Type.I64, Space.CONNECTION) for word in ("entry", "pre_cell", "post_cell"))
ELAPSED = "elapsed"
_SEPARATOR = "!"


class SynapseSystem:
    """Symbol table of one synapse: its own names, and those of the neurons at both ends."""

    def __init__(self, link: Link, systems: tuple[System, ...]) -> None:
        assert link.synapse is not None
        self.link, self.instance, self.systems = link, link.synapse, systems
        self.model = link.synapse.model
        self.own = link.own | frozenset(name for system in systems for name in system.own)
        self.states = {self.instance.qualified(s.name): s.initial for s in self.model.states}

    @property
    def population(self) -> Instance:
        """The id of the postsynaptic population."""
        return self.systems[self.link.target.population].population

    @cached_property
    def parameters(self) -> dict[str, object]:
        """All parameters of the network by qualified name."""
        mine: dict[str, object] = {self.instance.qualified(p.name): p for p in self.model.parameters}
        return mine | {name: parameter for system in self.systems for name, parameter in system.parameters.items()}

    @cached_property
    def definitions(self) -> dict[str, Expression]:
        """The synapse's definitions by qualified name."""
        return {self.instance.qualified(d.name): self.qualify(d.expression) for d in self.model.definitions}

    @cached_property
    def _uses(self) -> dict[str, Expression]:
        return {use.name: self._at_end(use.name) for use in self.model.uses}

    def _at_end(self, use: str) -> Expression:
        """The expression of a neuron's name at its end."""
        population, name = self.link.owners[use]
        system = self.systems[population]
        return _marked(system.flat(Symbol(name)), end_of(use)[1], system)

    def qualify(self, expression: Expression) -> Expression:
        """An expression of the synapse's text with qualified names."""
        if isinstance(expression, Symbol):
            return self._uses.get(expression.name) or Symbol(self.name(expression.name))
        return rebuilt(expression, self.qualify)

    def name(self, word: str) -> str:
        """The qualified name of a changed variable, or of one of the synapse's own."""
        if word in ("t", "dt"):
            return word
        used = self._uses.get(word)
        return used.name if isinstance(used, Symbol) else self.instance.qualified(word)

    def flat(self, expression: Expression) -> Expression:
        """The expression with all definitions substituted."""
        return expanded(expression, self.definitions)

    def rate_of_change(self, expression: Expression) -> Rate:
        """How often an expression changes.

        Expressions of parameters alone have one form, whether parameters are the same for all connections and lanes or not, so
        that a lane with values of its own has the same bits as a run with these values.
        """
        if isinstance(expression, Symbol):
            if expression.name in self.definitions:
                return self.rate_of_change(self.definitions[expression.name])
            name = expression.name.rpartition(_SEPARATOR)[2]
            if name in self.parameters:
                return Rate.PER_CELL if name in self.own else Rate.UNIFORM
            return Rate.UNIFORM if name == "dt" else Rate.VARYING
        return max((self.rate_of_change(part) for part in expression.parts()), default=Rate.UNIFORM)

    def _equations(self) -> Iterator[Equation]:
        for statement in (s for stage in self.model.stages for s in stage if isinstance(s, Equation)):
            name, rate = self.instance.qualified(statement.variable), self.qualify(statement.rate)
            yield statement._replace(variable=name, rate=rate)

    @cached_property
    def event_driven(self) -> list[Equation]:
        """The event-driven equations."""
        return [e for e in self._equations() if e.method == EVENT_DRIVEN]

    @cached_property
    def stages(self) -> list[list[Equation | Assignment]]:
        """The clock-driven equations and assignments, in at most one stage."""
        assigned = [s for stage in self.model.stages for s in stage if isinstance(s, Assignment)]
        here: list[Equation | Assignment] = [e for e in self._equations() if e.method != EVENT_DRIVEN]
        here += [Assignment(self.name(s.variable), self.qualify(s.value)) for s in assigned]
        return [here] if here else []

    def coupled(self, equations: list[Equation], method: str = "exact") -> list[dict[str, Row]]:
        """The systems of equations of a method that are solved together, in terms of their states."""
        rates = {e.variable: self.flat(e.rate) for e in equations if e.method == method}
        rows = [{name: linear_row(rates[name], names) for name in names} for names in coupled(rates)]
        return [{name: row for name, row in found.items() if isinstance(row, Row)} for found in rows]


def _marked(expression: Expression, end: str, system: System) -> Expression:
    """An expression of a neuron's names, marked with an end; names that are the same for all cells are not marked."""
    if isinstance(expression, Symbol):
        name = level_field(system.population.id) if expression.name == "noise" and system.noisy_by_lane else expression.name
        alike = name in ("t", "dt", "noise") or (name in system.parameters and name not in system.own)
        return expression if alike else Symbol(f"{end}{_SEPARATOR}{name}")
    return rebuilt(expression, lambda part: _marked(part, end, system))


def entries(link: Link, view: Callable[[str, Field, Value, Value], Value], name: str, entry: Value) -> tuple[Value, Value]:
    """The array of a value per connection and lane of a block, and the index of an entry in it."""
    edges, size = read("whole", f"edges:{link.name}", Rate.UNIFORM), max(1, len(link.record))
    array = view(name, Field(link.target.population, "f8", "entry"), edges * LANE0 * size, edges * WIDTH * size)
    return array, entry * size


class ConnectionLoop(Loop):
    """Builder of a loop over connections: collects stores and sends. `views` are the locals of the arrays read, by field."""

    def __init__(self, system: SynapseSystem, numbering: Numbering, hoisting: Hoisting, clamped: bool) -> None:
        super().__init__(system, -1, numbering, hoisting)  # type: ignore[arg-type]
        self.synapse, self.clamped = system, clamped
        self.views: dict[str, Let] = {}
        self._items: dict[str, tuple[Value, Value]] = {}
        self._sent = 0
        self.reads: set[str] = set()
        self.by_entry = False  # whether an iteration accesses values per connection and lane

    # --- arrays -------------------------------------------------------------------------------------

    def view(self, name: str, made: Field, first: Value | int, count: Value | int) -> Value:
        """The local with an array of the present block."""
        if name not in self.views:
            kind = Type(made.dtype)
            address = read("field", name, Rate.UNIFORM, made)
            view = made_of("view", kind, (address, as_value(first), as_value(count)))
            self.views[name] = Let(named(f"v{len(self.views)}", kind), view)
        return self.views[name].local

    def fixed(self, name: str, value: Value) -> Value:
        """A local with a loop-invariant number."""
        return self.views.setdefault(name, Let(named(f"v{len(self.views)}", value.type), value)).local

    def _item(self, name: str) -> tuple[Value, Value]:
        """The array of a name and the index of its entry in an iteration."""
        if name not in self._items:
            self._items[name] = self._found(name)
        return self._items[name]

    def _found(self, name: str) -> tuple[Value, Value]:
        end, separator, qualified = name.partition(_SEPARATOR)
        link = self.synapse.link
        if separator:
            p = link.population_at(end)
            neurons = read("whole", f"n:{p}", Rate.UNIFORM)
            return self.view(qualified, Field(p), neurons * LANE0, neurons * WIDTH), self.cell_at(end)
        edges = read("whole", f"edges:{link.name}", Rate.UNIFORM)
        if name in link.shared or (name in self.synapse.own and name not in link.apart):
            self.reads.add("connection")
            return self.view(name, Field(link.target.population, "f8", "link"), 0, edges), CONNECTION
        self.by_entry = True
        return entries(link, self.view, name, ENTRY)

    def cell_at(self, end: str) -> Value:
        """The cell at an end of the connection."""
        self.reads.add(end)
        return PRE_CELL if end == PRE else POST_CELL

    def _invariant(self, expression: Expression) -> Value:
        """A value that is constant over steps, computed as written, also from values of single connections."""
        if expression not in self._constants:
            self.fused = False
            self._constants[expression] = self.value(expression, Environment(self.start.time))
            self.fused = True
        return self._constants[expression]

    def _stored(self, name: str) -> Value:
        if name in self.system.parameters and name not in self.system.own:
            return read("number", name, Rate.UNIFORM)
        array, index = self._item(name)
        return array.item(index)

    # --- effects ------------------------------------------------------------------------------------

    def save(self, moment: Environment) -> None:
        """Store the states that are changed at a moment."""
        for name, value in moment.states.items():
            if name != ELAPSED:
                array, index = self._item(name)
                self._effects.append(Store(array, index, as_number(self._unless_clamped(name, value))))

    def _unless_clamped(self, name: str, value: Value) -> Value:
        """The value of a neuron's variable after a statement; a clamped one keeps its value."""
        end, separator, qualified = name.partition(_SEPARATOR)
        if not separator:
            return value
        p = self.synapse.link.population_at(end)
        population = self.synapse.systems[p].population
        if not (self.clamped and qualified == population.qualified(population.model.clamp)):
            return value
        neurons = read("whole", f"n:{p}", Rate.UNIFORM)
        held = self.view(f"hold:{p}", Field(p, "u1"), neurons * LANE0, neurons * WIDTH)
        array, index = self._item(name)
        return apply("select", held.item(index).differs(0), array.item(index), value)

    def send(self, value: Value) -> None:
        """Add a send of a number."""
        self._effects.append(Assign(named(f"sent{self._sent}", Type.F64, Space.CONNECTION), value))
        self._sent += 1

    @property
    def sent(self) -> list[Value]:
        """The locals with the sent numbers."""
        return [named(f"sent{at}", Type.F64, Space.CONNECTION) for at in range(self._sent)]

    def scheduled(self) -> Scheduled:
        """The statements of an iteration, after all passes."""
        effects = self._passed([*self._effects], Space.CONNECTION)
        return schedule([e for e in effects if not _idle(e)], as_value(0))


def _idle(effect: Effect) -> bool:
    """Whether a store is redundant: it stores the value that it reads."""
    value = effect.value if isinstance(effect, Store) else None
    return value is not None and value.op == "item" and value.arguments == (effect.array, effect.index)  # type: ignore[union-attr]


class ConnectionSteps(StepBuilder):
    """Builder of the loops of one synapse: its clock-driven equations, and its handlers."""

    def __init__(self, link: Link, systems: tuple[System, ...], numbering: Numbering, clamped: bool) -> None:
        self.link, self.synapse, self.clamps = link, SynapseSystem(link, systems), clamped
        assert link.synapse is not None
        self.instance: Instance = link.synapse
        super().__init__(self.synapse, -1, numbering, False)  # type: ignore[arg-type]
        self.hoisting = Hoisting(self.instance.id)

    def _turn(self) -> ConnectionLoop:
        return ConnectionLoop(self.synapse, self.numbering, self.hoisting, self.clamps)

    def evolve(self) -> ConnectionLoop | None:
        """The loop over connections in every step; None without clock-driven equations."""
        if not self.synapse.stages:
            return None
        loop = self._turn()
        loop.save(self._stage(loop, self.synapse.stages[0], loop.start, None, True))
        return loop

    def summing(self, one: Summand) -> ConnectionLoop:
        """The loop in which each connection adds to the sum of an input, from the values at the beginning of the step."""
        loop, name = self._turn(), f"{one.end}{_SEPARATOR}{coupled_field(one.target)}"
        total = loop.value(Symbol(name), loop.start) + as_number(loop.value(self.synapse.qualify(one.value), loop.start))
        loop.save(loop.start.after({name: total}))
        return loop

    def handle(self, at: int) -> ConnectionLoop:
        """The loop in which a spike of a pathway acts on a connection."""
        loop, handler = self._turn(), self.instance.model.handlers[at]
        moment = self._up_to_date(loop)
        for statement in handler.statements:
            value = loop.value(self.synapse.qualify(statement.value), moment)
            if isinstance(statement, Send):
                loop.send(value)
            else:
                moment = moment.after(self._changed(loop, handler, moment, self.synapse.name(statement.variable), value))
        loop.save(moment)
        return loop

    def _changed(
        self, loop: ConnectionLoop, handler: Handler, moment: Environment, name: str, value: Value
    ) -> dict[str, Value]:
        """The names that a statement changes; of an autapse also the alias at the other end, if used."""
        end, _, qualified = name.partition(_SEPARATOR)
        other = f"{POST if end == PRE else PRE}{_SEPARATOR}{qualified}"
        if self.link.pre != self.link.target.population or not qualified or other not in self._names(handler):
            return {name: value}
        itself = loop.cell_at(PRE).equals(loop.cell_at(POST))
        return {name: value, other: apply("select", itself, value, loop.value(Symbol(other), moment))}

    def _names(self, handler: Handler) -> set[str]:
        """The qualified names that the handler of a pathway reads and changes."""
        read_ = (symbols(self.synapse.flat(self.synapse.qualify(s.value))) for s in handler.statements)
        changed = {self.synapse.name(s.variable) for s in handler.statements if isinstance(s, Assignment)}
        return changed.union(*read_)

    def _up_to_date(self, loop: ConnectionLoop) -> Environment:
        """Event-driven update: solve the equations from the connection's last event to now."""
        equations = self.synapse.event_driven
        if not equations:
            return loop.start
        last = self.instance.qualified(LAST_EVENT)
        now = apply("float", STEP)
        elapsed = (now - loop.value(Symbol(last), loop.start)) * DT
        start = loop.start.after({ELAPSED: elapsed})
        changed: dict[str, Value] = {}
        for rows in self.synapse.coupled(equations, EVENT_DRIVEN):
            changed |= Propagator(loop, rows, start, Symbol(ELAPSED)).after([])
        alone = [e for e in equations if e.variable not in changed]
        changed |= {e.variable: self._solved(loop, e, start) for e in alone}
        return loop.start.after(changed | {last: now})

    def _solved(self, loop: ConnectionLoop, equation: Equation, moment: Environment) -> Value:
        """x' = a + b x over the time elapsed: x e^(b t), or x + (a + b x) t (e^(b t) - 1)/(b t)."""
        parts = linear_in(self.synapse.flat(equation.rate), equation.variable)
        assert parts is not None
        constant, slope = (simplify(part) for part in parts)
        x, elapsed = loop.value(Symbol(equation.variable), moment), moment.states[ELAPSED]
        if is_number(slope, 0):
            return apply("fma", loop.value(constant, moment), elapsed, x)
        exponent = loop.value(slope, moment) * elapsed
        if is_number(constant, 0):
            return x * apply("exp", exponent)
        rate = apply("fma", loop.value(slope, moment), x, loop.value(constant, moment))
        return apply("fma", rate * elapsed, apply("growth", exponent), x)
