"""Findings about a model's text: each has a span, and each span reports at most one."""

from __future__ import annotations

import re
from bisect import bisect_right

from bioasm.diagnostics import BioasmError, Diagnostic, Span
from bioasm.models.expression import NOWHERE, Place

MOST = 20


class Places:
    """Line starts of a text, for bisection: characters to lines and columns."""

    def __init__(self, text: str) -> None:
        self.starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def of(self, start: int, end: int) -> Place:
        """The place of the characters from `start` to `end`; at most to the end of the first line."""
        row = bisect_right(self.starts, start)
        column = start - self.starts[row - 1] + 1
        last = self.starts[row] - 1 if row < len(self.starts) else end
        return row, column, column + max(min(end, last) - start, 0)


class Findings:
    """Collects the diagnostics of one text. `line` is the line of `source` on which the text starts."""

    def __init__(self, text: str, source: str, line: int) -> None:
        self.lines = text.split("\n")
        self.source, self.line = source, line
        self.places = Places(text)
        self.found: dict[Place, Diagnostic] = {}

    def add(self, code: str, message: str, at: Place = NOWHERE, hint: str | None = None) -> None:
        """Add a finding; the first at each place is kept. Without a place it is put at the first line."""
        row, column, end = at if at != NOWHERE else (1, 1, 2)
        span = Span(self.source, row + self.line - 1, column, max(end, column + 1))
        excerpt = self.lines[row - 1] if row <= len(self.lines) else None
        self.found.setdefault((row, column, end), Diagnostic(code, message, span, hint, excerpt))

    def stop(self) -> None:
        """Raise BioasmError with all findings in the order of their places, if there are any."""
        if self.found:
            ordered = sorted(self.found.values(), key=lambda d: d.span or ())
            raise BioasmError(*ordered[:MOST])

    def __bool__(self) -> bool:
        return bool(self.found)


def shown(text: str) -> str:
    """The beginning of a text, as messages quote it."""
    first = text.split("\n")[0]
    return first[:30] + ("..." if len(first) > 30 or first != text else "")
