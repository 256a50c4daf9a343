"""The gate: what passes here can be run without further checks of its shape."""

from __future__ import annotations

from dataclasses import dataclass

from bioasm.diagnostics import Diagnostic
from bioasm.isa.program import Program
from bioasm.models import Model


@dataclass(frozen=True, eq=False, slots=True)
class Verified:
    """A program that passed the gate: its model, its number of neurons (0 without ALC), and warnings."""

    program: Program
    model: Model
    n: int
    warnings: tuple[Diagnostic, ...] = ()
