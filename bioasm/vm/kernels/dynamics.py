"""The kernel of one model's dynamics as a C function: blocks of lanes, energies, and the mean of a variable."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from bioasm.vm.jit import types
from bioasm.vm.jit.calls import carray
from bioasm.vm.jit.entry import compiled
from bioasm.vm.jit.functions import device, intrinsic
from bioasm.vm.jit.types import int64
from bioasm.vm.kernels.slots import Block, Ctx, Real, Status
from bioasm.vm.kernels.views import block_row
from bioasm.vm.layout import PEEK_MEAN, REFRESH

SIGNATURE = types.int64(types.Pointer(types.int64), types.Pointer(types.float64), types.int64)


@intrinsic
def call_dynamics(ctx, real, what):
    """Call the kernel of the dynamics: block `what` to TARGET, REFRESH or PEEK_MEAN; returns a Status."""

    def codegen(b, args):
        tables = [where for where, _ in args[:2]]
        word = ir.IntType(64)
        address = b.load(b.gep(tables[0], [word(int(Ctx.DYNAMICS_AT))]))
        kind = ir.FunctionType(word, [*(table.type for table in tables), word])
        return b.call(b.inttoptr(address, kind.as_pointer()), [*tables, args[2]])

    return int64(ctx, real, int64), codegen


def make_dynamics(advance: Any, refresh: Any, value_of: Any) -> Any:
    """The C function (ctx, real, b): the energies where b is REFRESH, a variable's mean where it is PEEK_MEAN, else block b to
    TARGET; returns a Status."""
    mean_over_lanes = make_mean(value_of)
    table, reals = len(Ctx), len(Real)

    def dynamics_entry(ctx_at, real_at, b):
        ctx, real = carray(ctx_at, table), carray(real_at, reals)
        if b == REFRESH:
            refresh(ctx, real)
            return int64(Status.DONE)
        if b == PEEK_MEAN:
            real[Real.PEEKED] = mean_over_lanes(ctx, real, ctx[Ctx.PEEKED_VARIABLE], ctx[Ctx.PEEKED_NEURON])
            return int64(Status.DONE)
        return int64(advance(ctx, real, b))

    return compiled(dynamics_entry, SIGNATURE)


def make_mean(value_of: Any) -> Any:
    """The function that gives the mean of one neuron's variable over all lanes."""

    @device
    def mean_over_lanes(ctx, real, variable, i):
        total, lanes = 0.0, 0
        for b in range(ctx[Ctx.BLOCKS]):
            block = block_row(ctx, b)
            width = block[Block.WIDTH]
            for lane in range(block[Block.LANES]):
                total += value_of(ctx, real, variable, b, i * width + lane)
            lanes += block[Block.LANES]
        return total / lanes

    return mean_over_lanes
