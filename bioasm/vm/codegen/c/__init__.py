"""The hand-written part of the C file of a program's dynamics: what the compiled kernels do around a generated step."""
