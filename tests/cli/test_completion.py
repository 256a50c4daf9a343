"""Completion by the shell, and manual pages: values, scripts, and pages without a fault of form."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bioasm.cli.main import COMMANDS
from tests.command import bioasm


def completed(*words: str) -> list[str]:
    """What a bash completes behind the words, of which the last is begun."""
    line = " ".join(("bioasm", *words))
    environment = {**os.environ, "_BIOASM_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    command = [sys.executable, "-m", "bioasm"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("ver",), ["plain,verify"]),
        (("run", "--driver", "cp"), ["plain,cpu"]),
        (("verify", "p.basm", "--against", "br"), ["plain,brian2"]),
        (("help", "ru"), ["plain,RUN"]),
        (("explain", "B001"), ["plain,B001"]),
        (("models", "lif_cr"), ["plain,lif_critical"]),
        (("examples", "maxcut_k"), ["plain,maxcut_karate"]),
        (("run", "prog"), ["file,prog"]),
        (("plot", "r.npz", "--kind", "ra"), ["plain,raster"]),
        (("run", "--time-l"), ["plain,--time-limit"]),
    ],
)
def test_a_shell_completes(words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(*words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(shell: str) -> None:
    told = bioasm("completion", shell)
    assert told.code == 0
    assert "_BIOASM_COMPLETE" in told.text and "bioasm" in told.text


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_the_script_of_bash_is_sound() -> None:
    done = subprocess.run(["bash", "-n"], input=bioasm("completion", "bash").stdout, capture_output=True, timeout=20)
    assert (done.returncode, done.stderr) == (0, b"")


def test_manual_pages_of_all_commands(tmp_path: Path) -> None:
    assert bioasm("man", "-o", tmp_path / "man1").code == 0
    pages = {path.name for path in (tmp_path / "man1").iterdir()}
    assert pages == {"bioasm.1", *(f"bioasm-{name}.1" for name in COMMANDS)}


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_a_manual_page_has_its_parts(name: str) -> None:
    text = bioasm("man", *name.split()).text
    parts = [line.removeprefix(".SH ") for line in text.splitlines() if line.startswith(".SH ")]
    wanted = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES"]
    assert [part for part in parts if part != "COMMANDS"] == wanted
    assert all(line[:4] in (".TH ", ".SH ", ".TP", ".PP", ".nf", ".fi") for line in text.splitlines() if line.startswith("."))


def test_an_unknown_command_has_no_page() -> None:
    told = bioasm("man", "rum")
    assert (told.code, "did you mean run?" in told.stderr) == (2, True)
