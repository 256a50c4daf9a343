"""Optimisation of a kernel's module and its machine code, for the host's processor or the one that is told.

`BIOASM_CPU_NAME` and `BIOASM_CPU_FEATURES` (names of LLVM) choose another processor.
"""

from __future__ import annotations

import os
from typing import Any

import llvmlite.binding as llvm

OPTIMISATION = 3


def cpu_name() -> str:
    """The processor that kernels are compiled for, by LLVM's name."""
    return os.environ.get("BIOASM_CPU_NAME") or str(llvm.get_host_cpu_name())


def cpu_features() -> str:
    """Its features, each with + or -."""
    told = os.environ.get("BIOASM_CPU_FEATURES")
    return told if told is not None else str(llvm.get_host_cpu_features().flatten())


def machine_code(text: str) -> bytes:
    """The object code of a module in LLVM's assembly, optimised as a whole."""
    module, machine = optimised(text)
    return bytes(machine.emit_object(module))


def optimised(text: str) -> tuple[Any, Any]:
    """A module in LLVM's assembly after optimisation, and the target machine that it was optimised for."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = _target_machine()
    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = llvm.get_process_triple(), str(machine.target_data)
    module.verify()
    _optimise(module, machine)
    return module, machine


def _target_machine() -> Any:
    """The target of code that is loaded into a process: static relocation on x86."""
    target = llvm.Target.from_triple(llvm.get_process_triple())
    reloc = "static" if llvm.Target.from_default_triple().name.startswith("x86") else "default"
    told: dict[str, Any] = {"cpu": cpu_name(), "features": cpu_features(), "reloc": reloc, "codemodel": "jitdefault"}
    return target.create_target_machine(opt=OPTIMISATION, jit=True, **told)


def _optimise(module: Any, machine: Any) -> None:
    """LLVM's passes of level 3 with the loop vectoriser; nothing that reorders floating-point operations."""
    if not hasattr(llvm, "create_pass_builder"):
        _optimise_as_before(module, machine)
        return
    tuning = llvm.create_pipeline_tuning_options()
    tuning.speed_level, tuning.loop_vectorization, tuning.slp_vectorization = OPTIMISATION, True, False
    passes = llvm.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(module, passes)


def _optimise_as_before(module: Any, machine: Any) -> None:
    """The same through the pass manager that llvmlite had before 0.44."""
    builder, passes = llvm.create_pass_manager_builder(), llvm.create_module_pass_manager()
    builder.opt_level, builder.inlining_threshold = OPTIMISATION, 275
    builder.loop_vectorize, builder.slp_vectorize = True, False
    machine.add_analysis_passes(passes)
    builder.populate(passes)
    passes.run(module)
