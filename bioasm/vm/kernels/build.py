"""Compilation of one kernel: the machine's loop with one model and one storage of J inlined, as a C function."""

from __future__ import annotations

from typing import Any

from bioasm.vm.kernels.control import make_entry
from bioasm.vm.kernels.ising import make_ising
from bioasm.vm.kernels.lif import make_lif


def build(model: str, storage: str, variant: str) -> Any:
    """The compiled cfunc of a kernel. `variant` is `uniform` or `own` parameters (LIF), `whole` or `real` fields (Ising)."""
    if model == "ising":
        return make_entry(*make_ising(storage, variant == "whole"))
    return make_entry(*make_lif(storage, variant == "uniform"))
