"""Every command that writes, where the n-th operation on its files fails, for every n: the file is whole or absent.

The command says in words what went wrong, with the exit code that is documented, and nothing else is left in the folder.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest

from bioasm.cachedir import read_kept, write_kept
from bioasm.diagnostics import EXIT_FAULT, BioasmError
from bioasm.hardware.recordings.events import read_events
from bioasm.hardware.recordings.reader import read_rhd
from bioasm.hardware.recordings.recorder import Recorder
from bioasm.reference import PAGES
from bioasm.reference import main as write_reference
from tests.cli.faulty import FAILURES, Faults, install
from tests.command import Outcome, bioasm
from tests.recordings.support import LAYOUTS, codes, info, place
from tests.seeds import rarely

SPINS = 'MODEL ising\n.include "part.basm"\nLDJ file "j.npy"\nSIG 1\nRUN 9000 sweeps\nRD spins\n'
QUBO = "p qubo 0 2 2 1\n0 0 -1\n1 1 2\n0 1 3\n"
LOOSE = "model ising\n alc 3 ; three\nrun 4 sweeps\n"
NEURONS = "ALC 2\nCUR 0.5 nA\nREC v, 1 ms\nRUN 5 ms\nRD v\n"
# What is read, and what is written by which command.
COMMANDS = {
    "asm": "asm spins.basm -o out",
    "asm -g": "asm -g spins.basm -o out",
    "disasm": "disasm spins.bbc -o out",
    "fmt": "fmt -i out",
    "import": "import x.qubo -o out",
    "emit-c": "emit-c neurons.basm -o out",
    "firmware": "firmware --model lif -o out",
    "run -o npz": "run spins.bbc -o out.npz",
    "run -o json": "run neurons.basm -o out.json",
    "run -o h5": "run neurons.basm -o out.h5",
    "run -o csv": "run neurons.basm --seed 1 -o out.csv",
    "export": "export x.qubo --to coo -o out",
    "verify --junit": "verify neurons.basm --driver cpu --against cpu --junit out.xml",
    "run --checkpoint": "run spins.basm --checkpoint out.ckpt --every 1e-9",
    "run --resume": "run spins.basm --checkpoint out.ckpt --resume --every 1e-9",
    "verify --plot": "verify neurons.basm --driver cpu --against cpu --plot out.png",
    "merge": "merge 0.npz 1.npz -o out.npz",
    "plot": "plot spins.npz -o out.svg",
    "report": "report spins.npz -o out.html",
}
SLOW = ("verify --plot", "plot", "report")  # half a second and more for each operation
READING = ("check spins.basm", "check spins.bbc", "info spins.basm", "info spins.bbc", "info rec.rhd")


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """A folder with what the commands read, and faults that are not armed yet."""
    made = Faults(tmp_path)
    monkeypatch.chdir(tmp_path)
    np.save("j.npy", 1 - np.eye(3))
    Path("part.basm").write_text("ALC 3\n")
    Path("spins.basm").write_text(SPINS)
    Path("neurons.basm").write_text(NEURONS)
    Path("x.qubo").write_text(QUBO)
    Path("loose.basm").write_text(LOOSE)
    bioasm("asm", "spins.basm", "-o", "spins.bbc")
    bioasm("run", "spins.basm", "--checkpoint", "kept.ckpt", "--every", "1e-9", "--fuel", 4000)
    bioasm("run", "spins.basm", "--seed", 1, "-o", "spins.npz")
    for k in (0, 1):
        bioasm("run", "spins.basm", "--seed", 1, "--lanes", f"{k}:{k + 1}/2", "-o", f"{k}.npz")
    with Recorder("rec.rhd", info()) as recorder:
        recorder.append(0, np.full((len(info().channels), 300), 32768))
    install(made, monkeypatch)
    return made


def old(target: str) -> bytes:
    """What stands in the target before a command: a program to be formatted, a checkpoint to go on from, or anything."""
    sources = {"out": "loose.basm", "out.ckpt": "kept.ckpt"}
    return Path(sources[target]).read_bytes() if target in sources else b"old"


def around(faults: Faults, line: str, failure: str = "", at: int = 0) -> tuple[Outcome, set[str]]:
    """A command with a failure, and the names that are new in the folder."""
    before = set(os.listdir())
    faults.arm(failure, at)
    outcome = bioasm(*line.split())
    faults.disarm()
    return outcome, set(os.listdir()) - before


def in_words(outcome: Outcome) -> None:
    """One error of a file in words, and no traceback."""
    assert outcome.code == EXIT_FAULT, outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert re.search(r"error\[B(30[123]|404)\]: .*(no space left|input/output error)", outcome.stderr), outcome.stderr


def content(target: str) -> bytes | None:
    """What stands in the target; None where nothing does."""
    return Path(target).read_bytes() if Path(target).exists() else None


def whole(target: str) -> bool:
    """Whether the target holds all of what a command writes there, which is not the same each time."""
    match Path(target).suffix:
        case ".npz":
            with np.load(target) as found:
                return {"energy", "provenance"} <= set(found.files) and [found[name] for name in found.files] != []
        case ".json":
            return "results" in json.loads(Path(target).read_text())
        case ".xml":
            return ElementTree.parse(target).getroot().tag.startswith("testsuite")
        case ".h5":
            with h5py.File(target) as found:
                return "results" in found and "provenance" in found.attrs
        case ".ckpt":
            return bioasm(*f"run spins.basm --checkpoint {target} --resume".split()).code == 0
    return False


def cases() -> Iterator[Any]:
    """Commands, failures, and whether there is a file already: a full disk each time, others with the long tests."""
    for name in COMMANDS:
        yield name, "full", True
        if name not in SLOW:
            yield from rarely(*((name, failure, True) for failure in FAILURES if failure != "full"))
        if name not in ("fmt", "run --resume", *SLOW):
            yield name, "full", False


@pytest.mark.parametrize(("name", "failure", "there"), list(cases()))
def test_the_file_is_whole_or_absent(name: str, failure: str, there: bool, faults: Faults) -> None:
    line = COMMANDS[name]
    (target,) = {word for word in line.split() if word.startswith("out")}

    def prepare() -> None:
        Path(target).unlink(missing_ok=True)
        if there:
            Path(target).write_bytes(old(target))

    prepare()
    assert around(faults, line)[0].code == 0
    expected = content(target)
    assert {"open to write", "write", "close", "replace"} <= set(faults.seen)
    for at in itertools.count(1):
        prepare()
        outcome, new = around(faults, line, failure, at)
        if not faults.happened:
            break
        where = faults.seen[at - 1 :]
        assert new <= {target}, where
        if failure == "short":
            assert outcome.code == 0, (where, outcome.stderr)
            assert content(target) == expected or whole(target), where
        else:
            in_words(outcome)
            assert content(target) == (old(target) if there else None) or whole(target), where


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("line", READING)
def test_what_can_not_be_read_is_told(line: str, failure: str, faults: Faults) -> None:
    right, _ = around(faults, line)
    assert right.code == 0
    for at in range(1, len(faults.seen) + 1):
        outcome, new = around(faults, line, failure, at)
        assert not new
        if failure == "short" or outcome.code == 0:  # what was looked at twice
            assert (outcome.code, outcome.stdout) == (0, right.stdout)
        else:
            in_words(outcome)


# --- files that no command line names ------------------------------------------------------------------


def failing(faults: Faults, failure: str, act: Callable[[], object]) -> Iterator[tuple[object, list[str]]]:
    """What an action returns with its first operation failing, its second, and so on, until it comes to its end."""
    for at in itertools.count(1):
        faults.arm(failure, at)
        try:
            found = act()
        except BioasmError as fault:
            found = fault
        faults.disarm()
        if not faults.happened:
            assert at > 3
            return
        yield found, faults.seen[at - 1 :]


@pytest.mark.parametrize("failure", FAILURES)
def test_pages_of_the_reference(failure: str, faults: Faults, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pages").mkdir()
    before = {name: b"old" if name == "limits.md" else page().encode() for name, page in PAGES.items()}
    for name, content in before.items():
        Path("pages", name).write_bytes(content)
    for code, where in failing(faults, failure, lambda: write_reference(["pages"])):
        assert code == (0 if failure == "short" else 1), where
        assert ("B302" in capsys.readouterr().err) == bool(code)
        found = {each.name: each.read_bytes() for each in Path("pages").iterdir()}
        assert set(found) == set(PAGES)
        assert all(found[name] in (before[name], page().encode()) for name, page in PAGES.items()), where


@pytest.mark.parametrize("failure", FAILURES)
def test_a_file_of_the_cache(failure: str, faults: Faults) -> None:
    """It is there or not, and nobody is bothered."""
    path = Path("kept").absolute()
    for done, where in failing(faults, failure, lambda: write_kept(path, b"key", b"content" * 1000)):
        assert done == (failure == "short"), where
        assert set(os.listdir()) & {"kept"} == ({"kept"} if done else set())
        assert not [name for name in os.listdir() if name.endswith(".tmp")]
        path.unlink(missing_ok=True)
    write_kept(path, b"key", b"content")
    for found, where in failing(faults, failure, lambda: (write_kept(path, b"key", b"content"), read_kept(path, b"key"))):
        assert found in ((True, b"content"), (True, None), (False, None), (False, b"content")), where
        assert failure != "short" or found == (True, b"content")


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_recording(layout: str, failure: str, faults: Faults) -> None:
    """What was recorded until then can be read, to the sample; nothing is left of a recording that could not begin."""
    samples = codes(4, 512)
    path = place(Path("run").absolute(), layout)

    def record() -> None:
        with Recorder(path, info(), layout=layout) as recorder:
            for at in range(0, 512, 128):
                recorder.append(at, samples[:, at : at + 128])
                recorder.event("stimulus", at)

    Path("run").mkdir()
    for fault, where in failing(faults, failure, record):
        if failure == "short":
            assert fault is None, where
        else:
            assert isinstance(fault, BioasmError) and fault.diagnostics[0].code == "B302", (fault, where)
        if recorded := sorted(Path("run").rglob("*.rhd")):
            found = read_rhd(path).codes
            assert (found == samples[:, : found.shape[1]]).all(), where
            assert failure != "short" or found.shape[1] == 512, where
            assert all(event["kind"] in ("start", "stimulus", "end") for event in read_events(path))
        assert recorded or not list(Path("run").rglob("*.*")), where
        shutil.rmtree("run")
        Path("run").mkdir()
