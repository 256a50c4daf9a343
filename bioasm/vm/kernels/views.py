"""Array views over the addresses in the machine's table (carray)."""

from __future__ import annotations

from bioasm.vm.jit.calls import carray, pointer
from bioasm.vm.jit.functions import inlined
from bioasm.vm.jit.types import float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64
from bioasm.vm.kernels.slots import Block, Ctx


@inlined
def f8(address, offset, count):
    """`count` float64 from `offset` entries after the address; the functions below alike."""
    return carray(pointer(address + 8 * offset, float64), count)


@inlined
def f4(address, offset, count):
    """float32."""
    return carray(pointer(address + 4 * offset, float32), count)


@inlined
def i8(address, offset, count):
    """int64."""
    return carray(pointer(address + 8 * offset, int64), count)


@inlined
def u8(address, offset, count):
    """uint64, for indices: an unsigned one is used as it is, a signed one is first looked at for counting from the end."""
    return carray(pointer(address + 8 * offset, uint64), count)


@inlined
def i4(address, offset, count):
    """int32."""
    return carray(pointer(address + 4 * offset, int32), count)


@inlined
def i2(address, offset, count):
    """int16."""
    return carray(pointer(address + 2 * offset, int16), count)


@inlined
def u2(address, offset, count):
    """uint16."""
    return carray(pointer(address + 2 * offset, uint16), count)


@inlined
def u4(address, offset, count):
    """uint32."""
    return carray(pointer(address + 4 * offset, uint32), count)


@inlined
def i1(address, offset, count):
    """int8."""
    return carray(pointer(address + offset, int8), count)


@inlined
def u1(address, offset, count):
    """uint8."""
    return carray(pointer(address + offset, uint8), count)


_COLUMNS = len(Block)


@inlined
def block_row(ctx, b):
    """The row of block `b` in the table of blocks."""
    return carray(pointer(ctx[Ctx.BLOCK_AT] + 8 * _COLUMNS * b, int64), _COLUMNS)
