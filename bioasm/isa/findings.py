"""Findings of the verifier: collected over the whole program, located in the source, and bounded in number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bioasm.diagnostics import Diagnostic, Span, did_you_mean
from bioasm.isa.limits import limit
from bioasm.isa.program import Instruction


class Finding(NamedTuple):
    """One finding without a place: its code, message and hint; a program with warnings alone passes.

    `operand` is the index of the operand at fault; None for the whole instruction. `said` is the beginning of the line of a
    model's text at fault, and `span` its place, where the program has the text.
    """

    code: str
    message: str
    hint: str | None = None
    severity: str = "error"
    operand: int | None = None
    said: str | None = None
    span: Span | None = None

    @property
    def is_warning(self) -> bool:
        """Whether the finding is a warning, with which the program passes."""
        return self.severity == "warning"


Found = Iterator[Finding]


def unknown(code: str, what: str, word: str, known: Iterable[str], owner: str = "") -> Finding:
    """The finding that `word` is none of the `known` names of `owner`; the hint is the most similar of them."""
    names, none = sorted(known), f"{owner} has no" if owner else "there is no"
    return Finding(code, f"{none} {what} {word!r}; known are {', '.join(names)}", did_you_mean(word, names))


class Findings:
    """Errors and warnings in the order found; more errors than `limit("diagnostics")` are not kept."""

    def __init__(self) -> None:
        self.errors: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []

    @property
    def full(self) -> bool:
        """Whether the limit on the number of errors is reached."""
        return len(self.errors) >= limit("diagnostics")

    def of_program(self, found: Iterable[Finding]) -> None:
        """Keep errors without a place in the program's instructions."""
        for finding in found:
            if self.full:
                return
            self.errors.append(Diagnostic(finding.code, finding.message, hint=finding.hint))

    def of_instruction(self, index: int, instruction: Instruction, found: Iterable[Finding]) -> bool:
        """Keep the findings of one instruction; true where there are errors."""
        any_found = False
        for finding in found:
            if finding.is_warning:
                self._warn(placed(index, instruction, finding))
                continue
            any_found = True
            if self.full:
                return True
            self.errors.append(placed(index, instruction, finding))
        return any_found

    def _warn(self, warning: Diagnostic) -> None:
        if len(self.warnings) < limit("diagnostics"):
            self.warnings.append(warning)


def placed(index: int, instruction: Instruction, finding: Finding) -> Diagnostic:
    """The Diagnostic of a finding at its operand or instruction: by spans, or in words where bytecode has no spans."""
    code, message, hint, severity, operand, _, said_at = finding
    span = said_at or instruction.span
    if span is None:
        message = f"instruction {index} ({instruction.row.mnemonic}): {message}"
    elif operand is not None and not said_at and operand < len(instruction.columns):
        column, end = instruction.columns[operand]
        span = span._replace(column=column, end_column=end)
    return Diagnostic(code, message, span, hint, severity=severity)
