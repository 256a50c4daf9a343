"""Messages of syntax errors, from the unexpected token of a statement."""

from __future__ import annotations

from lark import UnexpectedInput, UnexpectedToken

from bioasm.models.expression import COMPARISONS
from bioasm.models.findings import Findings, shown
from bioasm.models.grammar import KEYWORDS
from bioasm.models.scanner import Statement
from bioasm.models.sections import SECTIONS

_MARKS = {
    "#": "comments start with a semicolon",
    "'": 'texts stand in double quotes: "text"',
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`, or != for unequal",
    "?": "write where(condition, value, other value)",
}
# Words that can only follow a whole expression.
_LATER = KEYWORDS - {"and", "or", "not", "of", "in"}


def describe(statement: Statement, fault: UnexpectedInput, findings: Findings) -> None:
    """Report the unexpected token at which the parser stopped, with a hint."""
    text = statement.text
    token = fault.token if isinstance(fault, UnexpectedToken) else None
    at_end = token is not None and token.type == "$END"
    start = len(text) - 1 if at_end else max(fault.pos_in_stream or 0, 0)
    found = str(token) if token is not None and not at_end else text[start : start + 1]
    begin = statement.start + start
    place = findings.places.of(begin, begin + max(len(found), 1))
    message = "the statement ends too early" if at_end else f"`{shown(found)}` can't stand here"
    findings.add("B020", message, place, _hint(statement, text[:start].rstrip(), "" if at_end else found))


def _hint(statement: Statement, before: str, found: str) -> str:
    form = SECTIONS[statement.section].hint
    changing = any(":=" in form.production for form in SECTIONS[statement.section].forms)
    if found == "'" and changing:
        return "a derivative is written dNAME/dt"
    if found and found[0] in _MARKS:
        return _MARKS[found[0]]
    if found == ")":
        return "this parenthesis closes none"
    if found == "=" and changing:
        return "an assignment is written with :=, and an equation starts with dNAME/dt"
    if found in COMPARISONS and any(mark in before for mark in "<>="):
        return "join two comparisons with `and`"
    if before.count("(") > before.count(")") and (not found or found in _LATER):
        return "a parenthesis is not closed"
    if found.isidentifier() and (before[-1:].isalnum() or before[-1:] == ")"):
        return f"a product is written with *; {form}"
    return form
