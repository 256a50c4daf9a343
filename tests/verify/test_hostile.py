"""What no text can say and bytecode may: operands, names, labels and data that are not sound are refused by the gate."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, DataRef, Dense, Name, Program, Quantity, Register, Sparse, Target, Terms
from bioasm.isa.table import BY_MNEMONIC
from bioasm.text.assemble import assemble
from bioasm.units import Dimension
from bioasm.verifier.gate import verify
from tests.verify.support import codes, instruction, program

NAN, INFINITY = float("nan"), float("inf")
ALC2 = instruction("ALC", 2)


@pytest.mark.parametrize(
    ("code", "broken"),
    [
        ("B003", instruction("ALC")),
        ("B003", instruction("ALC", 1, 2)),
        ("B003", instruction("HLT", 1)),
        ("B004", instruction("ALC", Register(0))),
        ("B004", instruction("ALC", Name("n"))),
        ("B004", instruction("MOV", 1, 2)),
        ("B004", instruction("JMP", 1)),
        ("B004", instruction("SIG", Target(0))),
        ("B004", instruction("MODEL", 1)),
        ("B004", instruction("OUT", "word")),  # type: ignore[arg-type]
        ("B004", instruction("OUT", 1, Name(""))),
        ("B111", instruction("OUT", 1, Name("n" * 256))),
        ("B208", instruction("MOV", Register(32), 1)),
        ("B208", instruction("MOV", Register(-1), 1)),
        ("B208", instruction("MOV", Register(True), 1)),
        ("B208", instruction("MOV", Register(0.5), 1)),  # type: ignore[arg-type]
        ("B007", instruction("SIG", ConstantRef("absent"))),
        ("B109", instruction("SIG", NAN)),
        ("B109", instruction("OUT", INFINITY)),
        ("B109", instruction("ALC", NAN)),
        ("B109", instruction("ALC", INFINITY)),
        ("B109", instruction("SIG", Quantity("1"))),  # type: ignore[arg-type]
        ("B006", instruction("SIG", Quantity(1.0, Dimension.CHARGE))),
        ("B112", instruction("JMP", Target(2))),
        ("B112", instruction("JMP", Target(-1))),
        ("B112", instruction("JMP", Target(1 << 40))),
        ("B103", instruction("MODEL", Name("../ising"))),
        ("B105", instruction("SET", Name("__class__"), 1)),
    ],
    ids=repr,
)
def test_unsound_operands(code: str, broken: Any) -> None:
    assert codes(program(broken)) == [code]


def test_data_reference_beyond_the_data() -> None:
    assert codes(program(ALC2, instruction("LDH", DataRef(1)), data=[[1, 2]])) == ["B208"]
    assert codes(program(ALC2, instruction("LDH", DataRef(0)), data=[[1, 2]])) == []


def test_a_jump_to_the_end_is_a_jump_in_the_program() -> None:
    assert codes(program(instruction("JMP", Target(1)))) == []


def test_a_row_that_is_not_of_the_table() -> None:
    forged = replace(instruction("HLT"), row=replace(BY_MNEMONIC["HLT"], opcode=0xEE))
    assert codes(Program((forged,))) == ["B002"]


@pytest.mark.parametrize(
    ("code", "rest"),
    [
        ("B015", {"constants": {"r0": Quantity(1.0)}}),
        ("B015", {"constants": {"": Quantity(1.0)}}),
        ("B015", {"labels": {"two words": 0}}),
        ("B015", {"labels": {"RUN": 0}}),
        ("B015", {"labels": {"n" * 256: 0}}),
        ("B008", {"labels": {"a": 0}, "constants": {"a": Quantity(1.0)}}),
        ("B109", {"constants": {"a": Quantity(NAN)}}),
        ("B112", {"labels": {"a": 2}}),
        ("B112", {"labels": {"a": -1}}),
        ("B111", {"metadata": {"title": "x" * (limit("metadata_bytes") + 1)}}),
    ],
)
def test_unsound_names_constants_and_labels(code: str, rest: dict[str, Any]) -> None:
    assert codes(program(instruction("HLT"), **rest)) == [code]


def test_a_label_may_stand_at_the_end() -> None:
    assert codes(program(instruction("HLT"), labels={"end": 1})) == []


def test_too_many_instructions_are_refused_at_once() -> None:
    assert codes(Program((instruction("HLT"),) * (limit("instructions") + 1))) == ["B111"]


def test_no_more_errors_are_kept_than_are_shown() -> None:
    assert codes(program(*[instruction("ALC")] * 1000)) == ["B003"] * limit("diagnostics")


def test_without_spans_the_message_says_which_instruction() -> None:
    with pytest.raises(BioasmError, match=r"instruction 1 \(RUN\)"):
        verify(program(ALC2, instruction("RUN", -1)))


# --- data -------------------------------------------------------------------------------------------


def sparse(row: Any, column: Any, value: Any = None, shape: Any = (3, 3), symmetric: bool = False) -> Sparse:
    row, column = np.asarray(row), np.asarray(column)
    return Sparse(shape, row, column, np.ones(row.size) if value is None else np.asarray(value), symmetric)


def terms(start: Any, index: Any, value: Any, size: int = 3) -> Terms:
    return Terms(size, np.asarray(start), np.asarray(index), np.asarray(value))


SOUND = [
    sparse([0, 0, 2], [1, 2, 0]),
    sparse([0, 0, 2], [1, 2, 2], symmetric=True),
    sparse(np.zeros(0, int), np.zeros(0, int)),
    sparse(np.array([0, 2], "u8"), np.array([2, 0], "i1")),
    terms([0, 2, 3], [0, 2, 1], [1, 2]),
    terms([0], np.zeros(0, int), np.zeros(0)),
    [1, 2],
    [[True, False]],
    np.zeros((0, 2)),
    np.array([1, 2], "f2"),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(24.0).reshape(4, 6)[::2, ::3],
]

UNSOUND = [
    ("B010", np.array([1j, 2])),
    ("B010", np.array(["a"])),
    ("B010", np.array([object()])),
    ("B010", np.array([1, 2], ">f8")),
    ("B106", np.zeros(())),
    ("B106", np.zeros((2, 2, 2))),
    ("B109", np.array([0.0, NAN])),
    ("B109", np.array([[0.0], [INFINITY]])),
    ("B109", np.asfortranarray([[0.0, 1], [1, -INFINITY]])),
    ("B109", np.array([[0.0, 9, NAN, 9], [9, 9, 9, 9]])[:, ::2]),
    ("B109", sparse([0], [0], [NAN])),
    ("B010", sparse([0, 1], [0, 1], [1.0])),
    ("B010", sparse([0], [0, 1])),
    ("B110", sparse([3], [0])),
    ("B110", sparse([0], [3])),
    ("B110", sparse([-1], [0])),
    ("B110", sparse(np.array([1 << 63], "u8"), [0])),
    ("B010", sparse([1, 0], [0, 0])),
    ("B010", sparse([0, 0], [1, 0])),
    ("B010", sparse([0, 0], [1, 1])),
    ("B010", sparse([1], [0], symmetric=True)),
    ("B010", sparse([0.0], [0])),
    ("B106", sparse([[0]], [[0]])),
    ("B106", sparse([0], [0], shape=(3, 4), symmetric=True)),
    ("B111", sparse([0], [0], shape=(1 << 62, 3))),
    ("B111", sparse([0], [0], shape=(0, 3))),
    ("B010", terms([0, 2], [0, 1], [1, 2])),
    ("B010", terms([1, 2], [0, 1], [1])),
    ("B010", terms([0, 1], [0, 1], [1])),
    ("B010", terms([0, 2, 1, 3], [0, 1, 2], [1, 1, 1])),
    ("B010", terms([0, 0, 1], [0], [1, 1])),
    ("B010", terms([0, 2], [1, 0], [1])),
    ("B010", terms([0, 2], [1, 1], [1])),
    ("B110", terms([0, 1], [3], [1])),
    ("B110", terms([0, 1], [-1], [1])),
    ("B010", terms([0, 1], [0.0], [1])),
    ("B010", terms(np.zeros(0, int), np.zeros(0, int), np.zeros(0))),
    ("B109", terms([0, 1], [0], [NAN])),
    ("B111", terms([0, 65], range(65), [1], size=100)),
    ("B111", terms([0, 1], [0], [1], size=1 << 30)),
    ("B111", terms([0, 1], [0], [1], size=0)),
]


@pytest.mark.parametrize("data", SOUND)
def test_sound_data_pass(data: Any) -> None:
    assert codes(program(data=[data])) == []


@pytest.mark.parametrize(("code", "data"), UNSOUND)
def test_unsound_data_are_refused(code: str, data: Any) -> None:
    assert codes(program(data=[data]))[0] == code


def test_a_fault_far_into_the_data_is_found() -> None:
    row = np.arange(600_000, dtype="i4") // 1000
    column = np.arange(600_000, dtype="i4") % 1000
    whole = sparse(row, column, shape=(1000, 1000))
    row[1 << 18], column[1 << 18] = row[(1 << 18) - 1], column[(1 << 18) - 1]
    broken = sparse(row, column, shape=(1000, 1000))
    assert codes(program(data=[broken])) == ["B010"]
    assert codes(program(data=[replace(whole, row=np.sort(row))])) == ["B010"]


def test_a_late_nan_is_found() -> None:
    array = np.zeros(600_000)
    array[-1] = NAN
    assert codes(program(data=[array])) == ["B109"]
    assert codes(program(data=[array[:-1]])) == []


def test_a_mapped_matrix_is_checked_without_a_copy(tmp_path: Path) -> None:
    matrix = np.lib.format.open_memmap(tmp_path / "j.npy", mode="w+", dtype="f8", shape=(2048, 2048))
    made = program(instruction("ALC", 2048), instruction("LDJ", DataRef(0)), data=[matrix])
    tracemalloc.start()
    verify(made)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < matrix.nbytes / 8


def test_data_used_by_many_instructions_are_looked_at_once() -> None:
    class Counted(np.ndarray):  # type: ignore[type-arg]
        looks = 0

        def min(self, *arguments: Any, **options: Any) -> Any:
            Counted.looks += 1
            return super().min(*arguments, **options)

    rates = np.ones(2).view(Counted)
    uses = [instruction("POI", DataRef(0), 1)] * 50
    assert codes(program(ALC2, *uses, data=[Dense(rates)])) == []
    assert Counted.looks == 1


@pytest.mark.parametrize("form", ["sparse(3, 2) { 0 1 1 }", "terms(3) { 0 1 2 1 }", "[1, 2]", "[[[1]]]", "[[1, 2, 3]]"])
@pytest.mark.parametrize("line", ["EVT r, {}, 1", "RATE r, {}, 1", "SPK {}, 1", "POI {}, 1"])
def test_spikes_of_another_form_of_data_are_refused(line: str, form: str) -> None:
    head = "POP r, relay, 3\n" if line[0] in "ER" else "MODEL relay\nALC 3\n"
    with pytest.raises(BioasmError) as caught:
        verify(assemble(f"{head}{line.format(form)}\nRUN 1 ms\n"))
    assert all(found.code.startswith(("B0", "B1")) for found in caught.value.diagnostics)
