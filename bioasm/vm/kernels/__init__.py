"""The compiled part of the machine. Only these files import numba, and only when a kernel has to be compiled."""
