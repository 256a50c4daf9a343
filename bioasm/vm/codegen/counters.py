"""Counters of a step: how many cells of each population spike, and in how many its events happen.

They are locals. Loops over merged populations need entries of an array, of which every block of lanes has its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from bioasm.vm.codegen.frame import B, Frame
from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.statements import Assign, Let, Statement, Store
from bioasm.vm.codegen.types import Rate, Type
from bioasm.vm.codegen.values import Value, as_value, made_of, named, read

_ALL, _SUM = named("counters", Type.I8), named("sum", Type.I64)


class Counters:
    """Builder of the statements that set and read the counters of a step."""

    def __init__(self, frame: Frame) -> None:
        self.frame, self.populations = frame, range(len(frame.steps))

    def spikes(self, p: int) -> Value:
        """The number of a population's spikes in this step."""
        return _ALL.item(p) if self.frame.merged else named(f"spikes_{p}", Type.I64)

    def happened(self, p: int) -> Value:
        """The number of cells in which events of a population happen."""
        return _ALL.item(len(self.populations) + p) if self.frame.merged else named(f"happened_{p}", Type.I64)

    def begin(self) -> Iterator[Statement]:
        """Set the counters of spikes to zero."""
        if self.frame.merged:
            entries = 2 * len(self.populations)
            address = read("field", "counters", Rate.UNIFORM, Field(0, "i8", "block", entries))
            yield Let(_ALL, made_of("view", Type.I8, (address, B * entries, as_value(entries))))
        yield from (zero(self.spikes(p)) for p in self.populations)

    def sum(self) -> tuple[list[Statement], Value]:
        """The number of spikes of all populations, and the statements before it."""
        spikes = [self.spikes(p) for p in self.populations]
        if not self.frame.merged:
            return [], reduce(lambda one, other: one + other, spikes)
        return [zero(_SUM), *(Assign(_SUM, _SUM + one) for one in spikes)], _SUM


def zero(counter: Value) -> Statement:
    """Set a counter to zero; a local is defined."""
    return Let(counter, as_value(0), mutable=True) if counter.op == "name" else _set(counter, as_value(0))


def added(counter: Value, value: Value) -> Statement:
    """Add to a counter."""
    return _set(counter, counter + value)


def _set(counter: Value, value: Value) -> Statement:
    if counter.op == "name":
        return Assign(counter, value)
    array, index = counter.arguments
    return Store(array, index, value)
