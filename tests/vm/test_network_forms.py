"""What small networks must do by a formula: orders of convergence, noise, counts of spikes, refractory times, delays."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from bioasm.results import Result
from tests.vm.network_forms import PAUSES, program
from tests.vm.support import run

DT = 1e-4


@lru_cache(maxsize=32)
def result(duration: str = "5 ms", settings: str = "", lanes: int = 1) -> Result:
    """A run of the program."""
    return run(program(duration, settings), 3, lanes)


def course(of: Result, what: str) -> NDArray[np.float64]:
    """A recorded variable of lane 0, (steps, n)."""
    return np.asarray(of.recordings[what].values[0])


def spike_steps(of: Result, first: int, i: int) -> list[int]:
    """The steps in which neuron i of the population that begins at `first` spiked, in lane 0."""
    mine = (of.spikes.i == first + i) & (of.spikes.lane == 0)
    return [int(step) for step in np.rint(of.spikes.t[mine] / of.seconds_per_step)]


FIRST = {"r": 0, "d": 1, "l": 61, "f": 67, "fi": 75, "fe": 83, "fl": 91, "a": 99, "b": 102, "n": 105}


# --- integration ----------------------------------------------------------------------------------------


def error(what: str, dt: float) -> float:
    """How far a variable of the relaxing neuron is from its course after 4 ms, two time constants."""
    value = course(result("4.05 ms", f"SET dt, {dt} ms"), f"r.{what}")[round(4 / dt), 0]
    grown = 1 / (1 + 9 * math.exp(-2))
    exact = {"x": 1 - math.exp(-2), "y": grown, "d": math.sin(2), "p": math.cos(2), "q": math.sin(2)}
    return abs(float(value) - exact[what[0]])


ORDERS = {
    **{f"x_{m}": order for m, order in {"euler": 1, "implicit": 1, "cnexp": 2, "rk4": 4}.items()},
    **{f"y_{m}": order for m, order in {"euler": 1, "implicit": 1, "exponential_euler": 2, "rk4": 4}.items()},
    "driven": 4,
    "p": 4,
    "q": 4,
}


@pytest.mark.parametrize(("what", "order"), ORDERS.items())
def test_order_of_convergence(what: str, order: int) -> None:
    coarse, middle, fine = (error(what, dt) for dt in (0.2, 0.1, 0.05))
    assert coarse > middle > fine > 0
    assert math.log2(middle / fine) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("method", ["exact", "exponential_euler"])
@pytest.mark.parametrize("dt", [0.2, 0.1, 0.05])
def test_linear_equations_are_solved_exactly(method: str, dt: float) -> None:
    assert error(f"x_{method}", dt) < 1e-14


STEPS = {
    "euler": lambda z: 1 - z,
    "rk4": lambda z: 1 - z + z**2 / 2 - z**3 / 6 + z**4 / 24,
    "exponential_euler": lambda z: math.exp(-z),
    "cnexp": lambda z: (1 - z / 2) / (1 + z / 2),
    "implicit": lambda z: 1 / (1 + z),
    "exact": lambda z: math.exp(-z),
}


@pytest.mark.parametrize("method", STEPS)
def test_one_step_multiplies_the_distance_by_the_methods_factor(method: str) -> None:
    x = course(result(), f"r.x_{method}")[:, 0]
    expected = 1 - STEPS[method](DT / 2e-3) ** np.arange(len(x))
    assert np.abs(x - expected).max() < 1e-14


def test_a_harmonic_oscillator_keeps_its_phase() -> None:
    p, q = (course(result("20 ms"), f"r.{what}")[:, 0] for what in "pq")
    t = DT * np.arange(len(p)) / 2e-3
    assert np.abs(p - np.cos(t)).max() < 2e-6
    assert np.abs(q - np.sin(t)).max() < 2e-6


# --- noise ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def noisy() -> Result:
    return result("20 ms", "", 20)


def test_stationary_deviation_of_noise() -> None:
    """An Ornstein-Uhlenbeck process in steps has the variance sigma^2 (2 dt/tau)/(1 - (1 - dt/tau)^2)."""
    z = DT / 1e-3
    expected = (2e-3) ** 2 * 2 * z / (1 - (1 - z) ** 2)
    for what in ("d.u", "d.w"):
        late = noisy().recordings[what].values[:, 100:, :]
        assert late.var() == pytest.approx(expected, rel=0.04)
        assert abs(late.mean()) < 4e-5


def test_noise_forgets_as_its_time_constant_says() -> None:
    u = noisy().recordings["d.u"].values[:, 100:, :]
    for lag in (1, 5, 20):
        found = (u[:, lag:] * u[:, :-lag]).mean() / u.var()
        assert found == pytest.approx((1 - DT / 1e-3) ** lag, abs=0.04)


def test_white_noises_are_independent() -> None:
    u, w = (noisy().recordings[what].values[:, 100:, :] for what in ("d.u", "d.w"))
    assert abs((u * w).mean()) / u.var() < 0.03
    assert abs((u[0] * u[1]).mean()) / u.var() < 0.15
    assert abs((u[:, :, :-1] * u[:, :, 1:]).mean()) / u.var() < 0.03


def test_a_wiener_process_grows_with_the_root_of_time() -> None:
    wiener = noisy().recordings["d.wiener"].values
    assert np.diff(wiener, axis=1).std() == pytest.approx(math.sqrt(DT), rel=0.01)
    assert wiener[:, 199, :].std() == pytest.approx(math.sqrt(199 * DT), rel=0.08)


def test_noise_of_level_0_is_none() -> None:
    quiet = result("2 ms", "SIG 0")
    assert (course(quiet, "d.u") == 0).all()
    assert np.ptp(course(quiet, "d.wiener")) > 0


# --- spikes of one neuron -------------------------------------------------------------------------------

DRIVES, REST = (1.2, 1.5, 2.0, 3.0, 5.0, 1.01), (0.0, 1.0, 0.0, 2.0, 0.5, 0.0)


@pytest.mark.parametrize("i", range(len(DRIVES)))
def test_intervals_of_a_leaky_integrator(i: int) -> None:
    """v = drive (1 - exp(-t/tau)) is above 1 in the first step after tau ln(drive/(drive - 1))."""
    rise = math.floor(10e-3 * math.log(DRIVES[i] / (DRIVES[i] - 1)) / DT) + 1
    frozen = max(0, math.ceil(REST[i] * 1e-3 / DT - 1e-6) - 1)
    steps = spike_steps(result("120 ms"), FIRST["l"], i)
    assert steps[0] == rise - 1
    assert set(np.diff(steps)) == {rise + frozen}
    assert len(steps) == 1 + (1200 - rise) // (rise + frozen)


INTERVALS = {
    # steps that start at less than the time after the spike are refractory; `on`: also the one at exactly that time
    "f": [1, 1, 1, 2, 2, 3, 4, 10],
    "fe": [1, 1, 1, 2, 2, 3, 4, 10],
    "fi": [1, 1, 2, 2, 3, 4, 4, 11],
    "fl": [1, 1, 2, 2, 3, 4, 4, 11],
}


@pytest.mark.parametrize("at", range(len(PAUSES)), ids=[f"{p} ms" for p in PAUSES])
@pytest.mark.parametrize("name", INTERVALS)
def test_steps_from_spike_to_spike(name: str, at: int) -> None:
    steps = spike_steps(result(), FIRST[name], at)
    expected = INTERVALS[name][at]
    if name == "fe" and PAUSES[at] > 0:
        expected += 1  # the step of the spike itself comes after it and is frozen, so that x rises a step later
    assert set(np.diff(steps)) == {expected}


@pytest.mark.parametrize("at", range(len(PAUSES)))
def test_equations_stand_still_between(at: int) -> None:
    seen = course(result(), "f.seen")[:, at]
    assert (np.diff(seen) == 1).sum() == pytest.approx(50 / INTERVALS["f"][at], abs=1)
    assert set(np.diff(seen)) <= {0.0, 1.0}


# --- spikes on their way --------------------------------------------------------------------------------

DELAYS = {0: 0, 0.04: 0, 0.06: 1, 0.1: 1, 0.149: 1, 0.151: 2, 0.25: 3, 0.3: 3, 1.0: 10, 2.5: 25}


@pytest.mark.parametrize(("delay", "steps"), DELAYS.items())
def test_a_delay_is_the_nearest_whole_number_of_steps(delay: float, steps: int) -> None:
    heard = course(result("6 ms", f"SET ab.delay, {delay} ms"), "b.heard")
    # a spike from outside in step 10 is heard in it, and sent on in step 11; what arrives in a step is seen from the next on
    assert np.flatnonzero(np.diff(heard[:, 0])).tolist() == [11 + steps]
    assert np.flatnonzero(np.diff(heard[:, 1])).tolist() == [21 + steps, 23 + steps]
    assert np.ptp(heard[:, 2]) == 0


LATE = {0: 0, 0.04: 1, 0.1: 1, 0.101: 2, 0.3: 3, 0.72: 8, 2.0: 20}


@pytest.mark.parametrize(("delay", "steps"), LATE.items())
def test_a_delayed_value_is_that_of_so_many_steps_ago(delay: float, steps: int) -> None:
    x = course(result("6 ms", f"SET am.delay, {delay} ms"), "n.x")
    # g is up after step 11, the input sees it from step 12 on, and x a sample later
    assert np.flatnonzero(np.diff(x[:, 0])).tolist() == [12 + steps]
    assert x[-1, :2].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("weight", [0.25, -3.0, 1e-3])
def test_a_weight_multiplies_what_arrives(weight: float) -> None:
    heard = course(result("3 ms", f"SET ab.weight, {weight}"), "b.heard")
    assert heard[-1].tolist() == [weight, 2 * weight, 0]
