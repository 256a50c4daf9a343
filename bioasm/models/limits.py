"""How large the text of a model may be: the rows model_... of bioasm/isa/limits.py, which stands above the models."""

from __future__ import annotations

LONGEST = 1 << 20  # characters of a text
DEEPEST = 200  # levels of an expression; what walks through one then fits the stack
LARGEST = 20000  # parts of a definition once those that it needs are put in, which can double at each
