"""The instruction set: the instruction table, operand kinds, units, the immutable Program, limits and the verifier."""
