"""Estimates of the memory and time of a run on a CPU, from its schedule and the sizes of its network and data.

The constants were measured on the compiled machine; `tests/demand` compares the sum with the peak of real runs, within a factor
of two. Spikes and events are not counted (16 bytes each), because their number is not known before the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from bioasm.demand.connections import Wires, wires
from bioasm.demand.own_values import own_values_bytes
from bioasm.demand.schedule import Schedule, schedule
from bioasm.diagnostics import BioasmError, Diagnostic, Span
from bioasm.isa.formulas import lane_constants
from bioasm.isa.limits import limit
from bioasm.isa.program import Data, DataRef, Dense, Random, Sparse
from bioasm.isa.table import SINGLE
from bioasm.mapped import files_behind
from bioasm.memory import KEEP_LESS_OR_WRITE, memory
from bioasm.models.base import SPINS
from bioasm.network.references import InputRef
from bioasm.runtime.options import ALIKE, LaneValues
from bioasm.runtime.setup import played_parts
from bioasm.verifier.gate import Verified

PROCESS = 120_000_000  # bytes of interpreter, libraries and compiled kernels
NUMBER = 8  # bytes of a stored number
COPIES = 3  # of recordings, while a result is composed
_WIDE, _LANES_FOR_WIDE = 16, 6  # width of blocks of lanes, and the number of lanes from which it is used
_SPIKE_ROOM, _SPIKE_BYTES = 1 << 15, 16  # least capacity for spikes of a block, and bytes of one
# What the machine allocates for a neuron of a lane, about: of spins, packed or not; of others, and beside that for each
# state and input.
_SPIN_BYTES, _CELL_BYTES, _STATE_BYTES, _INPUT_BYTES = 30, 100, 8, 40
# While couplings are prepared: bytes per entry of a dense matrix of floats that is searched for a common unit, of another
# that is converted, of a sparse one, and of one in single precision with its padding and tiles.
_UNIT_BYTES, _CONVERTED_BYTES, _ENTRY_BYTES, _SINGLE_BYTES = 44, 16, 130, 7
_LARGEST_CONVERTED = 1 << 28  # bytes; a larger dense matrix is used without conversion


class Work(NamedTuple):
    """Operation counts of a run of all lanes.

    Steps, updates of neurons and states, entries of J and terms; connections, which are made
    once, and pairs of neurons evaluated for conditions; spins visited by MERGE, COPY and CXCH, and those of the blocks of BLK.
    The cost of spike delivery is not known, and not counted.

    Counts are exact where the schedule is; entries of J of spins are an upper bound, because a row of J is read only for a
    flip. The time of each depends on the machine and the model.
    """

    steps: int
    neurons: int
    states: int
    entries: int
    connections: int = 0
    candidates: int = 0
    moved: int = 0
    resampled: int = 0

    @property
    def seconds(self) -> float:
        """An order of magnitude of the time on one CPU core, in seconds."""
        return sum(count * each for count, each in zip(self, SECONDS, strict=True))


# Seconds for each, in the order of Work, as measured with the compiled machine on one processor of 2023: of eleven programs
# the estimate was 8 times too long (`lif`, in vectors) to 7 times too short (`olive`, 14 states with exponentials).
# A spin of a block takes 0.03 to 2 us, by the width of its table.
SECONDS = (3e-7, 1e-9, 1.5e-9, 2e-11, 1e-7, 1e-7, 1e-8, 3e-7)


@dataclass(frozen=True)
class Demand:
    """Demand of a run: bytes and work of all lanes.

    `table` is the number of entries of the largest table of Poisson counts; `projections` are their sizes. `peak` is the sum
    of all bytes, with the copies that are made while a result is composed; `blocks` are the bytes of BLK. Where the schedule
    has an `unknown`, all are lower bounds.
    """

    schedule: Schedule
    lanes: int
    data: int
    couplings: int
    state: int
    recordings: int
    trace: int
    results: int
    random_spikes: int
    table: int
    work: Work
    projections: tuple[Wires, ...] = ()
    blocks: int = 0

    @property
    def connections(self) -> int:
        """Bytes of all connections of projections."""
        return sum(one.bytes for one in self.projections)

    @property
    def under_way(self) -> int:
        """Bytes of the ring buffers of spikes in flight."""
        return sum(one.ring for one in self.projections)

    @property
    def streamed(self) -> Demand:
        """The demand where recordings and energies are written to a spool during the run."""
        return replace(self, recordings=0, trace=0)

    @property
    def peak(self) -> int:
        """Peak memory of the process, in bytes."""
        kept = COPIES * (self.recordings + self.trace) + self.results
        network = self.state + self.random_spikes + self.connections + self.under_way
        return PROCESS + self.data + self.couplings + self.blocks + network + kept


_Key = tuple[int, tuple[tuple[str, float], ...], int | None]
_LAST: WeakKeyDictionary[Verified, tuple[_Key, Demand]] = WeakKeyDictionary()  # of each program: runs of one are often alike


def demand(
    verified: Verified,
    lanes: int = 1,
    parameters: Mapping[str, float] | None = None,
    fuel: int | None = None,
    own: LaneValues = ALIKE,
) -> Demand:
    """Estimate the demand of a run of `lanes` lanes, with `parameters` and `fuel` of the run and the lanes' `own` values.

    Values from formulas of the lane are always included. The last one is kept where lanes have no values of their own.
    """
    if own.told:
        return _demand(verified, lanes, parameters, fuel, own)
    key = lanes, tuple((parameters or {}).items()), fuel
    known = _LAST.get(verified)
    if known is None or known[0] != key:
        known = _LAST[verified] = key, _demand(verified, lanes, parameters, fuel, own)
    return known[1]


def _demand(
    verified: Verified, lanes: int, parameters: Mapping[str, float] | None, fuel: int | None, own: LaneValues
) -> Demand:
    if lanes > 1:
        own = own._replace(constants={**dict.fromkeys(lane_constants(verified.program), ()), **own.constants})
    found = schedule(verified, parameters, fuel)
    values = [block.value for block in verified.program.data]
    projections = tuple(wires(verified, places(lanes), parameters, own))
    expected = [[*_expected(verified, rates)] for rates in found.rates.values()]
    if expected:
        from bioasm.runtime.poisson import entries, table_bytes
    return Demand(
        found,
        lanes,
        data=sum(_bytes_in_memory(value) for value in values) + sum(_waveforms(verified)),
        couplings=max((_prepared(value, verified) for value in values), default=0),
        state=state_bytes(verified, lanes) + own_values_bytes(verified, own) * places(lanes),
        recordings=NUMBER * found.recorded * places(lanes),
        trace=NUMBER * _energies(verified, found) * places(lanes),
        results=(1 if verified.model.kind == SPINS else NUMBER) * found.read * lanes,
        random_spikes=sum(max(table_bytes(one) for one in rates) for rates in expected),
        table=max((entries(one) for rates in expected for one in rates), default=0),
        work=_work(verified, found, lanes)._replace(
            connections=sum(one.connections for one in projections), candidates=sum(one.candidates for one in projections)
        ),
        projections=projections,
        blocks=_blocks(verified),
    )


def _blocks(verified: Verified) -> int:
    """Bytes of BLK."""
    if not any(i.mnemonic == "BLK" for i in verified.instructions):
        return 0
    from bioasm.runtime.block_memory import bytes_of_blocks  # imports numpy

    return bytes_of_blocks(verified)


def check_demand(needed: Demand, *, here: bool) -> None:
    """Raise BioasmError for a run over the limits (B111) or, with `here`, over this machine's memory (B403)."""
    found = [*_over_limits(needed)] or ([_too_much(needed)] if here and needed.peak > memory() else [])
    if found:
        raise BioasmError(*found)


def memory_warning(needed: Demand) -> list[Diagnostic]:
    """Warnings of a run that needs more memory than this machine has, or stores more than the limit of a run."""
    found = [*_over_limits(needed)] or ([_too_much(needed)] if needed.peak > memory() else [])
    return [replace(one, severity="warning") for one in found]


_SIZE_HINT = "run fewer lanes, or a smaller program"
_NETWORK_HINT = "connect fewer neurons, or let a delay be shorter"


def _span(needed: Demand) -> Span | None:
    """The span of the largest recording."""
    return needed.schedule.largest.span if needed.schedule.largest is not None else None


def _widest(needed: Demand) -> Span | None:
    """The span of the largest projection."""
    return max(needed.projections, key=lambda one: one.total).span


def _too_much(needed: Demand) -> Diagnostic:
    parts = {
        "recordings": COPIES * needed.recordings,
        "energies": COPIES * needed.trace,
        "results": needed.results,
        "neurons": needed.state,
        "data": needed.data,
        "couplings": needed.couplings,
        "blocks of BLK": needed.blocks,
        "tables of random spikes": needed.random_spikes,
        "connections": needed.connections,
        "spikes under way": needed.under_way,
    }
    largest = max(parts, key=lambda name: parts[name])
    text = (f"a run needs about {needed.peak / 1e9:.3g} GB, most of it for {largest} ({parts[largest] / 1e9:.3g} GB), "
            f"and this machine has {memory() / 1e9:.3g} GB")  # fmt: skip
    if largest in ("connections", "spikes under way"):
        return Diagnostic("B403", text, _widest(needed), hint=_NETWORK_HINT)
    hint = KEEP_LESS_OR_WRITE if largest in ("recordings", "energies") else _SIZE_HINT
    return Diagnostic("B403", text, _span(needed), hint=hint)


def _over_limits(needed: Demand) -> Iterator[Diagnostic]:
    found, span = needed.schedule, _span(needed)
    if needed.recordings > limit("record_bytes"):
        text = f"the run records {needed.recordings:,} bytes; the limit is {limit('record_bytes'):,}"
        yield Diagnostic("B111", text, span, hint=KEEP_LESS_OR_WRITE)
    if needed.trace > NUMBER * limit("trace_entries"):
        text = f"the trace of energies has more than {limit('trace_entries'):,} entries in all lanes"
        yield Diagnostic("B111", text, hint=KEEP_LESS_OR_WRITE)
    if needed.table > limit("poisson_table"):
        text = f"the table of one POI or RATE has {needed.table:,} entries; the limit is {limit('poisson_table'):,}"
        yield Diagnostic("B111", text, hint="neurons of one rate share their part of it: round rates")
    network = needed.connections + needed.under_way
    if network > limit("network_bytes"):
        text = f"connections and spikes under way take {network:,} bytes; the limit is {limit('network_bytes'):,}"
        yield Diagnostic("B111", text, _widest(needed), hint=_NETWORK_HINT)
    if needed.work.candidates > limit("candidate_pairs"):
        text = f"conditions look at {needed.work.candidates:,} pairs of neurons; the limit is {limit('candidate_pairs'):,}"
        yield Diagnostic("B111", text, _widest(needed), hint="connect smaller populations, or by a rule in words")
    if found.results > limit("results"):
        yield Diagnostic("B111", f"the program emits more than {limit('results'):,} results")


# --- parts ------------------------------------------------------------------------------------------


def places(lanes: int) -> int:
    """Lanes, and the padding of their last block."""
    return -(-lanes // _WIDE) * _WIDE if lanes >= _LANES_FOR_WIDE else lanes


def state_bytes(verified: Verified, lanes: int) -> int:
    """Bytes of the state of all neurons of all lanes, and of their spike buffers."""
    if verified.model.kind == SPINS:
        return verified.n * _SPIN_BYTES * places(lanes)
    sizes = [population.n for population in verified.network.populations]
    held = [
        sizes[i.population] * (len(i.model.states) * _STATE_BYTES + len(i.model.inputs) * _INPUT_BYTES)
        for i in verified.network.instances()
    ]
    happening = sum(sizes[i.population] * len(i.model.events) for i in verified.network.instances())
    spikes = max(_SPIKE_ROOM, 4 * (verified.n + happening)) * _SPIKE_BYTES + happening
    return (verified.n * _CELL_BYTES + sum(held) + spikes) * places(lanes)


def _arrays(value: Data) -> list[object]:
    names = ("array",) if isinstance(value, Dense) else ("row", "column", "value", "start", "index")
    return [getattr(value, name) for name in names if hasattr(value, name)]


def _bytes_in_memory(value: Data) -> int:
    """Bytes of a datum in memory; memory-mapped ones count as 0."""
    return sum(array.nbytes for array in _arrays(value) if not any(files_behind([array])))  # type: ignore[attr-defined]


def _waveforms(verified: Verified) -> Iterator[int]:
    """Bytes of waveform tables (PLAY, WAVE) besides the data: float64 copies, and tables merged over parts of an input."""
    parts = played_parts(verified)
    for instruction in verified.instructions:
        if instruction.mnemonic not in ("PLAY", "WAVE"):
            continue
        ref, table = instruction.operands[:2]
        assert isinstance(ref, InputRef) and isinstance(table, DataRef)
        array = next(iter(_arrays(verified.program.data[table.index].value)))
        copies = 2 if len(parts[ref]) > 1 else int(array.dtype.str != "<f8")  # type: ignore[attr-defined]
        yield copies * NUMBER * int(array.size)  # type: ignore[attr-defined]


def _prepared(value: Data, verified: Verified) -> int:
    """Upper bound of the bytes needed while a matrix is converted for a kernel."""
    if isinstance(value, Sparse):
        return _ENTRY_BYTES * int(value.value.size) * (2 if value.symmetric else 1)
    if not isinstance(value, Dense) or len(value.shape) != 2 or value.shape[0] != value.shape[1]:
        return 0
    size, kind = int(value.array.size), value.array.dtype
    if verified.model.kind != SPINS:
        if any(i.mnemonic == SINGLE for i in verified.instructions):
            return _SINGLE_BYTES * size
        return 0 if kind.str[1:] in ("i1", "i4", "f4", "f8") else _CONVERTED_BYTES * size
    if kind.kind == "f":
        return _UNIT_BYTES * size if value.array.nbytes <= _LARGEST_CONVERTED else 0
    return 0 if kind.itemsize == 1 else _CONVERTED_BYTES * size


def _expected(verified: Verified, rates: Iterable[tuple[int, float]]) -> Iterator[Any]:
    """The expected Poisson counts of neurons in a step, of each POI or RATE to one target."""
    for index, dt in rates:
        value = verified.program.data[index].value
        if isinstance(value, Dense):
            yield value.array * dt
        elif isinstance(value, Random):  # any seed: the size is the same
            from bioasm.runtime.drawing import values_of

            yield values_of(verified.program, value, 0, index).drawn(range(verified.n)).clip(0.0) * dt


def _energies(verified: Verified, found: Schedule) -> int:
    """Entries of a lane's energy trace: one a sweep, or one each time a feedback is computed."""
    model = verified.model
    if model.kind == SPINS:
        return found.steps
    if model.feedback is None:
        return 0
    every, step = model.parameter(model.feedback.every), model.parameter("dt")
    return found.steps if every is None or step is None else int(found.steps * step.default / every.default)


def _work(verified: Verified, found: Schedule, lanes: int) -> Work:
    network = verified.network
    states = sum(network.populations[one.population].n * len(one.model.states) for one in network.instances())
    entries = sum(_entries(block.value) for block in verified.program.data)
    sums = found.steps if verified.model.kind == SPINS else _energies(verified, found)
    moves = {"moved": found.moved * lanes, "resampled": found.resampled * lanes}
    return Work(found.steps, found.steps * verified.n * lanes, found.steps * states * lanes, sums * entries * lanes, **moves)


def _entries(value: Data) -> int:
    if isinstance(value, Dense):
        return int(value.array.size) if len(value.shape) == 2 else 0
    return 0 if isinstance(value, Random) else int(value.value.size)
