"""The random thresholds of spins: a spin flips where s f is below the one of its cell and sweep."""

from __future__ import annotations

import math
from typing import Any

from numba import float64, int32

from bioasm.vm.kernels.device import device
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


def make_draw(whole: bool) -> Any:
    """The function that draws the thresholds of two sweeps."""
    never = int32(-FARTHEST) if whole else float64(-math.inf)
    to_thresholds, to_thresholds_by_lane = make_to_thresholds(whole)
    draw_logistic, draw_exponential = make_draw_cells(logistics), make_draw_cells(exponentials)

    @device
    def hold_clamped(ctx, low, high, n, width):
        hold = u1(ctx[Ctx.HOLD_AT], 0, n)
        for i in range(n):
            if hold[i] == 1:
                for k in range(i * width, (i + 1) * width):
                    low[k] = high[k] = never

    @device
    def draw(ctx, real, b, limit, step, n, width):
        """The thresholds of the two sweeps that `step` belongs to; a clamped spin's lets it never flip."""
        cells = n * width
        drawn = f4(ctx[Ctx.DRAWN_AT], 2 * DRAWN * b, 2 * DRAWN)
        levels = f8(ctx[Ctx.LEVEL_AT], block_row(ctx, b)[Block.LANE0] * ctx[Ctx.BY_LANE], width)
        side_by_side = ctx[Ctx.BY_LANE] == 1 and width == WIDE
        level = levels[0] if ctx[Ctx.BY_LANE] == 1 else real[Real.NOISE]
        half = max(level, COLDEST) / (2.0 * real[Real.SCALE])
        low, high = limit[:cells], limit[cells:]
        for first in range(0, cells, CHUNK):
            count = min(CHUNK, cells - first)
            if ctx[Ctx.RULE] == 0:
                draw_logistic(ctx, b, drawn, first, count, step >> 1)
            else:
                draw_exponential(ctx, b, drawn, first, count, step >> 1)
            if side_by_side:
                to_thresholds_by_lane(low, drawn, levels, real[Real.SCALE], first, count)
                to_thresholds_by_lane(high, drawn[DRAWN:], levels, real[Real.SCALE], first, count)
            else:
                to_thresholds(low, drawn, half, first, count)
                to_thresholds(high, drawn[DRAWN:], half, first, count)
        if ctx[Ctx.CLAMPED] == 1:
            hold_clamped(ctx, low, high, n, width)

    return draw
