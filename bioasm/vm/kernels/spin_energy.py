"""Energies of spins: computed anew from all couplings and terms, and the best state seen."""

from __future__ import annotations

from typing import Any

from bioasm.vm.jit.calls import carray, pointer
from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import float64, int32, int64
from bioasm.vm.kernels.slots import Block, Ctx, Real
from bioasm.vm.kernels.views import f8, i1, i4, i8


def make_compute_terms(whole: bool) -> Any:
    """The function that computes the products of all terms and takes their sum off the energies."""
    item, total = (int32, int64) if whole else (float64, float64)

    @device
    def compute_terms(ctx, real, block, spin, energy, width):
        terms = ctx[Ctx.TERMS]
        start = i8(ctx[Ctx.TERM_START_AT], 0, terms + 1)
        index = i4(ctx[Ctx.TERM_INDEX_AT], 0, start[terms])
        weight = carray(pointer(ctx[Ctx.TERM_VALUE_AT], item), terms)
        product = i1(ctx[Ctx.PRODUCT_AT], terms * block[Block.LANE0], terms * width)
        for lane in range(width):
            sum_of_terms = total(0)
            for t in range(terms):
                sign = 1
                for a in range(start[t], start[t + 1]):
                    sign *= spin[index[a] * width + lane]
                product[t * width + lane] = sign
                sum_of_terms += weight[t] * sign
            energy[lane] -= real[Real.SCALE] * sum_of_terms

    return compute_terms


def make_compute_anew(whole: bool, coupling_fields: Any) -> Any:
    """The function that computes a block's fields, products of terms and energies from its spins."""
    item, size, total = (int32, 4, int64) if whole else (float64, 8, float64)
    compute_terms = make_compute_terms(whole)

    @device
    def compute_anew(ctx, real, block, offset, n, width):
        spin = i1(ctx[Ctx.SPIN_AT], offset, n * width)
        field = carray(pointer(ctx[Ctx.FIELD_AT] + size * offset, item), n * width)
        h = carray(pointer(ctx[Ctx.H_AT], item), n)
        for k in range(n * width):
            field[k] = item(0)
        coupling_fields(ctx, spin, field, n, width)
        energy = f8(ctx[Ctx.ENERGY_AT], block[Block.LANE0], width)
        for lane in range(width):
            twice = total(0)
            for i in range(n):
                k = i * width + lane
                twice += spin[k] * (field[k] + 2 * h[i])
            energy[lane] = real[Real.CONSTANT] - 0.5 * real[Real.SCALE] * twice
        for i in range(n):
            for lane in range(width):
                field[i * width + lane] += h[i]
        if ctx[Ctx.TERMS] > 0:
            compute_terms(ctx, real, block, spin, energy, width)

    return compute_anew


@device
def keep_best(ctx, block, offset, n, width):
    """Keep the states of lanes whose energy is lower than any before."""
    spin, best = i1(ctx[Ctx.SPIN_AT], offset, n * width), i1(ctx[Ctx.BEST_AT], offset, n * width)
    energy = f8(ctx[Ctx.ENERGY_AT], block[Block.LANE0], width)
    best_energy = f8(ctx[Ctx.BEST_ENERGY_AT], block[Block.LANE0], width)
    for lane in range(width):
        if energy[lane] < best_energy[lane]:
            best_energy[lane] = energy[lane]
            if width == 1:
                best[:] = spin
            else:
                for k in range(lane, n * width, width):
                    best[k] = spin[k]


@device
def note_energy(ctx, real, block, width):
    """Write the lanes' energies into the trace."""
    energy = f8(ctx[Ctx.ENERGY_AT], block[Block.LANE0], width)
    trace = f8(block[Block.TRACE_AT], block[Block.TRACE] * width, width)
    for lane in range(width):
        trace[lane] = energy[lane] + real[Real.OFFSET]
    block[Block.TRACE] += 1
