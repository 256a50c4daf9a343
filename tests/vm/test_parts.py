"""Parts of populations, `cells[0:3]`: what is set of one and what the others keep, on drivers, in lanes, in cut runs."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bioasm
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import program_hash, to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.isa.program import Name
from bioasm.text.disassemble import disassemble
from bioasm.verifier.gate import verify
from bioasm.vm.checkpoint import load_checkpoint, save_checkpoint
from bioasm.vm.layout import Status
from tests.vm.support import everything, finish, machine, program, run

MODEL = """
.const T = 30 ms
.model summing {
  parameters:
    tau = 10 ms > 0
    dt = 1 ms > 0 fixed
  state:
    x = 0
    y = 0
  inputs:
    u : 1
  step:
    dx/dt = (u - x)/tau using euler
    dy/dt = 0*y/(1 s) using euler
  spike: x > 4
  reset:
    x := 0
  receive:
    x += weight
}
POP cells, summing, 6
"""
# The numbers of neurons overlap, so that the later has to win.
PARTS = f"""{MODEL}
SET cells[5].x, 0.5
SET cells.tau, 20 ms
SET cells[0:3].tau, T
SET cells[2:5].tau, [5e-3, 6e-3, 7e-3]
SET cells[:2].y, 3
SET cells[1:4].y, normal(2, 1)
INP cells[0:3].u, 0.5
INP cells[2:4].u, 1.5, set
INP cells[3:6].u, 2, scale
PLAY cells.u, [[1], [2], [3], [4], [5], [6], [7], [8], [9]], 2 ms
PLAY cells[0:2].u, [[10, 20], [30, 40], [50, 60], [70, 80], [90, 100], [110, 120]], 3 ms
EVT cells, [[1e-3, 0], [12e-3, 5], [3e-3, 1], [3e-3, 4]], 0.25
EVT cells[4:6], [[2e-3, 0], [13e-3, 1]], [0.5, 0.75]
REC cells[0:2].x
REC cells[3:6].x, 2 ms, [2, 0]
RUN 9 ms
UNREC cells[0:2].x
INP cells[2:3].u, 0.25
PLAY cells[1:4].u, [[-1], [-2]], 4 ms
EVT cells[0:1], [[2e-3, 0]], 0.5
SET cells[4:].x, [0.75, 0.25]
RUN 9 ms
PEEK r1, cells[3:5].x, 1
OUT r1
MOV r1, 2
PEEK r1, cells[3:6].x, r1
OUT r1
GET r2, cells[0:3].spike_count
OUT r2
RD cells[1:3].x
RD cells.x
RD cells.y
"""
SEED, MANY = 5, 20


def reference() -> dict[str, np.ndarray]:
    """The same program, written out with numpy: x before each step, x and y at the end, and the spikes of each neuron."""
    n, x, y, spikes = 6, np.zeros(6), np.zeros(6), np.zeros(6)
    tau = np.array([30.0, 30.0, 5.0, 6.0, 7.0, 20.0])
    drawn = np.ravel(bioasm.run(PARTS.replace("cells[1:4].y", "cells.y"), driver="cpu", seed=SEED).results[-1].value)
    y[:], x[5] = [3.0, *drawn[1:4], 0.0, 0.0], 0.5
    add, scale = np.array([0.5, 0.5, 0.5, 0.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
    events = {(1, 0): 0.25, (3, 1): 0.25, (2, 4): 0.5, (13, 5): 0.75, (11, 0): 0.5}
    before = []
    for step in range(18):
        if step == 9:
            add[2], x[4:] = 0.25, [0.75, 0.25]
        wave = np.full(n, step // 2 + 1.0)
        if step // 3 < 6:
            wave[:2] = 10.0 + 20 * (step // 3) + np.array([0, 10])
        if step >= 9:
            wave[1:4] = [-1.0, -2.0, 0.0][min((step - 9) // 4, 2)]
        u = scale * (add + wave)
        u[2] = 1.5 if step < 9 else u[2]  # INP set, which scale ends at neuron 3
        before.append(x.copy())
        x = x + (u - x) / tau
        fired = x > 4
        spikes += fired
        for neuron in range(n):
            x[neuron] += events.get((step, neuron), 0.0)
        x[fired] = 0.0
    return {"before": np.array(before), "x": x, "y": y, "spikes": spikes}


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_the_later_wins_and_the_others_keep_what_they_have(driver: str) -> None:
    found, wanted = bioasm.run(PARTS, driver=driver, seed=SEED), reference()
    values = [np.ravel(r.value) for r in found.results]
    before, x, spikes = wanted["before"], wanted["x"], wanted["spikes"]
    assert spikes[:2].sum() > 2
    for ours, theirs in zip(values, (x[4], x[5], spikes[:3].sum(), x[1:3], x, wanted["y"]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)
    first, second = found.recordings["cells[0:2].x"], found.recordings["cells[3:6].x"]
    assert first.neurons.tolist() == [0, 1]
    assert second.neurons.tolist() == [5, 3]
    np.testing.assert_allclose(first.values[0], before[:9, :2], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(second.values[0], before[::2, [5, 3]], rtol=1e-12, atol=1e-15)


RATES = "RUN 20 ms\nRD cells.x\nRATE cells[1:3], 0 Hz, 0\nRUN 20 ms\nRD cells.x\n"
IN_PARTS = "RATE cells[0:4], 300 Hz, 0.125\nRATE cells[3:5], [100, 200], [0.25, 0.375]\n"
AS_A_WHOLE = "RATE cells, [300, 300, 300, 100, 200, 0], [0.125, 0.125, 0.125, 0.25, 0.375, 0]\n"


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_rates_of_parts_are_a_vector_of_rates(driver: str) -> None:
    one, other = (
        [np.asarray(r.value) for r in bioasm.run(MODEL + text + RATES, driver=driver, seed=SEED, lanes=2).results]
        for text in (IN_PARTS, AS_A_WHOLE)
    )
    assert np.array_equal(one, other)
    assert (one[0][:, :5] > 0.1).all()
    assert (one[0][:, 5] == 0).all()
    assert (one[1][:, 1:3] < one[0][:, 1:3]).all()


@pytest.mark.parametrize("lanes", [1, MANY])
def test_a_run_that_is_cut_goes_on_with_its_parts(lanes: int, tmp_path: Path) -> None:
    text = PARTS.replace("SET cells.y", "SET cells[0:1].y").replace("RUN 9 ms", "MOV r5, 0.5\nINP cells[4:5].u, r5\nRUN 9 ms")
    whole, path, digest = everything(finish(machine(text, lanes=lanes))), tmp_path / "run.npz", program_hash(program(text))
    assert everything(finish(machine(text, lanes=lanes), itertools.cycle([1, 5]))) == whole
    this = machine(text, lanes=lanes)
    for budget in (22, 4, 3, 5, 9, 4):
        this._budget = budget
        if this.run_slice() is Status.HALT:
            break
        save_checkpoint(path, this, digest)
        this.close()
        this = machine(text, lanes=lanes)
        load_checkpoint(path, this, digest)
    assert everything(finish(this)) == whole


def test_lanes_have_values_of_their_own_in_a_part() -> None:
    many = bioasm.run(PARTS, seed=SEED, lanes=2, set={"T": np.array([30e-3, 12e-3])})
    for lane, value in enumerate((30e-3, 12e-3)):
        alone = bioasm.run(PARTS, seed=SEED, set={"T": value})
        assert np.array_equal(many.recordings["cells[0:2].x"].values[lane], alone.recordings["cells[0:2].x"].values[0])
        assert np.array_equal(np.asarray(many.results[-2].value)[lane], np.ravel(alone.results[-2].value))


def test_a_waveform_of_many_parts_is_kept_once() -> None:
    """Also where parts of others cut the one that it was played into."""
    parts = "".join(f"PLAY cells[{k}].u, [[9]], 1 ms\nRUN 1 ms\n" for k in (0, 2))
    this = finish(machine(MODEL + "PLAY cells.u, [[1], [2], [3]], 1 ms\n" + parts))
    assert len(this.model.stimuli.waves["p0.u"]) == 4
    assert this.state.fields["wave:p0.u"].tolist() == [1, 2, 3, 9, 9]


def test_a_part_that_is_everyone_is_the_whole() -> None:
    """With one number for all, also in the kernel: what neurons have alike stays one number."""
    text = "SET cells{0}.tau, 25 ms\nINP cells{0}.u, 2\nEVT cells{0}, [[1e-3, 5]], 0.5\nRUN 5 ms\n"
    one, other = (finish(machine(MODEL + text.format(part))) for part in ("", "[0:6]"))
    assert everything(one) == everything(other)
    assert one.model.key == other.model.key


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_parts_are_held_and_let_go(driver: str) -> None:
    text = (
        "MODEL ising\nALC 6\nLDH [1, 1, 1, 1, 1, 1]\nSIG 0.01\nCLAMP ising[1:4], [-1, 1, -1]\nRUN 9\nRD\nFREE {0}\nRUN 9\nRD\n"
    )
    for freed, left in (("ising[:2]", [1, 1, 1, -1, 1, 1]), ("ising", [1] * 6)):
        held, after = (np.ravel(r.value) for r in bioasm.run(text.format(freed), driver=driver, seed=1).results)
        assert held.tolist() == [1, -1, 1, -1, 1, 1]
        assert after.tolist() == left


def test_bytecode_and_printed_text_keep_the_brackets() -> None:
    assembled = program(PARTS)
    again = program(disassemble(from_bytes(to_bytes(assembled))))
    assert to_bytes(again) == to_bytes(assembled)
    named = [operand for i in verify(again).instructions for operand in i.operands if getattr(operand, "part", None)]
    assert named[0].part == range(5, 6)


def test_only_digits_that_the_text_has_stand_in_brackets() -> None:
    """Bytecode may hold any word, and what passes the gate must be printed as a text that can be read."""
    assembled = program(MODEL + "RD cells[0:1].x\n")
    *before, reading = assembled.instructions
    other = replace(assembled, instructions=(*before, replace(reading, operands=(Name("cells[\uff10:1].x"),))))
    with pytest.raises(BioasmError, match="B120"):
        verify(from_bytes(to_bytes(other)))


def test_a_network_of_calls_takes_parts() -> None:
    built = bioasm.Network(MODEL).set("cells[0:2].tau", [5e-3, 6e-3]).inp("cells[:2].u", 1).run("2 ms").rd("cells[0:2].x")
    found = np.ravel(bioasm.run(built, seed=1).results[0].value)
    np.testing.assert_allclose(found, [0.2 + 0.8 * 0.2, 1 / 6 + 5 / 36], rtol=1e-12)


def test_what_a_register_does_not_reach_is_told() -> None:
    with pytest.raises(BioasmError, match="neuron 3 does not exist; indices go from 0 to 2"):
        run(MODEL + "MOV r0, 3\nPEEK r1, cells[2:5].x, r0\n")


@pytest.mark.parametrize("part", ["", "[1:3]"])
def test_a_lane_alone_may_have_rates_of_its_own(part: str) -> None:
    text = f".const R = 100 Hz\n{MODEL}RATE cells, 50 Hz, 0.25\nRATE cells{part}, R, 0.5\nRUN 20 ms\nRD cells.x\n"
    own, given = (bioasm.run(text, seed=SEED, lanes=1, set={"R": rate}).results[0].value for rate in (np.array([400.0]), 400.0))
    assert np.array_equal(np.ravel(own), np.ravel(given))
    assert np.any(own)
