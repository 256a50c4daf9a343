"""NIR graphs against the way frameworks step through them: skips, loops, biases, delays, all kinds of nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm.drivers import RunOptions, find_driver
from bioasm.frameworks.nir.layers import layers_of
from bioasm.verifier.gate import verify
from tests.frameworks.test_nir import DRIVERS, if_node, lif, program, raster, with_trains

nir = pytest.importorskip("nir", reason="the package nir is not installed")

STEPS = 300


def run(text: str, dt: float, driver: str = "cpu", **parameters: float) -> Any:
    """The result of a program at a time step."""
    given = {"dt": dt} | {name.replace("_time", ".time"): value for name, value in parameters.items()}
    verified = verify(bioasm.assemble(text), given)
    with find_driver(driver)() as connected:
        return connected.run(verified, RunOptions(seed=1, parameters=given))


class Framework:
    """A time step of a framework in NumPy: every layer in turn, from the spikes of this step; loops from those of the last."""

    def __init__(self, kind: str, n: int, dt: float, **values: Any) -> None:
        self.kind, self.dt, self.values = kind, dt, values
        self.v, self.s, self.z = np.zeros(n), np.zeros(n), np.zeros(n)

    def step(self, arriving: np.ndarray) -> np.ndarray:
        p = self.values
        if self.kind == "LIF":
            self.v = self.v + self.dt / p["tau"] * (p["v_leak"] - self.v + p["r"] * arriving)
        elif self.kind == "IF":
            self.v = self.v + p["r"] * arriving
        else:
            self.s = self.s + self.dt / p["tau_syn"] * (p["w_in"] * arriving - self.s)
            self.v = self.v + self.dt / p["tau_mem"] * (p["v_leak"] - self.v + p["r"] * self.s)
        self.z = (self.v > p["v_threshold"]).astype(float)
        self.v = np.where(self.z > 0, p["v_reset"], self.v)
        return self.z


def drawn(rng: np.random.Generator, kind: str, n: int) -> dict[str, Any]:
    """Parameters of a node."""
    values = {"r": rng.uniform(0.5, 2, n), "v_threshold": rng.uniform(0.5, 1.5, n), "v_reset": rng.uniform(-0.5, 0.3, n)}
    if kind == "LIF":
        values |= {"tau": rng.uniform(5e-3, 3e-2, n), "v_leak": rng.uniform(-0.3, 0.3, n)}
    if kind == "CubaLIF":
        values |= {"tau_syn": rng.uniform(2e-3, 1e-2, n), "tau_mem": rng.uniform(5e-3, 3e-2, n)}
        values |= {"v_leak": rng.uniform(-0.3, 0.3, n), "w_in": rng.uniform(0.5, 2, n)}
    return values


def gain(kind: str, dt: float) -> float:
    """A weight that makes a spike count for a good part of the threshold."""
    return {"LIF": 8e-3 / dt, "IF": 0.3, "CubaLIF": 2e-2 / dt}[kind]


KINDS = ("LIF", "IF", "CubaLIF")
TURNED = [("IF", "CubaLIF", "LIF"), ("CubaLIF", "LIF", "IF")]


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("dt", [1e-3, 1e-4])
@pytest.mark.parametrize("kinds", [KINDS, *(pytest.param(turned, marks=pytest.mark.long) for turned in TURNED)])
def test_skips_loops_and_biases_step_for_step(kinds: tuple[str, str, str], dt: float, driver: str, tmp_path: Path) -> None:
    """Input to a, b, c in a chain and around it; b and c feed themselves; every layer has a bias."""
    rng = np.random.default_rng([len(kinds[0]), round(1 / dt)])
    n, sizes = 4, dict(zip("abc", (5, 4, 3), strict=True))
    kind = dict(zip("abc", kinds, strict=True))
    values = {name: drawn(rng, kind[name], sizes[name]) for name in "abc"}
    wires = [("input", "a"), ("a", "b"), ("b", "c"), ("input", "b"), ("input", "c"), ("a", "c"), ("b", "b"), ("c", "c")]
    weights = {(u, v): gain(kind[v], dt) * rng.uniform(-0.5, 1, (sizes[v], n if u == "input" else sizes[u])) for u, v in wires}
    bias = {name: 0.02 * gain(kind[name], dt) * rng.uniform(0, 1, sizes[name]) for name in "abc"}
    nodes: dict[str, Any] = {"input": nir.Input(np.array([n])), "output": nir.Output(np.array([3]))}
    nodes |= {name: getattr(nir, kind[name])(**values[name]) for name in "abc"}
    nodes |= {f"{u}_{v}": nir.Affine(w, bias[v]) if (u, v) in wires[:3] else nir.Linear(w) for (u, v), w in weights.items()}
    edges = [("c", "output"), *((u, f"{u}_{v}") for u, v in wires), *((f"{u}_{v}", v) for u, v in wires)]
    spikes = (rng.random((STEPS, n)) < 0.15).astype(float)

    cells = {name: Framework(kind[name], sizes[name], dt, **values[name]) for name in "abc"}
    expected: dict[str, list[np.ndarray]] = {name: [] for name in "abc"}
    for arriving in spikes:
        seen = {"input": arriving} | {name: cell.z for name, cell in cells.items()}
        for name in "abc":
            seen[name] = cells[name].step(bias[name] + sum(weights[u, v] @ seen[u] for u, v in wires if v == name))
            expected[name].append(seen[name] > 0)

    result = run(with_trains(program(nodes, edges, tmp_path), spikes, dt), dt, driver)
    first = n
    for late, name in enumerate("abc", 1):
        assert np.sum(expected[name]) > 10
        assert np.array_equal(raster(result, first, sizes[name], late, STEPS, dt), expected[name])
        first += sizes[name]
    assert result.results[0].value.ravel().tolist() == np.sum(expected["c"], axis=0).tolist()


IF_SPIKES = [("step", 1e-4, [17, 34, 51]), ("step", 1e-3, [17, 34, 51]), ("second", 1e-3, [])]


@pytest.mark.parametrize("make", [lif, if_node])
def test_a_spike_in_every_step_is_a_spike_in_every_step(make: Any, tmp_path: Path) -> None:
    """What arrives in the step of a reset is not lost."""
    nodes = {"input": nir.Input(np.array([1])), "w": nir.Linear(np.array([[150.0]])), "n": make(1, v_reset=0.0)}
    result = run(with_trains(program(nodes, [("input", "w"), ("w", "n")], tmp_path), np.ones((20, 1))), 1e-4)
    assert result.results[0].value.item() == 20


def test_a_neuron_that_drives_itself_goes_on(tmp_path: Path) -> None:
    nodes = {"input": nir.Input(np.array([1])), "w": nir.Linear(np.array([[150.0]])), "n": lif(1, r=1.0)}
    edges = [("input", "w"), ("w", "n"), ("n", "back"), ("back", "n")]
    spikes = np.eye(20, 1)
    text = program(nodes | {"back": nir.Linear(np.array([[150.0]]))}, edges, tmp_path)
    assert run(with_trains(text, spikes), 1e-4).results[0].value.item() == 20


@pytest.mark.parametrize(("unit", "dt", "at"), IF_SPIKES)
def test_if_counts_in_steps_or_in_seconds(unit: str, dt: float, at: list[int], tmp_path: Path) -> None:
    nodes = {"input": nir.Input(np.array([1])), "w": nir.Linear(np.array([[0.0625]])), "n": if_node(1, r=1.0, v_reset=0.0)}
    text = program(nodes, [("input", "w"), ("w", "n")], tmp_path)
    result = run(with_trains(text, np.ones((60, 1)), dt), dt, **({"n_time_unit": 1.0} if unit == "second" else {}))
    assert np.round(result.spikes.t[result.spikes.i == 1] / dt).tolist() == at


def test_if_in_seconds_adds_r_i_dt(tmp_path: Path) -> None:
    nodes = {"input": nir.Input(np.array([1])), "w": nir.Linear(np.array([[100.0]])), "n": if_node(1, r=5.0, v_reset=0.0)}
    text = program(nodes, [("input", "w"), ("w", "n")], tmp_path)
    result = run(with_trains(text, np.ones((12, 1)), 1e-3), 1e-3, n_time_unit=1.0)  # 0.5 a step: above 1 with the third
    assert np.round(result.spikes.t[result.spikes.i == 1] / 1e-3).tolist() == [3, 6, 9, 12]


def test_subgraphs_scales_and_flattened_shapes(tmp_path: Path) -> None:
    """The same network written plainly, and with a subgraph, a factor and an input of two dimensions."""
    weights = np.array([[30.0, 80, 0, 20], [10, 0, 90, 50]])
    back = nir.Linear(10 * np.eye(2))
    inner = {"in": nir.Input(np.array([2])), "lif": lif(2, r=1.0), "w": back, "out": nir.Output(np.array([2]))}
    cell = nir.NIRGraph(inner, [("in", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "out")], type_check=False)
    nested = {
        "input": nir.Input(np.array([1, 2, 2])),
        "flat": nir.Flatten(input_type={"input": np.array([1, 2, 2])}, start_dim=0),
        "w": nir.Linear(weights / 2),
        "double": nir.Scale(np.array([2.0, 2.0])),
        "rnn": cell,
        "output": nir.Output(np.array([2])),
    }
    plain = {"input": nir.Input(np.array([4])), "w": nir.Linear(weights), "lif": lif(2, r=1.0), "back": back}
    chain = ["input", "flat", "w", "double", "rnn", "output"]
    spikes = (np.random.default_rng(3).random((200, 4)) < 0.2).astype(float)
    a = run(with_trains(program(nested, list(zip(chain, chain[1:], strict=False)), tmp_path), spikes), 1e-4)
    edges = [("input", "w"), ("w", "lif"), ("lif", "back"), ("back", "lif")]
    b = run(with_trains(program(plain, edges, tmp_path), spikes), 1e-4)
    assert a.results[0].value.sum() > 20
    assert a.results[0].value.tolist() == b.results[0].value.tolist()


def test_delays_hold_back_each_value_by_its_own_time(tmp_path: Path) -> None:
    nodes = {"input": nir.Input(np.array([3])), "w": nir.Linear(150 * np.eye(3)), "n": lif(3)}
    nodes["d"] = nir.Delay(np.array([0.0, 1e-3, 2e-3]))
    text = program(nodes, [("input", "d"), ("d", "w"), ("w", "n")], tmp_path)
    result = run(with_trains(text, np.eye(40, 1) * np.ones(3)), 1e-4)
    mine = result.spikes.i >= 3
    assert np.round(result.spikes.t[mine] / 1e-4).tolist() == [1, 11, 21]
    assert result.spikes.i[mine].tolist() == [3, 4, 5]


def test_a_leaky_integrator_and_a_weighted_sum_are_outputs(tmp_path: Path) -> None:
    weights = np.array([[2.0, -0.5, 1.0]])
    li = nir.LI(tau=np.array([0.01]), r=np.array([1.0]), v_leak=np.array([0.25]))
    nodes = {"input": nir.Input(np.array([3])), "w": nir.Linear(150 * np.eye(3)), "n": lif(3)}
    nodes["map"] = nir.Affine(weights, np.array([0.125]))
    edges = [("input", "w"), ("w", "n"), ("n", "map")]
    spikes = (np.random.default_rng(4).random((100, 3)) < 0.3).astype(float)
    values = spikes @ weights[0] + 0.125  # every input spike makes its neuron spike
    v = 0.0
    for value in values:
        v += 1e-4 / 0.01 * (0.25 - v + value)
    outputs = {"output": nir.Output(np.array([1]))}
    summed = run(with_trains(program(nodes | outputs, [*edges, ("map", "output")], tmp_path), spikes), 1e-4)
    leaky = program(nodes | outputs | {"o": li}, [*edges, ("map", "o"), ("o", "output")], tmp_path)
    assert summed.results[0].value.item() == pytest.approx(values.sum(), rel=1e-12)
    assert run(with_trains(leaky, spikes), 1e-4).results[0].value.item() == pytest.approx(v, rel=1e-12)


def test_an_edge_given_twice_is_one(tmp_path: Path) -> None:
    nodes = {"input": nir.Input(np.array([1])), "w": nir.Linear(np.array([[60.0]])), "n": lif(1, r=1.0)}
    once = [("input", "w"), ("w", "n")]
    assert program(nodes, once, tmp_path) == program(nodes, [*once, once[0]], tmp_path)


# --- layers -------------------------------------------------------------------------------------------


def test_layers_are_longest_paths() -> None:
    found = layers_of({"in": [], "a": ["in"], "c": ["in", "a", "b"], "b": ["a", "in"]})
    assert found.layer == {"in": 0, "a": 1, "b": 2, "c": 3}
    assert found.back == frozenset()
    assert (found.waits("in", "a"), found.waits("in", "c"), found.waits("a", "c")) == (0, 2, 1)


def test_a_loop_over_layers_is_told(tmp_path: Path) -> None:
    nodes = {"input": nir.Input(np.array([1])), "a": lif(1), "b": lif(1)}
    text = program(nodes, [("input", "a"), ("a", "b"), ("b", "a"), ("b", "b")], tmp_path)
    assert "; What goes from b back to a comes 1 step later than in frameworks, whose layers share a step." in text


def test_in_a_loop_only_the_edge_that_comes_back_is_cut() -> None:
    found = layers_of({"in": [], "a": ["in", "b"], "b": ["a", "b"]})
    assert found.back == {("b", "a"), ("b", "b")}
    assert found.layer == {"in": 0, "a": 1, "b": 2}
    assert found.waits("b", "a") == -1


def test_every_layer_computes_as_many_steps_as_the_framework(tmp_path: Path) -> None:
    """Outputs of two layers and an integrator in between: no layer goes on while later ones see its last spikes."""
    nodes = {
        "input": nir.Input(np.array([1])),
        "w": nir.Affine(np.zeros((1, 1)), np.array([3000.0])),
        "a": lif(1, r=1.0),
        "w2": nir.Linear(np.array([[1000.0]])),
        "b": lif(1, r=1.0),
        "li": nir.LI(tau=np.array([0.01]), r=np.array([1.0]), v_leak=np.array([0.0])),
        "w3": nir.Linear(np.array([[1000.0]])),
        "c": lif(1, r=1.0),
    }
    edges = [("input", "w"), ("w", "a"), ("a", "w2"), ("w2", "b"), ("b", "w3"), ("w3", "c"), ("w2", "li")]
    outputs = {f"o{name}": nir.Output(np.array([1])) for name in ("a", "b", "c", "li")}
    wires = [*edges, ("a", "oa"), ("b", "ob"), ("c", "oc"), ("li", "oli")]
    result = run(with_trains(program(nodes | outputs, wires, tmp_path), np.zeros((100, 1)), 1e-3), 1e-3)
    found = {reading.what: reading.value.item() for reading in result.results[:4]}
    assert {found[f"{name}.spike_count"] for name in "abc"} == {100}
    v = 0.0
    for _ in range(100):
        v += 0.1 * (1000 - v)
    assert found["li.v"] == pytest.approx(v, rel=1e-12)
    assert [raster(result, k, 1, k, 100, 1e-3).sum() for k in (1, 2)] == [100] * 2
    assert raster(result, 4, 1, 3, 100, 1e-3).sum() == 100  # behind the integrator


def test_names_of_projections_are_free(tmp_path: Path) -> None:
    nodes = {name: lif(1) for name in ("a", "b_to_c", "a_to_b", "c")} | {name: nir.Linear(np.eye(1)) for name in "wx"}
    text = program(nodes, [("a", "w"), ("w", "b_to_c"), ("a_to_b", "x"), ("x", "c")], tmp_path)
    assert verify(bioasm.assemble(text)).n == 4
