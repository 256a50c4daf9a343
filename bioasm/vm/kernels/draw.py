"""Random numbers for a stretch of cells and two steps, drawn by whole vectors."""

from __future__ import annotations

from typing import Any

from bioasm.vm.kernels.access import block_row
from bioasm.vm.kernels.device import device
from bioasm.vm.kernels.emit import make_numbers, make_words
from bioasm.vm.layout import DRAWN, WIDE, Block, Ctx

one_lane_words, wide_words = make_words(wide=False), make_words(wide=True)


@device
def draw_words(ctx, b, even_at, odd_at, first, count, pair):
    """Random words for `count` cells from cell `first` of block b, and for the rest of the last vector."""
    block = block_row(ctx, b)
    key0_at, key1_at = ctx[Ctx.KEY0_AT] + 4 * block[Block.LANE0], ctx[Ctx.KEY1_AT] + 4 * block[Block.LANE0]
    if block[Block.WIDTH] == 1:
        for at in range(0, count, WIDE):
            one_lane_words(key0_at, key1_at, first + at, pair, even_at + 4 * at, odd_at + 4 * at)
    else:
        for at in range(0, count, WIDE):
            wide_words(key0_at, key1_at, (first + at) // WIDE, pair, even_at + 4 * at, odd_at + 4 * at)


def make_draw_cells(numbers: Any) -> Any:
    """The function (ctx, block number, buffer, first cell, count, pair of steps) that fills the even half of the buffer
    with numbers for the pair's even step and the odd half with those for its odd step.

    Words and numbers are made in two loops: each chain of operations is short enough for the processor to work on several
    vectors at a time.
    """
    turn_into_numbers = make_numbers(numbers)

    @device
    def draw_cells(ctx, b, buffer, first, count, pair):
        even_at = buffer.ctypes.data
        odd_at = even_at + 4 * DRAWN
        draw_words(ctx, b, even_at, odd_at, first, count, pair)
        for at in range(0, count, WIDE):
            turn_into_numbers(even_at + 4 * at, odd_at + 4 * at)

    return draw_cells
