"""Expressions outside of models: conditions of connections and formulas, over names whose units are given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import NamedTuple

from lark import UnexpectedInput

from bioasm.diagnostics import did_you_mean
from bioasm.models.dimensions import UnitFault, unit_of
from bioasm.models.expression import Call, Expression, Symbol, is_condition, symbols
from bioasm.models.findings import Findings
from bioasm.models.grammar import START, parser
from bioasm.models.scanner import Statement
from bioasm.models.syntax_errors import describe
from bioasm.models.tree_reader import TreeReader, is_too_deep
from bioasm.models.unit_check import stray
from bioasm.models.values import fold
from bioasm.units import NO_UNIT, Exponents, spell_unit

_CONDITION = "a condition is written like `i != j and d < 200 um`, with == for equal, and <, <=, >, >=, and, or, not"
_FORMULA = "a formula is written like `-g*J` or `eta*Vt/(J*tau)`"
_LISTED = 40  # names in a hint at most
_STATES = ("held", "delayed")  # functions of values that change in a run


class ExpressionFault(NamedTuple):
    """A fault of an expression: a code, the message with the place in it, and a hint."""

    code: str
    message: str
    hint: str | None = None


def read_condition(text: str, names: Mapping[str, Exponents]) -> Expression | ExpressionFault:
    """Parse a condition such as `i != j and d < 200 um`, or return its first fault."""
    expression = _parsed(text, "condition", _CONDITION)
    if isinstance(expression, ExpressionFault):
        return expression
    fault = _names(expression, names, "condition")
    if fault is None and not is_condition(expression):
        fault = ExpressionFault(
            "B022", f"`{text}` is a number, and a condition is wanted", "compare it with something: ... > u"
        )
    if fault is None and stray(expression, wants_truth=True) is not None:
        fault = ExpressionFault("B022", f"`{text}` has a number where a condition is wanted, or the other way round")
    unit = fault or _unit(text, expression, names)
    return unit if isinstance(unit, ExpressionFault) else expression


def read_formula(text: str, names: Mapping[str, Exponents], unit: Exponents) -> Expression | ExpressionFault:
    """Parse a formula over these names whose value is in `unit`, or return its first fault."""
    expression = _number(text, names)
    if isinstance(expression, ExpressionFault):
        return expression
    found = _unit(text, expression, names)
    if isinstance(found, ExpressionFault) or found == unit:
        return found if isinstance(found, ExpressionFault) else expression
    wanted, given = (f"the unit {spell_unit(one)}" if one != NO_UNIT else "no unit" for one in (unit, found))
    return ExpressionFault("B022", f"`{text}` has {given}; {wanted} is wanted")


def formula_value(
    text: str, names: Collection[str], constant: Callable[[str], tuple[float, Exponents]]
) -> tuple[float, Exponents] | ExpressionFault:
    """Evaluate a formula of constants, such as `-g*J`: its value in SI units and its unit; or its first fault.

    `constant` gives the value and the unit of one of `names`. Functions are Python's, whose last digit depends on the C
    library.
    """
    expression = _number(text, names)
    if isinstance(expression, ExpressionFault):
        return expression
    used = {name: constant(name) for name in symbols(expression)}
    unit = _unit(text, expression, {name: unit for name, (_, unit) in used.items()})
    if isinstance(unit, ExpressionFault):
        return unit
    value = fold(expression, {name: value for name, (value, _) in used.items()})
    if value is None:
        return ExpressionFault("B109", f"`{text}` has no finite value")
    return value, unit


def _number(text: str, names: Collection[str]) -> Expression | ExpressionFault:
    """Parse a numeric formula and check its names."""
    expression = _formula(text)
    if isinstance(expression, ExpressionFault):
        return expression
    fault = _names(expression, names, "formula")
    if fault is None and stray(expression, wants_truth=False) is not None:
        fault = ExpressionFault("B022", f"`{text}` has a condition where a number is wanted, or the other way round", _FORMULA)
    return fault or expression


def formula_names(text: str) -> set[str] | None:
    """The names in a formula; None for a text that can't be parsed."""
    expression = _formula(text)
    return None if isinstance(expression, ExpressionFault) else symbols(expression)


@lru_cache(1024)
def _formula(text: str) -> Expression | ExpressionFault:
    return _parsed(text, "formula", _FORMULA)


def _parsed(text: str, what: str, form: str) -> Expression | ExpressionFault:
    """The syntax tree of an expression, without checks of names and units."""
    if ";" in text:  # as in a model, the rest would be a comment
        return ExpressionFault("B020", f"`{text}` is no {what}: it has a `;`", form)
    findings = Findings(text, "", 1)
    reader, statement = TreeReader(findings), Statement("spike", text, 0)
    try:
        tree = parser().parse(text, start=START["spike"])
    except UnexpectedInput as fault:
        describe(statement, fault, findings)
        return _first(text, findings)._replace(hint=form)
    if is_too_deep(tree) or len(tree.children) != 1:
        return ExpressionFault("B020", f"`{text}` is no {what}", form)
    expression = reader.expression(tree.children[0])
    return _first(text, findings) if findings else expression


def _first(text: str, findings: Findings) -> ExpressionFault:
    """The first finding, with its place in words."""
    (_, column, end), found = min(findings.found.items())
    return ExpressionFault(found.code, f"{found.message}, at `{_cut(text, column, end)}`", found.hint)


def _cut(text: str, column: int, end: int) -> str:
    return text[column - 1 : end - 1][:40] or "..."


def _names(expression: Expression, names: Collection[str], what: str) -> ExpressionFault | None:
    """The fault of the first unknown name or function that is not allowed here."""
    for node in expression.walk():
        if isinstance(node, Symbol) and node.name not in names:
            listed = f"the names are {', '.join(names) or 'none'}" if len(names) <= _LISTED else None
            hint = did_you_mean(node.name, names) or listed
            return ExpressionFault("B021", f"`{node.name}` is not known in this {what}", hint)
        if isinstance(node, Call) and node.function in _STATES:
            return ExpressionFault("B027", f"`{node.function}` is of what changes in a run, and stands in models alone")
    return None


def _unit(text: str, expression: Expression, names: Mapping[str, Exponents]) -> Exponents | ExpressionFault:
    try:
        unit = unit_of(expression, names)
    except UnitFault as fault:
        return ExpressionFault("B022", f"{fault}, at `{_cut(text, *fault.at[1:])}`", fault.hint)
    assert unit is not None  # because the unit of each name is known
    return unit
