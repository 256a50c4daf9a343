"""Compressed sparse rows (CSR): where the rows start."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def starts(counts: Array) -> Array:
    """Where rows of these lengths start, and the end of the last, int64."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
