"""Vectors at addresses, broadcasts, and sums that stay in registers over a loop, as LLVM instructions of a builder `b`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from bioasm.vm.jit import loops

_I32 = ir.IntType(32)


def load(b: Any, address: Any, kind: Any, align: int) -> Any:
    """The vector of type `kind` at an address (int64) that is a multiple of `align` bytes."""
    loaded = b.load(b.inttoptr(address, kind.as_pointer()))
    loaded.align = align
    return loaded


def store(b: Any, vector: Any, address: Any, align: int) -> None:
    """Put a vector at an address (int64) that is a multiple of `align` bytes."""
    b.store(vector, b.inttoptr(address, vector.type.as_pointer())).align = align


def splat(b: Any, scalar: Any, length: int) -> Any:
    """A vector with the number in every place (broadcast)."""
    filled = b.insert_element(ir.Constant(ir.VectorType(scalar.type, length), ir.Undefined), scalar, _I32(0))
    return b.shuffle_vector(filled, filled, ir.Constant(ir.VectorType(_I32, length), [0] * length))


def sum_of_parts(b: Any, vector: Any) -> Any:
    """Eight floats added as a tree: first those four apart, then two, then one."""
    for apart in (4, 2, 1):
        halves = [ir.Constant(ir.VectorType(_I32, apart), list(range(first, first + apart))) for first in (0, apart)]
        vector = b.fadd(*(b.shuffle_vector(vector, vector, half) for half in halves))
    return b.extract_element(vector, _I32(0))


@contextmanager
def in_registers(b: Any, rows: list[list[Any]], kind: Any, align: int) -> Iterator[list[list[Any]]]:
    """Slots with the vectors at rows of addresses, which are written back behind the block."""
    slots = [[loops.alloca_once_value(b, load(b, address, kind, align)) for address in row] for row in rows]
    yield slots
    for row, addresses in zip(slots, rows, strict=True):
        for slot, address in zip(row, addresses, strict=True):
            store(b, b.load(slot), address, align)
