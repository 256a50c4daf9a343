"""Faults of a cell's text, with their places in its file."""

from __future__ import annotations

from typing import NamedTuple

from bioasm.diagnostics import BioasmError, Diagnostic, Span


class Line(NamedTuple):
    """A line of a cell's text, and its place: `column` is that of its first character, counted from 1."""

    text: str
    source: str
    number: int
    column: int = 1

    def fault(self, code: str, message: str, at: int = 0, hint: str | None = None) -> BioasmError:
        """The error that a line is wrong at a character, counted from 0."""
        column = self.column + at
        end = max(column + 1, self.column + len(self.text.rstrip()))
        excerpt = " " * (self.column - 1) + self.text
        return BioasmError(Diagnostic(code, message, Span(self.source, self.number, column, end), hint, excerpt))
