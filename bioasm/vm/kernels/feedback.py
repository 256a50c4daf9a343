"""The feedback J s + h of a population: states to currents and their rescaling, with the energies on the way."""

from __future__ import annotations

from typing import Any

from bioasm.vm.jit.functions import device
from bioasm.vm.kernels.best import make_best
from bioasm.vm.kernels.energy import lane_energy
from bioasm.vm.kernels.product import add_biases, make_add_column, make_product, make_product_of_bits
from bioasm.vm.kernels.slots import Block, Ctx, Real
from bioasm.vm.kernels.views import block_row, f8, i4, i8
from bioasm.vm.layout import LANE_SCRATCH, RESYNC


@device
def scratch_of(ctx, lane0, width):
    """Scratch memory of the matrix products of `width` lanes from `lane0` on."""
    return f8(ctx[Ctx.PARTIAL_AT], LANE_SCRATCH * lane0, LANE_SCRATCH * width)


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
def rescale(current, cells, width, lane, limit):
    """Scale one lane's current down so that no neuron's is above `limit`."""
    largest = 0.0
    for k in range(lane, cells, width):
        largest = max(largest, abs(current[k]))
    if largest > limit:
        factor = limit / largest
        for k in range(lane, cells, width):
            current[k] *= factor


def make_feedback(storage: str, source: Any) -> tuple[Any, Any]:
    """The functions (feedback of a block at a step, energies of all lanes) for a storage of J.

    `source` writes the state s of all cells of a block.
    """
    product = make_product(storage)
    update_best = make_best(make_product_of_bits(storage, product), make_add_column(storage))

    @device
    def feedback(ctx, real, b, step):
        block = block_row(ctx, b)
        n, width = ctx[Ctx.COUPLED_N], block[Block.WIDTH]
        cells, offset = n * width, n * block[Block.LANE0]
        s, current = f8(ctx[Ctx.S_AT], offset, cells), f8(ctx[Ctx.FEEDBACK_CURRENT_AT], offset, cells)
        scratch = scratch_of(ctx, block[Block.LANE0], width)
        trace = f8(block[Block.TRACE_AT], block[Block.TRACE] * width, width)
        source(ctx, real, b, s, 0, cells, step)
        anew = (step // ctx[Ctx.FEEDBACK_EVERY]) % RESYNC == 0
        if ctx[Ctx.FOLLOWED] == 1:
            update_best(ctx, block, offset, s, scratch, anew, n, width)
            current[:] = f8(ctx[Ctx.ONE_FIELD_AT], offset, cells)
        else:
            product(ctx, s, current, scratch, n, width, block[Block.LANE0])
        for lane in range(width):
            trace[lane] = lane_energy(ctx, s, current, n, width, lane) + real[Real.OFFSET]
        block[Block.TRACE] += 1
        add_biases(ctx, current, n, width)
        if ctx[Ctx.TERMS] > 0:
            add_terms(ctx, s, current, n, width)
        for lane in range(width):
            rescale(current, cells, width, lane, real[Real.I_MAX])
        if ctx[Ctx.FOLLOWED] == 0:
            update_best(ctx, block, offset, s, scratch, anew, n, width)

    @device
    def refresh(ctx, real):
        """Set ENERGY of every lane to E of the present state."""
        n = ctx[Ctx.COUPLED_N]
        for b in range(ctx[Ctx.BLOCKS]):
            block = block_row(ctx, b)
            width, lane0 = block[Block.WIDTH], block[Block.LANE0]
            s, y = f8(ctx[Ctx.S_AT], n * lane0, n * width), f8(ctx[Ctx.Y_AT], n * lane0, n * width)
            scratch = scratch_of(ctx, lane0, width)
            energy = f8(ctx[Ctx.ENERGY_AT], lane0, width)
            source(ctx, real, b, s, 0, n * width, block[Block.STEP])
            product(ctx, s, y, scratch, n, width, lane0)
            for lane in range(width):
                energy[lane] = lane_energy(ctx, s, y, n, width, lane)
        ctx[Ctx.DIRTY] = 0

    return feedback, refresh
