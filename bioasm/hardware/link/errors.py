"""Errors of a link: lost, or refused by the board. All others are plain BioasmErrors with their own codes."""

from __future__ import annotations

from bioasm.diagnostics import EXIT_DEVICE, BioasmError, Diagnostic
from bioasm.hardware.link.messages import Refused, Request


class LinkLost(BioasmError):
    """The board can't be reached any more (B504, exit code 3). Received data are kept."""

    def __init__(self, why: str, hint: str | None = None) -> None:
        super().__init__(Diagnostic("B504", f"the link to the board was lost: {why}", hint=hint), exit_code=EXIT_DEVICE)


class BoardRefused(BioasmError):
    """The board refused a request (B514); `refused` has the limit, the value, and the place."""

    def __init__(self, request: str, refused: Refused) -> None:
        super().__init__(Diagnostic("B514", _told(request, refused)))
        self.refused = refused


def request_name(request: Request) -> str:
    """The name of a request in messages."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in type(request).__name__)
    return words.strip()


def _told(request: str, refused: Refused) -> str:
    """Format the refusal as one sentence."""
    reason = refused.text or refused.reason.name.lower().replace("_", " ")
    if refused.value != refused.value or "the limit is" in reason:  # which tells the numbers with their units
        return f"the board refused `{request}`: {reason}"
    allowed = f", allowed {refused.allowed:g}" if refused.allowed == refused.allowed else ""
    return f"the board refused `{request}`: {reason} ({refused.subject} {refused.value:g}{allowed})"
