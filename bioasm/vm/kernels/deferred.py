"""Compile a kernel's functions without making machine code of each on the way: about half the time of a compilation.

Numba optimises and finishes every function that is compiled, although those of a kernel are only ever called from the
kernel, where they are linked in and optimised again. Within `deferred` that work is left to the last step. It reaches into
numba's internals; where they look different, compilation is as slow as numba makes it and the code is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.cpu import CPUContext

_LIBRARY = ("_optimize_final_module", "_finalize_final_module")
_CONTEXT = ("get_executable",)


def _stand_in(self: Any, library: Any, fndesc: Any, env: Any) -> Any:
    """In place of a function's machine code: a new object each time, because numba keeps a table by it."""
    return [].append


@contextmanager
def deferred(entry_name: str) -> Iterator[None]:
    """Finish only the library of the function called `entry_name`."""
    if not all(hasattr(JITCodeLibrary, n) for n in _LIBRARY) or not all(hasattr(CPUContext, n) for n in _CONTEXT):
        yield
        return
    original = {name: getattr(JITCodeLibrary, name) for name in _LIBRARY}
    executable = CPUContext.get_executable

    def only_entry(name: str) -> Any:
        def method(self: Any) -> None:
            if entry_name in self.name:
                original[name](self)
            elif name == "_finalize_final_module":
                self._finalized = True  # linked into others from here on, and never handed to the engine

        return method

    try:
        for name in _LIBRARY:
            setattr(JITCodeLibrary, name, only_entry(name))
        CPUContext.get_executable = _stand_in
        yield
    finally:
        for name, method in original.items():
            setattr(JITCodeLibrary, name, method)
        CPUContext.get_executable = executable
