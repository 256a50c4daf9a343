"""Few random words by Python's whole numbers: those of arrays."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.runtime import random
from bioasm.runtime.random import threefry


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (0,)])
def test_few_words_are_those_of_arrays(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(1)
    few = draw.integers(0, 1 << 32, (20, *shape), np.uint32)
    given = [((few[k], 0xFFFFFFFF), (np.uint32(k), few[k + 1])) for k in range(19)]
    ours = [threefry(*one) for one in given]
    monkeypatch.setattr(random, "_FEW", -1)
    for found, one in zip(ours, given, strict=True):
        for words, expected in zip(found, threefry(*one), strict=True):
            assert words.dtype == np.uint32 and words.shape == shape and words.flags.c_contiguous
            assert words.tobytes() == np.asarray(expected).tobytes()
