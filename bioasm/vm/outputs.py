"""Output buffers of kernels (spikes with events, energies, samples), and the drained data, in memory or a spool."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import error
from bioasm.isa.limits import limit
from bioasm.memory import KEEP_LESS_OR_WRITE, memory
from bioasm.network.references import EventRef, VariableRef
from bioasm.results.result import Reading, Spikes
from bioasm.runtime.dynamics import Recorded
from bioasm.vm.layout import Block, Ctx, Recorder
from bioasm.vm.read_buffer import ReadBuffer
from bioasm.vm.sample_buffers import SampleBuffer
from bioasm.vm.spool import Spool
from bioasm.vm.spooled import lanes_first, once_more
from bioasm.vm.state import State
from bioasm.vm.trains import Train

Array = NDArray[Any]

_SPIKES = 1 << 15  # least capacity for spikes of a block; more where two steps may have more
_TRACE = 1 << 12  # energies of a lane
_BYTES_OF_ALL = 1 << 28  # of the energies of all blocks, where many make that less for each
_OUT = 1 << 10
_SPIKE_BYTES, _ENERGY_BYTES = 16, 8
_COPIES = 3  # of the data, while a result is composed
_HELD = 1 << 26  # bytes in memory from which they are moved to a spool,
_HELD_SECONDS = 10.0  # and the longest time that they stay there, which bounds the loss by a kill


@dataclass
class Samples:
    """One recording: variable, period in steps, first step, neurons (int64), the place of its REC, and its samples.

    A piece is (samples, neurons, lanes) of one block; `spooled` counts the samples that were moved to the spool.
    """

    ref: VariableRef
    code: int
    every: int
    start: int
    neurons: Array
    pc: int
    active: bool = True
    pieces: list[list[Array]] = field(default_factory=list)
    spooled: int = 0

    @property
    def taken(self) -> int:
        """Samples so far."""
        return self.spooled + (sum(len(p) for p in self.pieces[0]) if self.pieces else 0)

    def next_at(self, step: int) -> int:
        """The first step not before `step` at which a sample is due."""
        return self.start + max(0, -(-(step - self.start) // self.every)) * self.every


@dataclass
class Happenings:
    """A recorded event: its word, the first of its population's neurons, its train, and whether it is recorded now.

    Kernels store it as spikes of ids after those of the neurons, from `first_id` on.
    """

    ref: EventRef
    first: int
    first_id: int
    train: Train
    is_heard: bool = False


class Outputs:
    """The buffers of all blocks, and all data drained from them."""

    def __init__(self, state: State, with_spikes: bool, cells_of: Callable[[VariableRef], Array | None]) -> None:
        """`cells_of` returns the array of cells of float64 that holds a variable, None where it must be computed."""
        self.state, self._cells_of, self.with_spikes = state, cells_of, with_spikes
        self.readings: list[Reading] = []
        self.samples: list[Samples] = []
        self.spikes, self.events = Train("spikes", state.n), list[Happenings]()
        self.bytes_recorded = 0
        self.trace: list[list[Array]] = [[] for _ in range(state.blocks)]
        self.trace_taken, self.keeps_trace = 0, True
        self.spool: Spool | None = None
        self.samples_stay = True  # as in `KernelRunner`
        self._spooled_bytes, self._spooled_at = 0, time.monotonic()
        self._spike_buffers: list[tuple[Array, Array]] = []
        self._trace_buffers: list[Array] = []
        self._sample_buffers: list[list[SampleBuffer]] = []
        self.reads = ReadBuffer(state.blocks, state.width, state.lanes)
        self._make_buffers()

    def add_events(self, refs: dict[EventRef, tuple[int, int]]) -> None:
        """Allocate ids for events of populations, (first neuron, neurons) each; they begin with `first_id`."""
        at = self.state.n
        for k, (ref, (first, n)) in enumerate(refs.items()):
            self.events.append(Happenings(ref, first, at, Train(f"events.{k}", n)))
            at += n
        self.state.ctx[Ctx.IDS] = at
        self._spike_buffers, self._trace_buffers = [], []
        self.with_spikes = True
        self._make_buffers()

    def _make_buffers(self) -> None:
        state, ids_of_step = self.state, int(self.state.ctx[Ctx.IDS])
        rows = max(1, min(_TRACE, _BYTES_OF_ALL // (8 * state.places)))
        state.bind("OUT_VALUE", np.zeros(_OUT))
        state.bind("OUT_PC", np.zeros(_OUT, np.int64))
        state.ctx[Ctx.OUT_CAPACITY] = _OUT
        for row in state["BLOCK"]:
            width = int(row[Block.WIDTH])
            room = max(_SPIKES, 4 * ids_of_step * width) if self.with_spikes else 1
            steps, ids, trace = np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros((rows, width))
            self._spike_buffers.append((steps, ids))
            self._trace_buffers.append(trace)
            row[[Block.SPIKE_CAPACITY, Block.TRACE_CAPACITY]] = room, rows
            row[[Block.SPIKE_STEP_AT, Block.SPIKE_ID_AT]] = steps.ctypes.data, ids.ctypes.data
            row[Block.TRACE_AT] = trace.ctypes.data

    def buffers(self) -> dict[str, Array]:
        """The arrays that kernels fill, and the neurons that recorders read, by name."""
        found: dict[str, Array] = {}
        for b, (steps, ids) in enumerate(self._spike_buffers):
            found |= {f"spike steps {b}": steps, f"spike cells {b}": ids, f"trace {b}": self._trace_buffers[b]}
        for r, blocks in enumerate(self._sample_buffers):
            found |= {f"samples {r} {b}": buffer.array for b, buffer in enumerate(blocks)}
        return found | {f"recorded {r}": samples.neurons for r, samples in enumerate(self.samples)}

    # --- recorders ----------------------------------------------------------------------------------

    def record(self, samples: Samples) -> None:
        """Start a recording."""
        self.samples.append(samples)
        self.rebuild_recorders()

    def hear(self, ref: EventRef) -> None:
        """Start recording an event from the present step on."""
        self.drain()
        next(one for one in self.events if one.ref == ref).is_heard = True

    def stop(self, ref: VariableRef | EventRef) -> None:
        """Stop recording a variable or event; recorded data are kept."""
        self.drain()
        for event in self.events:
            event.is_heard = event.is_heard and event.ref != ref
        for samples in self.samples:
            samples.active = samples.active and not samples.ref.is_recorded_as(ref)
        self.rebuild_recorders()

    def rebuild_recorders(self) -> None:
        """Build the table of active recorders and their buffers."""
        active = [s for s in self.samples if s.active]
        blocks = self.state["BLOCK"]
        table = np.zeros((max(1, len(active) * len(blocks)), len(Recorder)), np.int64)
        self._sample_buffers = []
        for r, samples in enumerate(active):
            samples.pieces = samples.pieces or [[] for _ in blocks]
            self._sample_buffers.append([self._sample_buffer(samples, block) for block in blocks])
            for b, block in enumerate(blocks):
                array = self._sample_buffers[r][b].array
                table[r * len(blocks) + b] = (
                    *(samples.code, samples.every, samples.next_at(int(block[Block.STEP])), len(samples.neurons)),
                    *(samples.neurons.ctypes.data, self._source(samples, block), 0, len(array), array.ctypes.data),
                )
        self.state.bind("RECORDER", table)
        blocks[:, Block.DUE] = 0
        self.state.ctx[Ctx.RECORDERS] = len(active)

    def _sample_buffer(self, samples: Samples, block: Array) -> SampleBuffer:
        neurons, width = len(samples.neurons), int(block[Block.WIDTH])
        spooled = self.spool is not None
        return SampleBuffer(neurons, width, self.state.blocks, grows=self.samples_stay, is_small=spooled)

    def _source(self, samples: Samples, block: Array) -> int:
        """Address of a variable's cells, float64 (n, width), in a block; 0 where it must be computed."""
        cells = self._cells_of(samples.ref)
        if cells is None:
            return 0
        return int(cells.ctypes.data + cells.itemsize * (cells.size // self.state.places) * block[Block.LANE0])

    # --- draining -----------------------------------------------------------------------------------

    def drain(self) -> None:
        """Drain the buffers of blocks: spikes (cell, step), energies (entries, width), samples (samples, neurons, width)."""
        for b, block in enumerate(self.state["BLOCK"]):
            self._drain_spikes(b, block)
            if block[Block.TRACE] and not self.keeps_trace:
                block[Block.TRACE] = 0
            elif block[Block.TRACE]:
                self.trace[b].append(self._trace_buffers[b][: block[Block.TRACE]].copy())
                self.trace_taken += self.trace[b][-1].size
                block[Block.TRACE] = 0
        self._drain_samples()

    def _drain_samples(self) -> None:
        if not self._sample_buffers:
            return
        rows, end = self.state["RECORDER"].reshape(-1, self.state.blocks, len(Recorder)), int(self.state.ctx[Ctx.RUN_END])
        active, steps = (s for s in self.samples if s.active), self.state["BLOCK"][:, Block.STEP].tolist()
        for samples, buffers, of_blocks in zip(active, self._sample_buffers, rows, strict=True):
            for pieces, buffer, row, step in zip(samples.pieces, buffers, of_blocks, steps, strict=True):
                self.bytes_recorded += buffer.drain(row, pieces)
                if step < end:
                    buffer.make_room(row, end)

    def _drain_spikes(self, b: int, block: Array) -> None:
        count = int(block[Block.SPIKES])
        if count:
            block[Block.SPIKES] = 0
            steps, ids = (buffer[:count] for buffer in self._spike_buffers[b])
            self.take_spikes(ids, steps)

    def take_spikes(self, ids: Array, steps: Array) -> None:
        """Append spikes and events, in any order: lane * ids of a lane + id, and the step of each."""
        if not self.events:
            self.spikes.take(ids, steps)
            return
        lane, at = np.divmod(ids, int(self.state.ctx[Ctx.IDS]))
        chosen = at < self.state.n
        self.spikes.take(lane[chosen] * self.state.n + at[chosen], steps[chosen])
        for one in self.events:
            n = one.train.neurons
            if one.is_heard:
                chosen = (at >= one.first_id) & (at < one.first_id + n)
                one.train.take(lane[chosen] * n + at[chosen] - one.first_id, steps[chosen])

    @property
    def _trains(self) -> list[Train]:
        """The trains of spikes, and of each event."""
        return [self.spikes, *(one.train for one in self.events)]

    @property
    def _times_taken(self) -> int:
        """The number of spikes and events so far."""
        return sum(train.taken for train in self._trains)

    @property
    def _bytes(self) -> int:
        """The bytes of all drained data."""
        return self.bytes_recorded + _SPIKE_BYTES * self._times_taken + _ENERGY_BYTES * self.trace_taken

    def make_room(self) -> None:
        """Move drained data to the spool, if there is one, where they are large or old. Raises BioasmError B302."""
        held, since = self._bytes - self._spooled_bytes, time.monotonic() - self._spooled_at
        if self.spool is not None and held and (held > _HELD or since > _HELD_SECONDS):
            self._write_out(self.spool)

    def check_limits(self) -> None:
        """Raise BioasmError where drained data exceed the limits of memory. They can still be read."""
        if self.spool is not None:
            return
        if self.bytes_recorded > limit("record_bytes"):
            text = f"recordings take {self.bytes_recorded / 1e9:.1f} GB"
            raise error("B111", text, hint=KEEP_LESS_OR_WRITE)
        if self._times_taken > limit("spikes"):
            what = "spikes and events" if self.events else "spikes"
            raise error("B111", f"more than {limit('spikes')} {what}", hint=KEEP_LESS_OR_WRITE)
        if self.trace_taken > limit("trace_entries"):
            text = f"the trace of energies has more than {limit('trace_entries')} entries in all lanes"
            raise error("B111", text, hint=KEEP_LESS_OR_WRITE)
        if self._bytes > memory() // _COPIES:
            taken, there = f"{self._bytes / 1e9:.1f} GB", f"{memory() / 1e9:.1f} GB"
            text = f"recordings, spikes and energies take {taken}, and this machine has {there}"
            raise error("B403", text, hint=KEEP_LESS_OR_WRITE)

    # --- the spool ----------------------------------------------------------------------------------

    def _write_out(self, spool: Spool) -> None:
        """Move all drained data to the spool."""
        spool.tell({"recordings": [self._told(samples) for samples in self.samples]})
        for train in self._trains:
            train.move(spool)
        for b, pieces in enumerate(self.trace):
            spool.move(f"energies.{b}", pieces)
        for k, samples in enumerate(self.samples):
            for b, pieces in enumerate(samples.pieces):
                spool.move(f"samples.{k}.{b}", pieces)
            samples.spooled = spool.count(f"samples.{k}.0", [])
        self._spooled_bytes, self._spooled_at = self._bytes, time.monotonic()

    def _told(self, samples: Samples) -> dict[str, Any]:
        """The description of a recording for a reader of the spool: its name, period and first step, and its neurons."""
        found = {"name": samples.ref.word, "every": samples.every, "start": samples.start}
        return found | {"neurons": samples.neurons.tolist()}

    def take_emitted(self, names: dict[int, str], emit: Callable[[list[Reading]], None]) -> None:
        """Pass the numbers of OUT and the arrays of RD to `emit`; `names` has the name of each OUT."""
        count = int(self.state.ctx[Ctx.OUT_COUNT])
        if not count:
            return
        values, pcs = self.state["OUT_VALUE"][:count], self.state["OUT_PC"][:count]
        read = self.reads.taken(pcs, values)
        words = names | {pc: self.reads.word(pc) for pc in read}
        told = zip(values.tolist(), pcs.tolist(), strict=True)
        emit([Reading(words[pc], next(read[pc]) if pc in read else value) for value, pc in told])
        self.state.ctx[Ctx.OUT_COUNT] = 0

    # --- the outcome --------------------------------------------------------------------------------

    def all_spikes(self, dt: float) -> Spikes:
        """The spikes so far, sorted by lane, time and neuron."""
        self.drain()
        return self.spikes.spikes(self.spool, self.state.lanes, dt)

    def all_events(self, dt: float) -> dict[EventRef, Spikes]:
        """The recorded times of each event, sorted and numbered as spikes."""
        self.drain()
        found = {one.ref: one.train.spikes(self.spool, self.state.lanes, dt) for one in self.events}
        return {one.ref: _from(one.first, found[one.ref]) for one in self.events}

    def energies(self) -> Array:
        """The energy trace so far, (lanes, entries)."""
        self.drain()
        spool = self.spool
        if spool is not None and "energies.0" in spool:
            blocks = [(f"energies.{b}", pieces) for b, pieces in enumerate(self.trace)]
            return once_more(spool, lambda: lanes_first(spool, f"energies.{self.trace_taken}", blocks, self.state.lanes))
        self.trace = [[np.concatenate(pieces)] if pieces else [] for pieces in self.trace]
        rows = [pieces[0].T for pieces in self.trace if pieces]
        return np.concatenate(rows)[: self.state.lanes].copy() if rows else np.zeros((self.state.lanes, 0))

    def recorded(self) -> list[Recorded]:
        """All recordings in the order in which they began."""
        self.drain()
        return [Recorded(s.ref, s.every, s.start, s.neurons, self._values(k, s)) for k, s in enumerate(self.samples)]

    def _values(self, k: int, samples: Samples) -> Array:
        """The samples so far, (lanes, samples, neurons)."""
        spool = self.spool
        if spool is not None and f"samples.{k}.0" in spool:
            spooled = [(f"samples.{k}.{b}", pieces) for b, pieces in enumerate(samples.pieces)]
            return once_more(spool, lambda: lanes_first(spool, f"recording.{k}.{samples.taken}", spooled, self.state.lanes))
        if not samples.taken:
            return np.zeros((self.state.lanes, 0, len(samples.neurons)))
        empty = np.zeros((0, len(samples.neurons), 0))
        blocks = [_joined(p, 0) if p else empty for p in samples.pieces]
        return np.asarray(_joined(blocks, 2).transpose(2, 0, 1)[: self.state.lanes])


def _joined(parts: list[Array], axis: int) -> Array:
    """Arrays along an axis as one; a single one is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis)


def _from(first: int, spikes: Spikes) -> Spikes:
    """Spikes with `first` added to their neurons."""
    return Spikes(spikes.t, spikes.i + first, spikes.lane) if first else spikes
