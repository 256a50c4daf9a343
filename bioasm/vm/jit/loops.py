"""Loops, stack slots and constants in LLVM, for the functions of kernels that write instructions themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from llvmlite import ir


class Loop(NamedTuple):
    """A loop that is being written: its index."""

    index: Any


def alloca_once(b: Any, kind: Any) -> Any:
    """A stack slot, made in the function's first block so that it is one however often the code runs."""
    with b.goto_entry_block():
        return b.alloca(kind)


def alloca_once_value(b: Any, value: Any) -> Any:
    """A stack slot that holds a value from here on."""
    slot = alloca_once(b, value.type)
    b.store(value, slot)
    return slot


@contextmanager
def for_range(b: Any, count: Any, intp: Any = None) -> Iterator[Loop]:
    """A loop over 0, 1, ..., count - 1 whose body the block writes."""
    kind = intp or count.type
    with for_range_slice(b, kind(0), count, kind(1), kind) as (index, _):
        yield Loop(index)


@contextmanager
def for_range_slice(b: Any, start: Any, stop: Any, step: Any, intp: Any) -> Iterator[tuple[Any, Any]]:
    """A loop over start, start + step, ... below `stop` (all signed, the step positive) whose body the block writes."""
    head, body, end = (b.append_basic_block(name) for name in ("head", "body", "end"))
    before = b.block
    b.branch(head)
    b.position_at_end(head)
    index = b.phi(intp)
    index.add_incoming(start, before)
    b.cbranch(b.icmp_signed("<", index, stop), body, end)
    b.position_at_end(body)
    yield index, step
    index.add_incoming(b.add(index, step, flags=["nsw"]), b.block)
    b.branch(head)
    b.position_at_end(end)


def declared(module: Any, kind: Any, name: str) -> Any:
    """The function of a name, declared once."""
    return module.globals.get(name) or ir.Function(module, kind, name)


def global_constant(b: Any, name: str, value: Any) -> Any:
    """A constant of the module."""
    variable = ir.GlobalVariable(b.module, value.type, b.module.get_unique_name(name))
    variable.initializer, variable.global_constant, variable.linkage = value, True, "internal"
    return variable
