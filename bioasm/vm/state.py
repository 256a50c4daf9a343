"""The machine's state: plain arrays, and the two tables through which kernels access them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.limits import limit
from bioasm.runtime.options import LaneSpan
from bioasm.runtime.random import STREAM_DYNAMICS, lane_key
from bioasm.vm.layout import NARROW_ARRAYS, PAST_THE_END, WIDE, Block, Ctx, Real

Array = NDArray[Any]

_ADDRESSES = {slot.name: slot for slot in Ctx if slot.name.endswith("_AT") and slot is not Ctx.DYNAMICS_AT}
_NAMES = sorted(slot.removesuffix("_AT") for slot in _ADDRESSES)
_REBUILT = "CODE VALUES OUT_VALUE OUT_PC BLOCK RECORDER KEY0 KEY1 J J_TAIL J_ROW J_COLUMN H TERM_START TERM_INDEX TERM_VALUE"
_REBUILT += " OF_START OF_TERM LINK LINK_ROW PACKED ADDRESS NUMBER WHOLE NOISE_KEY VARIABLE_N POPULATION HOLD"
_SCRATCH_OF_MOVES = "MERGE_OTHER MERGE_LABEL MERGE_QUEUE MERGE_KEY EXCHANGE_ROW EXCHANGE_LEVEL EXCHANGE_KEY"
_OF_BLOCKS = "ORDER ROW COLUMN J H KEY KNOWN MET COST WORD JOIN TABLE CHOICE"
_SCRATCH_OF_MOVES += "".join(f" PLAN_{name}" for name in _OF_BLOCKS.split())
_SCRATCH = "LIMB SINGLE THRESHOLD DELTA CHANGE S Y DRAWN FIRED PARTIAL"
_NOT_LIVE = frozenset(f"{_REBUILT} {_SCRATCH_OF_MOVES} {_SCRATCH}".split()) | {*NARROW_ARRAYS}
_LANES_FOR_WIDE = 6  # this many single lanes take longer than a wide block


def block_width(all_lanes: int) -> int:
    """Width of a block: WIDE lanes or 1. It depends only on the number of all lanes, not on threads or pieces."""
    return WIDE if all_lanes >= _LANES_FOR_WIDE else 1


class Origin(NamedTuple):
    """The index of an instruction, and the step at which it was executed."""

    pc: int
    step: int


class State:
    """All arrays of a run by name, bound into the table `ctx`, and the table `real`.

    The address of an array `NAME` is in `ctx[Ctx.NAME_AT]`; `bind` keeps both consistent.
    """

    def __init__(self, n: int, lanes: int, seed: int, span: LaneSpan | None = None, width: int | None = None) -> None:
        """`span` are the lanes, where they are a piece of more; `width` is that of blocks."""
        self.n, self.lanes, self.seed = n, lanes, seed
        span = span or LaneSpan(0, lanes, lanes)
        self.ctx = np.zeros(len(Ctx), np.int64)
        self.real = np.zeros(len(Real))
        self.arrays: dict[str, Array] = {}
        self.fields: dict[str, Array] = {}  # arrays of generated source by name
        self.columns: dict[str, str] = {}  # fields that are columns of a record, with the field of the record
        self.origin = Origin(0, 0)  # of the present instruction
        self.wholes: dict[str, int] = {}  # integers of generated source by name
        self.width = width or block_width(span.everyone)
        self.blocks = -(-lanes // self.width)
        self.places = self.blocks * self.width  # lanes, with the padding of the last block
        # The lane of each place in the noise's key; copies of a lane have the same.
        numbers = np.arange(span.first, span.first + self.places)
        self.numbers = (numbers % span.each if span.copies > 1 else numbers).astype(np.uint32)
        self.ctx[Ctx.N] = self.ctx[Ctx.IDS] = n
        self.ctx[Ctx.PLACES] = self.places
        self.ctx[Ctx.BLOCKS] = self.blocks
        self.ctx[Ctx.MAX_STEPS] = limit("steps")
        self.real[Real.DT] = self.real[Real.SCALE] = 1.0
        self._bind_nothing()
        self._make_blocks()
        self._make_keys()

    def _bind_nothing(self) -> None:
        """Let every name have an array of one entry, side by side, until one is bound that kernels need."""
        entries = np.zeros((len(_ADDRESSES), 1))
        self.arrays = dict(zip(_NAMES, entries, strict=True))
        slots = [_ADDRESSES[name + "_AT"] for name in _NAMES]
        self.ctx[slots] = entries.ctypes.data + entries.itemsize * np.arange(len(entries))
        self._unbound = set(_NAMES)  # names that no array was made for

    def bind(self, name: str, array: Array) -> Array:
        """Bind a contiguous array as the array `name` of kernels."""
        self.arrays[name] = array
        self._unbound.discard(name)
        self.ctx[_ADDRESSES[name + "_AT"]] = array.ctypes.data
        return array

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    @property
    def cells(self) -> int:
        """The number of cells: neurons times places of lanes."""
        return self.n * self.places

    def _make_blocks(self) -> None:
        table = np.zeros((self.blocks, len(Block)), np.int64)
        table[:, Block.LANE0] = np.arange(self.blocks) * self.width
        table[:, Block.WIDTH] = self.width
        table[:, Block.LANES] = np.minimum(self.width, self.lanes - table[:, Block.LANE0])
        self.bind("BLOCK", table)

    def _make_keys(self) -> None:
        key0, key1 = lane_key(self.seed, self.numbers, STREAM_DYNAMICS)
        for name, words in (("KEY0", key0), ("KEY1", key1)):
            self.bind(name, np.concatenate([words, np.zeros(PAST_THE_END, np.uint32)]))

    def to_cells(self, per_place: Array) -> Array:
        """(places, n) to the layout of cells, copied: flat [block][neuron][lane] of n * places entries."""
        blocks = per_place.reshape(self.blocks, self.width, -1)
        return blocks.transpose(0, 2, 1).flatten()

    def places_of(self, cells: Array) -> Array:
        """The layout of cells to (places, n), a view where it can be."""
        n = cells.size // self.places
        return cells.reshape(self.blocks, n, self.width).transpose(0, 2, 1).reshape(self.places, n)

    def from_cells(self, cells: Array) -> Array:
        """The layout of cells to (lanes, n), without padding, copied."""
        return self.places_of(cells)[: self.lanes].copy()

    def per_neuron_to_cells(self, per_neuron: Array) -> Array:
        """(n,) broadcast over all places, in the layout of cells."""
        return self.to_cells(np.broadcast_to(per_neuron, (self.places, len(per_neuron))))

    def rows_of_places(self, per_lane: Array) -> Array:
        """(lanes, ...) to (places, ...); the padding of the last block repeats lanes."""
        return np.asarray(per_lane[np.arange(self.places) % self.lanes])

    # --- noise of lanes -----------------------------------------------------------------------------

    def give_levels(self, level: float) -> None:
        """Allocate noise levels per lane, initially all `level`."""
        self.bind("LEVEL", np.full(self.places, level))
        self.ctx[Ctx.BY_LANE] = 1

    @property
    def levels(self) -> Array | None:
        """The noise level of each place, None where there is one for all."""
        return self["LEVEL"] if self.ctx[Ctx.BY_LANE] else None

    # --- checkpoints --------------------------------------------------------------------------------

    def live(self) -> dict[str, Array]:
        """Mutable state for checkpoints: arrays that are neither scratch nor rebuilt from the program, by name, not copied."""
        live = {f"array.{name}": array for name, array in self.arrays.items() if name not in _NOT_LIVE | self._unbound}
        return live | {"registers": self["VALUES"][: limit("registers")], "synced": self["BLOCK"][:, Block.SYNCED]}
