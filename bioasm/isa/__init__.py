"""The instruction set: the instruction table, operand kinds, the immutable Program, and limits."""
