"""Recursive descent over Lark's parse trees: statements of a model text become expressions and nodes of the syntax tree."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import pi
from pathlib import Path
from typing import Any

from lark import Lark, Token, Tree, UnexpectedInput, UnexpectedToken

from bioasm.diagnostics import did_you_mean
from bioasm.grammars import kept_parser
from bioasm.models.dimensions import parse_unit, quantity
from bioasm.models.expression import COMPARISONS, FUNCTIONS, Binary, Call, Expression, Negation, Number, Place, Symbol
from bioasm.models.findings import Findings
from bioasm.models.limits import DEEPEST
from bioasm.models.scanner import Places, Statement
from bioasm.models.syntax_tree import (
    Bound,
    RawAssignment,
    RawEquation,
    RawFeedback,
    RawInput,
    RawObservable,
    RawParameter,
    RawValue,
    Word,
)
from bioasm.units import MEASURES, Exponents

# A name whose meaning is lost; nothing is said about it.
UNKNOWN = "?"
_RULES = {"then": "step", "source": "text", "": "text", "parameters": "parameter"}
_STARTS = (
    "parameter", "noise", "state", "inputs", "definitions", "uses", "step", "reset", "spike", "refractory", "receive",
    "adds", "observe", "clamp", "feedback", "order", "spins", "clock", "text",
)  # fmt: skip
_UNITS_HINT = "a unit is an SI prefix and a symbol, such as ms, mV, nS or uA/cm2"


class Unreadable(Exception):
    """A statement that can't be understood; what is wrong with it was noted."""


@cache
def _parser() -> Lark:
    return kept_parser(Path(__file__).with_name("grammar.lark"), _STARTS)


class Reader:
    """Reads the statements of one text."""

    def __init__(self, places: Places, findings: Findings) -> None:
        self.places, self.findings = places, findings
        self.start = 0
        self.groups: dict[int, Place] = {}

    def read(self, statement: Statement) -> tuple[str, Any]:
        """What the statement is (the name of its grammar rule) and the value that it says. Raises Unreadable."""
        self.start = statement.start
        self.groups.clear()
        try:
            tree = _parser().parse(statement.text, start=_RULES.get(statement.section, statement.section))
        except UnexpectedInput as fault:
            self._complain(statement, fault)
            raise Unreadable from None
        self._check_depth(tree, statement.text)
        rule = str(tree.data)
        return rule, _STATEMENTS[rule](self, tree.children)

    # --- places and findings ------------------------------------------------------------------------

    def at(self, token: Token) -> Place:
        """Where a token stands."""
        start = self.start + (token.start_pos or 0)
        return self.places.of(start, start + len(token))

    def word(self, token: Token) -> Word:
        """A token and where it stands."""
        return Word(str(token), self.at(token))

    def _check_depth(self, tree: Tree[Token], text: str) -> None:
        level: list[Tree[Token]] = [tree] if len(text) > DEEPEST else []
        for _ in range(DEEPEST):
            level = [child for node in level for child in node.children if isinstance(child, Tree)]
        if level:
            message = f"an expression is nested more than {DEEPEST} levels deep"
            self.findings.add("B111", message, self.places.of(self.start, self.start + len(text)))
            raise Unreadable

    def _complain(self, statement: Statement, fault: UnexpectedInput) -> None:
        text = statement.text
        token = fault.token if isinstance(fault, UnexpectedToken) else None
        at_end = token is not None and token.type == "$END"
        start = len(text) - 1 if at_end else max(fault.pos_in_stream or 0, 0)
        found = str(token) if token is not None and not at_end else text[start : start + 1]
        place = self.places.of(self.start + start, self.start + start + max(len(found), 1))
        message = "the statement ends too early" if at_end else f"`{_shown(found)}` can't stand here"
        self.findings.add("B020", message, place, _hint(statement, text[:start].rstrip(), "" if at_end else found))

    # --- expressions --------------------------------------------------------------------------------

    def expression(self, tree: Any) -> Expression:
        """The expression that a tree is."""
        build: Callable[[Reader, list[Any]], Expression] = _EXPRESSIONS[tree.data]
        return build(self, tree.children)

    def number(self, children: list[Token]) -> Expression:
        """A number, or a number and its unit, in one token."""
        return self._quantity(self.at(children[0]), *_split(children[0]))

    def _quantity(self, at: Place, number: str, unit: str) -> Expression:
        try:
            return Number(*quantity(number, unit), at)
        except ValueError as fault:
            self._bad_quantity(at, number, unit, str(fault))
            return Symbol(UNKNOWN, at)

    def _bad_quantity(self, at: Place, number: str, unit: str, fault: str) -> None:
        try:
            parse_unit(unit)
        except ValueError:
            hint = _near_unit(fault) or f"{_UNITS_HINT}; a product is written with *"
            self.findings.add("B005", f"there is no unit `{fault}`", (at[0], at[2] - len(unit), at[2]), hint)
        else:
            self.findings.add("B009", f"`{_shown(number)}` does not fit a 64-bit float", at)

    def symbol(self, children: list[Token]) -> Expression:
        """A name, `pi`, or a unit that stands for one of it."""
        token = children[0]
        if token == "pi":
            return Number(pi, at=self.at(token))
        if _is_unit(token):
            return self._quantity(self.at(token), "1", str(token))
        return Symbol(str(token), self.at(token))

    def group(self, children: list[Any]) -> Expression:
        """An expression in parentheses; its place in a larger one includes them."""
        inner = self.expression(children[1])
        self.groups[id(inner)] = _span(self.at(children[0]), self.at(children[2]))
        return inner

    def negation(self, children: list[Any]) -> Expression:
        """-x or not x; +x is x."""
        operand = self.expression(children[1])
        sign = str(children[0])
        return operand if sign == "+" else Negation(sign, operand, _span(self.at(children[0]), self.extent(operand)))

    def extent(self, node: Expression) -> Place:
        """Where an expression stands, with the parentheses around it."""
        return self.groups.get(id(node)) or place_of(node)

    def binary(self, children: list[Any]) -> Expression:
        """Two operands and what stands between them; `0.1/ms` is one number, rounded once."""
        left, sign, right = children
        if sign.type == "SLASH" and right.data == "symbol" and _is_unit(right.children[0]):
            ratio = _ratio(left)
            if ratio:
                at = _span(self.at(ratio[0]), self.at(right.children[0]))
                return self._quantity(at, ratio[1], f"{ratio[2]}/{right.children[0]}")
        if sign.type == "POWER" and left.data == "quantity":
            hint = f"write ({left.children[0]})^..., or a unit such as cm2"
            self.findings.add("B020", "it is not clear whether the unit is raised too", self.at(sign), hint)
        one, other = self.expression(left), self.expression(right)
        operator = "^" if sign.type == "POWER" else str(sign)
        return Binary(operator, one, other, _span(self.extent(one), self.extent(other)))

    def call(self, children: list[Any]) -> Expression:
        """A function and its arguments."""
        name, _, *rest, last = children
        arguments = tuple(self.expression(child) for child in rest)
        at = self.at(name)
        fault = _call_fault(str(name), len(arguments))
        if fault:
            hint = did_you_mean(str(name), FUNCTIONS) if str(name) not in FUNCTIONS else None
            self.findings.add("B027", fault, at, hint or f"the functions are {', '.join(FUNCTIONS)}")
            return Symbol(UNKNOWN, at)
        return Call(str(name), arguments, _span(at, self.at(last)))

    def unit(self, tree: Any) -> Exponents | None:
        """The unit of a declaration; None where there is no such unit."""
        tokens = list(tree.scan_values(lambda _: True))
        first, last = tokens[0].start_pos or 0, tokens[-1].end_pos or 0
        text = "".join(tokens)
        try:
            return parse_unit(text)[0]
        except ValueError as fault:
            at = self.places.of(self.start + first, self.start + last)
            hint = _near_unit(str(fault)) or f"{_UNITS_HINT}, or 1 for a pure number"
            self.findings.add("B005", f"there is no unit `{fault}`", at, hint)
            return None


def _call_fault(name: str, count: int) -> str | None:
    if name not in FUNCTIONS:
        return f"there is no function `{name}`"
    wanted = FUNCTIONS[name]
    if count == wanted or (wanted is None and count >= 2):
        return None
    takes = "two or more values" if wanted is None else "1 value" if wanted == 1 else f"{wanted} values"
    return f"{name} takes {takes}, not {count}"


def _split(token: Token) -> tuple[str, str]:
    """The number and the unit of a literal."""
    if token.type == "NUMBER":
        return str(token), "1"
    end = len(token) - len(token.lstrip("0123456789."))
    rest = token[end:]
    digits = len(rest) - len(rest[1:].lstrip("+-").lstrip("0123456789")) if rest[0] in "eE" else 0
    end += digits if digits > 1 and rest[digits - 1].isdigit() else 0
    return str(token[:end]), str(token[end:]).strip()


def _near_unit(word: str) -> str | None:
    """A hint that names the units that differ from a word in upper and lower case only, else the one most like it."""
    import difflib

    alike = [unit for unit in MEASURES if unit.lower() == word.lower()]
    near = alike or difflib.get_close_matches(word, MEASURES, n=1)
    return f"did you mean {' or '.join(near)}?" if near else None


def _ratio(tree: Any) -> tuple[Token, str, str] | None:
    """The first token, the number and the unit of a literal, also of one over units; None for anything else."""
    if tree.data in ("number", "quantity"):
        return tree.children[0], *_split(tree.children[0])
    if tree.data == "binary" and tree.children[1].type == "SLASH" and tree.children[2].data == "symbol":
        inner, unit = _ratio(tree.children[0]), tree.children[2].children[0]
        if inner and _is_unit(unit):
            return inner[0], inner[1], f"{inner[2]}/{unit}"
    return None


def _is_unit(token: Token) -> bool:
    return len(token) > 1 and str(token) in MEASURES


def place_of(node: Expression) -> Place:
    """Where an expression stands."""
    at: Place = getattr(node, "at")  # noqa: B009  # every kind of node has it, their common parent does not
    return at


def _span(first: Place, last: Place) -> Place:
    return first[0], first[1], last[2] if last[0] == first[0] else first[2]


def _text(token: Token) -> str:
    """What a text in quotes says: its lines without the indentation that they have in the model."""
    lines = token[1:-1].replace('\\"', '"').replace("\\\\", "\\").split("\n")
    return "\n".join([lines[0].rstrip(), *(line.strip() for line in lines[1:])]).strip()


def _summary(children: list[Any]) -> str:
    last = children[-1]
    return _text(last) if isinstance(last, Token) and last.type == "STRING" else ""


def _has(children: list[Any], kind: str) -> bool:
    return any(isinstance(child, Token) and child.type == kind for child in children)


def _trees(children: list[Any]) -> list[Any]:
    return [child for child in children if isinstance(child, Tree)]


# --- statements -------------------------------------------------------------------------------------


def _parameter(reader: Reader, children: list[Any]) -> RawParameter:
    first, *bounds = _trees(children)
    words: tuple[tuple[Word, Expression], ...] = ()
    if first.data == "words":
        default: Expression | Word = reader.word(first.children[0])
        words = tuple((reader.word(w.children[0]), reader.expression(w.children[1])) for w in first.children[1:])
    else:
        default = reader.expression(first)
    ranges = tuple(Bound(str(b.children[0]), reader.expression(b.children[1]), reader.at(b.children[0])) for b in bounds)
    return RawParameter(reader.word(children[0]), default, words, ranges, _has(children, "FIXED"), _summary(children))


def _value(reader: Reader, children: list[Any]) -> RawValue:
    return RawValue(reader.word(children[0]), reader.expression(children[1]), _summary(children))


def _input(reader: Reader, children: list[Any]) -> RawInput:
    unit, *default = _trees(children)
    value = reader.expression(default[0]) if default else None
    return RawInput(reader.word(children[0]), reader.unit(unit), value, _summary(children))


def _equation(reader: Reader, children: list[Any]) -> RawEquation:
    variable, clock = children[0], children[1]
    if not variable.startswith("d") or len(variable) < 2 or clock != "dt":
        at = _span(reader.at(variable), reader.at(clock))
        reader.findings.add("B020", "an equation starts with `dNAME/dt =`", at)
        raise Unreadable
    method = next((c for c in children[2:] if isinstance(c, Token) and c.type == "NAME"), None)
    line, column, end = reader.at(variable)
    return RawEquation(
        Word(str(variable)[1:], (line, column + 1, end)),
        reader.expression(_trees(children)[0]),
        reader.word(method) if method else Word(""),
        _has(children, "UNLESS"),
    )


def _assignment(reader: Reader, children: list[Any]) -> RawAssignment:
    return RawAssignment(reader.word(children[0]), reader.expression(children[1]))


def _condition(reader: Reader, children: list[Any]) -> tuple[Expression, bool, Place]:
    condition = reader.expression(children[0])
    return condition, False, place_of(condition)


def _crossing(reader: Reader, children: list[Any]) -> tuple[Expression, bool, Place]:
    value, level = reader.expression(children[0]), reader.expression(children[1])
    at = _span(place_of(value), place_of(level))
    return Binary(">=", value, level, at), True, at


def _refractory(reader: Reader, children: list[Any]) -> tuple[Expression, bool, Place]:
    duration = reader.expression(children[0])
    return duration, _has(children, "INCLUSIVE"), place_of(duration)


def _observable(reader: Reader, children: list[Any]) -> RawObservable:
    words = [reader.word(c) for c in children if c.type == "NAME"]
    return RawObservable(words[0], words[-1], _summary(children))


def _clamp(reader: Reader, children: list[Any]) -> tuple[Word, list[Expression]]:
    return reader.word(children[0]), [reader.expression(child) for child in children[1:]]


def _feedback(reader: Reader, children: list[Any]) -> RawFeedback:
    target, couplings, source, sign, biases, every, within = (reader.word(token) for token in children)
    if sign.text != "+" or couplings.text != "J" or biases.text != "h":
        reader.findings.add("B020", "the feedback is written NAME = J NAME + h every NAME within NAME", couplings.at)
        raise Unreadable
    return RawFeedback(target, source, every, within)


_STATEMENTS: dict[str, Callable[[Reader, list[Any]], Any]] = {
    "parameter": _parameter,
    "noise": _value,
    "state": _value,
    "definitions": _value,
    "inputs": _input,
    "uses": _input,
    "equation": _equation,
    "assignment": _assignment,
    "jump": _assignment,
    "adds": _assignment,
    "condition": _condition,
    "crossing": _crossing,
    "refractory": _refractory,
    "weight": lambda reader, children: (reader.word(children[0]), reader.unit(children[1])),
    "text": lambda reader, children: _text(children[0]),
    "observe": _observable,
    "clamp": _clamp,
    "feedback": _feedback,
    "order": lambda reader, children: [reader.word(token) for token in children],
    "spins": lambda reader, children: (reader.word(children[0]), _summary(children)),
    "clock": lambda reader, children: reader.word(children[0]),
}
_EXPRESSIONS: dict[str, Callable[[Reader, list[Any]], Expression]] = {
    "number": Reader.number,
    "quantity": Reader.number,
    "symbol": Reader.symbol,
    "group": Reader.group,
    "negation": Reader.negation,
    "binary": Reader.binary,
    "call": Reader.call,
}


# --- what is said about a statement that can't be parsed --------------------------------------------

_FORMS = {
    "": 'before the first section stand texts in quotes: "what the model is"',
    "source": 'source: "where the model is from"',
    "parameters": 'a parameter is `NAME = 20 mV > 0 mV fixed "summary"`',
    "noise": "the noise is `noise: NAME = 2 mV`",
    "state": 'a state is `NAME = initial value "summary"`',
    "inputs": 'an input is `NAME : unit "summary"`',
    "uses": "a line of `uses:` is `NAME : unit`",
    "definitions": 'a definition is `NAME = expression "summary"`',
    "step": "an equation is `dNAME/dt = expression using METHOD`, an assignment `NAME := expression`",
    "then": "an equation is `dNAME/dt = expression using METHOD`, an assignment `NAME := expression`",
    "spike": "a threshold is `spike: v > Vt` or `spike: v crosses 20 mV`",
    "reset": "a line of `reset:` is `NAME := expression`",
    "refractory": "a refractory time is `refractory: 2 ms` or `refractory: 2 ms inclusive`",
    "receive": "a line of `receive:` is `weight : unit` or `NAME += weight`",
    "adds": "a line of `adds:` is `NAME += expression`",
    "observe": 'a line of `observe:` is `NAME = VARIABLE "summary"`',
    "clamp": "`clamp: NAME`, or `clamp: NAME in -1, 1`",
    "feedback": "the feedback is `feedback: NAME = J NAME + h every NAME within NAME`",
    "order": "`order: step, spike, receive, reset`",
    "spins": "`spins: NAME`",
    "clock": "`clock: time` or `clock: sweeps`",
}
_MARKS = {
    "#": "comments start with a semicolon",
    "'": 'texts stand in double quotes: "text"',
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`, or != for unequal",
    "?": "write where(condition, value, other value)",
}


_LATER = frozenset({"using", "unless", "fixed", "inclusive", "every", "within"})


def _hint(statement: Statement, before: str, found: str) -> str:
    form = _FORMS.get(statement.section, "")
    changing = statement.section in ("step", "then", "reset")
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


def _shown(text: str) -> str:
    first = text.split("\n")[0]
    return first[:30] + ("..." if len(first) > 30 or first != text else "")
