"""`bioasm verify` as a user meets it: tables, JSON, exit codes, pictures and wrong input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("brian2", reason="Brian2 is not installed")

from bioasm.cli.main import main
from bioasm.drivers import registry
from tests.verification.support import NETWORK, SPINS

AGAINST = ("--against", "brian2", "--seed", "1")


@pytest.fixture
def network(tmp_path: Path) -> str:
    """A program in a file."""
    path = tmp_path / "network.basm"
    path.write_text(NETWORK, encoding="utf-8")
    return str(path)


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command line."""
    code = main(["verify", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_drivers_that_agree_give_a_table_and_exit_with_0(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capsys, network, *AGAINST)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("driver cpu against brian2, model lif_critical, n 5, lanes 1, seed 1")
    assert lines[-1] == "within tolerance"
    first = [line.split()[0] for line in lines if line.strip()]
    assert {"v", "spikes", "energy_trace", "best_energy", "import", "build", "codegen", "run"} <= set(first)
    assert " matched, 0 missed, 0 extra" in out


def test_a_tolerance_of_zero_is_passed_and_exits_with_1(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys, network, *AGAINST, "--tolerance", "0")
    assert code == 1
    assert "OUT from" in out and out.endswith("OUT OF TOLERANCE\n")


def test_json_holds_every_row(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys, network, *AGAINST, "--json", "--lanes", "2")
    found: dict[str, Any] = json.loads(out)
    assert code == 0
    assert (found["driver"], found["against"], found["lanes"], found["agrees"]) == ("cpu", "brian2", 2, True)
    rows = {row["name"]: row for row in found["observables"]}
    assert rows["v"]["unit"] == "V" and rows["v"]["deviation"] < 1e-9 and rows["v"]["time"] is None
    assert rows["spikes"]["missed"] == rows["spikes"]["extra"] == 0 < rows["spikes"]["matched"]
    assert found["timing"]["against"]["codegen"] > 0
    assert "brian2" in found["versions"]["against"]


def test_statistics_in_json(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys, network, *AGAINST, "--noise", "own", "--json", "--lanes", "30")
    found = json.loads(out)
    assert code == 0
    assert found["noise"] == "own" and found["observables"] == []
    names = {row["name"] for row in found["statistics"]}
    assert {"v: mean over time", "v: variance over time", "rate", "interspike interval: mean", "energy"} <= names


def test_a_program_from_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spins.basm"
    path.write_text(SPINS, encoding="utf-8")
    with path.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        code, out, _ = called(capsys, "-", *AGAINST)
    assert code == 0 and "model ising" in out


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_a_picture_is_drawn(network: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    path = tmp_path / f"traces.{suffix}"
    assert called(capsys, network, *AGAINST, "--plot", str(path))[0] == 0
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[suffix]
    assert path.read_bytes().startswith(start)


def test_a_picture_of_statistics_is_drawn(network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    path = tmp_path / "traces.png"
    assert called(capsys, network, *AGAINST, "--noise", "own", "--lanes", "5", "--plot", str(path))[0] == 0
    assert path.stat().st_size > 10_000


WRONG = {
    "no reference": (["P"], 2, "--against"),
    "unknown driver": (["P", "--against", "brain2"], 2, "B501"),
    "unknown option": (["P", "--against", "brian2", "--against-option", "targt=numpy"], 2, "B406"),
    "bad option": (["P", "--against", "brian2", "--driver-option", "x"], 2, "B406"),
    "bad tolerance": (["P", "--against", "brian2", "--tolerance", "-1"], 2, "tolerance"),
    "noise of one lane": (["P", "--against", "brian2", "--noise", "own", "--lanes", "1"], 2, "B406"),
    "bad picture": (["P", "--against", "brian2", "--plot", "x.doc"], 2, "B306"),
    "no folder for a picture": (["P", "--against", "brian2", "--plot", "/no/such/folder/x.png"], 1, "B302"),
    "missing file": (["no_such.basm", "--against", "brian2"], 1, "B301"),
    "unknown constant": (["P", "--against", "brian2", "--set", "nothing=1"], 2, "B405"),
    "what a driver can't do": (["P", "--against", "brian2", "--against-option", "target=cpp_standalone"], 1, "B502"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_said_with_its_exit_code(name: str, network: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, code, word = WRONG[name]
    found, _, err = called(capsys, *(network if a == "P" else a for a in arguments))
    assert found == code
    assert word in err and "Traceback" not in err


def test_a_fault_on_both_sides_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "faulty.basm"
    path.write_text("ALC 2\nRUN 2 ms\nMOV r0, -1\nRUN r0\n", encoding="utf-8")
    code, out, err = called(capsys, str(path), *AGAINST)
    assert code == 1
    assert err.count("B402") == 1
    assert "within tolerance" in out


def test_a_constant_is_set_on_both_sides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "program.basm"
    path.write_text(".const time = 1 ms\nALC 2\nRUN time\nRD steps\n", encoding="utf-8")
    code, out, _ = called(capsys, str(path), *AGAINST, "--set", "time=5 ms", "--set", "tau=10 ms", "--json")
    rows = {row["name"]: row for row in json.loads(out)["observables"]}
    assert code == 0 and rows["results: steps"]["scale"] == 50.0


def test_a_driver_against_itself_agrees_to_the_last_bit(network: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys, network, "--against", "cpu", "--seed", "1", "--tolerance", "0")
    assert code == 0 and "driver cpu against cpu" in out


def test_a_mutant_is_out_of_tolerance(
    network: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.BUILT_IN, "mutant", "tests.verification.mutants:Mutant")
    code, out, _ = called(capsys, network, *AGAINST, "--driver", "mutant", "--driver-option", "name=tau off by 0.1 %")
    assert code == 1
    assert "OUT from 0.0001 s on" in out
