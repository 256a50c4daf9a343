"""A network's run is the same bit for bit however it is cut: in slices, by checkpoints, over threads and RUNs, as bytecode."""

from __future__ import annotations

import itertools
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import program_hash, to_bytes
from bioasm.verifier.gate import verify
from bioasm.vm import outputs, sample_buffers
from bioasm.vm.checkpoint import load_checkpoint, save_checkpoint
from bioasm.vm.layout import Status
from bioasm.vm.machine import Machine
from tests.seeds import seeds
from tests.vm.against_reference import machine_run
from tests.vm.network_forms import program as forms
from tests.vm.network_programs import ALONE, HELD, SENT
from tests.vm.support import everything, finish, machine, program, run
from tests.vm.synapse_programs import LEARNED

TEXTS = {"alone": ALONE, "sent": SENT, "held": HELD, "learned": LEARNED}
MANY = 20


@pytest.fixture(autouse=True)
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buffers of samples that are full now and then, so that others follow them."""
    monkeypatch.setattr(sample_buffers, "_BYTES_OF_ALL", 1 << 13)


@lru_cache(maxsize=8)
def whole(name: str, lanes: int) -> list[tuple[str, bytes]]:
    """What a run leaves behind that is cut by nothing but its own buffers."""
    return everything(finish(machine(TEXTS[name], lanes=lanes)))


def apart(one: list[tuple[str, bytes]], two: list[tuple[str, bytes]]) -> list[str]:
    """The names of what differs between two runs."""
    assert [name for name, _ in one] == [name for name, _ in two]
    return [name for (name, a), (_, b) in zip(one, two, strict=True) if a != b]


@pytest.mark.parametrize("lanes", [1, MANY])
@pytest.mark.parametrize("budgets", [[1], [7, 50, 3], [1000, 1]], ids=str)
@pytest.mark.parametrize("name", TEXTS)
def test_slices_of_any_size(name: str, lanes: int, budgets: list[int]) -> None:
    cut = finish(machine(TEXTS[name], lanes=lanes), itertools.cycle(budgets))
    assert apart(everything(cut), whole(name, lanes)) == []


TWIN = "ALC 3\nLDJ [[0, 1e-9, 0], [1e-9, 0, 0], [0, 0, 0]]\nSIG 2 mV\nREC v, 0.1 ms\nRUN 20 ms\nRD energy\n"


def test_buffers_of_all_blocks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that thousands of blocks don't take as many times as much; energies and samples are drained the more often."""
    expected = everything(finish(machine(TWIN, lanes=MANY)))
    monkeypatch.setattr(outputs, "_BYTES_OF_ALL", 1 << 11)
    this = machine(TWIN, lanes=MANY)
    held = {name: array.nbytes for name, array in this.model.outputs.buffers().items() if name.startswith("trace")}
    assert (len(held), sum(held.values())) == (2, 1 << 11)
    assert everything(finish(this)) == expected


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("name", TEXTS)
def test_any_number_of_threads(name: str, threads: int) -> None:
    cut = finish(machine(TEXTS[name], lanes=MANY, threads=threads), itertools.cycle([3, 40]))
    assert apart(everything(cut), whole(name, MANY)) == []


@pytest.mark.parametrize("seed", seeds(1, 2))
@pytest.mark.parametrize("lanes", [1, MANY])
@pytest.mark.parametrize("name", TEXTS)
def test_checkpoints_at_random_places(name: str, lanes: int, seed: int, tmp_path: Path) -> None:
    path, digest = tmp_path / "run.npz", program_hash(program(TEXTS[name]))
    budgets = np.random.default_rng(seed).integers(1, 90, 6)
    this = machine(TEXTS[name], lanes=lanes)
    for budget in budgets.tolist():
        this._budget = budget
        if this.run_slice() is Status.HALT:
            break
        save_checkpoint(path, this, digest)
        this.close()
        this = machine(TEXTS[name], lanes=lanes)
        load_checkpoint(path, this, digest)
    assert apart(everything(finish(this)), whole(name, lanes)) == []


@pytest.mark.parametrize("name", TEXTS)
def test_bytecode_runs_like_its_text(name: str) -> None:
    again = from_bytes(to_bytes(program(TEXTS[name])))
    assert apart(everything(finish(Machine(verify(again), 1, 1))), whole(name, 1)) == []


@pytest.mark.parametrize("lanes", [5, 17])
@pytest.mark.parametrize("name", ["sent", "held", "learned"])
def test_the_first_lanes_are_those_of_fewer_lanes(name: str, lanes: int) -> None:
    many, few = machine_run(TEXTS[name], MANY), run(TEXTS[name], lanes=lanes)
    for what, recording in few.recordings.items():
        assert (recording.values == many.recordings[what].values[:lanes]).all(), what
    mine = many.spikes.lane < lanes
    assert (few.spikes.t == many.spikes.t[mine]).all()
    assert (few.spikes.i == many.spikes.i[mine]).all()


@pytest.mark.parametrize("cuts", [["1.3 ms", "3.7 ms"], ["0.05 ms"] * 3 + ["4.85 ms"], ["0.1 ms"] * 50], ids=len)
def test_runs_one_after_another_are_one_long_run(cuts: list[str]) -> None:
    one, several = (everything(finish(machine(forms(duration)))) for duration in ("5 ms", "\nRUN ".join(cuts)))
    assert apart(several, one) == []


def test_an_early_run_of_nothing_changes_nothing() -> None:
    assert apart(everything(finish(machine(forms("0\nRUN 5 ms")))), everything(finish(machine(forms())))) == []


def test_reset_forgets_everything_but_the_clock() -> None:
    """Without noise and outside spikes, what follows RST is what followed the start."""
    twice = run(forms("4 ms\nRST\nRUN 4 ms", "SIG 0"))
    for what in ("r.x_rk4", "r.y_implicit", "r.p", "l.v", "f.seen"):
        values = twice.recordings[what].values[0]
        assert (values[:40] == values[40:]).all(), what
    first, second = ((twice.spikes.t < 4e-3) == early for early in (True, False))
    own = (twice.spikes.i >= 61) & (twice.spikes.i < 99)
    assert np.allclose(twice.spikes.t[first & own] + 4e-3, twice.spikes.t[second & own], rtol=0, atol=1e-9)


def test_reset_lets_spikes_under_way_be_lost() -> None:
    heard = run(forms("1.15 ms\nRST\nRUN 4 ms", "SET ab.delay, 1 ms")).recordings["b.heard"].values[0]
    assert np.ptp(heard[:, 0]) == 0  # sent in step 11, and lost with the reset after it
    assert heard[-1, 1] == 2  # of the spikes that came later
    kept = run(forms("1.15 ms\nRUN 4 ms", "SET ab.delay, 1 ms")).recordings["b.heard"].values[0]
    assert kept[-1, :2].tolist() == [1, 2]


def test_a_parameter_that_is_alike_in_all_neurons_is_as_good_as_a_number() -> None:
    one, each = (run(forms("5 ms", f"SET d.tau, {tau}")) for tau in ("2 ms", "[" + ", ".join(["2e-3"] * 60) + "]"))
    for what, recording in one.recordings.items():
        assert (recording.values == each.recordings[what].values).all(), what


def test_a_parameter_of_each_neuron_acts_on_it_alone() -> None:
    """Each leaky integrator does the same whatever the drives and rests of the others are."""
    mixed = run(forms("30 ms"))
    for i, (drive, pause) in enumerate(zip((1.2, 1.5, 2, 3, 5, 1.01), (0, 1e-3, 0, 2e-3, 5e-4, 0), strict=True)):
        others = ", ".join(str(drive if k == i else 1 + k) for k in range(6))
        pauses = ", ".join(str(pause if k == i else 1e-3 * k) for k in range(6))
        text = (
            forms("30 ms")
            .replace("[1.2, 1.5, 2, 3, 5, 1.01]", f"[{others}]")
            .replace("[0, 1e-3, 0, 2e-3, 5e-4, 0]", f"[{pauses}]")
        )
        alone = run(text).recordings["l.v"].values[0, :, i]
        assert (alone == mixed.recordings["l.v"].values[0, :, i]).all(), i
