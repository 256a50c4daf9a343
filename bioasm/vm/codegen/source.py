"""The source of one network's step: every population's loops, and the order in which they are called."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from bioasm.models.algebra import simplify, substitute
from bioasm.models.base import ORDER, Equation
from bioasm.models.expression import Number
from bioasm.vm.codegen.beside import definitions
from bioasm.vm.codegen.cells import Cells
from bioasm.vm.codegen.layout import Field, Layout
from bioasm.vm.codegen.loop import Loop
from bioasm.vm.codegen.plan import Plan, variables
from bioasm.vm.codegen.spikes import Spikes, identifier
from bioasm.vm.layout import Block, Ctx, Real

_CALLS_WITHIN = 20_000


@dataclass
class Generated:
    """The source of a network and where its values stand.

    `noises` is how many white noises each population has. With `keeps` all chunks of all of them have a place in the buffer of
    random numbers, so that those of an odd step are still there; else one chunk has.
    """

    source: str
    layout: Layout
    noises: tuple[int, ...]
    keeps: bool


def generate(plan: Plan) -> Generated:
    """The source of a network's functions: `prepare`, `hold`, `steps` or `many` or `careful`, `value_of`, `next_change`, ..."""
    with _deeper():
        return _Writer(plan).write()


@contextmanager
def _deeper() -> Iterator[None]:
    """Leave to call more functions within each other: derivatives are nested several times as deeply as the longest texts."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(max(usual, _CALLS_WITHIN))
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


class _Writer:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.layout = Layout()
        self.cells = [Cells(s, p, self.layout, plan.clamped) for p, s in enumerate(plan.systems)]
        self.spikes = Spikes(plan, self.layout, lambda to: self.cells[to.population].in_order(to.owner, to.port))
        self.functions: list[str] = []
        for p in range(len(self.cells)):
            self.layout.whole(f"n:{p}")
            self.layout.whole(f"first:{p}")

    def write(self) -> Generated:
        for p in range(len(self.cells)):
            self._population(p)
        if self.alone:
            self._alone()
        else:
            self._fast() if self.fast else self._careful()
        if self.fast and (self.plan.events):
            self._careful()
        self._hold()
        self._variables()
        self._changes()
        if self.plan.coupled is not None:
            self._feedback_source()
        self._prepare()
        noises = tuple(len(s.noises) for s in self.plan.systems)
        flags = {"FAST": self.fast, "ALONE": self.alone, "CAREFUL": not self.fast or bool(self.plan.events)}
        layout = self.layout
        sizes = {"FIELDS": len(layout.fields), "NUMBERS": len(layout.numbers), "WHOLES": len(layout.wholes)}
        header = "".join(f"{name} = {max(1, size)}\n" for name, size in sizes.items())
        header += "".join(f"{name} = {flag}\n" for name, flag in flags.items())
        header += "".join(f"{line}\n" for line in definitions(self.functions))
        body = "\n\n".join(self.functions)
        return Generated(f"{header}\n\n{body}\n", self.layout, noises, not self.fast)

    # --- which way a step goes ------------------------------------------------------------------------

    @cached_property
    def fast(self) -> bool:
        """Whether steps without spikes from outside need no look at other cells: two steps are then done at a time."""
        orders = {s.population.model.order for s in self.plan.systems}
        noisy = any(s.noises for s in self.plan.systems)
        worth_it = noisy or not self.plan.events  # two ways to do a step take twice as long to compile
        return worth_it and not self.plan.links and all(_late(order) for order in orders)

    @cached_property
    def alone(self) -> bool:
        """Whether there is one population without noise, and nothing comes from outside: many steps are then one loop."""
        return self.fast and len(self.cells) == 1 and not self.plan.events and not self.plan.systems[0].noises

    def _quiet(self, p: int) -> bool:
        """Whether a population's noise is gone where the level of noise is 0."""
        system = self.plan.systems[p]
        factors = [f for stage in system.stages for e in stage if isinstance(e, Equation) for _, f in e.noise]
        gone = [simplify(substitute(system.flat(f), {"noise": Number(0.0)})) for f in factors]
        return bool(factors) and all(isinstance(f, Number) and f.value == 0.0 for f in gone)

    # --- functions of one population ------------------------------------------------------------------

    def _population(self, p: int) -> None:
        cells, noisy = self.cells[p], bool(self.plan.systems[p].noises)
        early = not _late(self.plan.systems[p].population.model.order)
        kinds = [False, True] if self._quiet(p) else [False]
        if self.fast and not self.alone:
            for quiet in kinds:
                self._function(f"whole_{p}{'_quiet' * quiet}", p, cells.step(quiet, reset=True), noisy and not quiet, True)
        if not self.fast or self.plan.events:
            for quiet in [False] if self.fast else kinds:  # where it is the exception, 0 times a noise will do
                loop = cells.step(quiet, reset=False, test=not early)
                self._function(f"part_{p}{'_quiet' * quiet}", p, loop, noisy and not quiet, True)
            if early and cells.begins:
                self._function(f"begin_{p}", p, cells.begin(), False, False)
            if early and cells.threshold is not None:
                self._function(f"test_{p}", p, cells.test(), False, True)
            if cells.threshold is not None:
                self._function(f"reset_{p}", p, cells.reset(), False, True)
        for target, arriving in self.spikes.arrivals(p).items():
            name = identifier(target.name)
            if self.spikes.in_order(target):
                self._function(f"spike_{name}", p, cells.receive_spike(target.owner, target.port), False, False, ", weight")
                self.functions.append(f"repeated_{name}, projected_{name} = one_by_one(spike_{name})")
            else:
                self._function(f"receive_{name}", p, cells.receive(target.owner, target.port, arriving), False, False)

    def _function(self, name: str, p: int, loop: Loop, noisy: bool, fires: bool, more: str = "") -> None:
        noises = "".join(f", z{at}" for at in range(len(self.plan.systems[p].noises))) if noisy else ""
        head = f"def {name}(ctx, real, b, first, count, step{noises}{', fired' if fires else ''}{more}):"
        lines = [*self._preamble(p), *loop.before, "spikes = 0", *loop.over(p in self.plan.single)]
        self._add(head, [*lines, "return spikes"])

    def _preamble(self, p: int) -> list[str]:
        n = f"whole[{self.layout.whole(f'n:{p}')}]"
        return [
            "block = block_row(ctx, b)",
            "whole, number, field = tables(ctx, WHOLES, NUMBERS, FIELDS)",
            f"base, block_cells = {n} * block[{_block('LANE0')}], {n} * block[{_block('WIDTH')}]",
            "off = base + first",
            f"dt, noise = real[{_real('DT')}], {self._level(p)}",
            "now = step * dt",
        ]

    def _level(self, p: int) -> str:
        """The level of noise of a population: that of SIG, and before any SIG that of its model."""
        default = self.plan.systems[p].population.model.noise_default
        return f"(real[{_real('NOISE')}] if real[{_real('NOISE_SET')}] == 1.0 else {default!r})"

    def _add(self, head: str, lines: Iterable[str]) -> None:
        self.functions.append("@device\n" + head + "\n" + textwrap.indent("\n".join(lines), "    "))

    # --- steps ------------------------------------------------------------------------------------------

    _OPEN = (
        "block = block_row(ctx, b)",
        "whole, number, field = tables(ctx, WHOLES, NUMBERS, FIELDS)",
        "width = block[{WIDTH}]",
        "fired = fired_cells(ctx, block)",
        "total = ctx[{N}] * width",
    )

    def _opening(self) -> list[str]:
        return [line.format(WIDTH=_block("WIDTH"), N=_ctx("N")) for line in self._OPEN]

    def _chunks(self, p: int, lines: list[str], noisy: bool) -> list[str]:
        """A loop over the chunks of a population's cells, with the noise of each drawn before."""
        head = [f"for first in range(0, whole[{self.layout.whole(f'n:{p}')}] * width, CHUNK):"]
        head.append(f"    count = min(CHUNK, whole[{self.layout.whole(f'n:{p}')}] * width - first)")
        if noisy:
            start = f"whole[{self.layout.whole(f'first:{p}')}] * width + first"
            draws = [
                f"draw(ctx, b, normal[{self._drawn_at(at)}:], {start}, count, step >> 1, {stream})"
                for at, stream in enumerate(self._streams(p))
            ]
            head += [f"    {line}" for line in (draws if self.fast else ["if fresh:", *(f"    {draw}" for draw in draws)])]
        moves = [f"    place += {len(self._streams(p))}"] if noisy and not self.fast else []
        return head + [f"    {line}" for line in lines] + moves

    def _drawn_at(self, at: int) -> str:
        """Where in the buffer the present chunk's numbers of a population's white noise begin, those of the even step."""
        return f"{2 * at} * DRAWN" if self.fast else f"2 * (place + {at}) * DRAWN"

    def _streams(self, p: int) -> list[int]:
        """The place of each white noise's keys: 0 for `xi` of the population, from 1 on for the others."""
        system, others = self.plan.systems[p], 0
        places = []
        for xi in system.noises:
            others += xi != system.population.qualified("xi")
            places.append(0 if xi == system.population.qualified("xi") else others)
        return places

    def _calls(self, p: int, name: str, into: str, half: str, fired: str, step: str, quiet: bool) -> str:
        z = "" if quiet else "".join(f", normal[{self._drawn_at(at)} + {half}:]" for at in range(len(self._streams(p))))
        part = f"fired[{fired}whole[{self.layout.whole(f'first:{p}')}] * width + first:]"
        return f"{into} += {name}_{p}{'_quiet' * quiet}(ctx, real, b, first, count, {step}{z}, {part})"

    def _either(self, p: int, lines: dict[bool, list[str]]) -> list[str]:
        """The lines with noise, or those without where there is none now."""
        noisy = bool(self._streams(p))
        loud = self._chunks(p, lines[False], noisy)
        if not self._quiet(p):
            return loud
        silent = self._chunks(p, lines[True], False)
        test = f"if {self._level(p)} == 0.0:"
        silent += [] if self.fast else ["kept = False"]
        return [test, *(f"    {line}" for line in silent), "else:", *(f"    {line}" for line in loud)]

    def _buffer(self) -> list[str]:
        """The buffer of random numbers, and where in it a chunk's numbers of this step begin."""
        return [f"normal = normals_of(ctx, b, whole[{self.layout.whole('chunks')}])", "half = DRAWN if step & 1 else 0"]

    def _fast(self) -> None:
        lines = [*self._opening(), *self._buffer(), "now, then = 0, 0"]
        for p in range(len(self.cells)):
            calls = {}
            for quiet in (False, True):
                first = self._calls(p, "whole", "now", "half", "", "step", quiet)
                second = self._calls(p, "whole", "then", "DRAWN", "total + ", "step + 1", quiet)
                calls[quiet] = [first, "if both:", f"    {second}"]
            lines += self._either(p, calls)
        lines += ["if now > 0:", "    note_spikes(ctx, block, fired, step)"]
        lines += ["if then > 0:", "    note_spikes(ctx, block, fired[total:], step + 1)"]
        self._add("def steps(ctx, real, b, step, both):", lines)

    def _alone(self) -> None:
        """The function that does steps until `stop`, or until some cell fired, or a buffer of samples is full.

        Loops over steps stand around those over cells, so that what is loaded before them is loaded once for many steps.
        """
        loop = self.cells[0].step(quiet=False, reset=True)
        lines = [*self._opening(), "first, count = 0, total"]
        lines += [line for line in self._preamble(0) if not line.startswith(("block =", "whole,", "now ="))]
        lines += [*loop.before, f"step = block[{_block('STEP')}]", f"sampled = ctx[{_ctx('RECORDERS')}] > 0"]
        lines += ["while step < stop:", f"    if sampled and step >= block[{_block('DUE')}]:"]
        lines += ["        if not room_for_samples(ctx, b):", "            break", f"        block[{_block('STEP')}] = step"]
        lines += [f"        block[{_block('DUE')}] = take_samples(ctx, real, b, step)"]
        lines += ["    now, spikes = step * dt, 0", *(f"    {line}" for line in loop.over(0 in self.plan.single))]
        lines += ["    step += 1", "    if spikes > 0:", "        note_spikes(ctx, block, fired, step - 1)", "        break"]
        self._add("def many(ctx, real, b, stop):", [*lines, f"block[{_block('STEP')}] = step"])

    def _careful(self) -> None:
        pair = f"block[{_block('DRAWN_PAIR')}]"
        lines = [*self._opening(), *self._buffer()]
        lines += [] if self.fast else [f"fresh, kept, place = {pair} != step >> 1, True, 0"]
        lines += [f"spikes_{p} = 0" for p in range(len(self.cells))]
        lines += [self.spikes.events(target) for target in self.plan.events]
        late = [p for p, s in enumerate(self.plan.systems) if _late(s.population.model.order)]
        for p in set(range(len(self.cells))) - set(late):
            if self.cells[p].begins:
                lines.append(f"begin_{p}(ctx, real, b, 0, whole[{self.layout.whole(f'n:{p}')}] * width, step)")
            for phase in self.plan.systems[p].population.model.order:
                lines += self._phase(p, phase)
        for p in late:
            lines += self._phase(p, "step")
        total = " + ".join(f"spikes_{p}" for p in range(len(self.cells)))
        lines += [f"if {total} > 0:", "    note_spikes(ctx, block, fired, step)"]
        lines += [self.spikes.deliver(link) for link in self.plan.links]
        for phase in ("receive", "reset"):
            for p in late:
                lines += self._phase(p, phase)
        lines += [] if self.fast else [f"{pair} = step >> 1 if kept else -1"]
        self._add("def careful(ctx, real, b, step):", lines)

    def _phase(self, p: int, phase: str) -> list[str]:
        """One of step, spike, receive, reset of one population."""
        cells = f"whole[{self.layout.whole(f'n:{p}')}] * width"
        mine = f"fired[whole[{self.layout.whole(f'first:{p}')}] * width:]"
        if phase == "step":
            names = {q: [self._calls(p, "part", f"spikes_{p}", "half", "", "step", q)] for q in (False, True)}
            return self._chunks(p, names[False], bool(self._streams(p))) if self.fast else self._either(p, names)
        if phase == "receive":
            ports = self.spikes.arrivals(p).items()
            return [line for port, arriving in ports for line in self.spikes.receive(p, port, arriving, cells)]
        if self.cells[p].threshold is None:
            return []
        if phase == "spike":
            return [f"spikes_{p} += test_{p}(ctx, real, b, 0, {cells}, step, {mine})"]
        return [f"if spikes_{p} > 0:", f"    reset_{p}(ctx, real, b, 0, {cells}, step, {mine})"]

    # --- what changes less often than every step --------------------------------------------------------

    def _prepare(self) -> None:
        """The function that works out what follows from parameters and the level of noise alone."""
        lines = ["whole, number, field = tables(ctx, WHOLES, NUMBERS, FIELDS)"]
        lines.append(f"dt = real[{_real('DT')}]")
        for p, cells in enumerate(self.cells):
            lines += [f"noise = {self._level(p)}", *cells.prepare()]
        self._add("def prepare(ctx, real):", [*lines, "return 0"])

    def _hold(self) -> None:
        lines = [*self._opening()]
        for p in range(len(self.cells)):
            cells = f"whole[{self.layout.whole(f'n:{p}')}] * width"
            lines += self._inputs(p, cells)
            if self.cells[p].hoists:
                self._function(f"hold_{p}", p, self.cells[p].hold(), False, False)
                lines.append(f"hold_{p}(ctx, real, b, 0, {cells}, step)")
        self._add("def hold(ctx, real, b, step):", [*lines, "return 0"])

    def _inputs(self, p: int, cells: str) -> list[str]:
        """Lines that sum up the parts of inputs that come from outside, where there are several."""
        lines = []
        for name in self.plan.systems[p].inputs:
            fed = name == self._fed(p)
            if not fed and name not in self.plan.played:
                continue
            held, base = (self.layout.field(f"{name}{end}", Field(p)) for end in ("#", "#base"))
            at = f"whole[{self.layout.whole(f'n:{p}')}] * block[{_block('LANE0')}]"
            lines.append(f"copy_cells(field[{held}], field[{base}], {at}, {cells})")
            if fed:
                lines.append(f"add_feedback(ctx, field[{held}], {at}, {cells})")
            if name in self.plan.played:
                lines.append(f"add_wave(field[{held}], {at}, {cells}, width, step, {self._wave(name, p)})")
        return lines

    def _fed(self, p: int) -> str | None:
        """The qualified name of the input that the feedback goes into, where it is one of this population."""
        population = self.plan.systems[p].population
        feedback = population.model.feedback
        return population.qualified(feedback.target) if feedback is not None and self.plan.coupled == p else None

    def _wave(self, name: str, p: int) -> str:
        table = self.layout.field(f"wave:{name}", Field(p, per="wave"))
        wholes = ", ".join(
            f"whole[{self.layout.whole(f'wave_{part}:{name}')}]" for part in ("rows", "columns", "period", "start")
        )
        return f"field[{table}], {wholes}"

    def _changes(self) -> None:
        """The functions that tell when inputs change next, and when a spike from outside comes next."""
        lines = ["whole, number, field = tables(ctx, WHOLES, NUMBERS, FIELDS)", "change = FAR"]
        for p, system in enumerate(self.plan.systems):
            for name in system.inputs:
                if name in self.plan.played:
                    arguments = self._wave(name, p).partition(", ")[2]
                    lines.append(f"change = min(change, next_wave_change(step, {arguments}))")
        self._add("def next_change(ctx, step):", [*lines, "return change"])
        lines = ["whole, number, field = tables(ctx, WHOLES, NUMBERS, FIELDS)", "coming = FAR"]
        for target in self.plan.events:
            name, p = target.name, target.population
            step = self.layout.field(f"step:{name}", Field(p, "i8", "event"))
            position = self.layout.field(f"position:{name}", Field(p, "i8", "event"))
            length, rates = self.layout.whole(f"length:{name}"), self.layout.whole(f"rates:{name}")
            lines.append(
                f"coming = min(coming, next_event(b, field[{step}], field[{position}], whole[{length}], whole[{rates}]))"
            )
        self._add("def next_arrival(ctx, b):", [*lines, "return coming"])

    # --- variables ----------------------------------------------------------------------------------------

    @cached_property
    def names(self) -> list[tuple[int, str]]:
        """Everything that can be recorded: the population and the qualified name, in the order of the variables' numbers."""
        return variables(self.plan)

    def _variables(self) -> None:
        lines = ["step = block_row(ctx, b)[" + _block("STEP") + "]"]
        for number, (p, name) in enumerate(self.names):
            if name not in self.plan.watched:
                continue
            if name.endswith(".spike_count"):
                at = f"ctx[{_ctx('N')}] * block_row(ctx, b)[{_block('LANE0')}]"
                first = f"tables(ctx, WHOLES, NUMBERS, FIELDS)[0][{self.layout.whole(f'first:{p}')}]"
                value = f"spike_count(ctx, {at} + {first} * block_row(ctx, b)[{_block('WIDTH')}] + k)"
            else:
                if name == self._fed(p):
                    lines += [f"if variable == {number}:", f"    return feedback_of(ctx, b, k, ctx[{_ctx('COUPLED_N')}])"]
                    continue
                value = f"variable_{number}(ctx, real, b, k, 1, step)"
                self._variable(number, p, name)
            lines += [f"if variable == {number}:", f"    return {value}"]
        self._add("def value_of(ctx, real, variable, b, k):", [*lines, "return 0.0"])

    def _variable(self, number: int, p: int, name: str) -> None:
        loop = self.cells[p].variable(name)
        lines = [*self._preamble(p), *loop.before, "result = 0.0", "for k in range(count):"]
        self._add(
            f"def variable_{number}(ctx, real, b, first, count, step):",
            [*lines, *(f"    {x}" for x in loop.body), "return float(result)"],
        )

    def _feedback_source(self) -> None:
        """The function that writes the state s of the feedback for all cells."""
        p = self.plan.coupled
        assert p is not None
        system = self.plan.systems[p]
        feedback = system.population.model.feedback
        assert feedback is not None
        loop = self.cells[p].variable(system.population.qualified(feedback.source))
        lines = [
            *self._preamble(p),
            *loop.before,
            "for k in range(count):",
            *(f"    {line}" for line in loop.body),
            "    s[k] = result",
        ]
        self._add("def feedback_source(ctx, real, b, s, first, count, step):", [*lines, "return 0"])


def _late(order: tuple[str, ...]) -> bool:
    return order == ORDER


def _block(name: str) -> str:
    return str(int(Block[name]))


def _ctx(name: str) -> str:
    return str(int(Ctx[name]))


def _real(name: str) -> str:
    return str(int(Real[name]))
