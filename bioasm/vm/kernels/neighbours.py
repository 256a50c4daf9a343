"""Updates of the neighbours' fields after a change of one spin, for every storage of J."""

from __future__ import annotations

from typing import Any

from bioasm.vm.jit.calls import carray, pointer
from bioasm.vm.jit.functions import device
from bioasm.vm.kernels.llvm_intrinsics import make_wide_spread
from bioasm.vm.kernels.product import BYTES, STORAGE
from bioasm.vm.kernels.slots import Ctx
from bioasm.vm.kernels.views import u4, u8


def make_neighbours(storage: str, whole: bool) -> tuple[Any, Any, Any]:
    """The functions that spread a change of one spin over its neighbours' fields (of one lane, of a block) and that compute
    the fields of all spins, for a storage."""
    if storage == "none":
        return no_spread_one, no_spread, no_fields
    form, kind = storage.split("-")
    return _dense(kind, whole) if form == "dense" else _sparse(kind, whole)


@device
def no_spread_one(ctx, field, change, i, n):
    """Without couplings no field changes."""


@device
def no_spread(ctx, field, delta, i, n, width):
    """Without couplings no field changes."""


@device
def no_fields(ctx, spin, field, n, width):
    """Without couplings the fields are the biases."""


def _dense(kind: str, whole: bool) -> tuple[Any, Any, Any]:
    item, size = STORAGE[kind], BYTES[kind]
    wide_spread = make_wide_spread(kind, whole, by_column=False)

    @device
    def spread_one(ctx, field, change, i, n):
        row = carray(pointer(ctx[Ctx.J_AT] + i * n * size, item), n)
        for k in range(n):
            field[k] += change * row[k]

    @device
    def spread(ctx, field, delta, i, n, width):
        if width == 1:
            spread_one(ctx, field, delta[0], i, n)
        else:
            wide_spread(field.ctypes.data, delta.ctypes.data, ctx[Ctx.J_AT], ctx[Ctx.J_COLUMN_AT], i * n, (i + 1) * n)

    @device
    def fields(ctx, spin, field, n, width):
        for i in range(n):
            row = carray(pointer(ctx[Ctx.J_AT] + i * n * size, item), n)
            for k in range(n):
                for lane in range(width):
                    field[i * width + lane] += row[k] * spin[k * width + lane]

    return spread_one, spread, fields


def _sparse(kind: str, whole: bool) -> tuple[Any, Any, Any]:
    item = STORAGE[kind]
    wide_spread = make_wide_spread(kind, whole, by_column=True)

    @device
    def spread_one(ctx, field, change, i, n):
        row = u8(ctx[Ctx.J_ROW_AT], 0, n + 1)
        column = u4(ctx[Ctx.J_COLUMN_AT], 0, row[n])
        value = carray(pointer(ctx[Ctx.J_AT], item), row[n])
        for e in range(row[i], row[i + 1]):
            field[column[e]] += change * value[e]

    @device
    def spread(ctx, field, delta, i, n, width):
        row = u8(ctx[Ctx.J_ROW_AT], 0, n + 1)
        if width == 1:
            spread_one(ctx, field, delta[0], i, n)
        else:
            columns_at = ctx[Ctx.J_COLUMN_AT]
            wide_spread(field.ctypes.data, delta.ctypes.data, ctx[Ctx.J_AT], columns_at, row[i], row[i + 1])

    @device
    def fields(ctx, spin, field, n, width):
        row = u8(ctx[Ctx.J_ROW_AT], 0, n + 1)
        column = u4(ctx[Ctx.J_COLUMN_AT], 0, row[n])
        value = carray(pointer(ctx[Ctx.J_AT], item), row[n])
        for i in range(n):
            for e in range(row[i], row[i + 1]):
                for lane in range(width):
                    field[i * width + lane] += value[e] * spin[column[e] * width + lane]

    return spread_one, spread, fields
