"""y = J s for WIDE lanes side by side: sums of some rows and lanes stay in registers, while each entry of J is read once.

It is a product of matrices, J times (neurons, WIDE), blocked for registers and the first-level cache, in the order of sums of a
single lane (`product.py`), so that a lane has the same bits in any company.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from bioasm.vm.jit import loops, types
from bioasm.vm.jit.calls import carray, pointer
from bioasm.vm.jit.functions import device, intrinsic
from bioasm.vm.jit.types import float64
from bioasm.vm.kernels import vectors
from bioasm.vm.kernels.processor import register_bits
from bioasm.vm.layout import LANE_SCRATCH, WIDE

PARTS = 8  # partial sums of a row
PANEL = 128  # columns whose states and entries are in the first-level cache at a time
_LENGTH = register_bits() // 64  # float64 in a register
_REGISTERS = 2  # of lanes at a time
ROWS = 8 if _LENGTH == 8 else 4  # at a time; with the above sums fill half of the registers, and hide an operation's latency
_LANES = _LENGTH * _REGISTERS
_SUMS = ROWS * WIDE
SCRATCH = PARTS * _SUMS + ROWS * PANEL  # float64 that a product of all lanes uses

assert SCRATCH <= LANE_SCRATCH * WIDE


@intrinsic
def add_products(entries_at, apart, s_at, count, sums_at):
    """Add to ROWS sums of _LANES lanes: entries that stand `apart` entries from one another, rows PANEL entries, times the
    states of as many lanes that stand `apart` neurons from one another. All addresses are int64."""
    i64, double = ir.IntType(64), ir.DoubleType()
    vector = ir.VectorType(double, _LENGTH)

    def codegen(b, args):
        entries, step, states, n, sums = args
        fused = b.module.declare_intrinsic(f"llvm.fma.v{_LENGTH}f64", fnty=ir.FunctionType(vector, [vector] * 3))
        places = [[b.add(sums, i64(8 * (r * WIDE + v * _LENGTH))) for v in range(_REGISTERS)] for r in range(ROWS)]
        with vectors.in_registers(b, places, vector, 8) as totals, loops.for_range(b, n, intp=i64) as loop:
            at = b.mul(b.mul(loop.index, step), i64(8))
            row_of_states = b.add(states, b.mul(at, i64(WIDE)))
            s = [vectors.load(b, b.add(row_of_states, i64(8 * v * _LENGTH)), vector, 8) for v in range(_REGISTERS)]
            for r, row in enumerate(totals):
                entry = b.load(b.inttoptr(b.add(b.add(entries, at), i64(8 * r * PANEL)), double.as_pointer()))
                same = vectors.splat(b, entry, _LENGTH)
                for total, states_of_lanes in zip(row, s, strict=True):
                    b.store(b.call(fused, [same, states_of_lanes, b.load(total)]), total)

    return types.void(*[types.int64] * 5), codegen


@device
def add_panel(panel, apart, s_at, width, sums):
    """Add to the sums of all lanes what every `apart`-th of the `width` columns of a panel gives, from the first on."""
    count = (width + apart - 1) // apart
    for lane in range(0, WIDE, _LANES):
        add_products(panel, apart, s_at + 8 * lane, count, sums + 8 * lane)


@device
def add_parts(sums):
    """The eight partial sums of each row and lane added as a tree, into the first."""
    for k in range(_SUMS):
        even = (sums[k] + sums[k + 4 * _SUMS]) + (sums[k + 2 * _SUMS] + sums[k + 6 * _SUMS])
        odd = (sums[k + _SUMS] + sums[k + 5 * _SUMS]) + (sums[k + 3 * _SUMS] + sums[k + 7 * _SUMS])
        sums[k] = even + odd


def make_lanes_product(item: Any, size: int) -> Any:
    """The function (address of J, s, y, scratch, n, mirrored) that sets y = J s, for entries of type `item` and `size` bytes.

    With `mirrored` sums are taken as where a single lane reads the lower half of a symmetric J.
    """

    @device
    def widen(address, panel, n, i, first, width):
        """Entries of ROWS rows from i on as float64, from column `first` on; rows past the end are left as they are."""
        for r in range(min(ROWS, n - i)):
            row = carray(pointer(address + ((i + r) * n + first) * size, item), width)
            to = panel[r * PANEL : r * PANEL + width]
            for k in range(width):
                to[k] = float64(row[k])

    @device
    def rows_product(address, s_at, y, scratch, n, i, apart):
        """ROWS rows of y: their first `apart` columns in partial sums, the others one after another."""
        sums, panel = scratch[: PARTS * _SUMS], scratch[PARTS * _SUMS :]
        sums[:] = 0.0
        for first in range(0, apart, PANEL):
            width = min(PANEL, apart - first)
            widen(address, panel, n, i, first, width)
            for c in range(min(PARTS, width)):
                at = sums.ctypes.data + 8 * c * _SUMS
                add_panel(panel.ctypes.data + 8 * c, PARTS, s_at + 8 * WIDE * (first + c), width - c, at)
        add_parts(sums)
        for first in range(apart, n, PANEL):
            width = min(PANEL, n - first)
            widen(address, panel, n, i, first, width)
            add_panel(panel.ctypes.data, 1, s_at + 8 * WIDE * first, width, sums.ctypes.data)
        for k in range(min(ROWS, n - i) * WIDE):
            y[i * WIDE + k] = sums[k]

    @device
    def lanes_product(address, s, y, scratch, n, mirrored):
        whole = n - n % PARTS
        for i in range(0, n, ROWS):
            apart = (i - i % PARTS if i < whole else 0) if mirrored else n
            rows_product(address, s.ctypes.data, y, scratch, n, i, apart)

    return lanes_product
