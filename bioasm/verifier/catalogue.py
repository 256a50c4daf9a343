"""Lookup of models, mechanisms and synapses by name: the program's own first, then those of the library."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bioasm.diagnostics import BioasmError, Diagnostic, Span
from bioasm.isa.modeltext import CELL
from bioasm.isa.program import ModelText, Program
from bioasm.models import MODELS
from bioasm.models.base import MECHANISM, NEURON, SPINS, SYNAPSE, Model
from bioasm.models.heads import HEADS

if TYPE_CHECKING:
    from bioasm.morphology.cell import Cell


class Catalogue:
    """The models of one program. Its own are parsed at once, those of the library on demand."""

    def __init__(self, program: Program) -> None:
        self.own: dict[str, Model] = {}
        self.cells: dict[str, Cell] = {}
        self.diagnostics: list[Diagnostic] = []
        for text in program.models:
            self._read(text)

    def _read(self, text: ModelText) -> None:
        try:
            if text.kind == CELL:
                self.cells[text.name] = parsed_cell(text)
            else:
                self.own[text.name] = parsed(text)
        except BioasmError as fault:
            self.diagnostics += fault.diagnostics

    def kind(self, name: str) -> str | None:
        """NEURON, MECHANISM or SYNAPSE, NEURON also of spins; None where there is no model of this name."""
        if name in self.own:
            found = self.own[name].kind
            return NEURON if found == SPINS else found
        return HEADS[MODELS.kind(name)] if name in MODELS else None

    def neuron(self, name: str) -> Model | None:
        """The neuron model called `name`; None also for a mechanism or synapse."""
        return self._of_kind(name, NEURON)

    def mechanism(self, name: str) -> Model | None:
        """The mechanism called `name`; None also for anything else."""
        return self._of_kind(name, MECHANISM)

    def synapse(self, name: str) -> Model | None:
        """The synapse called `name`; None also for anything else."""
        return self._of_kind(name, SYNAPSE)

    def _of_kind(self, name: str, kind: str) -> Model | None:
        return self.own.get(name) or MODELS[name] if self.kind(name) == kind else None

    def names(self, kind: str) -> Iterator[str]:
        """The names of all models of a kind."""
        return (name for name in {**self.own, **dict.fromkeys(MODELS)} if self.kind(name) == kind)


def parsed(text: ModelText) -> Model:
    """Parse the text of a model. Raises BioasmError with all errors, at their places in the program's file."""
    from bioasm.models.text import parse_model

    content, source, line = _placed(text)
    return parse_model(content, source=source, line=line)


def parsed_cell(text: ModelText) -> Cell:
    """Parse the text of a cell. Raises BioasmError with the error at its place in the program's file."""
    from bioasm.morphology.cell import read_cell  # most programs have no cells that are trees

    return read_cell(*_placed(text))


def place_in_text(program: Program, model: Model, said: str) -> Span | None:
    """The place of the line that begins with `said`, such as `v_post :`, in a program's own model; None for the library's."""
    text = next((one for one in program.models if one.name == model.name and one.span), None)
    if text is None:
        return None
    content, source, line = _placed(text)
    name, sign = map(re.escape, said.split())
    found = re.search(rf"^[ \t]*(?:uses:|adds:)?[ \t]*({name})[ \t]*{sign}", content, re.MULTILINE)
    if found is None:
        return None
    start, end = found.span(1)
    column = start - content.rfind("\n", 0, start)
    return Span(source, line + content.count("\n", 0, start), column, column + end - start)


def _placed(text: ModelText) -> tuple[str, str, int]:
    """A text, its source and line; it is padded with blanks to its column in the source."""
    if text.span is None:
        return text.text, f"<{text.kind} {text.name}>", 1
    return " " * (text.span.column - 1) + text.text, text.span.source, text.span.line
