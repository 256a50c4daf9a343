"""y = J s for J of single bytes and WIDE lanes side by side, in whole numbers: sums stay in registers (see `lanes_product.py`).

Every sum is the one of `int8_product.py`, and whole numbers have the same sum in any order. Limbs stand as [limb][pair of
columns][lane][2], so that one operation multiplies a pair of J's entries with those of a register of lanes.
"""

from __future__ import annotations

from llvmlite import ir

from bioasm.vm.jit import loops, types
from bioasm.vm.jit.calls import carray, pointer
from bioasm.vm.jit.functions import device, intrinsic
from bioasm.vm.jit.types import float64, int8, int16, int32, int64
from bioasm.vm.kernels import vectors
from bioasm.vm.kernels.int8_product import pairwise
from bioasm.vm.kernels.processor import register_bits
from bioasm.vm.kernels.slots import Ctx
from bioasm.vm.kernels.views import i2
from bioasm.vm.layout import LANE_SCRATCH, LIMB_BITS, LIMB_COLUMNS, LIMBS, WIDE

PANEL = 256  # columns at a time
_LENGTH = register_bits() // 32  # sums in a register
_REGISTERS = WIDE // _LENGTH
ROWS = 8 if _REGISTERS == 1 else 4
_SUMS = ROWS * WIDE
SCRATCH = (4 * LIMBS * _SUMS + 2 * ROWS * PANEL) // 8  # float64 that a product of all lanes uses

assert SCRATCH <= LANE_SCRATCH * WIDE


@intrinsic
def add_pairs(entries_at, limbs_at, pairs, sums_at):
    """Add to ROWS sums of WIDE lanes so many pairs of entries, int16 in rows of PANEL, times pairs of one limb of the lanes."""
    i32, i64 = ir.IntType(32), ir.IntType(64)
    sums_of, pairs_of = ir.VectorType(i32, _LENGTH), ir.VectorType(ir.IntType(16), 2 * _LENGTH)

    def codegen(b, args):
        entries, limbs, n, sums = args
        places = [[b.add(sums, i64(4 * (r * WIDE + v * _LENGTH))) for v in range(_REGISTERS)] for r in range(ROWS)]
        with vectors.in_registers(b, places, sums_of, 4) as totals, loops.for_range(b, n, intp=i64) as loop:
            states = b.add(limbs, b.mul(loop.index, i64(4 * WIDE)))
            s = [vectors.load(b, b.add(states, i64(4 * v * _LENGTH)), pairs_of, 2) for v in range(_REGISTERS)]
            at = b.add(entries, b.mul(loop.index, i64(4)))
            for r, row in enumerate(totals):
                pair = b.load(b.inttoptr(b.add(at, i64(2 * r * PANEL)), i32.as_pointer()))
                pair.align = 2
                same = b.bitcast(vectors.splat(b, pair, _LENGTH), pairs_of)
                for total, of_lanes in zip(row, s, strict=True):
                    b.store(b.add(b.load(total), pairwise(b, same, of_lanes)), total)

    return types.void(*[types.int64] * 4), codegen


@device
def cut_lanes(s, limbs, n, columns):
    """The limbs of all lanes' states, the highest bits first."""
    for k in range(n):
        for lane in range(WIDE):
            whole, at = int64(s[k * WIDE + lane] * 2.0 ** (LIMBS * LIMB_BITS)), (k // 2 * WIDE + lane) * 2 + k % 2
            for limb in range(LIMBS):
                limbs[limb * columns * WIDE + at] = int16(min(whole >> ((LIMBS - 1 - limb) * LIMB_BITS), (1 << LIMB_BITS)))
                whole &= (1 << ((LIMBS - 1 - limb) * LIMB_BITS)) - 1


@device
def widen_bytes(address, panel, n, i, first, width):
    """Entries of ROWS rows from i on as int16, from column `first` on; after an odd `width` a 0."""
    for r in range(min(ROWS, n - i)):
        row = carray(pointer(address + (i + r) * n + first, int8), width)
        to = panel[r * PANEL : r * PANEL + width]
        for k in range(width):
            to[k] = row[k]
        if width % 2 == 1:
            panel[r * PANEL + width] = 0


@device
def join_limbs(sums, y, i, n):
    """Rows of y from i on from their sums of limbs, int32 (LIMBS, ROWS, WIDE)."""
    for k in range(min(ROWS, n - i) * WIDE):
        entry = 0.0
        for limb in range(LIMBS):
            entry = (float64(sums[(LIMBS - 1 - limb) * _SUMS + k]) + entry) * 2.0**-LIMB_BITS
        y[i * WIDE + k] = entry


@device
def bytes_lanes_product(ctx, s, y, scratch, lane0, n):
    """y = J s of WIDE lanes, J int8 (n, n), s and y float64 (n, WIDE)."""
    columns = (n + LIMB_COLUMNS - 1) // LIMB_COLUMNS * LIMB_COLUMNS
    limbs = i2(ctx[Ctx.LIMB_AT], lane0 * LIMBS * columns, LIMBS * columns * WIDE)
    cut_lanes(s, limbs, n, columns)
    sums = carray(pointer(scratch.ctypes.data, int32), LIMBS * _SUMS)
    panel = carray(pointer(scratch.ctypes.data + 4 * LIMBS * _SUMS, int16), ROWS * PANEL)
    for i in range(0, n, ROWS):
        sums[:] = 0
        for first in range(0, n, PANEL):
            width = min(PANEL, n - first)
            widen_bytes(ctx[Ctx.J_AT], panel, n, i, first, width)
            for limb in range(LIMBS):
                at = limbs.ctypes.data + 2 * WIDE * (limb * columns + first)
                add_pairs(panel.ctypes.data, at, (width + 1) // 2, sums.ctypes.data + 4 * limb * _SUMS)
        join_limbs(sums, y, i, n)
