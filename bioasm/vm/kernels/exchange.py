"""Component exchange between lanes: a heat bath over the swaps of connected components of the difference of two states.

Where the states of two lanes differ, the couplings cut the spins into connected components. Swapping one component moves
energy from one lane to the other by an amount that does not depend on the others, so that drawing each swap by itself, with
the probability 1 / (1 + exp((1/Ta - 1/Tb) delta)), is a Gibbs step of both lanes at their own temperatures.
"""

from __future__ import annotations

from typing import Any

from bioasm.vm.jit.calls import carray
from bioasm.vm.jit.entry import compiled
from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import float64, int64
from bioasm.vm.kernels.dynamics import SIGNATURE
from bioasm.vm.kernels.llvm_intrinsics import logistics, make_numbers
from bioasm.vm.kernels.merge import UNSEEN, label_difference, make_component
from bioasm.vm.kernels.random import one_lane_words
from bioasm.vm.kernels.slots import Ctx, Real, Status
from bioasm.vm.kernels.views import f4, f8, i1, i4, u1
from bioasm.vm.layout import COLDEST, DRAWN

_turn_into_logistics = make_numbers(logistics)


@device
def logistic(ctx, lane, vertex):
    """The logistic number of a pair's lower lane, the lowest spin of a component, and how many exchanges there were."""
    even_at, count = ctx[Ctx.DRAWN_AT], ctx[Ctx.EXCHANGES]
    odd_at, key_at = even_at + 4 * DRAWN, ctx[Ctx.EXCHANGE_KEY_AT] + 4 * lane
    one_lane_words(key_at, key_at + 4 * ctx[Ctx.PLACES], vertex, count >> 1, even_at, odd_at)
    _turn_into_logistics(even_at, odd_at)
    return float64(f4(odd_at if count & 1 else even_at, 0, 1)[0])


@device
def any_held(ctx, queue, size, n):
    """Whether a component has a clamped spin, which no lane gives away."""
    hold = u1(ctx[Ctx.HOLD_AT], 0, n)
    found = False
    for k in range(size):
        found |= hold[queue[k]] == 1
    return found


@device
def swap(lower, upper, queue, size):
    """Swap spins of two states in which they differ: both flip, also where one was seen as its complement."""
    for k in range(size):
        lower[queue[k]], upper[queue[k]] = -lower[queue[k]], -upper[queue[k]]


def make_exchange_pair(storage: str, whole: bool) -> Any:
    """The function that exchanges components of one pair of lanes."""
    component = make_component(storage, whole)

    @device
    def exchange_pair(ctx, real, lower, upper, label, queue, n, lane, colder, product):
        """`colder` is Tb - Ta, and `product` is Ta Tb: a component is swapped where `colder` times delta is less than
        `product` times a logistic number."""
        sign = -1 if ctx[Ctx.EXCHANGE_MIRRORED] == 1 and logistic(ctx, lane, n) >= 0.0 else 1
        if label_difference(lower, upper, label, n, 1, 0, sign) == 0:
            return
        mark = 2
        for i in range(n):
            if label[i] == UNSEEN:
                size, half = component(ctx, i, mark, lower, label, queue, n, 1, 0)
                delta = 2.0 * real[Real.SCALE] * half
                held = ctx[Ctx.CLAMPED] == 1 and any_held(ctx, queue, size, n)
                if not held and colder * delta < product * logistic(ctx, lane, i):
                    swap(lower, upper, queue, size)
                mark += 1

    return exchange_pair


def make_exchange(storage: str, whole: bool) -> Any:
    """The C function (ctx, real, phase): exchanges components of the lanes phase and phase + 1, phase + 2 and phase + 3, ..."""
    exchange_pair, table, reals = make_exchange_pair(storage, whole), len(Ctx), len(Real)

    def exchange_entry(ctx_at, real_at, phase):
        ctx, real = carray(ctx_at, table), carray(real_at, reals)
        n, lanes = ctx[Ctx.N], ctx[Ctx.EXCHANGE_LANES]
        label, queue = i4(ctx[Ctx.MERGE_LABEL_AT], 0, n), i4(ctx[Ctx.MERGE_QUEUE_AT], 0, n)
        level = f8(ctx[Ctx.EXCHANGE_LEVEL_AT], 0, lanes)
        for lane in range(phase, lanes - 1, 2):
            lower, upper = i1(ctx[Ctx.EXCHANGE_ROW_AT], n * lane, n), i1(ctx[Ctx.EXCHANGE_ROW_AT], n * (lane + 1), n)
            product = max(level[lane] * level[lane + 1], COLDEST)
            exchange_pair(ctx, real, lower, upper, label, queue, n, lane, level[lane + 1] - level[lane], product)
        return int64(Status.DONE)

    return compiled(exchange_entry, SIGNATURE)
