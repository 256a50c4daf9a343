"""Memory estimate of BLK: the coupling graph in CSR form, and the back-pointers of the block that needs most."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.limits import limit
from bioasm.isa.program import DataRef, Dense, Program, Sparse
from bioasm.runtime.blocks import END, bytes_of_choices, measure
from bioasm.runtime.energy import mirrored
from bioasm.runtime.sparse_rows import starts
from bioasm.verifier.gate import Verified

Array = NDArray[Any]

_SPARSE_BYTES, _DENSE_BYTES = 16, 36  # per entry: in CSR on each side of the diagonal; while a dense matrix is scanned
_SPIN_BYTES = 70  # per spin: its row of the plan, messages and costs, and back-pointers in a table of the least width
_MEASURED = 64  # blocks, the longest ones: measuring one takes milliseconds


_KNOWN: WeakKeyDictionary[Program, int] = WeakKeyDictionary()


def bytes_of_blocks(verified: Verified) -> int:
    """Memory estimate of a program's BLK in bytes; an upper bound where couplings are dense or blocks are many.

    Memoised for each program, which every call verifies anew: measuring takes longer than a short run.
    """
    program = verified.program
    if program not in _KNOWN:
        _KNOWN[program] = _estimate(verified)
    return _KNOWN[program]


def _estimate(verified: Verified) -> int:
    plans = [verified.program.data[index].value for index in _taken(verified, "BLK")]
    couplings = [verified.program.data[index].value for index in _taken(verified, "LDJ")]
    blocks = [block for plan in plans if isinstance(plan, Dense) for block in _longest(plan.array)]
    widest = max((_with(j, verified.n, blocks) for j in couplings), default=0) if blocks else 0
    return widest + _SPIN_BYTES * verified.n * bool(blocks)


def _taken(verified: Verified, mnemonic: str) -> set[int]:
    """The data that instructions take as their first operand."""
    firsts = (i.operands[0] for i in verified.instructions if i.mnemonic == mnemonic)
    return {first.index for first in firsts if isinstance(first, DataRef)}


def _longest(plan: Array) -> list[Array]:
    """The longest blocks of a plan in descending order: `_MEASURED` to be measured, and one more as a bound of the rest."""
    ends = np.concatenate([[-1], np.flatnonzero(plan == END), [plan.size]])
    order = np.argsort(-np.diff(ends), kind="stable")[: _MEASURED + 1]
    return [plan[ends[k] + 1 : ends[k + 1]].astype(np.int64) for k in order]


def _with(j: object, n: int, blocks: list[Array]) -> int:
    """Bytes of BLK with the couplings `j` (a Sparse or Dense, or None) of n spins."""
    widest = limit("block_width")
    bounds = [bytes_of_choices(min(len(block), widest), len(block)) for block in blocks]
    if not isinstance(j, Sparse):
        size = j.array.size if isinstance(j, Dense) else 0
        return _DENSE_BYTES * int(size) + min(max(bounds), limit("block_bytes"))
    start, column = _rows(j, n)
    measured = [bytes_of_choices(min(_width(b, start, column), widest), len(b)) for b in blocks[:_MEASURED]]
    return _SPARSE_BYTES * len(column) + min(max([*measured, *bounds[_MEASURED:]]), limit("block_bytes"))


def _width(block: Array, start: Array, column: Array) -> int:
    return measure(block, start, column, np.ones(len(column))).width


def _rows(j: Sparse, n: int) -> tuple[Array, Array]:
    """CSR arrays (starts, columns) of the union of a matrix and its transpose."""
    row, column, _ = mirrored(j)
    row, column = (row, column) if j.symmetric else (np.concatenate([row, column]), np.concatenate([column, row]))
    return starts(np.bincount(row, minlength=n)), column[np.argsort(row, kind="stable")].astype(np.int64)
