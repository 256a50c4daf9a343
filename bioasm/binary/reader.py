"""Decoder of bytecode: bytes are not trusted, and lengths are checked before allocation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from bioasm.binary import layout, strings
from bioasm.binary.blocks import read_blocks
from bioasm.binary.container import Container, Part, open_container
from bioasm.binary.layout import CONSTANT, LABEL, NONE, SPAN, WORD
from bioasm.diagnostics import Span
from bioasm.files import unreadable
from bioasm.isa.limits import limit
from bioasm.isa.modeltext import check_model_text
from bioasm.isa.names import name_fault
from bioasm.isa.program import (
    ConstantRef,
    DataBlock,
    DataRef,
    Instruction,
    ModelText,
    Name,
    Operand,
    Program,
    Quantity,
    Register,
    Target,
)
from bioasm.isa.table import BY_OPCODE, MAX_OPERANDS
from bioasm.mapped import content
from bioasm.units import Compound, Dimension, unit_as_written


def read(path: Path) -> Program:
    """Read the program in a file. Dense data of a large file are memory-mapped.

    Raises BioasmError: B301 for an unreadable file, B2xx for invalid bytecode, B111 over a limit.
    """
    try:
        with open(path, "rb") as stream:
            view = content(stream, path)
    except OSError as cause:
        raise unreadable(path, cause) from cause
    return from_bytes(view, source=str(path))


def from_bytes(buffer: bytes | bytearray | memoryview, source: str = "<bytes>") -> Program:
    """Decode the program in `buffer`; its data are views of the buffer, which must not change meanwhile.

    Raises BioasmError: B2xx for invalid bytecode, B109 where a constant is not finite, B111 over a limit.
    """
    container = open_container(memoryview(buffer).cast("B").toreadonly(), source)
    names = _names(container.part(layout.NAMES))
    constants, pool = _constants(container.part(layout.CONSTANTS), names)
    data = _data(container.part(layout.DATA), names, pool)
    places = container.part(layout.SPANS)
    return Program(
        tuple(_instructions(container, _Tables(names.words, pool, len(data), {}))),
        constants,
        data,
        _labels(container.part(layout.LABELS), names),
        _metadata(container.part(layout.METADATA)),
        container.carried,
        has_spans=places is not None,
        models=tuple(_models(container.part(layout.MODELS))),
        formulas=_formulas(container.part(layout.FORMULAS), tuple(constants)),
    )


# --- names and constants ----------------------------------------------------------------------------


class _Names(NamedTuple):
    """The names of a program, and those that passed the check of names of constants, data or labels."""

    words: Sequence[str]
    fit: set[int]

    def defined(self, part: Part, index: int) -> str:
        """The checked name of a definition."""
        if index >= len(self.words):
            raise part.fault(f"there is no name {index}")
        word = self.words[index]
        if index not in self.fit:
            fault = name_fault(word)
            if fault:
                raise part.fault(f"{word!r} can't be a name: {fault}")
            self.fit.add(index)
        return word

    def of_block(self, part: Part, index: int) -> str | None:
        """The name of a data block, or None."""
        return None if index == NONE else self.defined(part, index)


def _names(part: Part | None) -> _Names:
    if part is None:
        return _Names((), set())
    words, end = strings.decode(part, limit("names"), limit("name_bytes"))
    if end != len(part.view):
        raise part.fault(f"{len(part.view) - end} bytes follow the last name")
    return _Names(words, set())


def _records(part: Part, size: int, most: str) -> int:
    """The number of records of `size` bytes in a section, checked against the limit `most`."""
    count, rest = divmod(len(part.view), size)
    if rest:
        raise part.fault(f"its {len(part.view)} bytes are no whole number of records of {size} bytes")
    if count > limit(most):
        raise part.fault(f"it holds {count} {most}; the limit is {limit(most)}", "B111")
    return count


def _constants(part: Part | None, names: _Names) -> tuple[Mapping[str, Quantity], Sequence[Operand]]:
    """The named constants, and the operand of each entry of the pool."""
    constants: dict[str, Quantity] = {}
    pool: list[Operand] = []
    if part is None or not _records(part, CONSTANT.size, "constants"):
        return constants, pool
    for value, dimension, unit, name in CONSTANT.iter_unpack(part.view):
        quantity = _quantity(part, value, dimension, int.from_bytes(unit, "little"), names)
        if name == NONE:
            pool.append(quantity)
        else:
            word = names.defined(part, name)
            if word in constants:
                raise part.fault(f"the constant {word} stands twice")
            constants[word] = quantity
            pool.append(ConstantRef(word))
    return constants, pool


def _quantity(part: Part, value: float, dimension: int, unit: int, names: _Names) -> Quantity:
    if not isfinite(value):
        raise part.fault(f"a constant is {value}", "B109")
    if dimension == layout.COMPOUND:
        return Quantity(value, _compound(part, unit, names))
    if dimension >= len(Dimension) or unit:
        raise part.fault(f"a constant of dimension {dimension} is not known")
    return Quantity(value, Dimension(dimension))


def _compound(part: Part, index: int, names: _Names) -> Compound:
    """Parse a compound unit, which must be in its canonical spelling."""
    text = names.words[index] if index < len(names.words) else ""
    try:
        measured, exponent = unit_as_written(text)
    except ValueError:
        measured, exponent = Dimension.NONE, 0
    if not isinstance(measured, Compound) or exponent or measured.symbol != text:
        raise part.fault(f"a constant has the unit {text!r}, which is none")
    return measured


# --- code -------------------------------------------------------------------------------------------


class _Tables(NamedTuple):
    """Tables that operands refer to, with interning: equal operands become one object."""

    names: Sequence[str]
    pool: Sequence[Operand]
    blocks: int
    known: dict[tuple[int, int], Operand]

    def operand(self, part: Part, tag: int, value: int) -> Operand:
        """The operand with that tag and value."""
        found = self.known.get((tag, value))
        if found is None:
            found = self._decoded(part, tag, value)
            self.known[tag, value] = found
        return found

    def _decoded(self, part: Part, tag: int, value: int) -> Operand:
        if tag == layout.TAG_REGISTER and value < limit("registers"):
            return Register(value)
        if tag == layout.TAG_CONSTANT and value < len(self.pool):
            return self.pool[value]
        if tag == layout.TAG_DATA and value < self.blocks:
            return DataRef(value)
        if tag == layout.TAG_TARGET:  # the verifier checks targets of jumps
            return Target(value)
        if tag == layout.TAG_NAME and value < len(self.names):
            return Name(self.names[value])
        raise part.fault(f"an operand with tag {tag} and value {value} stands for nothing", "B208")


def _instructions(container: Container, tables: _Tables) -> Iterator[Instruction]:
    part = container.known[layout.CODE]
    count = _records(part, WORD.size, "instructions")
    spans = _spans(container.part(layout.SPANS), count)
    for opcode, operands, tags, *values in WORD.iter_unpack(part.view) if count else ():
        row = BY_OPCODE.get(opcode)
        if row is None:
            raise part.fault(f"there is no instruction with the number {opcode:#04x}", "B207")
        if operands > MAX_OPERANDS or tags >> 4 * operands or any(values[operands:]):
            raise part.fault(f"{row.mnemonic} with {operands} operands has the tags {tags:#06x}", "B208")
        decoded = tuple(tables.operand(part, tags >> 4 * k & 15, values[k]) for k in range(operands))
        yield Instruction(row, decoded, next(spans, None))


# --- what does not change a run ---------------------------------------------------------------------


def _data(part: Part | None, names: _Names, pool: Sequence[Operand]) -> tuple[DataBlock, ...]:
    return () if part is None else read_blocks(part, names.of_block, pool)


def _models(part: Part | None) -> Iterator[ModelText]:
    """The program's own models: kind, name, and text from the opening to the closing brace."""
    if part is None:
        return
    words, end = strings.decode(part, 3 * limit("models"), limit("model_bytes"))
    if end != len(part.view) or len(words) % 3:
        raise part.fault("its words are not the kind, the name and the text of each model")
    if len(set(words[1::3])) < len(words) // 3:
        raise part.fault("a model stands twice")
    for kind, name, body in zip(words[::3], words[1::3], words[2::3], strict=True):
        model = ModelText(kind, name, f".{kind} {name} {body}")
        for finding in check_model_text(model):
            raise part.fault(finding.message, "B111" if finding.code == "B111" else "B209")
        yield model


def _formulas(part: Part | None, constants: Sequence[str]) -> Mapping[str, str]:
    """The formulas of constants: pairs of a constant's name and a text, in the order of the constants."""
    if part is None:
        return {}
    words, end = strings.decode(part, 2 * len(constants), limit("formula_bytes"))
    pairs = dict(zip(words[::2], words[1::2], strict=False))
    if end != len(part.view) or 2 * len(pairs) != len(words) or list(pairs) != [name for name in constants if name in pairs]:
        raise part.fault("its words are not constants, in their order, and the formula of each")
    return pairs


def _labels(part: Part | None, names: _Names) -> Mapping[str, int]:
    labels: dict[str, int] = {}
    if part is None or not _records(part, LABEL.size, "names"):
        return labels
    for name, index in LABEL.iter_unpack(part.view):
        word = names.defined(part, name)
        if word in labels:
            raise part.fault(f"the label {word} stands twice")
        labels[word] = index
    return labels


def _metadata(part: Part | None) -> Mapping[str, str]:
    if part is None:
        return {}
    most = limit("metadata_bytes")
    words, end = strings.decode(part, most, most)
    pairs = dict(zip(words[::2], words[1::2], strict=False))
    if end != len(part.view) or 2 * len(pairs) != len(words):
        raise part.fault("its words are not pairs of different keys and their values")
    return pairs


def _spans(part: Part | None, count: int) -> Iterator[Span | None]:
    """The source places of `count` instructions; empty without the section."""
    if part is None:
        return
    files, end = strings.decode(part, limit("names"), layout.PATH_BYTES)
    start = end + -end % SPAN.size
    if any(part.view[end:start]) or len(part.view) != start + SPAN.size * count:
        raise part.fault(f"it does not hold one place for each of {count} instructions")
    for file, line, column, end_column in SPAN.iter_unpack(part.view[start:]) if count else ():
        if file != NONE and file >= len(files):
            raise part.fault(f"there is no file {file}")
        yield None if file == NONE else Span(files[file], line, column, end_column)
