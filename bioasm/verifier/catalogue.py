"""Which models and mechanisms a program can name: its own first, then those that ship."""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.program import ModelText, Program
from bioasm.models import MODELS, Model
from bioasm.models.base import MECHANISM


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

    def is_mechanism(self, name: str) -> bool | None:
        """Whether the model called `name` is a mechanism; None where there is none of this name."""
        if name in self.own:
            return self.own[name].kind == MECHANISM
        return MODELS.kind(name) == MECHANISM if name in MODELS else None

    def neuron(self, name: str) -> Model | None:
        """The neuron model called `name`; None also for a mechanism."""
        return self.own.get(name) or MODELS[name] if self.is_mechanism(name) is False else None

    def mechanism(self, name: str) -> Model | None:
        """The mechanism called `name`; None also for a neuron model."""
        return self.own.get(name) or MODELS[name] if self.is_mechanism(name) else None

    def names(self, *, mechanisms: bool) -> Iterator[str]:
        """The names of all mechanisms, or of all neuron models."""
        return (name for name in {**self.own, **dict.fromkeys(MODELS)} if self.is_mechanism(name) == mechanisms)


def parsed(text: ModelText) -> Model:
    """The model that a text says. Raises BioasmError with what is wrong with it, at its places in the program's file."""
    from bioasm.models.text import parse_model

    if text.span is None:
        return parse_model(text.text, source=f"<{text.kind} {text.name}>")
    return parse_model(" " * (text.span.column - 1) + text.text, source=text.span.source, line=text.span.line)
