"""Output buffers of kernels (spikes, energies, samples), and the pieces that were drained from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import error
from bioasm.isa.limits import limit
from bioasm.memory import memory
from bioasm.network.references import VariableRef
from bioasm.results.result import Reading, Spikes
from bioasm.runtime.dynamics import Recorded
from bioasm.vm.layout import Block, Ctx, Recorder
from bioasm.vm.state import State

Array = NDArray[Any]

_SPIKES = 1 << 15  # least room for spikes of a block; more where two steps could have more
_TRACE = 1 << 12
_SAMPLE_BYTES = 1 << 21
_OUT = 1 << 10
_SPIKE_BYTES, _ENERGY_BYTES = 16, 8
_COPIES = 3  # of what was taken, while a result is put together


@dataclass
class Samples:
    """One recording: variable, period in steps, first step, neurons (int64), the place of its REC, and its samples.

    A piece is (samples, neurons, lanes) of one block.
    """

    ref: VariableRef
    code: int
    every: int
    start: int
    neurons: Array
    pc: int
    active: bool = True
    pieces: list[list[Array]] = field(default_factory=list)

    @property
    def taken(self) -> int:
        """Samples so far."""
        return sum(len(p) for p in self.pieces[0]) if self.pieces else 0

    def next_at(self, step: int) -> int:
        """The first step not before `step` at which a sample is due."""
        return self.start + max(0, -(-(step - self.start) // self.every)) * self.every


class Outputs:
    """The buffers of all blocks, and everything that was drained from them."""

    def __init__(self, state: State, with_spikes: bool, cells_of: Callable[[VariableRef], Array | None]) -> None:
        """`cells_of` gives the array of cells of float64 that holds a variable, None where it must be computed."""
        self.state, self._cells_of = state, cells_of
        self.readings: list[Reading] = []
        self.samples: list[Samples] = []
        self.spikes: list[Array] = []
        self.spikes_taken = 0
        self.bytes_recorded = 0
        self.trace: list[list[Array]] = [[] for _ in range(state.blocks)]
        self.trace_taken, self.keeps_trace = 0, True
        self._spike_buffers: list[tuple[Array, Array]] = []
        self._trace_buffers: list[Array] = []
        self._sample_buffers: list[list[Array]] = []
        self._make_buffers(with_spikes)

    def _make_buffers(self, with_spikes: bool) -> None:
        state = self.state
        state.bind("OUT_VALUE", np.zeros(_OUT))
        state.bind("OUT_PC", np.zeros(_OUT, np.int64))
        state.ctx[Ctx.OUT_CAPACITY] = _OUT
        for row in state["BLOCK"]:
            width = int(row[Block.WIDTH])
            room = max(_SPIKES, 4 * state.n * width) if with_spikes else 1
            steps, ids, trace = np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros((_TRACE, width))
            self._spike_buffers.append((steps, ids))
            self._trace_buffers.append(trace)
            row[[Block.SPIKE_CAPACITY, Block.TRACE_CAPACITY]] = room, _TRACE
            row[[Block.SPIKE_STEP_AT, Block.SPIKE_ID_AT]] = steps.ctypes.data, ids.ctypes.data
            row[Block.TRACE_AT] = trace.ctypes.data

    def buffers(self) -> dict[str, Array]:
        """The arrays that kernels fill, and the neurons that recorders read, by names."""
        found: dict[str, Array] = {}
        for b, (steps, ids) in enumerate(self._spike_buffers):
            found |= {f"spike steps {b}": steps, f"spike cells {b}": ids, f"trace {b}": self._trace_buffers[b]}
        for r, blocks in enumerate(self._sample_buffers):
            found |= {f"samples {r} {b}": buffer for b, buffer in enumerate(blocks)}
        return found | {f"recorded {r}": samples.neurons for r, samples in enumerate(self.samples)}

    # --- recorders ----------------------------------------------------------------------------------

    def record(self, samples: Samples) -> None:
        """Begin to record."""
        self.samples.append(samples)
        self.rebuild_recorders()

    def stop(self, ref: VariableRef) -> None:
        """Stop recording a variable; what was taken stays."""
        self.drain()
        for samples in self.samples:
            samples.active = samples.active and samples.ref != ref
        self.rebuild_recorders()

    def rebuild_recorders(self) -> None:
        """The table of recorders and their buffers, for those that are active."""
        active = [s for s in self.samples if s.active]
        blocks = self.state["BLOCK"]
        table = np.zeros((max(1, len(active) * len(blocks)), len(Recorder)), np.int64)
        self._sample_buffers = []
        for r, samples in enumerate(active):
            samples.pieces = samples.pieces or [[] for _ in blocks]
            self._sample_buffers.append([])
            for b, block in enumerate(blocks):
                entry = len(samples.neurons) * int(block[Block.WIDTH])
                room = max(2, _SAMPLE_BYTES // (8 * max(1, entry)))
                buffer = np.zeros((room, len(samples.neurons), int(block[Block.WIDTH])))
                self._sample_buffers[r].append(buffer)
                table[r * len(blocks) + b] = (
                    *(samples.code, samples.every, samples.next_at(int(block[Block.STEP])), len(samples.neurons)),
                    *(samples.neurons.ctypes.data, self._source(samples, block), 0, room, buffer.ctypes.data),
                )
        self.state.bind("RECORDER", table)
        blocks[:, Block.DUE] = 0
        self.state.ctx[Ctx.RECORDERS] = len(active)

    def _source(self, samples: Samples, block: Array) -> int:
        """Address of a variable's cells, float64 (n, width), in a block; 0 where it must be computed."""
        cells = self._cells_of(samples.ref)
        if cells is None:
            return 0
        return int(cells.ctypes.data + cells.itemsize * (cells.size // self.state.places) * block[Block.LANE0])

    # --- draining -----------------------------------------------------------------------------------

    def drain(self) -> None:
        """Drain each block: spikes (cell, step), energies (entries, width), samples (samples, neurons, width)."""
        for b, block in enumerate(self.state["BLOCK"]):
            self._drain_spikes(b, block)
            if block[Block.TRACE] and not self.keeps_trace:
                block[Block.TRACE] = 0
            elif block[Block.TRACE]:
                self.trace[b].append(self._trace_buffers[b][: block[Block.TRACE]].copy())
                self.trace_taken += self.trace[b][-1].size
                block[Block.TRACE] = 0
        active = [s for s in self.samples if s.active]
        rows: Any = self.state["RECORDER"].reshape(-1, len(Recorder)) if self._sample_buffers else []
        for r, buffers in enumerate(self._sample_buffers):
            for b, buffer in enumerate(buffers):
                row = rows[r * len(buffers) + b]
                if row[Recorder.COUNT]:
                    active[r].pieces[b].append(buffer[: row[Recorder.COUNT]].copy())
                    self.bytes_recorded += active[r].pieces[b][-1].nbytes
                    row[Recorder.COUNT] = 0

    def _drain_spikes(self, b: int, block: Array) -> None:
        count = int(block[Block.SPIKES])
        if count:
            steps, ids = self._spike_buffers[b]
            self.spikes.append(np.stack([ids[:count], steps[:count]]))
            self.spikes_taken += count
            block[Block.SPIKES] = 0

    def check_limits(self) -> None:
        """Refuse to go on where more was taken than a run may keep in memory. What was taken can still be read."""
        if self.bytes_recorded > limit("record_bytes"):
            text = f"recordings take {self.bytes_recorded / 1e9:.1f} GB"
            raise error("B111", text, hint="record less often: REC v, 10 ms")
        if self.spikes_taken > limit("spikes"):
            raise error("B111", f"more than {limit('spikes')} spikes")
        if self.trace_taken > limit("trace_entries"):
            raise error("B111", f"the trace of energies has more than {limit('trace_entries')} entries in all lanes")
        kept = self.bytes_recorded + _SPIKE_BYTES * self.spikes_taken + _ENERGY_BYTES * self.trace_taken
        if kept > memory() // _COPIES:
            text = f"recordings, spikes and energies take {kept / 1e9:.1f} GB, and this machine has {memory() / 1e9:.1f} GB"
            raise error("B403", text, hint="run fewer lanes at a time or a shorter time, or record less often")

    def take_emitted(self, names: dict[int, str], emit: Callable[[str, float], None]) -> None:
        """Let `emit` take the numbers that OUT emitted; `names` gives the name for each instruction."""
        count = int(self.state.ctx[Ctx.OUT_COUNT])
        for value, pc in zip(self.state["OUT_VALUE"][:count], self.state["OUT_PC"][:count], strict=True):
            emit(names[int(pc)], float(value))
        self.state.ctx[Ctx.OUT_COUNT] = 0

    # --- the outcome --------------------------------------------------------------------------------

    def all_spikes(self, dt: float) -> Spikes:
        """The spikes so far, sorted by lane, time and neuron."""
        self.drain()
        joined = np.concatenate(self.spikes, axis=1) if self.spikes else np.zeros((2, 0), np.int64)
        lane, neuron = np.divmod(joined[0], max(1, self.state.n))
        order = np.lexsort((neuron, joined[1], lane))
        self.spikes = [joined[:, order]]
        return Spikes(joined[1][order] * dt, neuron[order], lane[order])

    def energies(self) -> Array:
        """The energy trace so far, (lanes, entries)."""
        self.drain()
        self.trace = [[np.concatenate(pieces)] if pieces else [] for pieces in self.trace]
        rows = [pieces[0].T for pieces in self.trace if pieces]
        return np.concatenate(rows)[: self.state.lanes] if rows else np.zeros((self.state.lanes, 0))

    def recorded(self) -> list[Recorded]:
        """All recordings in the order in which they began."""
        self.drain()
        return [Recorded(s.ref, s.every, s.start, s.neurons, self._values(s)) for s in self.samples]

    def _values(self, samples: Samples) -> Array:
        """The samples so far, (lanes, samples, neurons)."""
        if not samples.taken:
            return np.zeros((self.state.lanes, 0, len(samples.neurons)))
        empty = np.zeros((0, len(samples.neurons), 0))
        blocks = [np.concatenate(p) if p else empty for p in samples.pieces]
        return np.asarray(np.concatenate(blocks, axis=2).transpose(2, 0, 1)[: self.state.lanes])
