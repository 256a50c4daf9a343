"""Ising spins: sequential single-spin sweeps of one block of lanes, with local fields kept up to date.

A spin flips where s f < thr, with f its local field and thr = T e / 2 from a logistic (Glauber) or exponential (Metropolis)
number e (bioasm/models/library/ising.basm has the rules). Fields are int32 where couplings and biases are whole
multiples of one power of two, so that nothing is rounded, and float64 otherwise. Beside a J of bytes single lanes are swept in
fields of 16 bits where all of them fit (`narrow_spins.py`).
"""

from __future__ import annotations

from typing import Any

from bioasm.vm.jit.calls import carray, pointer
from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import float64, int32, int64
from bioasm.vm.kernels.narrow_spins import begin_narrow, end_narrow, sweep_narrow, take_thresholds
from bioasm.vm.kernels.neighbours import make_neighbours
from bioasm.vm.kernels.packed_spins import forget_packs, make_packed
from bioasm.vm.kernels.sample import make_sampling, room_for_samples, room_for_trace
from bioasm.vm.kernels.slots import Block, Ctx, Real, Status
from bioasm.vm.kernels.spin_energy import keep_best, make_compute_anew, note_energy
from bioasm.vm.kernels.spin_sweep import make_sweeps
from bioasm.vm.kernels.spin_thresholds import make_draw
from bioasm.vm.kernels.views import block_row, f8, i1, i8
from bioasm.vm.layout import RESYNC


@device
def spin_of(ctx, real, variable, b, k):
    """The spin of a cell of block b; spins have no other variable."""
    return float(i1(ctx[Ctx.SPIN_AT], ctx[Ctx.N] * block_row(ctx, b)[Block.LANE0], k + 1)[k])


def _numbers(whole: bool) -> tuple[Any, int, Any]:
    """The type of fields, its bytes, and the type of a sweep's change of energy."""
    return (int32, 4, int64) if whole else (float64, 8, float64)


def make_sweep(storage: str, whole: bool, spread_one: Any, spread: Any) -> Any:
    """The function that sweeps a block once."""
    item, size, total = _numbers(whole)
    sweep_one, sweep_with_terms, sweep_many = make_sweeps(whole, spread_one, spread)
    narrow = _may_be_narrow(storage, whole)

    @device
    def sweep(ctx, real, b, spin, field, limit):
        """One sweep of a block's lanes, whose thresholds are `limit`, and what it does to their energies."""
        block = block_row(ctx, b)
        n, width, terms = ctx[Ctx.N], block[Block.WIDTH], ctx[Ctx.TERMS]
        delta = carray(pointer(ctx[Ctx.DELTA_AT] + size * block[Block.LANE0], item), width)
        product = i1(ctx[Ctx.PRODUCT_AT], terms * block[Block.LANE0], terms * width)
        energy = f8(ctx[Ctx.ENERGY_AT], block[Block.LANE0], width)
        if width == 1:
            if narrow and ctx[Ctx.NARROW] > 0:
                half = sweep_narrow(ctx, b, spin, n)
            elif terms > 0:
                half = sweep_with_terms(ctx, spin, field, limit, delta, product, n)
            else:
                half = sweep_one(ctx, spin, field, limit, n)
            energy[0] += 2.0 * real[Real.SCALE] * half
        else:
            change = carray(pointer(ctx[Ctx.CHANGE_AT] + 8 * block[Block.LANE0], total), width)
            sweep_many(ctx, spin, field, limit, delta, product, change, n)
            for lane in range(width):
                energy[lane] += 2.0 * real[Real.SCALE] * change[lane]

    return sweep


def _may_be_narrow(storage: str, whole: bool) -> bool:
    """Whether there are kernels in fields of 16 bits, which the couplings then decide about."""
    return whole and storage == "dense-i1"


def make_advance(storage: str, whole: bool, sweep: Any, compute_anew: Any, take_samples: Any) -> Any:
    """The function that sweeps a block until TARGET."""
    item, size, _ = _numbers(whole)
    draw, narrow = make_draw(whole), _may_be_narrow(storage, whole)

    @device
    def sweep_to_target(ctx, real, b, spin, field):
        """The sweeps of `advance`."""
        block = block_row(ctx, b)
        n, width = ctx[Ctx.N], block[Block.WIDTH]
        offset, cells = n * block[Block.LANE0], n * width
        limit = carray(pointer(ctx[Ctx.THRESHOLD_AT] + 2 * size * offset, item), 2 * cells)
        pair = i8(ctx[Ctx.THRESHOLD_AT] + 2 * size * n * ctx[Ctx.PLACES], b, 1)
        while block[Block.STEP] < ctx[Ctx.TARGET]:
            step = block[Block.STEP]
            if not (room_for_trace(block) and room_for_samples(ctx, b)):
                return Status.DRAIN
            take_samples(ctx, real, b, step)
            if not whole and step % RESYNC == 0:
                compute_anew(ctx, real, block, offset, n, width)
            draw(ctx, real, b, limit, pair, step, n, width)
            if narrow and ctx[Ctx.NARROW] > 0:
                take_thresholds(ctx, b, limit, n)
            sweep(ctx, real, b, spin, field, limit[:cells])
            keep_best(ctx, block, offset, n, width)
            note_energy(ctx, real, block, width)
            block[Block.STEP] = step + 1
        return Status.DONE

    @device
    def advance(ctx, real, b):
        """Sweep block `b` until TARGET; DONE, or DRAIN where a buffer is full."""
        block = block_row(ctx, b)
        offset, cells = ctx[Ctx.N] * block[Block.LANE0], ctx[Ctx.N] * block[Block.WIDTH]
        spin = i1(ctx[Ctx.SPIN_AT], offset, cells)
        field = carray(pointer(ctx[Ctx.FIELD_AT] + size * offset, item), cells)
        if narrow and ctx[Ctx.NARROW] > 0:
            begin_narrow(ctx, b, field, spin, cells)
        status = sweep_to_target(ctx, real, b, spin, field)
        if narrow and ctx[Ctx.NARROW] > 0:
            end_narrow(ctx, b, field, cells)
        return status

    return advance


def make_ising(storage: str, fields: str) -> tuple[Any, Any, Any]:
    """The functions (advance a block, energies of all lanes, a cell's spin) for a storage of J and a kind of fields: `real`,
    `whole` (int32) or `packed` (bytes, see `packed_spins.py`)."""
    whole, packed = fields != "real", fields == "packed"
    spread_one, spread, coupling_fields = make_neighbours(storage, whole)
    compute_anew, take_samples = make_compute_anew(whole, coupling_fields), make_sampling(spin_of)

    @device
    def refresh(ctx, real):
        """Where couplings or spins were changed: fields and energies anew, and the state before the first sweep as best."""
        if ctx[Ctx.DIRTY] == 0:
            return
        for b in range(ctx[Ctx.BLOCKS]):
            block = block_row(ctx, b)
            offset = ctx[Ctx.N] * block[Block.LANE0]
            compute_anew(ctx, real, block, offset, ctx[Ctx.N], block[Block.WIDTH])
            keep_best(ctx, block, offset, ctx[Ctx.N], block[Block.WIDTH])
        if packed:
            forget_packs(ctx)
        ctx[Ctx.DIRTY] = 0

    if packed:
        return make_packed(take_samples), refresh, spin_of
    sweep = make_sweep(storage, whole, spread_one, spread)
    return make_advance(storage, whole, sweep, compute_anew, take_samples), refresh, spin_of
