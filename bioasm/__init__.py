"""BioASM: an assembler and virtual machine for programs that make neurons compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bioasm.api.network import Network
    from bioasm.api.problem import Problem
    from bioasm.api.run import assemble, load, run
    from bioasm.api.solve import solve
    from bioasm.diagnostics import BioasmError
    from bioasm.isa.program import Program
    from bioasm.results import Result
    from bioasm.sweeps import sweep

__version__ = "0.1.0"
__all__ = ["BioasmError", "Network", "Problem", "Program", "Result", "__version__", "assemble", "load", "run", "solve", "sweep"]

# Where each public name lives. It is imported at first use, so that `import bioasm` costs nothing.
_HOMES = {
    "assemble": "bioasm.api.run",
    "load": "bioasm.api.run",
    "run": "bioasm.api.run",
    "solve": "bioasm.api.solve",
    "sweep": "bioasm.sweeps",
    "Network": "bioasm.api.network",
    "Problem": "bioasm.api.problem",
    "BioasmError": "bioasm.diagnostics",
    "Program": "bioasm.isa.program",
    "Result": "bioasm.results",
}


# Modules that are imported at first use.
_MODULES = ("dimod",)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        from importlib import import_module

        return import_module(f"bioasm.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'bioasm' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
