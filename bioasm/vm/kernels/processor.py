"""The vector registers of the processor that kernels are compiled for: this one, or the one that numba is told of."""

from __future__ import annotations

from numba.core import config
from numba.core.codegen import get_host_cpu_features


def _features() -> frozenset[str]:
    """The names of what the processor can do, as LLVM spells them."""
    told = config.CPU_FEATURES if config.CPU_FEATURES is not None else get_host_cpu_features()
    return frozenset(name[1:] for name in told.split(",") if name.startswith("+"))


def register_bits() -> int:
    """Bits of a register of which float64 and 16-bit whole numbers are multiplied side by side: AVX-512, AVX2 or less."""
    features = _features()
    if {"avx512f", "avx512bw"} <= features:
        return 512
    return 256 if {"avx2", "fma"} <= features else 128
