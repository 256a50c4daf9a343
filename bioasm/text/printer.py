"""The one printer of programs: lines of statements become text, aligned the same way by `fmt` and `disasm`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby
from typing import NamedTuple

from bioasm.isa.names import register_index
from bioasm.text.document import Item, Line, Statement

INDENT = "    "
_WIDEST = 60  # a comment further to the right than this is not aligned with


class _Printed(NamedTuple):
    """One line before comments are aligned. `beside` says that its comment stands beside code on one line."""

    code: str
    comment: str
    beside: bool


def print_lines(lines: Sequence[Line]) -> str:
    """The text of a program. Instructions are indented where there are labels; comments of neighbours are aligned."""
    has_labels = any(line.statement is not None and line.statement.labels for line in lines)
    indent = INDENT if has_labels else ""
    width = _widths(lines)
    printed = [one for k, line in enumerate(lines) for one in _print(line, k, indent, width)]
    return "".join(f"{text}\n" for text in _with_comments(printed))


def _widths(lines: Sequence[Line]) -> dict[int, int]:
    """For lines that define a constant or datum the widest name of their neighbours: values stand in a column."""
    widths: dict[int, int] = {}
    paragraphs = accumulate(int(line.blank_before) for line in lines)
    named = [(k, paragraph, _defined(line)) for k, (line, paragraph) in enumerate(zip(lines, paragraphs, strict=True))]
    for key, run in groupby(named, lambda one: one[2] and (one[2][0], one[1])):
        members = list(run)
        if key:
            widest = max(len(found[1]) for _, _, found in members if found)
            widths.update((k, widest) for k, _, _ in members)
    return widths


def _defined(line: Line) -> tuple[str, str] | None:
    """The directive and the name of a line that defines a constant or datum."""
    said = line.statement
    if said is None or said.head is None or said.value is None or not said.operands:
        return None
    return said.head.text.lower(), said.operands[0].text


def _print(line: Line, index: int, indent: str, width: dict[int, int]) -> Iterator[_Printed]:
    if line.blank_before and index:
        yield _Printed("", "", False)
    said = line.statement
    if said is None:
        yield _Printed(indent if line.column > 1 else "", line.comment, False)
        return
    for label in said.labels[:-1] if said.head is None else said.labels:
        yield _Printed(f"{label.text}:", "", False)
    if said.head is None:
        yield _Printed(f"{said.labels[-1].text}:", line.comment, True)
        return
    code = _code(said, indent if said.head.form == "instruction" else "", width.get(index, 0), line.column)
    yield _Printed(code, line.comment, "\n" not in code)


def _code(said: Statement, indent: str, width: int, column: int) -> str:
    assert said.head is not None
    is_instruction = said.head.form == "instruction"
    code = indent + (said.head.text.upper() if is_instruction else said.head.text.lower())
    for number, item in enumerate(said.operands):
        code += ", " if number and is_instruction else " "
        code = _append(code, item, column + item.start)
        if "\n" in item.text:  # what follows stood on the line on which the literal ends
            column = len(item.text) - item.text.rfind("\n") - item.end
    if said.value is not None:
        code += " " * max(0, width - len(said.operands[0].text)) + " = "
        code = _append(code, said.value, column + said.value.start)
    return code


def _append(code: str, item: Item, column: int) -> str:
    """The code with an operand after it, which stood at `column`; further lines of a literal move as its first does."""
    text = _spelled(item)
    if "\n" not in text:
        return code + text
    shift = len(code) - code.rfind("\n") - column
    first, *rest = text.split("\n")
    return "\n".join([code + first.rstrip(), *(_shifted(line, shift) for line in rest)])


def _shifted(line: str, shift: int) -> str:
    bare = line.lstrip(" ")
    room = max(0, len(line) - len(bare) + shift)
    return (" " * room + bare).rstrip()


def _spelled(item: Item) -> str:
    if item.form == "number":
        return f"{item.text} {item.extra}" if item.extra else item.text
    if item.form == "word":
        return item.text.lower() if register_index(item.text) is not None else item.text
    if item.form == "file":
        return f"file {item.text} {item.extra}".rstrip()
    return f"{item.extra} {item.text}" if item.extra else item.text


# --- comments ---------------------------------------------------------------------------------------


def _with_comments(printed: Iterable[_Printed]) -> Iterator[str]:
    """The finished lines: comments beside neighbouring lines of code start in one column."""
    for aligned, run in groupby(printed, lambda one: one.beside and bool(one.comment)):
        members = list(run)
        widths = [len(one.code) for one in members if len(one.code) <= _WIDEST]
        column = max(widths, default=0) if aligned else 0
        for one in members:
            yield _joined(one, column)


def _joined(one: _Printed, column: int) -> str:
    if not one.comment:
        return one.code
    if not one.code.strip():
        return one.code + one.comment
    return f"{one.code:<{column}}  {one.comment}"
