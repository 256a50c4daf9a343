"""Pictures of sweeps: which column, over which settings, and what is refused."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

import bioasm
from tests.command import bioasm as command

TEXT = """
.const T = 2
.const H = 0.5
MODEL ising
ALC 3
LDJ [[0, -1, -1], [-1, 0, -1], [-1, -1, 0]]
SIG T
RUN 20 sweeps
PEEK r0, s, 1
MUL r0, r0, H
OUT r0, mean
"""


def threads() -> Executor:
    return ThreadPoolExecutor(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("plots") / "f"
    bioasm.sweep(TEXT, made, set={"T": "1:3:5", "H": [1, 2]}, seeds=3, executor=threads)
    return made


def test_two_settings_are_a_heat_map(folder: Path, tmp_path: Path) -> None:
    made = command("plot", folder, "-o", tmp_path / "heat.svg")
    assert made.code == 0
    text = (tmp_path / "heat.svg").read_text()
    assert 'aria-label="mean over T and H: the median is lowest at T = ' in text
    assert "<image" in text
    again = command("plot", folder, "-o", "-")
    assert again.text == text


def test_one_setting_has_median_and_quartiles(folder: Path, tmp_path: Path) -> None:
    made = command("plot", folder, "--over", "T", "--reading", "best_energy", "-o", tmp_path / "line.svg")
    assert made.code == 0
    text = (tmp_path / "line.svg").read_text()
    assert "best_energy over T: the median is lowest at T = 1.0 (-1) and highest at T = 1.0 (-1), of 6 points each" in text
    assert "quartiles" in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--over", "U"), "no such setting"),
        (("--over", "T", "--over", "T"), "two that differ"),
        (("--reading", "men"), "no such column"),
        (("-o", "x.html"), "written as .svg"),
    ],
)
def test_what_there_is_not_is_refused(folder: Path, options: tuple[str, ...], told: str) -> None:
    made = command("plot", folder, *options)
    assert (made.code, told in made.stderr) == (2, True)


def test_options_of_sweeps_are_of_sweeps(tmp_path: Path) -> None:
    made = command("plot", tmp_path / "r.npz", "--over", "T")
    assert (made.code, "of the folder of a sweep" in made.stderr) == (2, True)
    (tmp_path / "sweep.json").write_text("{}")
    made = command("plot", tmp_path, "-o", tmp_path / "x.svg")
    assert (made.code, "B301" in made.stderr) == (1, True)
