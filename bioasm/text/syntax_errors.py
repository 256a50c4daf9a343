"""Diagnostics of syntax errors, with the place and a hint."""

from __future__ import annotations

import re

from lark import Token, UnexpectedInput, UnexpectedToken

from bioasm.diagnostics import Diagnostic
from bioasm.isa.limits import limit
from bioasm.isa.modeltext import KINDS
from bioasm.isa.table import BY_MNEMONIC
from bioasm.text.document import Document, Item, Line

_BRACKETS = re.compile(r"[][]|;[^\n]*+")
_BRACES = re.compile(r'[{}]|;[^\n]*+|"(?:[^"\\]|\\[\s\S])*+"|"')
_QUOTES = "a text in quotes that is not closed takes the rest of the block with it"
_HEAD_OF_BLOCK = re.compile(rf"[ \t]*\.(?:{'|'.join(KINDS)})\b", re.IGNORECASE)
_REST_OF_LINE = re.compile(r"[^\n]*+")
_FRESH_LINE = re.compile(r"\n(?=[ \t]*\.?[^\W\d])")
# Recovery after an unclosed block must not take its lines for statements: none is a directive or an instruction in
# capitals.
_FRESH_STATEMENT = re.compile(rf"\n(?=[ \t]*(?:\.[^\W\d]|(?:{'|'.join(BY_MNEMONIC)})\b))")
_SHOWN = 30

_FORM = "a line is `label: MNEMONIC operand, operand ; comment`, or a directive that starts with a dot"
_COMMAS = "operands are separated by commas"


def complaint(document: Document, line: Line, said: str, fault: UnexpectedInput) -> Diagnostic:
    """The diagnostic for the statement `said`, for which the parser raised `fault`."""
    start = min(fault.pos_in_stream or 0, len(said))
    token = fault.token if isinstance(fault, UnexpectedToken) else None
    if token is not None and token.type == "$END":
        return _at_end(document, line, said)
    found = str(token) if token is not None else _run(said, start)
    item = Item("", found, start, start + len(found.split("\n")[0]))
    hint = _hint(said[:start].rstrip(), found, token)
    return document.finding("B001", f"{_quoted(found)} can't stand here", line, item, hint)


def _at_end(document: Document, line: Line, said: str) -> Diagnostic:
    last = said[-1]
    wants = {",": "an operand is missing after the comma", "=": "a value is missing after the equals sign"}
    message = wants.get(last, "the line ends too early")
    return document.finding("B001", message, line, Item("", last, len(said) - 1, len(said)))


def _run(said: str, start: int) -> str:
    """The token-like run at `start`, a word or one character, for the message."""
    found = re.compile(r"[\w.]+|.", re.DOTALL).match(said, start)
    return found[0] if found else ""


def _quoted(found: str) -> str:
    first = found.split("\n")[0]
    if len(first) == 1 and not first.isprintable():
        return f"the character U+{ord(first):04X}"
    return f"`{first[:_SHOWN]}{'...' if len(first) > _SHOWN or first != found else ''}`"


def _hint(before: str, found: str, token: Token | None) -> str | None:
    """A hint how to correct the statement, from the tokens before the fault and at it."""
    marked = next((hint for marks, hint in _MARKS.items() if found[0] in marks), None)
    if marked:
        return marked
    if not before or before.endswith(":"):
        return _FORM
    if found == "=":
        return "only .const and .data take an equals sign"
    if found[0] in "+-" and len(found) == 1:
        return "a sign stands directly before its number; registers are negated by NEG"
    if found[0] == ":":
        return "a label is one name and stands at the start of its line"
    if before.endswith(",") or found[0] == ",":
        return "between two commas stands one operand"
    if before.lstrip().startswith("."):
        return "docs/language.md shows the forms of the directives"
    return _COMMAS if token is not None else None


_MARKS = {
    "#/": "comments start with a semicolon",
    "'": 'texts stand in double quotes: "text"',
    "(*": "random values are uniform(...), normal(...), lognormal(...), choice(...); arithmetic is done by ADD, MUL, ...",
}


def too_long(document: Document, line: Line) -> Diagnostic:
    """The diagnostic of a statement over the limit of length."""
    message = f"the statement is longer than {limit('statement')} characters beside its data and quoted texts"
    return document.finding("B111", message, line, Item("", "", 0, 1))


# --- what is not closed -----------------------------------------------------------------------------


def unclosed(document: Document, line: Line, fault: int) -> tuple[Diagnostic, int]:
    """The diagnostic of the unclosed quote or bracket at `fault`, and the offset to resume at."""
    opening = document.text[fault]
    start = fault - line.offset
    item = Item("", opening, start, start + 1)
    if opening == '"':
        past = _line_end(document.text, fault)
        hint = 'a quote inside of a text is written \\"'
        return document.finding("B001", "the text in quotes is not closed on its line", line, item, hint), past
    return _bracket(document, line, item, fault)


def _bracket(document: Document, line: Line, item: Item, fault: int) -> tuple[Diagnostic, int]:
    opening = item.text
    if opening == "{" and _HEAD_OF_BLOCK.match(document.text, line.offset):
        return _block(document, line, item, fault)
    end = _closing(document.text, fault, _BRACKETS if opening == "[" else _BRACES, opening)
    if end is None:
        closing = "]" if opening == "[" else "}"
        message = f"`{opening}` is not closed by a `{closing}`"
        return document.finding("B001", message, line, item), _fresh_line(document.text, fault)
    what = "a matrix has two levels of brackets" if opening == "[" else "braces can't stand in braces"
    return document.finding("B010", what, line, item), _line_end(document.text, end)


def _block(document: Document, line: Line, item: Item, fault: int) -> tuple[Diagnostic, int]:
    """The diagnostic for a model's block with nested braces, an unclosed text, or without its closing brace."""
    text, past = document.text, _fresh_line(document.text, fault, _FRESH_STATEMENT)
    end = _closing(text, fault, _BRACES, "{")
    closed = end is not None and end <= past
    stray = next((mark for mark in _BRACES.finditer(text, fault + 1, end or past) if mark[0] in ("{", '"')), None)
    if stray is None or not (closed or stray[0] == '"'):
        hint = _QUOTES if '"' in text[fault:past] else None
        return document.finding("B001", "`{` is not closed by a `}`", line, item, hint), past
    messages = {"{": "braces can't stand in the braces of a model", '"': "the text in quotes is not closed"}
    spot = Item("", stray[0], stray.start() - line.offset, stray.end() - line.offset)
    return document.finding("B001", messages[stray[0]], line, spot), _line_end(text, end) if end and closed else past


def _closing(text: str, start: int, marks: re.Pattern[str], opening: str) -> int | None:
    """Bracket matching by depth: the end of the bracket at `start`, None where it is unclosed."""
    depth = 0
    for mark in marks.finditer(text, start):
        if mark[0] in "[]{}":
            depth += 1 if mark[0] == opening else -1
        if depth == 0:
            return mark.end()
    return None


def _fresh_line(text: str, start: int, fresh: re.Pattern[str] = _FRESH_LINE) -> int:
    """The end of the line before the next one that starts with a word, as statements do, but not numbers."""
    found = fresh.search(text, start)
    return found.start() if found else len(text)


def _line_end(text: str, start: int) -> int:
    found = _REST_OF_LINE.match(text, start)
    return found.end() if found else len(text)
