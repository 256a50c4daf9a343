"""Deterministic encoder of bytecode: the same program always becomes the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import BytesIO
from itertools import chain, starmap
from typing import BinaryIO, NamedTuple
from weakref import WeakKeyDictionary
from zlib import crc32

from bioasm.binary import layout, strings
from bioasm.binary.blocks import write_blocks
from bioasm.binary.layout import CONSTANT, HEADER, HEADER_CRC, HEADER_SIZE, LABEL, MAGIC, SECTION, SPAN, WORD, aligned
from bioasm.diagnostics import Span, error
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, DataRef, Instruction, Name, Operand, Program, Quantity, Random, Register, Target
from bioasm.units import Compound

Piece = bytes | memoryview


def write(program: Program, stream: BinaryIO) -> None:
    """Write a program to a stream, which need not be seekable; large arrays are not copied.

    Raises BioasmError B111 for more numbers or names than the limits, B205 for an invalid preserved section, B209 and B010
    where a name or data have no form in bytecode.
    """
    for piece in _file(program, [*_own(program, program.has_spans), *_carried(program)]):
        stream.write(piece)


def to_bytes(program: Program) -> bytes:
    """The bytecode of a program; see `write`."""
    stream = BytesIO()
    write(program, stream)
    return stream.getvalue()


def canonical_bytes(program: Program) -> bytes:
    """The bytecode of a program without source places, independent of the layout of its text."""
    return b"".join(_file(program, [*_own(program, spans=False), *_carried(program)]))


def program_hash(program: Program) -> str:
    """The hexadecimal SHA-256 of the program's canonical bytes."""
    import hashlib

    known = _SECTIONS.get(program) or _SECTIONS.setdefault(program, _own(program, spans=False))
    digest = hashlib.sha256()
    for piece in _file(program, [*known, *_carried(program)]):
        digest.update(piece)
    return digest.hexdigest()


# --- the container ----------------------------------------------------------------------------------


class _Content(NamedTuple):
    """A section to be written. Its pieces are iterated twice: for length and checksum, and for writing."""

    kind: int
    flags: int
    pieces: Callable[[], Iterable[Piece]]


# By program, for its hash in every run: what cannot change, and from where data are read, whose arrays can be written to.
_SECTIONS: WeakKeyDictionary[Program, list[_Content]] = WeakKeyDictionary()


def _file(program: Program, contents: list[_Content]) -> Iterator[Piece]:
    """All bytes of the file in pieces."""
    if len(contents) > limit("sections"):
        raise error("B111", f"the program has {len(contents)} sections; the limit is {limit('sections')}")
    measures = [_measure(content) for content in contents]
    end = HEADER_SIZE + SECTION.size * len(contents)
    table = b""
    for content, (length, crc) in zip(contents, measures, strict=True):
        table += SECTION.pack(content.kind, content.flags, crc, aligned(end), length)
        end = aligned(end) + length
    isa = max((instruction.row.since for instruction in program.instructions), default=1)
    header = HEADER.pack(MAGIC, layout.FORMAT_VERSION, isa, len(contents), end, 0)
    yield header + HEADER_CRC.pack(crc32(table, crc32(header))) + table
    end = HEADER_SIZE + len(table)
    for content, (length, _) in zip(contents, measures, strict=True):
        yield bytes(aligned(end) - end)
        yield from content.pieces()
        end = aligned(end) + length


def _measure(content: _Content) -> tuple[int, int]:
    """Length and checksum of a section."""
    length, crc = 0, 0
    for piece in content.pieces():
        length += len(piece)
        crc = crc32(piece, crc)
    return length, crc


def _own(program: Program, spans: bool) -> list[_Content]:
    """The known sections in file order; empty ones other than code are omitted."""
    pool = _Pool(program)
    code = b"".join(map(pool.word, program.instructions))
    blocks = enumerate(block.value for block in program.data)
    arguments = {number: pool.numbers(value.arguments) for number, value in blocks if isinstance(value, Random)}
    labels = b"".join(starmap(LABEL.pack, pool.labels))
    names = strings.encode(pool.names) if pool.names else b""
    metadata = strings.encode(chain(*program.metadata.items())) if program.metadata else b""
    places = _spans(program.instructions) if spans else b""
    models = strings.encode(chain(*((m.kind, m.name, m.body) for m in program.models))) if program.models else b""
    found = {
        layout.CODE: code,
        layout.CONSTANTS: b"".join(pool.constants),
        layout.NAMES: names,
        layout.LABELS: labels,
        layout.METADATA: metadata,
        layout.SPANS: places,
        layout.MODELS: models,
        layout.FORMULAS: strings.encode(chain(*program.formulas.items())) if program.formulas else b"",
    }
    pieces: dict[int, Callable[[], Iterable[Piece]]] = {
        kind: partial(iter, (content,)) for kind, content in found.items() if content or kind == layout.CODE
    }
    if program.data:
        pieces[layout.DATA] = partial(write_blocks, program.data, pool.names, arguments)
    return [_Content(kind, int(kind in layout.CRITICAL_KINDS), pieces[kind]) for kind in sorted(pieces)]


def _carried(program: Program) -> list[_Content]:
    """The preserved unknown sections."""
    kinds = [section.kind for section in program.sections]
    for section in program.sections:
        if section.kind in layout.SECTION_NAMES or not 0 <= section.kind < 1 << 16 or kinds.count(section.kind) > 1:
            raise error("B205", f"a section of kind {section.kind:#x} can't be carried along: it would stand twice")
        if section.flags & layout.CRITICAL or not 0 <= section.flags < 1 << 16:
            raise error("B205", f"section {section.kind:#x} can't be carried along with the flags {section.flags:#x}")
    return [_Content(s.kind, s.flags, partial(iter, (s.content,))) for s in program.sections]


# --- what the sections hold -------------------------------------------------------------------------


class _Pool:
    """Constant pool and name table of a program, without duplicates, in canonical order.

    Constants: the named ones in the order of definition, then unnamed ones in the order of first use, in instructions and
    then in random values. Names: of constants, of data, in operands, of labels.
    """

    def __init__(self, program: Program) -> None:
        self.names: dict[str, int] = {}
        self.constants: list[bytes] = []
        self._named: dict[str, int] = {}
        self._literals: dict[bytes, int] = {}
        for name, quantity in program.constants.items():
            self._named[name] = len(self.constants)
            self.constants.append(self._constant(quantity, self._name(name)))
        for block in program.data:
            if block.name is not None:
                self._name(block.name)
        self._data = len(program.data)
        self._labels = sorted(program.labels.items(), key=lambda item: item[1])

    @property
    def labels(self) -> list[tuple[int, int]]:
        """Labels as indices of their names and instructions, in the order of the instructions."""
        return [(self._name(name), index) for name, index in self._labels]

    def word(self, instruction: Instruction) -> bytes:
        """Encode an instruction as a word of fixed width."""
        tags, values = 0, [0, 0, 0]
        for place, operand in enumerate(instruction.operands):
            tag, values[place] = self._operand(operand)
            tags |= tag << 4 * place
        return WORD.pack(instruction.row.opcode, len(instruction.operands), tags, *values)

    def numbers(self, arguments: Iterable[Quantity | ConstantRef]) -> list[int]:
        """The indices of the arguments of random values among the constants."""
        return [self._operand(argument)[1] for argument in arguments]

    def _operand(self, operand: Operand) -> tuple[int, int]:
        """The tag and the value of an operand."""
        match operand:
            case Register(index):
                return layout.TAG_REGISTER, index
            case Quantity():
                return layout.TAG_CONSTANT, self._literal(operand)
            case ConstantRef(name):
                return layout.TAG_CONSTANT, self._named[name]
            case DataRef(index):
                return layout.TAG_DATA, index
            case Target(index):
                return layout.TAG_TARGET, index
            case Name(text):
                return layout.TAG_NAME, self._name(text)

    def _name(self, text: str) -> int:
        index = self.names.setdefault(text, len(self.names))
        if index >= limit("names"):
            raise error("B111", f"the program has more than {limit('names')} names")
        return index

    def _literal(self, quantity: Quantity) -> int:
        """The index of an unnamed constant; those of the same bits and dimension share one."""
        constant = self._constant(quantity, layout.NONE)
        index = self._literals.setdefault(constant, len(self.constants))
        if index == len(self.constants):
            self.constants.append(constant)
        if index >= limit("constants"):
            raise error("B111", f"the program has more than {limit('constants')} numbers")
        return index

    def _constant(self, quantity: Quantity, name: int) -> bytes:
        """Pack a number and its unit; a compound unit is added to the table of names."""
        if isinstance(quantity.dimension, Compound):
            unit = self._name(quantity.dimension.symbol).to_bytes(3, "little")
            return CONSTANT.pack(quantity.value, layout.COMPOUND, unit, name)
        return CONSTANT.pack(quantity.value, quantity.dimension.value, bytes(3), name)


def _spans(instructions: Iterable[Instruction]) -> bytes:
    """The files that instructions come from, padded to whole records, then the place of each instruction."""
    files: dict[str, int] = {}
    places = b"".join(_place(instruction.span, files) for instruction in instructions)
    listed = strings.encode(files)
    return listed + bytes(-len(listed) % SPAN.size) + places


def _place(span: Span | None, files: dict[str, int]) -> bytes:
    if span is None:
        return SPAN.pack(layout.NONE, 0, 0, 0)
    return SPAN.pack(files.setdefault(span.source, len(files)), span.line, span.column, span.end_column)
