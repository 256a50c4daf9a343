"""The assembler's state: symbol table, instructions with unresolved names, diagnostics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bioasm.diagnostics import BioasmError, Diagnostic, Span
from bioasm.isa.limits import limit
from bioasm.isa.names import name_fault
from bioasm.isa.program import Data, DataBlock, ModelText, Section
from bioasm.isa.table import Row
from bioasm.text.document import Document, Item, Line, Statement
from bioasm.text.operands import Fault, Names, read_string


class Place(NamedTuple):
    """One line of one of a program's documents."""

    document: Document
    line: Line
    folder: Path

    def span(self, first: Item, last: Item | None = None) -> Span:
        """The place of the items from `first` to `last`."""
        return self.document.span(self.line, first.start, (last or first).end)


class Pending(NamedTuple):
    """An instruction with unresolved names. `blocks` are the data blocks of its literals, by operand."""

    row: Row
    statement: Statement
    place: Place
    span: Span | None
    columns: tuple[tuple[int, int], ...]
    blocks: dict[int, int]


@dataclass(slots=True)
class AssemblyState:
    """The state of the first pass. `including` is the stack of included files, the outermost first.

    `drawn` are the literals of random values, whose constants are resolved in the second pass.
    """

    names: Names = field(default_factory=Names)
    metadata: dict[str, str] = field(default_factory=dict)
    data: list[DataBlock] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    models: dict[str, ModelText] = field(default_factory=dict)
    pending: list[Pending] = field(default_factory=list)
    found: list[Diagnostic] = field(default_factory=list)
    lost_words: set[str] = field(default_factory=set)
    defined_at: dict[str, Span] = field(default_factory=dict)
    including: list[Path] = field(default_factory=list)
    included: int = 0
    incomplete: bool = False
    given_place: list[Span | None] = field(default_factory=list)
    has_given_places: bool = False
    drawn: list[tuple[Place, Item]] = field(default_factory=list)
    formulas: dict[str, str] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether the limit on the number of errors is reached."""
        return len(self.found) >= limit("diagnostics")

    def blame(self, place: Place, item: Item, fault: Fault) -> None:
        """Keep a fault, by default at `item`; names that may be defined in unreadable lines are not reported as unknown."""
        item = fault.item or item
        if fault.code == "B007" and (self.incomplete or item.text in self.lost_words):
            return
        self.found.append(place.document.finding(fault.code, fault.message, place.line, item, fault.hint))

    @contextmanager
    def blaming(self, place: Place, item: Item) -> Iterator[None]:
        """Context manager that keeps the faults raised in its block."""
        try:
            yield
        except Fault as fault:
            self.blame(place, item, fault)
        except BioasmError as error:
            self.found.extend(error.diagnostics)

    def define(self, place: Place, item: Item, *, local: bool) -> str:
        """Check a new name; names local to the text (`@1`) are allowed with `local`. Raises Fault."""
        name = item.text
        why = None if local and name.startswith("@") else name_fault(name)
        if why is not None:
            raise Fault("B015", f"`{name[:40]}` can't be a name: {why}", None, item)
        if name in self.defined_at:
            first = self.defined_at[name]
            what = self.names.what(name)
            raise Fault("B008", f"`{name}` is a {what} already", f"it is defined at {first.source}:{first.line}", item)
        self.defined_at[name] = place.span(item)
        return name

    def load(self, place: Place, item: Item, name: str | None = None) -> int:
        """Read the data of `item` into a new block, and return its number. Raises Fault."""
        value = _file_data(place, item) if item.form == "file" else _literal_data(item)
        if item.form == "random":
            self.drawn.append((place, item))
        if len(self.data) >= limit("data"):
            raise Fault("B111", f"a program has at most {limit('data')} data blocks", None, item)
        self.data.append(DataBlock(value, name))
        return len(self.data) - 1


def _literal_data(item: Item) -> Data:
    if item.form == "random":
        from bioasm.text.random_literals import read_random

        return read_random(item)
    from bioasm.text.literal_faults import LiteralFault, TypeFault
    from bioasm.text.literals import read_literal

    try:
        return read_literal(item)
    except LiteralFault as fault:
        first = item.end - len(item.text)
        spot = Item(item.form, "", first + fault.start, first + fault.end)
        raise Fault(fault.code, fault.message, fault.hint, spot) from None
    except TypeFault as fault:
        spot = Item(item.form, "", item.start, item.start + len(item.extra))
        raise Fault("B010", str(fault), "without a type the narrowest that is exact is taken", spot) from None


def _file_data(place: Place, item: Item) -> Data:
    from bioasm.text.files import read_file

    said = read_string(item)
    key = read_string(Item("string", item.extra)) if item.extra else None
    try:
        return read_file(place.folder / said, key)
    except BioasmError as error:
        first = error.diagnostics[0]
        raise Fault(first.code, first.message, first.hint, item) from None
    except ValueError:
        raise Fault("B301", f"{said!r} is no name of a file", None, item) from None
