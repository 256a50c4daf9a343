"""y = J s for J of single bytes, in whole numbers: nothing is rounded before the last step, and four times less is read.

s is cut into LIMBS limbs of LIMB_BITS bits, so it is held to 2**-56. It must be between 0 and 1: where a model's text does not
prove that, J is not stored as bytes. Products of a byte and a limb are added pairwise in 32 bits (the processor's
multiply-and-add of 16-bit numbers). A row fits as long as the sum of its absolute values is below 2**(31 - LIMB_BITS); rows
beyond that are not stored as bytes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from bioasm.vm.jit import loops, types
from bioasm.vm.jit.functions import device, intrinsic
from bioasm.vm.jit.types import int16, int64
from bioasm.vm.kernels import vectors
from bioasm.vm.kernels.processor import register_bits
from bioasm.vm.kernels.slots import Ctx
from bioasm.vm.kernels.views import i2
from bioasm.vm.layout import LIMB_BITS, LIMB_COLUMNS, LIMBS

_I16, _I32, _I64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
_MULTIPLY_AND_ADD = {32: "llvm.x86.avx512.pmaddw.d.512", 16: "llvm.x86.avx2.pmadd.wd"}


_LENGTH = register_bits() // 16 if register_bits() >= 256 else 0  # 16-bit numbers multiplied and added at a time
_ROWS = 4 if _LENGTH == 32 else 1


def pairwise(b: Any, x: Any, y: Any) -> Any:
    """x[0] y[0] + x[1] y[1], x[2] y[2] + x[3] y[3], ... of 16-bit numbers, in 32 bits."""
    length = x.type.count
    wide = ir.VectorType(_I32, length // 2)
    if _LENGTH:
        kind = ir.FunctionType(wide, [x.type, y.type])
        return b.call(loops.declared(b.module, kind, _MULTIPLY_AND_ADD[length]), [x, y])
    picked = []
    for first in (0, 1):
        which = ir.Constant(ir.VectorType(_I32, length // 2), list(range(first, length, 2)))
        picked.append(b.mul(*(b.sext(b.shuffle_vector(v, v, which), wide) for v in (x, y))))
    return b.add(*picked)


def _sum(b: Any, vector: Any) -> Any:
    """The sum of a vector of 32-bit numbers."""
    length = vector.type.count
    while length > 1:
        length //= 2
        halves = [ir.Constant(ir.VectorType(_I32, length), list(range(f, f + length))) for f in (0, length)]
        vector = b.add(*(b.shuffle_vector(vector, vector, half) for half in halves))
    return b.extract_element(vector, _I32(0))


def make_row_sums(rows: int) -> Any:
    """A function (J address, bytes from one row to the next, limbs address, columns, y address) for `rows` rows of y = J s.

    Limbs stand one after the other, `columns` 16-bit numbers each, a multiple of LIMB_COLUMNS with zeros at the end.
    """
    length = _LENGTH or 16
    of_bytes, of_words = ir.VectorType(ir.IntType(8), length), ir.VectorType(_I16, length)
    zero = ir.Constant(ir.VectorType(_I32, length // 2), [0] * (length // 2))

    @intrinsic
    def row_sums(j_at, stride, limbs_at, columns, y_at):
        def codegen(b, args):
            j, step, limbs, n, y = args
            sums = [[loops.alloca_once_value(b, zero) for _ in range(LIMBS)] for _ in range(rows)]
            with loops.for_range_slice(b, _I64(0), n, _I64(length), _I64) as (k, _):
                parts = [
                    vectors.load(b, b.add(limbs, b.mul(_I64(2), b.add(k, b.mul(n, _I64(limb))))), of_words, 2)
                    for limb in range(LIMBS)
                ]
                for r in range(rows):
                    address = b.add(b.add(j, k), b.mul(step, _I64(r)))
                    row = b.sext(vectors.load(b, address, of_bytes, 1), of_words)
                    for total, part in zip(sums[r], parts, strict=True):
                        b.store(b.add(b.load(total), pairwise(b, row, part)), total)
            for r in range(rows):
                entry = ir.Constant(ir.DoubleType(), 0.0)
                for total in reversed(sums[r]):
                    whole = b.sitofp(_sum(b, b.load(total)), ir.DoubleType())
                    entry = b.fmul(b.fadd(whole, entry), ir.Constant(ir.DoubleType(), 2.0**-LIMB_BITS))
                b.store(entry, b.inttoptr(b.add(y, _I64(r * 8)), ir.DoubleType().as_pointer()))

        return types.void(*[types.int64] * 5), codegen

    return row_sums


_several, _one = make_row_sums(_ROWS), make_row_sums(1)


@device
def cut(s, limbs, n, columns):
    """The limbs of s, the highest bits first."""
    for k in range(n):
        whole = int64(s[k] * 2.0 ** (LIMBS * LIMB_BITS))
        for limb in range(LIMBS):
            limbs[limb * columns + k] = int16(min(whole >> ((LIMBS - 1 - limb) * LIMB_BITS), (1 << LIMB_BITS)))
            whole &= (1 << ((LIMBS - 1 - limb) * LIMB_BITS)) - 1


@device
def byte_product(ctx, s, y, lane, n):
    """y = J s of one lane, J int8 (n, n), s and y float64 (n,). J_TAIL holds a copy of the last row, for reads past its end."""
    columns = (n + LIMB_COLUMNS - 1) // LIMB_COLUMNS * LIMB_COLUMNS
    limbs = i2(ctx[Ctx.LIMB_AT], lane * LIMBS * columns, LIMBS * columns)
    cut(s, limbs, n, columns)
    address, y_at, limbs_at = ctx[Ctx.J_AT], y.ctypes.data, limbs.ctypes.data
    i = 0
    while i + _ROWS < n:
        _several(address + i * n, n, limbs_at, columns, y_at + 8 * i)
        i += _ROWS
    while i < n - 1:
        _one(address + i * n, n, limbs_at, columns, y_at + 8 * i)
        i += 1
    _one(ctx[Ctx.J_TAIL_AT], n, limbs_at, columns, y_at + 8 * (n - 1))
