"""Ising spins: sequential single-spin sweeps of one block of lanes, with local fields kept up to date.

A spin flips where s f < thr, with f its local field and thr = T e / 2 from a logistic (Glauber) or exponential (Metropolis)
number e (bioasm/models/library/ising.basm has the rules). Fields are int32 where couplings and biases are whole
multiples of one power of two, so that nothing is rounded, and float64 otherwise.
"""

from __future__ import annotations

import math
from typing import Any

from numba import carray, float64, int32, int64

from bioasm.vm.kernels.access import block_row, f4, f8, i1, i4, i8, u1, u4, u8
from bioasm.vm.kernels.device import device
from bioasm.vm.kernels.draw import make_draw_cells
from bioasm.vm.kernels.emit import exponentials, logistics, make_wide_spread, pointer
from bioasm.vm.kernels.product import BYTES, STORAGE
from bioasm.vm.kernels.sample import make_sampling, room_for_samples, room_for_trace
from bioasm.vm.layout import CHUNK, DRAWN, RESYNC, WIDE, Block, Ctx, Real, Status

FARTHEST = 1 << 30
LARGEST_DRAWN = 24.0  # logistic and exponential numbers of 32-bit words are below ln(2**33) = 22.9
COLDEST = 1e-300  # stands for a temperature of 0, where only the sign of the random number is left


@device
def spin_of(ctx, real, variable, b, k):
    """The spin of a cell of block b; spins have no other variable."""
    return float(i1(ctx[Ctx.SPIN_AT], ctx[Ctx.N] * block_row(ctx, b)[Block.LANE0], k + 1)[k])


def make_neighbours(storage: str, whole: bool) -> tuple[Any, Any]:
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


def _dense(kind: str, whole: bool) -> tuple[Any, Any]:
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


def _sparse(kind: str, whole: bool) -> tuple[Any, Any]:
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


def make_ising(storage: str, whole: bool) -> tuple[Any, Any]:
    """The functions (advance a block, energies of all lanes) for a storage of J; `whole` for int32 fields."""
    take_samples = make_sampling(spin_of)
    spread_one, spread, coupling_fields = make_neighbours(storage, whole)
    item = int32 if whole else float64
    size = 4 if whole else 8
    total = int64 if whole else float64

    @device
    def threshold(value):
        if whole:
            return int32(math.ceil(min(max(value, -float64(FARTHEST)), float64(FARTHEST))))
        return value

    draw_logistic, draw_exponential = make_draw_cells(logistics), make_draw_cells(exponentials)

    @device
    def to_thresholds(limit, drawn, half, first, count):
        if whole and half * LARGEST_DRAWN < FARTHEST:  # nothing to bound: s f < x is s f < ceil(x) for whole s f
            for k in range(count):
                limit[first + k] = int32(math.ceil(half * drawn[k]))
        else:
            for k in range(count):
                limit[first + k] = threshold(half * drawn[k])

    @device
    def draw(ctx, real, b, limit, step, n, width):
        """The thresholds of the two sweeps that `step` belongs to; a clamped spin's lets it never flip."""
        cells = n * width
        drawn = f4(ctx[Ctx.DRAWN_AT], 2 * DRAWN * b, 2 * DRAWN)
        half = max(real[Real.NOISE], COLDEST) / (2.0 * real[Real.SCALE])
        low, high = limit[:cells], limit[cells:]
        for first in range(0, cells, CHUNK):
            count = min(CHUNK, cells - first)
            if ctx[Ctx.RULE] == 0:
                draw_logistic(ctx, b, drawn, first, count, step >> 1)
            else:
                draw_exponential(ctx, b, drawn, first, count, step >> 1)
            to_thresholds(low, drawn, half, first, count)
            to_thresholds(high, drawn[DRAWN:], half, first, count)
        if ctx[Ctx.CLAMPED] == 1:
            hold = u1(ctx[Ctx.HOLD_AT], 0, n)
            for i in range(n):
                if hold[i] == 1:
                    for k in range(i * width, (i + 1) * width):
                        low[k] = item(-FARTHEST) if whole else item(-math.inf)
                        high[k] = low[k]

    @device
    def around(ctx, product, i, width, lane):
        """The sum over the terms of spin i of weight times product of spins."""
        start = i8(ctx[Ctx.OF_START_AT], 0, ctx[Ctx.N] + 1)
        of = i4(ctx[Ctx.OF_TERM_AT], 0, start[ctx[Ctx.N]])
        weight = carray(pointer(ctx[Ctx.TERM_VALUE_AT], item), ctx[Ctx.TERMS])
        sum_of_terms = item(0)
        for e in range(start[i], start[i + 1]):
            sum_of_terms += weight[of[e]] * product[of[e] * width + lane]
        return sum_of_terms

    @device
    def turn_products(ctx, product, i, width, lane):
        start = i8(ctx[Ctx.OF_START_AT], 0, ctx[Ctx.N] + 1)
        of = i4(ctx[Ctx.OF_TERM_AT], 0, start[ctx[Ctx.N]])
        for e in range(start[i], start[i + 1]):
            product[of[e] * width + lane] = -product[of[e] * width + lane]

    @device
    def sweep_with_terms(ctx, spin, field, limit, delta, product, n):
        """`sweep_one` for a problem with higher-order terms."""
        change = total(0)
        for i in range(n):
            x = spin[i] * field[i] + around(ctx, product, i, 1, 0)
            if x < limit[i]:
                change += x
                delta[0] = -2 * spin[i]
                spin[i] = -spin[i]
                spread(ctx, field, delta, i, n, 1)
                turn_products(ctx, product, i, 1, 0)
        return change

    @device
    def sweep_one(ctx, spin, field, limit, n):
        """A sweep of a single lane; returns half the change of energy, in units of the fields."""
        change = total(0)
        for i in range(n):
            x = spin[i] * field[i]
            if x < limit[i]:
                change += x
                turn = -2 * spin[i]
                spin[i] = -spin[i]
                spread_one(ctx, field, turn, i, n)
        return change

    @device
    def flip_lanes(spin, field, limit, delta, change, at):
        """Decide the flips of one spin in all lanes, without terms; returns how many flip."""
        flips = 0
        for lane in range(WIDE):
            own = item(spin[at + lane])
            x = item(own * field[at + lane])
            flip = x < limit[at + lane]
            flips += flip
            delta[lane] = item(-2) * own if flip else item(0)
            spin[at + lane] = -spin[at + lane] if flip else spin[at + lane]
            change[lane] += x if flip else item(0)
        return flips

    @device
    def flip_lanes_with_terms(ctx, spin, field, limit, delta, change, product, i):
        """`flip_lanes` for a problem with higher-order terms."""
        flips = 0
        for lane in range(WIDE):
            k = i * WIDE + lane
            x = spin[k] * field[k] + around(ctx, product, i, WIDE, lane)
            delta[lane] = item(0)
            if x < limit[k]:
                flips += 1
                change[lane] += x
                delta[lane] = -2 * spin[k]
                spin[k] = -spin[k]
                turn_products(ctx, product, i, WIDE, lane)
        return flips

    @device
    def sweep_many(ctx, spin, field, limit, delta, product, change, n):
        """A sweep of lanes side by side; `change` becomes half of each lane's change of energy, in units of the fields."""
        for lane in range(WIDE):
            change[lane] = total(0)
        terms = ctx[Ctx.TERMS] > 0
        for i in range(n):
            if terms:
                flips = flip_lanes_with_terms(ctx, spin, field, limit, delta, change, product, i)
            else:
                flips = flip_lanes(spin, field, limit, delta, change, i * WIDE)
            if flips > 0:
                spread(ctx, field, delta, i, n, WIDE)

    @device
    def compute_anew(ctx, real, block, offset, n, width):
        """Fields, products of terms and energies of a block from its spins."""
        spin = i1(ctx[Ctx.SPIN_AT], offset, n * width)
        field = carray(pointer(ctx[Ctx.FIELD_AT] + size * offset, item), n * width)
        h = carray(pointer(ctx[Ctx.H_AT], item), n)
        for k in range(n * width):
            field[k] = item(0)
        coupling_fields(ctx, spin, field, n, width)
        energy = f8(ctx[Ctx.ENERGY_AT], block[Block.LANE0], width)
        for lane in range(width):
            twice = total(0)
            for i in range(n):
                k = i * width + lane
                twice += spin[k] * (field[k] + 2 * h[i])
            energy[lane] = real[Real.CONSTANT] - 0.5 * real[Real.SCALE] * twice
        for i in range(n):
            for lane in range(width):
                field[i * width + lane] += h[i]
        if ctx[Ctx.TERMS] > 0:
            compute_terms(ctx, real, block, spin, energy, width)

    @device
    def compute_terms(ctx, real, block, spin, energy, width):
        terms = ctx[Ctx.TERMS]
        start = i8(ctx[Ctx.TERM_START_AT], 0, terms + 1)
        index = i4(ctx[Ctx.TERM_INDEX_AT], 0, start[terms])
        weight = carray(pointer(ctx[Ctx.TERM_VALUE_AT], item), terms)
        product = i1(ctx[Ctx.PRODUCT_AT], terms * block[Block.LANE0], terms * width)
        for lane in range(width):
            sum_of_terms = total(0)
            for t in range(terms):
                sign = 1
                for a in range(start[t], start[t + 1]):
                    sign *= spin[index[a] * width + lane]
                product[t * width + lane] = sign
                sum_of_terms += weight[t] * sign
            energy[lane] -= real[Real.SCALE] * sum_of_terms

    @device
    def keep_best(ctx, block, offset, n, width):
        spin, best = i1(ctx[Ctx.SPIN_AT], offset, n * width), i1(ctx[Ctx.BEST_AT], offset, n * width)
        energy = f8(ctx[Ctx.ENERGY_AT], block[Block.LANE0], width)
        best_energy = f8(ctx[Ctx.BEST_ENERGY_AT], block[Block.LANE0], width)
        for lane in range(width):
            if energy[lane] < best_energy[lane]:
                best_energy[lane] = energy[lane]
                if width == 1:
                    best[:] = spin
                else:
                    for k in range(lane, n * width, width):
                        best[k] = spin[k]

    @device
    def note_energy(ctx, real, block, width):
        energy = f8(ctx[Ctx.ENERGY_AT], block[Block.LANE0], width)
        trace = f8(block[Block.TRACE_AT], block[Block.TRACE] * width, width)
        for lane in range(width):
            trace[lane] = energy[lane] + real[Real.OFFSET]
        block[Block.TRACE] += 1

    @device
    def advance(ctx, real, b):
        """Sweep block `b` until TARGET; DONE, or DRAIN where a buffer is full."""
        block = block_row(ctx, b)
        n, width = ctx[Ctx.N], block[Block.WIDTH]
        offset, cells = n * block[Block.LANE0], n * block[Block.WIDTH]
        spin = i1(ctx[Ctx.SPIN_AT], offset, cells)
        field = carray(pointer(ctx[Ctx.FIELD_AT] + size * offset, item), cells)
        limit = carray(pointer(ctx[Ctx.THRESHOLD_AT] + 2 * size * offset, item), 2 * cells)
        delta = carray(pointer(ctx[Ctx.DELTA_AT] + size * block[Block.LANE0], item), width)
        change = carray(pointer(ctx[Ctx.CHANGE_AT] + 8 * block[Block.LANE0], total), width)
        product = i1(ctx[Ctx.PRODUCT_AT], ctx[Ctx.TERMS] * block[Block.LANE0], ctx[Ctx.TERMS] * width)
        energy = f8(ctx[Ctx.ENERGY_AT], block[Block.LANE0], width)
        drawn = False
        while block[Block.STEP] < ctx[Ctx.TARGET]:
            step = block[Block.STEP]
            if not (room_for_trace(block) and room_for_samples(ctx, b)):
                return Status.DRAIN
            take_samples(ctx, real, b, step)
            if not whole and step % RESYNC == 0:
                compute_anew(ctx, real, block, offset, n, width)
            if step & 1 == 0 or not drawn:
                draw(ctx, real, b, limit, step, n, width)
                drawn = True
            part = limit[cells:] if step & 1 else limit[:cells]
            if width == 1:
                if ctx[Ctx.TERMS] > 0:
                    half = sweep_with_terms(ctx, spin, field, part, delta, product, n)
                else:
                    half = sweep_one(ctx, spin, field, part, n)
                energy[0] += 2.0 * real[Real.SCALE] * half
            else:
                sweep_many(ctx, spin, field, part, delta, product, change, n)
                for lane in range(width):
                    energy[lane] += 2.0 * real[Real.SCALE] * change[lane]
            keep_best(ctx, block, offset, n, width)
            note_energy(ctx, real, block, width)
            block[Block.STEP] = step + 1
        return Status.DONE

    @device
    def refresh(ctx, real):
        """Where couplings or spins were changed: fields and energies anew, and the state before the first sweep as best."""
        if ctx[Ctx.DIRTY] == 0:
            return
        for b in range(ctx[Ctx.BLOCKS]):
            block = block_row(ctx, b)
            offset = ctx[Ctx.N] * block[Block.LANE0]
            compute_anew(ctx, real, block, offset, ctx[Ctx.N], block[Block.WIDTH])
            keep_best(ctx, block, offset, ctx[Ctx.N], block[Block.WIDTH])
        ctx[Ctx.DIRTY] = 0

    return advance, refresh, spin_of
