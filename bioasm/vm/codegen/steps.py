"""Code of one population's step, cell by cell: integration, threshold, arrival of spikes, reset."""

from __future__ import annotations

from functools import cached_property, reduce

from bioasm.models.algebra import derivative, linear_in, simplify
from bioasm.models.base import ORDER, Assignment, Equation, Event
from bioasm.models.expression import Binary, Call, Expression, Number, Symbol
from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.loop import FIRED, Loop
from bioasm.vm.codegen.lower import DT as STEP_LENGTH
from bioasm.vm.codegen.lower import STEP, Environment
from bioasm.vm.codegen.passes import Hoisting, Numbering
from bioasm.vm.codegen.propagator import Propagator, Standing
from bioasm.vm.codegen.schedule import K
from bioasm.vm.codegen.statements import Put
from bioasm.vm.codegen.system import Instance, System
from bioasm.vm.codegen.types import Rate, Space, Type
from bioasm.vm.codegen.values import Value, apply, as_number, as_value, cell, named, read

DT = Symbol("dt")
WEIGHT = named("weight", Type.F64)  # parameter: the weight of a single spike
ONE, HALF = Number(1.0), Number(0.5)
_SLACK = Number(1e-6)  # steps: a time this close to a step boundary counts as on it


def frozen_field(population: int) -> str:
    """The field with the remaining refractory steps of each cell."""
    return f"frozen:{population}"


def _still_field(population: int) -> str:
    """The field with the remaining refractory steps at the beginning of the step, for a threshold tested after it."""
    return f"still:{population}"


def happened_field(population: int, at: int) -> str:
    """The field with 1 for the cells in which one of a population's events happens in this step."""
    return f"happened:{population}:{at}"


def hold_field(population: int) -> str:
    """The field with 1 for clamped cells."""
    return f"hold:{population}"


class StepBuilder:
    """Builder of the loops of one population; with `clamped` they respect clamps; `heard` are the recorded events."""

    def __init__(
        self, system: System, population: int, numbering: Numbering, clamped: bool, heard: frozenset[str] = frozenset()
    ) -> None:
        self.system, self.population, self.numbering, self.clamped = system, population, numbering, clamped
        self.heard = heard
        self.hoisting = Hoisting(population)

    def loop(self, hoisting: bool = True, later: bool = False) -> Loop:
        """A new loop over the cells; with `later` it follows another one in the step."""
        kept = self.saved_values if later else None
        return Loop(self.system, self.population, self.numbering, self.hoisting if hoisting else None, kept)

    # --- integration ------------------------------------------------------------------------------

    def step(self, quiet: bool, reset: bool, test: bool = True) -> Loop:
        """One step; with `test` the threshold after it, with `reset` the reset in the same loop; `quiet` omits the noise."""
        loop = self.loop(later=True) if self.early else self._first()
        if not quiet:
            loop.start.noise = {xi: _drawn(at) for at, xi in enumerate(self.system.noises)}
        refractory = self._refractory_now(loop) if self.refractory is not None else None
        moment = loop.start
        for stage in self.system.stages:
            moment = self._stage(loop, stage, moment, refractory, quiet)
        self._note_events(loop, moment)
        crossed = self._crossed(loop, moment, refractory) if test and self.threshold is not None else None
        if crossed is not None:
            loop.fire(crossed)
        if refractory is not None:
            self._count_down(loop, refractory, crossed if reset else None, moment)
            if not test and self._threshold_follows:
                loop.store(_still_field(self.population), refractory)
        if crossed is not None and reset:
            moment = self._reset(loop, moment, crossed)
        elif not reset and not self.early:
            self._save_values(loop)
        loop.save(moment)
        return loop

    def stage(self, loop: Loop, stage: list[Equation | Assignment], before: Environment) -> Environment:
        """One stage of a population without noise and refractory period, from the values before it."""
        return self._stage(loop, stage, before, None, quiet=True)

    def _stage(
        self, loop: Loop, stage: list[Equation | Assignment], before: Environment, refractory: Value | None, quiet: bool
    ) -> Environment:
        equations = [s for s in stage if isinstance(s, Equation)]
        together = [e for e in equations if e.method == "rk4"]
        held = {e.variable: self._held(loop, e.variable, refractory if e.frozen else None) for e in equations}
        changed = self._runge_kutta(loop, together, before, held)
        for rows in self.system.coupled(equations):
            changed |= Propagator(loop, rows, before).after(self._standing(loop, equations, refractory))
        alone = [e for e in equations if e.method != "rk4" and e.variable not in changed]
        changed |= {e.variable: self._single(loop, e, before, quiet) for e in alone}
        for variable, condition in held.items():
            changed[variable] = _unless(condition, _state(loop, variable, before), changed[variable])
        moment = before.after(changed) if changed else before
        for statement in stage:
            if isinstance(statement, Assignment):
                variable = statement.variable
                old, new = _state(loop, variable, moment), loop.value(statement.value, moment)
                moment = moment.after({variable: _unless(self._held(loop, variable, None), old, new)})
        return moment

    def _held(self, loop: Loop, variable: str, refractory: Value | None) -> Value | None:
        """The condition under which a variable is not integrated, refractory or clamped; None where it always is."""
        condition = None if refractory is None else refractory > 0.0
        if variable == self._clamp:
            clamped = loop.array(self._hold, Field(self.population, "u1")).differs(0)
            condition = clamped if condition is None else condition | clamped
        return condition

    @property
    def _clamp(self) -> str | None:
        """The variable of clamped cells; None where the program clamps none."""
        population = self.system.population
        return population.qualified(population.model.clamp) if self.clamped else None

    def _standing(self, loop: Loop, equations: list[Equation], refractory: Value | None) -> list[Standing]:
        """The conditions under which states are not integrated, and which states these are."""
        frozen = frozenset(e.variable for e in equations if e.frozen)
        found = [(refractory > 0.0, frozen)] if frozen and refractory is not None else []
        if self._clamp:
            found.append((loop.array(self._hold, Field(self.population, "u1")).differs(0), frozenset((self._clamp,))))
        return found

    def _single(self, loop: Loop, equation: Equation, moment: Environment, quiet: bool) -> Value:
        """One equation by itself: x + dt f phi(dt df/dx), with phi of the method."""
        x, rate = _state(loop, equation.variable, moment), self.system.flat(equation.rate)
        slope = Number(0.0) if equation.method == "euler" else simplify(derivative(rate, equation.variable))
        weight, below = _phi(equation.method, Binary("*", DT, slope))
        weight = simplify(Binary("*", DT, weight))
        whole = weight if below is None else Binary("/", weight, below)
        linear = linear_in(rate, equation.variable)
        if linear is not None and max(self.system.rate_of_change(e) for e in (*linear, whole)) < Rate.VARYING:
            constant, factor = (loop.value(simplify(Binary("*", whole, part)), moment) for part in linear)
            change = apply("fma", factor, x, constant)
        else:
            change = loop.value(Binary("*", weight, equation.rate), moment)
            change = change if below is None else change / loop.value(simplify(below), moment)
        for xi, factor_of_noise in () if quiet else equation.noise:
            strength = loop.value(Binary("*", Call("sqrt", (DT,)), factor_of_noise), moment)
            change = apply("fma", strength, moment.noise[xi], change)
        return x + change

    @staticmethod
    def _runge_kutta(
        loop: Loop, equations: list[Equation], moment: Environment, held: dict[str, Value | None]
    ) -> dict[str, Value]:
        """The classical Runge-Kutta method of order 4 over all its equations; `held` states are constant in all stages."""
        slopes: list[dict[str, Value]] = []
        for part in (None, 0.5, 0.5, 1.0):
            at = moment
            if part is not None:
                length = as_value(part) * STEP_LENGTH
                states = {v: _state(loop, v, moment) + length * slope for v, slope in slopes[-1].items()}
                at = moment.after(states, moment.time + length)
            rates = {e.variable: loop.value(e.rate, at) for e in equations}
            slopes.append({v: _unless(held[v], as_value(0.0), rate) for v, rate in rates.items()})
        sixth, two = STEP_LENGTH / 6.0, as_value(2.0)
        return {
            v: _state(loop, v, moment) + sixth * ((k[0] + k[3]) + two * (k[1] + k[2]))
            for v in slopes[0]
            for k in [[s[v] for s in slopes]]
        }

    # --- spikes -----------------------------------------------------------------------------------

    @property
    def threshold(self) -> Expression | None:
        """The spike condition of the population."""
        model = self.system.population.model
        return self.system.qualify(self.system.population, model.threshold.condition) if model.threshold else None

    @property
    def refractory(self) -> Expression | None:
        """The number of refractory steps after the step of a spike; None without a refractory period."""
        model = self.system.population.model
        if model.refractory is None:
            return None
        if model.refractory.lasting:
            return ONE  # until the condition ends it
        duration = self.system.qualify(self.system.population, model.refractory.duration)
        steps = Binary("/", duration, DT)
        if model.refractory.inclusive:
            whole: Expression = Binary("+", Call("floor", (Binary("+", steps, _SLACK),)), ONE)
        else:
            whole = Call("ceil", (Binary("-", steps, _SLACK),))
        order = model.order
        past = ONE if order.index("step") < order.index("reset") else Number(0.0)  # 1 if the reset comes after the step
        return Call("max", (Binary("-", whole, past), Number(0.0)))

    @property
    def _threshold_follows(self) -> bool:
        """Whether the order has the threshold after the step."""
        order = self.system.population.model.order
        return order.index("step") < order.index("spike")

    @property
    def early(self) -> bool:
        """Whether a step has another order than the default."""
        return self.system.population.model.order != ORDER

    # --- the beginning of the step ------------------------------------------------------------------

    @cached_property
    def saved_values(self) -> dict[Expression, str]:
        """The fields with values at the beginning of the step that later loops read, by `held` call."""
        system = self.system
        read = [assignment.value for assignment in system.reset]
        read += [system.qualify(i, factor) for i in system.instances for port in i.model.ports for _, factor in port.jumps]
        if self.refractory is not None:
            read.append(self.refractory)
        read += [assignment.value for event in self.events for assignment in event.statements]
        if self.early:
            read += [part for event in self.events for part in _conditions(event)]
            statements = [s for stage in system.stages for s in stage]
            read += [s.rate if isinstance(s, Equation) else s.value for s in statements]
            read += [f for s in statements if isinstance(s, Equation) for _, f in s.noise]
            read += [e for e in (self.threshold, self._before) if e is not None]
            read += [value for values in system.additions.values() for value in values]  # cells of cable have no equation of v
        calls = [n for e in read for n in system.flat(e).walk() if isinstance(n, Call) and n.function == "held"]
        return {call: f"held:{self.population}:{at}" for at, call in enumerate(dict.fromkeys(calls))}

    @property
    def _before(self) -> Expression | None:
        """1 where the condition of a crossing held at the beginning of the step, else 0."""
        threshold = self.system.population.model.threshold
        if self.threshold is None or threshold is None or not threshold.crossing:
            return None
        return _at_beginning(self.threshold)

    def prologue(self) -> Loop:
        """The loop that saves values at the beginning of a step for later loops, where equations are not its first phase."""
        loop = self._first()
        self._save_values(loop)
        return loop

    @property
    def needs_prologue(self) -> bool:
        """Whether `prologue` has anything to do."""
        return bool(self.saved_values or self._delayed)

    @cached_property
    def _delayed(self) -> list[Expression]:
        """All `delayed` calls of mechanisms."""
        added = [value for values in self.system.additions.values() for value in values]
        return [n for value in added for n in value.walk() if isinstance(n, Call) and n.function == "delayed"]

    def _first(self) -> Loop:
        """The first loop of a step: values read by `delayed` are written to their ring buffers."""
        loop = self.loop()
        for call in self._delayed:
            loop.value(call, loop.start)
        return loop

    def _save_values(self, loop: Loop) -> None:
        for call, name in self.saved_values.items():
            loop.store(name, loop.value(call, loop.start))

    @property
    def _frozen(self) -> str:
        return frozen_field(self.population)

    @property
    def _hold(self) -> str:
        return hold_field(self.population)

    def _crossed(self, loop: Loop, moment: Environment, refractory: Value | None) -> Value:
        """The condition under which a cell spikes."""
        assert self.threshold is not None
        crossed = loop.value(self.threshold, moment)
        model = self.system.population.model
        if model.threshold is not None and model.threshold.crossing:
            before = apply("not", loop.value(self.threshold, loop.start))
            if self._before is not None and loop.kept is not None:
                before = loop.value(self._before, moment).equals(0.0)
            crossed = crossed & before
        if refractory is not None:
            crossed = crossed & (refractory <= 0.0)
        if self.clamped:
            crossed = crossed & loop.array(self._hold, Field(self.population, "u1")).equals(0)
        return crossed

    def _refractory_now(self, loop: Loop) -> Value:
        """The remaining refractory steps at the beginning of the loop; 0 once a `lasting` condition does not hold."""
        left, model = loop.array(self._frozen), self.system.population.model
        if model.refractory is None or not model.refractory.lasting:
            return left
        holds = loop.value(self.system.qualify(self.system.population, model.refractory.duration), loop.start)
        return apply("select", holds, left, 0.0)

    def _count_down(self, loop: Loop, refractory: Value, crossed: Value | None, moment: Environment) -> None:
        model = self.system.population.model
        lasting = model.refractory is not None and model.refractory.lasting
        left = refractory if lasting else apply("max", refractory - 1.0, 0.0)
        if crossed is not None and self.refractory is not None:
            left = apply("select", crossed, loop.value(self.refractory, moment), left)
        loop.store(self._frozen, left)

    def test(self) -> Loop:
        """The loop of the threshold alone, for models that test it before the step."""
        loop = self.loop(later=True)
        refractory = None
        if self.refractory is not None:
            still = _still_field(self.population)
            refractory = loop.array(still) if self._threshold_follows else self._refractory_now(loop)
        loop.fire(self._crossed(loop, loop.start, refractory))
        return loop

    def _reset(self, loop: Loop, moment: Environment, crossed: Value) -> Environment:
        for assignment in self.system.reset:
            old, new = _state(loop, assignment.variable, moment), loop.value(assignment.value, moment)
            moment = moment.after({assignment.variable: apply("select", crossed, new, old)})
        return moment

    def reset(self) -> Loop:
        """The loop that resets the cells that fired."""
        loop = self.loop(later=True)
        fired = FIRED.item(K).differs(0)
        moment = self._reset(loop, loop.start, fired)
        if self.refractory is not None:
            left = apply("select", fired, loop.value(self.refractory, loop.start), loop.array(self._frozen))
            loop.store(self._frozen, left)
        loop.save(moment)
        return loop

    # --- events of the text's own -------------------------------------------------------------------

    @cached_property
    def events(self) -> list[Event]:
        """Dead-code elimination: the events of its texts that have statements or that the program records."""
        return [event for event in self.system.events if event.statements or event.name in self.heard]

    def _note_events(self, loop: Loop, moment: Environment) -> None:
        """Set the flags of the cells in which an event happens: its condition holds after the equations."""
        for at, event in enumerate(self.events):
            condition, *before = (loop.value(part, moment) for part in _conditions(event))
            happens = reduce(lambda one, held: one & held.equals(0.0), before, condition)
            loop.store(happened_field(self.population, at), apply("flag", happens), _flags(self.population))

    def act_on_events(self) -> Loop:
        """The loop that executes the statements of the events in the flagged cells, event by event."""
        loop = self.loop(later=True)
        moment = loop.start
        for at, event in enumerate(self.events):
            happens = loop.array(happened_field(self.population, at), _flags(self.population)).differs(0)
            for assignment in event.statements:
                variable = assignment.variable
                old, new = _state(loop, variable, moment), loop.value(assignment.value, moment)
                new = apply("select", happens, new, old)
                moment = moment.after({variable: _unless(self._held(loop, variable, None), old, new)})
        loop.save(moment)
        return loop

    def receive(self, owner: str, port: str, arriving: list[str]) -> Loop:
        """The loop in which the sum of the weights in the fields `arriving` acts at a port; they are then set to 0."""
        loop = self.loop(later=True)
        slots = [self._arrived(name) for name in arriving]
        loop.stores += [(slot, as_value(0.0)) for slot in slots]
        return self._jumps(loop, owner, port, reduce(lambda one, other: one + other, slots), in_order=False)

    def receive_spike(self, owner: str, port: str) -> Loop:
        """The loop in which one spike of weight WEIGHT acts at a port, its statements in order."""
        return self._jumps(self.loop(later=True), owner, port, WEIGHT, in_order=True)

    def in_order(self, owner: str, port: str) -> bool:
        """Whether the spikes that arrive at a port in one step act in sequence, not as one sum."""
        instance = self._owner(owner)
        found = instance.model.port(port)  # None in a model with feedback that receives no spikes
        return found is not None and self.system.spikes_interact(instance, found)

    def _owner(self, owner: str) -> Instance:
        return next(i for i in self.system.instances if i.id == owner)

    def _jumps(self, loop: Loop, owner: str, port: str, weight: Value, in_order: bool) -> Loop:
        """Add factor * weight to each variable of a port; `in_order` lets a factor see the jumps before it."""
        instance = self._owner(owner)
        found = instance.model.port(port)
        assert found is not None
        frozen = {e.variable for stage in self.system.stages for e in stage if isinstance(e, Equation) and e.frozen}
        moment = loop.start
        for variable, factor in found.jumps:
            name = instance.qualified(variable)
            stays = name in frozen and self.refractory is not None
            refractory = self._refractory_now(loop) if stays else None
            old = _state(loop, name, moment)
            jump = loop.value(self.system.qualify(instance, factor), moment if in_order else loop.start) * weight
            moment = moment.after({name: _unless(self._held(loop, name, refractory), old, old + jump)})
        loop.save(moment)
        return loop

    def _arrived(self, name: str) -> Value:
        """The weights of this step in a ring buffer."""
        return cell(name, Field(self.population, per="slot"), slot=STEP % read("whole", f"slots:{name}"))

    # --- what does not change in a step -------------------------------------------------------------

    def hold(self) -> Loop:
        """The loop that fills the fields of hoisted values."""
        loop = self.loop(hoisting=False)
        for value, name in self.hoisting.hoisted.items():
            loop.store(name, value)
        return loop

    def prepare(self) -> list[Put]:
        """Statements that compute the hoisted numbers common to all cells, after all loops were built."""
        return [Put(read("number", name), as_number(value)) for value, name in self.hoisting.prepared.items()]


def _flags(population: int) -> Field:
    """One byte a cell."""
    return Field(population, "u1")


def _at_beginning(condition: Expression) -> Expression:
    """1 where a condition held at the beginning of the step, else 0."""
    return Call("held", (Call("where", (condition, ONE, Number(0.0))),))


def _conditions(event: Event) -> tuple[Expression, ...]:
    """The condition of an event, and for a crossing the saved number that must be 0."""
    condition = event.threshold.condition
    return (condition, _at_beginning(condition)) if event.threshold.crossing else (condition,)


def _state(loop: Loop, variable: str, moment: Environment) -> Value:
    """A state variable at a moment."""
    return loop.value(Symbol(variable), moment)


def _unless(condition: Value | None, old: Value, new: Value) -> Value:
    return new if condition is None else apply("select", condition, old, new)


def _drawn(at: int) -> Value:
    """A cell's random number of one of the population's white noises."""
    return named(f"z{at}", Type.F4, Space.CELL).item(K)


def _phi(method: str, z: Expression) -> tuple[Expression, Expression | None]:
    """phi of an exponential integrator as numerator and denominator; a denominator of None is 1."""
    if method == "euler":
        return ONE, None
    if method == "implicit":
        return ONE, Binary("-", ONE, z)
    if method == "cnexp":
        return ONE, Binary("-", ONE, Binary("*", HALF, z))
    return Call("growth", (z,)), None
