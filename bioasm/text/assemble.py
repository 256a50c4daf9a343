"""Two-pass assembler from text to Program: the first pass collects definitions and statements, the second resolves names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bioasm.diagnostics import BioasmError, Diagnostic, did_you_mean
from bioasm.isa.limits import limit
from bioasm.isa.program import Data, DataBlock, DataRef, Instruction, Operand, Program
from bioasm.isa.table import BY_MNEMONIC, Row
from bioasm.text.assembly import AssemblyState, Pending, Place
from bioasm.text.directives import apply
from bioasm.text.document import Document, Item, Statement
from bioasm.text.operands import DATA_FORMS, Fault, resolve, wrong_form
from bioasm.text.parser import parse


def assemble(
    text: str,
    *,
    source: str = "<text>",
    folder: Path | None = None,
    debug: bool = False,
    data: Mapping[str, Data] | None = None,
) -> Program:
    """Assemble `text` into a Program. `data` replace the data blocks of the same names; others are added.

    Paths in it are relative to `folder` (default: the current one). Every instruction has its place in `span`; with `debug`
    or a `.loc` in the text the program `has_spans`, which writers then keep.
    Raises BioasmError with at most `limit("diagnostics")` findings.
    """
    folder = folder or Path()
    state = AssemblyState(including=[(folder / Path(source).name).resolve()])
    take_in(state, parse(text, source), folder)
    given = data or {}
    _take_data(state, given)
    instructions = _second_pass(state)
    _check_drawn(state)
    _demand_use(state, given, instructions)
    if state.found:
        raise BioasmError(*state.found[: limit("diagnostics")])
    return Program(
        instructions=tuple(instructions),
        constants=state.names.constants,
        data=tuple(state.data),
        labels={name: index for name, index in state.names.labels.items() if not name.startswith("@")},
        metadata=state.metadata,
        sections=tuple(state.sections),
        has_spans=debug or state.has_given_places,
        models=tuple(state.models.values()),
        formulas=state.formulas,
    )


# --- the first pass ---------------------------------------------------------------------------------


def take_in(state: AssemblyState, document: Document, folder: Path) -> None:
    """Add the lines and the syntax errors of a document to the state."""
    state.found.extend(document.diagnostics)
    state.lost_words |= document.lost_words
    for line in document.lines:
        if line.statement is not None:
            _take_statement(state, Place(document, line, folder), line.statement)
        if state.full:
            return


def _take_statement(state: AssemblyState, place: Place, statement: Statement) -> None:
    head = statement.head
    if head is not None and head.form == "directive":
        with state.blaming(place, head):
            apply(state, place, statement, head)
        return
    for label in statement.labels:
        with state.blaming(place, label):
            state.names.labels[state.define(place, label, local=True)] = len(state.pending)
    if head is not None:
        with state.blaming(place, head):
            _take_instruction(state, place, statement, head)


def _take_instruction(state: AssemblyState, place: Place, statement: Statement, head: Item) -> None:
    row = BY_MNEMONIC.get(head.text) or BY_MNEMONIC.get(head.text.upper())
    if row is None:
        hint = did_you_mean(head.text, BY_MNEMONIC) or "`bioasm help` lists the instructions"
        raise Fault("B002", f"there is no instruction `{head.text}`", hint)
    if len(state.pending) >= limit("instructions"):
        raise Fault("B111", f"a program has at most {limit('instructions')} instructions")
    _check_count(row, statement)
    blocks = _blocks(state, place, row, statement)
    given = bool(state.given_place)
    span = state.given_place.pop() if given else place.span(head, (statement.operands or (head,))[-1])
    columns = () if given else _columns(place, head, statement)
    state.pending.append(Pending(row, statement, place, span, columns, blocks))


def _columns(place: Place, head: Item, statement: Statement) -> tuple[tuple[int, int], ...]:
    """The columns of the operands on the first line of their instruction; operands on later lines are omitted."""
    if any("\n" in item.text for item in statement.operands):
        return ()
    shift = place.line.column
    return tuple((shift + item.start, shift + item.end) for item in statement.operands)


def _check_count(row: Row, statement: Statement) -> None:
    count, most = len(statement.operands), len(row.slots)
    if row.required <= count <= most:
        return
    wanted = str(most) if row.required == most else f"{row.required} to {most}"
    operands = "operand" if wanted == "1" else "operands"
    message = f"{row.mnemonic} takes {wanted} {operands}, not {count}"
    raise Fault("B003", message, f"its form is {row.form}", statement.operands[most] if count > most else None)


def _blocks(state: AssemblyState, place: Place, row: Row, statement: Statement) -> dict[int, int]:
    """Read the literals among the operands as data blocks, numbered in the order of the text."""
    blocks = {}
    for number, (slot, item) in enumerate(zip(row.slots, statement.operands, strict=False)):
        if item.form in DATA_FORMS:
            if "data" not in slot.kind.forms:
                state.blame(place, item, wrong_form(row, slot, item, "data"))
                continue
            with state.blaming(place, item):
                blocks[number] = state.load(place, item)
    return blocks


def _take_data(state: AssemblyState, given: Mapping[str, Data]) -> None:
    """Replace data blocks by given objects of the same names; objects with new names are appended."""
    for name, value in given.items():
        place = state.names.data.setdefault(name, len(state.data))
        state.data[place : place + 1] = [DataBlock(value, name)]


def _demand_use(state: AssemblyState, given: Mapping[str, Data], instructions: list[Instruction]) -> None:
    """Refuse unused data that were given as objects: their names are probably misspelled."""
    used = {o.index for i in instructions for o in i.operands if isinstance(o, DataRef)}
    for name in given:
        if state.names.data[name] not in used and not state.found:
            hint = did_you_mean(name, state.names.data.keys() - given.keys())
            state.found.append(Diagnostic("B405", f"data {name}: no instruction uses data of this name", hint=hint))


# --- the second pass --------------------------------------------------------------------------------


def _second_pass(state: AssemblyState) -> list[Instruction]:
    instructions = []
    for pending in state.pending:
        instructions.append(Instruction(pending.row, _operands(state, pending), pending.span, pending.columns))
        if state.full:
            break
    return instructions


def _check_drawn(state: AssemblyState) -> None:
    """Resolve the constants in random values."""
    for place, item in state.drawn:
        from bioasm.text.random_literals import check_constants

        for fault in check_constants(item, state.names):
            state.blame(place, fault.item or item, fault)


def _operands(state: AssemblyState, pending: Pending) -> tuple[Operand, ...]:
    found: list[Operand] = []
    row = pending.row
    for number, (slot, item) in enumerate(zip(row.slots, pending.statement.operands, strict=False)):
        if item.form in DATA_FORMS:
            found.append(DataRef(pending.blocks.get(number, 0)))
            continue
        try:
            found.append(resolve(row, slot, item, state.names))
        except Fault as fault:
            state.blame(pending.place, item, fault)
    return tuple(found)
