"""Rows of numbers as text."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.problems.rows import spelled_rows


@pytest.mark.parametrize("top", [1, 10, 11, 10**9, 1 << 40])
@pytest.mark.parametrize("order", [2, 3])
def test_rows_are_as_python_spells_them(top: int, order: int) -> None:
    draw = np.random.default_rng(top)
    columns = draw.integers(0, top, (70000, order))
    values = draw.choice([0.5, -1.0, 1e-9, 12.25], len(columns))
    rows = zip(columns.tolist(), values.tolist(), strict=True)
    told = [" ".join([*map(str, row), repr(value)]) for row, value in rows]
    assert "\n".join(spelled_rows(columns, values, repr)).split("\n") == told


def test_no_rows() -> None:
    assert list(spelled_rows(np.zeros((0, 2), np.int64), np.zeros(0), repr)) == []
