"""The best 0/1 state seen of a network with feedback: s > 0.5, its energy, and how both follow single neurons."""

from __future__ import annotations

from typing import Any

from bioasm.vm.jit.functions import device
from bioasm.vm.kernels.energy import lane_energy
from bioasm.vm.kernels.slots import Block, Ctx
from bioasm.vm.kernels.views import f8, i1, i4, i8


@device
def terms_around(ctx, one, i, lane, n, width):
    """The sum of the terms of neuron i whose other neurons are all 1."""
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


def make_flip(add_column: Any) -> Any:
    """The function that turns one neuron over, and its field's neighbours with it."""

    @device
    def flip_one(ctx, one, own, n, width, i, lane):
        """Turn one neuron's 0/1 over in a lane, given its fields own = J one (n,); returns the change of energy. J must be
        symmetric."""
        k = i * width + lane
        sign = 1.0 if one[k] == 0 else -1.0
        h = f8(ctx[Ctx.H_AT], 0, n)
        change = -sign * (own[i] + h[i])
        if ctx[Ctx.TERMS] > 0:
            change -= sign * terms_around(ctx, one, i, lane, n, width)
        change -= 0.5 * add_column(ctx, own, n, i, sign)
        one[k] = 1 - one[k]
        return change

    return flip_one


@device
def keep_best(ctx, block, offset, one, energy, n, width):
    """Keep the states of lanes whose energy is lower than any before."""
    best = i1(ctx[Ctx.BEST_AT], offset, n * width)
    best_energy = f8(ctx[Ctx.BEST_ENERGY_AT], block[Block.LANE0], width)
    for lane in range(width):
        if energy[lane] < best_energy[lane]:
            best_energy[lane] = energy[lane]
            for k in range(lane, n * width, width):
                best[k] = one[k]


@device
def transpose(rows, columns, n, width):
    """Write the transpose of a matrix (n, width) in rows."""
    for lane in range(width):
        for i in range(n):
            columns[lane * n + i] = rows[i * width + lane]


def make_best(product: Any, add_column: Any) -> Any:
    """The function that follows the energy of the 0/1 state s > 0.5 and keeps the best."""
    flip_one = make_flip(add_column)

    @device
    def compute_anew(ctx, block, one, s, field, energy, scratch, n, width):
        """The 0/1 state, its fields and energies from s, which is overwritten."""
        for k in range(n * width):
            one[k] = s[k] > 0.5
            s[k] = one[k]
        product(ctx, s, field, scratch, n, width, block[Block.LANE0])
        for lane in range(width):
            energy[lane] = lane_energy(ctx, s, field, n, width, lane)

    @device
    def follow(ctx, one, s, field, energy, n, width, lane0):
        """Turn over the neurons that have changed since the last time.

        The fields of a lane are brought side by side, where a column of J is added to them. Neurons are visited one by one in
        all lanes, since their columns of J come from afar.
        """
        own = field if width == 1 else f8(ctx[Ctx.Y_AT], n * lane0, n * width)
        if width > 1:
            transpose(field, own, n, width)
        for i in range(n):
            for lane in range(width):
                k = i * width + lane
                if one[k] != (s[k] > 0.5):
                    energy[lane] += flip_one(ctx, one, own[lane * n : lane * n + n], n, width, i, lane)
        if width > 1:
            transpose(own, field, width, n)

    @device
    def update_best(ctx, block, offset, s, scratch, anew, n, width):
        """Bring the 0/1 state and its energy up to s (which may be overwritten)."""
        one = i1(ctx[Ctx.ONE_AT], offset, n * width)
        field = f8(ctx[Ctx.ONE_FIELD_AT], offset, n * width)
        energy = f8(ctx[Ctx.ONE_ENERGY_AT], block[Block.LANE0], width)
        if anew or block[Block.SYNCED] == 0 or ctx[Ctx.SYMMETRIC] == 0:
            compute_anew(ctx, block, one, s, field, energy, scratch, n, width)
            block[Block.SYNCED] = 1
        else:
            follow(ctx, one, s, field, energy, n, width, block[Block.LANE0])
        keep_best(ctx, block, offset, one, energy, n, width)

    return update_best
