"""Sweeps over the spins of a block: which of them flip, and what that does to fields, terms and energies."""

from __future__ import annotations

from typing import Any, NamedTuple

from bioasm.vm.jit.calls import carray, pointer
from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import float64, int32, int64
from bioasm.vm.kernels.slots import Ctx
from bioasm.vm.kernels.views import i4, i8
from bioasm.vm.layout import WIDE


class Sweeps(NamedTuple):
    """Sweeps of a single lane, without and with higher-order terms, and of lanes side by side."""

    one: Any
    with_terms: Any
    many: Any


def make_terms(item: Any) -> tuple[Any, Any]:
    """The functions that sum up the terms around a spin, and that turn their products when it flips."""

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

    return around, turn_products


def make_flips(item: Any, around: Any, turn_products: Any) -> tuple[Any, Any]:
    """The functions that decide the flips of one spin in all lanes, without and with higher-order terms."""

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

    return flip_lanes, flip_lanes_with_terms


def make_sweeps(whole: bool, spread_one: Any, spread: Any) -> Sweeps:
    """The sweeps for whole or real fields, and the functions that spread a change over neighbours."""
    item, total = (int32, int64) if whole else (float64, float64)
    around, turn_products = make_terms(item)
    flip_lanes, flip_lanes_with_terms = make_flips(item, around, turn_products)

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

    return Sweeps(sweep_one, sweep_with_terms, sweep_many)
