"""The JSON object: the names and shapes that scripts rely on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bioasm.diagnostics import Diagnostic
from bioasm.results import Reading, Spikes
from bioasm.results.json import LARGE, to_object, to_text
from tests.results.samples import result, spikes

FIXED = {
    *("driver", "model", "n", "lanes", "seed", "program_sha256", "versions", "timing"),
    *("results", "energy", "best_energy", "best_state", "energy_trace", "spikes", "spike_count"),
    *("status", "steps", "time", "clock", "recordings", "diagnostics", "state"),
}


@pytest.mark.parametrize("name", sorted(FIXED))
def test_fixed_name(name: str) -> None:
    assert name in to_object(result())


def test_nothing_else_stands_there() -> None:
    assert set(to_object(result())) == FIXED


def test_one_lane_has_no_lane_axis() -> None:
    told = to_object(result())
    assert (told["energy"], told["best_energy"]) == (-1.0, -2.0)
    assert told["energy_trace"] == [0.0, 1.0, 2.0, 3.0]
    assert told["best_state"] == [1, -1, 1]
    assert told["recordings"]["s"]["values"] == [[1.0, 1.0], [1.0, 1.0]]
    assert told["spikes"] == {"t": [0.001, 0.002, 0.003], "i": [0, 2, 1]}


def test_several_lanes_come_first() -> None:
    told = to_object(result(lanes=2))
    assert told["energy"] == [-1.0, -2.0]
    assert np.shape(told["energy_trace"]) == (2, 4)
    assert np.shape(told["recordings"]["s"]["values"]) == (2, 2, 2)
    assert told["spikes"]["lane"] == [0, 0, 1]


@pytest.mark.parametrize("lanes", [1, 2])
def test_results_keep_the_order_of_the_program(lanes: int) -> None:
    told = to_object(result(lanes=lanes))["results"]
    assert [r["what"] for r in told] == ["spins", "energy", "answer"]
    assert told[2]["value"] == 42.0
    assert np.shape(told[0]["value"]) == ((3,) if lanes == 1 else (2, 3))


@pytest.mark.parametrize("name", ["best_state", "spike_count", "steps", "n", "lanes", "seed", "state"])
def test_whole_by_meaning_is_whole_in_json(name: str) -> None:
    assert "." not in json.dumps(to_object(result())[name])


def test_spins_that_come_as_floats_are_whole() -> None:
    assert json.dumps(to_object(result())["results"][0]["value"]) == "[1, -1, 1]"


def test_states_of_a_model_of_time_stay_floats() -> None:
    told = to_object(result(model="lif_critical", results=(Reading("state", np.array([[0.0, 1.0]])),)))
    assert json.dumps(told["results"][0]["value"]) == "[0.0, 1.0]"


def test_a_value_that_is_not_whole_is_not_rounded() -> None:
    assert to_object(result(results=(Reading("steps", 2.5),)))["results"] == [{"what": "steps", "value": 2.5}]


def test_spikes_may_be_a_result() -> None:
    told = to_object(result(results=(Reading("spikes", spikes(1)),)))
    assert told["results"][0]["value"] == {"t": [0.001, 0.002, 0.003], "i": [0, 2, 1]}


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_what_json_can_not_say_is_null(strange: float) -> None:
    told = to_object(result(energy_trace=np.array([[1.0, strange]]), results=(Reading("x", strange),)))
    assert told["energy_trace"] == [1.0, None]
    assert told["results"][0]["value"] is None
    assert json.loads(to_text(result(best_energy=np.array([strange]))))["best_energy"] is None


def test_text_is_one_line_of_valid_json() -> None:
    text = to_text(result())
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert json.loads(text) == to_object(result())


def test_numbers_are_not_rounded() -> None:
    told = json.loads(to_text(result(energy=np.array([0.1 + 0.2]))))
    assert told["energy"] == 0.1 + 0.2


def test_large_seed_stays_exact() -> None:
    assert json.loads(to_text(result(seed=2**64 - 1)))["seed"] == 2**64 - 1


def test_large_arrays_stand_in_the_object_where_there_is_no_file() -> None:
    trace = np.zeros((1, LARGE + 1))
    assert len(to_object(result(energy_trace=trace))["energy_trace"]) == LARGE + 1


def test_large_arrays_are_named_where_a_file_holds_them() -> None:
    told = to_object(result(energy_trace=np.zeros((1, LARGE + 1))), file="x.npz")
    assert told["file"] == "x.npz"
    assert told["energy_trace"] == {"file": "energy_trace", "shape": [LARGE + 1]}
    assert told["best_state"] == [1, -1, 1]


def test_a_large_result_is_named_by_its_path() -> None:
    told = to_object(result(results=(Reading("trace", np.zeros((1, LARGE + 1))),)), file="x.npz")
    assert told["results"] == [{"what": "trace", "value": {"file": "results/0/value", "shape": [LARGE + 1]}}]


def test_diagnostics_are_objects() -> None:
    told = to_object(result(diagnostics=(Diagnostic("B407", "too strong"),)))
    assert told["diagnostics"][0]["code"] == "B407"


def test_extras_of_a_driver_are_kept() -> None:
    assert to_object(result(extras={"board": "rhs", "gain": np.array([1.5])}))["extras"] == {
        "board": "rhs",
        "gain": [1.5],
    }


def test_no_spikes_at_all() -> None:
    none = Spikes(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert to_object(result(spikes=none))["spikes"] == {"t": [], "i": []}


def test_time_is_steps_times_their_length() -> None:
    assert to_object(result(seconds_per_step=1e-4))["time"] == pytest.approx(4e-4)
