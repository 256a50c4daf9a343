"""What the tests of bytecode share: a program with something of everything, and bytes taken apart and put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import numpy as np

from bioasm.binary.layout import HEADER, HEADER_CRC, HEADER_SIZE, MAGIC, SECTION, aligned
from bioasm.binary.reader import from_bytes
from bioasm.diagnostics import BioasmError, Span
from bioasm.isa.program import (
    ConstantRef,
    DataBlock,
    DataRef,
    Dense,
    ModelText,
    Name,
    Program,
    Quantity,
    Register,
    Section,
    Sparse,
    Target,
    Terms,
)
from bioasm.units import Dimension
from tests.verify.support import instruction

MODELS = (
    ModelText("model", "cell", '.model cell {\n  "größe; {v}"\n  state:\n    v = 0 mV  ; }\n  step:\n    dv/dt = -v/(1 s)\n}'),
    ModelText("mechanism", "pump", '.mechanism pump { "a pump"\n  state:\n    x = 1\n}'),
)


def everything(spans: bool = False) -> Program:
    """A verified program with each kind of operand, data and section."""
    code = [
        instruction("MODEL", Name("ising")),
        instruction("ALC", ConstantRef("n")),
        instruction("LDJ", DataRef(0)),
        instruction("LDH", DataRef(1)),
        instruction("LDT", DataRef(2)),
        instruction("MOV", Register(31), 2),
        instruction("SIG", ConstantRef("T")),
        instruction("RUN", Quantity(5.0, Dimension.SWEEPS)),
        instruction("LOOP", Register(31), Target(6)),
        instruction("LDJ", DataRef(3)),
        instruction("OUT", Quantity(-0.0), Name("größe")),
        instruction("RD"),
    ]
    if spans:
        code = [replace(i, span=Span("p.basm", 3 * k + 1, k, k + 2)) for k, i in enumerate(code[:-1])] + code[-1:]
    sparse = Sparse((3, 3), np.array([0, 1], "i4"), np.array([1, 2], "i4"), np.array([1, -1], "i1"), symmetric=True)
    terms = Terms(3, np.array([0, 3]), np.array([0, 1, 2], "i4"), np.array([0.5]))
    return Program(
        tuple(code),
        {"T": Quantity(1.5), "n": Quantity(3.0), "unused": Quantity(1e-3, Dimension.TIME)},
        (
            DataBlock(sparse, "J"),
            DataBlock(Dense(np.array([1, 2, 3], "i2"))),
            DataBlock(terms, "T3"),
            DataBlock(Dense(np.array([[0, 0.5, 0], [0.5, 0, 0], [0, 0, 0]])), "dense.j"),
        ),
        {"start": 0, "again": 6, "end": 12},
        {"title": "Everything", "author": "ß"},
        (Section(0x80, 0x10, b"carried"), Section(0x81, 0, b"")),
        has_spans=spans,
        models=MODELS,
    )


@dataclass(frozen=True)
class Piece:
    """One section of a file that is being forged. `offset`, `length` and `crc` are right where they are None."""

    kind: int
    flags: int
    content: bytes
    offset: int | None = None
    length: int | None = None
    crc: int | None = None


def take_apart(content: bytes) -> list[Piece]:
    """The sections of a sound file."""
    count = HEADER.unpack_from(content)[3]
    rows = SECTION.iter_unpack(content[HEADER_SIZE : HEADER_SIZE + SECTION.size * count])
    return [Piece(kind, flags, content[offset : offset + length]) for kind, flags, _, offset, length in rows]


def put_together(pieces: Sequence[Piece], **header: int) -> bytes:
    """A file of the given sections with right checksums; `header` overrides version, isa, count, length or zero."""
    end = HEADER_SIZE + SECTION.size * len(pieces)
    table, body = b"", b""
    for piece in pieces:
        body += bytes(aligned(end) - end) + piece.content
        end = aligned(end)
        crc = crc32(piece.content) if piece.crc is None else piece.crc
        length = len(piece.content) if piece.length is None else piece.length
        table += SECTION.pack(piece.kind, piece.flags, crc, end if piece.offset is None else piece.offset, length)
        end += len(piece.content)
    fields = {"version": 1, "isa": 1, "count": len(pieces), "length": end, "zero": 0} | header
    start = HEADER.pack(MAGIC, *fields.values())
    return start + HEADER_CRC.pack(crc32(table, crc32(start))) + table + body


def replaced(content: bytes, kind: int, start: int, new: bytes) -> bytes:
    """The file with some bytes of one section replaced, and all checksums right again."""
    return put_together([replace(p, content=patched(p.content, start, new)) if p.kind == kind else p
                         for p in take_apart(content)])  # fmt: skip


def patched(content: bytes, start: int, new: bytes) -> bytes:
    """The bytes with those from `start` on replaced by `new`."""
    return content[:start] + new + content[start + len(new) :]


def code_of(content: bytes) -> str | None:
    """The code of the error that bytes are refused with; None where they are read."""
    try:
        from_bytes(content)
    except BioasmError as refused:
        (found,) = refused.diagnostics
        return found.code
    return None


def same(a: Program, b: Program) -> bool:
    """Whether two programs are equal in everything that bytecode holds."""
    return (
        a.instructions == b.instructions
        and list(a.constants.items()) == list(b.constants.items())
        and a.labels == b.labels
        and list(a.metadata.items()) == list(b.metadata.items())
        and a.sections == b.sections
        and a.has_spans == b.has_spans
        and [m[:3] for m in a.models] == [m[:3] for m in b.models]
        and [_plain(d) for d in a.data] == [_plain(d) for d in b.data]
    )


def _plain(block: DataBlock) -> list[Any]:
    value = block.value
    fields: Iterable[str] = type(value).__slots__  # type: ignore[attr-defined]
    return [block.name, type(value)] + [_comparable(getattr(value, field)) for field in fields]


def _comparable(value: Any) -> Any:
    return (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value
