"""Compressed sparse rows (CSR): where the rows start."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def starts(counts: Array) -> Array:
    """Exclusive prefix sum of row lengths, with the total at the end: int64 (rows + 1,)."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
