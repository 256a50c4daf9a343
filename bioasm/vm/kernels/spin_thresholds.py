"""The random thresholds of spins: a spin flips where s f is below the one of its cell and sweep."""

from __future__ import annotations

import math
from typing import Any

from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import float64, int32
from bioasm.vm.kernels.llvm_intrinsics import exponentials, logistics
from bioasm.vm.kernels.random import make_draw_cells
from bioasm.vm.kernels.slots import Block, Ctx, Real
from bioasm.vm.kernels.views import block_row, f4, f8, u1
from bioasm.vm.layout import CHUNK, COLDEST, DRAWN, FARTHEST, WIDE

LARGEST_DRAWN = 24.0  # logistic and exponential numbers of 32-bit words are below ln(2**33) = 22.9


def make_to_thresholds(whole: bool) -> tuple[Any, Any]:
    """The functions that turn random numbers into thresholds, whole ones for whole fields: at one temperature, and at one for
    each lane of a wide block."""

    @device
    def threshold(value):
        if whole:
            return int32(math.ceil(min(max(value, -float64(FARTHEST)), float64(FARTHEST))))
        return value

    @device
    def to_thresholds(limit, drawn, half, first, count):
        if whole and half * LARGEST_DRAWN < FARTHEST:  # nothing to bound: s f < x is s f < ceil(x) for whole s f
            for k in range(count):
                limit[first + k] = int32(math.ceil(half * drawn[k]))
        else:
            for k in range(count):
                limit[first + k] = threshold(half * drawn[k])

    @device
    def to_thresholds_by_lane(limit, drawn, levels, scale, first, count):
        for row in range(0, count, WIDE):
            for lane in range(WIDE):
                half = max(levels[lane], COLDEST) / (2.0 * scale)
                limit[first + row + lane] = threshold(half * drawn[row + lane])

    return to_thresholds, to_thresholds_by_lane


@device
def kept_in_place_of_whole(limit, cells):
    """The second half of an array of int32, as float32."""
    return f4(limit.ctypes.data, cells, cells)


@device
def kept_in_place_of_real(limit, cells):
    """The second half of an array of float64."""
    return limit[cells:]


def make_draw(whole: bool) -> Any:
    """The function that draws the thresholds of a sweep."""
    never = int32(-FARTHEST) if whole else float64(-math.inf)
    to_thresholds, to_thresholds_by_lane = make_to_thresholds(whole)
    draw_logistic, draw_exponential = make_draw_cells(logistics), make_draw_cells(exponentials)
    kept_in = kept_in_place_of_whole if whole else kept_in_place_of_real

    @device
    def hold_clamped(ctx, limit, n, width):
        hold = u1(ctx[Ctx.HOLD_AT], 0, n)
        for i in range(n):
            if hold[i] == 1:
                for k in range(i * width, (i + 1) * width):
                    limit[k] = never

    @device
    def convert(ctx, real, b, limit, numbers, first, count, width):
        """Thresholds of some cells from their random numbers, at the temperature of each lane."""
        levels = f8(ctx[Ctx.LEVEL_AT], block_row(ctx, b)[Block.LANE0] * ctx[Ctx.BY_LANE], width)
        if ctx[Ctx.BY_LANE] == 1 and width == WIDE:
            to_thresholds_by_lane(limit, numbers, levels, real[Real.SCALE], first, count)
        else:
            level = levels[0] if ctx[Ctx.BY_LANE] == 1 else real[Real.NOISE]
            to_thresholds(limit, numbers, max(level, COLDEST) / (2.0 * real[Real.SCALE]), first, count)

    @device
    def draw_pair(ctx, real, b, limit, kept, step, cells, width):
        """Draw the numbers of the two sweeps that `step` belongs to: thresholds of its own, and the odd sweep's kept."""
        drawn = f4(ctx[Ctx.DRAWN_AT], 2 * DRAWN * b, 2 * DRAWN)
        for first in range(0, cells, CHUNK):
            count = min(CHUNK, cells - first)
            if ctx[Ctx.RULE] == 0:
                draw_logistic(ctx, b, drawn, first, count, step >> 1)
            else:
                draw_exponential(ctx, b, drawn, first, count, step >> 1)
            convert(ctx, real, b, limit, drawn[DRAWN * (step & 1) :], first, count, width)
            for k in range(count):
                kept[first + k] = drawn[DRAWN + k]

    @device
    def draw(ctx, real, b, limit, pair, step, n, width):
        """The thresholds of a sweep, in the first half of `limit`; a clamped spin never flips.

        The numbers of the odd sweep stay in the other half until then, also from one RUN to the next; `pair` tells which.
        """
        cells = n * width
        kept = kept_in(limit, cells)
        if step & 1 == 1 and pair[0] == (step >> 1) + 1:
            convert(ctx, real, b, limit, kept, 0, cells, width)
        else:
            draw_pair(ctx, real, b, limit, kept, step, cells, width)
            pair[0] = (step >> 1) + 1
        if ctx[Ctx.CLAMPED] == 1:
            hold_clamped(ctx, limit, n, width)

    return draw
