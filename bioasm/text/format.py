"""Canonical formatter of programs: layout is normalised, comments and spellings of numbers are kept."""

from __future__ import annotations

from bioasm.diagnostics import BioasmError
from bioasm.text.parser import parse
from bioasm.text.printer import print_lines


def format_text(text: str, *, source: str = "<text>") -> str:
    """Format a text; idempotent.

    Raises BioasmError for syntax errors only.
    """
    document = parse(text, source)
    if document.diagnostics:
        raise BioasmError(*document.diagnostics)
    return print_lines(document.lines)
