"""Detection of the SIMD width that kernels are compiled for: the host's, or that of BIOASM_CPU_FEATURES where it is set."""

from __future__ import annotations

from bioasm.vm.jit.native import cpu_features


def _features() -> frozenset[str]:
    """The CPU features that are enabled, by their names in LLVM."""
    return frozenset(name[1:] for name in cpu_features().split(",") if name.startswith("+"))


def permutes_bytes() -> bool:
    """Whether one instruction picks from a register of 64 bytes by those of another (AVX-512 VBMI)."""
    return {"avx512f", "avx512bw", "avx512vbmi"} <= _features()


def register_bits() -> int:
    """Bits of a SIMD register with float64 FMA and products of 16-bit integers: 512 (AVX-512), 256 (AVX2) or 128."""
    features = _features()
    if {"avx512f", "avx512bw"} <= features:
        return 512
    return 256 if {"avx2", "fma"} <= features else 128
