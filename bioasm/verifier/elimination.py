"""Checks of LDE: the table of eliminated spins of a problem, in elimination order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bioasm.isa.findings import Finding, Found
from bioasm.isa.limits import limit
from bioasm.isa.program import Data, Dense

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = 8  # z, h, and three pairs of a spin and its coupling
_FORM = "a row is `z, h, a, Ja, b, Jb, c, Jc`, with -1 and 0 in places that are not needed"


def check_elimination(value: Data, n: int) -> Found:
    """Check that a datum is a table of eliminated spins beside n remaining ones: B106, B111."""
    if not isinstance(value, Dense) or len(value.shape) != 2 or value.shape[1] != COLUMNS:
        yield Finding("B106", f"eliminated spins are a dense matrix with {COLUMNS} columns", _FORM)
    elif n + value.shape[0] > limit("neurons"):
        yield Finding("B111", f"with those eliminated there are {n + value.shape[0]} spins; the limit is {limit('neurons')}")
    else:
        fault = _fault(value.array, n + value.shape[0])
        if fault is not None:
            yield Finding("B106", *fault)


def _fault(rows: NDArray[Any], n: int) -> tuple[str, str] | None:
    """The fault of the first wrong row, and a hint; n is the number of all spins."""
    import numpy as np

    spins, others = rows[:, 0], rows[:, 2::2]
    if not _among(spins, 0, n).all():
        row = int(np.argmin(_among(spins, 0, n)))
        return f"row {row} eliminates spin {spins[row]:g}, which is none of the {n}", _FORM
    gone_at = np.full(n, len(rows), np.int64)
    gone_at[spins.astype(np.int64)] = np.arange(len(rows))
    if (gone_at[spins.astype(np.int64)] != np.arange(len(rows))).any():
        return "a spin is eliminated twice", "each row eliminates another spin"
    if not _among(others, -1, n).all():
        row = int(np.argmin(_among(others, -1, n).all(axis=1)))
        return f"row {row} names a spin that is none of the {n}", _FORM
    place = others.astype(np.int64)
    early = (place >= 0) & (gone_at[place] <= np.arange(len(rows))[:, None])
    if early.any():
        row = int(np.argmax(early.any(axis=1)))
        return f"row {row} follows a spin that was eliminated before it, or itself", "rows are in the order of elimination"
    loose = (place < 0) & (rows[:, 3::2] != 0)
    if loose.any():
        return f"row {int(np.argmax(loose.any(axis=1)))} has a coupling to no spin", _FORM
    return None


def _among(numbers: NDArray[Any], low: int, n: int) -> NDArray[Any]:
    """The mask of numbers that are integers in [low, n)."""
    import numpy as np

    found: NDArray[Any] = (numbers == np.floor(numbers)) & (numbers >= low) & (numbers < n)
    return found
