"""Sweeps of one lane over spins whose fields fit 16 bits, beside a J of bytes: masks of 32 decisions, rows added by vectors.

Of 32 spins at a time the mask of those that would flip is taken, its lowest spin flips, and the mask of those behind it is
taken anew: these are the flips of the loop in order, bit for bit. A flip adds a row of J to the fields. Where J has two values
off its diagonal, `low` and `low + step`, its rows are bits, an eighth of the memory: a field is then kept without low times the
sum of all other spins, and a flip adds to where bits are set. Fields, spins and thresholds are copied into 16 bits before the
first sweep, and fields back after the last one, so that nothing else sees another kind of field. A J of bytes has low = 0.
"""

from __future__ import annotations

from llvmlite import ir

from bioasm.vm.jit import loops, types
from bioasm.vm.jit.functions import device, intrinsic
from bioasm.vm.jit.types import int16, int32, int64
from bioasm.vm.kernels import vectors
from bioasm.vm.kernels.slots import Ctx
from bioasm.vm.kernels.views import i1, i2
from bioasm.vm.layout import NARROW_BITS, NARROW_BOUND, NARROW_OF_A_LANE, NARROW_ROW

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_MASK, _BYTES, _FIELDS = (ir.VectorType(kind, NARROW_ROW) for kind in (ir.IntType(1), _I8, _I16))
_EVERY = (1 << NARROW_ROW) - 1


@intrinsic
def flips_of(field_at, spin_at, limit_at, common):
    """The mask of 32 spins: bit k is set where s (f + common) of spin k is below its threshold."""

    def codegen(b, args):
        field, spin, limit = (vectors.load(b, at, _FIELDS, 2) for at in args[:3])
        x = b.mul(spin, b.add(field, vectors.splat(b, args[3], NARROW_ROW)))
        return b.zext(b.bitcast(b.icmp_signed("<", x, limit), _I32), _I64)

    return types.int64(types.int64, types.int64, types.int64, types.int16), codegen


@intrinsic
def lowest_bit(mask):
    """The number of the lowest bit that is set."""

    def codegen(b, args):
        return b.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), codegen


@intrinsic
def add_bits(field_at, words_at, rows, change):
    """Add `change` to fields whose bit is set, 32 at a time."""

    def codegen(b, args):
        fields, words, count, by = args
        same = vectors.splat(b, by, NARROW_ROW)
        with loops.for_range(b, count) as loop:
            word = b.load(b.inttoptr(b.add(words, b.shl(loop.index, _I64(2))), _I32.as_pointer()))
            place = b.add(fields, b.shl(loop.index, _I64(6)))
            field = vectors.load(b, place, _FIELDS, 2)
            vectors.store(b, b.select(b.bitcast(word, _MASK), b.add(field, same), field), place, 2)

    return types.void(types.int64, types.int64, types.int64, types.int16), codegen


@intrinsic
def add_bytes(field_at, row_at, rows, change):
    """Add `change`, which is 2 or -2, times a row of bytes to fields, 32 at a time: twice the bytes, by sign."""

    def codegen(b, args):
        fields, row, count, by = args
        sign = vectors.splat(b, b.ashr(by, _I16(15)), NARROW_ROW)
        with loops.for_range(b, count) as loop:
            j = b.sext(vectors.load(b, b.add(row, b.shl(loop.index, _I64(5))), _BYTES, 1), _FIELDS)
            twice = b.sub(b.xor(b.add(j, j), sign), sign)
            place = b.add(fields, b.shl(loop.index, _I64(6)))
            vectors.store(b, b.add(vectors.load(b, place, _FIELDS, 2), twice), place, 2)

    return types.void(types.int64, types.int64, types.int64, types.int16), codegen


@device
def places(ctx, b):
    """The addresses of a block's fields, spins and thresholds of 16 bits, and how many bytes each takes."""
    row = 2 * ctx[Ctx.NARROW_COLUMNS]
    return ctx[Ctx.NARROW_AT] + NARROW_OF_A_LANE * row * b, row


@device
def common_field(ctx, own, n):
    """What all spins together would add to a field if every entry of J were `low`, the spin's own one too."""
    total = int64(0)
    for k in range(n):
        total += own[k]
    return ctx[Ctx.NARROW_LOW] * total


@device
def begin_narrow(ctx, b, field, spin, n):
    """Copy a block's fields, without what is common to them, and spins."""
    at, row = places(ctx, b)
    narrow, own = i2(at, 0, n), i2(at + row, 0, n)
    for k in range(n):
        own[k] = spin[k]
    common = common_field(ctx, own, n)
    for k in range(n):
        narrow[k] = field[k] - common + ctx[Ctx.NARROW_LOW] * own[k]


@device
def end_narrow(ctx, b, field, n):
    """Copy a block's fields back."""
    at, row = places(ctx, b)
    narrow, own = i2(at, 0, n), i2(at + row, 0, n)
    common = common_field(ctx, own, n)
    for k in range(n):
        field[k] = int16(narrow[k] + common) - ctx[Ctx.NARROW_LOW] * own[k]


@device
def take_thresholds(ctx, b, limit, n):
    """Copy the thresholds of a sweep, of s f + low; beyond the bound of all fields they decide alike."""
    (at, row), low = places(ctx, b), int32(ctx[Ctx.NARROW_LOW])
    narrow = i2(at + 2 * row, 0, n)
    for k in range(n):
        narrow[k] = min(max(limit[k] + low, int32(-NARROW_BOUND)), int32(NARROW_BOUND))


@device
def add_row_of_bytes(ctx, field_at, i, change, n):
    """Add a row of J, the last n mod 32 columns one by one, so that nothing is read past the end of J."""
    row_at, whole = ctx[Ctx.J_AT] + i * n, n // NARROW_ROW
    add_bytes(field_at, row_at, whole, change)
    field, row = i2(field_at, 0, n), i1(row_at, 0, n)
    for k in range(whole * NARROW_ROW, n):
        field[k] += change * row[k]


@device
def sweep_narrow(ctx, b, spin, n):
    """A sweep of a single lane; returns half the change of energy, in units of the fields."""
    field_at, row = places(ctx, b)
    own_at, limit_at = field_at + row, field_at + 2 * row
    field, own = i2(field_at, 0, n), i2(own_at, 0, n)
    in_bits, words, change = ctx[Ctx.NARROW] == NARROW_BITS, ctx[Ctx.NARROW_COLUMNS] // NARROW_ROW, int64(0)
    low, step, common = ctx[Ctx.NARROW_LOW], ctx[Ctx.NARROW_STEP], common_field(ctx, own, n)
    for first in range(0, n, NARROW_ROW):
        at = 2 * first
        mask = flips_of(field_at + at, own_at + at, limit_at + at, int16(common))
        while mask != 0:
            bit = lowest_bit(mask)
            i = first + bit
            change += int64(own[i]) * int64(int16(field[i] + common)) - low
            turn = int64(-2 * own[i])
            own[i], spin[i] = -own[i], -spin[i]
            common += low * turn
            if in_bits:
                add_bits(field_at, ctx[Ctx.J_BITS_AT] + 4 * words * i, words, int16(step * turn))
            else:
                add_row_of_bytes(ctx, field_at, i, int16(turn), n)
            behind = _EVERY & -(int64(2) << bit)
            mask = flips_of(field_at + at, own_at + at, limit_at + at, int16(common)) & behind
    return change
