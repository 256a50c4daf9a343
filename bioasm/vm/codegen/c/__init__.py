"""The C runtime of a program's dynamics: hand-written C of the kernels' work around a generated step."""
