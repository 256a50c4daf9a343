"""Sweeps of one lane over spins whose fields fit 16 bits, beside a J of bytes: masks of 32 decisions, rows added by vectors.

Of 32 spins at a time the mask of those that would flip is taken, its lowest spin flips, and the mask of those behind it is
taken anew: these are the flips of the loop in order, bit for bit. A flip adds a row of J to the fields, from bytes, or
where J is of -1, 0 and 1 from a word of 32 bits for each sign, an eighth of the memory. Fields, spins and thresholds are copied
into 16 bits before the first sweep, and fields back after the last one, so that nothing else sees another kind of field.
"""

from __future__ import annotations

from llvmlite import ir
from numba import int16, int32, int64, types
from numba.core import cgutils
from numba.extending import intrinsic

from bioasm.vm.kernels import vectors
from bioasm.vm.kernels.device import device
from bioasm.vm.kernels.slots import Ctx
from bioasm.vm.kernels.views import i1, i2
from bioasm.vm.layout import NARROW_BOUND, NARROW_ROW, NARROW_SIGNS

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_MASK, _BYTES, _FIELDS = (ir.VectorType(kind, NARROW_ROW) for kind in (ir.IntType(1), _I8, _I16))
_EVERY = (1 << NARROW_ROW) - 1


@intrinsic
def flips_of(typingctx, field_at, spin_at, limit_at):
    """The mask of 32 spins: bit k is set where s f of spin k is below its threshold."""

    def codegen(context, b, signature, args):
        field, spin, limit = (vectors.load(b, at, _FIELDS, 2) for at in args)
        return b.zext(b.bitcast(b.icmp_signed("<", b.mul(spin, field), limit), _I32), _I64)

    return types.int64(*[types.int64] * 3), codegen


@intrinsic
def lowest_bit(typingctx, mask):
    """The number of the lowest bit that is set."""

    def codegen(context, b, signature, args):
        return b.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), codegen


@intrinsic
def add_signs(typingctx, field_at, words_at, rows, change):
    """Add `change` to fields whose bit is set in the first word of their 32, and take it off those with one in the second."""

    def codegen(context, b, signature, args):
        fields, words, count, by = args
        same = vectors.splat(b, by, NARROW_ROW)
        none = ir.Constant(_FIELDS, [0] * NARROW_ROW)
        with cgutils.for_range(b, count) as loop:
            at = b.add(words, b.shl(loop.index, _I64(3)))
            plus, minus = (b.bitcast(b.load(b.inttoptr(b.add(at, _I64(k)), _I32.as_pointer())), _MASK) for k in (0, 4))
            place = b.add(fields, b.shl(loop.index, _I64(6)))
            more = b.add(vectors.load(b, place, _FIELDS, 2), b.select(plus, same, none))
            vectors.store(b, b.sub(more, b.select(minus, same, none)), place, 2)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int16), codegen


@intrinsic
def add_bytes(typingctx, field_at, row_at, rows, change):
    """Add `change`, which is 2 or -2, times a row of bytes to fields, 32 at a time: twice the bytes, by sign."""

    def codegen(context, b, signature, args):
        fields, row, count, by = args
        sign = vectors.splat(b, b.ashr(by, _I16(15)), NARROW_ROW)
        with cgutils.for_range(b, count) as loop:
            j = b.sext(vectors.load(b, b.add(row, b.shl(loop.index, _I64(5))), _BYTES, 1), _FIELDS)
            twice = b.sub(b.xor(b.add(j, j), sign), sign)
            place = b.add(fields, b.shl(loop.index, _I64(6)))
            vectors.store(b, b.add(vectors.load(b, place, _FIELDS, 2), twice), place, 2)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int16), codegen


@device
def places(ctx, b):
    """The addresses of a block's fields, spins and thresholds of 16 bits, and how many bytes each takes."""
    row = 2 * ctx[Ctx.NARROW_COLUMNS]
    return ctx[Ctx.NARROW_AT] + 4 * row * b, row


@device
def begin_narrow(ctx, b, field, spin, n):
    """Copy a block's fields and spins."""
    at, row = places(ctx, b)
    narrow, own = i2(at, 0, n), i2(at + row, 0, n)
    for k in range(n):
        narrow[k] = field[k]
        own[k] = spin[k]


@device
def end_narrow(ctx, b, field, n):
    """Copy a block's fields back."""
    narrow = i2(places(ctx, b)[0], 0, n)
    for k in range(n):
        field[k] = narrow[k]


@device
def take_thresholds(ctx, b, limit, n):
    """Copy the thresholds of two sweeps; beyond the bound of all fields they decide alike."""
    at, row = places(ctx, b)
    for sweep in range(2):
        narrow = i2(at + (2 + sweep) * row, 0, n)
        for k in range(n):
            narrow[k] = min(max(limit[sweep * n + k], int32(-NARROW_BOUND)), int32(NARROW_BOUND))


@device
def add_row_of_bytes(ctx, field_at, i, change, n):
    """Add a row of J, the last n mod 32 columns one by one, so that nothing is read past the end of J."""
    row_at, whole = ctx[Ctx.J_AT] + i * n, n // NARROW_ROW
    add_bytes(field_at, row_at, whole, change)
    field, row = i2(field_at, 0, n), i1(row_at, 0, n)
    for k in range(whole * NARROW_ROW, n):
        field[k] += change * row[k]


@device
def sweep_narrow(ctx, b, spin, odd, n):
    """A sweep of a single lane; returns half the change of energy, in units of the fields."""
    field_at, row = places(ctx, b)
    own_at, limit_at = field_at + row, field_at + (2 + odd) * row
    field, own = i2(field_at, 0, n), i2(own_at, 0, n)
    signs, vectors_of_row, change = ctx[Ctx.NARROW] == NARROW_SIGNS, ctx[Ctx.NARROW_COLUMNS] // NARROW_ROW, int64(0)
    for first in range(0, n, NARROW_ROW):
        at = 2 * first
        mask = flips_of(field_at + at, own_at + at, limit_at + at)
        while mask != 0:
            bit = lowest_bit(mask)
            i = first + bit
            change += int64(own[i]) * int64(field[i])
            turn = int16(-2 * own[i])
            own[i], spin[i] = -own[i], -spin[i]
            if signs:
                add_signs(field_at, ctx[Ctx.J_SIGN_AT] + 8 * vectors_of_row * i, vectors_of_row, turn)
            else:
                add_row_of_bytes(ctx, field_at, i, turn, n)
            behind = _EVERY & -(int64(2) << bit)
            mask = flips_of(field_at + at, own_at + at, limit_at + at) & behind
    return change
