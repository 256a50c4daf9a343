"""Name resolution: the instructions of a program that passed all checks, with references in place of words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bioasm.isa.program import Instruction, Name, Operand, Program, Quantity
from bioasm.models.base import Model
from bioasm.network.namespace import INPUT, PARAMETER, READABLE, VARIABLE, NameSpace, is_step
from bioasm.network.network import ADD
from bioasm.network.references import (
    ALL,
    SPIKE_COUNT,
    STATE,
    InputRef,
    ParameterRef,
    PortRef,
    ProjectionRef,
    Reference,
    Resolved,
    RunRef,
    VariableRef,
    default_input,
    default_port,
)

Operands = tuple[Operand | Reference, ...]
_ADD = Name(ADD)


def resolve(names: NameSpace, program: Program) -> tuple[Resolved, ...]:
    """All instructions of a program, none of which was found wrong."""
    return tuple(_resolved(names, instruction) for instruction in program.instructions)


def _resolved(names: NameSpace, instruction: Instruction) -> Resolved:
    mnemonic, operands = instruction.mnemonic, instruction.operands
    resolved: Operands = operands
    if mnemonic in _IMPLIED:
        return Resolved(instruction.row, (_IMPLIED[mnemonic](names), *operands), instruction.span, 1)
    if mnemonic == "RD" and not operands:
        return Resolved(instruction.row, (STATE,), instruction.span, 1)
    if mnemonic in _RESOLVERS:
        resolved = _RESOLVERS[mnemonic](names, *operands)
    return Resolved(instruction.row, resolved, instruction.span)


# --- what is not written ----------------------------------------------------------------------------


def _default_input(names: NameSpace) -> InputRef:
    found = default_input(names.network)
    assert found is not None
    return found


def _default_port(names: NameSpace) -> PortRef:
    found = default_port(names.network)
    assert found is not None
    return found


_IMPLIED: Mapping[str, Callable[[NameSpace], Reference]] = {
    "CUR": _default_input,
    "WAVE": _default_input,
    "SPK": _default_port,
    "POI": _default_port,
}

# --- what is ----------------------------------------------------------------------------------------


def parameter(names: NameSpace, word: str) -> ParameterRef | ProjectionRef | None:
    """The parameter of the network that a word means, None where it means none or several."""
    found = names.projected(word)
    if found is not None:
        kept = names.projection_parameter(*found)
        return None if kept is None else ProjectionRef(found[0].name, kept, word)
    member = names.member(PARAMETER, word)
    if member is None:
        return None
    return ParameterRef(ALL if is_step(member.thing) else member.instance.name, member.thing, word)


def _set(names: NameSpace, name: Name, value: Operand) -> Operands:
    found = parameter(names, name.text)
    assert found is not None
    if isinstance(value, Name):
        value = Quantity(dict(found.parameter.words)[value.text])
    return found, value


def _input(names: NameSpace, name: Name, *operands: Operand) -> Operands:
    found = names.member(INPUT, name.text)
    assert found is not None
    return InputRef(found.instance.name, found.thing.name), *operands


def _port(names: NameSpace, name: Name, *operands: Operand) -> Operands:
    owner, _, port = name.text.partition(".")
    return PortRef(owner, port), *operands


def _inp(names: NameSpace, name: Name, value: Operand, how: Operand = _ADD) -> Operands:
    return *_input(names, name, value), how


def _variable(names: NameSpace, name: Name, *operands: Operand) -> Operands:
    found = names.member(VARIABLE, name.text)
    assert found is not None
    return VariableRef(found.instance.name, found.thing.name, name.text), *operands


def _peek(names: NameSpace, to: Operand, name: Name, neuron: Operand) -> Operands:
    return to, *_variable(names, name, neuron)


def _get(names: NameSpace, to: Operand, name: Name) -> Operands:
    return to, _read(names, name.text)


def _rd(names: NameSpace, name: Name) -> Operands:
    return (_read(names, name.text),)


def _read(names: NameSpace, word: str) -> RunRef | VariableRef:
    """An observable: of the run, of all populations together, or a variable of one part of the network."""
    found = names.joint(word)
    if found is not None and (found.shape != "neurons" or word == "best_state"):
        return RunRef(word)
    if found is not None and word in (STATE.name, SPIKE_COUNT.name):
        return STATE if word == STATE.name else SPIKE_COUNT
    member = names.member(READABLE, word)
    assert member is not None
    return VariableRef(member.instance.name, shown(member.instance.model, member.thing.name), word)


def shown(model: Model, name: str) -> str:
    """The variable of a model that an observable shows; a variable shows itself."""
    observable = model.observable(name)
    return observable.variable if observable is not None and observable.variable else name


_RESOLVERS: Mapping[str, Callable[..., Operands]] = {
    "SET": _set,
    "INP": _inp,
    "PLAY": _input,
    "EVT": _port,
    "RATE": _port,
    "REC": _variable,
    "UNREC": _variable,
    "PEEK": _peek,
    "GET": _get,
    "RD": _rd,
}
