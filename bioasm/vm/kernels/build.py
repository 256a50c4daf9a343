"""Compilation of one kernel as a C function: the loop that executes programs, or one model's dynamics for one storage of J."""

from __future__ import annotations

from bioasm.vm.jit.entry import Native
from bioasm.vm.kernels.blocks import make_blocks
from bioasm.vm.kernels.control import make_loop
from bioasm.vm.kernels.dynamics import make_dynamics
from bioasm.vm.kernels.exchange import make_exchange
from bioasm.vm.kernels.ising import make_ising
from bioasm.vm.kernels.merge import make_merge
from bioasm.vm.kernels.network import make_network


def build(model: str, storage: str, variant: str) -> Native:
    """A kernel as object code.

    For `machine`, the loop, and `blocks`, that of BLK, the other two are empty. For `ising`, and for `merge` and `exchange`,
    which go with it, `variant` is the kind of
    fields: `real`, `whole`, or `packed` whole ones. For `network` it is the generated source; `storage` is then empty
    where no population has feedback.
    """
    if model == "machine":
        return make_loop()
    if model == "blocks":
        return make_blocks()
    if model == "exchange":
        return make_exchange(storage, variant == "whole")
    if model == "merge":
        return make_merge(storage, variant == "whole")
    if model == "ising":
        return make_dynamics(*make_ising(storage, variant))
    return make_dynamics(*make_network(variant, storage or None))
