"""What one population does in a step, cell by cell, as source: integration, threshold, arrival of spikes, reset."""

from __future__ import annotations

from functools import cached_property

from bioasm.models.algebra import derivative, linear_in, simplify
from bioasm.models.base import ORDER, Assignment, Equation
from bioasm.models.expression import Binary, Call, Expression, Number, Symbol
from bioasm.vm.codegen.layout import Field, Layout
from bioasm.vm.codegen.loop import Loop, Moment
from bioasm.vm.codegen.system import MOVING, Instance, System

DT = Symbol("dt")
ONE, HALF = Number(1.0), Number(0.5)
_SLACK = Number(1e-6)  # of a step: a time this close to a step boundary is that boundary


def frozen_field(population: int) -> str:
    """The field with how many steps each cell is still refractory."""
    return f"frozen:{population}"


def _still_field(population: int) -> str:
    """The field with how many they were when the step began, for a threshold that is tested after it."""
    return f"still:{population}"


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
        loop = self._later() if self.early else self._first()
        if not quiet:
            loop.start.words = {xi: loop.local(f"np.float64(z{at}[k])") for at, xi in enumerate(self.system.noises)}
        refractory = loop.load(self._frozen_name, self._frozen) if self.refractory is not None else None
        moment = loop.start
        for stage in self.system.stages:
            moment = self._stage(loop, stage, moment, refractory, quiet)
        over = self._over(loop, moment, refractory) if test and self.threshold is not None else None
        if over is not None:
            loop.body += [f"fired[k] = {over}", f"spikes += {over}"]
        if refractory is not None:
            self._count_down(loop, refractory, over if reset else None, moment)
            if not test and self._threshold_follows:
                loop.store(_still_field(self.population), refractory)
        if over is not None and reset:
            moment = self._reset(loop, moment, over)
        elif not reset and not self.early:
            self._keep(loop)
        self._store(loop, moment)
        return loop

    def _stage(
        self, loop: Loop, stage: list[Equation | Assignment], before: Moment, refractory: str | None, quiet: bool
    ) -> Moment:
        equations = [s for s in stage if isinstance(s, Equation)]
        together = [e for e in equations if e.method == "rk4"]
        stands = {e.variable: self._stands(loop, e.variable, refractory if e.frozen else None) for e in equations}
        changed = self._runge_kutta(loop, together, before, stands)
        changed |= {e.variable: self._single(loop, e, before, quiet) for e in equations if e.method != "rk4"}
        for variable, still in stands.items():
            changed[variable] = self._unless(loop, still, before.states[variable], changed[variable])
        moment = before.after(changed) if changed else before
        for statement in stage:
            if isinstance(statement, Assignment):
                still, old = self._stands(loop, statement.variable, None), moment.states[statement.variable]
                new = self._unless(loop, still, old, loop.local(loop.value(statement.value, moment)))
                moment = moment.after({statement.variable: new})
        return moment

    def _stands(self, loop: Loop, variable: str, refractory: str | None) -> str | None:
        """When a variable stands still: while the neuron is refractory, or is held; None where never."""
        when = [] if refractory is None else [f"({refractory} > 0.0)"]
        if self.clamped and variable == self.system.population.qualified(self.system.population.model.clamp):
            when.append(f"({loop.load(self._hold, Field(self.population, 'u1'))} != 0)")
        return " | ".join(when) or None

    @staticmethod
    def _unless(loop: Loop, still: str | None, old: str, new: str) -> str:
        return new if still is None else loop.local(f"{old} if {still} else {new}")

    def _single(self, loop: Loop, equation: Equation, moment: Moment, quiet: bool) -> str:
        """One equation by itself: x + dt f phi(dt df/dx), with phi of the method."""
        x, rate = moment.states[equation.variable], self.system.flat(equation.rate)
        slope = Number(0.0) if equation.method == "euler" else simplify(derivative(rate, equation.variable))
        weight, below = _phi(equation.method, Binary("*", DT, slope))
        weight = simplify(Binary("*", DT, weight))
        whole = weight if below is None else Binary("/", weight, below)
        linear = linear_in(rate, equation.variable)
        if linear is not None and max(self.system.constancy(e) for e in (*linear, whole)) < MOVING:
            constant, factor = (simplify(Binary("*", whole, part)) for part in linear)
            change = f"fma({loop.value(factor, moment)}, {x}, {loop.value(constant, moment)})"
        else:
            change = loop.value(Binary("*", weight, equation.rate), moment)
            change = change if below is None else f"({change} / {loop.value(simplify(below), moment)})"
        for xi, factor in () if quiet else equation.noise:
            change = f"fma({self._strength(loop, factor, moment)}, {moment.words[xi]}, {change})"
        return loop.local(f"{x} + {change}")

    @staticmethod
    def _strength(loop: Loop, factor: Expression, moment: Moment) -> str:
        return loop.value(Binary("*", Call("sqrt", (DT,)), factor), moment)

    def _runge_kutta(
        self, loop: Loop, equations: list[Equation], moment: Moment, stands: dict[str, str | None]
    ) -> dict[str, str]:
        """The classical method of fourth order, over all its equations together. What stands still does so all the way."""
        if not equations:
            return {}
        slopes: list[dict[str, str]] = []
        for part in ("", "0.5", "0.5", "1.0"):
            at = moment
            if part:
                time = f"({moment.time} + {part} * dt)"
                states = {v: loop.local(f"{moment.states[v]} + {part} * dt * {k}") for v, k in slopes[-1].items()}
                at = moment.after(states, time)
            rates = {e.variable: loop.local(loop.value(e.rate, at)) for e in equations}
            slopes.append({v: self._unless(loop, stands[v], "0.0", rate) for v, rate in rates.items()})
        sixth = "(dt / 6.0)"
        return {
            v: loop.local(f"{moment.states[v]} + {sixth} * (({k[0]} + {k[3]}) + 2.0 * ({k[1]} + {k[2]}))")
            for v in slopes[0]
            for k in [[s[v] for s in slopes]]
        }

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
            whole: Expression = Binary("+", Call("floor", (Binary("+", steps, _SLACK),)), ONE)
        else:
            whole = Call("ceil", (Binary("-", steps, _SLACK),))
        order = model.order
        past = ONE if order.index("step") < order.index("reset") else Number(0.0)  # whether the step of the spike is over
        return Call("max", (Binary("-", whole, past), Number(0.0)))

    @property
    def _threshold_follows(self) -> bool:
        """Whether the threshold is tested after the step."""
        order = self.system.population.model.order
        return order.index("step") < order.index("spike")

    @property
    def early(self) -> bool:
        """Whether a step has another order than the usual one."""
        return self.system.population.model.order != ORDER

    # --- the beginning of the step ------------------------------------------------------------------

    @cached_property
    def kept(self) -> dict[Expression, str]:
        """The fields that keep what loops after the first read of the step's beginning, by its `held` calls."""
        system = self.system
        read = [assignment.value for assignment in system.reset]
        read += [system.qualify(i, factor) for i in system.instances for port in i.model.ports for _, factor in port.jumps]
        if self.refractory is not None:
            read.append(self.refractory)
        if self.early:
            statements = [s for stage in system.stages for s in stage]
            read += [s.rate if isinstance(s, Equation) else s.value for s in statements]
            read += [f for s in statements if isinstance(s, Equation) for _, f in s.noise]
            read += [e for e in (self.threshold, self._before) if e is not None]
        calls = [n for e in read for n in system.flat(e).walk() if isinstance(n, Call) and n.function == "held"]
        return {call: f"held:{self.population}:{at}" for at, call in enumerate(dict.fromkeys(calls))}

    @property
    def _before(self) -> Expression | None:
        """1 where the condition of a crossing held at the step's beginning, else 0."""
        threshold = self.system.population.model.threshold
        if self.threshold is None or threshold is None or not threshold.crossing:
            return None
        return Call("held", (Call("where", (self.threshold, ONE, Number(0.0))),))

    def begin(self) -> Loop:
        """Keep what later loops read of the step's beginning, where equations are not the first thing in it."""
        loop = self._first()
        self._keep(loop)
        return loop

    @property
    def begins(self) -> bool:
        """Whether `begin` has anything to do."""
        return bool(self.kept or self._delayed)

    @cached_property
    def _delayed(self) -> list[Expression]:
        """All that mechanisms delay."""
        added = [value for values in self.system.additions.values() for value in values]
        return [n for value in added for n in value.walk() if isinstance(n, Call) and n.function == "delayed"]

    def _first(self) -> Loop:
        """The first loop of a step: what is delayed is kept for later, whoever reads it."""
        loop = self.loop()
        for call in self._delayed:
            loop.value(call, loop.start)
        return loop

    def _keep(self, loop: Loop) -> None:
        for call, name in self.kept.items():
            loop.store(name, loop.value(call, loop.start))

    def _later(self) -> Loop:
        """A loop that comes after another in the step."""
        loop = self.loop()
        loop.kept = self.kept
        return loop

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
            before = f"(not {loop.value(self.threshold, loop.start)})"
            if self._before is not None and loop.kept is not None:
                before = f"({loop.value(self._before, moment)} == 0.0)"
            over = f"({over} & {before})"
        if refractory is not None:
            over = f"({over} & ({refractory} <= 0.0))"
        if self.clamped:
            over = f"({over} & ({loop.load(self._hold, Field(self.population, 'u1'))} == 0))"
        return loop.local(over)

    def _count_down(self, loop: Loop, refractory: str, over: str | None, moment: Moment) -> None:
        left = f"max({refractory} - 1.0, 0.0)"
        if over is not None and self.refractory is not None:
            left = f"({loop.value(self.refractory, moment)} if {over} else {left})"
        loop.store(self._frozen_name, left, self._frozen)

    def test(self) -> Loop:
        """The threshold alone, where a model has it before its step."""
        loop = self._later()
        still = _still_field(self.population) if self._threshold_follows else self._frozen_name
        refractory = loop.load(still, self._frozen) if self.refractory is not None else None
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

    def reset(self) -> Loop:
        """The reset of the cells that fired."""
        loop = self._later()
        over = loop.local("fired[k] != 0")
        moment = self._reset(loop, loop.start, over)
        if self.refractory is not None:
            left = loop.load(self._frozen_name, self._frozen)
            loop.store(self._frozen_name, f"{loop.value(self.refractory, loop.start)} if {over} else {left}", self._frozen)
        self._store(loop, moment)
        return loop

    def receive(self, owner: str, port: str, arriving: list[str]) -> Loop:
        """What the sum of the weights in the fields `arriving` does at a port; they are then taken away."""
        loop = self._later()
        weight = loop.local(" + ".join(f"{self._arrived(loop, name)}[k]" for name in arriving))
        loop.body += [f"{self._arrived(loop, name)}[k] = 0.0" for name in arriving]
        return self._jumps(loop, owner, port, weight, in_order=False)

    def receive_spike(self, owner: str, port: str) -> Loop:
        """What one spike of weight `weight` does at a port, its statements in order."""
        return self._jumps(self._later(), owner, port, "weight", in_order=True)

    def in_order(self, owner: str, port: str) -> bool:
        """Whether the spikes that arrive at a port in one step act one after another, not as one sum."""
        instance = self._owner(owner)
        found = instance.model.port(port)  # none in a model with feedback that hears no spikes
        return found is not None and self.system.spikes_interact(instance, found)

    def _owner(self, owner: str) -> Instance:
        return next(i for i in self.system.instances if i.id == owner)

    def _jumps(self, loop: Loop, owner: str, port: str, weight: str, in_order: bool) -> Loop:
        """Add factor * weight to each variable of a port; `in_order` lets a factor see the jumps before it."""
        instance = self._owner(owner)
        found = instance.model.port(port)
        assert found is not None
        frozen = {e.variable for stage in self.system.stages for e in stage if isinstance(e, Equation) and e.frozen}
        moment = loop.start
        for variable, factor in found.jumps:
            name = instance.qualified(variable)
            stays = name in frozen and self.refractory is not None
            refractory = loop.load(self._frozen_name, self._frozen) if stays else None
            at = moment if in_order else loop.start
            jump = f"{loop.value(self.system.qualify(instance, factor), at)} * {weight}"
            new = loop.local(f"{moment.states[name]} + {jump}")
            moment = moment.after({name: self._unless(loop, self._stands(loop, name, refractory), moment.states[name], new)})
        self._store(loop, moment)
        return loop

    def _arrived(self, loop: Loop, name: str) -> str:
        """The array of the slot of a ring in which the weights of this step stand."""
        slots = f"whole[{self.layout.whole('slots:' + name)}]"
        return loop.array(name, Field(self.population, per="slot"), f"step % {slots}")

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


def _phi(method: str, z: Expression) -> tuple[Expression, Expression | None]:
    """phi of a method as what stands above and below a division line."""
    if method == "euler":
        return ONE, None
    if method == "implicit":
        return ONE, Binary("-", ONE, z)
    if method == "cnexp":
        return ONE, Binary("-", ONE, Binary("*", HALF, z))
    return Call("growth", (z,)), None


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
