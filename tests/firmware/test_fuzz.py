"""The reader and the machine in C on changed bytecode, under AddressSanitizer and UBSan."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import canonical_bytes
from bioasm.loading import load
from tests.firmware.conftest import make
from tests.firmware.test_machine import PROGRAMS, TEXTS, text

SHIPPED = ("maxcut_petersen", "hopfield", "lif_maxcut", "sat3", "anneal_loop", "invertible_and", "lif_twin")


@pytest.mark.parametrize("cases", [10_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_changed_bytecode_does_no_harm(cases: int, builds: Path, tmp_path: Path) -> None:
    programs = [load(str(PROGRAMS / f"{name}.basm")) for name in SHIPPED] + [text(words) for words in TEXTS.values()]
    corpus = []
    for number, program in enumerate(programs):
        corpus.append(tmp_path / f"corpus{number}")
        corpus[-1].write_bytes(canonical_bytes(program))
    taken = tmp_path / "taken"
    taken.mkdir()
    words = [str(make(builds, "fuzz")), "5", str(cases), str(taken), *map(str, corpus)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = [int(number) for number in re.findall(r"\d+", done.stdout)]
    assert counts[0] == cases
    assert min(counts[1:]) > cases // 1000  # taken, and each way to end
    for path in taken.iterdir():
        from_bytes(path.read_bytes())  # the reader in Python takes all that the one in C does
