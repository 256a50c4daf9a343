"""Brian2's global settings for the time of a run, put back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import brian2
import numpy as np
from brian2.core.functions import DEFAULT_FUNCTIONS

from bioasm.drivers.brian2.printer import functions


@contextmanager
def target(name: str, seed: int | None) -> Iterator[None]:
    """Let Brian2 make code for a target, and draw its own numbers from a seed where one is given."""
    codegen, ours, numpy = brian2.prefs.codegen, functions(), brian2.prefs.codegen.runtime.numpy
    before, random = (codegen.target, codegen.loop_invariant_optimisations), np.random.get_state()
    checked = numpy.discard_units
    codegen.target = name
    codegen.loop_invariant_optimisations = False  # expressions are computed as they are written
    numpy.discard_units = True  # else each call of exprel writes a message with its whole result, and throws it away
    DEFAULT_FUNCTIONS.update(ours)  # Brian2 takes expressions through sympy, and only there it looks what a function is
    if seed is not None:
        brian2.seed((seed ^ seed >> 32) & 0xFFFFFFFF)
    try:
        yield
    finally:
        codegen.target, codegen.loop_invariant_optimisations = before
        numpy.discard_units = checked
        for function in ours:
            del DEFAULT_FUNCTIONS[function]
        np.random.set_state(random)
