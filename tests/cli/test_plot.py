"""`bioasm plot`, `bioasm report` and `run --report`: from a program to a picture, and every way of going wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioasm.cli.plot import KIND_NAMES
from tests.command import bioasm

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


@pytest.fixture
def saved(folder: Path) -> Path:
    """A folder with a program and its result."""
    assert bioasm("run", "small.basm", "--seed", 1, "--lanes", 3, "-o", "r.npz").code == 0
    return folder


def test_the_kinds_of_the_command_are_those_that_there_are() -> None:
    from bioasm.plot import KINDS

    assert tuple(KINDS) == KIND_NAMES


def test_a_picture_beside(saved: Path) -> None:
    told = bioasm("plot", "r.npz")
    assert (told.code, told.text) == (0, "wrote r.svg\n")
    assert "energy" in (saved / "r.svg").read_text()


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf", "html"])
def test_a_picture_by_suffix(saved: Path, suffix: str) -> None:
    told = bioasm("plot", "r.npz", "r.npz", "--kind", "energy", "--kind", "success", "-o", f"x.{suffix}")
    assert (told.code, told.text, told.stderr) == (0, "", "")
    assert (saved / f"x.{suffix}").stat().st_size > 5000


def test_a_pipe_from_run_to_a_picture(folder: Path) -> None:
    piped = bioasm("run", "small.basm", "--seed", 1, "-o", "-").stdout
    told = bioasm("plot", "-", "-o", "-", stdin=piped)
    assert told.code == 0
    assert told.text.startswith("<svg")


def test_a_report_of_a_run(folder: Path) -> None:
    assert bioasm("run", "small.basm", "--seed", 1, "--report", "r.html").code == 0
    page = (folder / "r.html").read_text()
    assert "; a small program" in page
    assert "<h2>Energy</h2>" in page


def test_a_report_of_bytecode_shows_its_text(folder: Path) -> None:
    assert bioasm("asm", "small.basm", "-o", "small.bbc").code == 0
    assert bioasm("run", "small.bbc", "--seed", 1, "--report", "r.html").code == 0
    assert "MODEL ising" in (folder / "r.html").read_text()


def test_a_report_of_a_saved_result(saved: Path) -> None:
    told = bioasm("report", "r.npz", "--program", "small.basm")
    assert (told.code, told.text, told.stderr) == (0, "wrote r.html\n", "")
    assert "; a small program" in (saved / "r.html").read_text()


def test_a_report_with_another_program_says_so(saved: Path) -> None:
    (saved / "other.basm").write_text((saved / "small.basm").read_text().replace("4 sweeps", "5 sweeps"))
    told = bioasm("report", "r.npz", "--program", "other.basm", "-o", "o.html")
    assert (told.code, told.stderr.startswith("note: the program has another hash")) == (0, True)
    assert "another hash than the one that ran" in (saved / "o.html").read_text()


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ("plot none.npz", 1, "error[B301]"),
        ("plot small.basm", 2, "hint: run the program first: bioasm run P -o r.npz"),
        ("plot r.npz -o r.gif", 2, "error[B306]"),
        ("plot r.npz -o nowhere/r.svg", 1, "error[B302]"),
        ("plot r.npz --kind raster", 1, "there is nothing to draw: no neuron spiked in r"),
        ("plot r.npz --kind energy --lane 7", 2, "r has no lane 7: there are 3"),
        ("plot r.npz --kind nothing", 2, "'nothing' is not one of 'energy'"),
        ("plot text.npz", 1, "it is no archive of plain arrays"),
        ("plot .", 1, "error[B301]: can't read .: is a directory"),
        ("report broken.npz", 1, "error[B313]"),
        ("report r.npz --program none.basm", 1, "error[B301]"),
        ("report r.npz -o nowhere/r.html", 1, "error[B302]"),
        ("run small.basm --report nowhere/r.html", 1, "error[B302]"),
    ],
)
def test_what_is_wrong_is_told(saved: Path, args: str, code: int, words: str) -> None:
    (saved / "broken.npz").write_bytes(b"PK\x03\x04 and nothing more")
    (saved / "text.npz").write_text("a text")
    told = bioasm(*args.split())
    assert told.code == code
    assert words in told.stderr


@pytest.mark.parametrize("args", ["plot r.npz", "report r.npz", "run small.basm --report x.html"])
def test_without_matplotlib_one_line_says_what_to_install(saved: Path, monkeypatch: pytest.MonkeyPatch, args: str) -> None:
    monkeypatch.setattr("bioasm.extras.find_spec", lambda name: None)
    told = bioasm(*args.split())
    assert told.code == 2
    assert "error[B312]" in told.stderr and "pip install 'bioasm[plot]'" in told.stderr


def test_a_report_that_fails_late_costs_no_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bioasm.diagnostics import error

    def fail(*_: object) -> str:
        raise error("B302", "the disk is full")

    monkeypatch.setattr("bioasm.plot.page.page", fail)
    told = bioasm("run", "small.basm", "--seed", 1, "--report", "r.html")
    assert told.code == 1
    assert "spins" in told.text and "the disk is full" in told.stderr
