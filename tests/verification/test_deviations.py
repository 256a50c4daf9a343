"""Rows of deviations: what is measured, where it is found, and what counts as within tolerance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bioasm.results import Reading, Recording, Result, Spikes
from bioasm.verification.deviations import Row, compare, numbers, spikes

NAN, INF = float("nan"), float("inf")


def result(**other: object) -> Result:
    """A result of two lanes and three neurons."""
    made = Result(
        driver="x", model="lif_critical", n=3, lanes=2, seed=1, program_sha256="", versions={}, timing={},
        results=(Reading("energy", np.array([1.0, 2.0])), Reading("count", 3.0), Reading("energy", np.array([4.0, 5.0]))),
        state=np.full((2, 3), 0.5), energy=np.array([1.0, 2.0]), best_energy=np.array([-1.0, -2.0]),
        best_state=np.zeros((2, 3), np.int8), energy_trace=np.array([[1.0, 2.0], [3.0, 4.0]]),
        spikes=Spikes(np.array([1e-3, 2e-3]), np.array([0, 2]), np.array([0, 1])), spike_count=np.zeros((2, 3), np.int64),
        recordings={"v": Recording(np.array([0.0, 0.1, 0.2]), np.array([2, 0]), np.ones((2, 3, 2)))}, steps=30,
        seconds_per_step=1e-4,
    )  # fmt: skip
    return replace(made, **other)  # type: ignore[arg-type]


def found(name: str, tolerance: float = 1e-9, **other: object) -> Row:
    """The row of a name, of a result with something else in it against the plain one."""
    (row,) = [r for r in compare(result(**other), result(), tolerance) if r.name == name]
    return row


def test_equal_results_agree_in_all_rows() -> None:
    rows = compare(result(), result(), 0.0)
    assert all(row.within for row in rows)
    names = {"v", "spikes", "energy_trace", "state", "energy", "best_energy", "spike_count", "best_state", "steps", "status"}
    assert {row.name for row in rows} == names | {"results: energy", "results: count"}


@pytest.mark.parametrize(
    ("a", "b", "deviation", "within"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0, True),
        ([1.0, 2.0 + 1e-10], [1.0, 2.0], 1e-10, True),
        ([1.0, 2.0 + 1e-8], [1.0, 2.0], 1e-8, False),
        ([1e-12, 0.0], [0.0, 0.0], 1e-12, False),
        ([NAN, 1.0], [NAN, 1.0], 0.0, True),
        ([NAN, 1.0], [0.0, 1.0], INF, False),
        ([INF, 1.0], [INF, 1.0], 0.0, True),
        ([INF, 1.0], [-INF, 1.0], INF, False),
        ([], [], 0.0, True),
    ],
)
def test_numbers_deviate_by_a_share_of_the_largest(a: list[float], b: list[float], deviation: float, within: bool) -> None:
    row = numbers("x", a, b, 1e-9)
    assert row.within is within
    assert row.deviation == pytest.approx(deviation, rel=1e-6)


def test_another_shape_is_out() -> None:
    assert not numbers("x", [1.0], [1.0, 2.0], 1.0).within


def test_a_recording_says_where_and_when_it_parted() -> None:
    values = np.ones((2, 3, 2))
    values[1, 1, 0] += 1e-8
    values[1, 2, 0] += 1e-3
    row = found("v", recordings={"v": Recording(np.array([0.0, 0.1, 0.2]), np.array([2, 0]), values)})
    assert (row.within, row.time, row.neuron, row.lane) == (False, 0.1, 2, 1)
    assert row.deviation == pytest.approx(1e-3)


def test_a_deviation_within_tolerance_has_no_time() -> None:
    row = found("v", recordings={"v": Recording(np.array([0.0, 0.1, 0.2]), np.array([2, 0]), np.ones((2, 3, 2)) + 1e-12)})
    assert (row.within, row.time) == (True, None)


def test_a_recording_of_one_side_only_is_out() -> None:
    assert not found("v", recordings={}).within
    extra = {"v": result().recordings["v"], "s": result().recordings["v"]}
    assert not found("s", recordings=extra).within


@pytest.mark.parametrize(
    ("times", "neurons", "note"),
    [([0.0, 0.1, 0.2], [2, 1], "samples of other neurons"), ([0.1, 0.2, 0.3], [2, 0], "samples at other times")],
)
def test_samples_of_something_else_are_out(times: list[float], neurons: list[int], note: str) -> None:
    row = found("v", recordings={"v": Recording(np.array(times), np.array(neurons), np.ones((2, 3, 2)))})
    assert (row.within, row.note) == (False, note)


def test_runs_that_both_ended_early_say_so() -> None:
    (row,) = [r for r in compare(result(status="failed"), result(status="failed"), 1e-9) if r.name == "status"]
    assert (row.within, row.note) == (True, "failed on both sides")


def test_a_trace_names_its_first_entry_out() -> None:
    row = found("energy_trace", energy_trace=np.array([[1.0, 2.0], [3.0, 4.1]]))
    assert (row.within, row.entry, row.lane) == (False, 1, 1)
    assert not found("energy_trace", energy_trace=np.ones((2, 5))).within


TRAINS = {
    "equal": ([1e-3, 2e-3], [0, 2], [0, 1], (2, 0, 0)),
    "one later": ([1.1e-3, 2e-3], [0, 2], [0, 1], (1, 1, 1)),
    "one more": ([1e-3, 1.5e-3, 2e-3], [0, 1, 2], [0, 0, 1], (2, 0, 1)),
    "one less": ([1e-3], [0], [0], (1, 1, 0)),
    "other neuron": ([1e-3, 2e-3], [1, 2], [0, 1], (1, 1, 1)),
    "other lane": ([1e-3, 2e-3], [0, 2], [1, 1], (1, 1, 1)),
    "rounded": ([1e-3 + 1e-15, 2e-3 - 1e-15], [0, 2], [0, 1], (2, 0, 0)),
    "told twice": ([1e-3, 1e-3, 2e-3], [0, 0, 2], [0, 0, 1], (2, 0, 1)),
    "none": ([], [], [], (0, 2, 0)),
}


@pytest.mark.parametrize("name", TRAINS)
def test_spikes_are_matched_by_step_neuron_and_lane(name: str) -> None:
    t, i, lane, counts = TRAINS[name]
    row = spikes("spikes", Spikes(np.array(t), np.array(i, int), np.array(lane, int)), result().spikes, 1e-4)
    assert (row.matched, row.missed, row.extra) == counts
    assert row.within is (counts[1:] == (0, 0))


def test_the_first_spike_that_is_not_matched_is_named() -> None:
    row = spikes("spikes", Spikes(np.array([1e-3]), np.array([0]), np.array([0])), result().spikes, 1e-4)
    assert (row.time, row.neuron, row.lane) == (pytest.approx(2e-3), 2, 1)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("energy", {"energy": np.array([1.0, 2.1])}),
        ("best_energy", {"best_energy": np.array([-1.0, np.nan])}),
        ("state", {"state": np.zeros((2, 3))}),
        ("spike_count", {"spike_count": np.ones((2, 3), np.int64)}),
        ("best_state", {"best_state": np.ones((2, 3), np.int8)}),
        ("steps", {"steps": 29}),
        ("status", {"status": "out of fuel"}),
        ("results: count", {"results": (result().results[0], Reading("count", 4.0), result().results[2])}),
    ],
)
def test_each_part_of_a_result_is_compared(name: str, other: dict[str, object]) -> None:
    rows = {row.name: row.within for row in compare(result(**other), result(), 1e-9)}
    assert [k for k, within in rows.items() if not within] == [name]


def test_readings_of_another_order_are_out() -> None:
    assert not found("results", results=result().results[::-1][:2]).within


def test_readings_of_one_name_are_one_row_that_names_the_first_out() -> None:
    worse = (result().results[0], result().results[1], Reading("energy", np.array([4.0, 5.5])))
    row = found("results: energy", results=worse)
    assert (row.within, row.entry) == (False, 1)
    assert row.deviation == pytest.approx(0.5)


def test_other_best_states_of_one_energy_are_no_deviation() -> None:
    other = result(best_state=np.eye(2, 3, dtype=np.int8))
    row = next(r for r in compare(other, result(), 1e-9, np.array([True, True])) if r.name == "best_state")
    assert row.within and "same energy" in row.note
    row = next(r for r in compare(other, result(), 1e-9, np.array([True, False])) if r.name == "best_state")
    assert not row.within
