"""Brian2's global settings for the time of a run, put back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import brian2
import numpy as np


@contextmanager
def target(name: str, seed: int | None) -> Iterator[None]:
    """Let Brian2 make code for a target, and draw its own numbers from a seed where one is given."""
    before, random = brian2.prefs.codegen.target, np.random.get_state()
    brian2.prefs.codegen.target = name
    if seed is not None:
        brian2.seed((seed ^ seed >> 32) & 0xFFFFFFFF)
    try:
        yield
    finally:
        brian2.prefs.codegen.target = before
        np.random.set_state(random)
