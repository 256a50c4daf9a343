"""Random numbers for a stretch of cells and two steps, drawn by whole vectors."""

from __future__ import annotations

from typing import Any

from bioasm.vm.kernels.access import block_row
from bioasm.vm.kernels.device import device
from bioasm.vm.kernels.emit import make_draw
from bioasm.vm.layout import DRAWN, WIDE, Block, Ctx


def make_draw_cells(numbers: Any) -> Any:
    """The function (ctx, block number, buffer, first cell, count, pair of steps) that fills the even half of the buffer
    with numbers for the pair's even step and the odd half with those for its odd step."""
    one_lane, many_lanes = make_draw(numbers, wide=False), make_draw(numbers, wide=True)

    @device
    def draw_cells(ctx, b, buffer, first, count, pair):
        block = block_row(ctx, b)
        key0_at, key1_at = ctx[Ctx.KEY0_AT] + 4 * block[Block.LANE0], ctx[Ctx.KEY1_AT] + 4 * block[Block.LANE0]
        even_at = buffer.ctypes.data
        odd_at = even_at + 4 * DRAWN
        if block[Block.WIDTH] == 1:
            for at in range(0, count, 2 * WIDE):
                one_lane(key0_at, key1_at, first + at, pair, even_at + 4 * at, odd_at + 4 * at)
        else:
            for at in range(0, count, 2 * WIDE):
                many_lanes(key0_at, key1_at, (first + at) // WIDE, pair, even_at + 4 * at, odd_at + 4 * at)

    return draw_cells
