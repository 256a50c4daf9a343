"""Checks of seeds, lanes and threads: what is drawn again is the same, and what is drawn apart is independent."""

from __future__ import annotations

from unittest import SkipTest

import numpy as np

from bioasm.diagnostics import BioasmError
from bioasm.results import Result
from bioasm.testing.definition import all_spins, boltzmann
from bioasm.testing.kit import Subject, check, check_each_model, expect
from bioasm.testing.landscapes import close
from bioasm.testing.results import _shapes, same
from bioasm.testing.samples import BEGIN, LANDSCAPES, PROGRAMS
from bioasm.testing.spins import FIELD, ISING, SAMPLES

LANES = 3


def run_lanes(subject: Subject, text: str, lanes: int = LANES, seed: int = 1) -> Result:
    """A run of several lanes; the test is skipped where the driver refuses them."""
    try:
        return subject.run(text, lanes=lanes, seed=seed)
    except BioasmError as refused:
        if {d.code for d in refused.diagnostics} <= {"B406", "B502"}:
            raise SkipTest(f"driver {subject.factory().name} has one lane only: {refused}") from None
        raise


@check_each_model()
def the_same_seed_gives_the_same_result(subject: Subject, model: str) -> None:
    """Two runs of one program with one seed are equal to the last bit."""
    subject.repeats()
    text = PROGRAMS[model] + "RD\nRD energy_trace\n"
    expect(same(subject.run(text, seed=11), subject.run(text, seed=11)), "the same seed gave another result")


@check_each_model()
def another_seed_gives_another_result(subject: Subject, model: str) -> None:
    """Seeds that differ in their lowest or highest bits give different noise."""
    seeds = (0, 1, 1 << 32, 1 << 63)
    traces = {subject.run(PROGRAMS[model], seed=seed).energy_trace.tobytes() for seed in seeds}
    expect(len(traces) == len(seeds), f"{len(seeds)} seeds gave {len(traces)} different traces")


@check_each_model()
def threads_do_not_matter(subject: Subject, model: str) -> None:
    """The number of threads changes nothing."""
    subject.repeats()
    text = PROGRAMS[model]
    expect(same(subject.run(text, threads=1), subject.run(text, threads=2)), "two threads gave another result than one")


@check_each_model()
def shapes_with_lanes(subject: Subject, model: str) -> None:
    """The lane is the first axis of every array."""
    _shapes(run_lanes(subject, PROGRAMS[model]), model)


@check_each_model()
def readings_with_lanes(subject: Subject, model: str) -> None:
    """Each lane has its own state and energy, and readings have the lane as first axis."""
    result = run_lanes(subject, PROGRAMS[model] + "RD state\nRD energy\nRD energy_trace\n")
    for found, wanted in zip(result.results, (result.state, result.energy, result.energy_trace), strict=True):
        expect(bool(np.array_equal(np.asarray(found.value), wanted)), f"RD {found.what} should read every lane")
    close(result.energy, LANDSCAPES[model].energy(result.state), "energy of each lane")
    close(result.best_energy, LANDSCAPES[model].energy(result.best_state), "best_energy of each lane")


@check_each_model()
def lanes_have_noise_of_their_own(subject: Subject, model: str) -> None:
    """No two lanes do the same."""
    traces = run_lanes(subject, PROGRAMS[model], lanes=16).energy_trace
    expect(len(np.unique(traces, axis=0)) == 16, "some lanes have the same trace")


@check_each_model()
def a_lane_does_not_depend_on_their_number(subject: Subject, model: str) -> None:
    """The first lanes of many are those of few."""
    subject.repeats()
    one, few, many = (run_lanes(subject, PROGRAMS[model], lanes) for lanes in (1, LANES, 20))
    for name in ("state", "energy_trace", "best_energy", "best_state"):
        close(getattr(many, name)[:LANES], getattr(few, name), f"{name} of the first lanes of 20")
        close(getattr(few, name)[:1], getattr(one, name), f"{name} of the first lane of {LANES}")


@check(model="lif_critical")
def spikes_name_their_lane(subject: Subject) -> None:
    """Spikes are sorted by lane, and each lane's are those that its count says."""
    result = run_lanes(subject, BEGIN["lif_critical"] + "RUN 100 ms\n")
    spikes, n = result.spikes, result.n
    expect(bool((np.diff(spikes.lane) >= 0).all()), "spikes should be sorted by lane")
    counted = np.bincount(spikes.lane * n + spikes.i, minlength=LANES * n).reshape(LANES, n)
    expect(counted.tolist() == result.spike_count.tolist(), f"spike_count should be {counted}, not {result.spike_count}")
    for lane in range(LANES):
        expect(bool((np.diff(spikes.t[spikes.lane == lane]) >= 0).all()), "a lane's spikes should be sorted by time")


@check("control", model="ising")
def registers_join_lanes(subject: Subject) -> None:
    """GET takes the lowest energy over lanes, PEEK the mean."""
    text = PROGRAMS["ising"] + "GET r0, energy\nOUT r0\nGET r0, best_energy\nOUT r0\nPEEK r0, s, 2\nOUT r0\n"
    result = run_lanes(subject, text, lanes=5)
    found = [r.value for r in result.results]
    wanted = [result.energy.min(), result.best_energy.min(), result.state[:, 2].mean()]
    close(found, wanted, "energy, best_energy and spin 2 in registers")


@check("control", model="lif_critical")
def registers_count_spikes_of_all_lanes(subject: Subject) -> None:
    """GET spike_count is the sum over neurons and lanes."""
    result = run_lanes(subject, BEGIN["lif_critical"] + "RUN 100 ms\nGET r0, spike_count\nOUT r0\n")
    (found,) = [r.value for r in result.results]
    expect(found == result.spikes.t.size > 0, f"should be {result.spikes.t.size}, not {found}")


@check("record", model="ising")
def recordings_have_every_lane(subject: Subject) -> None:
    """The lane is the first axis of a recording, and its last sample leads to that lane's state."""
    result = run_lanes(subject, BEGIN["ising"] + "REC s, 1, [4, 2]\nRUN 3\nSIG 0\nRUN 0\nRD\n")
    values = result.recordings["s"].values
    expect(values.shape == (LANES, 3, 2), f"values should be of shape {(LANES, 3, 2)}, not {values.shape}")
    longer = run_lanes(subject, BEGIN["ising"] + "REC s, 1, [4, 2]\nRUN 4\n").recordings["s"].values
    expect(longer[:, 3].tolist() == result.state[:, [4, 2]].tolist(), "a lane's samples should be those of its spins")


@check(model="ising")
def lanes_are_independent_samples(subject: Subject) -> None:
    """Lanes are independent: pairs of neighbouring lanes have the product of the distributions."""
    text = f"MODEL ising\nALC 3\n{FIELD.text}SIG 2\nRUN 40\n"
    states = run_lanes(subject, text, lanes=SAMPLES).state
    chances, patterns = boltzmann(FIELD, 2.0), all_spins(3)
    code = np.array([(states == s).all(axis=1) for s in patterns]).argmax(axis=0)
    equal, due = int((code[::2] == code[1::2]).sum()), SAMPLES / 2 * float((chances**2).sum())
    spread = (due * (1 - float((chances**2).sum()))) ** 0.5
    expect(abs(equal - due) < 6 * spread, f"{equal} of {SAMPLES // 2} pairs of lanes are equal; {due:.0f} are due")
    expect((code != code[0]).any(), "all lanes are equal")


@check("start", model=ISING)
def lanes_go_on_from_rows(subject: Subject) -> None:
    """Of a matrix lane k takes row k, and the first ones again where there are fewer."""
    text = "MODEL ising\nALC 2\nLDS [[1, -1], [-1, -1]]\nRD\n"
    found = run_lanes(subject, text).state
    expect(np.array_equal(found, [[1, -1], [-1, -1], [1, -1]]), f"the lanes should take the rows in turn: {found}")
