"""Limits of the size of a model's text, equal to the rows model_... of bioasm/isa/limits.py, a layer above the models."""

from __future__ import annotations

LONGEST = 1 << 20  # characters of a text
DEEPEST = 150  # depth of an expression after substitution of all definitions, so that recursion over it fits the stack
LARGEST = 20000  # nodes of an expression after substitution of all definitions, each of which can double it
MOST_COUPLED = 6  # exact equations of one system: its propagator is unrolled into 20 matrix products
