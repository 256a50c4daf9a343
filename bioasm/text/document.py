"""The concrete syntax tree of a text: lines with labels, a mnemonic or directive, operands and comments, names unresolved."""

from __future__ import annotations

from typing import NamedTuple

from bioasm.diagnostics import Diagnostic, Span

_EXCERPT = 200


class Item(NamedTuple):
    """One token or literal of a statement, verbatim, at the offsets `start` to `end` from the statement's first character.

    `form` is `label`, `instruction`, `directive`, `number`, `word`, `string`, `dense`, `sparse`, `terms`, `random`,
    `file` or `block`.
    `extra` is the unit of a number, the type before a literal, and the second string of a file.
    """

    form: str
    text: str
    start: int = 0
    end: int = 0
    extra: str = ""


class Statement(NamedTuple):
    """Labels, then a mnemonic or directive with its operands; `value` is after an equals sign, or in braces.

    A statement has no place, so that equal statements of a text are one object.
    """

    labels: tuple[Item, ...] = ()
    head: Item | None = None
    operands: tuple[Item, ...] = ()
    value: Item | None = None


class Line(NamedTuple):
    """A statement at `offset` in the text, at `number` and `column`, and the comment after it (with its semicolon).

    A line without a statement is a comment. `blank_before`: empty lines precede it.
    """

    statement: Statement | None
    comment: str = ""
    offset: int = 0
    number: int = 1
    column: int = 1
    blank_before: bool = False


class Document(NamedTuple):
    """A parsed text: its lines, its diagnostics, and the words of unreadable statements."""

    source: str
    text: str
    lines: list[Line]
    diagnostics: list[Diagnostic]
    lost_words: set[str]

    def span(self, line: Line, start: int, end: int) -> Span:
        """The place of `start` to `end` in `line`, relative to its statement."""
        text, first = self.text, line.offset + start
        above = text.count("\n", line.offset, first)
        column = first - text.rfind("\n", line.offset, first) if above else line.column + start
        line_end = text.find("\n", first, line.offset + end)
        width = (end - start) if line_end < 0 else line_end - first
        return Span(self.source, line.number + above, column, column + width)

    def excerpt(self, line: Line, start: int) -> str:
        """The source line at offset `start` of `line`, truncated if very long."""
        first = line.offset + start
        begin, end = self.text.rfind("\n", 0, first) + 1, self.text.find("\n", first)
        return self.text[begin : len(self.text) if end < 0 else end][: max(_EXCERPT, first - begin + 40)]

    def finding(self, code: str, message: str, line: Line, item: Item, hint: str | None = None) -> Diagnostic:
        """A diagnostic that points at `item`."""
        place = self.span(line, item.start, item.end)
        return Diagnostic(code, message, place, hint, self.excerpt(line, item.start))
