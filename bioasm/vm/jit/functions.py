"""Functions of kernels: Python that is translated once for each combination of types, and writers of LLVM instructions."""

from __future__ import annotations

import ast
import builtins
import itertools
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

    def __post_init__(self) -> None:
        _source(self.function.__code__.co_filename)

    @property
    def __name__(self) -> str:
        return self.function.__name__

    @cached_property
    def definition(self) -> Definition:
        """The syntax tree of its source."""
        code = self.function.__code__
        found = _definitions(code.co_filename).get(code.co_firstlineno)
        if found is None or found.name != code.co_name:
            raise OSError(f"the source of {code.co_name} is missing or has changed: {code.co_filename}")
        return found

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
    _source(function.__code__.co_filename)
    return Intrinsic(function)


# By file name. A file is read when its functions are defined: it may be another one when they are translated.
_sources: dict[str, str] = {}
_found: dict[str, dict[int, Definition]] = {}  # functions by their first lines
_numbers = itertools.count()


def remember(source: str) -> str:
    """Keep the source of code that no file holds; its file name, which is no other's, as threads compile at once."""
    name = f"<kernel {next(_numbers)}>"
    _sources[name] = source
    return name


def _source(name: str) -> str:
    if name not in _sources:
        _sources[name] = "".join(linecache.getlines(name))
    return _sources[name]


def _definitions(name: str) -> dict[int, Definition]:
    if name not in _found:
        _found[name] = _functions(_source(name))
    return _found[name]


def _functions(source: str) -> dict[int, Definition]:
    """The functions of a source by their first lines, which are those of their decorators."""
    found = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    return {min([node.lineno, *(one.lineno for one in node.decorator_list)]): node for node in found}
