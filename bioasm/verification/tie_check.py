"""Tie check: whether different best states have equal energies, recomputed from the program's data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import DataRef
from bioasm.network.network import has_landscape
from bioasm.results import Result
from bioasm.runtime.elimination import elimination
from bioasm.runtime.energy import PARTS, Couplings, Landscape
from bioasm.verifier.gate import Verified

Array = NDArray[Any]


def same_energy(verified: Verified, first: Result, second: Result, tolerance: float) -> Array | None:
    """For each lane, whether the best states of both sides have equal energies; None where couplings are loaded repeatedly."""
    landscape = _landscape(verified)
    if landscape is None or first.best_state.shape != second.best_state.shape:
        return None
    a, b = (landscape.energy(_own(verified, r.best_state).astype(np.float64)) for r in (first, second))
    scale = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
    return np.asarray(np.abs(a - b) <= tolerance * scale)


def _own(verified: Verified, states: Array) -> Array:
    """The states of the neurons that the landscape couples."""
    eliminated, (first, n) = elimination(verified), _where(verified)
    return states[:, first : first + n] if eliminated is None else eliminated.left(states)


def _where(verified: Verified) -> tuple[int, int]:
    found = next(p for p in verified.network.populations if has_landscape(p.model))
    return found.first, found.n


def _landscape(verified: Verified) -> Landscape | None:
    """The landscape of a program that loads each part once, else None."""
    if not any(has_landscape(p.model) for p in verified.network.populations):
        return None
    loads = [i for i in verified.program.instructions if i.mnemonic in PARTS]
    if len({i.mnemonic for i in loads}) < len(loads):
        return None
    couplings = Couplings()
    for instruction in loads:
        (operand,) = instruction.operands
        assert isinstance(operand, DataRef)
        couplings = couplings.with_part(instruction.mnemonic, verified.program.data[operand.index].value)
    return Landscape(_where(verified)[1], couplings)
