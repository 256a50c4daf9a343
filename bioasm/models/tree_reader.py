"""Recursive descent over Lark's parse trees: expressions, units and words of a statement, with their places."""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import Any

from lark import Token, Tree

from bioasm.diagnostics import did_you_mean
from bioasm.models.dimensions import quantity
from bioasm.models.expression import FUNCTIONS, Binary, Call, Expression, Negation, Number, Place, Symbol
from bioasm.models.findings import Findings, shown
from bioasm.models.limits import DEEPEST
from bioasm.models.syntax_tree import Word, place_of
from bioasm.units import MEASURES, Exponents, parse_unit
from bioasm.wholes import Rounded

# A name in place of an unreadable expression; it gives no further findings.
UNKNOWN = "?"
_UNITS_HINT = "a unit is an SI prefix and a symbol, such as ms, mV, nS or uA/cm2"


class TreeReader:
    """Reader of parts of a text's statements; `groups` are the places of expressions with their parentheses."""

    def __init__(self, findings: Findings) -> None:
        self.findings, self.places = findings, findings.places
        self.start = 0
        self.groups: dict[int, Place] = {}

    def begin(self, start: int) -> None:
        """Begin a statement that starts at this character of the text."""
        self.start = start
        self.groups.clear()

    # --- places and findings ------------------------------------------------------------------------

    def at(self, token: Token) -> Place:
        """The place of a token."""
        start = self.start + (token.start_pos or 0)
        return self.places.of(start, start + len(token))

    def word(self, token: Token) -> Word:
        """A token with its place."""
        return Word(str(token), self.at(token))

    # --- expressions --------------------------------------------------------------------------------

    def expression(self, tree: Any) -> Expression:
        """The expression of a parse tree."""
        build: Callable[[TreeReader, list[Any]], Expression] = _EXPRESSIONS[tree.data]
        return build(self, tree.children)

    def number(self, children: list[Token]) -> Expression:
        """A number, or a number and its unit, in one token."""
        return self._quantity(self.at(children[0]), *_split(children[0]))

    def _quantity(self, at: Place, number: str, unit: str) -> Expression:
        try:
            return Number(*quantity(number, unit), at)
        except Rounded as fault:
            self.findings.add("B115", str(fault), at, fault.hint)
            return Symbol(UNKNOWN, at)
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
            self.findings.add("B009", f"`{shown(number)}` does not fit a 64-bit float", at)

    def symbol(self, children: list[Token]) -> Expression:
        """A name, `pi`, or a unit alone, which is the quantity 1."""
        token = children[0]
        if token == "pi":
            return Number(pi, at=self.at(token))
        if _is_unit(token):
            return self._quantity(self.at(token), "1", str(token))
        return Symbol(str(token), self.at(token))

    def group(self, children: list[Any]) -> Expression:
        """An expression in parentheses; its place in a larger one includes them."""
        inner = self.expression(children[1])
        self.groups[id(inner)] = span(self.at(children[0]), self.at(children[2]))
        return inner

    def negation(self, children: list[Any]) -> Expression:
        """-x or not x; +x is x."""
        operand = self.expression(children[1])
        sign = str(children[0])
        return operand if sign == "+" else Negation(sign, operand, span(self.at(children[0]), self.extent(operand)))

    def extent(self, node: Expression) -> Place:
        """The place of an expression, with the parentheses around it."""
        return self.groups.get(id(node)) or place_of(node)

    def binary(self, children: list[Any]) -> Expression:
        """Two operands and the operator between them; `0.1/ms` or `2 mV*ms^2` is one number, rounded once."""
        left, sign, right = children
        literal, last = _literal(left), _unit_tokens(right)
        if sign.type in ("SLASH", "MUL") and literal and last:
            at = span(self.at(literal[0]), self.at(last[-1]))
            return self._quantity(at, literal[1], f"{literal[2]}{sign}{''.join(last)}")
        if sign.type == "POWER" and left.data == "quantity":
            hint = f"write ({left.children[0]})^..., or a unit such as cm2"
            self.findings.add("B020", "it is not clear whether the unit is raised too", self.at(sign), hint)
        one, other = self.expression(left), self.expression(right)
        operator = "^" if sign.type == "POWER" else str(sign)
        return Binary(operator, one, other, span(self.extent(one), self.extent(other)))

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
        return Call(str(name), arguments, span(at, self.at(last)))

    def unit(self, tree: Any) -> Exponents | None:
        """The unit of a declaration; None for an unknown one."""
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
    """The hint for an unknown unit: those that differ only in case, else the most similar one."""
    import difflib

    alike = [unit for unit in MEASURES if unit.lower() == word.lower()]
    near = alike or difflib.get_close_matches(word, MEASURES, n=1)
    return f"did you mean {' or '.join(near)}?" if near else None


def _literal(tree: Any) -> tuple[Token, str, str] | None:
    """The first token, the number and the unit of a literal, also of a literal times or over units; None for other trees."""
    if tree.data in ("number", "quantity"):
        return tree.children[0], *_split(tree.children[0])
    if tree.data == "binary" and tree.children[1].type in ("SLASH", "MUL"):
        inner, unit = _literal(tree.children[0]), _unit_tokens(tree.children[2])
        if inner and unit:
            return inner[0], inner[1], f"{inner[2]}{tree.children[1]}{''.join(unit)}"
    return None


def _unit_tokens(tree: Any) -> list[Token]:
    """The tokens of a unit or its integer power, such as `ms` or `ms^-2`; none for other trees."""
    tokens = list(tree.scan_values(lambda _: True))
    wanted = ["NAME", "POWER", "SIGN", "NUMBER"] if len(tokens) == 4 else ["NAME", "POWER", "NUMBER"][: len(tokens)]
    fits = [token.type for token in tokens] == wanted and len(tokens) != 2 and _is_unit(tokens[0])
    return tokens if fits and tokens[-1].isdigit() == (len(tokens) > 1) else []


def _is_unit(token: Token) -> bool:
    return len(token) > 1 and str(token) in MEASURES


def span(first: Place, last: Place) -> Place:
    """The place from `first` to `last`, or to the end of `first` where `last` is on a later line."""
    return first[0], first[1], last[2] if last[0] == first[0] else first[2]


_EXPRESSIONS: dict[str, Callable[[TreeReader, list[Any]], Expression]] = {
    "number": TreeReader.number,
    "quantity": TreeReader.number,
    "symbol": TreeReader.symbol,
    "group": TreeReader.group,
    "negation": TreeReader.negation,
    "binary": TreeReader.binary,
    "call": TreeReader.call,
}


def is_too_deep(tree: Tree[Token]) -> bool:
    """Whether a parse tree is deeper than the limit, by breadth-first traversal without recursion."""
    level, depth = [tree], 0
    while level and depth < DEEPEST:
        level = [child for node in level for child in node.children if isinstance(child, Tree)]
        depth += 1
    return bool(level)
