"""Tests of the driver from the command line: one command, two commands, what is refused, a board that goes away, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from tests.command import bioasm

ROOT = Path(__file__).resolve().parents[2]
LIF = "ALC 4\nLDJ [[0,-1,0,0],[-1,0,-1,0],[0,-1,0,-1],[0,0,-1,0]]\nSIG 2 mV\nRUN 100 ms\nRD\nRD spikes\n"
LONG = "MODEL ising\nALC 3\nLDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]\nSIG 1\nRD\nRUN 400000000\n"
EMULATED = ("--driver", "intan", "--port", "emu:rhd2132?seed=1")
COMPUTED = ("results", "state", "energy", "best_energy", "best_state", "energy_trace", "spikes", "spike_count", "steps", "n")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "p.basm"
    path.write_text(LIF)
    return path


@pytest.fixture
def long(tmp_path: Path) -> Path:
    path = tmp_path / "long.basm"
    path.write_text(LONG)
    return path


# --- one command ------------------------------------------------------------------------------------


def test_one_command_gives_what_the_processor_gives(program: Path) -> None:
    board = bioasm("run", program, "--seed", 3, "--json", *EMULATED)
    processor = bioasm("run", program, "--seed", 3, "--json")
    assert (board.code, board.json["driver"], board.json["extras"]["substrate"]) == (0, "intan", "twin")
    assert {name: board.json[name] for name in COMPUTED} == {name: processor.json[name] for name in COMPUTED}


def test_verify_finds_no_difference_from_the_processor(program: Path) -> None:
    options = ("--driver", "intan", "--driver-option", "port=emu:rhd2132?seed=1", "--against", "cpu", "--seed", 3)
    told = bioasm("verify", program, *options)
    assert told.code == 0
    assert "within tolerance" in told.text


def test_shown_to_people(program: Path) -> None:
    told = bioasm("run", program, "--seed", 3, *EMULATED)
    assert told.text.startswith("driver intan, model lif_critical, n 4, lanes 1, seed 3\n")
    assert told.stderr == ""


def test_bad_line_changes_nothing(program: Path) -> None:
    worse = bioasm(
        "run", program, "--seed", 3, "--json", "--driver", "intan", "--port", "emu:rhd2132?seed=1&loss=0.05&corrupt=0.05"
    )
    assert worse.code == 0
    assert worse.json["state"] == bioasm("run", program, "--seed", 3, "--json").json["state"]
    assert worse.json["extras"]["link"]["errors"]["crc"] + worse.json["extras"]["link"]["resent"] > 0


def test_results_go_to_a_file(program: Path, tmp_path: Path) -> None:
    assert bioasm("run", program, *EMULATED, "-o", tmp_path / "r.npz").code == 0
    with np.load(tmp_path / "r.npz") as saved:
        assert saved["state"].shape == (4,)
        assert '"substrate": "twin"' in str(saved["provenance"])


def test_culture_records_spikes_on_a_recording_chip(tmp_path: Path) -> None:
    path = tmp_path / "look.basm"
    path.write_text("ALC 4\nRUN 100 ms\nRD spikes\n")
    told = bioasm("run", path, "--json", *EMULATED, "--substrate", "culture", "--record", tmp_path / "rec")
    assert told.code == 0
    assert told.json["extras"]["substrate"] == "culture"
    from bioasm.hardware.recordings.reader import read_rhd

    found = read_rhd(tmp_path / "rec")
    assert found.codes.shape[0] == 32
    assert found.jumps == 0
    assert found.seconds >= 0.1


# --- what is refused --------------------------------------------------------------------------------


def stimulating(tmp_path: Path, pulse: str) -> Path:
    path = tmp_path / "stim.basm"
    path.write_text(f"ALC 4\nRUN 10 ms\nSTIM [0, 1], {pulse}\nRUN 10 ms\nRD spikes\n")
    return path


def test_stimulation_on_a_recording_chip_is_refused_at_its_line(tmp_path: Path) -> None:
    told = bioasm("run", stimulating(tmp_path, "1 uA, 100 us"), *EMULATED, "--substrate", "culture")
    assert told.code == 1
    assert "stim.basm:3:1: error[B502]: this board can't stimulate (it has rhd2132)" in told.stderr
    assert "  STIM [0, 1], 1 uA, 100 us" in told.stderr


RHS = ("--driver", "intan", "--port", "emu:rhs2116?seed=1", "--substrate", "culture")


def test_stimulation_on_a_stimulating_chip(tmp_path: Path) -> None:
    told = bioasm("run", stimulating(tmp_path, "1 uA, 100 us"), *RHS, "--json")
    assert told.code == 0
    assert told.json["extras"]["stimuli"] == {"delivered": 8}  # two neurons with four channels each
    assert told.json["extras"]["stimulation"]["refused"] == 0


def test_small_electrodes_bear_small_pulses_of_the_program(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text("channel, diameter_um, material\n" + "".join(f"{k}, 30, platinum\n" for k in range(4)))
    told = bioasm("run", stimulating(tmp_path, "1 uA, 100 us"), *RHS, "--map", path, "--json")
    assert told.code == 0
    assert told.json["extras"]["stimuli"] == {"delivered": 2}
    assert told.json["extras"]["electrodes"] == str(path)
    worse = bioasm("run", stimulating(tmp_path, "4 uA, 100 us"), *RHS, "--map", path)
    assert worse.code == 1
    assert "channel 0, charge density of phase 1: 56.59 uC/cm2; the limit is 50 uC/cm2" in worse.stderr


@pytest.mark.parametrize(
    ("pulse", "words"),
    [
        ("20 uA, 100 us", "current of phase 1: 20 uA; the limit is 10 uA"),
        ("1 uA, 5 us", "width of phase 1: 5 us; the limit is 20 us"),
        ("8 uA, 100 us", "current of all electrodes at this time: 64 uA; the limit is 50 uA"),
        ("1 pA, 100 us", "less than half a step of current"),
    ],
)
def test_pulse_over_a_limit_is_refused_at_its_line(tmp_path: Path, pulse: str, words: str) -> None:
    told = bioasm("run", stimulating(tmp_path, pulse), *RHS)
    assert told.code == 1
    assert "stim.basm:3:1: error[B520]" in told.stderr
    assert words in told.stderr


def test_pulse_from_a_register_is_refused_by_the_board(tmp_path: Path) -> None:
    path = tmp_path / "reg.basm"
    path.write_text("ALC 4\nMOV r0, 20e-6\nRUN 10 ms\nSTIM 0, r0, 100 us\nRUN 10 ms\n")
    told = bioasm("run", path, *RHS)
    assert told.code == 1
    assert "reg.basm:4:1: error[B520]: the board refuses STIM: channel 0, current of phase 1" in told.stderr
    assert "the limit is" in told.stderr
    assert "(failed)" in told.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--driver", "intan"), "driver intan needs to be told its port"),
        (("--driver", "cpu", "--port", "x"), "driver cpu has no option 'port'"),
        ((*EMULATED, "--driver-option", "watchdog=1"), "watchdog is '1'"),
        ((*EMULATED, "--driver-option", "watchdgo=1"), "did you mean watchdog?"),
        ((*EMULATED, "--driver-option", "watchdog"), "--driver-option watchdog: this is not of the form NAME=VALUE"),
        ((*EMULATED, "--substrate", "wet"), "it may be twin or culture"),
        (("--driver", "intan", "--port", "emu:rhd9999"), "rhd9999"),
    ],
)
def test_wrong_usage(program: Path, options: tuple[str, ...], words: str) -> None:
    told = bioasm("run", program, *options)
    assert told.code == 2
    assert words in told.stderr


def test_port_that_is_not_there(program: Path) -> None:
    pytest.importorskip("serial", reason="serial ports need pyserial")
    told = bioasm("run", program, "--driver", "intan", "--port", "/dev/no-such-port")
    assert told.code == 3
    assert "error[B511]" in told.stderr


def test_emulated_boards_need_no_pyserial_and_serial_ports_do(program: Path) -> None:
    with patch.dict("sys.modules", {"serial": None}):
        assert bioasm("run", program, *EMULATED).code == 0
        told = bioasm("run", program, "--driver", "intan", "--port", "/dev/ttyX")
    assert told.code != 0
    assert "error[B503]: serial ports need pyserial" in told.stderr
    assert "pip install 'bioasm[intan]'" in told.stderr


def test_flawed_map_is_told_with_its_lines(program: Path, tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    path.write_text("neuron, channel, diameter_um\n0, 1, 30\n1, x, 30\n")
    told = bioasm("run", program, *EMULATED, "--map", path)
    assert told.code == 1
    assert "map.csv:3:4: error[B522]: x stands where a whole number from 0 to 65535 belongs" in told.stderr
    assert "  1, x, 30\n     ^" in told.stderr


# --- a board that goes away -------------------------------------------------------------------------


def test_lost_board_is_exit_code_3_and_keeps_what_was_told(long: Path, tmp_path: Path) -> None:
    port = "emu:rhd2132?seed=1&fault=run%2B0.3%20unplug"
    told = bioasm("run", long, "--driver", "intan", "--port", port, "-o", tmp_path / "part.npz")
    assert told.code == 3
    assert "error[B504]" in told.stderr
    assert "(lost)" in told.text
    with np.load(tmp_path / "part.npz") as saved:
        assert '"status": "lost"' in str(saved["provenance"])


# --- two commands -----------------------------------------------------------------------------------


@contextmanager
def emulator(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`bioasm emulate` in another process, and the port that it printed."""
    pytest.importorskip("serial", reason="serial ports need pyserial")
    command = [sys.executable, "-m", "bioasm", "emulate", "--seed", "1", "-q", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_two_commands_over_a_pseudo_terminal(program: Path) -> None:
    with emulator() as (_, port):
        first = bioasm("run", program, "--seed", 3, "--json", "--driver", "intan", "--port", port)
        again = bioasm("run", program, "--seed", 3, "--json", "--driver", "intan", "--port", port)
    assert (first.code, again.code) == (0, 0)
    assert first.json["state"] == again.json["state"] == bioasm("run", program, "--seed", 3, "--json").json["state"]
    assert first.json["extras"]["board"]["boot"] == again.json["extras"]["board"]["boot"]


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_board_that_is_killed_in_the_middle_of_a_run(long: Path, tmp_path: Path) -> None:
    with emulator("--fault", "run+0.3 unplug") as (_, port):
        told = bioasm("run", long, "--driver", "intan", "--port", port, "-o", tmp_path / "part.npz")
    assert told.code == 3
    assert (tmp_path / "part.npz").exists()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_board_that_was_silent_for_too_long_gives_the_result_that_it_kept(tmp_path: Path) -> None:
    path = tmp_path / "wide.basm"
    path.write_text("MODEL ising\nALC 3000\nSIG 1\nRD energy\nRUN 400000000\n")
    assert bioasm("run", path, "--fuel", 10).code == 1  # out of fuel; its kernel is compiled now, which may take seconds
    with emulator("--fault", "run+0.2 silence 2.5") as (_, port):
        told = bioasm("run", path, "--json", "--driver", "intan", "--port", port)
    assert (told.code, told.json["status"]) == (3, "lost")
    assert told.json["extras"]["rescued"] == "the result that the board kept"
    assert [reading["what"] for reading in told.json["results"]] == ["energy"]
    assert None not in told.json["state"]
    assert "error[B504]" in told.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_the_run_and_prints_what_was_computed(tmp_path: Path) -> None:
    path, folder = tmp_path / "wide.basm", tmp_path / "rec"
    path.write_text("MODEL ising\nALC 3000\nLDJ sparse(3000) { 0 1 1 | 1 0 1 }\nSIG 1\nRUN 400000000\n")
    options = ["--json", "--record", str(folder), "--driver-option", "raw=none"]
    command = [sys.executable, "-m", "bioasm", "run", str(path), *EMULATED, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        while process.poll() is None and not _begun(folder / "events.jsonl"):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert '"status": "interrupted"' in out
    assert "Traceback" not in err


def _begun(events: Path) -> bool:
    """Whether the recording says that the run began."""
    return events.exists() and '"kind":"run"' in events.read_text()


# --- looking for boards -----------------------------------------------------------------------------


def test_probe_of_an_emulated_board() -> None:
    told = bioasm("drivers", "--probe", "--port", "emu:rhs2116?seed=1")
    assert told.code == 0
    assert "rhs2116 (16 channels at 20000 Hz)" in told.text
    assert "simulated, stimulates" in told.text
    assert "state: disarmed" in told.text


def test_probe_as_json() -> None:
    (found,) = bioasm("drivers", "--probe", "--json", "--port", "emu:rhd2164?seed=1").json["ports"]
    assert found["trouble"] is None
    assert found["board"]["chips"] == ["rhd2164"]
    assert found["board"]["channels"] == 64
    assert not found["board"]["stimulates"]


def test_probe_where_nothing_is() -> None:
    pytest.importorskip("serial", reason="serial ports need pyserial")
    told = bioasm("drivers", "--probe", "--port", "/dev/no-such-port", "--json")
    assert told.code == 3
    (found,) = told.json["ports"]
    assert found["board"] is None
    assert "can't be opened" in found["trouble"]


def test_driver_is_listed_with_its_options() -> None:
    (found,) = [d for d in bioasm("drivers", "--json").json["drivers"] if d["name"] == "intan"]
    assert found["usable"]
    assert {"port", "substrate", "map", "record", "raw", "culture", "watchdog", "baud", "clear"} == set(found["options"])
    assert "--driver-option watchdog=...: " in bioasm("drivers").text
