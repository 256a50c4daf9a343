"""The declared versions are true: CI runs in the lowest of them, and the file that it installs follows setup.cfg."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

from bioasm.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
LOWEST = ROOT / ".ci" / "lowest.txt"
REQUIREMENT = re.compile(r"([\w-]+)>=([\d.]+)")
OF_DEVELOPERS = {"test", "dev"}  # extras that the smoke set needs none of


def version(text: str) -> tuple[int, ...]:
    """A version without zeros at its end: 3.8 is 3.8.0."""
    numbers = [int(word) for word in text.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def declared() -> dict[str, tuple[int, ...]]:
    """The lowest version of each package for Python 3.11, of what BioASM and its extras need."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = {name: text for name, text in setup["options.extras_require"].items() if name not in OF_DEVELOPERS}
    lines = "\n".join([setup["options"]["install_requires"], *extras.values()]).splitlines()
    found: dict[str, tuple[int, ...]] = {}
    for line in lines:
        match = REQUIREMENT.match(line.strip())
        if match and 'python_version>="3.12"' not in line:
            assert found.get(match[1], version(match[2])) == version(match[2]), f"{match[1]} is declared twice"
            found[match[1]] = version(match[2])
    return found


def test_the_lowest_versions_are_those_that_are_declared() -> None:
    lines = [line for line in LOWEST.read_text().splitlines() if not line.startswith("#")]
    pinned = {name: version(number) for name, number in (line.split("==") for line in lines)}
    assert pinned == declared()


def test_the_smoke_set_runs_every_command() -> None:
    text = (ROOT / "tests" / "smoke.py").read_text()
    assert [name for name in COMMANDS if f'"{name}"' not in text and f'"{name} ' not in text] == []
