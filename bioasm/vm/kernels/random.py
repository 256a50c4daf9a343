"""Random numbers for a stretch of cells and two steps, drawn by whole vectors."""

from __future__ import annotations

from typing import Any

from bioasm.vm.jit.functions import device
from bioasm.vm.kernels.llvm_intrinsics import make_numbers, make_words, normals
from bioasm.vm.kernels.slots import Block, Ctx
from bioasm.vm.kernels.views import block_row
from bioasm.vm.layout import DRAWN, WIDE

one_lane_words, wide_words = make_words(wide=False), make_words(wide=True)


@device
def draw_words(block, key0_at, key1_at, even_at, odd_at, first, count, pair):
    """Random words for `count` cells from cell `first` of a block, and for the rest of the last vector."""
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
        block, even_at = block_row(ctx, b), buffer.ctypes.data
        odd_at = even_at + 4 * DRAWN
        key0_at, key1_at = ctx[Ctx.KEY0_AT] + 4 * block[Block.LANE0], ctx[Ctx.KEY1_AT] + 4 * block[Block.LANE0]
        draw_words(block, key0_at, key1_at, even_at, odd_at, first, count, pair)
        for at in range(0, count, WIDE):
            turn_into_numbers(even_at + 4 * at, odd_at + 4 * at)

    return draw_cells


_turn_into_normals = make_numbers(normals)


@device
def draw_normals(ctx, b, buffer, first, count, pair, stream):
    """Normal numbers of the white noise `stream` for both steps of a pair, as `make_draw_cells` has them."""
    block, even_at = block_row(ctx, b), buffer.ctypes.data
    odd_at = even_at + 4 * DRAWN
    lane0, places = 4 * block[Block.LANE0], 4 * ctx[Ctx.PLACES]
    key0_at, key1_at = ctx[Ctx.KEY0_AT] + lane0, ctx[Ctx.KEY1_AT] + lane0
    if stream > 0:
        key0_at = ctx[Ctx.NOISE_KEY_AT] + (2 * stream - 2) * places + lane0
        key1_at = key0_at + places
    draw_words(block, key0_at, key1_at, even_at, odd_at, first, count, pair)
    for at in range(0, count, WIDE):
        _turn_into_normals(even_at + 4 * at, odd_at + 4 * at)
