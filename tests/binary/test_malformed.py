"""Bytes that are no sound bytecode: each is refused with the code that names what is wrong."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from struct import pack
from typing import Any

import pytest

from bioasm.binary import layout
from bioasm.binary.layout import ARRAY, BLOCK, BLOCK_SIZE, BLOCKS, HEADER, HEADER_SIZE, SECTION
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.isa.program import Program
from bioasm.verifier.gate import verify
from tests.binary.support import Piece, code_of, everything, patched, put_together, replaced, take_apart
from tests.verify.support import instruction

WHOLE = to_bytes(everything())
DEBUG = to_bytes(everything(spans=True))
SMALL = to_bytes(Program((instruction("OUT", 1), instruction("HLT"))))
PIECES = take_apart(WHOLE)
TABLE_END = HEADER_SIZE + SECTION.size * len(PIECES)
HUGE32, HUGE64 = (1 << 32) - 1, (1 << 64) - 1


def content_of(kind: int, whole: bytes = WHOLE) -> bytes:
    """The bytes of one section."""
    return next(p.content for p in take_apart(whole) if p.kind == kind)


def test_putting_together_what_was_taken_apart_changes_nothing() -> None:
    assert put_together(PIECES) == WHOLE
    assert put_together(take_apart(DEBUG)) == DEBUG


# --- damage -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(TABLE_END))
def test_any_flipped_byte_of_header_and_table_is_noticed(place: int) -> None:
    for flip in (0x01, 0x80, 0xFF):
        assert code_of(patched(WHOLE, place, bytes([WHOLE[place] ^ flip]))) is not None


def test_any_flipped_byte_anywhere_is_noticed() -> None:
    unnoticed = [k for k in range(len(DEBUG)) if code_of(patched(DEBUG, k, bytes([DEBUG[k] ^ 0x10]))) is None]
    assert unnoticed == []


def test_a_file_cut_anywhere_is_refused() -> None:
    codes = {code_of(WHOLE[:end]) for end in range(1, len(WHOLE))}
    assert codes == {"B203"}
    assert code_of(b"") == "B201"


@pytest.mark.parametrize("more", [b"\0", b"\n", bytes(64), WHOLE])
def test_what_follows_the_end_is_refused(more: bytes) -> None:
    assert code_of(WHOLE + more) == "B205"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"ALC 4\n", "B201"),
        (b"\x7fELF" + bytes(100), "B201"),
        (WHOLE[:8].replace(b"\r\n", b"\n") + WHOLE[8:], "B201"),
        (WHOLE.replace(b"\n", b"\r\n"), "B201"),
        (bytes(byte & 0x7F for byte in WHOLE), "B201"),
        (WHOLE[1:], "B201"),
        (bytes(1000), "B201"),
        (WHOLE[:8], "B203"),
        (WHOLE[:3], "B203"),
    ],
)
def test_what_is_not_bytecode(content: bytes, code: str) -> None:
    assert code_of(content) == code


def test_a_transfer_as_text_is_told_apart() -> None:
    with pytest.raises(BioasmError, match="transfer"):
        from_bytes(WHOLE.replace(b"\r\n", b"\n"))


def test_messages_name_the_file_and_the_section() -> None:
    with pytest.raises(BioasmError, match=r"p\.bbc: section code: "):
        from_bytes(replaced(WHOLE, layout.CODE, 0, b"\xee"), source="p.bbc")


# --- header -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("version", 0, "B202"),
        ("version", 2, "B202"),
        ("version", 0xFFFF, "B202"),
        ("isa", 0, "B202"),
        ("isa", 4, "B202"),
        ("isa", 0xFFFF, "B202"),
        ("count", 0, "B205"),
        ("count", len(PIECES) - 1, "B204"),
        ("count", len(PIECES) + 1, "B204"),
        ("count", 65, "B205"),
        ("count", HUGE32, "B205"),
        ("length", len(WHOLE) - 1, "B205"),
        ("length", len(WHOLE) + 1, "B203"),
        ("length", 0, "B205"),
        ("length", HUGE64, "B203"),
        ("zero", 1, "B205"),
    ],
)
def test_header_fields(field: str, value: int, code: str) -> None:
    assert code_of(put_together(PIECES, **{field: value})) == code


def test_a_wrong_checksum_of_the_header() -> None:
    assert code_of(patched(WHOLE, HEADER.size, b"\0\0\0\0")) == "B204"


# --- section table ----------------------------------------------------------------------------------


def forged(kind: int, **changes: Any) -> bytes:
    """The whole file with one section's entry changed and all other checksums right."""
    return put_together([replace(p, **changes) if p.kind == kind else p for p in PIECES])


def offset_of(kind: int) -> int:
    """Where a section stands."""
    rows = SECTION.iter_unpack(WHOLE[HEADER_SIZE:TABLE_END])
    return next(row[3] for row in rows if row[0] == kind)


@pytest.mark.parametrize("kind", [p.kind for p in PIECES])
@pytest.mark.parametrize("by", [-64, -1, 1, 64, 1 << 20, HUGE64 - (1 << 20)])
def test_offsets_that_are_not_the_next_aligned_one(kind: int, by: int) -> None:
    assert code_of(forged(kind, offset=offset_of(kind) + by)) in ("B205", "B204")


@pytest.mark.parametrize("kind", [p.kind for p in PIECES])
@pytest.mark.parametrize("length", ["one more", "one less", 0, HUGE32, HUGE64])
def test_lengths_that_are_not_the_sections(kind: int, length: int | str) -> None:
    have = len(next(p for p in PIECES if p.kind == kind).content)
    stated = {"one more": have + 1, "one less": have - 1}.get(str(length), length)
    assert isinstance(stated, int)
    assert stated == have or code_of(forged(kind, length=stated % (1 << 64))) in ("B204", "B205")


@pytest.mark.parametrize("kind", [p.kind for p in PIECES])
def test_a_wrong_checksum_of_a_section(kind: int) -> None:
    assert code_of(forged(kind, crc=0x12345678)) == "B204"


@pytest.mark.parametrize("kind", [p.kind for p in PIECES])
def test_a_section_that_stands_twice(kind: int) -> None:
    twice = next(p for p in PIECES if p.kind == kind)
    assert code_of(put_together([*PIECES, twice])) == "B205"


def test_sections_that_overlap() -> None:
    first, second, *rest = PIECES
    assert code_of(put_together([first, replace(second, offset=offset_of(first.kind)), *rest])) == "B205"


def test_bytes_between_sections_are_zero() -> None:
    first = offset_of(layout.CODE)
    assert HEADER_SIZE + SECTION.size * len(PIECES) < first
    assert code_of(patched(WHOLE, first - 1, b"\1")) == "B205"


def test_the_order_of_sections_does_not_matter() -> None:
    again = from_bytes(put_together(PIECES[::-1]))
    assert to_bytes(replace(again, sections=again.sections[::-1])) == WHOLE


def test_a_program_without_code_is_none() -> None:
    assert code_of(put_together([p for p in PIECES if p.kind != layout.CODE])) == "B205"


@pytest.mark.parametrize("flags", [2, 0x8001, 0xFFFF])
@pytest.mark.parametrize("kind", [layout.CODE, layout.LABELS])
def test_flags_of_known_sections_are_fixed(kind: int, flags: int) -> None:
    assert code_of(forged(kind, flags=flags)) == "B205"


@pytest.mark.parametrize("kind", [0, 10, 0x7F, 0x80, 0xFFFF])
@pytest.mark.parametrize("flags", [1, 3, 0xFFFF])
def test_unknown_critical_sections_are_refused(kind: int, flags: int) -> None:
    assert code_of(put_together([*take_apart(SMALL), Piece(kind, flags, b"?")])) == "B206"


@pytest.mark.parametrize("kind", [0, 10, 0x7F, 0x80, 0xFFFF])
@pytest.mark.parametrize("flags", [0, 2, 0xFFFE])
def test_unknown_optional_sections_are_carried_along(kind: int, flags: int) -> None:
    content = put_together([*take_apart(SMALL), Piece(kind, flags, b"\0anything\xff")])
    assert to_bytes(from_bytes(content)) == content


@pytest.mark.parametrize("kind", [layout.CONSTANTS, layout.DATA, layout.NAMES])
def test_a_section_that_others_refer_to_is_missing(kind: int) -> None:
    assert code_of(put_together([p for p in PIECES if p.kind != kind])) in ("B208", "B209")


@pytest.mark.parametrize("kind", [layout.LABELS, layout.METADATA])
def test_a_section_that_nothing_refers_to_may_be_missing(kind: int) -> None:
    assert code_of(put_together([p for p in PIECES if p.kind != kind])) is None


# --- what stands in the sections, with all checksums right ------------------------------------------


@pytest.mark.parametrize("kind", [p.kind for p in PIECES if p.kind < 8])
def test_sections_of_any_other_length(kind: int) -> None:
    for end in range(len(content_of(kind))):
        content = put_together([replace(p, content=p.content[:end]) if p.kind == kind else p for p in PIECES])
        code = code_of(content)
        lone = kind in (layout.CODE, layout.LABELS, layout.METADATA) and end % 8 == 0
        assert code is not None or lone
    longer = put_together([replace(p, content=p.content + b"\0") if p.kind == kind else p for p in PIECES])
    assert code_of(longer) == "B209"


def word(index: int, *fields: int) -> bytes:
    """The whole file with one instruction replaced."""
    return replaced(WHOLE, layout.CODE, 16 * index, layout.WORD.pack(*fields))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ((0x00, 0, 0, 0, 0, 0), "B207"),
        ((0xE0, 0, 0, 0, 0, 0), "B207"),
        ((0xFF, 0, 0, 0, 0, 0), "B207"),
        ((0x5F, 4, 0, 0, 0, 0), "B208"),
        ((0x5F, 255, 0, 0, 0, 0), "B208"),
        ((0x5F, 0, 0x0001, 0, 0, 0), "B208"),
        ((0x5F, 0, 0xF000, 0, 0, 0), "B208"),
        ((0x5F, 0, 0, 1, 0, 0), "B208"),
        ((0x5F, 0, 0, 0, 0, 1), "B208"),
        ((0x58, 1, 0, 0, 0, 0), "B208"),
        ((0x58, 1, 6, 0, 0, 0), "B208"),
        ((0x58, 1, 15, 0, 0, 0), "B208"),
        ((0x58, 1, 1, 32, 0, 0), "B208"),
        ((0x58, 1, 1, HUGE32, 0, 0), "B208"),
        ((0x58, 1, 2, 1000, 0, 0), "B208"),
        ((0x58, 1, 2, HUGE32, 0, 0), "B208"),
        ((0x58, 1, 3, 4, 0, 0), "B208"),
        ((0x58, 1, 5, 1000, 0, 0), "B208"),
        ((0x58, 2, 2, 0, 0, 0), "B208"),
        ((0x58, 1, 0x22, 0, 0, 0), "B208"),
    ],
)
def test_instruction_words(fields: tuple[int, ...], code: str) -> None:
    assert code_of(word(0, *fields)) == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ((0x40, 1, 4, 13, 0, 0), "B112"),
        ((0x40, 1, 4, HUGE32, 0, 0), "B112"),
        ((0x01, 0, 0, 0, 0, 0), "B003"),
        ((0x5F, 1, 2, 0, 0, 0), "B003"),
        ((0x04, 1, 4, 0, 0, 0), "B004"),
        ((0x30, 2, 0x22, 0, 0, 0), "B004"),
    ],
)
def test_what_only_the_verifier_refuses(fields: tuple[int, ...], code: str) -> None:
    with pytest.raises(BioasmError) as refused:
        verify(from_bytes(word(10, *fields)))
    assert code in [d.code for d in refused.value.diagnostics]


@pytest.mark.parametrize(
    ("at", "new", "code"),
    [
        (0, pack("<d", float("nan")), "B109"),
        (0, pack("<d", float("inf")), "B109"),
        (48, pack("<d", float("-inf")), "B109"),
        (8, b"\x11", "B209"),
        (8, b"\xff", "B209"),
        (9, b"\x01", "B209"),
        (12, pack("<I", 1000), "B209"),
        (12, pack("<I", HUGE32 - 1), "B209"),
        (28, pack("<I", 0), "B209"),
    ],
)
def test_constants(at: int, new: bytes, code: str) -> None:
    assert code_of(replaced(WHOLE, layout.CONSTANTS, at, new)) == code


NAMES = content_of(layout.NAMES)
FIRST_NAME = 8 + 4 * int.from_bytes(NAMES[:4], "little")


@pytest.mark.parametrize(
    ("at", "new", "code"),
    [
        (0, pack("<I", 0), "B209"),
        (0, pack("<I", int.from_bytes(NAMES[:4], "little") + 1), "B209"),
        (0, pack("<I", HUGE32), "B209"),
        (4, pack("<I", 0), "B209"),
        (4, pack("<I", HUGE32), "B209"),
        (8, pack("<I", HUGE32), "B209"),
        (8, pack("<I", 50), "B209"),
        (FIRST_NAME, b"\xff", "B209"),
        (FIRST_NAME, b" ", "B209"),
        (FIRST_NAME, b"\0", "B209"),
        (FIRST_NAME, b"9", "B209"),
    ],
)
def test_names(at: int, new: bytes, code: str) -> None:
    assert code_of(replaced(WHOLE, layout.NAMES, at, new)) == code


@pytest.mark.parametrize(
    ("at", "new", "code"),
    [
        (0, pack("<I", 1000), "B209"),
        (0, pack("<I", HUGE32), "B209"),
        (8, content_of(layout.LABELS)[:4], "B209"),
    ],
)
def test_labels(at: int, new: bytes, code: str) -> None:
    assert code_of(replaced(WHOLE, layout.LABELS, at, new)) == code


def test_labels_out_of_the_program_are_for_the_verifier() -> None:
    with pytest.raises(BioasmError, match="B112"):
        verify(from_bytes(replaced(WHOLE, layout.LABELS, 4, pack("<I", 13))))


@pytest.mark.parametrize(
    ("at", "new"),
    [(0, pack("<I", 3)), (0, pack("<I", HUGE32)), (4, pack("<I", HUGE32)), (8, pack("<I", HUGE32)), (24, b"\xff")],
)
def test_metadata(at: int, new: bytes) -> None:
    assert code_of(replaced(WHOLE, layout.METADATA, at, new)) == "B209"


SPANS = content_of(layout.SPANS, DEBUG)


@pytest.mark.parametrize(
    ("at", "new"),
    [
        (0, pack("<I", 0)),
        (0, pack("<I", HUGE32)),
        (4, pack("<I", HUGE32)),
        (12, b"\xff"),
        (31, b"\x01"),
        (32, pack("<I", 1)),
        (32, pack("<I", HUGE32 - 1)),
    ],
)
def test_spans(at: int, new: bytes) -> None:
    assert code_of(replaced(DEBUG, layout.SPANS, at, new)) == "B209"


def test_spans_are_as_many_as_instructions() -> None:
    short = [replace(p, content=p.content[:-16]) if p.kind == layout.SPANS else p for p in take_apart(DEBUG)]
    assert code_of(put_together(short)) == "B209"


# --- data -------------------------------------------------------------------------------------------

BLOCK_FIELDS = ["kind", "flags", "dimensions", "zero", "name", "rows", "columns"]
ARRAY_FIELDS = ["type", "zeros", "offset", "entries"]
SPARSE_J, DENSE_VECTOR, TERMS_T, DENSE_MATRIX = range(4)


def with_block(block: int, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The whole file with fields of one data block's header changed."""
    start = BLOCKS.size + BLOCK_SIZE * block
    fields = dict(zip(BLOCK_FIELDS, BLOCK.unpack_from(content_of(layout.DATA), start), strict=True))
    change(fields)
    return replaced(WHOLE, layout.DATA, start, BLOCK.pack(*fields.values()))


def with_array(block: int, array: int, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The whole file with fields of one array's record changed."""
    start = BLOCKS.size + BLOCK_SIZE * block + BLOCK.size + ARRAY.size * array
    fields = dict(zip(ARRAY_FIELDS, ARRAY.unpack_from(content_of(layout.DATA), start), strict=True))
    change(fields)
    return replaced(WHOLE, layout.DATA, start, ARRAY.pack(*fields.values()))


@pytest.mark.parametrize(
    ("block", "field", "value", "code"),
    [
        (SPARSE_J, "kind", 0, "B209"),
        (SPARSE_J, "kind", 4, "B209"),
        (SPARSE_J, "kind", 1, "B209"),
        (SPARSE_J, "kind", 3, "B209"),
        (DENSE_VECTOR, "kind", 2, "B209"),
        (SPARSE_J, "flags", 2, "B209"),
        (DENSE_VECTOR, "flags", 1, "B209"),
        (TERMS_T, "flags", 1, "B209"),
        (SPARSE_J, "dimensions", 0, "B209"),
        (SPARSE_J, "dimensions", 1, "B209"),
        (SPARSE_J, "dimensions", 255, "B209"),
        (DENSE_VECTOR, "dimensions", 2, "B209"),
        (DENSE_MATRIX, "dimensions", 1, "B209"),
        (TERMS_T, "dimensions", 2, "B209"),
        (SPARSE_J, "zero", 1, "B209"),
        (SPARSE_J, "name", 1000, "B209"),
        (SPARSE_J, "rows", 0, "B111"),
        (SPARSE_J, "rows", 2, "B106"),
        (SPARSE_J, "rows", HUGE64, "B111"),
        (SPARSE_J, "columns", HUGE64, "B111"),
        (DENSE_VECTOR, "rows", 2, "B209"),
        (DENSE_VECTOR, "rows", 4, "B209"),
        (DENSE_VECTOR, "rows", HUGE64, "B209"),
        (DENSE_VECTOR, "columns", 1, "B209"),
        (DENSE_MATRIX, "rows", HUGE64, "B209"),
        (DENSE_MATRIX, "columns", 1 << 32, "B209"),
        (TERMS_T, "rows", 2, "B110"),
        (TERMS_T, "rows", 0, "B111"),
        (TERMS_T, "rows", HUGE64, "B111"),
        (TERMS_T, "columns", 1, "B209"),
    ],
)
def test_block_headers(block: int, field: str, value: int, code: str) -> None:
    assert code_of(with_block(block, lambda fields: fields.update({field: value}))) == code


ALL_ARRAYS = [(SPARSE_J, 0), (SPARSE_J, 2), (DENSE_VECTOR, 0), (TERMS_T, 0), (TERMS_T, 1), (DENSE_MATRIX, 0)]


@pytest.mark.parametrize(("block", "array"), ALL_ARRAYS)
@pytest.mark.parametrize(
    "change",
    [
        {"type": 0},
        {"type": 7},
        {"type": 255},
        {"zeros": b"\0\0\0\0\0\0\1"},
        {"offset": 0},
        {"offset": HUGE64},
        {"offset": HUGE64 - 63},
        {"entries": 0},
        {"entries": HUGE32},
        {"entries": HUGE64},
        {"entries": 1 << 61},
    ],
    ids=str,
)
def test_array_records(block: int, array: int, change: dict[str, Any]) -> None:
    assert code_of(with_array(block, array, lambda fields: fields.update(change))) == "B209"


@pytest.mark.parametrize(("block", "array"), ALL_ARRAYS)
@pytest.mark.parametrize("by", [-1, 1])
def test_one_entry_more_or_less(block: int, array: int, by: int) -> None:
    content = with_array(block, array, lambda fields: fields.update(entries=fields["entries"] + by))
    assert code_of(content) in ("B209", "B010")


@pytest.mark.parametrize(("block", "array"), ALL_ARRAYS)
@pytest.mark.parametrize("by", [-64, -1, 1, 64])
def test_arrays_stand_at_the_next_aligned_place(block: int, array: int, by: int) -> None:
    content = with_array(block, array, lambda fields: fields.update(offset=max(0, fields["offset"] + by)))
    assert code_of(content) == "B209"


def test_indices_are_stored_in_their_one_type() -> None:
    assert code_of(with_array(SPARSE_J, 0, lambda fields: fields.update(type=5))) == "B209"
    assert code_of(with_array(TERMS_T, 0, lambda fields: fields.update(type=6))) == "B209"


@pytest.mark.parametrize("count", [0, 3, 5, 1 << 12, (1 << 12) + 1, HUGE32])
def test_counts_of_blocks(count: int) -> None:
    assert code_of(replaced(WHOLE, layout.DATA, 0, pack("<I", count))) in ("B209", "B111")


def test_a_vector_has_one_array() -> None:
    start = BLOCKS.size + BLOCK_SIZE * DENSE_VECTOR + BLOCK.size + ARRAY.size
    assert code_of(replaced(WHOLE, layout.DATA, start, b"\1")) == "B209"


def test_bytes_between_arrays_are_zero() -> None:
    headers = BLOCKS.size + BLOCK_SIZE * 4
    assert code_of(replaced(WHOLE, layout.DATA, headers + 1, b"\1")) == "B209"


def array_bytes(block: int, array: int, new: bytes) -> bytes:
    """The whole file with the first bytes of an array replaced."""
    record = BLOCKS.size + BLOCK_SIZE * block + BLOCK.size + ARRAY.size * array
    offset = ARRAY.unpack_from(content_of(layout.DATA), record)[2]
    return replaced(WHOLE, layout.DATA, offset, new)


@pytest.mark.parametrize(
    ("block", "array", "new", "code"),
    [
        (SPARSE_J, 0, pack("<i", -1), "B110"),
        (SPARSE_J, 0, pack("<i", 3), "B110"),
        (SPARSE_J, 0, pack("<i", 2), "B010"),
        (SPARSE_J, 1, pack("<i", 1 << 30), "B110"),
        (TERMS_T, 0, pack("<q", 1), "B010"),
        (TERMS_T, 0, pack("<qq", 0, 1 << 40), "B010"),
        (TERMS_T, 1, pack("<i", 3), "B110"),
        (TERMS_T, 1, pack("<i", 1), "B010"),
        (TERMS_T, 2, pack("<d", float("nan")), "B109"),
    ],
)
def test_indices_that_lead_nowhere(block: int, array: int, new: bytes, code: str) -> None:
    assert code_of(array_bytes(block, array, new)) == code


def test_dense_data_that_are_not_finite_are_for_the_verifier() -> None:
    with pytest.raises(BioasmError, match="B109"):
        verify(from_bytes(array_bytes(DENSE_MATRIX, 0, pack("<d", float("inf")))))


@pytest.mark.parametrize("field", ["rows", "columns"])
@pytest.mark.parametrize("block", [SPARSE_J, DENSE_MATRIX])
def test_stated_sizes_are_never_allocated(block: int, field: str) -> None:
    content = with_block(block, lambda fields: fields.update({field: 1 << 35}))
    tracemalloc.start()
    assert code_of(content) is not None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
