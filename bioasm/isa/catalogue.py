"""Which models and mechanisms a program can name: its own first, then those that ship."""

from __future__ import annotations

import bioasm.models
from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.program import ModelText, Program
from bioasm.models import MODELS, Model
from bioasm.models.base import MECHANISM

MECHANISMS = getattr(bioasm.models, "MECHANISMS", {})


class Catalogue:
    """The models of one program. Its own are read at once, shipped ones when they are asked for."""

    def __init__(self, program: Program) -> None:
        self.own: dict[str, Model] = {}
        self.diagnostics: list[Diagnostic] = []
        for text in program.models:
            self._read(text)

    def _read(self, text: ModelText) -> None:
        try:
            self.own[text.name] = parsed(text)
        except BioasmError as fault:
            self.diagnostics += fault.diagnostics

    def neuron(self, name: str) -> Model | None:
        """The neuron model called `name`; None also for a mechanism."""
        own = self.own.get(name)
        return (own if own.kind != MECHANISM else None) if own else MODELS.get(name)

    def mechanism(self, name: str) -> Model | None:
        """The mechanism called `name`; None also for a neuron model."""
        own = self.own.get(name)
        found: Model | None = MECHANISMS.get(name)
        return (own if own.kind == MECHANISM else None) if own else found

    def neurons(self) -> list[str]:
        """The names of all neuron models."""
        return [*(name for name, m in self.own.items() if m.kind != MECHANISM), *(n for n in MODELS if n not in self.own)]

    def mechanisms(self) -> list[str]:
        """The names of all mechanisms."""
        return [*(name for name, m in self.own.items() if m.kind == MECHANISM), *(n for n in MECHANISMS if n not in self.own)]


def parsed(text: ModelText) -> Model:
    """The model that a text says. Raises BioasmError with what is wrong with it, at its places in the program's file."""
    from bioasm.models.text import parse_model

    if text.span is None:
        return parse_model(text.text, source=f"<{text.kind} {text.name}>")
    return parse_model(" " * (text.span.column - 1) + text.text, source=text.span.source, line=text.span.line)
