"""What is written is read again: every operand, every kind of data, every instruction, from text and by hand."""

from __future__ import annotations

import io
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from subprocess import run
from typing import Any

import numpy as np
import pytest

from bioasm.binary import MAGIC, looks_like_bytecode
from bioasm.binary.layout import HEADER, HEADER_SIZE
from bioasm.binary.reader import from_bytes, read
from bioasm.binary.writer import program_hash, to_bytes, write
from bioasm.diagnostics import BioasmError, Span
from bioasm.isa.formulas import with_constants
from bioasm.isa.program import ConstantRef, Dense, Name, Program, Quantity, Register, Section, Sparse, Terms
from bioasm.isa.table import ROWS, Row
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.units import Dimension
from bioasm.verifier.gate import verify
from tests.binary.support import everything, same, take_apart
from tests.verify.support import instruction, program


@pytest.mark.parametrize("spans", [False, True])
def test_everything_comes_back(spans: bool) -> None:
    made = everything(spans)
    verify(made)
    again = from_bytes(to_bytes(made))
    assert same(again, made)
    assert to_bytes(again) == to_bytes(made)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.mnemonic)
def test_examples_survive_bytes_and_text(row: Row) -> None:
    content = to_bytes(assemble(row.example))
    again = from_bytes(content)
    assert to_bytes(again) == content
    assert to_bytes(assemble(disassemble(again))) == content


@pytest.mark.parametrize("spans", [False, True])
def test_text_of_everything_assembles_to_the_same_bytes(spans: bool) -> None:
    content = to_bytes(everything(spans))
    assert to_bytes(assemble(disassemble(from_bytes(content)))) == content


def test_the_empty_program() -> None:
    content = to_bytes(Program(()))
    assert same(from_bytes(content), Program(()))
    assert len(content) <= 64


@pytest.mark.parametrize("dimension", Dimension)
def test_every_dimension(dimension: Dimension) -> None:
    made = program(instruction("OUT", Quantity(0.1, dimension)))
    assert from_bytes(to_bytes(made)).instructions == made.instructions


@pytest.mark.parametrize("value", [0.0, -0.0, 5e-324, 1.7976931348623157e308, -1 / 3, 2.0**53 + 2])
def test_numbers_keep_their_bits(value: float) -> None:
    (operand,) = from_bytes(to_bytes(program(instruction("OUT", value)))).instructions[0].operands
    assert isinstance(operand, Quantity)
    assert operand.value.hex() == value.hex()


@pytest.mark.parametrize("index", range(32))
def test_every_register(index: int) -> None:
    made = program(instruction("MOV", Register(index), 1))
    assert from_bytes(to_bytes(made)).instructions == made.instructions


@pytest.mark.parametrize("name", ["value", "two words", "größe", 'a "quote"', "r0", "RUN", "名", "x" * 255])
def test_words_of_operands(name: str) -> None:
    made = program(instruction("OUT", 1, Name(name)))
    assert from_bytes(to_bytes(made)).instructions == made.instructions


TYPES = ("i1", "i2", "i4", "i8", "f4", "f8")
ARRAYS = [np.arange(-2, 4).astype(t).reshape(s) for t in TYPES for s in ((6,), (2, 3), (6, 1), (1, 6))]
ARRAYS += [np.zeros(s, t) for t in ("i1", "f8") for s in ((0,), (0, 2), (2, 0), (1,), (1, 1))]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}-{a.shape}")
def test_dense_data_keep_type_shape_and_bits(array: Any) -> None:
    made = program(data=[array])
    again = from_bytes(to_bytes(made))
    assert same(again, made)


@pytest.mark.parametrize(
    ("given", "stored"),
    [("?", "i1"), ("u1", "i2"), ("u2", "i4"), ("u4", "i8"), ("u8", "i8"), ("f2", "f4"), (">f8", "f8"), (">i2", "i2")],
)
def test_other_types_are_widened_without_loss(given: str, stored: str) -> None:
    array = np.array([[0, 1], [1, 1]], given)
    (block,) = from_bytes(to_bytes(program(data=[array]))).data
    assert isinstance(block.value, Dense)
    assert block.value.array.dtype == stored
    assert (block.value.array == array).all()


@pytest.mark.parametrize("array", [np.array([1 << 63], "u8"), np.array([1j]), np.array(["a"]), np.zeros(1, "longdouble")])
def test_types_that_can_not_be_stored_are_refused(array: Any) -> None:
    with pytest.raises(BioasmError, match="B010"):
        to_bytes(program(data=[array]))


@pytest.mark.parametrize("layout", ["F", "strided", "mirrored"])
def test_the_order_in_memory_does_not_matter(layout: str) -> None:
    plain = np.arange(12.0).reshape(3, 4)
    other = {
        "F": np.asfortranarray(plain),
        "strided": np.repeat(np.repeat(plain, 2, 0), 3, 1)[::2, ::3],
        "mirrored": plain[::-1, ::-1].copy()[::-1, ::-1],
    }[layout]
    assert to_bytes(program(data=[other])) == to_bytes(program(data=[plain]))


@pytest.mark.parametrize("kind", ["i1", "u2", "i8", "u8"])
def test_index_types_do_not_matter(kind: str) -> None:
    def made(of: str) -> Program:
        sparse = Sparse((3, 3), np.array([0, 1], of), np.array([1, 2], of), np.array([1.0, 2.0]))
        return program(data=[sparse, Terms(3, np.array([0, 2], of), np.array([0, 2], of), np.array([1.0]))])

    assert to_bytes(made(kind)) == to_bytes(made("i4"))


def test_sparse_and_terms_come_back_in_canonical_types() -> None:
    again = from_bytes(to_bytes(everything()))
    sparse, terms = again.data[0].value, again.data[2].value
    assert isinstance(sparse, Sparse)
    assert isinstance(terms, Terms)
    assert (sparse.row.dtype, sparse.column.dtype, terms.index.dtype, terms.start.dtype) == ("i4", "i4", "i4", "i8")


def test_empty_sparse_data() -> None:
    none = np.zeros(0, "i4")
    made = program(data=[Sparse((2, 5), none, none, np.zeros(0)), Terms(2, np.zeros(1, "i8"), none, np.zeros(0))])
    assert same(from_bytes(to_bytes(made)), made)


# --- canonical form ---------------------------------------------------------------------------------


def test_equal_numbers_are_stored_once_and_unequal_bits_apart() -> None:
    operands = [0.0, -0.0, 1.0, Quantity(1.0, Dimension.TIME), 1.0]
    content = to_bytes(program(*[instruction("OUT", o) for o in operands]))
    (constants,) = [p.content for p in take_apart(content) if p.kind == 2]
    assert len(constants) == 16 * 4


def test_named_constants_come_first_and_are_not_shared() -> None:
    made = program(instruction("OUT", 1), instruction("OUT", ConstantRef("one")), constants={"one": Quantity(1.0)})
    again = from_bytes(to_bytes(made))
    assert again.instructions == made.instructions
    replaced = with_constants(again, {"one": Quantity(2.0)})
    assert replaced.quantity(Quantity(1.0)).value == 1.0


def test_the_order_of_labels_in_the_mapping_does_not_matter() -> None:
    a = program(instruction("HLT"), labels={"a": 0, "b": 1})
    b = program(instruction("HLT"), labels={"b": 1, "a": 0})
    assert to_bytes(a) == to_bytes(b)


def test_data_start_at_aligned_places() -> None:
    content = to_bytes(everything())
    base = np.frombuffer(content, "u1").ctypes.data
    again = from_bytes(content)
    places = [block.value.array.ctypes.data - base for block in again.data if isinstance(block.value, Dense)]
    assert [place % 64 for place in places] == [0, 0]


def test_the_stream_need_not_be_seekable() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.got = b""

        def writable(self) -> bool:
            return True

        def write(self, piece: Any) -> int:
            self.got += bytes(piece)
            return len(piece)

    pipe = Pipe()
    write(everything(), pipe)  # type: ignore[arg-type]
    assert pipe.got == to_bytes(everything())


# --- hash -------------------------------------------------------------------------------------------


def test_the_hash_is_of_the_bytes_without_spans() -> None:
    assert program_hash(everything(spans=True)) == program_hash(everything())
    assert to_bytes(everything(spans=True)) != to_bytes(everything())


TEXT = """
MODEL ising
.const T = 2
.data J = sparse(3) symmetric { 0 1 1 | 1 2 -1 }
ALC 3
LDJ J
LDT terms(3) { 0 1 2 0.5 }
SIG T
RUN 5
RD
"""


def test_text_and_bytecode_of_a_program_hash_the_same() -> None:
    made = assemble(TEXT)
    assert program_hash(from_bytes(to_bytes(made))) == program_hash(made)
    assert program_hash(assemble(TEXT, debug=True)) == program_hash(made)


@pytest.mark.parametrize(
    ("old", "new"),
    [("T = 2", "T = 3"), ("0 1 1", "0 1 2"), ("RUN 5", "RUN 5 sweeps"), ("RD", "RD energy"), (" symmetric", "")],
)
def test_the_hash_tells_programs_apart(old: str, new: str) -> None:
    assert program_hash(assemble(TEXT.replace(old, new))) != program_hash(assemble(TEXT))


def test_the_canonical_form_does_not_drift() -> None:
    """The canonical form is part of the format: this hash changes only with a new format version."""
    assert program_hash(Program(())) == "477e33856752a59d34e77f4c94aa8fc97d522a3758e96d8101726c203b951e29"
    assert program_hash(replace(everything(), models=())) == "53cb5bfe750839d0178376105390cf7098cf7bd2bdf4244e8d91fdb7de7f7e7e"
    assert program_hash(everything()) == "1e41b642721f0f53577300c051d37bcd4138e5d0e5e41ecdfc73ea82e247120d"


# --- spans ------------------------------------------------------------------------------------------


def test_spans_are_kept_only_where_they_belong_to_the_program() -> None:
    text = assemble("OUT 1\nOUT 2\n", source="p.basm")
    assert from_bytes(to_bytes(text)).instructions[0].span is None
    debug = assemble("OUT 1\n  OUT 2\n", source="p.basm", debug=True)
    assert from_bytes(to_bytes(debug)).instructions[1].span == debug.instructions[1].span


def test_instructions_may_come_from_many_files_or_none() -> None:
    places = [Span("a.basm", 1), None, Span("b.basm", 2, 3, 4), Span("a.basm", 9)]
    made = Program(tuple(replace(instruction("OUT", 1), span=s) for s in places), has_spans=True)
    assert [i.span for i in from_bytes(to_bytes(made)).instructions] == places


# --- files ------------------------------------------------------------------------------------------


def stored(tmp_path: Path, made: Program) -> Path:
    path = tmp_path / "p.bbc"
    with path.open("wb") as stream:
        write(made, stream)
    return path


def test_data_of_a_file_are_mapped_and_can_not_be_written(tmp_path: Path) -> None:
    matrix = np.arange(1 << 20, dtype="f8").reshape(1024, 1024)
    path = stored(tmp_path, program(data=[matrix]))
    tracemalloc.start()
    again = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    value = again.data[0].value
    assert isinstance(value, Dense)
    assert peak < matrix.nbytes / 16
    assert not value.array.flags.writeable
    assert not value.array.flags.owndata
    assert (value.array == matrix).all()


def test_writing_large_data_copies_nothing(tmp_path: Path) -> None:
    matrix = np.lib.format.open_memmap(tmp_path / "j.npy", mode="w+", dtype="f8", shape=(1024, 1024))
    made = program(data=[matrix])
    tracemalloc.start()
    stored(tmp_path, made)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < matrix.nbytes / 16


def test_data_in_memory_are_views_of_the_bytes() -> None:
    content = to_bytes(program(data=[np.arange(1000.0)]))
    value = from_bytes(content).data[0].value
    assert isinstance(value, Dense)
    assert np.shares_memory(value.array, np.frombuffer(content, "u1"))


def test_bytes_at_odd_addresses_give_aligned_arrays() -> None:
    content = to_bytes(program(data=[np.arange(10.0)]))
    value = from_bytes(memoryview(b"?" + content)[1:]).data[0].value
    assert isinstance(value, Dense)
    assert value.array.flags.aligned
    assert (value.array == np.arange(10.0)).all()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BioasmError, match="B301"):
        read(tmp_path / "none.bbc")


def test_an_empty_file_is_no_bytecode(tmp_path: Path) -> None:
    (tmp_path / "p.bbc").touch()
    with pytest.raises(BioasmError, match="B201"):
        read(tmp_path / "p.bbc")


def test_reading_without_data_imports_no_numpy(tmp_path: Path) -> None:
    path = stored(tmp_path, assemble("MOV r0, 1\nOUT r0\n"))
    script = f"""
import sys
from pathlib import Path
from bioasm.binary.reader import read
from bioasm.binary.writer import to_bytes, program_hash
from bioasm.verifier.gate import verify
program = read(Path({str(path)!r}))
to_bytes(program); program_hash(program)
print([m for m in ("numpy", "llvmlite", "lark", "click") if m in sys.modules])
verify(program)  # reads the text of its model
print([m for m in ("numpy", "llvmlite", "click") if m in sys.modules])
"""
    done = run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]


# --- what the writer refuses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sections",
    [
        (Section(1, 0, b""),),
        (Section(0x80, 1, b""),),
        (Section(0x80, 0, b""), Section(0x80, 0, b"")),
        (Section(1 << 16, 0, b""),),
        (Section(0x80, 1 << 16, b""),),
    ],
    ids=["known", "critical", "twice", "kind too large", "flags too large"],
)
def test_sections_that_can_not_be_carried(sections: tuple[Section, ...]) -> None:
    with pytest.raises(BioasmError, match="B205"):
        to_bytes(Program((), sections=sections))


def test_too_many_sections() -> None:
    with pytest.raises(BioasmError, match="B111"):
        to_bytes(Program((), sections=tuple(Section(0x80 + k, 0, b"") for k in range(64))))


def test_names_without_utf8_form_are_refused() -> None:
    with pytest.raises(BioasmError, match="B209"):
        to_bytes(program(instruction("OUT", 1, Name("\ud800"))))


# --- telling bytecode from text ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        (MAGIC, True),
        (MAGIC.replace(b"\r\n", b"\n"), True),
        (b"", False),
        (b"\x89", False),
        (b"ALC 4\n", False),
        ("µ".encode(), False),
        (b"\x89PNG\r\n\x1a\n", False),
    ],
)
def test_bytecode_is_told_by_its_first_bytes(prefix: bytes, expected: bool) -> None:
    assert looks_like_bytecode(prefix) is expected


def test_the_header_says_versions_count_and_length() -> None:
    content = to_bytes(everything())
    magic, version, isa, count, length, zero = HEADER.unpack_from(content)
    assert (magic, version, isa, length, zero) == (MAGIC, 1, 1, len(content), 0)
    assert (count, HEADER_SIZE) == (len(take_apart(content)), 32)


def test_an_instruction_is_the_word_of_the_specification() -> None:
    content = to_bytes(program(instruction("ADD", Register(3), Register(7), 2)))
    assert take_apart(content)[0].content.hex() == "31031102" + "03000000" + "07000000" + "00000000"
