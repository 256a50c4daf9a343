"""Ising couplings as text: spin-glass files."""

from __future__ import annotations

import numpy as np

from bioasm.problems.graph import read_entries, report_repeats
from bioasm.problems.numbers import Faults
from bioasm.problems.polynomial import SPIN, Polynomial
from bioasm.problems.qubo import from_entries


def read_ising(content: bytes, source: str) -> Polynomial:
    """A spin glass: `n m`, then m lines `i j J`, or `i i h` for a bias, spins counted from 1.

    The energy is -sum of J s_i s_j over the lines - sum of h s_i. Lines that begin with #, % or c are comments.
    Raises BioasmError: B304 with the lines that are wrong, B111.
    """
    faults = Faults(source, content)
    entries = read_entries(content, faults, "spins", "lines", needs_value=True)
    i, j = np.minimum(entries.i, entries.j), np.maximum(entries.i, entries.j)
    report_repeats(i, j, entries.line, faults, "entry", first=1)
    faults.stop()
    return from_entries(entries.n, i, j, -entries.value, SPIN)
