"""What one population does in a step, cell by cell, as source: integration, threshold, arrival of spikes, reset."""

from __future__ import annotations

from bioasm.models.algebra import derivative, linear_in, simplify
from bioasm.models.base import Assignment, Equation
from bioasm.models.expression import Binary, Call, Expression, Number, Symbol
from bioasm.vm.codegen.layout import Field, Layout
from bioasm.vm.codegen.loop import Loop, Moment
from bioasm.vm.codegen.system import MOVING, System

DT = Symbol("dt")
ONE, HALF = Number(1.0), Number(0.5)
_SLACK = Number(1e-6)  # of a step: a time this close to a step boundary is that boundary


def frozen_field(population: int) -> str:
    """The field with how many steps each cell is still refractory."""
    return f"frozen:{population}"


def hold_field(population: int) -> str:
    """The field with 1 for clamped cells."""
    return f"hold:{population}"


class Cells:
    """Writes the loops of one population. `quiet` leaves out the noise, `clamped` holds what is clamped."""

    def __init__(self, system: System, population: int, layout: Layout, clamped: bool) -> None:
        self.system, self.population, self.layout, self.clamped = system, population, layout, clamped
        self.hoists: dict[Expression, str] = {}
        self.prepared: dict[Expression, str] = {}

    def loop(self, hoisting: bool = True) -> Loop:
        """A loop that has loaded nothing yet; every state is loaded where it is first asked for."""
        loop = Loop(self.system, self.population, self.layout, self.hoists if hoisting else None, self.prepared)
        loop.start = Moment(_Loading(loop))
        return loop

    # --- integration ------------------------------------------------------------------------------

    def step(self, quiet: bool, reset: bool, test: bool = True) -> Loop:
        """One step; with `test` the threshold after it, and with `reset` the reset at once."""
        loop = self.loop()
        if not quiet:
            loop.start.words = {xi: loop.local(f"z{at}[k]") for at, xi in enumerate(self.system.noises)}
        refractory = loop.load(self._frozen_name, self._frozen) if self.refractory is not None else None
        moment = loop.start
        for stage in self.system.stages:
            moment = self._stage(loop, stage, moment, refractory, quiet)
        moment = self._hold_clamped(loop, moment)
        over = self._over(loop, moment, refractory) if test and self.threshold is not None else None
        if over is not None:
            loop.body += [f"fired[k] = {over}", f"spikes += {over}"]
        if refractory is not None:
            self._count_down(loop, refractory, over if reset else None)
        if over is not None and reset:
            moment = self._reset(loop, moment, over)
        elif not reset:
            for call, name in self._held_by_reset().items():
                loop.store(name, loop.value(call, moment))
        self._store(loop, moment)
        return loop

    def _stage(
        self, loop: Loop, stage: list[Equation | Assignment], before: Moment, refractory: str | None, quiet: bool
    ) -> Moment:
        equations = [s for s in stage if isinstance(s, Equation)]
        together = [e for e in equations if e.method == "rk4"]
        changed = self._runge_kutta(loop, together, before)
        changed |= {e.variable: self._single(loop, e, before, quiet) for e in equations if e.method != "rk4"}
        for equation in equations:
            if equation.frozen and refractory is not None:
                old, new = before.states[equation.variable], changed[equation.variable]
                changed[equation.variable] = loop.local(f"{old} if {refractory} > 0 else {new}")
        moment = before.after(changed) if changed else before
        for statement in stage:
            if isinstance(statement, Assignment):
                moment = moment.after({statement.variable: loop.local(loop.value(statement.value, moment))})
        return moment

    def _single(self, loop: Loop, equation: Equation, moment: Moment, quiet: bool) -> str:
        """One equation by itself: x + dt f phi(dt df/dx), with phi of the method."""
        x, rate = moment.states[equation.variable], self.system.flat(equation.rate)
        slope = Number(0.0) if equation.method == "euler" else simplify(derivative(rate, equation.variable))
        weight = simplify(Binary("*", DT, _phi(equation.method, Binary("*", DT, slope))))
        linear = linear_in(rate, equation.variable)
        if linear is not None and max(self.system.constancy(e) for e in (*linear, weight)) < MOVING:
            constant, factor = (simplify(Binary("*", weight, part)) for part in linear)
            change = f"({loop.value(constant, moment)} + {loop.value(factor, moment)} * {x})"
        else:
            change = f"{loop.value(weight, moment)} * {loop.value(equation.rate, moment)}"
        if not quiet:
            change = " + ".join([change, *(self._noise(loop, xi, factor, moment) for xi, factor in equation.noise)])
        return loop.local(f"{x} + ({change})")

    def _noise(self, loop: Loop, xi: str, factor: Expression, moment: Moment) -> str:
        strength = Binary("*", Call("sqrt", (DT,)), factor)
        return f"{loop.value(strength, moment)} * {moment.words[xi]}"

    def _runge_kutta(self, loop: Loop, equations: list[Equation], moment: Moment) -> dict[str, str]:
        """The classical method of fourth order, over all its equations together."""
        if not equations:
            return {}
        slopes: list[dict[str, str]] = []
        for part in ("", "0.5", "0.5", "1.0"):
            at = moment
            if part:
                time = f"({moment.time} + {part} * dt)"
                states = {v: loop.local(f"{moment.states[v]} + {part} * dt * {k}") for v, k in slopes[-1].items()}
                at = moment.after(states, time)
            slopes.append({e.variable: loop.local(loop.value(e.rate, at)) for e in equations})
        sixth = "(dt / 6.0)"
        return {
            v: loop.local(f"{moment.states[v]} + {sixth} * (({k[0]} + {k[3]}) + 2.0 * ({k[1]} + {k[2]}))")
            for v in slopes[0]
            for k in [[s[v] for s in slopes]]
        }

    def _hold_clamped(self, loop: Loop, moment: Moment) -> Moment:
        if not self.clamped:
            return moment
        variable = self.system.population.qualified(self.system.population.model.clamp)
        if moment.states[variable] == loop.start.states[variable]:
            return moment
        held = loop.load(self._hold, Field(self.population, "u1"))
        return moment.after(
            {variable: loop.local(f"{loop.start.states[variable]} if {held} != 0 else {moment.states[variable]}")}
        )

    # --- spikes -----------------------------------------------------------------------------------

    @property
    def threshold(self) -> Expression | None:
        """When the population's neurons spike."""
        model = self.system.population.model
        return self.system.qualify(self.system.population, model.threshold.condition) if model.threshold else None

    @property
    def refractory(self) -> Expression | None:
        """How many whole steps after the step of a spike are refractory; None where the model has no such time."""
        model = self.system.population.model
        if model.refractory is None:
            return None
        duration = self.system.qualify(self.system.population, model.refractory.duration)
        steps = Binary("/", duration, DT)
        if model.refractory.inclusive:
            whole: Expression = Call("floor", (Binary("+", steps, _SLACK),))
        else:
            past = ONE if model.order.index("step") < model.order.index("spike") else Number(0.0)
            whole = Binary("-", Call("ceil", (Binary("-", steps, _SLACK),)), past)
        return Call("max", (whole, Number(0.0)))

    @property
    def _frozen(self) -> Field:
        return Field(self.population)

    @property
    def _frozen_name(self) -> str:
        return frozen_field(self.population)

    @property
    def _hold(self) -> str:
        return hold_field(self.population)

    def _over(self, loop: Loop, moment: Moment, refractory: str | None) -> str:
        assert self.threshold is not None
        over = loop.value(self.threshold, moment)
        model = self.system.population.model
        if model.threshold is not None and model.threshold.crossing:
            over = f"({over} & (not {loop.value(self.threshold, loop.start)}))"
        if refractory is not None:
            over = f"({over} & ({refractory} <= 0.0))"
        if self.clamped:
            over = f"({over} & ({loop.load(self._hold, Field(self.population, 'u1'))} == 0))"
        return loop.local(over)

    def _count_down(self, loop: Loop, refractory: str, over: str | None) -> None:
        left = f"max({refractory} - 1.0, 0.0)"
        if over is not None and self.refractory is not None:
            left = f"({loop.value(self.refractory, loop.start)} if {over} else {left})"
        loop.store(self._frozen_name, left, self._frozen)

    def test(self) -> Loop:
        """The threshold alone, where a model has it before its step."""
        loop = self.loop()
        refractory = loop.load(self._frozen_name, self._frozen) if self.refractory is not None else None
        over = self._over(loop, loop.start, refractory)
        loop.body += [f"fired[k] = {over}", f"spikes += {over}"]
        return loop

    def _reset(self, loop: Loop, moment: Moment, over: str) -> Moment:
        for assignment in self.system.reset:
            value = loop.value(assignment.value, moment)
            moment = moment.after(
                {assignment.variable: loop.local(f"{value} if {over} else {moment.states[assignment.variable]}")}
            )
        return moment

    def _held_by_reset(self) -> dict[Expression, str]:
        """The fields that keep what a reset reads of the step's start, for a reset in a loop of its own."""
        written = [self.system.flat(assignment.value) for assignment in self.system.reset]
        calls = [n for e in written for n in e.walk() if isinstance(n, Call) and n.function == "held"]
        return {call: f"held:{self.population}:{at}" for at, call in enumerate(dict.fromkeys(calls))}

    def reset(self) -> Loop:
        """The reset of the cells that fired."""
        loop = self.loop()
        loop.start.memo |= {call: loop.load(name) for call, name in self._held_by_reset().items()}
        over = loop.local("fired[k] != 0")
        moment = self._reset(loop, loop.start, over)
        if self.refractory is not None:
            left = loop.load(self._frozen_name, self._frozen)
            loop.store(self._frozen_name, f"{loop.value(self.refractory, loop.start)} if {over} else {left}", self._frozen)
        self._store(loop, moment)
        return loop

    def receive(self, owner: str, port: str, arriving: str) -> Loop:
        """What the weights that stand in the field `arriving` do; they are then taken away."""
        loop = self.loop()
        instance = next(i for i in self.system.instances if i.id == owner)
        found = instance.model.port(port)
        assert found is not None
        weight = loop.local(f"{loop.array(arriving, Field(self.population, per='slot'), 'slot')}[k]")
        loop.body.append(f"{loop.array(arriving, Field(self.population, per='slot'), 'slot')}[k] = 0.0")
        frozen = {e.variable for stage in self.system.stages for e in stage if isinstance(e, Equation) and e.frozen}
        moment = loop.start
        for variable, factor in found.jumps:
            name = instance.qualified(variable)
            new = f"{moment.states[name]} + {loop.value(self.system.qualify(instance, factor), loop.start)} * {weight}"
            if name in frozen and self.refractory is not None:
                new = f"{moment.states[name]} if {loop.load(self._frozen_name, self._frozen)} > 0 else {new}"
            moment = moment.after({name: loop.local(new)})
        self._store(loop, self._hold_clamped(loop, moment))
        return loop

    def _store(self, loop: Loop, moment: Moment) -> None:
        for name, local in moment.states.items():
            if loop.loaded(name) != local:
                loop.store(name, local)

    # --- what does not change in a step -------------------------------------------------------------

    def hold(self) -> Loop:
        """Fill the fields of what was found to change less often than every step."""
        loop = self.loop(hoisting=False)
        for expression, name in self.hoists.items():
            loop.store(name, loop.value(expression, loop.start))
        return loop

    def prepare(self) -> list[str]:
        """Lines that work out what is alike for all cells, once everything else was written."""
        return self.loop().preparations()

    def variable(self, name: str) -> Loop:
        """The value of a variable at one cell, left in the local `result`."""
        loop = self.loop(hoisting=False)
        loop.body.append(f"result = {loop.value(Symbol(name), loop.start)}")
        return loop


def _phi(method: str, z: Expression) -> Expression:
    if method == "euler":
        return ONE
    if method == "implicit":
        return Binary("/", ONE, Binary("-", ONE, z))
    if method == "cnexp":
        return Binary("/", ONE, Binary("-", ONE, Binary("*", HALF, z)))
    return Call("growth", (z,))


class _Loading(dict[str, str]):
    """Locals of the states, each loaded where it is first asked for."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self.loop = loop

    def __missing__(self, name: str) -> str:
        self[name] = self.loop.load(name)
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self.loop.system.states

    def __or__(self, other: dict[str, str]) -> dict[str, str]:  # type: ignore[override]
        joined = _Loading(self.loop)
        joined.update(self)
        joined.update(other)
        return joined
