"""Limits of the size of a model's text, equal to the rows model_... of bioasm/isa/limits.py, a layer above the models."""

from __future__ import annotations

LONGEST = 1 << 20  # characters of a text
DEEPEST = 150  # levels of an expression, all that it needs put in; what walks through one then fits the stack
LARGEST = 20000  # parts of an expression, all that it needs put in, which can double with each definition
MOST_COUPLED = 6  # exact equations of one system, whose propagator takes 20 products of matrices, all written out
