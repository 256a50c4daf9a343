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
from bioasm.vm.kernels import vectors
from bioasm.vm.kernels.floats import FLOAT64, Float
from bioasm.vm.kernels.processor import register_bits
from bioasm.vm.layout import LANE_SCRATCH, WIDE

PARTS = 8  # partial sums of a row
PANEL = 128  # columns whose states and entries are in the first-level cache at a time
ROWS = 8 if register_bits() == 512 else 4  # at a time; sums fill half of the registers then, and hide an operation's latency
_REGISTERS = 2  # of lanes at a time, where there are enough lanes
_SUMS = ROWS * WIDE
SCRATCH = PARTS * _SUMS + ROWS * PANEL  # float64 that a product of all lanes uses

assert SCRATCH <= LANE_SCRATCH * WIDE


def make_add_products(number: Float) -> tuple[Any, int]:
    """The function (entries, apart, states, count, sums), and how many lanes it takes at a time.

    It adds to ROWS sums of these lanes entries that stand `apart` entries from one another, rows PANEL entries, times the
    states of as many lanes that stand `apart` neurons from one another. All addresses are int64.
    """
    i64, size, length = ir.IntType(64), number.size, number.length
    vector, registers = number.vector(length), min(_REGISTERS, WIDE // length)

    @intrinsic
    def add_products(entries_at, apart, s_at, count, sums_at):
        def codegen(b, args):
            entries, step, states, n, sums = args
            fused = number.fused(b, length)
            places = [[b.add(sums, i64(size * (r * WIDE + v * length))) for v in range(registers)] for r in range(ROWS)]
            with vectors.in_registers(b, places, vector, size) as totals, loops.for_range(b, n, intp=i64) as loop:
                at = b.mul(b.mul(loop.index, step), i64(size))
                row_of_states = b.add(states, b.mul(at, i64(WIDE)))
                s = [vectors.load(b, b.add(row_of_states, i64(size * v * length)), vector, size) for v in range(registers)]
                for r, row in enumerate(totals):
                    entry = b.load(b.inttoptr(b.add(b.add(entries, at), i64(size * r * PANEL)), number.kind.as_pointer()))
                    same = vectors.splat(b, entry, length)
                    for total, states_of_lanes in zip(row, s, strict=True):
                        b.store(b.call(fused, [same, states_of_lanes, b.load(total)]), total)

        return types.void(*[types.int64] * 5), codegen

    return add_products, registers * length


@device
def add_parts(sums):
    """The eight partial sums of each row and lane added as a tree, into the first."""
    for k in range(_SUMS):
        even = (sums[k] + sums[k + 4 * _SUMS]) + (sums[k + 2 * _SUMS] + sums[k + 6 * _SUMS])
        odd = (sums[k + _SUMS] + sums[k + 5 * _SUMS]) + (sums[k + 3 * _SUMS] + sums[k + 7 * _SUMS])
        sums[k] = even + odd


def make_rows_product(item: Any, entry_size: int, number: Float) -> Any:
    """The function (address of J, stride, s address, y, scratch, n, i, apart, columns) that sets ROWS rows of y = J s.

    They are those from row i on. Of `columns`, the first `apart` are summed in partial sums, the others one after another.

    Entries are of type `item` and so many bytes, rows `stride` entries apart, and s is of the floats that are summed.
    """
    add_products, lanes = make_add_products(number)
    sum_item, size = number.item, number.size

    @device
    def add_panel(panel, apart, s_at, width, sums):
        """Add to the sums of all lanes what every `apart`-th of the `width` columns of a panel gives, from the first on."""
        count = (width + apart - 1) // apart
        for lane in range(0, WIDE, lanes):
            add_products(panel, apart, s_at + size * lane, count, sums + size * lane)

    @device
    def widen(address, stride, panel, rows, first, width):
        """Entries of so many rows as floats, from column `first` on; rows behind them are left as they are."""
        for r in range(rows):
            row = carray(pointer(address + (r * stride + first) * entry_size, item), width)
            to = panel[r * PANEL : r * PANEL + width]
            for k in range(width):
                to[k] = sum_item(row[k])

    @device
    def rows_product(address, stride, s_at, y, scratch, n, i, apart, columns):
        floats = carray(pointer(scratch.ctypes.data, sum_item), SCRATCH)
        sums, panel = floats[: PARTS * _SUMS], floats[PARTS * _SUMS :]
        here, rows = address + i * stride * entry_size, min(ROWS, n - i)
        sums[:] = 0.0
        for first in range(0, apart, PANEL):
            width = min(PANEL, apart - first)
            widen(here, stride, panel, rows, first, width)
            for c in range(min(PARTS, width)):
                at = sums.ctypes.data + size * c * _SUMS
                add_panel(panel.ctypes.data + size * c, PARTS, s_at + size * WIDE * (first + c), width - c, at)
        add_parts(sums)
        for first in range(apart, columns, PANEL):
            width = min(PANEL, columns - first)
            widen(here, stride, panel, rows, first, width)
            add_panel(panel.ctypes.data, 1, s_at + size * WIDE * first, width, sums.ctypes.data)
        for k in range(rows * WIDE):
            y[i * WIDE + k] = sums[k]

    return rows_product


def make_lanes_product(item: Any, size: int) -> Any:
    """The function (address of J, s, y, scratch, n, mirrored) that sets y = J s in float64, for entries of type `item`.

    With `mirrored` sums are taken as where a single lane reads the lower half of a symmetric J.
    """
    rows_product = make_rows_product(item, size, FLOAT64)

    @device
    def lanes_product(address, s, y, scratch, n, mirrored):
        whole = n - n % PARTS
        for i in range(0, n, ROWS):
            apart = (i - i % PARTS if i < whole else 0) if mirrored else n
            rows_product(address, n, s.ctypes.data, y, scratch, n, i, apart, n)

    return lanes_product
