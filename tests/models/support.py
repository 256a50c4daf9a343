"""What the tests of the mirrors share: recorded outputs of the original systems, and how far two traces are apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

REFS = Path(__file__).resolve().parents[3] / "shared" / "refs"
AREA = 2 * np.pi * 3 * 6  # um2, the cylinder of all one-compartment recordings


def recorded(name: str) -> Any:
    """A file of recorded outputs."""
    path = REFS / name
    if not path.exists():
        pytest.skip(f"the recorded outputs {name} are not here")
    return np.load(path, allow_pickle=False)


def worst(a: Any, b: Any) -> float:
    """The largest difference."""
    return float(np.abs(np.asarray(a, dtype=float) - np.asarray(b, dtype=float)).max())


def of_range(found: Any, reference: Any) -> float:
    """The largest difference as a part of the reference's range, or of its size where it is constant."""
    reference = np.asarray(reference, dtype=float)
    return worst(found, reference) / max(np.ptp(reference), 1e-3 * np.abs(reference).max())
