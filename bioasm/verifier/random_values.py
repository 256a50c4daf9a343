"""Checks of random values: the number of arguments, their dimensions, and whether they define a distribution."""

from __future__ import annotations

from bioasm.isa.distributions import DISTRIBUTIONS, count_fault
from bioasm.isa.findings import Finding, Found
from bioasm.isa.program import ConstantRef, DataBlock, Program, Quantity, Random
from bioasm.units import Dimension


def check_random(what: str, value: Random) -> Found:
    """Check that a distribution exists and has the right number of arguments."""
    if value.distribution not in DISTRIBUTIONS:
        yield Finding("B010", f"{what} is of no known distribution; known are {', '.join(DISTRIBUTIONS)}")
        return
    wrong = count_fault(value.distribution, len(value.arguments))
    if wrong is not None:
        yield Finding("B010", f"{what}: {value.distribution} has {len(value.arguments)} arguments; {wrong}")
    elif not all(isinstance(argument, Quantity | ConstantRef) for argument in value.arguments):
        yield Finding("B010", f"{what}: an argument of {value.distribution} is no number")


def check_arguments(program: Program, block: DataBlock) -> Found:
    """Check that the arguments of random values that passed `check_random` have one dimension and define a distribution."""
    value = block.value
    if not isinstance(value, Random):
        return
    missing = [a.name for a in value.arguments if isinstance(a, ConstantRef) and a.name not in program.constants]
    if missing:
        yield Finding("B007", f"no constant is called {missing[0]!r}")
        return
    measured = dict.fromkeys(program.quantity(a).dimension for a in value.arguments)
    units = [dimension for dimension in measured if dimension is not Dimension.NONE]
    if len(units) > 1:
        yield Finding("B006", f"the arguments of {value.distribution} are a {units[0]} and a {units[1]}")
        return
    wrong = DISTRIBUTIONS[value.distribution].fault(numbers(program, value))
    if wrong is not None:
        yield Finding("B116", wrong)


def numbers(program: Program, value: Random) -> list[float]:
    """The arguments in SI units."""
    return [program.quantity(argument).value for argument in value.arguments]
