"""`bioasm run` on the real machine: the same results whichever way a program comes in and is run."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.command import bioasm, pipeline

pytestmark = pytest.mark.usefixtures("folder")

UNSTABLE = ("timing", "versions", "file")


def told(*args: object, **streams) -> dict:
    """The JSON object of a run with seed 1, without what differs from run to run."""
    outcome = bioasm("run", "small.basm", "--seed", 1, "--json", *args, **streams)
    assert (outcome.code, outcome.stderr) == (0, "")
    return {name: value for name, value in outcome.json.items() if name not in UNSTABLE}


def test_the_same_seed_gives_the_same_object() -> None:
    assert told() == told()


def test_another_seed_gives_another(folder: Path) -> None:
    (folder / "small.basm").write_text("MODEL ising\nALC 64\nSIG 1\nRUN 3\nRD\n")
    assert told()["results"] != told("--seed", 2)["results"]


@pytest.mark.parametrize("lanes", [1, 5, 64])
def test_threads_do_not_matter(lanes: int) -> None:
    assert told("--lanes", lanes, "--threads", 1) == told("--lanes", lanes, "--threads", 2)


def test_text_and_bytecode_are_the_same_program() -> None:
    outcome = pipeline("asm small.basm | run - --seed 1 --json")
    assert {name: value for name, value in outcome.json.items() if name not in UNSTABLE} == told()


def test_lanes_are_independent_of_their_number() -> None:
    few, many = told("--lanes", 2), told("--lanes", 6)
    assert many["energy_trace"][:2] == few["energy_trace"]


def test_shapes_with_lanes() -> None:
    run = told("--lanes", 3)
    assert np.shape(run["energy"]) == np.shape(run["best_energy"]) == (3,)
    assert np.shape(run["best_state"]) == np.shape(run["results"][0]["value"]) == (3, 3)
    assert set(run["spikes"]) == {"t", "i", "lane"}


@pytest.mark.parametrize("name", ["bioasm", "python", "numpy", "llvmlite"])
def test_versions_are_told(name: str) -> None:
    assert bioasm("run", "small.basm", "--json").json["versions"][name]


def test_timing_is_told() -> None:
    timing = bioasm("run", "small.basm", "--json").json["timing"]
    assert all(seconds >= 0 for seconds in timing.values())
    assert "total" in timing


def test_the_file_holds_what_the_object_says() -> None:
    run = told("-o", "out.npz")
    with np.load("out.npz") as file:
        assert file["energy_trace"].tolist() == run["energy_trace"]
        assert file["best_state"].tolist() == run["best_state"]
        assert json.loads(str(file["provenance"]))["program_sha256"] == run["program_sha256"]


def test_arrays_through_a_pipe() -> None:
    outcome = bioasm("run", "small.basm", "--seed", 1, "-o", "-")
    with np.load(io.BytesIO(outcome.stdout)) as file:
        assert file["energy_trace"].tolist() == told()["energy_trace"]


def test_a_parameter_of_the_model_changes_the_run(folder: Path) -> None:
    (folder / "small.basm").write_text("ALC 2\nSIG 0\nCUR 1 nA\nRUN 50 ms\n")
    assert sum(told("--set", "R=10 Mohm")["spike_count"]) == 0
    assert sum(told()["spike_count"]) > 0


def test_a_run_cut_by_fuel_goes_on_from_its_checkpoint() -> None:
    cut = bioasm("run", "small.basm", "--seed", 1, "--json", "--fuel", 8, "--checkpoint", "c.ckpt")
    assert (cut.code, cut.json["status"]) == (1, "out of fuel")
    assert "error[B401]" in cut.stderr
    resumed = told("--checkpoint", "c.ckpt", "--resume")
    assert resumed == told()


def test_a_checkpoint_of_another_program_is_refused(folder: Path) -> None:
    bioasm("run", "small.basm", "--seed", 1, "--fuel", 8, "--checkpoint", "c.ckpt")
    (folder / "small.basm").write_text("MODEL ising\nALC 4\nRUN 4\nRD\n")
    outcome = bioasm("run", "small.basm", "--checkpoint", "c.ckpt", "--resume")
    assert (outcome.code, outcome.stdout) == (1, b"")
    assert "error[B404]" in outcome.stderr


@pytest.mark.parametrize(("content", "code"), [(None, "B301"), (b"", "B404"), (b"noise", "B404"), (b"PK\x03\x04noise", "B404")])
def test_what_is_no_checkpoint_is_refused(content: bytes | None, code: str) -> None:
    if content is not None:
        Path("c.ckpt").write_bytes(content)
    outcome = bioasm("run", "small.basm", "--checkpoint", "c.ckpt", "--resume")
    assert (outcome.code, outcome.stdout) == (1, b"")
    assert f"error[{code}]" in outcome.stderr


def test_most_fuel_there_is(folder: Path) -> None:
    told = bioasm("run", "small.basm", "--seed", 1, "--fuel", 2**63 - 1, "--json")
    assert (told.code, told.json["status"]) == (0, "finished")


@pytest.mark.parametrize("kind", ["pipe", "link", "private", "/dev/full", "-"])
def test_a_checkpoint_leaves_its_target_what_it_is(folder: Path, kind: str) -> None:
    os.mkfifo("pipe")
    Path("real").write_bytes(b"old")
    Path("link").symlink_to("real")
    Path("private").touch(0o600)
    before = os.stat(kind, follow_symlinks=False).st_mode if kind != "-" else 0
    told = bioasm("run", "small.basm", "--seed", 1, "--fuel", 8, "--checkpoint", kind)
    if kind == "-":
        assert (told.code, "needs a file" in told.stderr) == (2, True)
        return
    assert os.stat(kind, follow_symlinks=False).st_mode == before
    if kind in ("pipe", "/dev/full"):
        assert (told.code, "B302" in told.stderr) == (1, True)
        assert told.stdout == b""  # known before the run
    else:
        assert bioasm("run", "small.basm", "--checkpoint", kind, "--resume").code == 0
    assert sorted(os.listdir()) == ["link", "pipe", "private", "real", "small.basm", "wrong.basm"]
