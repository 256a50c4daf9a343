"""y = J s in single precision: sums of float32 in one order for every processor and lane width.

J and s are rounded to float32. A row is summed as in `product.py`, in eight partial sums over the columns j with j mod 8 = 0..7
that are added as a tree, with one rounding for each product. Of a symmetric J of HALVED_FROM neurons and more, tiles of eight
rows and columns are read up to the diagonal's, and each entry of those left of it counts for both of its places: a sum has its
own row's columns in the eight parts, then what the rows below give, one after another. These tiles stand a second time in the
order in which a single lane reads them, which is faster by a quarter. J is padded with zeros to whole tiles, its rows stand
`stride` entries apart, and s is padded too, so that nothing but whole vectors is read.

The energy of the best 0/1 state stays a sum of float64 (`make_single_widened`).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from bioasm.vm.jit import loops, types
from bioasm.vm.jit.functions import device, intrinsic
from bioasm.vm.jit.types import float32, int8, int16
from bioasm.vm.kernels import vectors
from bioasm.vm.kernels.floats import FLOAT32, FLOAT64, Float
from bioasm.vm.kernels.lanes_product import PARTS, ROWS, make_rows_product
from bioasm.vm.kernels.slots import Ctx
from bioasm.vm.kernels.views import f4, f8
from bioasm.vm.layout import HALVED_FROM, SINGLE_ROWS

_ENTRIES: dict[str, tuple[Any, Any, int]] = {  # LLVM's type, the kernels', and bytes, by storage of J
    "i1": (ir.IntType(8), int8, 1),
    "i2": (ir.IntType(16), int16, 2),
    "f4": (FLOAT32.kind, float32, 4),
}
_I64 = ir.IntType(64)
_SIZE = FLOAT32.size
_WIDENED_ROWS = 4  # at a time, where sums are float64


class _Rows:
    """Rows of J under construction: their entries in eight columns, and their partial sums."""

    def __init__(self, b: Any, kind: str, count: int, number: Float, address: Any, stride: Any) -> None:
        self.b, self.number, (self.element, _, self.width) = b, number, _ENTRIES[kind]
        self.rows = [b.add(address, b.mul(stride, _I64(r * self.width))) for r in range(count)]
        self.fused = number.fused(b, PARTS)
        self.sums = [loops.alloca_once_value(b, number.zeros(PARTS)) for _ in self.rows]

    def entries(self, r: int, column: Any) -> Any:
        """Eight entries of row r from a column on, as floats."""
        at = self.b.add(self.rows[r], self.b.mul(column, _I64(self.width)))
        found, floats = vectors.load(self.b, at, ir.VectorType(self.element, PARTS), self.width), self.number.vector(PARTS)
        if self.element == self.number.kind:
            return found
        return self.b.fpext(found, floats) if self.element == FLOAT32.kind else self.b.sitofp(found, floats)

    def add(self, r: int, entries: Any, s: Any) -> None:
        """Add the products of eight entries and states to the sums of row r."""
        self.b.store(self.b.call(self.fused, [entries, s, self.b.load(self.sums[r])]), self.sums[r])

    def finish(self, y_address: Any) -> None:
        """Store the sum of each row at an address on."""
        for r, total in enumerate(self.sums):
            place = self.b.inttoptr(self.b.add(y_address, _I64(r * self.number.size)), self.number.kind.as_pointer())
            self.b.store(vectors.sum_of_parts(self.b, self.b.load(total)), place)


def make_rows(kind: str, count: int, number: Float) -> Any:
    """A function (address of the rows, stride, s address, columns, y address) that stores `count` entries of y = J s."""

    @intrinsic
    def row_products(rows_at, stride, s_at, columns, y_at):
        def codegen(b, args):
            address, step, s_address, n, y_address = args
            rows = _Rows(b, kind, count, number, address, step)
            with loops.for_range_slice(b, _I64(0), n, _I64(PARTS), _I64) as (j, _):
                s = vectors.load(b, b.add(s_address, b.mul(j, _I64(number.size))), number.vector(PARTS), number.size)
                for r in range(count):
                    rows.add(r, rows.entries(r, j), s)
            rows.finish(y_address)

        return types.void(*[types.int64] * 5), codegen

    return row_products


def make_lower_rows(kind: str) -> Any:
    """A function (address of tiles, s address, i, y address) for SINGLE_ROWS rows of a symmetric J from row i on: it sets their
    y to the sums over the columns through the diagonal's tile, and adds what the tiles before it, mirrored, give to y[0:i]."""

    @intrinsic
    def lower_rows(tiles_at, s_at, first, y_at):
        def codegen(b, args):
            address, s_address, i, y_address = args
            vector, rows = FLOAT32.vector(PARTS), _Rows(b, kind, SINGLE_ROWS, FLOAT32, address, _I64(PARTS))
            own_at, own_y = (b.add(start, b.mul(i, _I64(_SIZE))) for start in (s_address, y_address))
            own = []
            for r in range(SINGLE_ROWS):
                state = b.load(b.inttoptr(b.add(own_at, _I64(r * _SIZE)), FLOAT32.kind.as_pointer()))
                own.append(vectors.splat(b, state, PARTS))
            with loops.for_range_slice(b, _I64(0), i, _I64(PARTS), _I64) as (j, _):
                place, tile = b.mul(j, _I64(_SIZE)), b.mul(j, _I64(SINGLE_ROWS))
                s = vectors.load(b, b.add(s_address, place), vector, _SIZE)
                mirrored = vectors.load(b, b.add(y_address, place), vector, _SIZE)
                for r in range(SINGLE_ROWS):
                    entries = rows.entries(r, tile)
                    rows.add(r, entries, s)
                    mirrored = b.call(rows.fused, [entries, own[r], mirrored])
                vectors.store(b, mirrored, b.add(y_address, place), _SIZE)
            s = vectors.load(b, own_at, vector, _SIZE)
            for r in range(SINGLE_ROWS):
                rows.add(r, rows.entries(r, b.mul(i, _I64(SINGLE_ROWS))), s)
            rows.finish(own_y)

        return types.void(*[types.int64] * 4), codegen

    return lower_rows


def make_one_lane(kind: str) -> Any:
    """The function (address of J, stride, s address, y address, padded n) that sets y = J s for one lane."""
    rows, row_bytes = make_rows(kind, SINGLE_ROWS, FLOAT32), _ENTRIES[kind][2]

    @device
    def one_lane(address, stride, s_at, y_at, padded):
        for i in range(0, padded, SINGLE_ROWS):
            rows(address + i * stride * row_bytes, stride, s_at, padded, y_at + _SIZE * i)

    return one_lane


def make_one_lane_symmetric(kind: str) -> Any:
    """The function (address of tiles, s address, y address, padded n) that sets y = J s for one lane from J's lower tiles."""
    lower_rows, tile_bytes = make_lower_rows(kind), SINGLE_ROWS * PARTS * _ENTRIES[kind][2]

    @device
    def one_lane_symmetric(tiles_at, s_at, y_at, padded):
        at = tiles_at
        for i in range(0, padded, SINGLE_ROWS):
            lower_rows(at, s_at, i, y_at)
            at += (i // PARTS + 1) * tile_bytes

    return one_lane_symmetric


def make_many_lanes(kind: str, number: Float) -> Any:
    """The function (address of J, stride, s address, y, scratch, n, padded n, mirrored) that sets y = J s for WIDE lanes."""
    _, item, size = _ENTRIES[kind]
    rows_product = make_rows_product(item, size, number)

    @device
    def many_lanes(address, stride, s_at, y, scratch, n, padded, mirrored):
        for i in range(0, n, ROWS):
            apart = i - i % SINGLE_ROWS + SINGLE_ROWS if mirrored else padded
            rows_product(address, stride, s_at, y, scratch, n, i, apart, padded)

    return many_lanes


def make_single(kind: str) -> Any:
    """The function (ctx, s, y, scratch, n, width, first lane) that sets y = J s in single precision for this storage of J."""
    one_lane, one_lane_symmetric = make_one_lane(kind), make_one_lane_symmetric(kind)
    many_lanes = make_many_lanes(kind, FLOAT32)

    @device
    def product(ctx, s, y, scratch, n, width, lane0):
        padded = (n + SINGLE_ROWS - 1) // SINGLE_ROWS * SINGLE_ROWS
        mirrored, stride = ctx[Ctx.SYMMETRIC] == 1 and n >= HALVED_FROM, ctx[Ctx.J_STRIDE]
        states = f4(ctx[Ctx.SINGLE_AT], 2 * padded * lane0, padded * width)
        for k in range(n * width):
            states[k] = s[k]
        for k in range(n * width, padded * width):
            states[k] = 0.0
        if width > 1:
            many_lanes(ctx[Ctx.J_AT], stride, states.ctypes.data, y, scratch, n, padded, mirrored)
            return
        sums = f4(ctx[Ctx.SINGLE_AT], 2 * padded * lane0 + padded, padded)
        if mirrored:
            one_lane_symmetric(ctx[Ctx.J_TAIL_AT], states.ctypes.data, sums.ctypes.data, padded)
        else:
            one_lane(ctx[Ctx.J_AT], stride, states.ctypes.data, sums.ctypes.data, padded)
        for k in range(n):
            y[k] = sums[k]

    return product


def make_single_widened(kind: str) -> Any:
    """The function (ctx, s, y, scratch, n, width, first lane) that sets y = J s for the same J in float64.

    0/1 states need it, whose energies are followed for long.
    """
    several, one = make_rows(kind, _WIDENED_ROWS, FLOAT64), make_rows(kind, 1, FLOAT64)
    many_lanes, row_bytes = make_many_lanes(kind, FLOAT64), _ENTRIES[kind][2]

    @device
    def product(ctx, s, y, scratch, n, width, lane0):
        address, stride = ctx[Ctx.J_AT], ctx[Ctx.J_STRIDE]
        if width > 1:
            many_lanes(address, stride, s.ctypes.data, y, scratch, n, n, False)
            return
        padded = (n + SINGLE_ROWS - 1) // SINGLE_ROWS * SINGLE_ROWS
        states = f8(ctx[Ctx.SINGLE_AT], padded * lane0, padded)
        for k in range(padded):
            states[k] = s[k] if k < n else 0.0
        i = 0
        while i + _WIDENED_ROWS <= n:
            several(address + i * stride * row_bytes, stride, states.ctypes.data, padded, y.ctypes.data + 8 * i)
            i += _WIDENED_ROWS
        while i < n:
            one(address + i * stride * row_bytes, stride, states.ctypes.data, padded, y.ctypes.data + 8 * i)
            i += 1

    return product
