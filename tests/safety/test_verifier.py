"""Tests of the instruction STIM at the gate: its constants are held to the default limits, with the place."""

from __future__ import annotations

import pytest

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.drivers.cpu import CpuDriver
from bioasm.isa.table import BY_MNEMONIC, group_of
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify

START = ".const strong = 20 uA\n.const brief = 5 us\n.data three = [0, 1, 2]\nALC 4\nMOV r1, 1\n"


def checked(line: str) -> list[Diagnostic]:
    """What the gate finds in the program that ends with this line."""
    try:
        verify(assemble(START + line))
    except BioasmError as refused:
        return list(refused.diagnostics)
    return []


@pytest.mark.parametrize(
    "line",
    [
        "STIM 0, 2 uA, 100 us",
        "STIM 3, 2e-6, 1e-4",
        "STIM [0, 3], 10 uA, 300 us",
        "STIM three, 10 nA, 20 us",
        "STIM r1, r1, r1",
        "STIM 0, 0, 100 us",
        "STIM 0, 0, 0",
        "STIM 0, r1, 1 ms",
        "STIM 0, 10 uA, r1",
    ],
)
def test_pulse_within_the_limits(line: str) -> None:
    assert checked(line) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("STIM 0, 20 uA, 100 us", "current of phase 1: 20 uA; the limit is 10 uA"),
        ("STIM 0, strong, 100 us", "current of phase 1: 20 uA; the limit is 10 uA"),
        ("STIM 0, strong, r1", "current of phase 1: 20 uA; the limit is 10 uA"),
        ("STIM 0, 5 uA, 700 us", "charge of phase 1: 3.5 nC; the limit is 3 nC"),
        ("STIM 0, 1 uA, 1.1 ms", "width of phase 1: 1.1 ms; the limit is 1 ms"),
        ("STIM 0, 1 uA, brief", "width of phase 1: 5 us; the limit is 20 us"),
        ("STIM 0, r1, brief", "width of phase 1: 5 us; the limit is 20 us"),
        ("STIM 0, 1 uA, 0", "width of phase 1: 0 s; the limit is 20 us"),
        ("STIM 0, 1e300, 1 ms", "current of phase 1"),
    ],
)
def test_pulse_over_a_limit_is_refused_with_its_place(line: str, words: str) -> None:
    found = checked(line)
    assert {d.code for d in found} == {"B520"}
    assert words in found[0].message
    assert found[0].span is not None
    assert found[0].span.line == 6
    assert found[0].hint is not None


def test_each_limit_is_told_once() -> None:
    assert [d.message.split(":")[1].strip() for d in checked("STIM 0, 20 uA, 2 ms")] == [
        "width of phase 1",
        "current of phase 1",
        "charge of phase 1",
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("STIM 4, 1 uA, 100 us", "B110"),
        ("STIM [0, 7], 1 uA, 100 us", "B110"),
        ("STIM [1, 1], 1 uA, 100 us", "B110"),
        ("STIM [], 1 uA, 100 us", "B106"),
        ("STIM 0, 1 mV, 100 us", "B006"),
        ("STIM 0, 1 uA, 3 sweeps", "B006"),
        ("STIM 0, -1 uA, 100 us", "B014"),
        ("STIM 0, 1 uA, -1", "B014"),
        ("STIM 0, 1 uA", "B003"),
        ("STIM 0, three, 100 us", "B004"),
        ("STIM r9, 1 uA, 100 us", "B113"),
        ("STIM 0, r9, 100 us", "B113"),
    ],
)
def test_operands_that_do_not_fit(line: str, code: str) -> None:
    assert code in {d.code for d in checked(line)}


def test_stimulation_needs_neurons() -> None:
    with pytest.raises(BioasmError, match="B101"):
        verify(assemble("STIM 0, 1 uA, 100 us"))


def test_processor_has_no_electrodes() -> None:
    program: Verified = verify(assemble("ALC 1\nSTIM 0, 1 uA, 100 us\n"))
    with pytest.raises(BioasmError, match="can't run STIM") as caught:
        CpuDriver().run(program)
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.line if found.span else 0) == ("B502", 2)


def test_row_says_what_it_needs() -> None:
    row = BY_MNEMONIC["STIM"]
    assert (row.opcode, row.needs, row.form, group_of(row)) == (
        0x60,
        "stimulation",
        "STIM neurons, amplitude, width",
        "stimulation",
    )
