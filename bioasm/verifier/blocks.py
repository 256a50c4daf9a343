"""Checks of BLK: the plan of blocks, a vector of spins with -1 as the separator of blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bioasm.isa.findings import Finding, Found
from bioasm.isa.program import Dense

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FORM = "write the spins of a block in the order in which they are visited, and -1 between two blocks"


def check_plan(value: object, n: int | None) -> Found:
    """Check that a datum is a plan for n spins (None: unknown): B106."""
    import numpy as np

    if not isinstance(value, Dense) or len(value.shape) != 1:
        yield Finding("B106", "the plan of BLK is a vector", _FORM)
        return
    plan: NDArray[Any] = value.array
    wrong = (plan != np.floor(plan)) | (plan < -1) | (plan >= (n if n is not None else np.inf))
    if wrong.any():
        spins, at = "" if n is None else f" of the {n}", int(np.argmax(wrong))
        yield Finding("B106", f"the plan has {plan[at]:g} at place {at}, which is no spin{spins}", _FORM)
    elif not (plan >= 0).any():
        yield Finding("B106", "the plan has no spins", _FORM)
    else:
        yield from _repeated(plan)


def _repeated(plan: NDArray[Any]) -> Found:
    """The first duplicate spin of a block."""
    import numpy as np

    block, spins = np.cumsum(plan < 0)[plan >= 0], plan[plan >= 0]
    order = np.lexsort((spins, block))
    twice = np.flatnonzero((np.diff(block[order]) == 0) & (np.diff(spins[order]) == 0))
    if twice.size:
        spin = spins[order][twice[0]]
        yield Finding("B106", f"spin {spin:g} stands twice in one block of the plan", "each block draws a spin once")
