"""Commands that tell something: help texts, help, models, explain, versions, the reference pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioasm import reference
from bioasm.cli.help import page as instruction_page
from bioasm.cli.main import COMMANDS
from bioasm.cli.models import page as model_page
from bioasm.diagnostics.codes import CODES
from bioasm.isa.limits import LIMITS
from bioasm.isa.table import GROUPS, ROWS, Row, group_of
from bioasm.models import MODELS
from tests.command import bioasm

DOCS = Path(__file__).parent.parent.parent / "docs"


# --- --help -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_command(flag: str) -> None:
    told = bioasm(flag)
    assert told.code == 0
    assert all(f"\n  {name} " in told.text for name in COMMANDS)


@pytest.mark.parametrize("block", ["Examples:", "Exit status:"])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_has_the_block(name: str, block: str) -> None:
    told = bioasm(*name.split(), "--help")
    assert (told.code, told.stderr) == (0, "")
    assert f"\n{block}\n" in told.text.replace("  " + block, block)


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_command_lines(name: str) -> None:
    lines = bioasm(name, "-h").text.split("Examples:\n")[1].split("\n\n")[0].splitlines()
    assert [line for line in lines if f"bioasm {name}" in line] == lines != []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_terminal(name: str) -> None:
    assert max(map(len, bioasm(name, "-h").text.splitlines())) <= 90


def test_version() -> None:
    names = [line.split()[0] for line in bioasm("--version").text.splitlines()]
    assert names == ["bioasm", "python", "numpy", "llvmlite", "lark"]


# --- wrong usage ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rum", "did you mean run?"),
        ("xyzzy", "lists the commands"),
        ("--nonsense", "No such option"),
        ("run", "Missing argument"),
        ("run a.basm b.basm", "unexpected extra argument"),
        ("run a.basm --lanes 0", "--lanes"),
        ("run a.basm --lanes many", "--lanes"),
        ("run a.basm --seed -1", "--seed"),
        ("run a.basm --seed 18446744073709551616", "--seed"),
        ("run a.basm --threads 0", "--threads"),
        ("run a.basm --fuel 0", "--fuel"),
        ("run a.basm --fuel 9223372036854775808", "--fuel"),
        ("run a.basm --every 0 --checkpoint c", "--every"),
        ("run a.basm --every nan --checkpoint c", "--every"),
        ("verify a.basm --against cpu --fuel 9223372036854775808", "--fuel"),
        ("verify a.basm --against cpu --tolerance nan", "--tolerance"),
        ("verify a.basm --against cpu --confidence nan", "--confidence"),
        ("run a.basm --resume", "--checkpoint"),
        ("run a.basm --json -o -", "standard output"),
        ("run a.basm -o result.txt", ".npz"),
        ("check", "Missing argument"),
        ("check --format xml a.basm", "--format"),
        ("check --color sometimes a.basm", "--color"),
        ("fmt -i --check a.basm", "exclude"),
        ("fmt -i -", "standard input"),
        ("help NOPE", "lists them all"),
        ("help LDI", "did you mean"),
        ("models isling", "did you mean ising?"),
        ("explain B999", "lists them all"),
        ("explain nonsense", "lists them all"),
        ("asm", "Missing argument"),
        ("disasm", "Missing argument"),
        ("info", "Missing argument"),
    ],
)
def test_wrong_usage(line: str, words: str) -> None:
    told = bioasm(*line.split())
    assert told.code == 2
    assert told.stdout == b""
    assert words in told.stderr


# --- help, explain, models --------------------------------------------------------------------------


def test_all_instructions_by_groups() -> None:
    text = bioasm("help").text
    assert all(f"  {row.form} " in text and row.summary in text for row in ROWS)
    assert all(f"\n{group}\n" in "\n" + text for group in GROUPS.values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.mnemonic)
def test_page_of_an_instruction(row: Row) -> None:
    text = bioasm("help", row.mnemonic.lower()).text
    assert text == instruction_page(row)
    assert text.startswith(row.form)
    assert " ".join(row.prose.split()) in " ".join(text.split())
    assert all(f"    {line}" in text for line in row.example.splitlines())
    assert all(f"  {slot.name}: " in text for slot in row.slots)
    assert f"0x{row.opcode:02x}" in text


def test_operands_tell_units_and_range() -> None:
    assert "a number or register; bare or in V; at least 0" in " ".join(bioasm("help", "SIG").text.split())
    assert "whole, 1 to 16777216" in " ".join(bioasm("help", "ALC").text.split())
    assert "may be left out" in bioasm("help", "RD").text


def test_all_models() -> None:
    text = bioasm("models").text
    assert all(model.name in text and model.summary in text for model in MODELS.values())


@pytest.mark.parametrize("name", MODELS)
def test_page_of_a_model(name: str) -> None:
    text, model = bioasm("models", name).text, MODELS[name]
    assert text == model_page(model)
    assert model.prose in text
    for part in (*model.parameters, *model.variables, *model.observables):
        assert f"\n  {part.name}" in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lif_critical", "tau                20 ms"),
        ("lif_critical", "SIG is a voltage, 2 mV without it"),
        ("lif_critical", "before ALC only"),
        ("ising", "glauber or metropolis"),
        ("ising", "RUN counts in sweeps. SIG is the temperature, 1 without it."),
        ("ising", "best_energy*"),
    ],
)
def test_a_model_in_words(name: str, words: str) -> None:
    assert words in bioasm("models", name).text


@pytest.mark.parametrize("name", MODELS)
def test_a_model_as_json(name: str) -> None:
    told, model = bioasm("models", name, "--json").json, MODELS[name]
    assert told["clock"] == ("sweeps" if model.clock.name == "SWEEPS" else "time")
    assert {p["name"]: p["default"] for p in told["parameters"]} == {p.name: p.default for p in model.parameters}


def test_models_as_json() -> None:
    assert [model["name"] for model in bioasm("models", "--json").json["models"]] == list(MODELS)


def test_all_codes() -> None:
    assert bioasm("explain").text.splitlines() == [f"{code}  {row.title}" for code, row in CODES.items()]


@pytest.mark.parametrize("code", CODES)
def test_page_of_a_code(code: str) -> None:
    text = bioasm("explain", code.lower()).text
    assert text.startswith(f"{code}: {CODES[code].title}\n")
    assert " ".join(CODES[code].explanation.split()) in " ".join(text.split())


def test_a_code_without_its_letter() -> None:
    assert bioasm("explain", "12").text == bioasm("explain", "B012").text


# --- the reference pages ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", reference.PAGES)
def test_page_is_fresh(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == reference.PAGES[name](), "run `python -m bioasm.reference`"


def test_stale_page_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main([str(tmp_path)]) == 0
    assert reference.main(["--check", str(tmp_path)]) == 0
    (tmp_path / "limits.md").write_text("old\n")
    (tmp_path / "errors.md").unlink()
    assert reference.main(["--check", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "-old" in shown
    assert "+## B001: syntax error" in shown


@pytest.mark.parametrize(
    ("page", "rows"),
    [("limits.md", LIMITS), ("errors.md", CODES), ("models.md", MODELS), ("instructions.md", [r.form for r in ROWS])],
)
def test_page_has_every_row(page: str, rows) -> None:
    text = reference.PAGES[page]()
    assert all(name in text for name in rows)


def test_every_row_has_a_group() -> None:
    assert [group_of(row) for row in ROWS] == sorted((group_of(r) for r in ROWS), key=list(GROUPS.values()).index)


def test_name_of_a_model_that_is_too_long_for_a_file() -> None:
    told = bioasm("models", "x" * 5000)
    assert told.code == 2
    assert "there is no model" in told.stderr


def test_info_does_not_steer_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a.basm").write_text('.title "\\u001b[31mred\\nline"\nALC 2\n')
    assert "title         \\x1b[31mred\\nline\n" in bioasm("info", tmp_path / "a.basm").text
