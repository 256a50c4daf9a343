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


def assembly(function: Any, signature: Signature) -> tuple[str, str]:
    """The name of a function of Python, and with all that it calls LLVM's assembly of it."""
    module = Module(translate)
    name = module.entry(Device(function), signature)
    return name, str(module.ir)


def compiled(function: Any, signature: Signature) -> Native:
    """A function of Python as object code with a C function."""
    name, text = assembly(function, signature)
    return Native(name, machine_code(text))
