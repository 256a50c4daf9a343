"""Capability checks of code generation targets: standalone C++ programs, and Cython."""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.diagnostics import Diagnostic
from bioasm.drivers.brian2.cell import Cell, Part
from bioasm.drivers.brian2.exact import coupled_events
from bioasm.isa.program import ConstantRef, Program, Quantity
from bioasm.models.base import SPINS, Equation
from bioasm.models.expression import Binary, Expression, Negation, Symbol
from bioasm.network.references import EventRef, Resolved, VariableRef
from bioasm.verifier.abilities import attached
from bioasm.verifier.gate import Verified

_BEFORE = frozenset({"MODEL", "ALC", "POP", "SET", "SIG", "CUR", "INP", "REC"})
_ANYWHERE = frozenset({"RD", "HLT"})
_HINT = "target=cython compiles as well, and runs every program"


def standalone_problems(verified: Verified, own_noise: bool) -> Iterator[Diagnostic]:
    """Diagnostics that rule out C++: instructions that need Python during the run, and the common noise of all drivers."""
    if verified.model.kind == SPINS:
        yield _refused("spins are swept in Python")
        return
    ran = False
    for cables in verified.network.cables:
        yield _refused(f"it has cells of cable ({cables.cell.name}), which Python fills Brian2's SpatialNeuron from")
    for instruction in verified.instructions:
        text = _against(instruction, ran)
        if text is not None:
            yield _refused(text, instruction)
        ran = ran or instruction.mnemonic == "RUN"
    if not own_noise:
        yield from _noisy(verified)


def cython_problems(verified: Verified) -> Iterator[Diagnostic]:
    """Diagnostics that rule out Cython: coupled event-driven equations, which numpy solves at each event."""
    for instruction in verified.instructions:
        projection = attached(verified, instruction)
        model = projection.synapse if projection else None
        if model is not None and coupled_events(model):
            text = f"target cython can't solve the event-driven equations of {model.name} that read each other's states"
            yield Diagnostic("B502", text, instruction.span, hint="target=numpy runs every program")


def _refused(text: str, instruction: Resolved | None = None, hint: str = _HINT) -> Diagnostic:
    span = instruction.span if instruction else None
    return Diagnostic("B502", f"target cpp_standalone can't run this program: {text}", span, hint=hint)


def _against(instruction: Resolved, ran: bool) -> str | None:
    """The reason why an instruction can't be part of a C++ program, or None. `ran`: whether a RUN comes before it.

    Registers need no check: instructions that write them are refused, and the gate ensures that reads follow writes.
    """
    mnemonic = instruction.mnemonic
    if mnemonic == "RUN" and ran:
        return "a second RUN, while there is one program for one RUN"
    if mnemonic not in _BEFORE | _ANYWHERE | {"RUN"}:
        return f"{mnemonic} needs Python while the neurons run"
    if mnemonic in _BEFORE and ran:
        return f"{mnemonic} after the RUN"
    if mnemonic == "REC" and isinstance(instruction.operands[0], EventRef):
        return "REC of an event, whose times C++ does not hand over"
    counts = mnemonic == "REC" and any(isinstance(o, VariableRef) and o.name == "spike_count" for o in instruction.operands)
    return "REC of spike_count, which is counted from the spikes after the run" if counts else None


# --- noise --------------------------------------------------------------------------------------------


def _noisy(verified: Verified) -> Iterator[Diagnostic]:
    """The first population with nonzero noise: the common random numbers of all drivers come from Python."""
    for one in verified.network.populations:
        cell = Cell([Part(one.name, one.model)])
        equations = [item for stage in one.model.stages for item in stage if isinstance(item, Equation)]
        factors = [cell.written_out(cell.parts[0], factor) for e in equations for _, factor in e.noise]
        name = cell.variable(cell.parts[0], one.model.noise_name) if one.model.noise_name else ""
        level = _level(verified.program, one.model.noise_default)
        if not all(level == 0.0 and _vanishes(factor, name) for factor in factors):
            hint = "noise=own lets the C++ program draw its own, SIG 0 switches it off"
            yield _refused(f"the noise of {one.model.name} is drawn in Python", hint=hint)
            return


def _level(program: Program, default: float) -> float:
    """The noise level of the last SIG, NaN where it is not constant; `default` without a SIG."""
    for instruction in reversed(program.instructions):
        if instruction.mnemonic == "SIG":
            (level,) = instruction.operands
            return float(program.quantity(level).value) if isinstance(level, Quantity | ConstantRef) else float("nan")
    return default


def _vanishes(factor: Expression, name: str) -> bool:
    """Whether an expression is provably zero where `name` is."""
    match factor:
        case Symbol(found):
            return found == name
        case Negation("-", operand):
            return _vanishes(operand, name)
        case Binary("*", left, right):
            return _vanishes(left, name) or _vanishes(right, name)
        case Binary("/", left, _):
            return _vanishes(left, name)
        case Binary("+" | "-", left, right):
            return _vanishes(left, name) and _vanishes(right, name)
    return False
