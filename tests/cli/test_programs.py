"""Commands that take a program and run nothing: asm, disasm, check, fmt, info; and how programs come in."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from bioasm.binary import MAGIC
from bioasm.loading import load
from tests.cli.conftest import SMALL, WRONG
from tests.command import bioasm, pipeline

pytestmark = pytest.mark.usefixtures("folder")


# --- asm, disasm ------------------------------------------------------------------------------------


def test_asm_to_a_file() -> None:
    told = bioasm("asm", "small.basm", "-o", "x.bbc")
    assert (told.code, told.stdout, told.stderr) == (0, b"", "")
    assert Path("x.bbc").read_bytes().startswith(MAGIC)


@pytest.mark.parametrize("args", [["small.basm"], ["small.basm", "-o", "-"], ["-"], ["-", "-o", "-"]])
def test_asm_to_standard_output(args: list[str]) -> None:
    bioasm("asm", "small.basm", "-o", "x.bbc")
    assert bioasm("asm", *args, stdin=SMALL).stdout == Path("x.bbc").read_bytes()


def test_asm_on_a_terminal_writes_beside_the_text() -> None:
    told = bioasm("asm", "small.basm", terminal=True)
    assert (told.code, told.stdout, told.stderr) == (0, b"", "wrote small.bbc\n")
    assert Path("small.bbc").read_bytes().startswith(MAGIC)


@pytest.mark.parametrize("args", [["small.basm", "-o", "-"], ["-"]])
def test_bytecode_is_not_written_to_a_terminal(args: list[str]) -> None:
    told = bioasm("asm", *args, stdin=SMALL, terminal=True)
    assert (told.code, told.stdout) == (2, b"")
    assert "[B307]" in told.stderr


def test_asm_of_bytecode_is_the_same_bytecode() -> None:
    once = bioasm("asm", "small.basm").stdout
    assert bioasm("asm", "-", stdin=once).stdout == once


def test_wrong_text_writes_no_file() -> None:
    told = bioasm("asm", "wrong.basm", "-o", "x.bbc")
    assert told.code == 1
    assert "wrong.basm:2:1: error[B002]" in told.stderr
    assert not Path("x.bbc").exists()


def test_a_file_that_was_there_survives_wrong_text() -> None:
    Path("x.bbc").write_bytes(b"old")
    assert bioasm("asm", "wrong.basm", "-o", "x.bbc").code == 1
    assert Path("x.bbc").read_bytes() == b"old"


@pytest.mark.parametrize("output", ["absent/x.bbc", "."])
def test_where_nothing_can_be_written(output: str) -> None:
    told = bioasm("asm", "small.basm", "-o", output)
    assert told.code == 1
    assert "error[B302]" in told.stderr


def test_debug_keeps_places() -> None:
    plain, debug = (pipeline(f"asm small.basm {flag} -o - | disasm -").text for flag in ("", "-g"))
    assert ".loc" in debug
    assert ".loc" not in plain


@pytest.mark.parametrize("flag", ["", "-g"])
def test_round_trip_is_exact(flag: str) -> None:
    once = pipeline(f"asm small.basm {flag} -o -").stdout
    assert pipeline(f"asm small.basm {flag} -o - | disasm - | asm -").stdout == once


def test_disasm_to_a_file() -> None:
    told = bioasm("disasm", "small.basm", "-o", "again.basm")
    assert (told.code, told.stdout) == (0, b"")
    assert Path("again.basm").read_text() == bioasm("disasm", "small.basm").text


def test_the_pipeline_of_the_design() -> None:
    told = pipeline("asm small.basm | disasm - | check -")
    assert (told.code, told.stdout, told.stderr) == (0, b"", "")


# --- check ------------------------------------------------------------------------------------------


def test_check_is_silent_when_all_is_fine() -> None:
    bioasm("asm", "small.basm", "-o", "small.bbc")
    told = bioasm("check", "small.basm", "small.bbc", "-", stdin=SMALL)
    assert (told.code, told.stdout, told.stderr) == (0, b"", "")


def test_check_tells_all_errors_of_all_programs() -> None:
    told = bioasm("check", "wrong.basm", "small.basm", "-", "absent.basm", stdin=WRONG)
    assert (told.code, told.stdout) == (1, b"")
    lines = [line.split(" ")[0] for line in told.stderr.splitlines() if not line.startswith("  ")]
    assert lines[:4] == ["wrong.basm:2:1:", "wrong.basm:3:5:", "<stdin>:2:1:", "<stdin>:3:5:"]
    assert lines[4] == "error[B301]:"
    assert told.stderr.endswith("5 errors\n")


def test_warnings_do_not_fail() -> None:
    told = bioasm("check", "-", stdin="OUT 1\nHLT\nOUT 2\n")
    assert told.code == 0
    assert "<stdin>:3:1: warning[B117]" in told.stderr


def test_strict_lets_warnings_fail() -> None:
    assert bioasm("check", "--strict", "-", stdin="OUT 1\nHLT\nOUT 2\n").code == 1
    assert bioasm("check", "--strict", "small.basm").code == 0


@pytest.mark.parametrize("form", ["json", "sarif", "github"])
def test_forms_for_programs_go_to_standard_output(form: str) -> None:
    told = bioasm("check", "wrong.basm", "--format", form)
    assert (told.code, told.stderr) == (1, "")
    assert told.text.count("B002") >= 1


def test_check_as_json() -> None:
    found = [json.loads(line) for line in bioasm("check", "wrong.basm", "--format", "json").text.splitlines()]
    assert [(d["code"], d["source"], d["line"], d["column"]) for d in found] == [
        ("B002", "wrong.basm", 2, 1),
        ("B006", "wrong.basm", 3, 5),
    ]


def test_sarif_of_what_is_fine_has_no_results() -> None:
    assert bioasm("check", "small.basm", "--format", "sarif").json["runs"][0]["results"] == []


@pytest.mark.parametrize(
    ("environment", "args", "coloured"),
    [
        ({}, [], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, [], False),
        ({"FORCE_COLOR": "", "NO_COLOR": ""}, [], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
    ],
)
def test_colour(monkeypatch: pytest.MonkeyPatch, environment: dict, args: list[str], coloured: bool) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in bioasm("check", "wrong.basm", *args).stderr) is coloured
    assert ("\x1b[" in bioasm("asm", "wrong.basm", *args).stderr) is coloured


def test_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[" in bioasm("check", "wrong.basm", terminal=True).stderr
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in bioasm("check", "wrong.basm", terminal=True).stderr


# --- fmt --------------------------------------------------------------------------------------------


def test_fmt_prints_the_standard_form() -> None:
    told = bioasm("fmt", "-", stdin="alc 4 ; four\nrun 10ms\n")
    assert told.code == 0
    assert "ALC 4" in told.text
    assert "; four" in told.text


def test_fmt_is_idempotent() -> None:
    once = bioasm("fmt", "small.basm").text
    assert bioasm("fmt", "-", stdin=once).text == once


def test_fmt_in_place() -> None:
    Path("loose.basm").write_text("alc   4\n")
    formatted = bioasm("fmt", "loose.basm").text
    told = bioasm("fmt", "-i", "loose.basm")
    assert (told.code, told.stdout) == (0, b"")
    assert Path("loose.basm").read_text() == formatted != "alc   4\n"


def test_fmt_in_place_leaves_a_formatted_file_alone() -> None:
    bioasm("fmt", "-i", "small.basm")
    os.utime("small.basm", (1, 1))
    assert bioasm("fmt", "-i", "small.basm").code == 0
    assert os.stat("small.basm").st_mtime == 1


def test_fmt_check() -> None:
    Path("loose.basm").write_text("alc   4\n")
    bioasm("fmt", "-i", "small.basm")
    told = bioasm("fmt", "--check", "loose.basm", "small.basm")
    assert (told.code, told.text) == (1, "loose.basm\n")
    assert bioasm("fmt", "--check", "small.basm").code == 0


def test_fmt_diff() -> None:
    told = bioasm("fmt", "--diff", "-", stdin="alc   4\n")
    assert told.code == 1
    assert "--- <stdin>\n" in told.text
    assert "\n-alc   4\n" in told.text
    assert bioasm("fmt", "--diff", "-", stdin=bioasm("fmt", "small.basm").text).stdout == b""


def test_fmt_of_a_wrong_text_changes_nothing() -> None:
    Path("broken.basm").write_text("ALC [[[\n")
    told = bioasm("fmt", "-i", "broken.basm", "small.basm")
    assert told.code == 1
    assert "broken.basm:1:" in told.stderr
    assert Path("broken.basm").read_text() == "ALC [[[\n"


# --- info -------------------------------------------------------------------------------------------


def test_info_as_json() -> None:
    told = bioasm("info", "small.basm", "--json").json
    assert (told["n"], told["model"], told["instructions"]) == (3, "ising", 6)
    assert told["constants"] == {"T0": 3.0}
    (datum,) = told["data"]
    assert (datum["form"], datum["shape"], datum["bytes"]) == ("dense", [3, 3], 9)
    assert len(told["program_sha256"]) == 64


def test_text_and_bytecode_have_the_same_hash() -> None:
    bioasm("asm", "-g", "small.basm", "-o", "small.bbc")
    text, code = (bioasm("info", name, "--json").json for name in ("small.basm", "small.bbc"))
    assert code["program_sha256"] == text["program_sha256"]


@pytest.mark.parametrize("words", ["neurons", "ising", "constant T0", "3 x 3, 9 entries of int8, 9 bytes", "sha256"])
def test_info_for_people(words: str) -> None:
    assert words in bioasm("info", "small.basm").text


def test_info_of_sparse_data_and_terms() -> None:
    text = "MODEL ising\nALC 3\nLDJ sparse(3) symmetric { 0 1 1 }\nLDT terms(3) { 0 1 2 -1.5 }\n"
    told = bioasm("info", "-", "--json", stdin=text).json
    assert [datum["form"] for datum in told["data"]] == ["symmetric sparse", "terms"]


# --- how programs come in ---------------------------------------------------------------------------

COMMANDS = ["asm {} -o x", "disasm {}", "check {}", "fmt {}", "info {}", "run {}"]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_missing_file(line: str) -> None:
    told = bioasm(*line.format("smal.basm").split())
    assert (told.code, told.stdout) == (1, b"")
    assert "error[B301]: can't read smal.basm: no such file or directory" in told.stderr
    assert "hint: did you mean small.basm?" in told.stderr


@pytest.mark.parametrize("line", COMMANDS)
def test_a_folder(line: str) -> None:
    told = bioasm(*line.format(".").split())
    assert told.code == 1
    assert "is a directory" in told.stderr


@pytest.mark.parametrize("line", COMMANDS)
def test_bytes_that_are_neither(line: str) -> None:
    Path("noise").write_bytes(b"ALC 4\nx\xff\n")
    told = bioasm(*line.format("noise").split())
    assert told.code == 1
    assert told.stderr.startswith("noise:2:2: error[B013]")


@pytest.mark.parametrize("line", COMMANDS)
def test_damaged_bytecode(line: str) -> None:
    code = bioasm("asm", "small.basm").stdout
    Path("damaged.bbc").write_bytes(code[:-7])
    told = bioasm(*line.format("damaged.bbc").split())
    assert told.code == 1
    assert "error[B" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("line", ["asm - -o x", "disasm -", "check -", "info -", "fmt -", "run -"])
@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xef\xbb\xbf", b" " * 100 + b"\n"])
def test_empty_input_is_refused(line: str, content: bytes) -> None:
    told = bioasm(*line.split(), stdin=content)
    assert (told.code, told.stdout) == (1, b"")
    assert told.stderr.startswith("error[B016]: <stdin> is empty\n")


def test_a_program_without_instructions_goes_round() -> None:
    code = bioasm("asm", "-", stdin="; nothing yet\n").stdout
    text = bioasm("disasm", "-", stdin=code).stdout
    assert bioasm("asm", "-", stdin=text).stdout == code
    assert bioasm("check", "-", stdin=text).code == 0


def test_a_byte_order_mark_and_carriage_returns_do_no_harm() -> None:
    plain = bioasm("asm", "-", stdin=SMALL).stdout
    assert bioasm("asm", "-", stdin=b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode()).stdout == plain


def test_the_name_of_a_file_does_not_matter() -> None:
    Path("strange.txt").write_bytes(bioasm("asm", "small.basm").stdout)
    assert bioasm("disasm", "strange.txt").text == bioasm("disasm", "small.basm").text


def test_a_named_pipe_is_read_once() -> None:
    code = bioasm("asm", "small.basm").stdout
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(code), daemon=True)
    writer.start()
    assert bioasm("disasm", "pipe").text == bioasm("disasm", "small.basm").text


def test_files_beside_the_program_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sub").mkdir()
    monkeypatch.chdir("sub")
    (folder / "part.basm").write_text("OUT 1\n")
    (folder / "whole.basm").write_text('.include "part.basm"\n')
    assert bioasm("check", "../whole.basm").stderr == ""


def test_load_takes_bytes_from_a_stream() -> None:
    with open("small.basm", "rb") as stream:
        assert len(load("-", stream).instructions) == 6
