"""Mirrors of pykoppu and BrainPy against recorded outputs of those systems, and against what is known of them exactly."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.models.mirrors import brainpy, exprelr, per_step, twin
from tests.models.support import recorded, worst

# --- helpers of all mirrors -------------------------------------------------------------------------


def test_exprelr_is_continuous_at_zero() -> None:
    assert exprelr(np.array([0.0]))[0] == 1.0
    assert exprelr(np.array([1e-9, -1e-9])) == pytest.approx([1.0, 1.0], abs=1e-8)
    assert exprelr(np.array([2.0]))[0] == pytest.approx(2 / (np.exp(2) - 1), rel=1e-14)


@pytest.mark.parametrize(
    ("value", "at"),
    [(3.0, 3.0), ([1.0, 2.0], 2.0), ([[5.0], [6.0], [7.0]], 7.0), ([[1, 2], [3, 4], [5, 6]], 6.0)],
)
def test_inputs_spread_over_steps_and_neurons(value: object, at: float) -> None:
    spread = per_step(value, 3, 2)
    assert spread.shape == (3, 2)
    assert spread[2, 1] == at


# --- pykoppu's twin ---------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["det_h", "det_J0"])
def test_twin_against_recording(case: str) -> None:
    ref = recorded("pykoppu_twin.npz")
    schedule = [(sigma, round(seconds / 1e-4)) for sigma, seconds in ref[f"{case}_sched"]]
    run = twin.simulate(ref[f"{case}_J"], ref[f"{case}_h"], schedule)
    assert worst(run.state, ref[f"{case}_state"]) < 1e-14
    assert worst(run.energy, ref[f"{case}_energy"]) <= 1e-12 * max(1e-300, np.abs(run.energy).max())
    assert worst(run.v[9::10], ref[f"{case}_V_mirror_every10"]) < 1e-15
    assert run.spikes[:, 0].tolist() == np.round(ref[f"{case}_spk_t"] * 10).tolist()
    assert run.spikes[:, 1].tolist() == ref[f"{case}_spk_i"].tolist()


def test_twin_noise_has_the_stationary_spread_of_sigma() -> None:
    noise = np.random.default_rng(1).standard_normal((20000, 50))
    run = twin.simulate(np.zeros((50, 50)), np.full(50, -0.36e-9), [(2e-3, 20000)], noise)
    assert run.v[2000:].std() == pytest.approx(2e-3, rel=0.03)


def test_twin_rescales_the_whole_vector() -> None:
    h = np.array([3e-9, 0.75e-9])
    run = twin.simulate(np.zeros((2, 2)), h, [(0.0, 1)])
    drive = np.array([1.5e-9, 0.375e-9])
    assert run.v[0] + 70e-3 == pytest.approx(1e-4 / 20e-3 * 50e6 * (0.36e-9 + drive), rel=1e-12)


# --- BrainPy: LIF -----------------------------------------------------------------------------------


def lif_run(steps: int, value: object, n: int = 1, start: int = 0, **how: Any) -> brainpy.Run:
    """A run of n fresh LIF neurons with one constant input."""
    lif = brainpy.LIF(n, **how)
    return brainpy.run([lif], steps, [(lif, "input", value, "+")], start)[0]


def test_lif_against_recording() -> None:
    ref = recorded("brainpy.npz")
    run = lif_run(2000, 26.0, n=3)
    assert worst(run.traces["V"], ref["lif_V"][:, None]) < 1e-9
    assert run.spikes[run.spikes[:, 1] == 2, 0].tolist() == list(range(163, 2000, 174))


def test_lif_flag_of_the_original_against_recording() -> None:
    ref = recorded("brainpy.npz")
    assert worst(lif_run(2000, 26.0, flag_persists=True).traces["spike"][:, 0], ref["lif_spikeflag"]) == 0


def test_lif_flag_is_up_for_one_step_or_eleven() -> None:
    right, original = (lif_run(400, 26.0, flag_persists=f).traces["spike"][:, 0] for f in (False, True))
    assert np.flatnonzero(right).tolist() == [163, 337]
    assert np.flatnonzero(original).tolist() == [*range(163, 174), *range(337, 348)]


def test_lif_stands_still_for_ten_steps() -> None:
    V = lif_run(200, 26.0).traces["V"][:, 0]
    assert (V[163:174] == -5.0).all()
    assert V[174] == pytest.approx(-5 + 0.1 * (5 + 26) / 10, rel=1e-14)


# Spikes of the real BrainPy 1.0.3 in [0, 200) ms, and in the third of three runs of 200 ms each, the second without input:
# how many, and the sum of their steps.
REAL_LIF = {
    21.0: (6, 6969, 6, 6822),
    23.0: (8, 8300, 8, 8112),
    26.0: (11, 11363, 11, 11110),
    31.0: (15, 15195, 15, 14880),
    40.0: (22, 22781, 22, 22286),
    60.0: (34, 34731, 34, 33898),
    120.0: (60, 59625, 62, 61628),
    300.0: (105, 104580, 111, 110556),
}


@cache
def three_runs(float_time: bool) -> tuple[brainpy.Run, ...]:
    """Runs of 200 ms of one neuron for each input in the table above: with it, without it, with it."""
    values = np.array(list(REAL_LIF))
    lif = brainpy.LIF(len(values), float_time=float_time)
    drive = [(lif, "input", values, "+")]
    return tuple(brainpy.run([lif], 2000, given, start)[0] for given, start in ((drive, 0), ([], 2000), (drive, 4000)))


@pytest.mark.parametrize("neuron", range(len(REAL_LIF)))
def test_lif_with_float_times_spikes_as_the_real_one_also_when_continued(neuron: int) -> None:
    first, second, third = (run.spikes[run.spikes[:, 1] == neuron, 0] for run in three_runs(True))
    count, total, count_third, total_third = list(REAL_LIF.values())[neuron]
    assert (len(first), first.sum()) == (count, total)
    assert not second.size
    assert (len(third), (third - 4000).sum()) == (count_third, total_third)


def test_lif_with_float_times_loses_a_step_where_times_round_up() -> None:
    counted, floated = (runs[0].spikes for runs in (three_runs(False), three_runs(True)))
    trains = [train[train[:, 1] == 6, 0].tolist() for train in (counted, floated)]
    assert trains[0][:7] == [22, 55, 88, 121, 154, 187, 220]
    assert trains[1][:7] == [22, 55, 88, 121, 154, 186, 219]  # 16.4 - 15.4 is more than 1


def test_lif_without_input_decays_to_rest() -> None:
    V = three_runs(True)[1].traces["V"]
    assert V[0, 1] == pytest.approx(15.703901433498299, abs=1e-12)
    assert np.abs(V[-1]).max() < 1e-6


@pytest.mark.parametrize("value", [26.0, 35.0, 120.0])
def test_lif_continued_equals_one_long_run(value: float) -> None:
    lif = brainpy.LIF(1)
    parts = [brainpy.run([lif], 1500, [(lif, "input", value, "+")], start)[0] for start in (0, 1500)]
    whole = lif_run(3000, value)
    assert worst(np.concatenate([part.traces["V"] for part in parts]), whole.traces["V"]) == 0
    assert np.concatenate([part.spikes for part in parts]).tolist() == whole.spikes.tolist()


@pytest.mark.parametrize(
    ("operation", "value", "expected"), [("+", 3.0, 5.0), ("-", 3.0, -1.0), ("*", 3.0, 6.0), ("/", 4.0, 0.5), ("=", 7.0, 7.0)]
)
def test_inputs_change_a_variable_by_any_operation(operation: str, value: float, expected: float) -> None:
    lif = brainpy.LIF(1)
    lif.V[:] = 2.0
    brainpy.apply_inputs(lif, [(lif, "V", value, operation)], 0, 1)
    assert lif.V[0] == expected


def test_inputs_may_change_from_step_to_step() -> None:
    V = lif_run(3, [[0.0], [100.0], [0.0]]).traces["V"][:, 0]
    slopes = np.diff(np.concatenate([[-5.0], V])) / 0.1 + np.concatenate([[-5.0], V[:-1]]) / 10
    assert slopes == pytest.approx([0.0, 10.0, 0.0], abs=1e-12)


# --- BrainPy: Hodgkin-Huxley and AMPA ---------------------------------------------------------------


@cache
def hh_run(dt: float, integrator_dt: float | None, steps: int, value: float = 10.0) -> brainpy.Run:
    """One HH neuron with a constant input."""
    hh = brainpy.HH(1, dt, integrator_dt)
    return brainpy.run([hh], steps, [(hh, "input", value, "+")])[0]


@pytest.mark.parametrize(("trace", "key"), [("V", "V"), ("m", "m"), ("h", "h"), ("n_gate", "n")])
def test_hh_against_recording(trace: str, key: str) -> None:
    ref = recorded("brainpy.npz")
    assert worst(hh_run(0.01, None, 20000).traces[trace][::10, 0], ref[f"hh_dt01_{key}"]) < 1e-9


def test_hh_spikes_fifteen_times() -> None:
    assert len(hh_run(0.01, None, 20000).spikes) == 15


def test_hh_of_the_original_takes_a_tenth_of_each_step() -> None:
    original, right = hh_run(0.1, 0.01, 2000), hh_run(0.01, None, 20000)
    assert original.spikes[:, 0].tolist() == [13, 1478]
    assert worst(original.traces["V"], right.traces["V"][:2000]) == 0


def test_hh_is_of_fourth_order() -> None:
    ends = [hh_run(dt, None, round(0.2 / dt), 5.0).traces["V"][-1, 0] for dt in (0.02, 0.01, 0.000625)]
    assert abs(ends[0] - ends[2]) / abs(ends[1] - ends[2]) == pytest.approx(16, rel=0.3)


@pytest.mark.parametrize("V", [-40.0, -55.0])
def test_hh_is_finite_where_its_rates_are_0_by_0(V: float) -> None:
    hh = brainpy.HH(1)
    around = [brainpy.hh_slopes(np.array([[V + off], [0.5], [0.6], [0.32]]), np.zeros(1), hh) for off in (0.0, 1e-7)]
    assert np.isfinite(around[0]).all()
    assert around[0] == pytest.approx(around[1], rel=1e-6, abs=1e-7)


def network(dt: float, integrator_dt: float | None, steps: int) -> list[brainpy.Run]:
    """The document's ten HH neurons, all to all, delay 1.5 ms, input 20."""
    hh = brainpy.HH(10, dt, integrator_dt)
    ampa = brainpy.AMPA(hh, hh, np.ones((10, 10)), 1.5, dt=dt, integrator_dt=integrator_dt)
    return brainpy.run([hh, ampa], steps, [(hh, "input", 20.0, "+")])


def test_network_against_recording() -> None:
    ref = recorded("brainpy.npz")
    hh, ampa = network(0.01, None, 20000)
    assert worst(hh.traces["V"][::10], ref["net_dt01_V"][:, None]) < 1e-9
    assert worst(ampa.traces["s"][::10, 0, 1], ref["net_dt01_s_0_1"]) < 1e-12
    assert hh.spikes[hh.spikes[:, 1] == 9, 0].tolist() == ref["net_dt01_spike_steps"].tolist()


def test_network_of_the_original() -> None:
    hh, _ = network(0.1, 0.01, 2000)
    assert hh.spikes[hh.spikes[:, 1] == 0, 0].tolist() == [13, 1254]


@pytest.mark.parametrize(("delay", "steps"), [(0.0, 0), (0.1, 1), (0.37, 4), (1.5, 15)])
def test_ampa_conductance_comes_after_its_delay(delay: float, steps: int) -> None:
    pre, post = brainpy.LIF(2), brainpy.HH(3, integrator_dt=0.01)
    conn = np.array([[1.0, 0.0, 2.0], [0.5, 0.5, 0.5]])
    ampa = brainpy.AMPA(pre, post, conn, delay)
    runs = brainpy.run([pre, post, ampa], 300, [(pre, "input", [26.0, 0.0], "+")])
    g, s = runs[2].traces["g"], runs[2].traces["s"]
    assert (s[163] == [[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]]).all()
    assert np.flatnonzero(g[:, 0, 2])[0] == 163 + steps
    assert worst(g[steps:], 0.1 * s[: 300 - steps]) == 0


def test_ampa_drives_the_next_step_with_the_new_potential() -> None:
    pre, post = brainpy.LIF(1), brainpy.HH(1)
    ampa = brainpy.AMPA(pre, post, np.ones((1, 1)))
    pre.V[:] = 25.0
    brainpy.run([pre, post, ampa], 1)
    assert post.input[0] == pytest.approx(-0.1 * (post.V[0] - 0.0), rel=1e-14)


def test_a_flag_that_persists_drives_a_synapse_eleven_times() -> None:
    ends = []
    for persists in (False, True):
        pre, post = brainpy.LIF(1, flag_persists=persists), brainpy.HH(1, integrator_dt=0.01)
        ampa = brainpy.AMPA(pre, post, np.ones((1, 1)), tau=1e12)
        brainpy.run([pre, post, ampa], 200, [(pre, "input", 26.0, "+")])
        ends.append(float(ampa.s[0, 0]))
    assert ends == pytest.approx([1.0, 11.0])


def test_network_continued_equals_one_long_run() -> None:
    def build() -> tuple[list[brainpy.Object], list[brainpy.Input]]:
        hh = brainpy.HH(3, 0.01)
        return [hh, brainpy.AMPA(hh, hh, 1 - np.eye(3), 0.4, dt=0.01)], [(hh, "input", [20.0, 10.0, 0.0], "+")]

    things, drive = build()
    parts = [brainpy.run(things, 1000, drive, start)[0].traces["V"] for start in (0, 1000)]
    things, drive = build()
    assert worst(np.concatenate(parts), brainpy.run(things, 2000, drive)[0].traces["V"]) == 0
