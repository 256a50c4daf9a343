"""The floats in which products of couplings and states are summed: float64, or float32 where a program says so."""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir

from bioasm.vm.jit.types import float32, float64
from bioasm.vm.kernels.processor import register_bits


class Float(NamedTuple):
    """A type of floats: LLVM's, the kernels', its size in bytes, and its name in LLVM's intrinsics."""

    kind: Any
    item: Any
    size: int
    suffix: str

    @property
    def length(self) -> int:
        """How many fill a SIMD register."""
        return register_bits() // (8 * self.size)

    def vector(self, count: int) -> Any:
        """The type of `count` of them side by side."""
        return ir.VectorType(self.kind, count)

    def zeros(self, count: int) -> Any:
        """The constant of `count` zeros."""
        return ir.Constant(self.vector(count), [ir.Constant(self.kind, 0.0)] * count)

    def fused(self, b: Any, count: int) -> Any:
        """The function x y + z of `count` of them, each with one rounding."""
        vector = self.vector(count)
        return b.module.declare_intrinsic(f"llvm.fma.v{count}{self.suffix}", fnty=ir.FunctionType(vector, [vector] * 3))


FLOAT64 = Float(ir.DoubleType(), float64, 8, "f64")
FLOAT32 = Float(ir.FloatType(), float32, 4, "f32")
