"""What README and docs/ show is true: programs assemble, commands end and print as shown, Python runs, links lead somewhere.

A ```basm block is a whole program; a ```basm-fail block one that is refused with the code in its first line. A
```console block is a session: lines `$ command` with what they print, `...` standing for anything. A command that ends
with another exit code than 0 says so in a comment, `# exit 1`. Lines without `bioasm` in the command are not run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from bioasm.cli.main import COMMANDS
from bioasm.diagnostics import BioasmError
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.programs.support import FOLDER, ROOT

PAGES = [ROOT / "README.md", FOLDER / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```([\w-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
EXIT = re.compile(r"\s+# exit (\d+)$")
SECONDS = 120


class Block(NamedTuple):
    """A fenced block: where it starts, its language and its content."""

    place: str
    language: str
    content: str


class Command(NamedTuple):
    """One line of a session, the exit code it states and the output shown below it (None where none is)."""

    line: str
    code: int
    shown: str | None


def blocks(*languages: str) -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            place = f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
            found.append(Block(place, match[1], match[2]))
    return [block for block in found if block.language in languages]


def place(block: Block) -> str:
    return block.place


@pytest.mark.parametrize("block", blocks("basm"), ids=place)
def test_a_program_passes_the_gate(block: Block) -> None:
    program = assemble(block.content, source=block.place, folder=FOLDER)
    assert verify(program).warnings == ()


@pytest.mark.parametrize("block", blocks("basm-fail"), ids=place)
def test_a_faulty_program_is_refused_as_it_says(block: Block) -> None:
    expected = re.match(r"; (B\d{3})\b", block.content)
    assert expected, "the first line names the code"
    with pytest.raises(BioasmError) as caught:
        verify(assemble(block.content, source=block.place, folder=FOLDER))
    assert expected[1] in {d.code for d in caught.value.diagnostics}


@pytest.mark.parametrize("block", blocks("console"), ids=place)
def test_a_session_goes_as_shown(block: Block, workplace: Path) -> None:
    for command in commands(block.content):
        done = run(["bash", "-o", "pipefail", "-c", command.line], workplace)
        assert done.returncode == command.code, f"{command.line}\n{done.stdout}{done.stderr}"
        if command.shown is not None:
            printed = done.stdout + (done.stderr if command.code else "")
            assert pattern(command.shown).fullmatch(printed), f"{command.line} prints\n{printed}"


@pytest.mark.parametrize("block", blocks("python"), ids=place)
def test_python_runs(block: Block, workplace: Path) -> None:
    done = run([sys.executable, "-c", block.content], workplace)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [t for t in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in t]
    assert [t for t in targets if not leads_somewhere(page, t)] == []


@pytest.mark.parametrize(
    ("target", "leads"),
    [("cli.md", True), ("cli.md#the-json-object", True), ("#pages", True), ("cli.md#no-such-place", False), ("none.md", False)],
)
def test_links_can_be_found_broken(target: str, leads: bool) -> None:
    page = ROOT / ("README.md" if target.startswith("#") else "docs/index.md")
    assert leads_somewhere(page, target) is leads


def leads_somewhere(page: Path, target: str) -> bool:
    """Whether there is the file that a link on a page names, and in it the heading behind `#`."""
    name, _, anchor = target.partition("#")
    file = page.parent / name if name else page
    if not anchor or not file.exists():
        return file.exists()
    return anchor in {anchor_of(title) for title in HEADING.findall(file.read_text(encoding="utf-8"))}


def anchor_of(title: str) -> str:
    """What a heading is called in links: small letters, no marks, hyphens for blanks."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make run" in readme and "make test" in readme


def test_the_readme_names_every_command() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \|", (ROOT / "README.md").read_text(encoding="utf-8").partition("## Commands")[2], re.MULTILINE
    )
    assert sorted(rows) == sorted(COMMANDS)


def test_every_page_is_on_the_map() -> None:
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert {name for name in pages if f"({name})" not in index} == set()


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("cut  12\n", "cut  12\n", True),
        ("cut  12\n", "cut  11\n", False),
        ("took ... s\n", "took 0.5 s\n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nb\nc\n", False),
    ],
)
def test_the_comparison_can_fail(shown: str, printed: str, same: bool) -> None:
    assert bool(pattern(shown).fullmatch(printed)) is same


# --- sessions -----------------------------------------------------------------------------------------


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder that holds programs/ and is ours to write into, with `bioasm` on the path of `run`."""
    (tmp_path / "programs").symlink_to(FOLDER)
    (tmp_path / "bin").mkdir()
    shim = tmp_path / "bin/bioasm"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bioasm "$@"\n')
    shim.chmod(0o755)
    return tmp_path


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS)


def commands(session: str) -> list[Command]:
    """The commands of a session that use bioasm, each with the lines up to the next one."""
    found = []
    for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        line, _, shown = part.partition("\n")
        stated = EXIT.search(line)
        if "bioasm" in line:
            found.append(Command(EXIT.sub("", line), int(stated[1]) if stated else 0, shown or None))
    return found


def pattern(shown: str) -> re.Pattern[str]:
    """What is shown as an expression: a line `...` is any lines, `...` within a line anything."""
    lines = [r"(?:.*\n)*?" if line == "...\n" else re.escape(line).replace(r"\.\.\.", ".*") for line in shown.splitlines(True)]
    return re.compile("".join(lines))
