"""The decorator of every function that is compiled into a kernel."""

from __future__ import annotations

from numba import njit

# Functions are called from kernels only, so wrappers for Python would be compiled in vain; a division by zero gives an
# infinity or NaN as in numpy, because a check in a loop would keep it from the vector units.
device = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")
inlined = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy", forceinline=True)
