"""Connections by rule and by matrix: who is reached, how often, with which weight, and that only the seed decides."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError
from bioasm.isa.program import Dense, Sparse
from bioasm.runtime import sampling
from bioasm.runtime.connectivity import from_matrix, from_rule
from tests.vm.support import machine, run


def mask(
    rule: str, number: float, pre: int, post: int, seed: int = 1, place: int = 0, itself: bool = False
) -> NDArray[np.float64]:
    """How often each pair is connected, (pre, post)."""
    start, reached, weight = from_rule(rule, number, pre, post, itself, 2.0, seed, place)
    assert start[0] == 0
    assert start[-1] == len(reached) == len(weight)
    assert (weight == 2.0).all()
    found = np.zeros((pre, post))
    np.add.at(found, (np.repeat(np.arange(pre), np.diff(start)), reached), 1)
    return found


def test_all_connects_every_pair_once() -> None:
    assert (mask("all", 0, 4, 7) == 1).all()


def test_others_leaves_out_the_neuron_itself() -> None:
    assert (mask("others", 0, 5, 5, itself=True) == 1 - np.eye(5)).all()


def test_one_to_one_is_the_diagonal() -> None:
    assert (mask("one_to_one", 0, 6, 6) == np.eye(6)).all()


@pytest.mark.parametrize("degree", [0, 1, 3, 8])
def test_indegree_is_that_of_every_target(degree: int) -> None:
    found = mask("indegree", degree, 8, 30)
    assert (found.sum(axis=0) == degree).all()
    assert found.max(initial=0) <= 1


@pytest.mark.parametrize("degree", [0, 1, 3, 30])
def test_outdegree_is_that_of_every_source(degree: int) -> None:
    found = mask("outdegree", degree, 8, 30)
    assert (found.sum(axis=1) == degree).all()
    assert found.max(initial=0) <= 1


@pytest.mark.parametrize("p", [0.0, 0.02, 0.3, 0.9, 1.0])
def test_probability_is_that_of_each_pair(p: float) -> None:
    found = mask("probability", p, 200, 300)
    assert found.mean() == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / 60_000))
    rows, columns = found.sum(axis=1), found.sum(axis=0)
    assert rows.var() == pytest.approx(300 * p * (1 - p), rel=0.5)
    assert columns.var() == pytest.approx(200 * p * (1 - p), rel=0.5)


def test_sources_of_an_indegree_are_drawn_evenly() -> None:
    counts = mask("indegree", 5, 20, 4000).sum(axis=1)
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000)


@pytest.mark.parametrize("rule", ["probability", "indegree", "outdegree"])
def test_the_seed_and_the_projection_decide_alone(rule: str) -> None:
    number = 0.4 if rule == "probability" else 4
    first = mask(rule, number, 12, 15)
    assert (mask(rule, number, 12, 15) == first).all()
    assert (mask(rule, number, 12, 15, seed=2) != first).any()
    assert (mask(rule, number, 12, 15, place=1) != first).any()
    assert (mask(rule, number, 12, 15, seed=1 << 32) != first).any()


# --- the sampling ------------------------------------------------------------------------------------


def test_every_set_of_partners_is_equally_probable() -> None:
    """Chi-square over all sets of k of 5, as drawn and as left out; 3.3 standard deviations."""
    for k in (1, 2, 3, 4):
        found = mask("outdegree", k, 20_000, 5) @ (2 ** np.arange(5))
        counts = np.unique(found, return_counts=True)[1]
        assert len(counts) == math.comb(5, k)
        chi = ((counts - 20_000 / len(counts)) ** 2 / (20_000 / len(counts))).sum()
        assert chi < (len(counts) - 1) + 3.3 * math.sqrt(2 * (len(counts) - 1))


@pytest.mark.parametrize("p", [0.001, 0.05, 0.4, 0.95])
def test_gaps_are_geometric_and_partners_independent(p: float) -> None:
    """All 8 patterns of three neighbours occur as often as independent draws say."""
    found = mask("probability", p, 3000, 300)[:, :300].reshape(-1, 3) @ np.array([1, 2, 4])
    counts = np.bincount(found.astype(int), minlength=8)
    ones = np.array([bin(k).count("1") for k in range(8)])
    expected = found.size * p**ones * (1 - p) ** (3 - ones)
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected) + 5).all()


def test_a_very_small_probability_is_not_rounded() -> None:
    start, _, _ = from_rule("probability", 1e-5, 2000, 1_000_000, False, 1.0, 3, 0)
    assert start[-1] == pytest.approx(20_000, abs=5 * math.sqrt(20_000))


@pytest.mark.parametrize(("rule", "number"), [("probability", 0.2), ("outdegree", 7), ("outdegree", 19), ("indegree", 7)])
def test_blocks_do_not_change_the_connections(rule: str, number: float, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mask(rule, number, 40, 25)
    monkeypatch.setattr(sampling, "_DRAWS", 60)
    assert (mask(rule, number, 40, 25) == whole).all()


@pytest.mark.parametrize(("rule", "number"), [("probability", 0.3), ("outdegree", 9), ("indegree", 9)])
def test_a_first_attempt_that_is_too_short_changes_nothing(rule: str, number: float, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mask(rule, number, 30, 20)
    monkeypatch.setattr(sampling, "SPREADS", -1.0)
    assert (mask(rule, number, 30, 20) == whole).all()


def test_the_logarithm_is_within_two_units_in_the_last_place() -> None:
    x = np.concatenate([np.random.default_rng(1).random(100_000) + 2.0**-53, [1.0, 2.0**-53, 0.5, 1 - 2.0**-53]])
    exact = np.log(x)
    assert (np.abs(sampling.natural_log(x) - exact) <= 2 * np.spacing(np.abs(exact))).all()


@pytest.mark.parametrize("p", [1e-300, 1e-9, 0.1, 0.28, 0.3, 0.7, 1 - 2.0**-53])
def test_the_logarithm_of_the_complement_does_not_cancel(p: float) -> None:
    assert sampling._log_complement(p) == pytest.approx(math.log1p(-p), rel=1e-15)


def test_time_and_memory_are_those_of_the_connections() -> None:
    """A million sources and targets: pairs would fill a terabyte."""
    start, reached, _ = from_rule("probability", 1e-7, 1_000_000, 1_000_000, False, 1.0, 1, 0)
    assert start[-1] == len(reached) == pytest.approx(100_000, abs=5 * math.sqrt(100_000))


# --- matrices, and the machine -------------------------------------------------------------------------


def test_a_dense_matrix_connects_where_it_is_not_0() -> None:
    data = Dense(np.array([[0.0, 1.5], [-2.0, 0.0], [0.25, 3.0]]))
    start, reached, weight = from_matrix(data, 2.0)
    assert start.tolist() == [0, 1, 2, 4]
    assert reached.tolist() == [1, 0, 0, 1]
    assert weight.tolist() == [3.0, -4.0, 0.5, 6.0]


def test_a_symmetric_matrix_connects_both_ways() -> None:
    entries = np.array([0, 0, 1], np.int32), np.array([0, 2, 2], np.int32), np.array([1.0, 2.0, 3.0])
    start, reached, weight = from_matrix(Sparse((3, 3), *entries, symmetric=True), 1.0)
    assert start.tolist() == [0, 2, 3, 5]
    assert reached.tolist() == [0, 2, 2, 0, 1]
    assert weight.tolist() == [1.0, 2.0, 3.0, 2.0, 3.0]


RELAYS = """
POP a, relay, {pre}
POP b, relay, {post}
SYN s, a, b
CON s, {rule}
{more}EVT a, {train}, 1
RUN 3 ms
RD spikes
"""


def reached(rule: str, pre: int, post: int, lanes: int = 1) -> list[list[int]]:
    """Which neurons of b a spike of each neuron of a reaches in the machine, in each lane."""
    train = "[" + ", ".join(f"[{1e-4 * (1 + 2 * k)!r}, {k}]" for k in range(pre)) + "]"
    text = RELAYS.format(pre=pre, post=post, rule=rule, more="SET s.delay, 0.1 ms\n", train=train)
    result = run(text, lanes=lanes)
    found = []
    for lane in range(lanes):
        mine = (result.spikes.lane == lane) & (result.spikes.i >= pre)
        steps = np.rint(result.spikes.t[mine] / 1e-4).astype(int)
        found.append(sorted(zip(((steps - 2) // 2).tolist(), (result.spikes.i[mine] - pre).tolist(), strict=True)))
    return found


@pytest.mark.parametrize(("rule", "number"), [("probability", 0.4), ("indegree", 3), ("outdegree", 2), ("all", None)])
def test_the_machine_sends_spikes_along_the_connections(rule: str, number: float | None) -> None:
    written = rule if number is None else f"{rule}, {number}"
    expected = [(int(i), int(j)) for i, j in np.argwhere(mask(rule, number or 0, 6, 9))]
    assert reached(written, 6, 9, 20) == [expected] * 20


def test_a_mechanism_that_delays_itself_has_one_delay() -> None:
    text = """
        POP a, hh, 2
        MECH s, ampa, a
        SYN one, a, s
        SYN two, a, s
        SET one.delay, 1 ms
        SET two.delay, 2 ms
        CON one, all
        CON two, all
        RUN 1 ms
    """
    with pytest.raises(BioasmError) as refused:
        machine(text).run_slice()
    (found,) = refused.value.diagnostics
    assert found.code == "B402" and "one (0.001 s) and two (0.002 s)" in found.message
