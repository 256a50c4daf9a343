"""How an imported problem is solved: one fall of the temperature or several, cycles of heating and cooling that MERGE combines,
blocks that BLK solves, a ladder of lanes at fixed temperatures that exchange components, or particles between walls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from bioasm.diagnostics import error
from bioasm.problems import ANNEAL, AUTO, MERGE, RESTARTS, STRIPS
from bioasm.problems.neighbours import neighbours
from bioasm.problems.numbers import Integers
from bioasm.problems.plans import grid_of, grown, strips
from bioasm.problems.polynomial import Polynomial
from bioasm.problems.schedule import BUDGET, Schedule, typical_field
from bioasm.units import spell_number

# A heated lattice comes back with many small differences from its best state, a random graph with few large ones, of which
# MERGE can take over few. So a lattice is told by how many spins lie within some steps of one (docs/problems.md has figures).
_RADIUS = 8
_MOST_WITHIN = 300
_LEAST_SPINS = 1000
_LOOKED_AT = 16

_FIRST = 0.1  # of all sweeps before the first cycle
_CYCLE = 50  # sweeps of a cycle
_HEAT = 2.0 / 3.0  # of the first temperature
_TRIES = 12  # of a dense problem, in the time of one long fall
_LESS_HOT = 0.5  # of the first temperature, where these begin
_WIDTH_OF_STRIPS, _WIDTH_OF_GROWN = 12, 10
_VISITS, _LEAST_BLOCKS, _MOST_BLOCKS = 400_000, 12, 40  # of strips in a plan: so many spins in so many blocks
_FIRST_OF_STRIPS = 1.0 / 30.0  # of all sweeps before the first block
_PER_VISIT = 600.0  # nanoseconds of a spin in a block, of the widest
_COLDER = 4.0 / 3.0  # of the last one, which the end of a cycle need not reach


def chosen_solver(problem: Polynomial, solver: str) -> str:
    """What was asked for; where it may be chosen `strips` for large grids, `merge` for other lattices, `restarts` for large
    dense problems, else `anneal`."""
    if solver != AUTO:
        return solver
    if problem.is_dense and problem.n >= _LEAST_SPINS:
        return RESTARTS
    if not is_lattice(problem):
        return ANNEAL
    return MERGE if grid_of(problem.n, problem.part(2).index) is None else STRIPS


def plan_of(problem: Polynomial) -> list[Integers]:
    """The blocks that `strips` solves: strips of a grid or torus, and blocks grown on the graph of any other problem.

    Raises BioasmError B315 for a problem that has none.
    """
    lacking = _lacking_blocks(problem)
    if lacking is not None:
        raise error("B315", f"--solver strips solves blocks of coupled pairs, and {lacking}", hint="choose --solver anneal")
    pairs = problem.part(2).index
    grid = grid_of(problem.n, pairs)
    if grid is None:
        return grown(problem.n, pairs, _WIDTH_OF_GROWN)
    return strips(grid, _WIDTH_OF_STRIPS, min(_MOST_BLOCKS, max(_LEAST_BLOCKS, _VISITS // problem.n)))


def _lacking_blocks(problem: Polynomial) -> str | None:
    """Why a problem has no blocks that could be solved, or None."""
    if any(order > 2 for order in problem.parts):
        return "the problem has products of three and more variables"
    if problem.is_dense and problem.n > _WIDTH_OF_GROWN:
        return "nearly all variables of the problem have products with each other"
    return None if problem.n else "the problem has no variables"


def is_lattice(problem: Polynomial) -> bool:
    """Whether few spins lie within some steps of any: breadth-first search over the pairs, from spins evenly apart."""
    if problem.n < _LEAST_SPINS or problem.is_dense or any(order > 2 for order in problem.parts):
        return False
    start, others = neighbours(problem.n, problem.part(2).index)
    seeds = np.linspace(0, problem.n - 1, _LOOKED_AT).astype(np.int64)
    return all(_within(int(seed), start, others) <= _MOST_WITHIN for seed in seeds)


def _within(seed: int, start: Integers, others: Integers) -> int:
    """How many spins lie within `_RADIUS` steps of one; counting ends where they are too many for a lattice."""
    seen, edge = {seed}, {seed}
    for _ in range(_RADIUS):
        edge = {int(j) for i in edge for j in others[start[i] : start[i + 1]]} - seen
        seen |= edge
        if len(seen) > _MOST_WITHIN:
            break
    return len(seen)


def merge_annealing(schedule: Schedule, load: Iterable[str]) -> Iterator[str]:
    """The lines of a program that cools once, then heats and cools in cycles, after each of which MERGE combines."""
    sweeps = schedule.steps * schedule.sweeps
    first = max(1, round(_FIRST * sweeps))
    yield "; The temperature falls once from T0 to T1. Then, `cycles` times, the best state is heated to Th and cooled to T1 in"
    yield "; `cycle` sweeps, and MERGE takes over every connected part of what has changed that lowers the energy. At the end"
    yield "; `descent` sweeps at temperature zero. More cycles find better states: bioasm run FILE --set cycles=..."
    yield f".const T0 = {spell_number(schedule.hot)}"
    yield f".const Th = {spell_number(float(f'{_HEAT * schedule.hot:.2g}'))}"
    yield f".const T1 = {spell_number(float(f'{_COLDER * schedule.cold:.2g}'))}"
    yield f".const first = {first}"
    yield f".const cycle = {_CYCLE}"
    yield f".const cycles = {max(1, (sweeps - first) // _CYCLE)}"
    yield f".const descent = {schedule.descent}"
    yield ""
    yield "    MODEL ising"
    yield "    SET rule, metropolis"
    yield from load
    yield from geometric_fall("T0", "first", "1", "cool", "the temperature")
    yield "    MOV r3, cycles"
    yield "again:"
    yield "    MERGE                   ; the spins go on from the best state"
    yield from geometric_fall("Th", "cycle", "1", "heat", "the temperature of a cycle")
    yield "    LOOP r3, again"
    yield "    MERGE"
    yield "    SIG 0"
    yield "    RUN descent"


def restarted(schedule: Schedule, load: Iterable[str]) -> Iterator[str]:
    """The lines of a program whose temperature falls several times, of which the best state counts."""
    yield "; The temperature falls `tries` times from T0 towards T1, in `steps` steps with `sweeps` sweeps at each, and every"
    yield "; time `descent` sweeps at temperature zero follow. The best state of all tries counts. More tries find better"
    yield "; states, or longer ones: bioasm run FILE --set tries=... --set sweeps=..."
    yield f".const T0 = {spell_number(max(float(f'{_LESS_HOT * schedule.hot:.2g}'), schedule.cold))}"
    yield f".const T1 = {spell_number(schedule.cold)}"
    yield f".const tries = {min(_TRIES, schedule.sweeps)}"
    yield f".const steps = {schedule.steps}"
    yield f".const sweeps = {max(1, round(schedule.sweeps / _TRIES))}"
    yield f".const descent = {schedule.descent}"
    yield ""
    yield "    MODEL ising"
    yield "    SET rule, metropolis"
    yield from load
    yield "    MOV r3, tries"
    yield "again:"
    yield from geometric_fall("T0", "steps", "sweeps", "anneal", "the temperature")
    yield "    SIG 0"
    yield "    RUN descent"
    yield "    LOOP r3, again"


def strip_solving(schedule: Schedule, plan: list[Integers], load: Iterable[str]) -> Iterator[str]:
    """The lines of a program that cools once, then lets BLK bring blocks of the plan to their lowest energies in turn."""
    sweeps = schedule.steps * schedule.sweeps
    visits = sum(map(len, plan)) / len(plan)
    rounds = max(len(plan), round(BUDGET / (_PER_VISIT * max(visits, 1.0))))
    alone = max(1, rounds // 2)
    yield "; The temperature falls once from T0 to T1. Then, at temperature zero, BLK brings one block of the plan P after"
    yield "; another to the lowest energy that it can have between the other spins. After `alone` blocks each lane takes over"
    yield "; from other lanes, before each of `together` more, what lowers its energy: bioasm run FILE --lanes 16. More blocks"
    yield "; find better states: bioasm run FILE --set together=..."
    yield f".const T0 = {spell_number(schedule.hot)}"
    yield f".const T1 = {spell_number(float(f'{_COLDER * schedule.cold:.2g}'))}"
    yield f".const first = {max(1, round(_FIRST_OF_STRIPS * sweeps))}"
    yield f".const alone = {alone}"
    yield f".const together = {max(1, rounds - alone)}"
    yield ""
    yield "    MODEL ising"
    yield "    SET rule, metropolis"
    yield from load
    yield from geometric_fall("T0", "first", "1", "cool", "the temperature")
    yield "    SIG 0"
    yield "    MOV r4, 0               ; the number of the block, from which on the plan begins anew"
    yield "    MOV r3, alone"
    yield "solve:"
    yield "    BLK P, r4"
    yield "    ADD r4, r4, 1"
    yield "    LOOP r3, solve"
    yield "    MOV r5, 1               ; how many lanes on the other one is"
    yield "    MOV r3, together"
    yield "meet:"
    yield "    MERGE r5"
    yield "    BLK P, r4"
    yield "    ADD r4, r4, 1"
    yield "    ADD r5, r5, 1"
    yield "    MOD r5, r5, 60000       ; a shift is below the limit of lanes"
    yield "    LOOP r3, meet"


def geometric_fall(hot: str, steps: str, sweeps: str, label: str, what: str) -> Iterator[str]:
    """The lines of a geometric fall of the temperature from `hot` towards T1; arguments are constants and registers above r2.

    There are `steps` temperatures and `sweeps` sweeps at each.
    """
    yield f"    MOV r0, {hot}".ljust(28) + f"; {what}"
    yield f"    DIV r1, T1, {hot}"
    yield f"    DIV r2, 1, {steps}"
    yield "    POW r1, r1, r2          ; and the factor by which it falls"
    yield f"    MOV r2, {steps}"
    yield from cooling_loop(sweeps, label)


def cooling_loop(sweeps: str, label: str) -> Iterator[str]:
    """The loop of a fall: r2 temperatures, the first in r0, each r1 times the one before."""
    yield f"{label}:"
    yield "    SIG r0"
    yield f"    RUN {sweeps}"
    yield "    MUL r0, r0, r1"
    yield f"    LOOP r2, {label}"


_BETWEEN = 2  # sweeps between two exchanges of components


def tempering(schedule: Schedule, load: Iterable[str]) -> Iterator[str]:
    """The lines of a program whose lanes are a ladder of temperatures: replica exchange, component by component."""
    yield "; Each lane has a temperature of its own, from T1 in lane 0 up to T0 in the last one. After every `between` sweeps"
    yield "; neighbouring lanes exchange the connected components in which they differ, by a heat bath, so that low energies go"
    yield "; down the ladder, and each lane samples at its temperature. At the end `descent` sweeps at temperature zero. Run it"
    yield "; with lanes: bioasm run FILE --lanes 16. More rounds find better states: --set rounds=..."
    yield f".const T0 = {spell_number(schedule.hot)}"
    yield f".const T1 = {spell_number(float(f'{_COLDER * schedule.cold:.2g}'))}"
    yield '.const T_lane = "T1*(T0/T1)^(lane/max(lanes - 1, 1))"'
    yield f".const rounds = {max(1, schedule.steps * schedule.sweeps // (2 * _BETWEEN))}"
    yield f".const between = {_BETWEEN}"
    yield f".const descent = {schedule.descent}"
    yield ""
    yield "    MODEL ising"
    yield from load
    yield "    SIG T_lane"
    yield "    MOV r0, rounds"
    yield "round:"
    yield "    RUN between"
    yield "    CXCH 0                  ; lanes 0 and 1, 2 and 3, ..."
    yield "    RUN between"
    yield "    CXCH 1                  ; lanes 1 and 2, 3 and 4, ..."
    yield "    LOOP r0, round"
    yield "    SIG 0"
    yield "    RUN descent"


_STEP = 1.25  # of a particle, in its unit of time; with 1.5 and more they no longer settle
_STEPS = 2000  # while the pump rises
_PUSH = 0.25  # times what a spin's field is among spins at random, is the feedback's strength
_PER_PARTICLE, _PER_PUSH = 30.0, 0.02  # nanoseconds of a step: of a particle, and of one product


def bifurcating(problem: Polynomial, load: Iterable[str]) -> Iterator[str]:
    """The lines of a program of particles (discrete simulated bifurcation), each try from rest; the problem is over bits."""
    products = sum(part.order * (part.order - 1) * len(part.value) for part in problem.parts.values())
    step = max(problem.n, 1) * _PER_PARTICLE + products * _PER_PUSH
    field = typical_field(problem.in_spins()) if problem.parts else 1.0
    yield "; `tries` times, all particles are put to rest in the middle, pushed a little at random, and the pump then rises for"
    yield "; `rise`: they leave the middle for one of the walls, drawn by the signs of the others. The best state of all steps"
    yield "; counts. More tries find better states: bioasm run FILE --set tries=... or --lanes; so may longer ones."
    yield f".const strength = {spell_number(float(f'{_PUSH / field:.3g}'))}"
    yield f".const rise = {spell_number(_STEP * _STEPS)} ms"
    yield f".const tries = {max(1, round(BUDGET / (_STEPS * step)))}"
    yield ""
    yield "    MODEL bifurcation"
    yield "    SET c, strength"
    yield "    SET ramp, rise"
    yield from load
    yield "    MOV r3, tries"
    yield "again:"
    yield "    RST"
    yield "    GET r0, time"
    yield "    SET begin, r0"
    yield "    SIG 0.1                 ; a push at random"
    yield f"    RUN {spell_number(_STEP)} ms"
    yield "    SIG 0"
    yield "    RUN rise"
    yield "    LOOP r3, again"
