"""Types of targets, weights and delays change no bit of a result: each run equals one with all of them in the widest types."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.results.result import Result
from bioasm.runtime import connection_values, connectivity, delays, narrow, patterns
from bioasm.vm.projections import Projections
from tests.vm.test_connecting import TEXT
from tests.vm.test_delays import VECTOR
from tests.vm.test_delays import program as delayed
from tests.vm.test_weights_under_way import program as reweighted
from tests.vm.test_weights_under_way import run

WEIGHTS = {
    "alike": "[[2, 2, 2], [2, 2, 2], [2, 2, 2]]",
    "i1": "[[1, -2, 3], [0, 127, -128], [7, 8, 9]]",
    "i2": "[[1, -2, 3], [0, 128, -32768], [7, 8, 9]]",
    "f4": "[[0.5, -2, 3], [0, 128, 65536], [7, 8, 9]]",
    "f8": "[[0.1, -2, 3], [0, 128, 65536], [7, 8, 9]]",
}


def in_wide_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything be kept as int32 and float64, one a connection."""
    for module in (narrow, connectivity, patterns):
        monkeypatch.setattr(module, "neuron_type", lambda n: np.int32)
    monkeypatch.setattr(delays, "DELAYS", (np.int32,))

    def weights(values: connection_values.ConnectionValues, own: np.ndarray, count: int, *look: object) -> np.ndarray:
        parts = [part for _, _, part in values.parts(count)]
        return np.broadcast_to(own, (count,)) * (np.concatenate(parts) if parts else 1.0)

    monkeypatch.setattr(connection_values.ConnectionValues, "weights", weights)


def assert_same(text: str, kept: set[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, lanes: int = 1) -> None:
    """A program has the same results in narrow and in wide types, and keeps its connections in these types."""
    seen: set[tuple[str, ...]] = set()
    weigh = Projections._weigh

    def noting(self: Projections, name: str, weight: np.ndarray) -> None:
        weigh(self, name, weight)
        post = self.state.fields[f"post:{name}"]
        if len(post):
            seen.add((post.dtype.str[1:], "alike" if len(weight) == 1 else weight.dtype.str[1:]))

    monkeypatch.setattr(Projections, "_weigh", noting)
    narrow_ = run("cpu", text, lanes=lanes)
    assert seen == kept
    in_wide_types(monkeypatch)
    assert bytes_of(run("cpu", text, lanes=lanes)) == bytes_of(narrow_)


def bytes_of(result: Result) -> list[bytes]:
    """All that a result holds of numbers."""
    spikes = result.spikes
    values = [spikes.t, spikes.i, *(np.asarray(reading.value) for reading in result.results if reading.what != "spikes")]
    return [np.ascontiguousarray(value).tobytes() for value in values]


@pytest.mark.parametrize("port", ["sum", "in order"])
@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_of_a_matrix(kind: str, port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = reweighted(port, "matrix", 1.0, 0.3).replace("[[1, 1, 1], [1, 1, 1], [1, 1, 1]]", WEIGHTS[kind])
    then = "alike" if kind == "alike" else "f8"
    assert_same(text, {("u2", kind), ("u2", then)}, monkeypatch)


@pytest.mark.parametrize("lanes", [1, 7])
@pytest.mark.parametrize("weight", ["1 mV", "choice(1, 2, 300)", "uniform(0 mV, 1 mV)"])
def test_weights_that_are_drawn(weight: str, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TEXT.replace("SET p.weight, 1 mV", f"SET p.weight, {weight}") + "RD v\n"
    assert_same(text, {("u2", {"1": "alike", "c": "i2", "u": "f8"}[weight[0]])}, monkeypatch, lanes)


@pytest.mark.parametrize("port", ["sum", "in order"])
@pytest.mark.parametrize("then", ["", "SET s.weight, 0.1"])
def test_delays_of_each_connection(port: str, then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_same(delayed(port, VECTOR, then) + "RD b.g\n", {("u2", "f8" if then else "f4")} | {("u2", "f4")}, monkeypatch)


@pytest.mark.parametrize(("n", "kept"), [(65_536, "u2"), (65_537, "i4")])
def test_targets_up_to_the_limit_of_two_bytes(n: int, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = TEXT.replace("POP a, lif, 50", f"POP a, lif, {n}").replace("indegree, 20", "total, 100000") + "RD v\n"
    assert_same(text, {(kept, "alike")}, monkeypatch)
