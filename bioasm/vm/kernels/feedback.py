"""The feedback J s + h of a population: states to currents, their rescaling, energies, and the best 0/1 state seen."""

from __future__ import annotations

from typing import Any

from bioasm.vm.kernels.access import block_row, f8, i1, i4, i8
from bioasm.vm.kernels.device import device
from bioasm.vm.kernels.product import add_biases, make_add_column, make_product
from bioasm.vm.layout import RESYNC, Block, Ctx, Real


@device
def add_terms(ctx, s, y, n, width):
    """y += the derivative of the higher-order terms: for each neuron of a term, weight times the others' states."""
    terms = ctx[Ctx.TERMS]
    start = i8(ctx[Ctx.TERM_START_AT], 0, terms + 1)
    index = i4(ctx[Ctx.TERM_INDEX_AT], 0, start[terms])
    value = f8(ctx[Ctx.TERM_VALUE_AT], 0, terms)
    for t in range(terms):
        for a in range(start[t], start[t + 1]):
            for lane in range(width):
                others = value[t]
                for b in range(start[t], start[t + 1]):
                    if b != a:
                        others *= s[index[b] * width + lane]
                y[index[a] * width + lane] += others


@device
def terms_sum(ctx, s, lane, width):
    """The sum over all terms of weight times the product of states, of one lane."""
    terms = ctx[Ctx.TERMS]
    start = i8(ctx[Ctx.TERM_START_AT], 0, terms + 1)
    index = i4(ctx[Ctx.TERM_INDEX_AT], 0, start[terms])
    value = f8(ctx[Ctx.TERM_VALUE_AT], 0, terms)
    total = 0.0
    for t in range(terms):
        product = value[t]
        for a in range(start[t], start[t + 1]):
            product *= s[index[a] * width + lane]
        total += product
    return total


@device
def quadratic_energy(ctx, s, js, n, width, lane):
    """-1/2 s'Js - h's of one lane, from js = J s; in four partial sums, so that one addition need not wait for another."""
    h = f8(ctx[Ctx.H_AT], 0, n)
    e0, e1, e2, e3 = 0.0, 0.0, 0.0, 0.0
    whole = n - n % 4
    for i in range(0, whole, 4):
        k = i * width + lane
        e0 += s[k] * (0.5 * js[k] + h[i])
        e1 += s[k + width] * (0.5 * js[k + width] + h[i + 1])
        e2 += s[k + 2 * width] * (0.5 * js[k + 2 * width] + h[i + 2])
        e3 += s[k + 3 * width] * (0.5 * js[k + 3 * width] + h[i + 3])
    for i in range(whole, n):
        e0 += s[i * width + lane] * (0.5 * js[i * width + lane] + h[i])
    return -((e0 + e2) + (e1 + e3))


@device
def lane_energy(ctx, s, js, n, width, lane):
    """E without the offset, of one lane."""
    energy = quadratic_energy(ctx, s, js, n, width, lane)
    return energy - terms_sum(ctx, s, lane, width) if ctx[Ctx.TERMS] > 0 else energy


@device
def rescale(current, cells, width, lane, limit):
    """Scale one lane's current down so that no neuron's is above `limit`."""
    largest = 0.0
    for k in range(lane, cells, width):
        largest = max(largest, abs(current[k]))
    if largest > limit:
        factor = limit / largest
        for k in range(lane, cells, width):
            current[k] *= factor


def make_best(product: Any, add_column: Any) -> Any:
    """The function that follows the energy of the 0/1 state s > 0.5 and keeps the best."""

    @device
    def flip_one(ctx, one, field, n, width, i, lane):
        """Turn one neuron's 0/1 over, given field = J one; returns the change of energy. J must be symmetric."""
        k = i * width + lane
        sign = 1.0 if one[k] == 0 else -1.0
        h = f8(ctx[Ctx.H_AT], 0, n)
        change = -sign * (field[k] + h[i])
        if ctx[Ctx.TERMS] > 0:
            change -= sign * terms_around(ctx, one, i, lane, n, width)
        change -= 0.5 * add_column(ctx, field, n, width, i, lane, sign)
        one[k] = 1 - one[k]
        return change

    @device
    def terms_around(ctx, one, i, lane, n, width):
        start = i8(ctx[Ctx.OF_START_AT], 0, n + 1)
        of = i4(ctx[Ctx.OF_TERM_AT], 0, start[n])
        terms = ctx[Ctx.TERMS]
        first = i8(ctx[Ctx.TERM_START_AT], 0, terms + 1)
        index = i4(ctx[Ctx.TERM_INDEX_AT], 0, first[terms])
        value = f8(ctx[Ctx.TERM_VALUE_AT], 0, terms)
        total = 0.0
        for e in range(start[i], start[i + 1]):
            others = True
            for a in range(first[of[e]], first[of[e] + 1]):
                others = others and (index[a] == i or one[index[a] * width + lane] == 1)
            if others:
                total += value[of[e]]
        return total

    @device
    def compute_anew(ctx, block, one, s, field, energy, partial, n, width):
        for k in range(n * width):
            one[k] = s[k] > 0.5
            s[k] = one[k]
        product(ctx, s, field, partial, n, width, block[Block.LANE0])
        for lane in range(width):
            energy[lane] = lane_energy(ctx, s, field, n, width, lane)

    @device
    def follow(ctx, one, s, field, energy, n, width):
        for i in range(n):
            for lane in range(width):
                k = i * width + lane
                if one[k] != (s[k] > 0.5):
                    energy[lane] += flip_one(ctx, one, field, n, width, i, lane)

    @device
    def keep_best(ctx, block, offset, one, energy, n, width):
        best = i1(ctx[Ctx.BEST_AT], offset, n * width)
        best_energy = f8(ctx[Ctx.BEST_ENERGY_AT], block[Block.LANE0], width)
        for lane in range(width):
            if energy[lane] < best_energy[lane]:
                best_energy[lane] = energy[lane]
                for k in range(lane, n * width, width):
                    best[k] = one[k]

    @device
    def update_best(ctx, block, offset, s, partial, anew, n, width):
        """Bring the 0/1 state and its energy up to s (which may be overwritten)."""
        one = i1(ctx[Ctx.ONE_AT], offset, n * width)
        field = f8(ctx[Ctx.ONE_FIELD_AT], offset, n * width)
        energy = f8(ctx[Ctx.ONE_ENERGY_AT], block[Block.LANE0], width)
        if anew or block[Block.SYNCED] == 0 or ctx[Ctx.SYMMETRIC] == 0:
            compute_anew(ctx, block, one, s, field, energy, partial, n, width)
            block[Block.SYNCED] = 1
        else:
            follow(ctx, one, s, field, energy, n, width)
        keep_best(ctx, block, offset, one, energy, n, width)

    return update_best


def make_feedback(storage: str, source: Any) -> tuple[Any, Any]:
    """The functions (feedback of a block at a step, energies of all lanes) for a storage of J.

    `source` writes the state s of all cells of a block.
    """
    product = make_product(storage)
    update_best = make_best(product, make_add_column(storage))

    @device
    def feedback(ctx, real, b, step):
        block = block_row(ctx, b)
        n, width = ctx[Ctx.COUPLED_N], block[Block.WIDTH]
        cells, offset = n * width, n * block[Block.LANE0]
        s, current = f8(ctx[Ctx.S_AT], offset, cells), f8(ctx[Ctx.FEEDBACK_CURRENT_AT], offset, cells)
        partial = f8(ctx[Ctx.PARTIAL_AT], 64 * block[Block.LANE0], 64 * width)
        trace = f8(block[Block.TRACE_AT], block[Block.TRACE] * width, width)
        source(ctx, real, b, s, 0, cells, step)
        product(ctx, s, current, partial, n, width, block[Block.LANE0])
        for lane in range(width):
            trace[lane] = lane_energy(ctx, s, current, n, width, lane) + real[Real.OFFSET]
        block[Block.TRACE] += 1
        add_biases(ctx, current, n, width)
        if ctx[Ctx.TERMS] > 0:
            add_terms(ctx, s, current, n, width)
        for lane in range(width):
            rescale(current, cells, width, lane, real[Real.I_MAX])
        anew = (step // ctx[Ctx.FEEDBACK_EVERY]) % RESYNC == 0
        update_best(ctx, block, offset, s, partial, anew, n, width)

    @device
    def refresh(ctx, real):
        """Set ENERGY of every lane to E of the present state."""
        n = ctx[Ctx.COUPLED_N]
        for b in range(ctx[Ctx.BLOCKS]):
            block = block_row(ctx, b)
            width, lane0 = block[Block.WIDTH], block[Block.LANE0]
            s, y = f8(ctx[Ctx.S_AT], n * lane0, n * width), f8(ctx[Ctx.Y_AT], n * lane0, n * width)
            partial = f8(ctx[Ctx.PARTIAL_AT], 64 * lane0, 64 * width)
            energy = f8(ctx[Ctx.ENERGY_AT], lane0, width)
            source(ctx, real, b, s, 0, n * width, block[Block.STEP])
            product(ctx, s, y, partial, n, width, lane0)
            for lane in range(width):
                energy[lane] = lane_energy(ctx, s, y, n, width, lane)
        ctx[Ctx.DIRTY] = 0

    return feedback, refresh
