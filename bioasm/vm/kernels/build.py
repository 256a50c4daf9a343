"""Compilation of one kernel: the machine's loop with one model and one storage of J inlined, as a C function."""

from __future__ import annotations

from typing import Any

from bioasm.vm.kernels.control import make_entry
from bioasm.vm.kernels.ising import make_ising
from bioasm.vm.kernels.network import make_network


def build(model: str, storage: str, variant: str) -> Any:
    """The compiled cfunc of a kernel.

    For `ising`, `variant` is `whole` or `real` fields. For `network` it is the number of white noises, a colon and
    the generated source; `storage` is then empty where no population has feedback.
    """
    if model == "ising":
        return make_entry(*make_ising(storage, variant == "whole"))
    noises, _, source = variant.partition(":")
    return make_entry(*make_network(source, int(noises), storage or None))
