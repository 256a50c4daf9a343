"""What the tests of morphologies share: cells from a few lines, and what is wrong with others."""

from __future__ import annotations

import pytest

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.morphology.cell import Cell, read_cell

STICK = "branch soma: length 20 um, diameter 20 um\nbranch dend from soma: length 100 um, diameter 2 um to 1 um"


def cell(*lines: str, tree: str = STICK) -> Cell:
    """The cell of a tree and further lines, which begin on line 2 of cell.basm."""
    return read_cell("\n".join([".cell one {", tree, *lines, "}"]), "cell.basm")


def fault(*lines: str, tree: str = STICK) -> Diagnostic:
    """The one thing that is wrong with it."""
    with pytest.raises(BioasmError) as caught:
        cell(*lines, tree=tree)
    (found,) = caught.value.diagnostics
    assert found.span is not None and found.span.source == "cell.basm"
    return found
