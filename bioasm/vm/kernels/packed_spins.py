"""Sweeps of up to 64 lanes of spins with small whole fields, packed in registers; every bit is that of `ising.py`.

Fields are summed anew from the neighbours of each spin. A flip is decided by 16 bits of the random word and a table of
chances, and by all of it where these can't tell; or, where lanes have temperatures of their own, by thresholds in bytes.
A pack is the blocks that share a register; the first of them advances all.
"""

from __future__ import annotations

from typing import Any

from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import float64, int8, int64
from bioasm.vm.kernels.llvm_intrinsics import exponentials, logistics, make_numbers
from bioasm.vm.kernels.packed_chances import set_chances
from bioasm.vm.kernels.packed_vectors import (
    CHANCES,
    SPIN,
    draw_bytes,
    pack_block,
    put_limits,
    sweep_by_chances,
    sweep_by_limits,
    unpack_block,
    unpack_blocks,
)
from bioasm.vm.kernels.random import make_draw_cells, wide_words
from bioasm.vm.kernels.sample import room_for_samples, room_for_trace
from bioasm.vm.kernels.slots import Block, Ctx, Real, Status
from bioasm.vm.kernels.spin_energy import note_energy
from bioasm.vm.kernels.views import block_row, f4, f8, i1, i4, i8, u1
from bioasm.vm.layout import CHUNK, COLDEST, DRAWN, LINKS, PACK_BLOCKS, PACK_HEAD, PACK_LANES, PACK_NEURON, WIDE

_SPINS = CHUNK // WIDE  # whose numbers are drawn at a time; sums of their changes fit 16 bits
# Bytes from the begin of a pack on; before them stands the pair of sweeps whose numbers it holds, + 1.
_PACKED, _SUMS, _CHANCES, _TOTALS, _CHOSEN, _HALVES, _WORDS = 8, 64, 192, 448, 960, 1024, 1536
_RANDOM = 2 * PACK_LANES  # bytes of random numbers of a spin and sweep
_logistic_words, _exponential_words = make_numbers(logistics), make_numbers(exponentials)
_draw_logistic, _draw_exponential = make_draw_cells(logistics), make_draw_cells(exponentials)


@device
def pack_of(ctx, b):
    """Where the pack that block b begins lies."""
    begin = (ctx[Ctx.PACKED_AT] + 63) // 64 * 64
    return begin + b // ctx[Ctx.PACK] * (PACK_HEAD + (ctx[Ctx.N] + 1) * PACK_NEURON)


@device
def random_of(ctx, pack, step):
    """Where the random numbers of a sweep lie."""
    return pack + PACK_HEAD + (step & 1) * (ctx[Ctx.N] + 1) * _RANDOM


@device
def spins_of(ctx, pack):
    """Where the spins lie: behind the random numbers of two sweeps."""
    return pack + PACK_HEAD + 2 * (ctx[Ctx.N] + 1) * _RANDOM


@device
def half_of(ctx, real, lane):
    """Half the temperature of a lane, in units of the fields."""
    level = f8(ctx[Ctx.LEVEL_AT], lane, 1)[0] if ctx[Ctx.BY_LANE] == 1 else real[Real.NOISE]
    return max(level, COLDEST) / (2.0 * real[Real.SCALE])


@device
def set_halves(ctx, real, pack, lane0, blocks):
    """Note half the temperature of each lane; returns whether all have the same."""
    halves = f8(pack, _HALVES // 8, blocks * WIDE)
    alike = True
    for lane in range(blocks * WIDE):
        halves[lane] = half_of(ctx, real, lane0 + lane)
        alike = alike and halves[lane] == halves[0]
    return alike


# --- random numbers -------------------------------------------------------------------------------------


@device
def draw_chunk(ctx, pack, lane0, blocks, step, first, last):
    """Bytes of the random words of some spins, for the two sweeps that `step` belongs to."""
    key0_at, key1_at = ctx[Ctx.KEY0_AT] + 4 * lane0, ctx[Ctx.KEY1_AT] + 4 * lane0
    even, odd = random_of(ctx, pack, 0), random_of(ctx, pack, 1)
    for r in range(blocks):
        row = 4 * WIDE * r
        draw_bytes(key0_at + row, key1_at + row, r, first, last, step >> 1, even, odd)


@device
def limit_chunk(ctx, pack, b, blocks, step, first, last):
    """Thresholds of some spins, for the two sweeps that `step` belongs to."""
    for r in range(blocks):
        drawn = f4(ctx[Ctx.DRAWN_AT], 2 * DRAWN * (b + r), 2 * DRAWN)
        if ctx[Ctx.RULE] == 0:
            _draw_logistic(ctx, b + r, drawn, first * WIDE, (last - first) * WIDE, step >> 1)
        else:
            _draw_exponential(ctx, b + r, drawn, first * WIDE, (last - first) * WIDE, step >> 1)
        for parity in range(2):
            at = random_of(ctx, pack, parity) + first * _RANDOM
            numbers_at = drawn.ctypes.data + 4 * DRAWN * parity
            put_limits(numbers_at, pack + _HALVES + 8 * WIDE * r, last - first, r, at, _RANDOM)


# --- a spin whose 16 bits do not tell -------------------------------------------------------------------


@device
def number_of(ctx, pack, lane, i, step):
    """The logistic or exponential number of a spin and sweep in a lane."""
    even, odd, row = pack + _WORDS, pack + _WORDS + 4 * WIDE, 4 * (lane - lane % WIDE)
    wide_words(ctx[Ctx.KEY0_AT] + row, ctx[Ctx.KEY1_AT] + row, i, step >> 1, even, odd)
    if ctx[Ctx.RULE] == 0:
        _logistic_words(even, odd)
    else:
        _exponential_words(even, odd)
    return f4(odd if step & 1 else even, lane % WIDE, 1)[0]


@device
def is_down(packed_at, i, place):
    """Whether spin i is -1 in the lane of a place."""
    if SPIN == PACK_LANES:
        return i1(packed_at, i * PACK_LANES + place, 1)[0] != 0
    return (i8(packed_at, i, 1)[0] >> place) & 1 == 1


@device
def turn(packed_at, i, place):
    """Flip spin i in the lane of a place."""
    if SPIN == PACK_LANES:
        spin = i1(packed_at, i * PACK_LANES + place, 1)
        spin[0] = ~spin[0]
    else:
        i8(packed_at, i, 1)[0] ^= int64(1) << place


@device
def alignment_of(ctx, packed_at, i, place):
    """s f of spin i in the lane of a place."""
    row = i4(ctx[Ctx.LINK_ROW_AT], 2 * i, 4)
    field, first, last = int64(int8(row[0] & 255)), int64(row[1]), int64(row[3])
    link = i4(ctx[Ctx.LINK_AT], 0, 2 * LINKS * last)
    for e in range(LINKS * first, LINKS * last):
        if is_down(packed_at, link[2 * e], place):
            field += int8(link[2 * e + 1] & 255)
    field = int64(int8(field & 255))  # bytes hold sums modulo 256, of which fields are within a byte
    return -field if is_down(packed_at, i, place) else field


@device
def decide(ctx, real, pack, lane0, i, step, undecided):
    """Flip spin i in those of the lanes (bits) whose number says so."""
    totals, packed_at = i8(pack, _TOTALS // 8, PACK_LANES), spins_of(ctx, pack)
    for place in range(PACK_LANES):
        if (undecided >> place) & 1:
            lane = lane0 + (place & 3) * WIDE + (place >> 2)
            x = alignment_of(ctx, packed_at, i, place)
            if float64(x) < half_of(ctx, real, lane) * float64(number_of(ctx, pack, lane, i, step)):
                turn(packed_at, i, place)
                totals[place] += x


# --- sweeps ---------------------------------------------------------------------------------------------


@device
def add_sums(pack):
    """Add the 16-bit sums of changes to the totals of lanes, and clear them."""
    sums, totals = i4(pack, _SUMS // 4, PACK_LANES // 2), i8(pack, _TOTALS // 8, PACK_LANES)
    for k in range(PACK_LANES // 4):
        for odd in range(2):
            pair = sums[16 * odd + k]
            totals[4 * k + odd] += (pair << 48) >> 48
            totals[4 * k + odd + 2] += pair >> 16
            sums[16 * odd + k] = 0


@device
def sweep_chunk(ctx, real, pack, lane0, step, width, lanes, first, last):
    """Sweep some spins: by chances, or by thresholds where `width` is -1. `lanes` are the bits of places that stand for one."""
    hold = u1(ctx[Ctx.HOLD_AT], 0, ctx[Ctx.N])
    clamped, packed_at, random = ctx[Ctx.CLAMPED], spins_of(ctx, pack), random_of(ctx, pack, step)
    sums, chances, links = pack + _SUMS, pack + _CHANCES, ctx[Ctx.LINK_AT]
    for i in range(first, last):
        if clamped == 1 and hold[i] == 1:
            continue
        row, mine = ctx[Ctx.LINK_ROW_AT] + 8 * i, random + i * _RANDOM
        if width < 0:
            sweep_by_limits(packed_at, i, links, row, mine, sums)
        else:
            undecided = sweep_by_chances(packed_at, i, links, row, mine, chances, width, sums) & lanes
            if undecided != 0:
                decide(ctx, real, pack, lane0, i, step, undecided)
    add_sums(pack)


@device
def sweep_pack(ctx, real, pack, b, blocks, step, drawn):
    """One sweep of all lanes; their totals become half of each one's change of energy. `drawn` says that the thresholds of
    this sweep were drawn with those of the one before."""
    n, lane0, head = ctx[Ctx.N], block_row(ctx, b)[Block.LANE0], i8(pack, 0, 2)
    totals = i8(pack, _TOTALS // 8, PACK_LANES)
    totals[:] = 0
    width = -1
    if set_halves(ctx, real, pack, lane0, blocks):
        width = set_chances(u1(pack, _CHANCES, 2 * CHANCES), f8(pack, _HALVES // 8, 1)[0], ctx[Ctx.RULE], ctx[Ctx.REACH])
    lanes = int64(0)
    for place in range(PACK_LANES):
        lanes |= int64((place & 3) < blocks) << place
    there = head[0] == (step >> 1) + 1 if width >= 0 else drawn and head[0] == 0
    head[0] = (step >> 1) + 1 if width >= 0 else 0
    for first in range(0, n, _SPINS):
        last = min(first + _SPINS, n)
        if width >= 0 and not there:
            draw_chunk(ctx, pack, lane0, blocks, step, first, last)
        elif width < 0 and not there:
            limit_chunk(ctx, pack, b, blocks, step, first, last)
        sweep_chunk(ctx, real, pack, lane0, step, width, lanes, first, last)


# --- spins, energies and the best state -----------------------------------------------------------------


@device
def write_chosen(ctx, pack, lane0, blocks, cells_at):
    """Write the spins of the lanes that are chosen into an array of cells."""
    n, packed, chosen = ctx[Ctx.N], spins_of(ctx, pack), pack + _CHOSEN
    fours = n // 4 if blocks == PACK_BLOCKS else 0
    unpack_blocks(packed, chosen, cells_at + n * lane0, n * WIDE, fours)
    for r in range(blocks):
        unpack_block(packed, chosen + WIDE * r, cells_at + n * (lane0 + WIDE * r), 4 * fours, n, r)


@device
def unpack(ctx, pack, lane0, blocks):
    """Write the spins of all lanes where everyone looks for them."""
    i1(pack, _CHOSEN, PACK_LANES)[:] = 1
    write_chosen(ctx, pack, lane0, blocks, ctx[Ctx.SPIN_AT])


@device
def keep_best(ctx, pack, lane0, blocks):
    """Keep the states of lanes whose energy is lower than any before."""
    places = WIDE * blocks
    energy, best_energy = f8(ctx[Ctx.ENERGY_AT], lane0, places), f8(ctx[Ctx.BEST_ENERGY_AT], lane0, places)
    chosen, some = i1(pack, _CHOSEN, PACK_LANES), False
    for place in range(places):
        chosen[place] = energy[place] < best_energy[place]
        some = some or chosen[place] != 0
        best_energy[place] = min(energy[place], best_energy[place])
    if some:
        write_chosen(ctx, pack, lane0, blocks, ctx[Ctx.BEST_AT])


@device
def note_sweep(ctx, real, pack, b, blocks, step):
    """Bring energies, best states, traces and clocks of a pack's blocks to the end of a sweep."""
    totals = i8(pack, _TOTALS // 8, PACK_LANES)
    for r in range(blocks):
        block = block_row(ctx, b + r)
        energy = f8(ctx[Ctx.ENERGY_AT], block[Block.LANE0], WIDE)
        for lane in range(WIDE):
            energy[lane] += 2.0 * real[Real.SCALE] * totals[4 * lane + r]
        note_energy(ctx, real, block, WIDE)
        block[Block.STEP] = step + 1
    keep_best(ctx, pack, block_row(ctx, b)[Block.LANE0], blocks)


@device
def has_room(ctx, b, blocks):
    """Whether all blocks of a pack have room for what a sweep notes."""
    room = True
    for r in range(blocks):
        room = room and room_for_trace(block_row(ctx, b + r)) and room_for_samples(ctx, b + r)
    return room


@device
def forget_packs(ctx):
    """Spins were changed: let every pack take them anew."""
    for b in range(0, ctx[Ctx.BLOCKS], ctx[Ctx.PACK]):
        i8(pack_of(ctx, b), 0, 2)[_PACKED // 8] = 0


def make_packed(take_samples: Any) -> Any:
    """The function that advances a block of packed spins."""

    @device
    def begin(ctx, pack, b, blocks):
        head = i8(pack, 0, 2)
        if head[_PACKED // 8] == 0:
            for r in range(blocks):
                spins_at = ctx[Ctx.SPIN_AT] + ctx[Ctx.N] * block_row(ctx, b + r)[Block.LANE0]
                pack_block(spins_at, spins_of(ctx, pack), ctx[Ctx.N], r)
            head[_PACKED // 8] = 1

    @device
    def sample(ctx, real, pack, b, blocks, step):
        unpack(ctx, pack, block_row(ctx, b)[Block.LANE0], blocks)
        for r in range(blocks):
            take_samples(ctx, real, b + r, step)

    @device
    def advance(ctx, real, b):
        """Sweep the pack that block `b` begins until TARGET; DONE, or DRAIN where a buffer is full."""
        block = block_row(ctx, b)
        if b % ctx[Ctx.PACK] != 0 or block[Block.STEP] >= ctx[Ctx.TARGET]:
            return Status.DONE
        pack, blocks, drawn, status = pack_of(ctx, b), min(ctx[Ctx.PACK], ctx[Ctx.BLOCKS] - b), False, Status.DONE
        begin(ctx, pack, b, blocks)
        while block[Block.STEP] < ctx[Ctx.TARGET]:
            step = block[Block.STEP]
            if not has_room(ctx, b, blocks):
                status = Status.DRAIN
                break
            if ctx[Ctx.RECORDERS] > 0:
                sample(ctx, real, pack, b, blocks, step)
            sweep_pack(ctx, real, pack, b, blocks, step, drawn and step & 1 == 1)
            drawn = True
            note_sweep(ctx, real, pack, b, blocks, step)
        unpack(ctx, pack, block[Block.LANE0], blocks)
        return status

    return advance
