"""Printer of model expressions in Brian2's notation, with its units, and definitions of functions that Brian2 lacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bioasm.models.expression import Binary, Call, Expression, Negation, Number, Symbol
from bioasm.units import NO_UNIT, Exponents

Meaning = Callable[[str], Expression]

_BASE = ("metre", "kilogram", "second", "amp", "kelvin", "mole")
_SAME = frozenset({"exp", "log", "sqrt", "abs", "sin", "cos", "tanh", "floor", "ceil", "clip"})
_OURS = {"min": "lower_of", "max": "higher_of", "where": "chosen"}
_WORDS = {"^": "**"}


def spell_unit(unit: Exponents) -> str:
    """A unit in Brian2's notation: `1`, or a product of powers of base units.

    Exponents of 1 are omitted, because under NumPy 1.26 such a power is a quantity and no unit.
    """
    powers = [name if power == 1 else f"{name}**{power}" for name, power in zip(_BASE, unit, strict=True) if power]
    return " * ".join(powers) or "1"


def spell(expression: Expression) -> str:
    """An expression over Brian2's names in Brian2's notation."""
    match expression:
        case Number(value, unit):
            return repr(float(value)) if unit == NO_UNIT else f"({float(value)!r} * {spell_unit(unit)})"
        case Symbol(name):
            return name
        case Negation(operator, operand):
            return f"(not {spell(operand)})" if operator == "not" else f"(-{spell(operand)})"
        case Binary(operator, left, right):
            return f"({spell(left)} {_WORDS.get(operator, operator)} {spell(right)})"
        case Call(function, arguments):
            return _call(function, [spell(a) for a in arguments])
    raise TypeError(f"{type(expression).__name__} is no expression")


def _call(function: str, arguments: list[str]) -> str:
    if function == "exprelr":
        return f"(1.0 / exprel({arguments[0]}))"
    if function in ("min", "max"):
        nested = arguments[-1]
        for argument in reversed(arguments[:-1]):
            nested = f"{_OURS[function]}({argument}, {nested})"
        return nested
    return f"{_OURS.get(function, function)}({', '.join(arguments)})"


def replaced(expression: Expression, meaning: Meaning, keep: Callable[[Call], Expression]) -> Expression:
    """Substitution of names by `meaning`, and of calls of held and delayed by `keep`."""

    def inner(part: Expression) -> Expression:
        return replaced(part, meaning, keep)

    match expression:
        case Symbol(name):
            return Number(math.pi) if name == "pi" else meaning(name)
        case Negation(operator, operand):
            return Negation(operator, inner(operand))
        case Binary(operator, left, right):
            return Binary(operator, inner(left), inner(right))
        case Call(function, arguments):
            if function in ("held", "delayed"):
                return keep(expression)
            return Call(function, tuple(inner(a) for a in arguments))
    return expression


def is_condition(expression: Expression) -> bool:
    """Whether an expression is Boolean."""
    if isinstance(expression, Negation):
        return expression.operator == "not"
    return isinstance(expression, Binary) and expression.operator in ("<", "<=", ">", ">=", "==", "!=", "and", "or")


_CPP = {
    "lower_of": "inline double lower_of(double a, double b) { return a < b ? a : b; }",
    "higher_of": "inline double higher_of(double a, double b) { return a > b ? a : b; }",
    "chosen": "inline double chosen(bool c, double a, double b) { return c ? a : b; }",
}
_CYTHON = {
    "lower_of": "cdef double lower_of(double a, double b):\n    return a if a < b else b\n",
    "higher_of": "cdef double higher_of(double a, double b):\n    return a if a > b else b\n",
    "chosen": "cdef double chosen(bint c, double a, double b):\n    return a if c else b\n",
}


def _unit_of_choice(condition: Any, a: Any, b: Any) -> Any:
    """The unit of `where`, in which a 0 may lack a unit."""
    return b if a.dim.is_dimensionless else a


def functions() -> dict[str, Any]:
    """The functions that Brian2 lacks, for numpy, Cython and C++."""
    import numpy as np
    from brian2 import Function
    from brian2.parsing.sympytools import sympy

    def numbers(name: str, in_numpy: Any, units: list[Any], types: list[str], unit: Callable[..., Any]) -> Any:
        real = sympy.Function(name, real=True)  # because Brian2 compares expressions after sympy
        made = Function(in_numpy, real, arg_units=units, arg_types=types, return_unit=unit, return_type="float")
        made.implementations.add_implementation("numpy", in_numpy, name=name)
        made.implementations.add_implementation("cpp", _CPP[name], name=name)
        made.implementations.add_implementation("cython", _CYTHON[name], name=name)
        return made

    two, any_two = ["float", "float"], [None, None]
    return {
        "lower_of": numbers("lower_of", np.minimum, any_two, two, lambda a, b: a),
        "higher_of": numbers("higher_of", np.maximum, any_two, two, lambda a, b: a),
        "chosen": numbers("chosen", np.where, [None, *any_two], ["boolean", *two], _unit_of_choice),
    }
