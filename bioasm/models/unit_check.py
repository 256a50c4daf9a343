"""Unit inference: the unit of every name and expression of a model, with findings where they do not agree."""

from __future__ import annotations

from collections.abc import Iterable

from bioasm.models.base import SYNAPSE
from bioasm.models.dimensions import SECOND, UnitFault, in_words, number_hint, unit_of
from bioasm.models.expression import Binary, Call, Expression, Negation, Number, Symbol, is_condition
from bioasm.models.findings import Findings
from bioasm.models.sections import evaluated
from bioasm.models.syntax_tree import Evaluated, RawModel, RawParameter, Word, place_of
from bioasm.units import NO_UNIT, Exponents, quotient

Units = dict[str, Exponents | None]


def check_units(parsed: RawModel, order: Iterable[str], excused: set[str], findings: Findings) -> Units:
    """Unit inference: the unit of every name (None where unknown, as of `excused` ones), with findings for mismatches."""
    check = _Check(parsed, dict.fromkeys(excused), findings)
    check.declared()
    check.inferred(order)
    check.evaluated()
    check.clamp()
    check.feedback()
    return check.units


class _Check:
    def __init__(self, parsed: RawModel, units: Units, findings: Findings) -> None:
        self.parsed, self.units, self.findings = parsed, units, findings

    def unit(self, expression: Expression) -> Exponents | None:
        """The unit of a numeric expression; None where it is unknown or after a finding."""
        if not self._is_number(expression):
            return None
        try:
            return unit_of(expression, self.units)
        except UnitFault as fault:
            self.findings.add("B022", str(fault), fault.at, fault.hint)
            return None

    def _is_number(self, expression: Expression) -> bool:
        found = stray(expression, wants_truth=False)
        if found is None:
            return True
        node, is_truth = found
        if is_truth:
            hint = "write where(condition, 1, 0) for a number that is 1 where the condition holds"
            self.findings.add("B022", "a condition stands where a number is wanted", place_of(node), hint)
        else:
            hint = "compare it with something, such as x > 0"
            self.findings.add("B022", "a number stands where a condition is wanted", place_of(node), hint)
        return False

    def fits(self, what: str, expression: Expression, wanted: Exponents | None, needs: str = "is") -> None:
        """Add a finding where an expression does not have the unit `wanted` for `what`."""
        found = self.unit(expression)
        if found is None or wanted is None or found == wanted:
            return
        hint = number_hint(expression, wanted) if found == NO_UNIT else None
        message = f"{what} {needs} {in_words(wanted)}; this is {in_words(found)}"
        self.findings.add("B022", message, place_of(expression), hint)

    # --- names --------------------------------------------------------------------------------------

    def declared(self) -> None:
        parsed = self.parsed
        for raw in (*parsed.inputs, *parsed.uses):
            self.units[raw.name] = raw.unit
        for parameter in parsed.parameters:
            self.units[parameter.name] = self._parameter(parameter)
        if parsed.noise:
            self.units[parsed.noise.name] = self.unit(parsed.noise.value)
        if parsed.spins:
            self.units[parsed.spins.name] = parsed.spins.unit
        for raw in parsed.inputs:
            if raw.default is not None:
                self.fits(f"input {raw.name}", raw.default, raw.unit)

    def _parameter(self, parameter: RawParameter) -> Exponents | None:
        if isinstance(parameter.default, Word):
            return NO_UNIT
        found = self.unit(parameter.default)
        if parameter.name == "dt":
            self.fits("dt", parameter.default, SECOND)
            return SECOND
        for bound in parameter.bounds:
            if not (isinstance(bound.value, Number) and bound.value.value == 0):
                self.fits(f"parameter {parameter.name}", bound.value, found)
        return found

    def inferred(self, order: Iterable[str]) -> None:
        values: dict[str, Expression] = {raw.name: raw.value for raw in (*self.parsed.states, *self.parsed.definitions)}
        for name in order:
            self.units.setdefault(name, None)
            self.units[name] = self.unit(values[name])

    # --- statements ---------------------------------------------------------------------------------

    def evaluated(self) -> None:
        for one in evaluated(self.parsed):
            outer = self.units
            self.units = outer | dict(one.names)
            if one.condition:
                self._condition(one.what, one.value)
            else:
                self.fits(one.what, one.value, self._wanted(one))
            self.units = outer

    def _wanted(self, one: Evaluated) -> Exponents | None:
        """The unit that an expression must have; None where it is unknown or another finding reports it."""
        if not one.changes:
            return one.unit
        changing = [*self.parsed.states, *(self.parsed.uses if self.parsed.kind == SYNAPSE else ())]
        is_state = any(raw.name == one.changes for raw in changing)
        own = self.units.get(one.changes) if is_state else None
        return quotient(own, SECOND) if one.rate and own is not None else own

    def clamp(self) -> None:
        clamp = self.parsed.clamp
        if clamp is None:
            return
        for value in clamp.values:
            self.fits(f"`{clamp.variable}`", value, self.units.get(clamp.variable))

    def feedback(self) -> None:
        """Check that the interval of the feedback is a time, and the bound has the unit of the input."""
        raw = self.parsed.feedback
        if raw is None:
            return
        for word, wanted in ((raw.every, SECOND), (raw.within, self.units.get(raw.target))):
            self.fits(f"`{word}` of the feedback", Symbol(word, place_of(word)), wanted, "must be")

    def _condition(self, what: str, expression: Expression) -> None:
        if is_condition(expression):
            # as a number that is 1 where it holds, so that both are checked alike
            self.unit(Call("where", (expression, Number(1.0), Number(0.0)), place_of(expression)))
        else:
            self.findings.add("B022", f"{what} is a condition, such as v > Vt", place_of(expression))


def stray(node: Expression, *, wants_truth: bool) -> tuple[Expression, bool] | None:
    """The first part that is Boolean where a number is wanted or vice versa, and whether it is Boolean."""
    if isinstance(node, Symbol) and node.name == "?":
        return None
    if is_condition(node) != wants_truth:
        return node, is_condition(node)
    if isinstance(node, Call) and node.function == "where":
        wanted = [True, False, False]
    else:
        wanted = [isinstance(node, Negation | Binary) and node.operator in ("and", "or", "not")] * len(node.parts())
    found = (stray(part, wants_truth=truth) for part, truth in zip(node.parts(), wanted, strict=True))
    return next(filter(None, found), None)
