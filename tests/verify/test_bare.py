"""Numbers without a unit: told where the operand has a dimension, in texts, except 0 and programs of the core alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioasm.isa.table import BY_MNEMONIC
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

PROGRAMS = sorted((Path(__file__).parents[2] / "programs").glob("*.basm"))


def bare(text: str) -> list[tuple[int, str]]:
    """Line and message of each warning of a number without a unit."""
    found = [d for d in verify(assemble(text)).warnings if d.code == "B131"]
    assert all(d.severity == "warning" and d.hint and d.span for d in found)
    return [(d.span.line, d.message) for d in found if d.span]


TOLD = {
    "SET Vt, -50\nALC 1": "-50 has no unit and is taken as -50 V",
    "SET Vt, 1 V\nALC 1\nSIG 4": "4 has no unit and is taken as 4 V",
    "ALC 1\nCUR 4": "4 has no unit and is taken as 4 A",
    "ALC 1\nPOI 100, 2 mV": "100 has no unit and is taken as 100 Hz",
    "ALC 1\nPOI 100 Hz, 2": "2 has no unit and is taken as 2 V",
    "ALC 1\nSPK [[0, 0]], 2": "2 has no unit and is taken as 2 V",
    "ALC 1\nINP I, 1": "1 has no unit and is taken as 1 A",
    "ALC 1\nREC v, 1": "1 has no unit and is taken as 1 s",
    "ALC 1\nCLAMP 0, -60": "-60 has no unit and is taken as -60 V",
    "ALC 1\nWAVE [[0]], 1": "1 has no unit and is taken as 1 s",
    "POP c, lif, 1\nEVT c, [[0, 0]], 5": "5 has no unit and is taken as 5 V",
    "POP c, lif, 1\nRATE c, 5, 1 mV": "5 has no unit and is taken as 5 Hz",
    "POP c, lif, 1\nPLAY c.I, [[0]], 1": "1 has no unit and is taken as 1 s",
    "POP c, lif, 1\nSYN s, c, c\nCON s, all\nSET s.delay, 1": "1 has no unit and is taken as 1 s",
    "POP c, lif, 1\nSYN s, c, c\nCON s, all\nSET s.weight, 1": "1 has no unit and is taken as 1 V",
    ".const T = 4\nSET Vt, T\nALC 1": "T (4) has no unit and is taken as 4 V",
    "MOV r0, 1\nALC 1\nRUN 4": "4 has no unit and is taken as 4 s",
}


@pytest.mark.parametrize(("text", "message"), TOLD.items())
def test_a_bare_number_is_told(text: str, message: str) -> None:
    assert [m for _, m in bare(f"{text}\nRUN 1 ms\n")] == [message]


@pytest.mark.parametrize(("text", "message"), TOLD.items())
def test_the_caret_is_at_the_operand(text: str, message: str) -> None:
    (found,) = [d for d in verify(assemble(f"{text}\nRUN 1 ms\n")).warnings if d.code == "B131"]
    line = text.split("\n")[found.span.line - 1]
    assert line[found.span.column - 1 : found.span.end_column - 1] == message.split()[0]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ALC 1\nCUR 1e-9", "write 1 nA"),
        ("SET Vt, -50\nALC 1", "write -50 V, or -50 mV where that is meant"),
        ("ALC 1\nRUN 2e5", "write 200 ks"),
        ("ALC 1\nRUN 0.05", "write 50 ms, or 0.05 ms where that is meant"),
        ("ALC 1\nPOI 100, 2 mV", "write 100 Hz"),
    ],
)
def test_the_hint_names_units_that_somebody_would_write(text: str, hint: str) -> None:
    assert [d.hint for d in verify(assemble(f"MOV r0, 1\n{text}\nRUN 1 ms\n")).warnings if d.code == "B131"] == [hint]


def test_compound_units_are_told_as_well() -> None:
    text = (
        ".model s {\n parameters:\n  d = 1 mV/ms\n state:\n  v = 0 mV\n step:\n  dv/dt = d using euler\n}\n"
        "MODEL s\nSET d, 8\nALC 1\nRUN 1 ms\n"
    )
    (found,) = [d for d in verify(assemble(text)).warnings if d.code == "B131"]
    assert (found.message, found.hint) == ("8 has no unit and is taken as 8 mV/ms", "write 8 mV/ms")


UNTOLD = [
    "SET Vt, -50 mV\nALC 1",
    "SET I_offset, 0\nALC 1\nSIG 0\nCUR 0",
    "MODEL ising\nALC 2\nSIG 1.5\nRUN 10\nCLAMP 0, -1",
    "MODEL ising\nSET rule, 1\nALC 2",
    "ALC 1\nMOV r0, 4\nSIG r0\nADD r0, r0, 1",
    "ALC 2\nCUR [1, 2]",
    "ALC 2\nLDH [1, 2]\nSIG 0.01\nRUN 0.333\nRD",  # pykoppu prints this
    "ALC 1\nINP I, 2, scale",
]


@pytest.mark.parametrize("text", UNTOLD)
def test_what_needs_no_unit_is_not_told(text: str) -> None:
    assert bare(text + "\n") == []


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_shipped_programs_write_units(path: Path) -> None:
    from bioasm.api.run import load

    assert [d.message for d in verify(load(path)).warnings] == []


def test_examples_of_the_instructions_write_units() -> None:
    assert {m for m, row in BY_MNEMONIC.items() if bare(row.example)} == set()
