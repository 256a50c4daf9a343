"""Code of the phases of a step (integrate, spike, receive, reset) of all populations, in the order of the step."""

from __future__ import annotations

from bioasm.models.algebra import simplify
from bioasm.models.base import POST, PRE, Equation
from bioasm.models.expression import Number, substitute
from bioasm.vm.codegen.cables import CableSteps
from bioasm.vm.codegen.counters import Counters, added, zero
from bioasm.vm.codegen.coupling import Couplings
from bioasm.vm.codegen.frame import ALL_CELLS, BLOCK, CTX, FLAGS, REAL, TOTAL, B, Frame, cells, first_cell, is_late, neurons
from bioasm.vm.codegen.handlers import Connections
from bioasm.vm.codegen.loop import FIRED, SPIKES, over_cells
from bioasm.vm.codegen.lower import STEP
from bioasm.vm.codegen.plan import CableSites
from bioasm.vm.codegen.schedule import COUNT, FIRST
from bioasm.vm.codegen.spikes import Spikes
from bioasm.vm.codegen.statements import Assign, Break, Do, For, Function, If, Let, Put, Statement, While
from bioasm.vm.codegen.steps import happened_field
from bioasm.vm.codegen.types import Rate, Type
from bioasm.vm.codegen.values import Value, apply, as_value, call, field, named, read
from bioasm.vm.layout import CHUNK, DRAWN

BOTH, STOP = named("both", Type.COND), named("stop", Type.I64)
HALF, NORMAL, PLACE = named("half", Type.I64), named("normal", Type.F4), named("place", Type.I64)
FRESH, KEPT, SAMPLED = named("fresh", Type.I64), named("kept", Type.I64), named("sampled", Type.COND)
NOW, THEN = named("now", Type.I64), named("then", Type.I64)
PAIR = STEP >> 1
_BUFFER = (
    Let(NORMAL, apply("normals_of", CTX, B, read("whole", "chunks"))),
    Let(HALF, apply("select", apply("&", STEP, 1).differs(0), DRAWN, 0)),
)


def add_phases(frame: Frame) -> None:
    """Add the functions of steps, and those of populations that they call."""
    for p in range(len(frame.steps)):
        _add_population(frame, p)
    for cables in frame.plan.cables:
        CableSteps(frame, cables).add()
    Couplings(frame).add_functions()
    Connections(frame).add()
    if frame.alone:
        frame.functions.append(_many(frame))
    elif frame.fast:
        frame.functions.append(_pair(frame))
    if not frame.fast or frame.plan.events:
        frame.functions.append(_careful(frame))


# --- functions of one population ----------------------------------------------------------------------


def _may_be_quiet(frame: Frame, p: int) -> bool:
    """Whether a population's noise vanishes at a noise level of 0."""
    system = frame.plan.systems[p]
    if system.noisy_by_lane:
        return False
    factors = [f for stage in system.stages for e in stage if isinstance(e, Equation) for _, f in e.noise]
    gone = [simplify(substitute(system.flat(f), {"noise": Number(0.0)})) for f in factors]
    return bool(factors) and all(isinstance(f, Number) and f.value == 0.0 for f in gone)


def _noises(frame: Frame, p: int, quiet: bool = False) -> int:
    return 0 if quiet else len(frame.plan.systems[p].noises)


def _add_population(frame: Frame, p: int) -> None:
    steps, early = frame.steps[p], not is_late(frame.plan.systems[p].population.model.order)
    kinds = [False, True] if _may_be_quiet(frame, p) else [False]
    if frame.fast and not frame.alone:
        for quiet in kinds:
            loop = steps.step(quiet, reset=True)
            frame.add_loop(f"whole_{p}{'_quiet' * quiet}", p, loop, _noises(frame, p, quiet), more=(FIRED,))
    if not frame.fast or frame.plan.events:
        if frame.fast:
            kinds = [False]  # for a rare case, 0 times the noise suffices
        for quiet in kinds if p not in frame.plan.of_cables else ():
            loop = steps.step(quiet, reset=False, test=not early)
            frame.add_loop(f"part_{p}{'_quiet' * quiet}", p, loop, _noises(frame, p, quiet), more=(FIRED,))
        if early and steps.needs_prologue:
            frame.add_loop(f"begin_{p}", p, steps.prologue())
        if early and steps.threshold is not None:
            frame.add_loop(f"test_{p}", p, steps.test(), more=(FIRED,))
        if steps.threshold is not None:
            frame.add_loop(f"reset_{p}", p, steps.reset(), more=(FIRED,))
    if any(event.statements for event in steps.events):
        frame.add_loop(f"events_{p}", p, steps.act_on_events())
    Spikes(frame).add_ports(p)


# --- steps --------------------------------------------------------------------------------------------


def _chunks(frame: Frame, p: int, body: list[Statement], noisy: bool) -> list[Statement]:
    """Loop blocking: a loop over the chunks of a population's cells, each of which draws its noise first."""
    draws: list[Statement] = [
        Do("draw", (CTX, B, NORMAL.onwards(_drawn_at(frame, at)), first_cell(p) + FIRST, COUNT, PAIR, as_value(stream)))
        for at, stream in enumerate(_streams(frame, p))
    ]
    if noisy and not frame.fast:
        draws = [If(FRESH.differs(0), tuple(draws))]
        body = [*body, Assign(PLACE, PLACE + len(_streams(frame, p)))]
    count = Let(COUNT, apply("min", CHUNK, cells(p) - FIRST))
    return [For(FIRST, as_value(0), cells(p), CHUNK, (count, *(draws if noisy else ()), *body))]


def _drawn_at(frame: Frame, at: int) -> Value:
    """The offset in the noise buffer of the present chunk's numbers of a white noise, for the even step."""
    return as_value(2 * at * DRAWN) if frame.fast else (PLACE + at) * (2 * DRAWN)


def _streams(frame: Frame, p: int) -> list[int]:
    """The index of each white noise's keys: 0 for `xi` of the population, from 1 on for the others."""
    system, others = frame.plan.systems[p], 0
    places = []
    for xi in system.noises:
        others += xi != system.population.qualified("xi")
        places.append(0 if xi == system.population.qualified("xi") else others)
    return places


def _integrate(frame: Frame, p: int, function: str, step: Value, half: Value | int, fired: Value, quiet: bool) -> Value:
    """The call that steps the cells of the present chunk."""
    drawn = [] if quiet else [NORMAL.onwards(_drawn_at(frame, at) + half) for at in range(len(_streams(frame, p)))]
    flags = fired.onwards(first_cell(p) + FIRST)
    return call(f"{function}_{p}{'_quiet' * quiet}", Type.I64, CTX, REAL, B, FIRST, COUNT, step, *drawn, flags)


def _with_or_without_noise(frame: Frame, p: int, bodies: dict[bool, list[Statement]]) -> list[Statement]:
    """A branch between the statements with noise and those without, for a noise level of 0."""
    noisy = _chunks(frame, p, bodies[False], bool(_streams(frame, p)))
    if not _may_be_quiet(frame, p):
        return noisy
    silent = _chunks(frame, p, bodies[True], False)
    silent += [] if frame.fast else [Assign(KEPT, as_value(0))]
    level = frame.steps[p].loop().level
    return [If(level.equals(0.0), tuple(silent), tuple(noisy))]


def _pair(frame: Frame) -> Function:
    """The function of one step or, with `both`, of two that share a draw of noise."""
    body: list[Statement] = [FLAGS, ALL_CELLS, *_BUFFER, zero(NOW), zero(THEN)]
    for p in range(len(frame.steps)):
        kinds: dict[bool, list[Statement]] = {}
        for quiet in (False, True):
            first = Assign(NOW, NOW + _integrate(frame, p, "whole", STEP, HALF, FIRED, quiet))
            next_one = _integrate(frame, p, "whole", STEP + 1, DRAWN, FIRED.onwards(TOTAL), quiet)
            kinds[quiet] = [first, If(BOTH, (Assign(THEN, THEN + next_one),))]
        body += _with_or_without_noise(frame, p, kinds)
    body += [_note(NOW, FIRED, STEP), _note(THEN, FIRED.onwards(TOTAL), STEP + 1)]
    return Function("steps", (CTX, REAL, B, STEP, BOTH), tuple(body))


def _note(count: Value, flags: Value, step: Value) -> If:
    """Append the spikes of a step to the buffer, if there are any."""
    return If(count > 0, (Do("note_spikes", (CTX, BLOCK, flags, step)),))


def _many(frame: Frame) -> Function:
    """The function of steps until `stop`, until a cell fires, or until a buffer of samples is full.

    The loop over steps is around that over cells, so that loads before it serve many steps.
    """
    made = frame.steps[0].step(quiet=False, reset=True).scheduled()
    due = read("block", "DUE")
    sample = (
        If(apply("not", apply("room_for_samples", CTX, B)), (Break(),)),
        Put(read("block", "STEP"), STEP),
        Put(due, apply("take_samples", CTX, REAL, B, STEP)),
    )
    turns = over_cells(made.turn, 0 in frame.plan.single)
    spiked = (Do("note_spikes", (CTX, BLOCK, FIRED, STEP - 1)), Break())
    each = [If(SAMPLED & (due <= STEP), sample), zero(SPIKES), *made.each_step, *turns]
    each += [Assign(STEP, STEP + 1), If(SPIKES > 0, spiked)]
    body: list[Statement] = [FLAGS, ALL_CELLS, Let(FIRST, as_value(0)), Let(COUNT, TOTAL), *made.before]
    body += [Let(STEP, read("block", "STEP"), mutable=True), Let(SAMPLED, read("ctx", "RECORDERS") > 0)]
    body += [While(STEP < STOP, tuple(each)), Put(read("block", "STEP"), STEP)]
    return Function("many", (CTX, REAL, B, STOP), tuple(body))


def _careful(frame: Frame) -> Function:
    """The function of one step phase by phase, over all populations: spikes arrive before any cell is reset."""
    pair, noisy = read("block", "DRAWN_PAIR"), any(s.noises for s in frame.plan.systems)
    body: list[Statement] = [FLAGS, *(_BUFFER if noisy else ())]
    if noisy and not frame.fast:
        body += [Let(FRESH, apply("flag", pair.differs(PAIR))), Let(KEPT, as_value(1), mutable=True), zero(PLACE)]
    counters = Counters(frame)
    body += counters.begin()
    body += [Spikes(frame).take_events(target) for target in frame.plan.events]
    late = [p for p, s in enumerate(frame.plan.systems) if is_late(s.population.model.order)]
    body += Couplings(frame).statements()
    for cables in frame.plan.cables:
        body += _cable_step(frame, cables)
    for p in set(range(len(frame.steps))) - set(late) - frame.plan.of_cables:
        if frame.steps[p].needs_prologue:
            body.append(Do(f"begin_{p}", (CTX, REAL, B, as_value(0), cells(p), STEP)))
        for phase in frame.plan.systems[p].population.model.order:
            body += _phase(frame, p, phase)
    for p in late:
        body += _phase(frame, p, "step")
    added_up, spikes = counters.sum()
    body += [*added_up, _note(spikes, FIRED, STEP)]
    body += [statement for p in range(len(frame.steps)) for statement in _note_events(frame, p)]
    body += [Spikes(frame).deliver(link) for link in frame.plan.links if link.synapse is None]
    connections = Connections(frame)
    body += [*connections.list_spikes(), *connections.evolve(), *connections.handle(PRE)]
    for p in late:
        body += _phase(frame, p, "receive")
    body += connections.handle(POST)
    for p in late:
        body += _phase(frame, p, "reset")
    body += [statement for p in range(len(frame.steps)) for statement in _act_on_events(frame, p)]
    if noisy and not frame.fast:
        body.append(Put(pair, apply("select", KEPT.differs(0), PAIR, -1)))
    return Function("careful", (CTX, REAL, B, STEP), tuple(body))


def _cable_step(frame: Frame, cables: CableSites) -> list[Statement]:
    """One step of multicompartment cells: arriving spikes act on this step's currents, and detectors are tested at its end."""
    body: list[Statement] = []
    for p in (cables.cells, cables.volumes, *cables.detectors):
        if frame.steps[p].needs_prologue:
            body.append(Do(f"begin_{p}", (CTX, REAL, B, as_value(0), cells(p), STEP)))
        body += _phase(frame, p, "receive")
    body += CableSteps(frame, cables).statements()
    seeing = (cables.cells, *cables.detectors)
    return [*body, *(statement for phase in ("spike", "reset") for p in seeing for statement in _phase(frame, p, phase))]


def _note_events(frame: Frame, p: int) -> list[Statement]:
    """Count the cells in which events of a population happen, and record the times of recorded ones."""
    happened = Counters(frame).happened(p)
    found = [zero(happened)] if frame.steps[p].events else []
    for at, event in enumerate(frame.steps[p].events):
        heard = event.name in frame.plan.heard
        first_id = read("whole", f"id:{event.name}", Rate.UNIFORM) if heard else as_value(0)
        flags = field(happened_field(p, at), p, "u1", "cell")
        noted = call("note_events", Type.I64, CTX, BLOCK, flags, neurons(p), STEP, first_id, int(heard))
        found.append(added(happened, noted))
    return found


def _act_on_events(frame: Frame, p: int) -> list[Statement]:
    """Execute the statements of a population's events, at the end of a step."""
    if not any(event.statements for event in frame.steps[p].events):
        return []
    return [If(Counters(frame).happened(p) > 0, (Do(f"events_{p}", (CTX, REAL, B, as_value(0), cells(p), STEP)),))]


def _phase(frame: Frame, p: int, phase: str) -> list[Statement]:
    """One of step, spike, receive, reset of one population."""
    spikes, flags = Counters(frame).spikes(p), FIRED.onwards(first_cell(p))
    if phase == "step":
        bodies: dict[bool, list[Statement]] = {
            quiet: [added(spikes, _integrate(frame, p, "part", STEP, HALF, FIRED, quiet))] for quiet in (False, True)
        }
        if frame.fast:
            return _chunks(frame, p, bodies[False], bool(_streams(frame, p)))
        return _with_or_without_noise(frame, p, bodies)
    if phase == "receive":
        return Spikes(frame).receive(p)
    if frame.steps[p].threshold is None:
        return []
    arguments = (CTX, REAL, B, as_value(0), cells(p), STEP, flags)
    if phase == "spike":
        return [added(spikes, call(f"test_{p}", Type.I64, *arguments))]
    return [If(spikes > 0, (Do(f"reset_{p}", arguments),))]
