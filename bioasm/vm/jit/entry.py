"""Compilation of a kernel's own function, which is called from C."""

from __future__ import annotations

from typing import Any, NamedTuple

from bioasm.vm.jit.functions import Device
from bioasm.vm.jit.module import Module
from bioasm.vm.jit.native import machine_code
from bioasm.vm.jit.statements import translate
from bioasm.vm.jit.types import Signature


class Native(NamedTuple):
    """A compiled function: its name in the object code."""

    name: str
    code: bytes


def assembly(function: Any, signature: Signature) -> str:
    """A function of Python and all that it calls as LLVM's assembly."""
    module = Module(translate)
    module.entry(Device(function), signature, function.__name__)
    return str(module.ir)


def compiled(function: Any, signature: Signature) -> Native:
    """A function of Python as object code with a C function of its name."""
    return Native(function.__name__, machine_code(assembly(function, signature)))
