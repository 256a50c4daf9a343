"""Name resolution: the instructions of a checked program, with references in place of words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bioasm.isa.findings import Finding
from bioasm.isa.program import Instruction, Name, Operand, Program, Quantity
from bioasm.models.base import Event, Model
from bioasm.network.namespace import INPUT, PARAMETER, READABLE, RECORDABLE, VARIABLE, Member, NameSpace, is_step
from bioasm.network.network import ADD
from bioasm.network.references import (
    ALL,
    SPIKE_COUNT,
    STATE,
    CellsRef,
    EventRef,
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
from bioasm.verifier.painting import painted_by
from bioasm.verifier.pairwise import pairwise_by, takes_pairwise

Operands = tuple[Operand | Reference, ...]
_ADD = Name(ADD)


def resolve(names: NameSpace, program: Program) -> tuple[Resolved, ...]:
    """Resolve all instructions of a checked program."""
    return tuple(_resolved(names, program, instruction) for instruction in program.instructions)


def _resolved(names: NameSpace, program: Program, instruction: Instruction) -> Resolved:
    mnemonic, operands = instruction.mnemonic, instruction.operands
    resolved: Operands = operands
    if mnemonic in _IMPLIED:
        return Resolved(instruction.row, (_IMPLIED[mnemonic](names), *operands), instruction.span, 1)
    if mnemonic == "RD" and not operands:
        return Resolved(instruction.row, (STATE,), instruction.span, 1)
    if mnemonic == "SET":
        resolved = _set(names, program, *operands)  # type: ignore[arg-type]
    elif mnemonic in _RESOLVERS:
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
    """Resolve a word to a parameter of the network; None for an unknown or ambiguous one."""
    found = names.projected(word)
    if found is not None:
        kept = names.projection_parameter(*found)
        return None if kept is None else ProjectionRef(found[0].name, kept, word)
    member = names.member(PARAMETER, word)
    if member is None:
        return None
    return ParameterRef(ALL if is_step(member.thing) else member.instance.name, member.thing, word, member.part)


def _set(names: NameSpace, program: Program, name: Name, value: Operand) -> Operands:
    found = parameter(names, name.text)
    if found is None:
        member = names.settable(name.text)
        assert member is not None
        return VariableRef(member.instance.name, member.thing.name, name.text, member.part), value
    if not isinstance(value, Name):
        return found, value
    return found, _formula(names, program, found, value.text) or Quantity(dict(found.parameter.words)[value.text])


def _formula(names: NameSpace, program: Program, ref: ParameterRef | ProjectionRef, text: str) -> Reference | None:
    """The formula of a parameter in a text; None where the text is one of the parameter's words."""
    if isinstance(ref, ParameterRef):
        return painted_by(names.network, program, ref, text)
    projection = names.network.projection(ref.owner)
    assert projection is not None
    if not takes_pairwise(projection, ref.parameter):
        return None
    found = pairwise_by(names.network, program, projection, ref.parameter, text)
    assert not isinstance(found, Finding)
    return found


def _input(names: NameSpace, name: Name, *operands: Operand) -> Operands:
    found = names.member(INPUT, name.text)
    assert found is not None
    return InputRef(found.instance.name, found.thing.name, found.part), *operands


def _port(names: NameSpace, name: Name, *operands: Operand) -> Operands:
    found = names.port(name.text)
    assert isinstance(found, Member)
    return PortRef(found.instance.name, found.thing, found.part), *operands


def _inp(names: NameSpace, name: Name, value: Operand, how: Operand = _ADD) -> Operands:
    return *_input(names, name, value), how


def _variable(names: NameSpace, name: Name, *operands: Operand) -> Operands:
    found = names.member(VARIABLE, name.text)
    assert found is not None
    return VariableRef(found.instance.name, found.thing.name, name.text, found.part), *operands


def _cells(names: NameSpace, held: Operand | None = None, *operands: Operand) -> Operands:
    if not isinstance(held, Name):
        return operands if held is None else (held, *operands)
    found = names.cells(held.text)
    assert isinstance(found, range)
    return CellsRef(found), *operands


def _recorded(names: NameSpace, name: Name, *operands: Operand) -> Operands:
    found = names.member(RECORDABLE, name.text)
    assert found is not None
    if isinstance(found.thing, Event):
        return EventRef(found.instance.name, found.thing.name, name.text), *operands
    return VariableRef(found.instance.name, found.thing.name, name.text, found.part), *operands


def _peek(names: NameSpace, to: Operand, name: Name, neuron: Operand) -> Operands:
    return to, *_variable(names, name, neuron)


def _get(names: NameSpace, to: Operand, name: Name) -> Operands:
    return to, _read(names, name.text)


def _rd(names: NameSpace, name: Name) -> Operands:
    return (_read(names, name.text),)


def _read(names: NameSpace, word: str) -> RunRef | VariableRef | EventRef:
    """An observable: of the run, of all populations together, or a variable of one part of the network."""
    found = names.joint(word)
    if found is not None and (found.shape != "neurons" or word == "best_state"):
        return RunRef(word)
    if found is not None and word in (STATE.name, SPIKE_COUNT.name):
        return STATE if word == STATE.name else SPIKE_COUNT
    member = names.member(READABLE, word)
    assert member is not None
    if isinstance(member.thing, Event):
        return EventRef(member.instance.name, member.thing.name, word)
    return VariableRef(member.instance.name, shown(member.instance.model, member.thing.name), word, member.part)


def shown(model: Model, name: str) -> str:
    """The variable of a model that an observable or variable name denotes."""
    observable = model.observable(name)
    return observable.variable if observable is not None and observable.variable else name


_RESOLVERS: Mapping[str, Callable[..., Operands]] = {
    "INP": _inp,
    "PLAY": _input,
    "EVT": _port,
    "RATE": _port,
    "REC": _recorded,
    "UNREC": _recorded,
    "PEEK": _peek,
    "CLAMP": _cells,
    "FREE": _cells,
    "GET": _get,
    "RD": _rd,
}
