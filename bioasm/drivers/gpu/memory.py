"""Device memory: a machine's arrays in one allocation, and transfers in both directions.

On the device every work item, which is a lane or a part of its neurons, has its own rows in the tables of blocks and recorders,
and its own marks, positions and lists, so that no two write to the same address; between launches all are at one step, and a
block's row is that of any of its items. The layout of cells is that of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import error
from bioasm.drivers.gpu.device import Device
from bioasm.vm.layout import CHUNK, NARROW_ARRAYS, Block, Ctx, Recorder
from bioasm.vm.memory_map import arrays_of, pointers_in
from bioasm.vm.outputs import Outputs
from bioasm.vm.state import State

Array = NDArray[Any]
_ALIGNED = 256  # bytes
_SPIKE_ROOM, _LEAST_SPIKE_ROOM = 1 << 11, 1 << 4  # capacity for spikes of a work item; more where two steps may have more
_SPIKES_OF_ALL = 1 << 24  # bound over all items, which reduces the capacity of each
_BY_ROW = ("mark:", "position:", "spikes_of:")  # fields with entries per block, on the device per work item
_LISTS = "spiked:"  # prefix of fields with spike lists
_RECORDED = "recorded "  # prefix of lists of recorded neurons
_HOST_ONLY = ("spike steps", "spike cells", "MERGE_", "EXCHANGE_", "PLAN_", "word:", "pair:", *NARROW_ARRAYS)
# Recomputed in every launch, except entries that are never written, which are 0.
_SCRATCH = frozenset({"DRAWN", "THRESHOLD", "LIMB", "DELTA", "CHANGE", "S", "Y", "FIRED", "PARTIAL"})
# These are replaced, never changed in place.
_KEPT = frozenset({"J", "J_TAIL", "J_ROW", "J_COLUMN", "H", "TERM_START", "TERM_INDEX", "TERM_VALUE", "OF_START", "OF_TERM"})


# Used by the instruction loop only; a launch gets its parameters as arguments.
_OF_THE_LOOP = [Ctx.PC, Ctx.FUEL, Ctx.BUDGET, Ctx.STEP, Ctx.TARGET, Ctx.RUN_END, Ctx.RUNNING, Ctx.FAULT, Ctx.OUT_COUNT]
_OF_THE_LOOP += [Ctx.PEEKED_VARIABLE, Ctx.PEEKED_NEURON]


class _Region(NamedTuple):
    at: int
    size: int


class DeviceMemory:
    """The arrays of a State and its Outputs on a device, with `parts` work items for each lane."""

    def __init__(self, device: Device, state: State, outputs: Outputs) -> None:
        self.device, self.state, self.outputs = device, state, outputs
        self.width, self.places, self.parts = state.width, state.places, 1
        self.buffer: Any = None
        self.base = 0  # its address on the device
        self._regions: dict[str, _Region] = {}
        self._arrays: dict[str, Array] = {}
        self._sent: dict[str, Array] = {}
        self._starts: Array = np.zeros(0, np.uint64)
        self._rows: Array = np.zeros((0, len(Block)), np.int64)
        self._known: dict[str, Array] = {}  # tables as they were last written or read

    @property
    def items(self) -> int:
        """The number of work items."""
        return self.places * self.parts

    @property
    def _of_block(self) -> int:
        return self.width * self.parts

    @property
    def _spike_room(self) -> int:
        """Capacity for spikes of an item: at least twice the most of two steps, in which all its neurons and events spike."""
        least = max(_LEAST_SPIKE_ROOM, min(_SPIKE_ROOM, _SPIKES_OF_ALL // self.items))
        lists = len(self.outputs.events) + self.state.arrays["POPULATION"].size // 2 if self.parts > 1 else 0
        return max(least, 4 * (int(self.state.ctx[Ctx.IDS]) // self.parts + lists)) if self.outputs.with_spikes else 1

    # --- places -------------------------------------------------------------------------------------

    def lay_out(self) -> bool:
        """Assign an offset to each array; returns whether memory was allocated, because arrays or sizes changed.

        Raises BioasmError B403 where the device has less memory than they need.
        """
        found = arrays_of(self.state, self.outputs)
        self._arrays = {name: array for name, array in found.items() if not name.startswith(_HOST_ONLY)}
        by_start = sorted((array.ctypes.data, name) for name, array in self._arrays.items())
        self._starts = np.array([start for start, _ in by_start], np.uint64)
        self._names = [name for _, name in by_start]
        regions, size = self._placed()
        if regions == self._regions and self.buffer is not None:
            return False
        self._check(size)
        self._sent, self.buffer = {}, None
        self.buffer, self._regions = self.device.allocate(size), regions
        return True

    def _placed(self) -> tuple[dict[str, _Region], int]:
        sizes = {name: array.nbytes * self._times(name) for name, array in self._arrays.items()}
        sizes |= dict.fromkeys((" spike steps", " spike cells"), 8 * self.items * self._spike_room)
        sizes[" peeked"] = 8 * self.places
        regions: dict[str, _Region] = {}
        at = 0
        for name, size in sizes.items():
            regions[name] = _Region(at, size)
            at += size if name == "ctx" else -(-(at + max(size, 8)) // _ALIGNED) * _ALIGNED - at  # `real` follows it
        return regions, at

    def _times(self, name: str) -> int:
        """The ratio of an array's size to that in the machine."""
        if self._by_row(name):
            return self._of_block
        if name == "DRAWN":  # a buffer for each of the chunks that a block's items process concurrently
            return max(1, self._of_block // CHUNK)
        return 2 if self.parts > 1 and name.startswith(_RECORDED) else 1

    @staticmethod
    def _by_row(name: str) -> bool:
        return name in ("BLOCK", "RECORDER") or name.startswith(_BY_ROW)

    def _check(self, size: int) -> None:
        device, most = self.device, min(self.device.memory, self.device.largest)
        if size > most:
            text = f"the program's arrays take {size / 1e9:.2f} GB in one piece, and {device.name} gives {most / 1e9:.2f} GB"
            raise error("B403", text, hint="run fewer lanes at a time")

    def address(self, name: str) -> int:
        """The address of an array on the device."""
        return self._regions[name].at

    def _translated(self, words: Array) -> Array:
        """Relocation: addresses of this process to addresses on the device, 0 for arrays that it lacks."""
        place = np.searchsorted(self._starts, words.astype(np.uint64), "right") - 1
        found = []
        for word, at in zip(words.tolist(), place.tolist(), strict=True):
            array = self._arrays[self._names[at]] if at >= 0 else None
            beyond = array is None or word >= array.ctypes.data + max(array.nbytes, 1)
            found.append(0 if beyond or array is None else self._device_address(self._names[at], word - array.ctypes.data))
        return np.array(found, np.int64)

    def _device_address(self, name: str, offset: int) -> int:
        return self.base + self._regions[name].at + offset

    # --- to the device ------------------------------------------------------------------------------

    def write(self, everything: bool) -> bool:
        """Upload the changed tables, with `everything` all arrays too; returns whether anything was written."""
        written = self._write_tables(everything)
        if everything:
            for name, array in self._arrays.items():
                if name not in ("ctx", "real", "BLOCK", "RECORDER"):
                    self._write(name, array)
        return written

    def _write_tables(self, everything: bool) -> bool:
        """Upload the tables of numbers, blocks and recorders that differ from those last written or read."""
        state, known = self.state, {} if everything else self._known
        ctx = state.ctx.copy()
        ctx[_OF_THE_LOOP] = 0
        now = {"ctx": ctx, "real": state.real.copy(), "BLOCK": state["BLOCK"].copy(), "RECORDER": state["RECORDER"].copy()}
        changed = [name for name, table in now.items() if name not in known or not np.array_equal(table, known[name])]
        if "ctx" in changed:
            at = pointers_in("ctx", ctx)
            ctx = ctx.copy()
            ctx[at] = self._translated(ctx[at])
            ctx[[Ctx.BLOCKS, Ctx.DYNAMICS_AT]] = self.items, self.base
            self.put("ctx", ctx)
        if "real" in changed:
            self.put("real", state.real)
        if "BLOCK" in changed:
            self._write_rows()
        if "RECORDER" in changed and state.ctx[Ctx.RECORDERS]:
            self.put("RECORDER", self._recorders())
        self._known = now
        return bool(changed)

    def _write_rows(self) -> None:
        self._rows = np.repeat(self.state["BLOCK"], self._of_block, axis=0)
        self._rows[:, Block.TRACE_AT] = np.repeat(self._translated(self.state["BLOCK"][:, Block.TRACE_AT]), self._of_block)
        for column, name in ((Block.SPIKE_STEP_AT, " spike steps"), (Block.SPIKE_ID_AT, " spike cells")):
            self._rows[:, column] = self._device_address(name, 0) + 8 * np.arange(self.items)
        self._rows[:, [Block.SPIKES, Block.SPIKE_CAPACITY, Block.DRAWN_PAIR]] = 0, self._spike_room, -1
        self.put("BLOCK", self._rows)

    def _recorders(self) -> Array:
        """The table of recorders with a row for each item."""
        table = self.state["RECORDER"].reshape(-1, self.state.blocks, len(Recorder)).copy()
        flat = table.reshape(-1, len(Recorder))
        for column in (Recorder.NEURON_AT, Recorder.SOURCE_AT, Recorder.VALUE_AT):
            flat[:, column] = self._translated(flat[:, column])
        return np.ascontiguousarray(np.repeat(table, self._of_block, axis=1))

    def put(self, name: str, array: Array) -> None:
        """Copy an array to the address of the one of this name."""
        self.device.write(self.buffer, self._regions[name].at, np.ascontiguousarray(array))

    def put_word(self, slot: Ctx, value: int) -> None:
        """Set one number of the table `ctx`."""
        self.device.write(self.buffer, self._regions["ctx"].at + 8 * slot, np.array([value], np.int64))

    def _write(self, name: str, array: Array) -> None:
        if name in _KEPT | _SCRATCH and self._sent.get(name) is array:
            return
        self._sent[name] = array
        if name == "ADDRESS":
            self.put(name, self._translated(array))
        elif name.startswith(_LISTS):
            self.put(name, self._lists_of_lanes(name))
        elif name.startswith("spikes_of:"):
            self.put(name, self._counts_of_lanes(name))
        elif self._by_row(name):
            self.put(name, np.repeat(array.reshape(self.state.blocks, -1), self._of_block, axis=0))
        elif self.parts > 1 and name.startswith(_RECORDED):
            order = np.argsort(array, kind="stable")
            self.put(name, np.concatenate((array[order], order)))
        else:
            self.put(name, array)

    # --- lists of spikes ----------------------------------------------------------------------------

    def _lanes_of_lists(self, name: str) -> tuple[Array, Array]:
        """The spike lists of a population (blocks, slots, cells), and their lengths by lane (…, width)."""
        population = name.partition(":")[2]
        listed = self.state.fields[f"{_LISTS}{population}"]
        count = self.state.fields[f"spikes_of:{population}"].reshape(self.state.blocks, -1)
        lists = listed.reshape(*count.shape, -1)
        there = np.arange(lists.shape[2]) < count[..., None]
        lanes = np.where(there, lists % self.width, -1)
        return lists, (lanes[..., None] == np.arange(self.width)).sum(axis=2)

    def _counts_of_lanes(self, name: str) -> Array:
        """The lengths of the spike lists of each lane, (places, slots)."""
        counted = self._lanes_of_lists(name)[1]
        return np.ascontiguousarray(counted.transpose(0, 2, 1).astype(np.int64))

    def _lists_of_lanes(self, name: str) -> Array:
        """The spike lists of blocks with a column for each lane."""
        lists, counted = self._lanes_of_lists(name)
        made = np.zeros((*lists.shape[:2], lists.shape[2] // self.width, self.width), np.int32)
        for b, slot in np.argwhere(counted.sum(axis=2)):
            cells = lists[b, slot, : counted[b, slot].sum()]
            for lane in np.flatnonzero(counted[b, slot]):
                mine = cells[cells % self.width == lane]
                made[b, slot, : len(mine), lane] = mine
        return made

    def _read_lists(self, name: str, array: Array) -> None:
        """Merge the spike lists of lanes into those of blocks, in ascending order of cells."""
        population = name.removeprefix(_LISTS)
        lists = np.zeros_like(array)
        self.device.read(self.buffer, self._regions[name].at, lists)
        count = self.state.fields[f"spikes_of:{population}"].reshape(self.state.blocks, -1)
        counted = np.zeros((self.state.blocks, self.width, count.shape[1]), np.int64)
        self.device.read(self.buffer, self._regions[f"spikes_of:{population}"].at, counted)
        columns = lists.reshape(*count.shape, -1, self.width)
        into = array.reshape(*count.shape, -1)
        for b, slot in np.argwhere(counted.sum(axis=1)):
            there = np.arange(columns.shape[2])[:, None] < counted[b, :, slot]
            cells = np.sort(columns[b, slot][there])
            into[b, slot, : len(cells)] = cells
        count[:] = counted.sum(axis=1)

    # --- from the device ----------------------------------------------------------------------------

    def read_rows(self) -> Array:
        """Read the rows of all items, (items, columns of Block)."""
        self.device.read(self.buffer, self._regions["BLOCK"].at, self._rows)
        return self._rows

    @property
    def steps(self) -> Array:
        """The step of each item when the rows were last read, (items,)."""
        return self._rows[:, Block.STEP].copy()

    def take_spikes(self) -> bool:
        """Move the spikes of the rows last read to the outputs; returns whether there were any."""
        counts = self._rows[:, Block.SPIKES]
        most = int(counts.max())
        if most == 0:
            return False
        steps, cells = (np.zeros((most, self.items), np.int64) for _ in range(2))
        self.device.read(self.buffer, self._regions[" spike steps"].at, steps)
        self.device.read(self.buffer, self._regions[" spike cells"].at, cells)
        there = np.arange(most)[:, None] < counts
        self.outputs.take_spikes(cells[there], steps[there])
        self._rows[:, Block.SPIKES] = 0
        self.put("BLOCK", self._rows)
        return True

    def read(self, live: Iterable[str]) -> None:
        """Download the output of kernels since the last call, and the arrays named `live`."""
        for name in live:
            if name in self._regions and name not in ("BLOCK", "RECORDER", "VARIABLE_N"):
                self._read(name, self._arrays[name])
        first = self._rows.reshape(self.state.blocks, self._of_block, -1)[:, 0]
        blocks = self.state["BLOCK"]
        for column in (Block.STEP, Block.DUE, Block.TRACE, Block.SYNCED):
            blocks[:, column] = first[:, column]
        self._read_outputs()

    def _read(self, name: str, array: Array) -> None:
        if name.startswith(_LISTS):
            self._read_lists(name, array)
        elif name.startswith("spikes_of:"):
            return  # read with their lists
        elif self._by_row(name):
            rows = np.zeros((self.state.blocks, self._of_block, array.size // self.state.blocks), array.dtype)
            self.device.read(self.buffer, self._regions[name].at, rows)
            array.reshape(self.state.blocks, -1)[:] = rows.max(axis=1)
        else:
            self.device.read(self.buffer, self._regions[name].at, array)

    def _read_outputs(self) -> None:
        """Read the device's buffers of energies and samples."""
        self._known["BLOCK"] = self.state["BLOCK"].copy()
        for b, row in enumerate(self.state["BLOCK"]):
            if row[Block.TRACE]:
                self._read_part(f"trace {b}", int(row[Block.TRACE]))
        if not self.state.ctx[Ctx.RECORDERS]:
            return
        table = self.state["RECORDER"].reshape(-1, self.state.blocks, len(Recorder))
        rows = np.zeros((len(table), self.items, len(Recorder)), np.int64)
        self.device.read(self.buffer, self._regions["RECORDER"].at, rows)
        for column in (Recorder.NEXT, Recorder.COUNT):
            table[:, :, column] = rows.reshape(len(table), self.state.blocks, self._of_block, -1)[:, :, 0, column]
        self._known["RECORDER"] = self.state["RECORDER"].copy()
        for r, b in np.argwhere(table[:, :, Recorder.COUNT]):
            self._read_part(f"samples {r} {b}", int(table[r, b, Recorder.COUNT]))

    def _read_part(self, name: str, count: int) -> None:
        self.device.read(self.buffer, self._regions[name].at, self._arrays[name][:count])

    def read_peeked(self) -> Array:
        """The results of `peek`, (places,)."""
        found = np.zeros(self.places)
        self.device.read(self.buffer, self._regions[" peeked"].at, found)
        return found

    def find_base(self) -> None:
        """Read the base address, which the kernel `where` has written into the table."""
        found = np.zeros(1, np.int64)
        self.device.read(self.buffer, self._regions["ctx"].at + 8 * Ctx.DYNAMICS_AT, found)
        self.base = int(found[0])
