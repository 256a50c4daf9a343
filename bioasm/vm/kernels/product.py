"""Products of the coupling matrix with states, y = J s, for every storage and lane width, in one order of summation.

A dense row is summed in eight partial sums, over the columns j with j mod 8 = 0..7, which are then added as a tree. So
the vector units can be used without leave to reorder, and every storage type and lane width gives the same bits. A J of bytes
is multiplied in whole numbers (`int8_product.py`), and of a symmetric J of HALVED_FROM neurons and more a single lane reads the
lower half only, each entry for both of its places; lanes side by side (`lanes_product.py`, `int8_lanes.py`) take the same sums.
Products are added with one rounding (fused multiply-add), everywhere alike. The last n mod 8 columns stand a second time as the
rows' tails, (n, 8) with zeros behind them; s may be read up to 7 entries past its end, where any finite number will do.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from bioasm.vm.jit import loops, types
from bioasm.vm.jit.calls import carray, pointer
from bioasm.vm.jit.functions import device, intrinsic
from bioasm.vm.jit.types import float32, float64, int8, int16, int32
from bioasm.vm.kernels import vectors
from bioasm.vm.kernels.int8_lanes import bytes_lanes_product
from bioasm.vm.kernels.int8_product import byte_product
from bioasm.vm.kernels.lanes_product import PARTS, make_lanes_product
from bioasm.vm.kernels.llvm_intrinsics import fma
from bioasm.vm.kernels.single_product import make_single, make_single_widened
from bioasm.vm.kernels.slots import Ctx
from bioasm.vm.kernels.views import f8, u4, u8
from bioasm.vm.layout import HALVED_FROM, WIDE

ROWS = 4
LOWER_ROWS = 8

STORAGE: dict[str, Any] = {"i1": int8, "i2": int16, "i4": int32, "f4": float32, "f8": float64}
BYTES = {"i1": 1, "i2": 2, "i4": 4, "f4": 4, "f8": 8}


def _widen(b: Any, vector: Any, kind: str) -> Any:
    doubles = ir.VectorType(ir.DoubleType(), PARTS)
    if kind == "f8":
        return vector
    return b.fpext(vector, doubles) if kind == "f4" else b.sitofp(vector, doubles)


def make_rows(kind: str, rows: int) -> Any:
    """A function (J address, entries from one row to the next, address of the rows' tails, s address, columns, y address)
    that stores `rows` entries of y = J s. It takes `columns`, a multiple of eight, from J and eight more from the tails."""
    element = {"i1": ir.IntType(8), "i4": ir.IntType(32), "f4": ir.FloatType(), "f8": ir.DoubleType()}[kind]
    width, i64, double = BYTES[kind], ir.IntType(64), ir.DoubleType()
    vector, of_elements = ir.VectorType(double, PARTS), ir.VectorType(element, PARTS)
    zero = ir.Constant(vector, [ir.Constant(double, 0.0)] * PARTS)

    @intrinsic
    def row_products(j_at, stride, tail_at, s_at, columns, y_at):
        def codegen(b, args):
            j_address, step, tail_address, s_address, n, y_address = args
            fused = b.module.declare_intrinsic("llvm.fma.v8f64", fnty=ir.FunctionType(vector, [vector] * 3))
            sums = [loops.alloca_once_value(b, zero) for _ in range(rows)]
            with loops.for_range_slice(b, i64(0), n, i64(PARTS), i64) as (j, _):
                s = vectors.load(b, b.add(s_address, b.mul(j, i64(8))), vector, 8)
                for r, total in enumerate(sums):
                    offset = b.mul(b.add(j, b.mul(step, i64(r))), i64(width))
                    row = _widen(b, vectors.load(b, b.add(j_address, offset), of_elements, width), kind)
                    b.store(b.call(fused, [row, s, b.load(total)]), total)
            s = vectors.load(b, b.add(s_address, b.mul(n, i64(8))), vector, 8)
            for r, total in enumerate(sums):
                tail = vectors.load(b, b.add(tail_address, i64(r * PARTS * 8)), vector, 8)
                entry = vectors.sum_of_parts(b, b.call(fused, [tail, s, b.load(total)]))
                b.store(entry, b.inttoptr(b.add(y_address, i64(r * 8)), double.as_pointer()))

        return types.void(*[types.int64] * 6), codegen

    return row_products


def make_lower_rows(kind: str) -> Any:
    """A function (address of J's row i, entries from one row to the next, s address, columns, y address, i) for LOWER_ROWS rows
    of a symmetric J: over the first `columns` columns, a multiple of eight, it sets y[i], y[i + 1], ... to the rows' products
    with s, and adds what the same entries, mirrored, give to y[0:columns]."""
    element = {"i1": ir.IntType(8), "i4": ir.IntType(32), "f4": ir.FloatType(), "f8": ir.DoubleType()}[kind]
    width, i64, double = BYTES[kind], ir.IntType(64), ir.DoubleType()
    vector, of_elements = ir.VectorType(double, PARTS), ir.VectorType(element, PARTS)
    zero = ir.Constant(vector, [ir.Constant(double, 0.0)] * PARTS)

    @intrinsic
    def lower_rows(j_at, stride, s_at, columns, y_at, row):
        def codegen(b, args):
            j_address, step, s_address, n, y_address, i = args
            fused = b.module.declare_intrinsic("llvm.fma.v8f64", fnty=ir.FunctionType(vector, [vector] * 3))
            sums = [loops.alloca_once_value(b, zero) for _ in range(LOWER_ROWS)]
            own = []
            for r in range(LOWER_ROWS):
                address = b.add(s_address, b.mul(b.add(i, i64(r)), i64(8)))
                own.append(vectors.splat(b, b.load(b.inttoptr(address, double.as_pointer())), PARTS))
            with loops.for_range_slice(b, i64(0), n, i64(PARTS), i64) as (j, _):
                eight = b.mul(j, i64(8))
                s = vectors.load(b, b.add(s_address, eight), vector, 8)
                mirrored = vectors.load(b, b.add(y_address, eight), vector, 8)
                for r, total in enumerate(sums):
                    offset = b.mul(b.add(j, b.mul(step, i64(r))), i64(width))
                    entries = _widen(b, vectors.load(b, b.add(j_address, offset), of_elements, width), kind)
                    b.store(b.call(fused, [entries, s, b.load(total)]), total)
                    mirrored = b.call(fused, [entries, own[r], mirrored])
                vectors.store(b, mirrored, b.add(y_address, eight), 8)
            for r, total in enumerate(sums):
                address = b.add(y_address, b.mul(b.add(i, i64(r)), i64(8)))
                b.store(vectors.sum_of_parts(b, b.load(total)), b.inttoptr(address, double.as_pointer()))

        return types.void(*[types.int64] * 6), codegen

    return lower_rows


def make_one_lane(kind: str) -> Any:
    """The function (address of J, of its tails, of s, of y, n) that sets y = J s for one lane."""
    width_bytes, four, one = BYTES[kind], make_rows(kind, ROWS), make_rows(kind, 1)

    @device
    def one_lane(address, tails, s_at, y_at, n):
        whole = n - n % PARTS
        row_bytes, tail_bytes = n * width_bytes, PARTS * 8
        i = 0
        while i + ROWS <= n:
            four(address + i * row_bytes, n, tails + i * tail_bytes, s_at, whole, y_at + 8 * i)
            i += ROWS
        while i < n:
            one(address + i * row_bytes, n, tails + i * tail_bytes, s_at, whole, y_at + 8 * i)
            i += 1

    return one_lane


@device
def finish_row(j, s, y, i, first, n):
    """Add what the entries of row i from column `first` up to the diagonal do, each to both of its rows."""
    for k in range(first, i):
        weight = float64(j[i * n + k])
        y[i] = fma(weight, s[k], y[i])
        y[k] = fma(weight, s[i], y[k])
    y[i] = fma(float64(j[i * n + i]), s[i], y[i])


def make_one_lane_symmetric(kind: str) -> Any:
    """The function (address of J, s, y, n) that sets y = J s for one lane and reads the lower half of J only."""
    item, width_bytes, lower_rows = STORAGE[kind], BYTES[kind], make_lower_rows(kind)

    @device
    def one_lane_symmetric(address, s, y, n):
        j = carray(pointer(address, item), n * n)
        i = 0
        while i + LOWER_ROWS <= n:
            whole = i - i % PARTS
            lower_rows(address + i * n * width_bytes, n, s.ctypes.data, whole, y.ctypes.data, i)
            for r in range(i, i + LOWER_ROWS):
                finish_row(j, s, y, r, whole, n)
            i += LOWER_ROWS
        while i < n:
            y[i] = 0.0
            finish_row(j, s, y, i, 0, n)
            i += 1

    return one_lane_symmetric


def make_dense(kind: str) -> Any:
    """The function (ctx, s, y, scratch, n, width, first lane) that sets y = J s for a dense J of this storage."""
    if kind == "i1":
        return product_of_bytes
    one_lane, one_lane_symmetric = make_one_lane(kind), make_one_lane_symmetric(kind)
    lanes_product = make_lanes_product(STORAGE[kind], BYTES[kind])

    @device
    def product(ctx, s, y, scratch, n, width, lane0):
        mirrored = ctx[Ctx.SYMMETRIC] == 1 and n >= HALVED_FROM
        if width > 1:
            lanes_product(ctx[Ctx.J_AT], s, y, scratch, n, mirrored)
        elif mirrored:
            one_lane_symmetric(ctx[Ctx.J_AT], s, y, n)
        else:
            one_lane(ctx[Ctx.J_AT], ctx[Ctx.J_TAIL_AT], s.ctypes.data, y.ctypes.data, n)

    return product


@device
def product_of_bytes(ctx, s, y, scratch, n, width, lane0):
    """y = J s for a dense J of bytes."""
    if width == 1:
        byte_product(ctx, s, y, lane0, n)
    else:
        bytes_lanes_product(ctx, s, y, scratch, lane0, n)


def make_sparse(kind: str) -> Any:
    """The function (ctx, s, y, scratch, n, width, first lane) that sets y = J s for rows of entries of this storage."""
    item = STORAGE[kind]

    @device
    def product(ctx, s, y, scratch, n, width, lane0):
        row = u8(ctx[Ctx.J_ROW_AT], 0, n + 1)
        column = u4(ctx[Ctx.J_COLUMN_AT], 0, row[n])
        value = carray(pointer(ctx[Ctx.J_AT], item), row[n])
        if width == 1:
            for i in range(n):
                total = 0.0
                for e in range(row[i], row[i + 1]):
                    total = fma(float64(value[e]), s[column[e]], total)
                y[i] = total
            return
        for i in range(n):
            for lane in range(WIDE):
                y[i * WIDE + lane] = 0.0
            for e in range(row[i], row[i + 1]):
                weight = float64(value[e])
                at = column[e] * WIDE
                for lane in range(WIDE):
                    y[i * WIDE + lane] = fma(weight, s[at + lane], y[i * WIDE + lane])

    return product


@device
def no_couplings(ctx, s, y, scratch, n, width, lane0):
    """y = 0, where no J was loaded."""
    for k in range(n * width):
        y[k] = 0.0


@device
def add_biases(ctx, y, n, width):
    """y += h."""
    h = f8(ctx[Ctx.H_AT], 0, n)
    for i in range(n):
        for lane in range(width):
            y[i * width + lane] += h[i]


def make_product(storage: str) -> Any:
    """The product for a storage: `none`, or `dense-`, `single-` or `sparse-` and a dtype code."""
    if storage == "none":
        return no_couplings
    form, kind = storage.split("-")
    return {"dense": make_dense, "single": make_single, "sparse": make_sparse}[form](kind)


def make_product_of_bits(storage: str, product: Any) -> Any:
    """The product where s is 0 or 1 and its energy is followed: in float64, also for a J in single precision."""
    form, _, kind = storage.partition("-")
    return make_single_widened(kind) if form == "single" else product


def make_add_column(storage: str) -> Any:
    """The function (ctx, field, n, i, sign) that adds sign times column i of a symmetric J to a lane's field (n,), and returns
    J[i, i]."""
    if storage == "none":
        return no_column
    form, kind = storage.split("-")
    item, size = STORAGE[kind], BYTES[kind]

    @device
    def dense_column(ctx, field, n, i, sign):
        stride = ctx[Ctx.J_STRIDE] if form == "single" else n
        j = carray(pointer(ctx[Ctx.J_AT] + i * stride * size, item), n)
        for k in range(n):
            field[k] += sign * j[k]
        return float64(j[i])

    @device
    def sparse_column(ctx, field, n, i, sign):
        row = u8(ctx[Ctx.J_ROW_AT], 0, n + 1)
        column = u4(ctx[Ctx.J_COLUMN_AT], 0, row[n])
        value = carray(pointer(ctx[Ctx.J_AT], item), row[n])
        own = 0.0
        for e in range(row[i], row[i + 1]):
            field[column[e]] += sign * value[e]
            if column[e] == i:
                own = float64(value[e])
        return own

    return sparse_column if form == "sparse" else dense_column


@device
def no_column(ctx, field, n, i, sign):
    """Where no J was loaded there is nothing to add."""
    return 0.0
