"""The container of bytecode: header, section table and checks of the bytes before anything is decoded.

Sections are contiguous, each at the first aligned offset after the previous one. So nothing can overlap, lie outside or hide
between them; the padding is zero.
"""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

from bioasm.binary import layout
from bioasm.binary.layout import FORMAT_VERSION, HEADER, HEADER_CRC, HEADER_SIZE, MAGIC, SECTION, aligned
from bioasm.diagnostics import BioasmError, error
from bioasm.isa.limits import limit
from bioasm.isa.program import Section
from bioasm.isa.table import ISA_VERSION

_PIECE = 1 << 22  # bytes of a checksum at a time, between which Ctrl-C is handled


class Part(NamedTuple):
    """Bytes of one section (or of the whole file), its name in messages, and the file's name."""

    source: str
    name: str
    view: memoryview

    def fault(self, message: str, code: str = "B209") -> BioasmError:
        """The error with the file, the section and the fault."""
        place = f"section {self.name}: " if self.name else ""
        return error(code, f"{self.source}: {place}{message}")

    def rest(self, start: int) -> Part:
        """The bytes from `start` on."""
        return Part(self.source, self.name, self.view[start:])


class _Entry(NamedTuple):
    """One row of the section table."""

    kind: int
    flags: int
    crc: int
    offset: int
    length: int


class Container(NamedTuple):
    """The parts of a checked file: known sections by kind, and unknown ones, which are preserved."""

    known: dict[int, Part]
    carried: tuple[Section, ...]

    def part(self, kind: int) -> Part | None:
        """The section of that kind, if the file has it."""
        return self.known.get(kind)


def open_container(view: memoryview, source: str) -> Container:
    """Check the container in `view` and split it into sections. Raises BioasmError B201 to B206."""
    file = Part(source, "", view)
    _check_magic(file)
    entries = _table(file)
    end = HEADER_SIZE + SECTION.size * len(entries)
    for entry in entries:
        _check_flags(file, entry)
        end = _check_entry(file, entry, end)
    if end != len(view):
        raise file.fault(f"{len(view) - end} bytes follow the last section", "B205")
    kinds = [entry.kind for entry in entries]
    if len(set(kinds)) < len(kinds):
        raise file.fault("a section stands twice", "B205")
    if layout.CODE not in kinds:
        raise file.fault("the section code is missing", "B205")
    known = {e.kind: _part(file, e) for e in entries if e.kind in layout.SECTION_NAMES}
    others = (e for e in entries if e.kind not in layout.SECTION_NAMES)
    return Container(known, tuple(Section(e.kind, e.flags, bytes(_part(file, e).view)) for e in others))


def _check_magic(file: Part) -> None:
    start = bytes(file.view[: len(MAGIC)])
    if start == MAGIC:
        if len(file.view) < HEADER_SIZE:
            raise file.fault(f"it ends after {len(file.view)} bytes, within its header", "B203")
    elif start and MAGIC.startswith(start):
        raise file.fault(f"it ends after {len(start)} bytes, within its magic number", "B203")
    elif start[:4] == MAGIC[:4]:
        raise file.fault("it is bytecode that a transfer as text has changed; transfer it as binary", "B201")
    else:
        raise file.fault("it is not bytecode", "B201")


def _table(file: Part) -> list[_Entry]:
    """The section table of a file with a valid header."""
    _, version, isa, count, length, zero = HEADER.unpack_from(file.view)
    if version != FORMAT_VERSION:
        raise file.fault(f"it has format version {version}; this BioASM reads {FORMAT_VERSION}", "B202")
    if not 1 <= isa <= ISA_VERSION:
        raise file.fault(f"it needs instruction set {isa}; this BioASM knows 1 to {ISA_VERSION}", "B202")
    if length > len(file.view):
        raise file.fault(f"it ends after {len(file.view)} of {length} bytes", "B203")
    if length < len(file.view):
        raise file.fault(f"{len(file.view) - length} bytes follow the end that its header states", "B205")
    end = HEADER_SIZE + SECTION.size * count
    if not 1 <= count <= limit("sections") or end > length or zero:
        raise file.fault(f"its header states {count} sections in {length} bytes", "B205")
    table = file.view[HEADER_SIZE:end]
    if HEADER_CRC.unpack_from(file.view, HEADER.size)[0] != crc32(table, crc32(file.view[: HEADER.size])):
        raise file.fault("the checksum of header and section table does not match", "B204")
    return [_Entry(*row) for row in SECTION.iter_unpack(table)]


def _check_flags(file: Part, entry: _Entry) -> None:
    """Refuse unknown critical sections, and known ones with wrong flags."""
    name = layout.section_name(entry.kind)
    if entry.kind not in layout.SECTION_NAMES and entry.flags & layout.CRITICAL:
        raise file.fault(f"section {name} is not known, and the program can't be run without it", "B206")
    if entry.kind in layout.SECTION_NAMES and entry.flags != (entry.kind in layout.CRITICAL_KINDS):
        raise file.fault(f"section {name} has the flags {entry.flags:#x}", "B205")


def _check_entry(file: Part, entry: _Entry, end: int) -> int:
    """Check a section after offset `end`; returns its end."""
    name = layout.section_name(entry.kind)
    if entry.offset != aligned(end) or entry.offset + entry.length > len(file.view):
        text = f"section {name} is said to have {entry.length} bytes at {entry.offset}"
        raise file.fault(f"{text}; it must start at {aligned(end)} and end within {len(file.view)}", "B205")
    if any(file.view[end : entry.offset]):
        raise file.fault(f"the bytes before section {name} are not zero", "B205")
    if checksum(_part(file, entry).view) != entry.crc:
        raise file.fault(f"the checksum of section {name} does not match: the file is damaged", "B204")
    return entry.offset + entry.length


def _part(file: Part, entry: _Entry) -> Part:
    content = file.view[entry.offset : entry.offset + entry.length]
    return Part(file.source, layout.section_name(entry.kind), content)


def checksum(view: memoryview) -> int:
    """The CRC-32 of bytes of any length."""
    value = 0
    for start in range(0, len(view), _PIECE):
        value = crc32(view[start : start + _PIECE], value)
    return value
