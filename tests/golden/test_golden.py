"""Golden tests: each .basm file says in its first comment lines how it is run, and files beside it what comes out.

    ; RUN: check %                  must exit with 0
    ; FAIL: run % --seed 1          must exit with 1
    ; FAIL=2: ...                   must exit with 2
    ; RUN[name]: asm % | disasm -   a second command in one file has a name

`%` stands for the file, ` | ` pipes, `pick a b` keeps members of a JSON object. What is printed must equal
FILE.stdout and FILE.stderr (FILE.name.stdout for a named command); a file that is absent means nothing printed.
`BLESS=1 pytest tests/golden` writes those files. Programs in programs/ may carry such lines too; what they print is
kept in tests/golden/programs/.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.command import pipeline

HERE = Path(__file__).parent
PROGRAMS = HERE.parent.parent / "programs"
LINE = re.compile(r"; (RUN|FAIL)(?:=(\d+))?(?:\[([\w-]+)\])?: (.+)")
# What differs from run to run or from machine to machine.
UNSTABLE = ((re.compile(r"(?m)^took .* s$"), "took TIME"),)


class Case(NamedTuple):
    """One RUN or FAIL line: the folder it is run in, the file, where its output is kept, and what is expected."""

    file: Path
    kept: Path
    code: int
    line: str


def cases_of(file: Path, kept_in: Path) -> list[Case]:
    """The cases that a file's first comment lines state."""
    cases = []
    for text in file.read_text(encoding="utf-8", errors="replace").splitlines():
        if not text.startswith(";"):
            break
        if match := LINE.fullmatch(text.rstrip()):
            kind, code, name, line = match.groups()
            kept = kept_in / (f"{file.name}.{name}" if name else file.name)
            cases.append(Case(file, kept, int(code or kind == "FAIL"), line))
    return cases


def all_cases() -> list[Case]:
    """The cases of this folder and those of programs/."""
    own = [case for file in sorted(HERE.rglob("*.basm")) for case in cases_of(file, file.parent)]
    return own + [case for file in sorted(PROGRAMS.glob("*.basm")) for case in cases_of(file, HERE / "programs")]


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: str(case.kept.relative_to(HERE)))
def test_golden(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.file.parent)
    outcome = pipeline(case.line.replace("%", case.file.name))
    printed = {".stdout": stable(outcome.text), ".stderr": stable(outcome.stderr)}
    assert outcome.code == case.code, outcome.stderr
    if os.environ.get("BLESS"):
        bless(case.kept, printed)
    assert printed == {suffix: expected(case.kept, suffix) for suffix in printed}


def stable(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, word in UNSTABLE:
        text = pattern.sub(word, text)
    return text


def expected(kept: Path, suffix: str) -> str:
    """What was kept; nothing where there is no file."""
    path = kept.with_name(kept.name + suffix)
    return path.read_text(encoding="utf-8") if path.exists() else ""


def bless(kept: Path, printed: dict[str, str]) -> None:
    """Keep what was printed as what is expected from now on."""
    kept.parent.mkdir(exist_ok=True)
    for suffix, text in printed.items():
        path = kept.with_name(kept.name + suffix)
        path.unlink(missing_ok=True)
        if text:
            path.write_text(text, encoding="utf-8")


def test_every_golden_file_states_a_case() -> None:
    silent = [file.name for file in HERE.rglob("*.basm") if not file.name.startswith("_") and not cases_of(file, HERE)]
    assert silent == []


def test_no_kept_output_without_its_case() -> None:
    kept = {case.kept for case in all_cases()}
    stray = [p.name for p in HERE.rglob("*.std*") if p.with_suffix("") not in kept]
    assert stray == []
