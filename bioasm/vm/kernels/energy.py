"""The energy E = -1/2 s'Js - h's - terms of one lane's states s."""

from __future__ import annotations

from bioasm.vm.jit.functions import device
from bioasm.vm.kernels.slots import Ctx
from bioasm.vm.kernels.views import f8, i4, i8


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
