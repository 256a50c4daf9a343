"""Functions of kernels: Python that is translated once for each combination of types, and writers of LLVM instructions."""

from __future__ import annotations

import ast
import builtins
import linecache
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType
from typing import Any

Definition = ast.FunctionDef


@dataclass(frozen=True, eq=False)
class Device:
    """A function of the kernel language; with `inlined` it is always copied into its callers."""

    function: FunctionType
    inlined: bool = False

    @property
    def __name__(self) -> str:
        return self.function.__name__

    @cached_property
    def definition(self) -> Definition:
        """The syntax tree of its source."""
        code = self.function.__code__
        return _definitions(code.co_filename)[code.co_firstlineno]

    @cached_property
    def locals(self) -> frozenset[str]:
        """The names of its parameters and variables."""
        return frozenset(self.function.__code__.co_varnames)

    @cached_property
    def known(self) -> dict[str, Any]:
        """What its other names mean: builtins, those of its module, and those of the functions around it."""
        free = zip(self.function.__code__.co_freevars, self.function.__closure__ or (), strict=True)
        return vars(builtins) | self.function.__globals__ | {name: cell.cell_contents for name, cell in free}


@dataclass(frozen=True, eq=False)
class Intrinsic:
    """A function of the types of arguments that returns a signature and what writes its instructions."""

    write: Callable[..., Any]


def device(function: Any) -> Any:
    """The decorator of a function that is translated where a kernel calls it."""
    return Device(function)


def inlined(function: Any) -> Any:
    """`device`, copied into its callers."""
    return Device(function, inlined=True)


def intrinsic(function: Any) -> Any:
    """The decorator of a writer of instructions."""
    return Intrinsic(function)


_found: dict[str, dict[int, Definition]] = {}  # functions by file name and first line


def remember(name: str, source: str) -> None:
    """Tell the source of code that no file holds, by the file name that it was compiled with."""
    _found[name] = _functions(source)


def _definitions(name: str) -> dict[int, Definition]:
    if name not in _found:
        _found[name] = _functions("".join(linecache.getlines(name)))
    return _found[name]


def _functions(source: str) -> dict[int, Definition]:
    """The functions of a source by their first lines, which are those of their decorators."""
    found = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    return {min(node.lineno, *(one.lineno for one in node.decorator_list), node.lineno): node for node in found}
