"""Checks of a program's couplings, biases and terms: the dynamic range of their sum, and symmetry.

The energy of a state sums J, h and T in a 64-bit float, which has 53 significant bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from bioasm.isa.findings import Finding
from bioasm.isa.program import DataRef, Dense, Program, Random, Sparse, Stored
from bioasm.isa.storage import EXACT
from bioasm.models.base import SPINS
from bioasm.network.network import Network
from bioasm.units import spell_number
from bioasm.verifier.data import PIECE, pieces
from bioasm.verifier.dataflow import Flow, reached

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOADS = ("LDJ", "LDJS", "LDH", "LDT")


class _Range(NamedTuple):
    """Dynamic range: the smallest and the largest magnitude of coefficients other than 0."""

    least: float
    most: float


def check_landscape(program: Program, flow: Flow, network: Network) -> Iterator[tuple[int, Finding]]:
    """Warnings about the loaded coefficients, each at the index of its instruction."""
    loaded = [(index, _data(program, operand)) for index, operand in _loads(program, flow)]
    yield from _wide(loaded)
    place = network.landscape
    if place is not None and network.populations[place].model.kind == SPINS:
        for index, value in loaded:
            finding = _asymmetric(value) if program.instructions[index].row.mnemonic == "LDJ" else None
            if finding is not None:
                yield index, finding


def _loads(program: Program, flow: Flow) -> Iterator[tuple[int, DataRef]]:
    for mnemonic in LOADS:
        for index, instruction in reached(program, flow, mnemonic):
            operand = instruction.operands[0]
            if isinstance(operand, DataRef):
                yield index, operand


def _data(program: Program, operand: DataRef) -> Stored:
    value = program.data[operand.index].value
    assert not isinstance(value, Random)
    return value


# --- sizes ------------------------------------------------------------------------------------------


def _wide(loaded: list[tuple[int, Stored]]) -> Iterator[tuple[int, Finding]]:
    ranges = {index: found for index, value in loaded if (found := _range(value)) is not None}
    if not ranges:
        return
    most, least = max(r.most for r in ranges.values()), min(r.least for r in ranges.values())
    finding = too_wide(least, most)
    if finding is not None:
        yield max(k for k, r in ranges.items() if least in r or most in r), finding


def too_wide(least: float, most: float) -> Finding | None:
    """The warning that a 64-bit float can't hold the smallest and the largest magnitude in one sum, or None."""
    if most <= EXACT * least:
        return None
    text = f"coefficients range from {most:g} down to {least:g}, and a sum of them holds no more than 53 binary digits"
    hint = "states that differ by the small ones alone get one energy; smaller penalties keep them apart"
    return Finding("B311", text, hint, "warning")


def _range(value: Stored) -> _Range | None:
    import numpy as np

    least, most = np.inf, 0.0
    for piece in pieces(value.array if isinstance(value, Dense) else value.value):
        size = np.abs(piece[piece != 0].astype(np.float64))
        if size.size:
            least, most = min(least, float(size.min())), max(most, float(size.max()))
    return _Range(least, most) if most else None


# --- symmetry ---------------------------------------------------------------------------------------


def _asymmetric(value: Stored) -> Finding | None:
    """The warning that J is not symmetric: its symmetric part acts on spins."""
    found = _different(value.array) if isinstance(value, Dense) else _unmatched(value) if isinstance(value, Sparse) else None
    if found is None:
        return None
    i, j, one, other = found
    text = f"J is not symmetric: J[{i}][{j}] is {spell_number(one)}, J[{j}][{i}] is {spell_number(other)}"
    told = f"spins feel the mean of both, {spell_number(one / 2 + other / 2)}; write `symmetric`, or both halves alike"
    return Finding("B132", text, told, "warning")


def _different(array: NDArray[Any]) -> tuple[int, int, float, float] | None:
    """The first entry at which a square matrix differs from its transpose, compared in blocks of rows."""
    import numpy as np

    rows = max(1, PIECE // max(1, len(array)))
    for start in range(0, len(array), rows):
        differs = array[start : start + rows] != array[:, start : start + rows].T
        if differs.any():
            k, j = (int(x) for x in np.argwhere(differs)[0])
            return start + k, j, float(array[start + k, j]), float(array[j, start + k])
    return None


def _unmatched(matrix: Sparse) -> tuple[int, int, float, float] | None:
    """The first entry of a sparse matrix that differs from its mirror image; entries are sorted by row and column."""
    import numpy as np

    if matrix.symmetric:
        return None
    kept = matrix.value != 0
    row, column, value = matrix.row[kept], matrix.column[kept], matrix.value[kept]
    mirrored = np.lexsort((row, column))
    same = (row == column[mirrored]) & (column == row[mirrored]) & (value == value[mirrored])
    for k in np.flatnonzero(~same)[:1].tolist():
        i, j = min((int(row[k]), int(column[k])), (int(column[mirrored][k]), int(row[mirrored][k])))
        here = value[(row == i) & (column == j)], value[(row == j) & (column == i)]
        return i, j, *(float(v[0]) if v.size else 0.0 for v in here)  # type: ignore[return-value]
    return None
