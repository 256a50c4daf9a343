"""Pretty printer of programs: lines of statements become text, aligned the same way by `fmt` and `disasm`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from bioasm.isa.modeltext import tidied
from bioasm.isa.names import register_index
from bioasm.text.document import Item, Line, Statement

INDENT = "    "
_COMMENTS = 33  # the least column (from 0) of comments beside code
_WIDEST = 60  # comments beyond this column are not aligned with


class _Printed(NamedTuple):
    """One line before comments are aligned. `beside`: its comment is on a line with code."""

    code: str
    comment: str
    beside: bool


def print_lines(lines: Sequence[Line]) -> str:
    """The text of a program, with aligned comments.

    Instructions are indented where there are labels or where the first of them was.
    """
    said = [line for line in lines if line.statement is not None]
    has_labels = any(line.statement and line.statement.labels for line in said)
    indent = INDENT if has_labels or _is_indented(said) else ""
    printed = [one for number, line in enumerate(lines) for one in _print(line, indent, first=number == 0)]
    return "".join(f"{text}\n" for text in _with_comments(printed))


def _is_indented(lines: Sequence[Line]) -> bool:
    """Whether the first instruction was indented."""
    heads = ((line, line.statement.head) for line in lines if line.statement)
    return next((line.column > 1 for line, head in heads if head and head.form == "instruction"), False)


def _print(line: Line, indent: str, *, first: bool) -> Iterator[_Printed]:
    if line.blank_before and not first:
        yield _Printed("", "", False)
    said = line.statement
    if said is None:
        yield _Printed(indent if line.column > 1 else "", line.comment, False)
        return
    for label in said.labels[:-1]:
        yield _Printed(f"{label.text}:", "", False)
    last = f"{said.labels[-1].text}:" if said.labels else ""
    if said.head is None:
        yield _Printed(last, line.comment, True)
        return
    if len(last) >= len(indent):  # a shorter label fits into the indentation of its instruction
        yield from [_Printed(last, "", False)] if last else []
        last = ""
    space = indent if said.head.form == "instruction" or _stands_in_code(line, said.head) else ""
    code = _code(said, said.head, f"{last:<{len(space)}}", line.column)
    yield _Printed(code, line.comment, "\n" not in code)


def _stands_in_code(line: Line, head: Item) -> bool:
    """Whether a directive is indented as instructions are: one that includes instructions (`.include`)."""
    return head.text.lower() == ".include" and line.column > 1


def _code(said: Statement, head: Item, before: str, column: int) -> str:
    """A statement printed after the text `before` on its line; `column` is its position in the source."""
    is_instruction = head.form == "instruction"
    code = before + (head.text.upper() if is_instruction else head.text.lower())
    for number, item in enumerate(said.operands):
        code += ", " if number and is_instruction else " "
        code = _append(code, item, column + item.start)
        if "\n" in item.text:  # further items were on the last line of the literal
            column = len(item.text) - item.text.rfind("\n") - item.end
    if said.value is not None and said.value.form == "block":
        return f"{code} {tidied(said.value.text)}"
    if said.value is not None:
        code = _append(f"{code} = ", said.value, column + said.value.start)
    return code


def _append(code: str, item: Item, column: int) -> str:
    """Append an operand that was at `column`; all lines of a literal shift by the same amount."""
    text = spelled(item)
    if "\n" not in text:
        return code + text
    shift = len(code) - code.rfind("\n") - column
    first, *rest = text.split("\n")
    return "\n".join([code + first.rstrip(), *(_shifted(line, shift) for line in rest)])


def _shifted(line: str, shift: int) -> str:
    bare = line.lstrip(" ")
    room = max(0, len(line) - len(bare) + shift)
    return (" " * room + bare).rstrip()


def spelled(item: Item) -> str:
    """The printed form of an operand: a number with its unit, a word, a file, or a literal with its type."""
    if item.form == "number":
        return f"{item.text}{'' if item.extra.startswith('/') else ' '}{item.extra}" if item.extra else item.text
    if item.form == "word":
        return item.text.lower() if register_index(item.text) is not None else item.text
    if item.form == "file":
        return f"file {item.text} {item.extra}".rstrip()
    return f"{item.extra} {item.text}" if item.extra else item.text


# --- comments ---------------------------------------------------------------------------------------


def _with_comments(printed: Iterable[_Printed]) -> Iterator[str]:
    """The final lines: comments beside adjacent lines of code are aligned."""
    for aligned, run in groupby(printed, lambda one: one.beside and bool(one.comment)):
        members = list(run)
        widths = [len(one.code) for one in members if len(one.code) <= _WIDEST]
        column = max(_COMMENTS - 2, *widths) if aligned and widths else 0
        for one in members:
            yield _joined(one, column)


def _joined(one: _Printed, column: int) -> str:
    if not one.comment:
        return one.code
    if not one.code.strip():
        return one.code + one.comment
    return f"{one.code:<{column}}  {one.comment}"
