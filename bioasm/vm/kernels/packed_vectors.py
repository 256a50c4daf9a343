"""Packed spins: four blocks of lanes in a register of 64 bytes, a byte a lane (SIMD within a register).

Place 4 l + r is lane l of the pack's block r: so the four blocks' 32-bit random words give up their bytes by shifts, and none
has to change its lane. A spin is kept as what masks the bytes that a neighbour adds to its field, set where it is -1: as bits
where the processor masks by bits (AVX-512), so that the first-level cache holds eight times as many; as bytes elsewhere.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from bioasm.vm.jit import loops, types
from bioasm.vm.jit.functions import intrinsic
from bioasm.vm.kernels import vectors
from bioasm.vm.kernels.llvm_intrinsics import F32, I32, WORDS, threefry_rounds
from bioasm.vm.kernels.processor import permutes_bytes, register_bits
from bioasm.vm.layout import LINKS, PACK_BLOCKS, PACK_LANES, WIDE

_I8, _I16, _I64, _DOUBLE = ir.IntType(8), ir.IntType(16), ir.IntType(64), ir.DoubleType()
BYTES = ir.VectorType(_I8, PACK_LANES)
_PAIRS = ir.VectorType(_I16, PACK_LANES // 2)
_ROW = ir.VectorType(_I8, WIDE)
_REALS = ir.VectorType(_DOUBLE, WIDE)
_ONES = ir.VectorType(ir.IntType(1), PACK_LANES)
SPIN = 8 if register_bits() == 512 else PACK_LANES  # bytes of a spin of all lanes
CHANCES = 128 if permutes_bytes() else 64  # rows of a table of bytes that is looked up


def _same(kind: Any, value: Any) -> ir.Constant:
    return ir.Constant(kind, [value] * kind.count)


def _signed(b: Any, how: str, x: Any, y: Any) -> Any:
    return b.select(b.icmp_signed(how, x, y), x, y)


def _down(b: Any, packed: Any, i: Any) -> Any:
    """In which lanes a spin is -1."""
    at = b.add(packed, b.mul(i, _I64(SPIN)))
    if SPIN == PACK_LANES:
        return b.icmp_signed("<", vectors.load(b, at, BYTES, 64), _same(BYTES, 0))
    return b.bitcast(b.load(b.inttoptr(at, _I64.as_pointer())), _ONES)


def _put_down(b: Any, down: Any, packed: Any, i: Any) -> None:
    at = b.add(packed, b.mul(i, _I64(SPIN)))
    if SPIN == PACK_LANES:
        vectors.store(b, b.sext(down, BYTES), at, 64)
    else:
        b.store(b.bitcast(down, _I64), b.inttoptr(at, _I64.as_pointer()))


# --- from cells to packs and back -----------------------------------------------------------------------


def _turned(b: Any, r: Any) -> Any:
    """Bits by which a byte of block r stands above the lowest of its 32-bit word, in every lane."""
    return vectors.splat(b, b.shl(b.trunc(r, I32), I32(3)), WIDE)


@intrinsic
def pack_block(spins_at, packed_at, n, r):
    """Put the spins of a pack's block r beside those of the blocks before it."""

    def codegen(b, args):
        spins, packed, count, block = args
        up, first = _turned(b, block), b.icmp_signed("==", block, _I64(0))
        with loops.for_range(b, count, intp=_I64) as loop:
            row = vectors.load(b, b.add(spins, b.mul(loop.index, _I64(WIDE))), _ROW, 1)
            mine = b.bitcast(b.shl(b.zext(b.lshr(row, _same(_ROW, 7)), WORDS), up), BYTES)
            others = b.select(first, _same(_ONES, 0), _down(b, packed, loop.index))
            _put_down(b, b.or_(others, b.icmp_signed("!=", mine, _same(BYTES, 0))), packed, loop.index)

    return types.void(*[types.int64] * 4), codegen


def _transposed(b: Any, rows: list[Any]) -> list[Any]:
    """Four spins' bytes of all lanes as those of each block: four rows of one byte a lane."""
    numbers = ir.VectorType(I32, PACK_LANES)
    pairs = []
    for low, high in (rows[:2], rows[2:]):
        for r in (0, 2):
            places = [row + r + k for r in (r, r + 1) for row in (0, PACK_LANES) for k in range(0, PACK_LANES, PACK_BLOCKS)]
            pairs.append(b.shuffle_vector(low, high, ir.Constant(numbers, places)))
    halves = [ir.Constant(numbers, [half + k % 32 + 64 * (k // 32) for k in range(PACK_LANES)]) for half in (0, 32)]
    return [b.shuffle_vector(pairs[r // 2], pairs[r // 2 + 2], halves[r % 2]) for r in range(PACK_BLOCKS)]


@intrinsic
def unpack_block(packed_at, chosen_at, spins_at, first, last, r):
    """Write spins of a pack's block r of the lanes whose byte among the WIDE ones at `chosen_at` is not 0."""

    def codegen(b, args):
        packed, chosen_at, spins, first, last, block = args
        down = _turned(b, block)
        chosen = b.icmp_signed("!=", vectors.load(b, chosen_at, _ROW, 1), _same(_ROW, 0))
        with loops.for_range_slice(b, first, last, _I64(1), _I64) as (i, _):
            word = b.bitcast(b.sext(_down(b, packed, i), BYTES), WORDS)
            spin = b.or_(b.trunc(b.lshr(word, down), _ROW), _same(_ROW, 1))
            at = b.add(spins, b.mul(i, _I64(WIDE)))
            vectors.store(b, b.select(chosen, spin, vectors.load(b, at, _ROW, 1)), at, 1)

    return types.void(*[types.int64] * 6), codegen


@intrinsic
def unpack_blocks(packed_at, chosen_at, spins_at, apart, fours):
    """`unpack_block` of PACK_BLOCKS blocks, whose spins lie `apart` bytes apart and WIDE choices each, four spins at a time."""

    def codegen(b, args):
        packed, chosen_at, spins, apart, fours = args
        across = ir.Constant(ir.VectorType(I32, PACK_LANES), [k % WIDE for k in range(PACK_LANES)])
        chosen = []
        for r in range(PACK_BLOCKS):
            row = vectors.load(b, b.add(chosen_at, _I64(r * WIDE)), _ROW, 1)
            chosen.append(b.icmp_signed("!=", b.shuffle_vector(row, row, across), _same(BYTES, 0)))
        with loops.for_range(b, fours, intp=_I64) as loop:
            first = b.mul(loop.index, _I64(4))
            rows = [b.sext(_down(b, packed, b.add(first, _I64(k))), BYTES) for k in range(4)]
            for r, row in enumerate(_transposed(b, rows)):
                to = b.add(b.add(spins, b.mul(apart, _I64(r))), b.mul(loop.index, _I64(PACK_LANES)))
                spin = b.or_(row, _same(BYTES, 1))
                vectors.store(b, b.select(chosen[r], spin, vectors.load(b, to, BYTES, 1)), to, 1)

    return types.void(*[types.int64] * 5), codegen


# --- random numbers -------------------------------------------------------------------------------------


_TWO = ir.VectorType(I32, 2 * WIDE)


def _side_by_side(b: Any, low: Any, high: Any) -> Any:
    return b.shuffle_vector(low, high, ir.Constant(_TWO, list(range(2 * WIDE))))


def _half_of_two(b: Any, both: Any, k: int) -> Any:
    return b.shuffle_vector(both, both, ir.Constant(WORDS, list(range(k * WIDE, (k + 1) * WIDE))))


@intrinsic
def draw_bytes(key0_at, key1_at, r, first, last, pair, even_at, odd_at):
    """Put the two highest bytes of the random words of block r beside those of the blocks before it, for the neurons from
    `first` to `last` and both steps of a pair.

    Two neurons at a time, so that one's rounds need not wait for each other alone; so there must be room for one more.
    """

    def codegen(b, args):
        key0, key1, block, first, last, pair, *planes_at = args
        keys = [vectors.load(b, at, WORDS, 4) for at in (key0, key1)]
        key = tuple(_side_by_side(b, word, word) for word in keys)
        up, alone = _turned(b, block), b.icmp_signed("==", block, _I64(0))
        mine, turns = b.shl(_same(WORDS, 255), up), [b.add(up, _same(WORDS, by)) for by in (8, 16)]
        rotate = b.module.declare_intrinsic(f"llvm.fshl.v{WIDE}i32", fnty=ir.FunctionType(WORDS, [WORDS] * 3))
        step, after = vectors.splat(b, b.trunc(pair, I32), 2 * WIDE), ir.Constant(_TWO, [k // WIDE for k in range(2 * WIDE)])
        with loops.for_range_slice(b, first, last, _I64(2), _I64) as (i, _):
            neurons = b.add(vectors.splat(b, b.trunc(i, I32), 2 * WIDE), after)
            for words, plane_at in zip(threefry_rounds(b, key, (neurons, step)), planes_at, strict=True):
                rows = b.add(plane_at, b.mul(i, _I64(2 * PACK_LANES)))
                for k in range(4):
                    word, at = _half_of_two(b, words, k // 2), b.add(rows, _I64(k * PACK_LANES))
                    byte = b.and_(b.call(rotate, [word, word, turns[k % 2]]), mine)
                    others = b.select(alone, _same(WORDS, 0), vectors.load(b, at, WORDS, 64))
                    vectors.store(b, b.or_(others, byte), at, 64)

    return types.void(*[types.int64] * 8), codegen


@intrinsic
def put_limits(drawn_at, halves_at, n, r, limits_at, apart):
    """The thresholds half * drawn of block r as bytes that bound all fields, for n neurons of rows `apart` bytes apart."""

    def codegen(b, args):
        drawn, halves_at, count, block, limits, apart = args
        ceil = b.module.declare_intrinsic(f"llvm.ceil.v{WIDE}f64", fnty=ir.FunctionType(_REALS, [_REALS]))
        half, up = vectors.load(b, halves_at, _REALS, 64), _turned(b, block)
        first = b.icmp_signed("==", block, _I64(0))
        least, most = _same(_REALS, -128.0), _same(_REALS, 127.0)
        with loops.for_range(b, count, intp=_I64) as loop:
            numbers = vectors.load(b, b.add(drawn, b.mul(loop.index, _I64(4 * WIDE))), ir.VectorType(F32, WIDE), 4)
            limit = b.call(ceil, [b.fmul(half, b.fpext(numbers, _REALS))])
            limit = b.select(b.fcmp_ordered("<", limit, least), least, limit)
            limit = b.select(b.fcmp_ordered(">", limit, most), most, limit)
            byte = b.shl(b.and_(b.fptosi(limit, WORDS), _same(WORDS, 255)), up)
            at = b.add(limits, b.mul(loop.index, apart))
            others = b.select(first, _same(WORDS, 0), vectors.load(b, at, WORDS, 64))
            vectors.store(b, b.or_(others, byte), at, 64)

    return types.void(*[types.int64] * 6), codegen


# --- one spin in all lanes ------------------------------------------------------------------------------


def _field(b: Any, packed: Any, links: Any, row: Any) -> Any:
    """The spin's field in all lanes: a neighbour that is -1 adds -2 times its weight to that of neighbours that are all +1.

    Neighbours come in fours, so that fewer loops end where the processor does not foresee it.
    """
    begin = b.inttoptr(row, I32.as_pointer())
    base, first, last = (b.load(b.gep(begin, [I32(k)])) for k in (0, 1, 3))
    total = loops.alloca_once_value(b, b.bitcast(vectors.splat(b, base, WIDE), BYTES))
    with loops.for_range_slice(b, b.zext(first, _I64), b.zext(last, _I64), _I64(1), _I64) as (four, _):
        link = b.inttoptr(b.add(links, b.mul(four, _I64(8 * LINKS))), I32.as_pointer())
        for k in range(LINKS):
            place, weight = (b.load(b.gep(link, [I32(2 * k + part)])) for part in (0, 1))
            all_lanes = b.bitcast(vectors.splat(b, weight, WIDE), BYTES)
            part = b.select(_down(b, packed, b.zext(place, _I64)), all_lanes, _same(BYTES, 0))
            b.store(b.add(b.load(total), part), total)
    return b.load(total)


def _alignment(b: Any, down: Any, field: Any) -> Any:
    """s f: the field, negated where the spin is -1."""
    return b.select(down, b.sub(_same(BYTES, 0), field), field)


def _add_changes(b: Any, x: Any, flip: Any, sums: Any) -> None:
    """Add x where a spin flips to sums in 16 bits, those of even bytes and those of odd ones."""
    pairs = b.bitcast(b.select(flip, x, _same(BYTES, 0)), _PAIRS)
    eight = _same(_PAIRS, 8)
    for at, part in ((sums, b.ashr(b.shl(pairs, eight), eight)), (b.add(sums, _I64(64)), b.ashr(pairs, eight))):
        vectors.store(b, b.add(vectors.load(b, at, _PAIRS, 64), part), at, 64)


def _shuffled(b: Any, table: Any, index: Any) -> Any:
    """Four shuffles of 16 bytes each, of which bits 4 and 5 of the index choose one."""
    length = register_bits() // 8
    name = {64: "llvm.x86.avx512.pshuf.b.512", 32: "llvm.x86.avx2.pshuf.b"}[length]
    part = ir.VectorType(_I8, length)
    shuffle = loops.declared(b.module, ir.FunctionType(part, [part, part]), name)
    numbers = ir.VectorType(I32, length)
    found = []
    for first in range(0, PACK_LANES, length):
        places = b.shuffle_vector(index, index, ir.Constant(numbers, list(range(first, first + length))))
        row = []
        for piece in range(0, PACK_LANES, 16):
            bytes_of_piece = b.shuffle_vector(table, table, ir.Constant(numbers, [piece + k % 16 for k in range(length)]))
            row.append(b.call(shuffle, [bytes_of_piece, b.and_(places, _same(part, 15))]))
        for bit in (16, 32):
            on = b.icmp_signed("!=", b.and_(places, _same(part, bit)), _same(part, 0))
            row = [b.select(on, high, low) for low, high in zip(row[::2], row[1::2], strict=True)]
        found.append(row[0])
    if len(found) == 1:
        return found[0]
    return b.shuffle_vector(*found, ir.Constant(ir.VectorType(I32, PACK_LANES), list(range(PACK_LANES))))


def _picked_one_by_one(b: Any, table: Any, index: Any) -> Any:
    """The bytes of the table one after another, for processors without a shuffle of bytes."""
    table_at, index_at = (loops.alloca_once_value(b, vector) for vector in (table, index))
    result_at = loops.alloca_once(b, BYTES)
    table_row, index_row, result_row = (b.bitcast(at, _I8.as_pointer()) for at in (table_at, index_at, result_at))
    with loops.for_range(b, _I64(PACK_LANES), intp=_I64) as loop:
        place = b.zext(b.load(b.gep(index_row, [loop.index])), _I64)
        b.store(b.load(b.gep(table_row, [place])), b.gep(result_row, [loop.index]))
    return b.load(result_at)


def _looked_up(b: Any, tables: Any, index: Any) -> Any:
    """The bytes of the table of CHANCES at the address `tables` at an index of as many."""
    rows = [vectors.load(b, b.add(tables, _I64(k)), BYTES, 64) for k in range(0, CHANCES, PACK_LANES)]
    if permutes_bytes():
        kind = ir.FunctionType(BYTES, [BYTES] * 3)
        pick = loops.declared(b.module, kind, "llvm.x86.avx512.vpermi2var.qi.512")
        return b.call(pick, [rows[0], index, rows[1]])
    return _shuffled(b, rows[0], index) if register_bits() >= 256 else _picked_one_by_one(b, rows[0], index)


@intrinsic
def sweep_by_chances(packed_at, i, links_at, row_at, random_at, chances_at, width, sums_at):
    """Flip spin i where its random word is below the chance of its s f, as far as 16 bits tell; returns the lanes (bits) in
    which they don't. Chances are tables of the two bytes; `width` is how far above one a number may still need all its bits."""

    def codegen(b, args):
        packed, i, links, row, random, chances, width, sums = args
        down = _down(b, packed, i)
        x = _alignment(b, down, _field(b, packed, links, row))
        half = CHANCES // 2
        index = _signed(b, ">", _signed(b, "<", x, _same(BYTES, half - 1)), _same(BYTES, -half))
        index = b.and_(index, _same(BYTES, CHANCES - 1))
        high, low = (_looked_up(b, b.add(chances, _I64(k)), index) for k in (0, CHANCES))
        u, v = (vectors.load(b, b.add(random, _I64(k)), BYTES, 64) for k in (0, 64))
        less = b.icmp_unsigned("<", v, low)
        flip = b.or_(b.icmp_unsigned("<", u, high), b.and_(b.icmp_unsigned("==", u, high), less))
        # Undecided are words whose 16 bits less those of the chance are 0 to width: the lower byte may borrow of the higher.
        near = b.icmp_unsigned("<=", b.sub(v, low), vectors.splat(b, b.trunc(width, _I8), PACK_LANES))
        undecided = b.and_(b.and_(near, b.icmp_unsigned("==", b.add(u, b.sext(less, BYTES)), high)), b.not_(flip))
        _put_down(b, b.xor(down, flip), packed, i)
        _add_changes(b, x, flip, sums)
        return b.bitcast(undecided, _I64)

    return types.int64(*[types.int64] * 8), codegen


@intrinsic
def sweep_by_limits(packed_at, i, links_at, row_at, limits_at, sums_at):
    """Flip spin i where s f is below its threshold."""

    def codegen(b, args):
        packed, i, links, row, limits, sums = args
        down = _down(b, packed, i)
        x = _alignment(b, down, _field(b, packed, links, row))
        flip = b.icmp_signed("<", x, vectors.load(b, limits, BYTES, 64))
        _put_down(b, b.xor(down, flip), packed, i)
        _add_changes(b, x, flip, sums)

    return types.void(*[types.int64] * 6), codegen
