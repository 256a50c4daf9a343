"""Which couplings of spins have packed kernels (`kernels/packed_spins.py`), and the arrays of these."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.vm.couplings import Prepared
from bioasm.vm.layout import LINKS, PACK_BLOCKS, PACK_HEAD, PACK_NEURON, PACK_REACH, WIDE, Ctx
from bioasm.vm.state import State

_FEW = 8  # neighbours
Array = NDArray[Any]


def blocks_of_a_pack(state: State, threads: int) -> int:
    """How many blocks are swept together: as many as a register holds, but enough packs for all threads. 0 for single lanes."""
    return min(PACK_BLOCKS, -(-state.blocks // threads)) if state.width == WIDE else 0


def bind_packed(state: State, ready: Prepared) -> bool:
    """Bind the arrays of packed spins where they can be: with small whole fields of sparse couplings; returns whether so."""
    pack, n = int(state.ctx[Ctx.PACK]), state.n
    if not (pack and ready.whole and ready.storage == "sparse-i1" and len(ready.term_start) == 1):
        return False
    row, weight = np.repeat(np.arange(n), np.diff(ready.start)), ready.values.astype(np.int64)
    reach = int((np.abs(ready.h.astype(np.int64)) + _sums(row, np.abs(weight), n)).max(initial=0))
    if reach > PACK_REACH:
        return False
    begin, links = _links(ready, weight)
    state.bind("LINK", links)
    base = np.append(_four_times(ready.h + _sums(row, weight, n)), 0)
    state.bind("LINK_ROW", np.stack([base, begin], axis=1).astype(np.int32))
    state.bind("PACKED", np.zeros(-(-state.blocks // pack) * (PACK_HEAD + (n + 1) * PACK_NEURON) + 64, np.uint8))
    state.ctx[Ctx.REACH] = reach
    return True


def _sums(row: Array, weight: Array, n: int) -> Array:
    return np.bincount(row, weight, minlength=n).astype(np.int64)


def _links(ready: Prepared, weight: Array) -> tuple[Array, Array]:
    """Where rows start, (n + 1,) in fours, and links (fours, LINKS, 2); what fills a row up has no weight."""
    degree = np.diff(ready.start)
    each = LINKS if degree.max(initial=0) <= _FEW else 2 * LINKS  # of more, fewer lengths of rows are foreseen better
    room = -(-degree // each) * each
    begin = np.concatenate([[0], np.cumsum(room)])
    links = np.zeros((int(begin[-1]), 2), np.int32)
    at = np.arange(len(weight)) + np.repeat(begin[:-1] - ready.start[:-1], degree)
    links[at, 0], links[at, 1] = ready.column, _four_times(-2 * weight)
    return begin // LINKS, links


def _four_times(numbers: Array) -> Array:
    """Each number's byte (modulo 256) four times, as int32."""
    return ((numbers & 0xFF).astype(np.uint32) * np.uint32(0x01010101)).view(np.int32)
