"""RUN's end, recordings, buffers that are drained, and runs that are cut: by slices, threads and checkpoints."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import program_hash, to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.verifier.gate import verify
from bioasm.vm.checkpoint import load_checkpoint, save_checkpoint
from bioasm.vm.layout import Status
from bioasm.vm.machine import Machine
from tests.vm.support import LANES, everything, finish, machine, outs, program, reading, run

# --- the end of a run ---------------------------------------------------------------------------------------

ENDS = [
    (["1"], 10_000),
    ([repr(1 / 3)] * 3, 10_000),
    ([repr(1 / 3)], 3334),
    ([repr(1 / 3)] * 2, 6667),
    (["0.1", "0.2"], 3000),
    ([repr(0.1 + 0.2)], 3000),
    (["0.1"] * 10, 10_000),
    (["1e-4"], 1),
    (["1e-4"] * 7, 7),
    (["0"], 0),
    (["0", "0"], 0),
    (["1e-5"], 1),
    (["1e-5"] * 10, 1),
    (["1e-5"] * 11, 2),
    (["1e-30"], 0),
    (["1e-300"] * 5, 0),
    (["0.15 ms"], 2),
    (["0.15 ms"] * 2, 3),
    (["0.25 ms", "0.05 ms"], 3),
    (["333 us"] * 3, 10),
    (["0.7 s", "0.1 s"], 8000),
    (["1 s", "0"], 10_000),
]


@pytest.mark.parametrize(("durations", "steps"), ENDS, ids=lambda v: "+".join(v)[:40] if isinstance(v, list) else "")
def test_runs_end_at_the_first_step_that_is_not_before_the_time(durations: list[str], steps: int) -> None:
    text = "ALC 1\nSIG 0\n" + "".join(f"RUN {d}\n" for d in durations) + "RD steps\nRD time\n"
    assert outs(run(text)) == [steps, pytest.approx(steps * 1e-4, rel=1e-15)]


@pytest.mark.parametrize(
    ("durations", "sweeps"), [([7], 7), ([2.5], 3), ([2.5, 2.5], 5), ([0.5] * 4, 2), ([1 / 3] * 3, 1), ([0], 0)]
)
def test_parts_of_sweeps_are_carried_over(durations: list[float], sweeps: int) -> None:
    runs = "".join(f"MOV r0, {d!r}\nRUN r0\n" for d in durations)
    assert outs(run(f"MODEL ising\nALC 2\n{runs}RD steps\nRD time\n")) == [sweeps, sweeps]


def test_many_short_runs_make_one_long_run() -> None:
    short = run("ALC 3\nMOV r0, 3000\nagain:\nRUN 0.0001\nLOOP r0, again\nRD v\n")
    long = run("ALC 3\nRUN 0.3\nRD v\n")
    assert short.steps == long.steps == 3000
    assert np.array_equal(reading(short, "v"), reading(long, "v"))


@pytest.mark.parametrize("dt", ["0.05 ms", "0.2 ms", "1 ms"])
def test_steps_have_the_length_of_dt(dt: str) -> None:
    result = run(f"SET dt, {dt}\nALC 1\nRUN 10 ms\n")
    assert result.time == pytest.approx(10e-3, rel=1e-12)
    assert result.seconds_per_step == pytest.approx(float(dt.split()[0]) * 1e-3, rel=1e-15)


def test_the_clock_goes_on_after_a_reset() -> None:
    assert outs(run("ALC 1\nRUN 1 ms\nRST\nRUN 1 ms\nRD steps\n")) == [20]


# --- recordings -----------------------------------------------------------------------------------------------


def test_a_sample_is_the_value_before_its_step() -> None:
    result = run("ALC 2\nREC v\nRUN 1 ms\nRD v\nRUN 0.1 ms\n")
    recorded = result.recordings["v"]
    assert recorded.t == pytest.approx(np.arange(11) * 1e-4, rel=1e-12)
    assert np.array_equal(recorded.values[0, 0], [-70e-3, -70e-3])
    assert np.array_equal(recorded.values[0, 10], reading(result, "v")[0])


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize(("every", "steps"), [("0.1 ms", 1), ("0.3 ms", 3), ("1 ms", 10), ("7.1 ms", 71)])
def test_periods_and_subsets_pick_from_the_whole(every: str, steps: int, lanes: int) -> None:
    start = "ALC 5\nSIG 4 mV\nRUN 0.7 ms\n"
    whole = run(start + "REC v\nRUN 30 ms\n", lanes=lanes).recordings["v"]
    part = run(start + f"REC v, {every}, [4, 0, 2]\nRUN 30 ms\n", lanes=lanes).recordings["v"]
    assert part.neurons.tolist() == [4, 0, 2]
    assert np.array_equal(part.t, whole.t[::steps])
    assert np.array_equal(part.values, whole.values[:, ::steps][:, :, [4, 0, 2]])


def test_a_recording_starts_where_it_was_asked_for() -> None:
    recorded = run("ALC 1\nRUN 0.35 ms\nREC v, 0.2 ms\nRUN 1 ms\n").recordings["v"]
    assert recorded.t == pytest.approx([4e-4, 6e-4, 8e-4, 1e-3, 12e-4])


def test_all_variables_of_the_twin() -> None:
    text = "ALC 3\nLDJ [[0, 1, 2], [1, 0, 3], [2, 3, 0]]\nSIG 5 mV\n"
    text += "".join(f"REC {name}\n" for name in ("v", "s", "I", "spike_count"))
    result = run(text + "RUN 50 ms\n")
    values = {name: r.values[0] for name, r in result.recordings.items()}
    assert np.allclose(values["s"], np.clip((values["v"] + 70e-3) / 20e-3, 0, 1), atol=1e-12)
    assert np.abs(values["I"]).max() == pytest.approx(1.5e-9)
    steps = np.rint(result.spikes.t / 1e-4).astype(int)
    counts = np.zeros((501, 3), int)
    np.add.at(counts, (steps + 1, result.spikes.i), 1)
    assert np.array_equal(values["spike_count"], counts.cumsum(axis=0)[:500])


def test_a_recording_that_ended_stays() -> None:
    result = run("ALC 1\nREC v\nRUN 1 ms\nUNREC v\nRUN 1 ms\n")
    assert result.recordings["v"].values.shape == (1, 10, 1)


def test_a_variable_recorded_again_has_another_name() -> None:
    result = run("ALC 2\nREC v\nRUN 1 ms\nREC v, 0.5 ms, [1]\nRUN 1 ms\nUNREC v\nREC v\nRUN 0.2 ms\n")
    assert {name: r.values.shape for name, r in result.recordings.items()} == {
        "v": (1, 10, 2),
        "v.2": (1, 2, 1),
        "v.3": (1, 2, 2),
    }


def test_unrec_of_what_is_not_recorded_does_nothing() -> None:
    assert dict(run("ALC 1\nUNREC v\nRUN 1 ms\n").recordings) == {}


def test_a_recording_without_samples_is_empty() -> None:
    recorded = run("ALC 3\nREC v\n", lanes=20).recordings["v"]
    assert recorded.values.shape == (20, 0, 3)


# --- buffers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", LANES)
def test_traces_longer_than_their_buffer(lanes: int) -> None:
    result = run("MODEL ising\nALC 2\nLDH [1, -1]\nREC s\nRUN 9001\n", lanes=lanes)
    spins = result.recordings["s"].values
    assert result.energy_trace.shape == (lanes, 9001)
    assert np.array_equal(result.energy_trace[:, :-1], spins[:, 1:, 1] - spins[:, 1:, 0])


def test_traces_of_the_twin_longer_than_their_buffer() -> None:
    result = run("SET feedback_interval, 0.1 ms\nALC 1\nLDH [2]\nREC s\nRUN 0.9 s\n")
    assert np.allclose(result.energy_trace[0], -2 * result.recordings["s"].values[0, :, 0], rtol=1e-12)


@pytest.mark.parametrize("lanes", LANES)
def test_more_spikes_than_their_buffer(lanes: int) -> None:
    """Every neuron fires in every step: 400 000 spikes a lane."""
    result = run("SET Vt, -1\nSET Vr, 0\nSET I_offset, 0\nALC 200\nSIG 0\nSET El, 0\nRUN 200 ms\n", lanes=lanes)
    assert result.spike_count.sum() == len(result.spikes.t) == lanes * 400_000
    assert np.array_equal(result.spikes.lane, np.repeat(np.arange(lanes), 400_000))
    assert np.array_equal(result.spikes.i[:400], np.tile(np.arange(200), 2))


@pytest.mark.parametrize("lanes", LANES)
def test_more_samples_than_their_buffer(lanes: int) -> None:
    """Two mebibytes are some 20 samples of 10 000 neurons."""
    result = run("ALC 10000\nREC v\nRUN 5 ms\nRD v\nRUN 0.1 ms\n", lanes=lanes)
    values = result.recordings["v"].values
    assert values.shape == (lanes, 51, 10_000)
    assert np.array_equal(values[:, 50], reading(result, "v"))
    assert len(np.unique(values[0, :, 7])) == 51


# --- cut runs -----------------------------------------------------------------------------------------------------

TWIN = """
ALC 5
LDJ [[0, 1, 2, 0, 1], [1, 0, 3, 1, 0], [2, 3, 0, 1, 1], [0, 1, 1, 0, 2], [1, 0, 1, 2, 0]]
LDH [1, -1, 0, 2, 1]
SIG 6 mV
REC v, 0.3 ms, [1, 3]
REC spike_count
MOV r0, 3
again:
RUN 7.3 ms
RD v
GET r1, energy
OUT r1, e
POI 300 Hz, 2 mV
WAVE [[1e-9], [-1e-9]], 1.7 ms
SPK [[1e-3, 0], [2e-3, 4]], 5 mV
RD spikes
LOOP r0, again
UNREC v
REC v
RST
RUN 4 ms
RD energy_trace
RD best_state
RD time
GET r2, spike_count
GET r3, best_energy
"""

CLAMPED = """
ALC 4
LDJ [[0, 1.1, 2, 0.3], [1.1, 0, 3, 1], [2, 3, 0, 1], [0.3, 1, 1, 0.7]]
LDT terms(4) { 0 1 2 0.7 | 1 2 3 -1.3 }
SET tau, [0.01, 0.02, 0.03, 0.04]
SIG 6 mV
REC I
RUN 3.1 ms
CLAMP [1], [-0.055]
RUN 9.9 ms
RD v
FREE
CUR [1e-10, 2e-10, 3e-10, 4e-10]
RUN 1.05 s
RD
"""

SPINS = """
MODEL ising
SET rule, metropolis
ALC 6
LDJ sparse(6) symmetric { 0 1 1 | 1 2 -1 | 2 3 1 | 3 4 -1 | 4 5 1 | 0 5 1 }
LDT terms(6) { 0 2 4 1.5 | 1 3 5 -0.5 }
LDO 2.5
MOV r0, 3
REC s, 2
again:
SIG r0
RUN 5
GET r1, best_energy
OUT r1
SUB r0, r0, 0.1
JGT r0, 0.2, again
CLAMP 2, -1
RUN 11
FREE
RD best_state
RST
RUN 3
RD
RD energy
"""

REAL = """
MODEL ising
ALC 5
LDH [0.1, 0.7, -0.3, 0.123456, 1e-3]
LDJ [[0, 0.1, 0.2, 0.3, 0.4], [0, 0, 0.5, 0.6, 0.7], [0, 0, 0, 0.8, 0.9], [0, 0, 0, 0, 1.1], [0, 0, 0, 0, 0]]
REC s, 100
RUN 3001
RD
GET r5, energy
RUN 1
RD energy_trace
"""

PROGRAMS = {"twin": TWIN, "clamped": CLAMPED, "spins": SPINS, "real": REAL}


@pytest.fixture(scope="module")
def whole() -> dict[tuple[str, int], list[tuple[str, bytes]]]:
    """Everything that uncut runs with one thread leave behind, by program and lanes."""
    found = {}
    for name, lanes in itertools.product(PROGRAMS, [1, 40]):
        this = machine(PROGRAMS[name], lanes=lanes)
        found[name, lanes] = everything(finish(this, itertools.repeat(1 << 40)))
    return found


BUDGETS = {"1": [1], "7": [7], "1000": [1000], "mixed": [1, 2, 3, 5, 50, 1, 400], "odd": [9, 11]}


@pytest.mark.parametrize("budgets", BUDGETS)
@pytest.mark.parametrize("lanes", [1, 40])
@pytest.mark.parametrize("name", ["twin", "spins"])
def test_slices_do_not_matter(whole, name: str, lanes: int, budgets: str) -> None:
    this = finish(machine(PROGRAMS[name], lanes=lanes), itertools.cycle(BUDGETS[budgets]))
    assert everything(this) == whole[name, lanes]


@pytest.mark.parametrize("name", ["clamped", "real"])
def test_long_runs_can_be_sliced(whole, name: str) -> None:
    assert everything(finish(machine(PROGRAMS[name]), itertools.cycle([37, 1, 500]))) == whole[name, 1]


@pytest.mark.parametrize("budget", [3, 1 << 40])
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("name", ["twin", "spins"])
def test_threads_do_not_matter(whole, name: str, threads: int, budget: int) -> None:
    this = finish(machine(PROGRAMS[name], lanes=40, threads=threads), itertools.repeat(budget))
    assert everything(this) == whole[name, 40]


def test_threads_drain_their_buffers() -> None:
    text = "ALC 700\nLDH [" + "1, " * 699 + "1]\nSIG 30 mV\nREC v, 0.2 ms\nRUN 60 ms\n"
    one, two = (finish(machine(text, lanes=33, threads=threads)) for threads in (1, 2))
    assert everything(one) == everything(two)
    assert one.outputs.spikes.taken > 1 << 15


@pytest.mark.parametrize("name", PROGRAMS)
def test_bytecode_runs_as_its_text_does(whole, name: str) -> None:
    again = from_bytes(to_bytes(program(PROGRAMS[name])))
    assert everything(finish(Machine(verify(again), 1, 40))) == whole[name, 40]


@pytest.mark.parametrize("name", PROGRAMS)
def test_another_seed_gives_another_run(whole, name: str) -> None:
    assert everything(finish(machine(PROGRAMS[name], seed=2))) != whole[name, 1]


def test_lanes_differ_from_each_other() -> None:
    state = run(TWIN, lanes=40).state
    assert len(np.unique(state[:, 0])) > 30


@pytest.mark.parametrize("lanes", [2, 5, 6, 16, 17, 33])
@pytest.mark.parametrize(
    "text", ["ALC 3\nLDJ [[0, 0.1, 0.2], [0.1, 0, 0.3], [0.2, 0.3, 0]]\nREC v\nRUN 9 ms\n", SPINS], ids=["twin", "spins"]
)
def test_first_lanes_are_those_of_fewer_lanes(text: str, lanes: int) -> None:
    many, few = run(text, lanes=40), run(text, lanes=lanes)
    assert np.array_equal(few.state, many.state[:lanes])
    assert np.array_equal(few.energy_trace, many.energy_trace[:lanes])
    assert np.array_equal(few.best_state, many.best_state[:lanes])
    assert np.array_equal(few.best_energy, many.best_energy[:lanes])
    for name, recording in few.recordings.items():
        assert np.array_equal(recording.values, many.recordings[name].values[:lanes])


# --- checkpoints ------------------------------------------------------------------------------------------------


def resumed(text: str, lanes: int, cuts: list[int], folder: Path, threads: int = 1) -> list[tuple[str, bytes]]:
    """A run that is saved, and taken up by a new machine, after slices of the budgets `cuts`."""
    path, digest = folder / "run.npz", program_hash(program(text))
    this = machine(text, lanes=lanes, threads=threads)
    for budget in cuts:
        this._budget = budget
        status = this.run_slice()
        save_checkpoint(path, this, digest)
        this.close()
        this = machine(text, lanes=lanes, threads=threads)
        load_checkpoint(path, this, digest)
        if status is Status.HALT:
            break
    return everything(finish(this))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("lanes", [1, 40])
@pytest.mark.parametrize("name", ["twin", "spins"])
def test_a_resumed_run_equals_the_whole(whole, tmp_path: Path, name: str, lanes: int, seed: int) -> None:
    cuts = np.random.default_rng(seed).integers(1, 60, 8).tolist()
    assert resumed(PROGRAMS[name], lanes, cuts, tmp_path) == whole[name, lanes]


@pytest.mark.parametrize("cuts", [[1000, 1, 200, 2000], [3, 29, 31, 5000]])
@pytest.mark.parametrize("name", ["clamped", "real"])
def test_a_resumed_long_run_equals_the_whole(whole, tmp_path: Path, name: str, cuts: list[int]) -> None:
    assert resumed(PROGRAMS[name], 1, cuts, tmp_path) == whole[name, 1]


def test_a_checkpoint_after_every_instruction(whole, tmp_path: Path) -> None:
    assert resumed(SPINS.replace("MOV r0, 3", "MOV r0, 0.4"), 1, [1] * 100, tmp_path) == everything(
        finish(machine(SPINS.replace("MOV r0, 3", "MOV r0, 0.4")))
    )


def test_a_run_goes_on_with_another_number_of_threads(whole, tmp_path: Path) -> None:
    assert resumed(TWIN, 40, [60, 20], tmp_path, threads=2) == whole["twin", 40]


def test_a_finished_run_stays_finished(whole, tmp_path: Path) -> None:
    assert resumed(SPINS, 1, [1 << 40], tmp_path) == whole["spins", 1]


def saved(folder: Path) -> tuple[Path, str]:
    path, digest = folder / "run.npz", program_hash(program(SPINS))
    this = machine(SPINS)
    this._budget = 50
    this.run_slice()
    save_checkpoint(path, this, digest)
    return path, digest


@pytest.mark.parametrize("other", [{"seed": 2}, {"lanes": 2}], ids=str)
def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, other: dict[str, int]) -> None:
    path, digest = saved(tmp_path)
    with pytest.raises(BioasmError, match="B404"):
        load_checkpoint(path, machine(SPINS, **other), digest)


@pytest.mark.parametrize("size", [0, 1, 100, 0.5, 0.95])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, size: float) -> None:
    path, digest = saved(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(size if size >= 1 else size * len(content))])
    with pytest.raises(BioasmError, match="B404"):
        load_checkpoint(path, machine(SPINS), digest)


@pytest.mark.parametrize("place", [0.05, 0.2, 0.4, 0.6, 0.8])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, place: float) -> None:
    path, digest = saved(tmp_path)
    content = bytearray(path.read_bytes())
    at = int(place * len(content))
    content[at : at + 64] = bytes(b ^ 0x5A for b in content[at : at + 64])
    path.write_bytes(content)
    with pytest.raises(BioasmError, match="B404"):
        load_checkpoint(path, machine(SPINS), digest)


def test_no_checkpoint_is_left_half_written(tmp_path: Path) -> None:
    saved(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_a_checkpoint_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    this = finish(machine(SPINS))
    with pytest.raises(BioasmError, match="B302"):
        save_checkpoint(tmp_path / "nowhere" / "run.npz", this, "x")
