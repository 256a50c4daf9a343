"""The meaning of each instruction that concerns neurons and results: one function a mnemonic, over `Dynamics`.

Registers and jumps belong to the interpreter or the compiled loop. The gate has checked everything here except the values
of registers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import limit
from bioasm.isa.program import DataRef, Dense, Name, Operand
from bioasm.models.base import POST, PRE
from bioasm.network.namespace import WEIGHT
from bioasm.network.painting import Painted
from bioasm.network.pairwise import Pairwise
from bioasm.network.references import (
    CellsRef,
    EventRef,
    InputRef,
    ParameterRef,
    PortRef,
    ProjectionRef,
    Reference,
    Resolved,
    RunRef,
    VariableRef,
)
from bioasm.runtime.blocks import TooWide
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.dynamics import Exchanging, Merging, Resampling
from bioasm.runtime.energy import PARTS
from bioasm.runtime.observables import told
from bioasm.runtime.painting import painted_values
from bioasm.runtime.pairwise import PairValues
from bioasm.runtime.poisson import TooManyEntries
from bioasm.runtime.run import Run
from bioasm.verifier.operands import in_range, range_words
from bioasm.verifier.semantics.timing import whole_multiple

Array = NDArray[Any]
_ON_BOUNDARY = 1e-3  # steps: a time this close before the beginning of a step counts as that step


Meaning = Callable[[Any, Resolved], None]  # the first argument is a Run; a driver's own meanings may need a subclass of it


def fault(text: str, instruction: Resolved, code: str = "B402") -> BioasmError:
    """An error at an instruction."""
    return BioasmError(Diagnostic(code, text, instruction.span))


# --- operands ---------------------------------------------------------------------------------------


def operand(instruction: Resolved, at: int) -> Operand | Reference | None:
    """The operand at index `at`, None where it was left out."""
    return instruction.operands[at] if at < len(instruction.operands) else None


def whole_number(run: Run, instruction: Resolved, at: int) -> int:
    """An integer operand, which may be a register, checked against the range of its kind. Raises BioasmError B402."""
    value, slot = run.value(instruction.operands[at]), instruction.row.slots[at]
    if not (in_range(value, slot.kind.low, slot.kind.high) and value == math.floor(value)):
        wanted = f"a whole number, {range_words(slot.kind.low, slot.kind.high)}"
        raise fault(f"{instruction.mnemonic} got {value:g} for `{slot.name}`; it must be {wanted}", instruction)
    return int(value)


def dense(run: Run, instruction: Resolved, at: int) -> Array:
    """A vector or matrix in float64."""
    value = run.data(instruction.operands[at])
    assert isinstance(value, Dense)
    return np.asarray(value.array, np.float64)


def level(
    run: Run,
    instruction: Resolved,
    at: int,
    of: range,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
) -> float | Array:
    """A number within a range; or one for each neuron of `of` (n,), from a vector or random values; or one a lane (lanes, 1).

    Raises BioasmError for a register, a drawn number or one of a lane out of the range.
    """
    by_lane = run.by_lane(instruction.operands[at])
    if by_lane is not None:
        for value in (float(by_lane.min()), float(by_lane.max())):
            _check_level(value, instruction, at, low, high, open_low)
        return by_lane
    drawn = run.drawn(instruction.operands[at])
    if drawn is not None:
        return within(run.drawn_of_lanes(drawn, of), instruction, at, low, high, open_low)
    if isinstance(instruction.operands[at], DataRef):
        return dense(run, instruction, at)
    given = instruction.operands[at]
    if isinstance(given, Painted):
        return painted_values(given)[of.start : of.stop]
    if isinstance(given, Pairwise):
        return of_connections(run, instruction, given)
    value = run.value(given)
    _check_level(value, instruction, at, low, high, open_low)
    return value


def _check_level(value: float, instruction: Resolved, at: int, low: float, high: float, open_low: bool) -> None:
    if not (math.isfinite(value) and in_range(value, low, high, open_low)):
        raise fault(f"{instruction.mnemonic} got {value:g} as {instruction.slot(at)}", instruction)


def within(values: Array, instruction: Resolved, at: int, low: float, high: float, open_low: bool) -> Array:
    """Range check of drawn values, which are returned. Raises BioasmError B402 for the first out of the range."""
    outside = ~((values > low if open_low else values >= low) & (values <= high))
    if outside.any():
        place = np.argwhere(outside)[0].tolist()
        where = f"number {place[-1]}" + (f" of lane {place[0]}" if len(place) > 1 else "")
        text = f"{instruction.mnemonic} {word(instruction)}: {where} of those drawn is {values[tuple(place)]:g}"
        raise fault(f"{text}; {instruction.slot(at)} must be {range_words(low, high, open_low)}", instruction)
    return values


def word(instruction: Resolved) -> str:
    """The program's spelling of the name that an instruction sets."""
    first = instruction.operands[0]
    return getattr(first, "word", "") or ".".join(filter(None, (getattr(first, "owner", ""), getattr(first, "name", ""))))


def neurons(run: Run, instruction: Resolved, at: int, n: int) -> Array:
    """Indices of n neurons (int64), from a vector, name, number or register. Raises BioasmError where one does not exist."""
    if isinstance(instruction.operands[at], DataRef):
        return np.atleast_1d(dense(run, instruction, at)).astype(np.int64)
    named = instruction.operands[at]
    if isinstance(named, CellsRef):
        return np.arange(named.cells.start, named.cells.stop)
    value = run.value(instruction.operands[at])
    if not (0 <= value < n and value == math.floor(value)):
        text = f"{indexed(run, instruction)} {value:g} does not exist; indices go from 0 to {n - 1}"
        raise fault(text, instruction)
    return np.array([int(value)])


def named_neurons(run: Run, instruction: Resolved, at: int, n: int) -> Array:
    """Indices of neurons as `neurons` gives them; all n where the operand is left out."""
    return np.arange(n, dtype=np.int64) if operand(instruction, at) is None else neurons(run, instruction, at, n)


def period(run: Run, instruction: Resolved, at: int) -> int:
    """A period in whole steps, 1 where it was left out. Checked here because a run may set dt."""
    found = operand(instruction, at)
    if found is None:
        return 1
    value, step = run.value(found), run.dynamics.step_length
    if not whole_multiple(value, step):
        text = f"{instruction.mnemonic} got a period of {value:g} s, no whole multiple of dt ({step:g} s)"
        raise fault(text, instruction)
    return round(value / step)


# --- allocation, couplings, parameters ----------------------------------------------------------------


def _alc(run: Run, instruction: Resolved) -> None:
    run.allocate()
    for ref, values in run.parameters_by_lane.values():
        if isinstance(ref, ProjectionRef) and ref.parameter.name == WEIGHT:
            run.driven.set_weight(ref, ConnectionValues(1.0, ref.word, of_lanes=values))
        else:
            run.driven.set_parameter(ref, values)
    problem = run.dynamics.parameter_problem()
    if problem is not None:
        raise fault(problem, instruction)


def _pop(run: Run, instruction: Resolved) -> None:
    """POP: the first one makes all populations, which the gate knows."""
    if not run.allocated:
        _alc(run, instruction)


def _no_effect(run: Run, instruction: Resolved) -> None:
    """No effect at run time: the gate has put it into the network."""


def _load(run: Run, instruction: Resolved) -> None:
    run.load(instruction.mnemonic, run.data(instruction.operands[0]))


def _set(run: Run, instruction: Resolved) -> None:
    ref = instruction.operands[0]
    if isinstance(ref, VariableRef):
        _set_state(run, instruction, ref)
        return
    assert isinstance(ref, ParameterRef | ProjectionRef)
    if isinstance(ref, ProjectionRef) and ref.parameter.structural:
        return  # found when the network was made
    parameter, of = ref.parameter, neurons_of(run, ref) if isinstance(instruction.operands[1], DataRef | Painted) else range(0)
    if isinstance(ref, ProjectionRef) and run.allocated and parameter.name == WEIGHT:
        run.driven.set_weight(ref, connection_values(run, instruction))
        return
    value = level(run, instruction, 1, of, parameter.low, parameter.high, parameter.open_low)
    if not run.allocated:
        run.parameters_by_lane.pop(ref.key, None)
        if isinstance(value, float):
            run.parameters[ref.key] = value
        else:
            run.parameters_by_lane[ref.key] = ref, value
    elif not parameter.structural:  # those were found when the neurons were made
        problem = run.driven.set_parameter(ref, value)
        if problem is not None:
            raise fault(problem, instruction)


def _set_state(run: Run, instruction: Resolved, ref: VariableRef) -> None:
    value, model = level(run, instruction, 1, neurons_of(run, ref)), run.network.by_name[ref.owner].model
    if ref.name == model.clamp and model.clamp_values and not np.isin(value, model.clamp_values).all():
        words = " or ".join(f"{a:g}" for a in model.clamp_values)
        wrong = np.asarray(value)[~np.isin(value, model.clamp_values)].flat[0]
        raise fault(f"SET {ref.word} got {wrong:g}; it can be {words}", instruction)
    run.driven.set_state(ref, value)


def connection_values(run: Run, instruction: Resolved) -> ConnectionValues:
    """The values that a SET gives a projection: one number, one for each connection, or one for each lane."""
    ref, value = instruction.operands
    assert isinstance(ref, ProjectionRef)
    if isinstance(value, Pairwise):
        return ConnectionValues(_pair_values(run, instruction, value), ref.word, instruction.span)
    drawn, by_lane = run.drawn(value), run.by_lane(value)
    if by_lane is not None:
        return ConnectionValues(1.0, ref.word, instruction.span, level(run, instruction, 1, range(0)))  # type: ignore[arg-type]
    return ConnectionValues(level(run, instruction, 1, range(0)) if drawn is None else drawn, ref.word, instruction.span)


def _pair_values(run: Run, instruction: Resolved, pairwise: Pairwise) -> PairValues:
    ref = instruction.operands[0]
    assert isinstance(ref, ProjectionRef)
    return PairValues(pairwise, ref, run.verified, run.seed, instruction.span)


def of_connections(run: Run, instruction: Resolved, pairwise: Pairwise) -> Array:
    """The values that a formula gives the connections of a synapse; connections are made first if they don't exist yet."""
    values = _pair_values(run, instruction, pairwise)
    source, target = (run.driven.read(VariableRef(values.ref.owner, end))[0] for end in (PRE, POST))
    return values.of(source, target)


def indexed(run: Run, instruction: Resolved) -> str:
    """The noun for the indices of an instruction in messages: `connection` or `neuron`."""
    owners = [operand.owner for operand in instruction.operands if isinstance(operand, VariableRef)]
    return "connection" if any(run.network.projection(owner) for owner in owners) else "neuron"


def size_of(run: Run, owner: str) -> int:
    """Number of neurons of a population, or of a mechanism's population; of all neurons where the name is of neither.

    Of a projection with a synapse it is the number of connections.
    """
    one, projection = run.network.instance(owner), run.network.projection(owner)
    if projection is not None and projection.synapse is not None and run.allocated:
        return run.driven.neurons_of(VariableRef(owner, ""))
    return run.network.n if one is None else run.network.populations[one.population].n


def neurons_of(run: Run, ref: ParameterRef | ProjectionRef | VariableRef | InputRef | PortRef) -> range:
    """Indices of the owner's neurons that a reference denotes; of the connections of a projection with a synapse."""
    part = None if isinstance(ref, ProjectionRef) else ref.part
    return range(size_of(run, ref.owner)) if part is None else part


def _lds(run: Run, instruction: Resolved) -> None:
    drawn = run.drawn(instruction.operands[0])
    if drawn is None:
        rows = np.atleast_2d(dense(run, instruction, 0))
        states = rows[(run.span.first + np.arange(run.dynamics.lanes)) % run.span.each % len(rows)]
    else:
        states = np.broadcast_to(run.drawn_of_lanes(drawn, range(run.dynamics.n)), (run.dynamics.lanes, run.dynamics.n))
    run.driven.set_states(states)


def _merge(run: Run, instruction: Resolved) -> None:
    cast(Merging, run.dynamics).merge(0 if operand(instruction, 0) is None else whole_number(run, instruction, 0))


def _cxch(run: Run, instruction: Resolved) -> None:
    phase, how, spins = whole_number(run, instruction, 0), operand(instruction, 1), cast(Exchanging, run.dynamics)
    mirrored, whole = (isinstance(how, Name) and how.text == word for word in ("mirrored", "whole"))
    if mirrored and not spins.mirrored:
        raise fault("CXCH mirrored: a bias or a term of odd order tells a state from its complement", instruction)
    if whole:
        spins.exchange_wholes(phase)
    else:
        spins.exchange_components(phase, mirrored)


def _copy(run: Run, instruction: Resolved) -> None:
    cast(Exchanging, run.dynamics).copy_better(whole_number(run, instruction, 0))


def _blk(run: Run, instruction: Resolved) -> None:
    blocks = run.blocks(instruction.operands[0])
    if operand(instruction, 1) is not None:
        blocks = [blocks[whole_number(run, instruction, 1) % len(blocks)]]
    try:
        cast(Resampling, run.dynamics).resample(blocks)
    except TooWide as cause:
        raise fault(str(cause), instruction, "B111") from cause


def _rst(run: Run, instruction: Resolved) -> None:
    run.dynamics.reset()


# --- inputs -----------------------------------------------------------------------------------------


def _input(run: Run, instruction: Resolved) -> None:
    ref, how = instruction.operands[0], operand(instruction, 2)
    assert isinstance(ref, InputRef)
    run.driven.set_input(ref, level(run, instruction, 1, neurons_of(run, ref)), how.text if isinstance(how, Name) else "add")


def _waveform(run: Run, instruction: Resolved) -> None:
    ref = instruction.operands[0]
    assert isinstance(ref, InputRef)
    run.driven.set_waveform(ref, dense(run, instruction, 1), period(run, instruction, 2))


def _spike_train(run: Run, instruction: Resolved) -> None:
    ref, train = instruction.operands[0], dense(run, instruction, 1).reshape(-1, 2)
    assert isinstance(ref, PortRef)
    with np.errstate(over="ignore"):
        steps = np.minimum(_steps_of(run, ref, train[:, 0]), float(limit("steps"))).astype(np.int64)
    order, of = np.argsort(steps, kind="stable"), neurons_of(run, ref)
    weight = level(run, instruction, 2, of)
    run.driven.set_spike_train(ref, steps[order], of.start + train[order, 1].astype(np.int64), weight)


def _steps_of(run: Run, ref: PortRef, times: Array) -> Array:
    """Steps of external spikes: the one that starts nearest to each time (s); at cells of cable the one that contains it, as in
    Arbor."""
    steps, network = times / run.dynamics.step_length, run.network
    return np.floor(steps + _ON_BOUNDARY) if network.is_cable(network.by_name[ref.owner].population) else np.rint(steps)


def _poisson(run: Run, instruction: Resolved) -> None:
    ref, most = instruction.operands[0], limit("drawn_spikes")
    assert isinstance(ref, PortRef)
    of = neurons_of(run, ref)
    rate = level(run, instruction, 1, of, 0.0)
    if np.max(rate) * run.dynamics.step_length > most:
        text = f"{instruction.mnemonic} got a rate of {np.max(rate):g} Hz; a neuron gets at most {most} random spikes a step"
        raise fault(text, instruction)
    weight = level(run, instruction, 2, of)
    try:
        run.driven.set_poisson(ref, rate, weight)
    except TooManyEntries as cause:
        raise fault(str(cause), instruction, "B111") from cause


# --- recording and clamping ---------------------------------------------------------------------------


def _rec(run: Run, instruction: Resolved) -> None:
    ref, driven = instruction.operands[0], run.driven
    if isinstance(ref, EventRef):
        driven.record_event(ref)
        return
    assert isinstance(ref, VariableRef)
    n, chosen = driven.neurons_of(ref), recorded_neurons(run, instruction)
    if chosen.size and chosen.max() >= n:  # the gate does not know how many connections there are
        raise fault(f"{ref.word} has no connection {chosen.max()}; there are {n}, counted from 0", instruction)
    every = period(run, instruction, 1)
    driven.stop_recording(ref)
    if driven.recorders >= limit("recorders"):
        raise fault(f"more than {limit('recorders')} variables are recorded at a time", instruction, "B111")
    driven.record(ref, every, chosen)


def recorded_neurons(run: Run, instruction: Resolved) -> Array:
    """Indices in the owner of the neurons or connections that a REC records; the program counts those of a part from 0."""
    ref = instruction.operands[0]
    assert isinstance(ref, VariableRef)
    of = range(run.driven.neurons_of(ref)) if ref.part is None else ref.part
    return of.start + named_neurons(run, instruction, 2, len(of))


def _unrec(run: Run, instruction: Resolved) -> None:
    ref = instruction.operands[0]
    assert isinstance(ref, VariableRef | EventRef)
    run.driven.stop_recording(ref)


def _clamp(run: Run, instruction: Resolved) -> None:
    held = neurons(run, instruction, 0, run.dynamics.n)
    value = level(run, instruction, 1, range(len(held)))
    given = np.asarray(value, np.float64)
    levels = np.broadcast_to(given, (len(given), len(held)) if given.ndim == 2 else held.shape)
    for population in run.network.populations:
        mine = levels[..., (held >= population.first) & (held < population.first + population.n)]
        allowed = population.model.clamp_values
        if allowed and not np.isin(mine, allowed).all():
            words = " or ".join(f"{a:g}" for a in allowed)
            raise fault(f"CLAMP got {value}; {population.model.name} can be held at {words}", instruction)
    run.driven.clamp(held, levels)


def _free(run: Run, instruction: Resolved) -> None:
    everyone = operand(instruction, 0) is None
    run.driven.free(slice(None) if everyone else neurons(run, instruction, 0, run.dynamics.n))


# --- reading ----------------------------------------------------------------------------------------


def _rd(run: Run, instruction: Resolved) -> None:
    ref = instruction.operands[0]
    assert isinstance(ref, RunRef | VariableRef | EventRef)
    run.emit(ref.word, told(run, ref))


MEANINGS: dict[str, Meaning] = {
    "ALC": _alc,
    "POP": _pop,
    **dict.fromkeys(("MODEL", "MECH", "SYN", "CON", "VIA", "POS", "LDE"), _no_effect),
    "SET": _set,
    **dict.fromkeys(PARTS, _load),
    "LDS": _lds,
    "MERGE": _merge,
    "CXCH": _cxch,
    "COPY": _copy,
    "BLK": _blk,
    "RST": _rst,
    **dict.fromkeys(("CUR", "INP"), _input),
    **dict.fromkeys(("WAVE", "PLAY"), _waveform),
    **dict.fromkeys(("SPK", "EVT"), _spike_train),
    **dict.fromkeys(("POI", "RATE"), _poisson),
    "REC": _rec,
    "UNREC": _unrec,
    "CLAMP": _clamp,
    "FREE": _free,
    "RD": _rd,
}
