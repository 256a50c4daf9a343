"""The words that blocks in texts of models begin with, and the kinds of models that they are.

Apart from the rest of the language: the two forms of a program need these words and nothing else of models.
"""

from __future__ import annotations

# After the dot of a block: the word, and the kind; `spins:` makes a neuron model one of spins.
HEADS = {"model": "neuron", "mechanism": "mechanism", "synapse": "synapse"}
