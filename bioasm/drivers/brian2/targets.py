"""Brian2's global settings during a run, which are restored afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import brian2
import numpy as np
from brian2.core.functions import DEFAULT_FUNCTIONS

from bioasm.drivers.brian2.printer import functions


@contextmanager
def target(name: str, seed: int | None) -> Iterator[None]:
    """Context manager: code generation target of Brian2, and an optional seed of its own random numbers."""
    codegen, ours, numpy = brian2.prefs.codegen, functions(), brian2.prefs.codegen.runtime.numpy
    before, random = (codegen.target, codegen.loop_invariant_optimisations), np.random.get_state()
    checked = numpy.discard_units
    codegen.target = name
    codegen.loop_invariant_optimisations = False  # compute expressions as they are written
    numpy.discard_units = True  # else each call of exprel formats a message with its whole result, which is discarded
    DEFAULT_FUNCTIONS.update(ours)  # Brian2 looks functions up there when it parses with sympy
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
