"""Table of the directives: one row each, with its syntax and its action on the assembler's state."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import NamedTuple

from bioasm.diagnostics import Span, did_you_mean
from bioasm.isa.findings import Finding
from bioasm.isa.formulas import work_out
from bioasm.isa.limits import limit
from bioasm.isa.modeltext import CELL, KINDS, instance_fault, model_text
from bioasm.isa.program import ModelText, Quantity, Section
from bioasm.text.assembly import AssemblyState, Place
from bioasm.text.document import Item, Statement
from bioasm.text.operands import DATA_FORMS, Fault, read_number, read_string

Handler = Callable[[AssemblyState, Place, Statement], None]


class Directive(NamedTuple):
    """One directive: its syntax, the forms of its operands, the forms of its value after the equals sign, its action."""

    form: str
    operands: tuple[frozenset[str], ...]
    optional: int
    value: frozenset[str]
    handle: Handler


def apply(state: AssemblyState, place: Place, statement: Statement, head: Item) -> None:
    """Execute a directive. Raises Fault for an unknown or malformed one."""
    directive = DIRECTIVES.get(head.text.lower())
    if directive is None:
        raise Fault("B011", f"there is no directive `{head.text}`", did_you_mean(head.text, DIRECTIVES))
    least = len(directive.operands) - directive.optional
    count = len(statement.operands)
    if statement.labels:
        raise Fault("B001", "a label stands before an instruction or alone", None, statement.labels[0])
    if not (least <= count <= len(directive.operands) or (head.text.lower() == ".loc" and count == 0)):
        raise Fault("B001", f"the form is {directive.form}")
    for item, forms in zip(statement.operands, directive.operands, strict=False):
        _demand(item, forms, directive)
    if (statement.value is None) != (not directive.value):
        raise Fault("B001", f"the form is {directive.form}")
    if statement.value is not None:
        _demand(statement.value, directive.value, directive)
    directive.handle(state, place, statement)


def _demand(item: Item, forms: frozenset[str], directive: Directive) -> None:
    if item.form not in forms:
        raise Fault("B001", f"the form is {directive.form}", None, item)


# --- what they do -----------------------------------------------------------------------------------


def _title(state: AssemblyState, place: Place, statement: Statement) -> None:
    assert statement.head is not None
    _add_metadata(state, statement.head.text.lower()[1:], statement.operands[0], statement.head)


def _meta(state: AssemblyState, place: Place, statement: Statement) -> None:
    key, text = statement.operands
    _add_metadata(state, read_string(key) if key.form == "string" else key.text, text, key)


def _add_metadata(state: AssemblyState, key: str, text: Item, place: Item) -> None:
    """Add metadata of the program; those of included files are ignored."""
    said = read_string(text)
    if len(state.including) > 1:
        return
    if key in state.metadata:
        raise Fault("B008", f"the program has its `{key}` already", None, place)
    state.metadata[key] = said


def _const(state: AssemblyState, place: Place, statement: Statement) -> None:
    assert statement.value is not None
    name = state.define(place, statement.operands[0], local=False)
    try:
        state.names.constants[name] = _constant(state, name, statement.value)
    except Fault as fault:
        state.lost_words.add(name)
        raise Fault(fault.code, fault.message, fault.hint, statement.value) from None


def _constant(state: AssemblyState, name: str, value: Item) -> Quantity:
    """The value of a constant: a number, or a formula over constants defined above it."""
    if value.form == "number":
        return read_number(value)
    text = read_string(value)
    if len(text.encode()) > limit("formula_bytes"):
        raise Fault("B111", f"a formula has at most {limit('formula_bytes')} bytes")
    found = work_out(text, state.names.constants)
    if isinstance(found, Finding):
        raise Fault(found.code, found.message, found.hint)
    state.formulas[name] = text
    return found


def _data(state: AssemblyState, place: Place, statement: Statement) -> None:
    assert statement.value is not None
    name = state.define(place, statement.operands[0], local=True)
    state.names.data[name] = len(state.data)
    state.load(place, statement.value, None if name.startswith("@") else name)


def _include(state: AssemblyState, place: Place, statement: Statement) -> None:
    from bioasm.text.include import include

    include(state, place, statement.operands[0])


def _loc(state: AssemblyState, place: Place, statement: Statement) -> None:
    state.has_given_places = True
    state.given_place = [None]
    if statement.operands:
        source, *numbers = statement.operands
        values = [_whole(item) for item in numbers]
        state.given_place = [Span(read_string(source), *values)]


def _section(state: AssemblyState, place: Place, statement: Statement) -> None:
    kind, flags, content = statement.operands
    try:
        unpacked = binascii.a2b_base64(read_string(content), strict_mode=True)
    except ValueError:
        raise Fault("B001", "the content of a section is not in base64", None, content) from None
    if len(state.sections) >= limit("sections"):
        raise Fault("B111", f"a program has at most {limit('sections')} sections")
    state.sections.append(Section(_whole(kind), _whole(flags), unpacked))


def _model(state: AssemblyState, place: Place, statement: Statement) -> None:
    assert statement.head is not None and statement.value is not None
    kind, item = statement.head.text.lower()[1:], statement.operands[0]
    fault = instance_fault(item.text)
    if fault is not None:
        raise Fault("B015", f"`{item.text[:40]}` can't be the name of a {kind}: {fault}", None, item)
    if item.text in state.models:
        first = state.models[item.text]
        hint = f"it is defined at {first.span.source}:{first.span.line}" if first.span else None
        raise Fault("B008", f"`{item.text}` is a {first.kind} already", hint, item)
    if len(state.models) >= limit("models"):
        raise Fault("B111", f"a program has at most {limit('models')} models and mechanisms", None, item)
    block = _with_samples(statement.value, place) if kind == CELL else statement.value.text
    text = model_text(kind, item.text, block)
    if len(text.encode()) > limit("model_bytes"):
        raise Fault("B111", f"the text of a {kind} has at most {limit('model_bytes')} bytes", None, item)
    state.models[item.text] = ModelText(kind, item.text, text, place.span(statement.head, item))


def _with_samples(item: Item, place: Place) -> str:
    from bioasm.text.cells import with_samples  # most programs have no cells that are trees

    return with_samples(item, place)


def _whole(item: Item) -> int:
    """Parse an integer of at most 32 bits, decimal or hexadecimal."""
    try:
        value = int(item.text, 16 if item.text[:2].lower() == "0x" else 10) if len(item.text) <= 12 else -1
    except ValueError:
        value = -1
    if item.extra or not 0 <= value < 1 << 32:
        raise Fault("B009", "a whole number from 0 to 4294967295 is wanted here", None, item)
    return value


_NAME, _TEXT, _NUMBER = frozenset({"word"}), frozenset({"string"}), frozenset({"number"})
_BLOCK = frozenset({"block"})
_NOTHING: frozenset[str] = frozenset()

DIRECTIVES: dict[str, Directive] = {
    ".title": Directive('.title "text"', (_TEXT,), 0, _NOTHING, _title),
    ".author": Directive('.author "text"', (_TEXT,), 0, _NOTHING, _title),
    ".source": Directive('.source "text"', (_TEXT,), 0, _NOTHING, _title),
    ".meta": Directive('.meta KEY "text"', (_NAME | _TEXT, _TEXT), 0, _NOTHING, _meta),
    ".const": Directive('.const NAME = number or "formula"', (_NAME,), 0, _NUMBER | _TEXT, _const),
    ".data": Directive(".data NAME = data", (_NAME,), 0, DATA_FORMS, _data),
    **{f".{kind}": Directive(f".{kind} NAME {{ ... }}", (_NAME,), 0, _BLOCK, _model) for kind in KINDS},
    ".include": Directive('.include "file"', (_TEXT,), 0, _NOTHING, _include),
    ".loc": Directive('.loc "file" line column [end_column]', (_TEXT, _NUMBER, _NUMBER, _NUMBER), 1, _NOTHING, _loc),
    ".section": Directive('.section kind flags "base64"', (_NUMBER, _NUMBER, _TEXT), 0, _NOTHING, _section),
}
