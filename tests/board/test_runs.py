"""Programs on the board: the twin equals the processor bit for bit, the culture runs what it can and refuses the rest."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from bioasm.binary.writer import to_bytes
from bioasm.drivers.cpu import CpuDriver
from bioasm.hardware.board.electrodes import pack_electrodes
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import Accepted, Kind, Refusal, RunStatus, State, Substrate
from bioasm.loading import load
from bioasm.results import Result, Spikes
from bioasm.runtime.options import RunOptions
from bioasm.safety import DEFAULT_LIMITS
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.board.support import DRIVE, OBSERVE, RING, Bench, armed, bytecode, table

ROOT = Path(__file__).resolve().parents[2]
QUICK = (m.Parameter("culture.baseline", 0.05),)

# --- the twin -----------------------------------------------------------------------------------------

TWINS = {
    "feedback": f"ALC 4\n{RING}SIG 2 mV\nRUN 50 ms\nRD\nRD energy\nRD spikes\n",
    "noise alone": "ALC 3\nSIG 5 mV\nRUN 30 ms\nRD v\n",
    "inputs": "ALC 2\nCUR [0.1e-9, -0.1e-9]\nPOI 100 Hz, 2 mV\nRUN 30 ms\nRD v\n",
    "recording": "ALC 2\nREC v, 1 ms\nRUN 10 ms\nRD spike_count\n",
    "loop": "ALC 2\nMOV r0, 3\nagain:\nRUN 5 ms\nGET r1, time\nOUT r1, t\nLOOP r0, again\nRD\n",
    "no neurons": "OUT 42, answer\n",
    "ising": "MODEL ising\nALC 3\nLDJ [[0,-1,-1],[-1,0,-1],[-1,-1,0]]\nSIG 0.5\nRUN 20 sweeps\nRD best_energy\nRD best_state\n",
}
_ARRAYS = ("state", "energy", "best_energy", "best_state", "energy_trace", "spike_count")


def on_cpu(text: str, **options: Any) -> Result:
    """The same on the processor of this computer."""
    return CpuDriver().run(verify(assemble(text)), RunOptions(**options))


def assert_same(mine: Result, other: Result) -> None:
    """Bit for bit."""
    for name in _ARRAYS:
        a, b = np.asarray(getattr(mine, name)), np.asarray(getattr(other, name))
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), name
    assert (mine.steps, mine.n, mine.lanes, mine.program_sha256) == (other.steps, other.n, other.lanes, other.program_sha256)
    assert_same_spikes(mine.spikes, other.spikes)
    assert [r.what for r in mine.results] == [r.what for r in other.results]
    for a, b in zip(mine.results, other.results, strict=True):
        if isinstance(a.value, Spikes):
            assert_same_spikes(a.value, b.value)
        else:
            assert np.asarray(a.value).tobytes() == np.asarray(b.value).tobytes()
    assert mine.recordings.keys() == other.recordings.keys()
    for name in mine.recordings:
        assert mine.recordings[name].values.tobytes() == other.recordings[name].values.tobytes()


def assert_same_spikes(mine: Spikes, other: Any) -> None:
    """Times and neurons, bit for bit."""
    assert (mine.t.tobytes(), mine.i.tobytes(), mine.lane.tobytes()) == (
        other.t.tobytes(),
        other.i.tobytes(),
        other.lane.tobytes(),
    )


@pytest.mark.parametrize("name", TWINS)
def test_twin_equals_the_processor(name: str) -> None:
    mine = Bench().open().result(TWINS[name], Substrate.TWIN, seed=5)
    assert mine.extras["substrate"] == "twin"
    assert_same(mine, on_cpu(TWINS[name], seed=5))


@pytest.mark.parametrize("name", ["lif_maxcut", "maxcut_karate", "own_mechanisms", "brainpy_network"])
def test_twin_runs_whole_programs(name: str) -> None:
    program = load(str(ROOT / "programs" / f"{name}.basm"))
    data = to_bytes(program)
    bench = Bench().open()
    assert bench.upload(Kind.PROGRAM, data) is None
    assert isinstance(bench.ask(m.Run(1, sha256(data).digest(), Substrate.TWIN, 3)), Accepted)
    assert_same(bench.fetch(bench.wait(600)), CpuDriver().run(verify(program), RunOptions(seed=3)))


@pytest.mark.parametrize("lanes", [2, 5])
def test_twin_has_lanes(lanes: int) -> None:
    mine = Bench().open().result(TWINS["feedback"], Substrate.TWIN, seed=5, lanes=lanes)
    assert_same(mine, on_cpu(TWINS["feedback"], seed=5, lanes=lanes))


def test_twin_takes_parameters() -> None:
    mine = Bench().open().result(TWINS["feedback"], Substrate.TWIN, parameters=(m.Parameter("I_offset", 0.39e-9),))
    assert_same(mine, on_cpu(TWINS["feedback"], seed=1, parameters={"I_offset": 0.39e-9}))


def test_twin_over_a_bad_line_is_the_same() -> None:
    url = "emu:rhd2132?seed=3&loss=0.05&corrupt=0.02&duplicate=0.05&truncate=0.02"
    assert_same(Bench(url).open().result(TWINS["feedback"], Substrate.TWIN, seed=5), on_cpu(TWINS["feedback"], seed=5))


def test_fault_in_a_twin_keeps_what_was_computed() -> None:
    text = "ALC 2\nRUN 5 ms\nOUT 7\nMOV r0, -1\nRUN r0\n"
    bench = Bench().open()
    bench.start(text, Substrate.TWIN)
    ended = bench.wait()
    assert (ended.status, ended.code) == (RunStatus.FAILED, "B402")
    result = bench.fetch(ended)
    assert (result.status, result.steps, result.results[0].value) == ("failed", 50, 7.0)
    assert result.diagnostics[-1].code == "B402"


def test_fuel_of_a_twin_ends() -> None:
    result = Bench().open().result("again:\nJMP again\n", Substrate.TWIN, fuel=1000)
    assert result.status == "out of fuel"


@pytest.mark.parametrize("fuel", [2**63, 2**64 - 1])
def test_more_fuel_than_a_machine_counts(fuel: int) -> None:
    assert Bench().open().result("OUT 1\n", Substrate.TWIN, fuel=fuel).status == "finished"


def test_status_of_a_twin_tells_its_best_energy() -> None:
    bench = Bench().open()
    bench.start(
        "MODEL ising\nALC 3\nLDJ [[0,-1,-1],[-1,0,-1],[-1,-1,0]]\nSIG 0.5\nagain:\nRUN 20 sweeps\nJMP again\n", Substrate.TWIN
    )
    bench.until(lambda: any(s.best_energy == -1.0 for s in bench.of(m.Status)), 30.0)
    told = [s.best_energy for s in bench.of(m.Status) if s.run == 1]
    first = next(k for k, value in enumerate(told) if value == value)
    assert all(value == -1.0 for value in told[first:])
    bench.ask(m.Halt())
    assert bench.wait().status is RunStatus.INTERRUPTED


def test_pulse_in_flight_ends_before_a_twin_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.board.support.STEP", 0.0005)
    bench = armed("emu:rhs2116?seed=1&time=wall")
    bench.upload(Kind.PROGRAM, bytecode("ALC 4\nRUN 10\n"))
    bench.ask(m.Stimulate((0,), 1, 0, m.NOW, (m.Phase(-2000, 1_000_000), m.Phase(2000, 1_000_000))))
    assert bench.until(lambda: bench.chip.stim_current[0] != 0)
    digest = sha256(bytecode("ALC 4\nRUN 10\n")).digest()
    assert isinstance(bench.ask(m.Run(1, digest, Substrate.TWIN, 1)), Accepted)
    assert bench.firmware.run is not None
    assert not np.any(bench.chip.stim_current)
    assert [phase.amperes for phase in bench.phases] == [-2e-6, 2e-6]


def test_clock_never_goes_back_behind_a_twin() -> None:
    bench = Bench("emu:rhd2132?time=wall").open()
    bench.start("ALC 4\nRUN 10\n", Substrate.TWIN)
    clocks = []
    while bench.ended() is None:
        clocks.append(bench.firmware.clock())
        bench.step()
    bench.run(0.05)
    clocks.append(bench.firmware.clock())
    assert clocks == sorted(clocks)
    assert clocks[-1] == pytest.approx(bench.now * 20000, abs=400)


def test_twin_can_be_halted() -> None:
    bench = Bench().open()
    bench.start("ALC 4\nagain:\nRUN 1 ms\nJMP again\n", Substrate.TWIN)
    bench.run(0.1)
    bench.ask(m.Halt())
    assert bench.fetch(bench.wait()).status == "interrupted"


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("ALC 2\nSTIM 0, 1 uA, 0.2 ms\nRUN 1 ms\n", {}, Refusal.UNABLE),
        ("ALC 20000\nRUN 1 ms\n", {}, Refusal.TOO_LARGE),
        ("ALC 2\nRUN 1 ms\n", {"lanes": 257}, Refusal.TOO_LARGE),
        ("ALC 2\nRUN 1 ms\n", {"lanes": 0}, Refusal.MALFORMED),
        ("ALC 2\nRUN 1 ms\n", {"start": 5}, Refusal.UNABLE),
        ("ALC 2\nRUN 1 ms\n", {"parameters": (m.Parameter("mass", 1.0),)}, Refusal.BAD_PROGRAM),
        ("ALC 2\nRUN 1 ms\n", {"parameters": (m.Parameter("tau", -1.0),)}, Refusal.BAD_PROGRAM),
        ("ALC 2\nRUN 1 ms\n", {"parameters": (m.Parameter("tau", float("nan")),)}, Refusal.BAD_PROGRAM),
    ],
)
def test_what_the_twin_refuses(text: str, more: dict[str, Any], reason: Refusal) -> None:
    assert Bench().open().start(text, Substrate.TWIN, **more).reason is reason


# --- uploads of programs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b"", b"ALC 4\n", bytecode(OBSERVE)[:-1], bytecode(OBSERVE)[:40] + b"\xff" + bytecode(OBSERVE)[41:], bytes(64)],
)
def test_damaged_program_is_answered_with_the_diagnostic(data: bytes) -> None:
    refused = Bench().open().upload(Kind.PROGRAM, data)
    assert refused.reason is Refusal.BAD_PROGRAM
    assert refused.subject.startswith("B20")
    assert refused.text


def test_program_that_fails_the_gate_is_answered_with_the_diagnostic() -> None:
    refused = Bench().open().upload(Kind.PROGRAM, bytecode("RUN 5 ms\n"))
    assert (refused.reason, refused.subject) == (Refusal.BAD_PROGRAM, "B101")


def test_refused_program_leaves_the_one_before() -> None:
    bench = Bench().open()
    good = bytecode(OBSERVE)
    bench.upload(Kind.PROGRAM, good)
    bench.upload(Kind.PROGRAM, b"junk")
    assert isinstance(bench.ask(m.Run(1, sha256(good).digest(), Substrate.TWIN, 1)), Accepted)


def test_too_large_an_upload_is_refused_before_a_byte() -> None:
    refused = Bench().open().ask(m.UploadBegin(Kind.PROGRAM, (1 << 26) + 1, bytes(32)))
    assert (refused.reason, refused.allowed) == (Refusal.TOO_LARGE, 1 << 26)


# --- the culture: what it refuses -----------------------------------------------------------------------

ON_ANY = {
    "another model": ("MODEL ising\nALC 3\nRUN 5\n", {}, Refusal.UNABLE, "model"),
    "lanes": (OBSERVE, {"lanes": 2}, Refusal.TOO_LARGE, "lane"),
    "too many neurons": ("ALC 33\nRUN 5 ms\n", {}, Refusal.TOO_LARGE, "electrodes for"),
    "currents": ("ALC 2\nCUR [1e-9, 0]\nRUN 5 ms\n", {}, Refusal.UNABLE, "CUR"),
    "recording": ("ALC 2\nREC v\nRUN 5 ms\n", {}, Refusal.UNABLE, "REC"),
    "clamping": ("ALC 2\nCLAMP 0, -60 mV\nRUN 5 ms\n", {}, Refusal.UNABLE, "CLAMP"),
    "membranes": ("ALC 2\nRUN 5 ms\nRD v\n", {}, Refusal.UNABLE, "membrane potentials"),
    "a membrane": ("ALC 2\nRUN 5 ms\nPEEK r0, v, 1\n", {}, Refusal.UNABLE, "membrane potentials"),
    "time constants": ("ALC 2\nSET tau, 10 ms\nRUN 5 ms\n", {}, Refusal.UNABLE, "tau can't be set"),
    "time constants from outside": (OBSERVE, {"parameters": (m.Parameter("tau", 0.01),)}, Refusal.UNABLE, "tau can't be set"),
    "no such parameter": (OBSERVE, {"parameters": (m.Parameter("culture.glory", 1.0),)}, Refusal.BAD_PROGRAM, "no parameter"),
    "a drive above 1": (OBSERVE, {"parameters": (m.Parameter("culture.bias", 1.5),)}, Refusal.BAD_PROGRAM, "bias"),
    "not a number": (OBSERVE, {"parameters": (m.Parameter("culture.width", float("nan")),)}, Refusal.BAD_PROGRAM, "width"),
    "a crooked interval": (OBSERVE, {"parameters": (m.Parameter("culture.interval", 0.0105),)}, Refusal.BAD_PROGRAM, "whole"),
    "too short an interval": (OBSERVE, {"parameters": (m.Parameter("culture.interval", 0.005),)}, Refusal.BAD_PROGRAM, "10 ms"),
}


@pytest.mark.parametrize("name", ON_ANY)
def test_what_no_culture_can_do_is_refused(name: str) -> None:
    text, more, reason, words = ON_ANY[name]
    refused = Bench().open().start(text, **more)
    assert refused.reason is reason
    assert words in refused.text


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("LDJ [[0,1],[1,0]]", 1),
        ("LDH [1, 1]", 1),
        ("LDT terms(2) { 0 1 1.0 }", 1),
        ("SIG 2 mV", 1),
        ("MOV r0, 0\nSIG r0", 2),
        ("STIM 0, 1 uA, 0.2 ms", 1),
    ],
)
@pytest.mark.parametrize("chip", ["rhd2132", "rhd2216"])
def test_recording_chip_refuses_what_would_stimulate(line: str, place: int, chip: str) -> None:
    bench = Bench(f"emu:{chip}").open()
    refused = bench.start(f"ALC 2\n{line}\nRUN 5 ms\nRD\n")
    assert (refused.reason, refused.place) == (Refusal.UNABLE, place)
    assert "can only record" in refused.text
    assert bench.firmware.state() is State.DISARMED


def test_silent_noise_is_no_stimulation() -> None:
    assert isinstance(Bench().open().start("ALC 2\nSIG 0\nRUN 5 ms\n"), Accepted)


@pytest.mark.parametrize(
    ("limits", "more", "words"),
    [
        (replace(DEFAULT_LIMITS, max_current=5e-6), {}, "current"),
        (replace(DEFAULT_LIMITS, max_charge=1e-9), {}, "charge"),
        (replace(DEFAULT_LIMITS, max_width=100e-6), {}, "width"),
        (replace(DEFAULT_LIMITS, max_simultaneous=1), {}, "groups of 1"),
        (replace(DEFAULT_LIMITS, max_rate=100.0), {}, "100 Hz"),
        (DEFAULT_LIMITS, {"parameters": (m.Parameter("culture.amplitude", 20e-6),)}, "current"),
    ],
)
def test_pulses_that_the_limits_forbid_are_refused_before_anything_runs(limits: Any, more: dict[str, Any], words: str) -> None:
    bench = Bench("emu:rhs2116").open()
    assert isinstance(bench.arm(table(limits)), Accepted)
    refused = bench.start(DRIVE, **more)
    assert refused.reason in (Refusal.UNSAFE, Refusal.TOO_LARGE)
    assert words in refused.text
    assert not bench.phases


def test_electrode_that_is_not_listed_is_refused() -> None:
    bench = Bench("emu:rhs2116").open()
    bench.arm(table(channels=3))
    assert bench.start(DRIVE).reason is Refusal.UNSAFE


@pytest.mark.parametrize(("table_", "words"), [([[0], [1], [2], [40]], "no channel 40"), ([[]], "no channel")])
def test_electrodes_that_there_are_not_are_refused(table_: list[list[int]], words: str) -> None:
    data = pack_electrodes(table_)
    refused = Bench().open().upload(Kind.ELECTRODES, data)
    assert refused.reason is Refusal.BAD_ELECTRODES
    assert words in refused.text


def test_table_of_electrodes_for_fewer_neurons_is_refused() -> None:
    bench = Bench().open()
    bench.upload(Kind.ELECTRODES, pack_electrodes([[0], [1]]))
    refused = bench.start("ALC 3\nRUN 5 ms\n")
    assert (refused.reason, refused.allowed) == (Refusal.TOO_LARGE, 2)


# --- the culture: what it does --------------------------------------------------------------------------


def test_observing_counts_spikes() -> None:
    result = Bench().open().result("ALC 4\nRUN 1\nRD spike_count\nRD\n", parameters=QUICK)
    assert result.spike_count.sum() == len(result.spikes.t) > 20
    assert (result.results[0].value == result.spike_count).all()
    assert (result.state > 0).all()
    assert (result.state < 0.5).all()
    assert result.extras["substrate"] == "culture"
    assert result.seconds_per_step * result.steps == pytest.approx(1.0)


def test_same_seeds_give_the_same_run() -> None:
    first, second = (Bench("emu:rhd2216?seed=4").open().result(OBSERVE, seed=9, parameters=QUICK) for _ in range(2))
    assert_same_spikes(first.spikes, second.spikes)


def test_what_the_board_did_before_changes_nothing() -> None:
    bench = Bench("emu:rhd2216?seed=4").open()
    first = bench.result(OBSERVE, seed=9, parameters=QUICK)
    bench.run(0.2)
    bench.events.clear()
    second = bench.result(OBSERVE, seed=9, number=2, parameters=QUICK)
    assert_same_spikes(first.spikes, second.spikes)


@pytest.mark.parametrize(("url", "seed"), [("emu:rhd2216?seed=5", 9), ("emu:rhd2216?seed=4", 10)])
def test_another_seed_gives_another_run(url: str, seed: int) -> None:
    text = "ALC 4\nRUN 500 ms\n"
    first = Bench("emu:rhd2216?seed=4").open().result(text, seed=9, parameters=QUICK)
    second = Bench(url).open().result(text, seed=seed, parameters=QUICK)
    assert first.spikes.t.tolist() != second.spikes.t.tolist()


def test_electrodes_decide_whose_spikes_are_counted() -> None:
    bench = Bench().open()
    bench.upload(Kind.ELECTRODES, pack_electrodes([[7], [3]]))
    result = bench.result("ALC 2\nRUN 500 ms\n", parameters=QUICK)
    assert result.extras["electrodes"] == [[7], [3]]


def test_three_thirds_are_a_whole() -> None:
    result = Bench().open().result("ALC 1\nRUN 0.0333333333\nRUN 0.0333333333\nRUN 0.0333333334\n", parameters=QUICK)
    assert result.steps == 100


def test_loop_on_the_culture_ends() -> None:
    text = "ALC 2\nMOV r0, 4\nagain:\nRUN 10 ms\nGET r1, time\nOUT r1, t\nLOOP r0, again\n"
    result = Bench().open().result(text, parameters=QUICK)
    assert [r.value for r in result.results] == pytest.approx([0.01, 0.02, 0.03, 0.04])


def test_fuel_of_the_culture_ends() -> None:
    result = Bench().open().result("ALC 2\nRUN 1\n", fuel=50, parameters=QUICK)
    assert result.status == "out of fuel"
    assert result.steps == 48


def test_stim_gives_its_pulses() -> None:
    bench = armed()
    result = bench.result("ALC 4\nSTIM [0, 2], 2 uA, 0.2 ms\nRUN 10 ms\n", parameters=QUICK)
    assert {phase.channel for phase in bench.phases} == {0, 4, 8, 12, 2, 6, 10, 14}
    assert result.extras["stimulation"]["pulses"] == 8
    bench.assert_harmless()


def test_stim_of_nothing_gives_nothing() -> None:
    bench = armed()
    bench.result("ALC 4\nMOV r0, 0\nSTIM 0, r0, 0.2 ms\nRUN 10 ms\n", parameters=QUICK)
    assert not bench.phases


@pytest.mark.parametrize("amplitude", ["11e-6", "1e9", "-1e-6"])
def test_stim_beyond_the_limits_ends_the_run_before_it_flows(amplitude: str) -> None:
    bench = armed()
    bench.start(f"ALC 4\nMOV r0, {amplitude}\nSTIM 0, r0, 0.2 ms\nRUN 10 ms\n", parameters=QUICK)
    ended = bench.wait()
    assert (ended.status, ended.code) in ((RunStatus.FAILED, "B520"), (RunStatus.FAILED, "B402"))
    assert not bench.phases


def test_random_pulses_follow_sig() -> None:
    bench = armed()
    bench.result("ALC 4\nSIG 10 mV\nRUN 500 ms\n", parameters=QUICK)
    strong = max(abs(p.amperes) for p in bench.phases)
    count = len(bench.phases) / 2 / 16 / 0.5
    assert strong == pytest.approx(6e-6)
    assert 10 < count < 32
    bench.assert_harmless()


def test_negative_current_means_less_stimulation() -> None:
    bench = armed()
    bench.result("ALC 3\nLDH [1, 0, -1]\nRUN 100 ms\n", parameters=QUICK)
    largest = {
        c: max((abs(p.amperes) for p in bench.phases if p.channel % 3 == c and p.channel < 15), default=0.0) for c in range(3)
    }
    assert largest[0] == pytest.approx(6e-6)
    assert largest[1] == pytest.approx(0.28 * 6e-6, abs=50e-9)
    assert largest[2] == 0


def test_offset_counts_in_energies() -> None:
    bench = armed()
    result = bench.result("ALC 2\nLDH [0, 0]\nLDO -5\nRUN 20 ms\nRD energy\n", parameters=QUICK)
    assert result.energy.tolist() == [-5.0]
    assert set(result.energy_trace[0]) == {-5.0}
    assert result.best_energy.tolist() == [-5.0]


def test_feedback_lowers_the_energy_of_a_max_cut() -> None:
    """A ring of four on one electrode a neuron; without feedback (I_max = 0) every electrode gets the bias pulse."""

    def energies(largest: float) -> list[float]:
        found = []
        for seed in range(5):
            bench = armed(f"emu:rhs2116?seed={seed}")
            bench.upload(Kind.ELECTRODES, pack_electrodes([[0], [5], [10], [15]]))
            more = (*QUICK, m.Parameter("I_max", largest))
            result = bench.result(f"ALC 4\n{RING}RUN 600 ms\n", seed=seed, parameters=more)
            found.append(float(result.energy_trace[0][15:].mean()))
            bench.assert_harmless()
        return found

    closed, opened = energies(1.5e-9), energies(0.0)
    assert mannwhitneyu(closed, opened, alternative="less").pvalue < 0.01
    assert np.mean(closed) < -2.0  # what no state with all s alike can reach


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ALC 2\nLDJ [[1e308, 1e308], [1e308, 1e308]]\nLDH [1e308, 1e308]\nRUN 300 ms\n", "B407"),
        ("MOV r0, -1\nSET I_max, r0\nALC 2\nRUN 10 ms\n", "B402"),
        ("ALC 2\nMOV r0, -1\nSIG r0\nRUN 10 ms\n", "B402"),
    ],
)
def test_numbers_of_no_use_end_a_run_on_the_culture(text: str, code: str) -> None:
    bench = armed()
    reply = bench.start(text, parameters=QUICK)
    assert isinstance(reply, Accepted), reply
    ended = bench.wait()
    assert (ended.status, ended.code) == (RunStatus.FAILED, code)
    assert bench.firmware.state() is State.ARMED
    bench.assert_harmless()
