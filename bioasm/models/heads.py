"""Keywords that begin the blocks of models, and their kinds.

In a module of its own, because the text and binary forms of programs need nothing else of the model language.
"""

from __future__ import annotations

# The keyword after the dot of a block, and the kind; the section `spins:` makes a neuron model one of spins.
HEADS = {"model": "neuron", "mechanism": "mechanism", "synapse": "synapse"}
