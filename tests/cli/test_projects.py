"""`bioasm examples`, `new` and `test`, and JUnit XML: from an install without a clone to a tested project."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bioasm import programs
from bioasm.cli.junit import Case, document
from tests.command import bioasm

pytestmark = pytest.mark.usefixtures("folder")

PROMISE = "; Expect: cut = {cut}.\nMODEL ising\nALC 2\nMOV r0, 3\nOUT r0, cut\n"


def test_examples_are_listed_with_titles() -> None:
    told = bioasm("examples")
    assert "maxcut_petersen   Max-cut of the Petersen graph\n" in told.text
    assert len(told.text.splitlines()) == len(programs.names()) >= 30


def test_an_example_runs_from_a_pipe() -> None:
    assert bioasm("check", "-", stdin=bioasm("examples", "maxcut_petersen").stdout).code == 0


def test_examples_are_copied_with_what_they_read() -> None:
    told = bioasm("examples", "waveform", "maxcut_karate", "-o", "copied")
    copied = sorted(str(path.relative_to("copied")) for path in Path("copied").rglob("*") if path.is_file())
    assert copied == ["data/sines.npy", "include/anneal.basm", "maxcut_karate.basm", "waveform.basm"]
    assert told.text.count("wrote ") == 4
    assert bioasm("check", *Path("copied").glob("*.basm")).code == 0
    assert bioasm("examples", "waveform", "-o", "copied").text == ""


def test_a_file_of_ones_own_is_left_alone() -> None:
    Path("waveform.basm").write_text("mine")
    told = bioasm("examples", "waveform", "-o", ".")
    assert (told.code, Path("waveform.basm").read_text(), Path("data").exists()) == (1, "mine", False)
    assert "is there already and differs" in told.stderr


def test_an_unknown_example_is_told() -> None:
    told = bioasm("examples", "maxcut_peterson")
    assert told.code == 2
    assert "did you mean maxcut_petersen?" in told.stderr


def test_a_new_project_passes_its_own_ci() -> None:
    assert bioasm("new", "ring").code == 0
    assert bioasm("check", "ring/ring.basm", "--strict").code == 0
    assert bioasm("fmt", "--check", "ring/ring.basm").code == 0
    told = bioasm("test", "ring/ring.basm", "--seed", 1, "--seed", 2)
    assert (told.code, told.text.splitlines()[-1]) == (0, "2 passed, 0 failed")
    assert "bioasm test *.basm" in Path("ring/.github/workflows/test.yml").read_text()


@pytest.mark.parametrize("name", ["small.basm", "9x", "."])
def test_names_of_projects(name: str) -> None:
    told = bioasm("new", name)
    assert told.code == 2
    assert "is no name for a project" in told.stderr


def test_a_project_is_never_written_over() -> None:
    Path("ring").mkdir()
    assert "is there already" in bioasm("new", "ring").stderr


def test_a_promise_that_is_not_kept() -> None:
    Path("p.basm").write_text(PROMISE.format(cut=4))
    told = bioasm("test", "p.basm", "--junit", "j.xml")
    assert told.code == 1
    assert told.text == "FAIL p.basm (seed 1): 0 of 1\n     cut = 4: found 3\n0 passed, 1 failed\n"
    suite = ElementTree.parse("j.xml").getroot()[0]
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("1", "1")
    assert suite[0].attrib["name"] == "cut = 4"
    assert suite[0][0].attrib["message"] == "found 3"


def test_a_promise_that_is_kept_is_quiet() -> None:
    Path("p.basm").write_text(PROMISE.format(cut=3))
    assert bioasm("test", "p.basm", "-q").text == "1 passed, 0 failed\n"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("small.basm", "no comment like `; Expect: cut = 12`"),
        ("wrong.basm", "there is no instruction `RAN`"),
        ("none.basm", "can't read none.basm"),
    ],
)
def test_what_can_not_be_tested_fails(program: str, words: str) -> None:
    told = bioasm("test", program)
    assert told.code == 1
    assert words in told.text


def test_junit_holds_any_words() -> None:
    case = Case("a & <b>", "x\x00\ud800\uffff", 'f"\x1b\nsecond')
    node = ElementTree.fromstring(document("s", [case]))[0][0]
    assert (node.attrib["classname"], node.attrib["name"], node[0].text) == ("a & <b>", "x???", 'f"?\nsecond')


def test_verify_writes_a_case_for_each_row() -> None:
    told = bioasm("verify", "small.basm", "--against", "cpu", "--seed", 1, "--junit", "v.xml")
    assert told.code == 0
    names = [case.attrib["name"] for case in ElementTree.parse("v.xml").getroot()[0]]
    assert names[:2] == ["cpu runs", "cpu runs"]
    assert "energy_trace" in names or "energy" in names
