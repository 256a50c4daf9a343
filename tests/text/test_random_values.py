"""Random values in text and bytecode: both ways the same bytes, layout, and what is wrong with a literal, at its place."""

from __future__ import annotations

import pytest

from bioasm.binary.layout import ARRAY, BLOCK, BLOCKS, DATA, aligned
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import program_hash, to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.isa.program import ConstantRef, Quantity, Random
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.text.format import format_text
from bioasm.units import Dimension
from tests.binary.support import code_of, replaced

HEAD = "POP cells, lif, 3\n"
PROGRAM = """\
.data start = uniform(-70 mV, -50 mV) per lane
POP cells, lif, 3
SET cells.v, start
SET cells.tau, Normal( m , 2 ms, 1 ms )   ; of constants that come later as well
INP cells.I, choice(1 nA, 2.5e-9)
EVT cells, [[0, 1]], lognormal(1 mV, 0.5 mV)
RUN 1 ms
.const m = 10 ms
"""


def test_text_says_distribution_arguments_and_lanes() -> None:
    found = [block.value for block in assemble(PROGRAM).data if isinstance(block.value, Random)]
    assert [(one.distribution, one.per_lane) for one in found] == [
        ("uniform", True), ("normal", False), ("choice", False), ("lognormal", False),
    ]  # fmt: skip
    assert found[1].arguments == (ConstantRef("m"), Quantity(2e-3, Dimension.TIME), Quantity(1e-3, Dimension.TIME))
    assert found[2].arguments == (Quantity(1e-9, Dimension.CURRENT), Quantity(2.5e-9))


def test_round_trip() -> None:
    program = assemble(PROGRAM)
    code = to_bytes(program)
    again = from_bytes(code)
    assert to_bytes(again) == code
    text = disassemble(again)
    assert to_bytes(assemble(text)) == code
    assert disassemble(assemble(text)) == text
    assert program_hash(assemble(format_text(PROGRAM))) == program_hash(program)
    assert "SET cells.tau, normal(m, 2 ms, 1 ms)" in text
    assert "uniform(-70 mV, -50 mV) per lane" in text


def test_names_of_distributions_are_free() -> None:
    program = assemble(".const normal = 2\n.data choice = [1, 2, 3]\nPOP cells, lif, 3\nINP cells.I, choice\nSIG normal\n")
    assert "normal" in program.constants


@pytest.mark.parametrize(
    ("literal", "code", "column", "said"),
    [
        ("normal(1 ms)", "B010", 16, "normal(mean, sd)"),
        ("choice()", "B010", 16, "0 arguments"),
        ("normal(mean, 1 ms)", "B007", 23, "no constant `mean`"),
        ("uniform(1 ms, 2 mX)", "B005", 30, "no unit `mX`"),
        ("uniform(r1, 2)", "B004", 24, "register"),
        ("uniform(1,, 2)", "B010", 16, "3 arguments"),
        ("uniform(1 ms, +)", "B010", 30, "neither a number"),
        ("uniform(1 ms, 2 ms) per", "B001", 36, "`per`"),
        ("f8 uniform(1 ms, 2 ms)", "B001", 19, "`uniform(1 ms, 2 ms)`"),
        ("uniform(1 ms, 2 ms", "B001", 23, "`(`"),
    ],
)
def test_what_is_wrong_with_a_literal(literal: str, code: str, column: int, said: str) -> None:
    with pytest.raises(BioasmError) as caught:
        assemble(f"{HEAD}SET cells.tau, {literal}\n")
    found = caught.value.diagnostics[0]
    assert (found.code, found.span.line, found.span.column) == (code, 2, column)
    assert said in f"{found.message} {found.hint}"


# --- bytecode that is damaged -------------------------------------------------------------------------

SMALL = to_bytes(assemble(f"{HEAD}SET cells.tau, normal(10 ms, 2 ms)\n"))
_END = aligned(BLOCKS.size + BLOCK.size + 3 * ARRAY.size)  # where the arguments lie in the section


@pytest.mark.parametrize(
    ("at", "new", "code"),
    [
        (BLOCKS.size + 1, b"\1", "B209"),  # symmetric
        (BLOCKS.size + 1, b"\4", "B209"),
        (BLOCKS.size + 2, b"\2", "B209"),  # a matrix
        (BLOCKS.size + 8, b"\0", "B209"),  # a distribution that there is not
        (BLOCKS.size + 8, b"\5", "B209"),
        (BLOCKS.size + BLOCK.size, b"\5", "B209"),  # arguments as float32
        (_END, b"\x63", "B208"),  # arguments that are no constants
        (_END, b"\xff\xff\xff\xff", "B208"),
        (_END, b"\1", None),  # two arguments of one constant: sound bytes
        (BLOCKS.size + 1, b"\2", None),  # of each lane: what the verifier refuses here
    ],
)
def test_damaged_blocks(at: int, new: bytes, code: str | None) -> None:
    assert code_of(replaced(SMALL, DATA, at, new)) == code
