"""Command words of the chips: `rhd` with 16 bits, `rhs` with 32 bits."""
