"""Diagnostics of programs, files and runs: places, codes, messages and how they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from bioasm.diagnostics.codes import CODES

EXIT_OK = 0
EXIT_FAULT = 1
EXIT_USAGE = 2
EXIT_DEVICE = 3
EXIT_INTERNAL = 4
EXIT_INTERRUPTED = 130


class Span(NamedTuple):
    """A place in a source: lines and columns count from 1, `end_column` is one past the last character."""

    source: str
    line: int
    column: int = 1
    end_column: int = 1


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: its code, the message in the user's words, where it is and what would mend it.

    `excerpt` is the source line at `span`, kept so that a finding can be shown after its source is gone.
    """

    code: str
    message: str
    span: Span | None = None
    hint: str | None = None
    excerpt: str | None = None
    severity: str = "error"

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise KeyError(f"{self.code} is not in the table of error codes")


class BioasmError(Exception):
    """One or more diagnostics that stop the work; `exit_code` is the exit code of a command.

    `partial` is the partial result, for a run its Result so far, or None. Its string is what the command line prints.
    """

    partial: Any = None

    def __init__(self, *diagnostics: Diagnostic, exit_code: int = EXIT_FAULT) -> None:
        super().__init__(*diagnostics)
        self.diagnostics = diagnostics
        self.exit_code = exit_code

    def __str__(self) -> str:
        from bioasm.diagnostics.render import render_text

        return render_text(self.diagnostics).rstrip("\n")

    def _render_traceback_(self) -> list[str]:
        """The lines that a notebook shows in place of a traceback."""
        return str(self).split("\n")


def error(
    code: str,
    message: str,
    *,
    span: Span | None = None,
    hint: str | None = None,
    excerpt: str | None = None,
    exit_code: int = EXIT_FAULT,
) -> BioasmError:
    """A `BioasmError` with one diagnostic, ready to be raised."""
    return BioasmError(Diagnostic(code, message, span, hint, excerpt), exit_code=exit_code)


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` is most likely a misspelling of, or None."""
    import difflib

    lowered = {c.lower(): c for c in candidates}
    found = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """A hint that names the nearest candidate, or None where none is near."""
    near = nearest(word, candidates)
    return f"did you mean {near}?" if near else None
