"""States of connections against a reference in plain Python, and what instructions do to them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.models.algebra import evaluate
from bioasm.models.base import POST, PRE, Assignment, Handler, Model
from bioasm.models.expression import Expression, symbols
from bioasm.models.text import parse_model
from bioasm.results import Result
from tests.vm.network_parts import Array
from tests.vm.support import run
from tests.vm.synapse_programs import CELLS, LEARNED, NETWORK, RULE

DT = 1e-4
STEPS = 120
# A relay spikes when it is told to, and `given` a step after; what a synapse reads of both are states that stay.
SOURCE = """\
.model given {
  state:
    due = 0
    v = 3 mV
    g = 0 mV
  step:
    due := due
  spike: due > 0
  reset:
    due := due - 1
  receive:
    due += weight
  receive port:
    weight : V
    v += weight
}
"""


class Case(NamedTuple):
    """A random case: who is connected, delays in steps by pathway, and the spikes (step, neuron) of both sides."""

    matrix: Array
    delays: dict[str, Array]
    pre: list[tuple[int, int]]
    post: list[tuple[int, int]]


def random_case(seed: int, model: Model) -> Case:
    """Few neurons and many coincidences."""
    chance = np.random.default_rng(seed)
    sizes = chance.integers(1, 5, 2)
    matrix = chance.random(sizes) < 0.7
    matrix[0, 0] = True
    edges = int(matrix.sum())
    delays = {h.delay: chance.integers(0, 6, edges) for h in model.handlers}
    drawn = [chance.integers((1, 0), (STEPS - 1, size), (40, 2)) for size in sizes]
    spikes = [sorted({(int(k), int(n)) for k, n in rows}) for rows in drawn]
    return Case(matrix, delays, *spikes)


class Reference:
    """The contract, connection by connection: states by name, v and g of both sides, and when each had its last event."""

    def __init__(self, model: Model, case: Case) -> None:
        self.model, self.case = model, case
        self.source, self.target = np.nonzero(case.matrix)
        self.parameters = {p.name: p.default for p in model.parameters}
        self.states = [dict(self._initial()) for _ in self.source]
        self.last = [0] * len(self.source)
        self.ends = {
            end: {"v": [3e-3] * size, "g": [0.0] * size} for end, size in zip((PRE, POST), case.matrix.shape, strict=True)
        }

    def _initial(self) -> dict[str, float]:
        return {s.name: self._number(s.initial, self.parameters) for s in self.model.states}

    def _number(self, expression: Expression, known: dict[str, Any]) -> float:
        values = dict(known)
        for definition in (d for d in self.model.definitions if symbols(d.expression) <= values.keys()):
            values[definition.name] = evaluate(definition.expression, {n: values[n] for n in symbols(definition.expression)})
        return float(evaluate(expression, {n: values[n] for n in symbols(expression)}))

    def _known(self, edge: int) -> dict[str, Any]:
        ends = {
            f"{name}_{end}": values[self._at(edge, end)] for end, both in self.ends.items() for name, values in both.items()
        }
        return self.parameters | self.states[edge] | ends

    def _at(self, edge: int, end: str) -> int:
        return int((self.source if end == PRE else self.target)[edge])

    def step(self, k: int) -> None:
        """One step: equations of every step, what arrives from before, and what arrives from behind."""
        for edge, states in enumerate(self.states):
            rate = next(s.rate for s in self.model.stages[0] if s.method == "euler")
            states["q"] += DT * self._number(rate, self._known(edge))
        sent: list[tuple[int, float]] = []
        for event in (PRE, POST):
            for handler in (h for h in self.model.handlers if h.event == event):
                self._pathway(k, handler, sent)
            for edge, number in sent:
                self.ends[POST]["v"][self._at(edge, POST)] += 1e-3 * number
            sent.clear()

    def _pathway(self, k: int, handler: Handler, sent: list[tuple[int, float]]) -> None:
        spikes = self.case.pre if handler.event == PRE else self.case.post
        late, neurons = self.case.delays[handler.delay], self.source if handler.event == PRE else self.target
        for fired, neuron in spikes:
            for edge in np.flatnonzero(neurons == neuron):
                if fired + int(late[edge]) == k:
                    self._act(k, handler, int(edge), sent)

    def _act(self, k: int, handler: Handler, edge: int, sent: list[tuple[int, float]]) -> None:
        states, t, tau = self.states[edge], (k - self.last[edge]) * DT, self.parameters["tau"]
        decay, slow = np.exp(-t / tau), np.exp(-t / (2 * tau))
        a, b, c = states["a"], states["b"], states["c"]
        # b' = (c - b)/tau with c = 1 + (c0 - 1) e^(-t/2tau)
        states |= {"a": a * decay, "c": 1 + (c - 1) * slow, "b": 1 + 2 * (c - 1) * slow + (b - 1 - 2 * (c - 1)) * decay}
        for statement in handler.statements:
            value = self._number(statement.value, self._known(edge))
            if not isinstance(statement, Assignment):
                sent.append((edge, value))
            elif statement.variable in states:
                states[statement.variable] = value
            else:
                name, _, end = statement.variable.rpartition("_")
                self.ends[end][name][self._at(edge, end)] = value
        self.last[edge] = k


def ran(case: Case, lanes: int = 1) -> Result:
    """The case on the machine."""
    pre, post = case.matrix.shape
    lines = [
        f"POP pre, given, {pre}",
        f"POP post, given, {post}",
        "SYN s, pre, post.port",
        f"CON s, {case.matrix.astype(int).tolist()}",
    ]
    lines += ["VIA s, rule", "SET s.weight, 1 mV", *(f"SET s.{n}, {(v * DT).tolist()}" for n, v in case.delays.items())]
    for name, spikes in (("pre", case.pre), ("post", case.post)):
        lines.append(f"EVT {name}, {[[(k - 1) * DT, n] for k, n in spikes]}, 1")
    lines += ["REC s.w", "REC s.q", "REC post.v", "REC post.g", f"RUN {STEPS * DT!r} s"]
    lines += [f"RD s.{name}" for name in ("w", "a", "b", "c", "q", "last_event")]
    return run("\n".join([RULE + SOURCE, *lines, ""]), lanes=lanes)


@pytest.mark.parametrize("seed", range(8))
def test_random_cases_follow_the_contract(seed: int) -> None:
    model = parse_model(RULE)
    case = random_case(seed, model)
    reference, result = Reference(model, case), ran(case)
    values = {name: result.recordings[name].values[0] for name in ("s.w", "s.q", "post.v", "post.g")}
    for k in range(STEPS):
        expected = {"s.w": [s["w"] for s in reference.states], "s.q": [s["q"] for s in reference.states]}
        expected |= {f"post.{name}": reference.ends[POST][name] for name in ("v", "g")}
        for name, wanted in expected.items():
            assert np.allclose(values[name][k], wanted, rtol=1e-11, atol=1e-14), (name, k)
        reference.step(k)
    final = {one.what: np.asarray(one.value)[0] for one in result.results}
    for name in ("w", "a", "b", "c", "q"):
        assert np.allclose(final[f"s.{name}"], [s[name] for s in reference.states], rtol=1e-11, atol=1e-14), name
    assert np.allclose(final["s.last_event"], np.array(reference.last) * DT)


def test_all_lanes_of_a_case_without_noise_are_alike() -> None:
    case = random_case(3, parse_model(RULE))
    one, many = (ran(case, lanes).recordings["s.w"].values for lanes in (1, 20))
    assert many.shape[0] == 20 and (many == one).all()


def test_lanes_with_noise_learn_apart() -> None:
    result = run(LEARNED, lanes=3)
    weights = result.recordings["s.w"].values
    assert (np.ptp(weights, axis=0)[1:9] > 0).any() and np.isfinite(weights).all()
    still = result.recordings["s.still"].values
    assert (still == 0.6).all()


# --- instructions -------------------------------------------------------------------------------------

SHORT = RULE + CELLS + NETWORK


def outputs(lines: str) -> dict[str, Any]:
    """What a program puts out, in its one lane."""
    return {one.what: np.ravel(one.value) for one in run(SHORT + lines + "\n").results}


def test_connections_are_in_the_order_of_sources_and_targets() -> None:
    found = outputs("RD own.pre\nRD own.post")
    assert found["own.pre"].tolist() == [0, 0, 1, 2, 3] and found["own.post"].tolist() == [1, 3, 0, 1, 2]


def test_states_start_as_they_are_set() -> None:
    found = outputs("RD s.w\nRD own.w\nRD own.still\nSET own.w, [0, 0.1, 0.2, 0.3, 0.4]\nRUN 0\nRD own.a")
    assert (found["s.w"] == 0.4).all() and ((found["own.w"] > 0.3) & (found["own.w"] < 0.7)).all()
    assert np.allclose(found["own.still"], [0.2, 0.4, 0.6, 0.4, 0.2])
    again = outputs("SET own.w, [0, 0.1, 0.2, 0.3, 0.4]\nRD own.w")
    assert again["own.w"].tolist() == [0, 0.1, 0.2, 0.3, 0.4]


def test_states_stay_when_the_weights_of_a_matrix_are_multiplied() -> None:
    found = outputs("RUN 1 ms\nSET own.w, [0, 0.1, 0.2, 0.3, 0.4]\nSET own.weight, 2\nRD own.w")
    assert found["own.w"].tolist() == [0, 0.1, 0.2, 0.3, 0.4]


def test_parameters_and_states_are_drawn_by_connection() -> None:
    lines = "SET own.w, uniform(0.1, 0.9)\nSET own.gain, normal(0.2, 0.1, 0)\nRD own.w\nRD own.still\nRUN 3 ms\nRD own.w"
    one, three = run(f"{SHORT}{lines}\n", lanes=1), run(f"{SHORT}{lines}\n", lanes=3, threads=2)
    w, still, _ = (np.ravel(found.value) for found in one.results)
    assert len(set(w)) == 5 and (w > 0.1).all() and (w <= 0.9).all()
    assert len(set(still)) == 5 and (still > 0).all()
    for ours, theirs in zip(one.results, three.results, strict=True):
        assert np.array_equal(np.ravel(ours.value), np.asarray(theirs.value)[0])
    assert all((np.asarray(found.value) == np.asarray(found.value)[0]).all() for found in three.results[:2])


def test_reset_goes_back_to_what_was_set_before_the_first_run() -> None:
    found = outputs("SET own.w, 0.7\nRUN 5 ms\nSET own.w, 0.1\nRST\nRD own.w\nRD own.last_event")
    assert (found["own.w"] == 0.7).all() and (found["own.last_event"] == 5e-3).all()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("SET own.w, [1, 2, 3]", "SET own.w got 3 numbers, and there are 5 connections"),
        ("SET own.tau, [1, 2, 3]", "SET own.tau got 3 numbers, and there are 5 connections"),
        ("SET own.gain, [0.2]", "SET own.gain got 1 numbers, and there are 5 connections"),
        ("SET own.w, [0.2]", "SET own.w got 1 numbers, and there are 5 connections"),
        ("REC own.w, 1 ms, [4, 5]", "own.w has no connection 5; there are 5"),
        ("RUN 1 ms\nPEEK r0, own.w, 5", "connection 5 does not exist; indices go from 0 to 4"),
        ("MOV r0, -1\nSET own.tau, r0", "SET got -1"),
    ],
)
def test_what_only_the_run_can_know_is_a_fault(lines: str, says: str) -> None:
    with pytest.raises(BioasmError) as raised:
        outputs(lines)
    assert raised.value.diagnostics[0].code == "B402" and says in raised.value.diagnostics[0].message


def test_delays_are_as_many_as_connections() -> None:
    with pytest.raises(BioasmError) as raised:
        outputs("SET own.post_delay, [1e-3, 0]\nRUN 1 ms")
    assert raised.value.diagnostics[0].code == "B106"
    assert "own.post_delay is given 2 numbers, and there are 5 connections" in raised.value.diagnostics[0].message


def test_a_state_that_leaves_the_finite_range_ends_the_run() -> None:
    with pytest.raises(BioasmError) as raised:
        run(LEARNED.replace("send w + 0.01*q", "send 0\n    a := 1/(still - 0.6)").replace("both*(0.1 mV)", "0 mV"))
    assert raised.value.diagnostics[0].code == "B407" and "s.a" in raised.value.diagnostics[0].message


def test_rows_of_any_length_follow_the_pair_rule() -> None:
    """Rows of 13 connections: three times four side by side, and one; by hand after one spike of each side."""
    text = """
        POP pre, given, 13
        POP post, given, 13
        SYN s, pre, post.port
        CON s, all
        VIA s, stdp_pair
        EVT pre, {pre}, 1
        EVT post, {post}, 1
        RUN 40 ms
        RD s.w
        RD s.apre
    """
    pre, post = 1e-3 * np.arange(1, 14), 1e-3 * np.arange(30, 17, -1)
    spikes = {"pre": [[t, i] for i, t in enumerate(pre.tolist())], "post": [[t, i] for i, t in enumerate(post.tolist())]}
    w, apre = (np.asarray(one.value)[0].reshape(13, 13) for one in run(SOURCE + text.format(**spikes)).results)
    decay = np.exp(-(post - pre[:, None]) / 20e-3)
    assert np.allclose(apre, 0.01 * decay, rtol=1e-11, atol=0.0)
    assert np.allclose(w, 0.5 + 0.01 * decay, rtol=1e-11, atol=0.0)
