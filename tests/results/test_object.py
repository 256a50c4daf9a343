"""The Result as an object: its line, what it holds under a name, and its samples."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.results import Reading
from tests.results.samples import result


def test_repr_is_one_short_line() -> None:
    line = repr(result(lanes=4))
    assert line.startswith("<Result: finished; driver fake, model ising, n 3, lanes 4, seed 7; best energy -5 (lane 3")
    assert line.endswith("3 results>")
    assert len(line) < 160


def test_a_reading_by_its_name() -> None:
    assert result()["answer"] == 42.0
    assert result()["spins"].tolist() == [1, -1, 1]
    assert result(2)["spins"].shape == (2, 3)


def test_readings_of_one_name_are_an_array_of_numbers_or_a_list() -> None:
    rates, arrays = (Reading("rate", 1.0), Reading("rate", 2.0)), (Reading("v", np.ones((1, 3))), Reading("v", np.ones((1, 2))))
    many = result(results=(*rates, *arrays))
    assert many["rate"].tolist() == [1.0, 2.0]
    assert [value.shape for value in many["v"]] == [(3,), (2,)]


def test_recordings_and_fields_have_names_too() -> None:
    assert result()["s"].neurons.tolist() == [0, 2]
    assert result()["best_energy"] == -2.0
    assert result()["driver"] == "fake"


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(KeyError, match="did you mean answer"):
        result()["anser"]
    with pytest.raises(KeyError, match="there are spins, energy, answer, s, driver"):
        result()["zzzzzz"]


def test_samples_are_distinct_states_with_occurrences() -> None:
    states = np.array([[1, 1, -1], [1, -1, 1], [1, 1, -1], [-1, 1, 1]], np.int8)
    best = np.array([-1.0, -3.0, -1.0, 0.5])
    of_lanes = result(4, best_state=states, best_energy=best, metadata={"names": '["a", "b", "c"]'})
    samples = of_lanes.samples()
    assert samples.energies.tolist() == [-3.0, -1.0, 0.5]
    assert samples.occurrences.tolist() == [1, 2, 1]
    assert samples[0] == ({"a": 1, "b": -1, "c": 1}, -3.0, 1)
    assert [sample.occurrences for sample in samples] == [1, 2, 1]
    assert repr(samples) == "<Samples: 3 distinct of 4, 3 variables, lowest energy -3>"


def test_variables_without_names_are_numbered() -> None:
    assert result().labels == ("0", "1", "2")
    assert result().samples()[0].state == {0: 1, 1: -1, 2: 1}


def test_samples_of_a_problem_in_bits_are_bits() -> None:
    assert result(metadata={"values": "bits"}).samples()[0].state == {0: 1, 1: 0, 2: 1}


def test_samples_as_a_frame() -> None:
    pytest.importorskip("pandas")
    frame = result(2).samples().to_pandas()
    assert list(frame.columns) == ["0", "1", "2", "energy", "occurrences"]
    assert frame.occurrences.tolist() == [2]


@pytest.mark.parametrize(("steps", "entries", "times"), [(40, 4, [0, 10, 20, 30]), (41, 5, [0, 9, 18, 27, 36])])
def test_trace_times_follow_the_steps(steps: int, entries: int, times: list[int]) -> None:
    from bioasm.units import Dimension

    made = result(clock=Dimension.TIME, steps=steps, energy_trace=np.zeros((1, entries)))
    assert made.trace_times.tolist() == times


def test_trace_times_of_sweeps_and_of_a_known_feedback() -> None:
    assert result().trace_times.tolist() == [1, 2, 3, 4]
    from bioasm.units import Dimension

    made = result(clock=Dimension.TIME, about={"trace_every": 1e-3})
    assert made.trace_times.tolist() == [0.0, 1e-3, 2e-3, 3e-3]
