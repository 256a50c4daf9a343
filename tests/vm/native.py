"""Functions of the kernel language as functions of Python, for tests of parts of kernels."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from bioasm.vm.compiler import object_code
from bioasm.vm.jit.entry import compiled
from bioasm.vm.jit.types import Array, Signature, Tuple, Void
from bioasm.vm.kernel_cache import _link, address_of


def _c_type(kind: Any) -> Any:
    return getattr(ctypes, {"float64": "c_double", "float32": "c_float", "uint1": "c_bool"}.get(str(kind), f"c_{kind}"))


def _c_types(kind: Any) -> list[Any]:
    if isinstance(kind, Tuple):
        return [one for item in kind.items for one in _c_types(item)]
    return [ctypes.c_void_p, ctypes.c_int64] if isinstance(kind, Array) else [_c_type(kind)]


def _parts(argument: Any, kind: Any) -> list[Any]:
    if isinstance(kind, Tuple):
        return list(argument)
    if not isinstance(kind, Array):
        return [argument]
    assert argument.flags.c_contiguous and argument.dtype == np.dtype(str(kind.item))
    return [argument.ctypes.data, argument.size]


def native(function: Any, signature: Signature) -> Callable[..., Any]:
    """The compiled function; arrays are contiguous ones of numpy."""
    kernel = _link(object_code(compiled(function, signature)))  # the caller keeps it, for it owns the machine code
    result = None if isinstance(signature.return_type, Void) else _c_type(signature.return_type)
    types = [one for kind in signature.args for one in _c_types(kind)]
    call = ctypes.CFUNCTYPE(result, *types)(address_of(kernel))

    def with_arrays(*arguments: Any, owner: Any = kernel) -> Any:
        return call(*(part for given, kind in zip(arguments, signature.args, strict=True) for part in _parts(given, kind)))

    return with_arrays


def of_rows(function: Callable[..., Any], rows: int) -> Callable[..., np.ndarray]:
    """The function that returns what another puts into its last argument, a matrix of so many rows."""

    def filled(*x: np.ndarray) -> np.ndarray:
        found = np.zeros((rows, len(x[0])))
        function(*x, found)
        return found

    return filled
