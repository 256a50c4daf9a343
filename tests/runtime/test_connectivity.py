"""Connections by rule and by matrix: who is reached, how often, with which weight, and that only the seed decides."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError
from bioasm.isa.program import Dense, Sparse
from bioasm.network.wiring import Candidates, Rule, read_rule
from bioasm.runtime import patterns, sampling
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.connectivity import connect, from_matrix, from_rule
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.vm.support import machine, run


def mask(
    rule: str, number: float, pre: int, post: int, seed: int = 1, place: int = 0, itself: bool = False
) -> NDArray[np.float64]:
    """How often each pair is connected, (pre, post)."""
    said = read_rule(rule)
    assert isinstance(said, Rule)
    among = Candidates(pre, post, 0 if itself else None, said.autapses)
    start, reached, weight = from_rule(said, number, among, seed, place)
    assert start[0] == 0
    assert start[-1] == len(reached)
    assert weight.tolist() == [1.0]  # of all connections
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


@pytest.mark.parametrize("rule", ["probability", "indegree", "outdegree", "total", "outdegree with multapses"])
def test_the_seed_and_the_projection_decide_alone(rule: str) -> None:
    number = 0.4 if rule == "probability" else 4
    first = mask(rule, number, 12, 15)
    assert (mask(rule, number, 12, 15) == first).all()
    assert (mask(rule, number, 12, 15, seed=2) != first).any()
    assert (mask(rule, number, 12, 15, place=1) != first).any()
    assert (mask(rule, number, 12, 15, seed=1 << 32) != first).any()


# --- a number in all, multapses, autapses -----------------------------------------------------------


@pytest.mark.parametrize("total", [0, 1, 30, 119, 120, 121, 200, 240])
def test_a_total_without_multapses_is_of_different_pairs(total: int) -> None:
    found = mask("total", total, 8, 30)
    assert found.sum() == total
    assert found.max(initial=0) <= 1


@pytest.mark.parametrize("total", [0, 1, 240, 5000])
def test_a_total_with_multapses_may_be_more_than_the_pairs(total: int) -> None:
    assert mask("total with multapses", total, 8, 30).sum() == total


@pytest.mark.parametrize("side", ["indegree", "outdegree"])
@pytest.mark.parametrize("degree", [0, 1, 8, 100])
def test_a_degree_with_multapses_may_be_more_than_the_neurons(side: str, degree: int) -> None:
    found = mask(f"{side} with multapses", degree, 8, 30)
    assert (found.sum(axis=0 if side == "indegree" else 1) == degree).all()


RULES = [("all", 0), ("probability", 0.5), ("probability", 1), ("indegree", 6), ("outdegree", 2), ("total", 11), ("total", 41)]
WITH_MULTAPSES = [("indegree", 9), ("outdegree", 9), ("total", 90)]


@pytest.mark.parametrize(("rule", "number"), [*RULES, *((f"{kind} with multapses", number) for kind, number in WITH_MULTAPSES)])
def test_without_autapses_no_neuron_connects_to_itself(rule: str, number: float) -> None:
    found = mask(f"{rule} without autapses", number, 7, 7, itself=True)
    assert not found.diagonal().any()
    if rule == "probability":
        return
    whole = {"all": 42, "indegree": 7 * number, "outdegree": 7 * number, "total": number}
    assert found.sum() == whole[rule.split()[0]]
    assert "multapses" in rule or found.max() <= 1


def test_autapses_are_made_where_nothing_is_said() -> None:
    for rule, number in [*RULES, *((f"{kind} with multapses", number) for kind, number in WITH_MULTAPSES)]:
        assert any(mask(rule, number, 7, 7, seed, itself=True).diagonal().any() for seed in range(3))


def chi_square(counts: NDArray[np.float64]) -> float:
    """How many standard deviations the chi-square of counts that should be even lies above its mean."""
    expected = counts.sum() / counts.size
    return float((((counts - expected) ** 2 / expected).sum() - (counts.size - 1)) / math.sqrt(2 * (counts.size - 1)))


@pytest.mark.parametrize("total", [1, 3, 5, 8])
def test_every_set_of_pairs_is_equally_probable(total: int) -> None:
    """Of the 9 pairs of three neurons, and of the 6 without autapses."""
    for rule, pairs in (("total", 9), ("total without autapses", 6)):
        if total > pairs:
            continue
        sets = [mask(rule, total, 3, 3, seed, itself=True).ravel() @ (2 ** np.arange(9)) for seed in range(1500)]
        counts = np.unique(sets, return_counts=True)[1]
        assert len(counts) == math.comb(pairs, total)
        assert chi_square(counts) < 3.5


def test_a_total_with_multapses_is_multinomial() -> None:
    """Counts of pairs are even, of rows binomial: the sum of squares over expectations is chi-square."""
    found = mask("total with multapses", 90_000, 30, 30)
    assert abs(chi_square(found)) < 4
    assert abs(chi_square(found.sum(axis=0))) < 4
    assert abs(chi_square(found.sum(axis=1))) < 4


def test_an_indegree_with_multapses_draws_sources_independently() -> None:
    """Pairs of draws fall together with the probability 1/n: Binomial(4000, 1/20) targets have their one source twice."""
    found = mask("indegree with multapses", 2, 20, 4000)
    assert (found == 2).sum() == pytest.approx(200, abs=4 * math.sqrt(190))
    assert abs(chi_square(found.sum(axis=1))) < 4


def test_without_autapses_partners_are_drawn_evenly() -> None:
    for rule, number in (("outdegree", 4), ("outdegree with multapses", 4), ("indegree", 4), ("total", 40), ("total", 70)):
        found = sum(mask(f"{rule} without autapses", number, 10, 10, seed, itself=True) for seed in range(400))
        assert chi_square(found[~np.eye(10, dtype=bool)]) < 4


def test_a_row_of_many_draws_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mask("outdegree with multapses", 500, 3, 4)
    monkeypatch.setattr(sampling, "_DRAWS", 50)
    assert (mask("outdegree with multapses", 500, 3, 4) == whole).all()


NUMBERED = ("total", "indegree", "outdegree")


@given(
    st.sampled_from(["all", "probability", *NUMBERED, *(f"{rule} with multapses" for rule in NUMBERED)]),
    st.builds(Candidates, st.integers(1, 11), st.integers(1, 11), st.none() | st.integers(-6, 6), st.booleans()),
    st.floats(0, 1),
    st.sampled_from([3, 7, 1 << 19]),
)
def test_order_is_by_source_then_target(rule: str, among: Candidates, share: float, block: int) -> None:
    """Nothing sorts afterwards: what values in connection order and other drivers count on is how rows are made."""
    kind, *several = rule.split()
    fewest = {"indegree": among.transposed.fewest, "outdegree": among.fewest, "total": among.pairs}.get(kind, 1)
    most = 30 * (fewest > 0) if several else fewest
    said = read_rule(rule)
    assert isinstance(said, Rule)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patterns, "_BLOCK", block)
        number = share if kind == "probability" else float(round(share * most))
        start, reached, _ = from_rule(said._replace(autapses=among.autapses), number, among, 1, 0)
    for source, (first, end) in enumerate(pairwise(start)):
        row = reached[first:end].astype(np.int64)
        assert (np.diff(row) >= (0 if several else 1)).all()
        assert among.autapses or among.shift is None or source + among.shift not in row


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
    start, _, _ = from_rule(Rule("probability"), 1e-5, Candidates(2000, 1_000_000), 3, 0)
    assert start[-1] == pytest.approx(20_000, abs=5 * math.sqrt(20_000))


@pytest.mark.parametrize(
    ("rule", "number"),
    [("probability", 0.2), ("outdegree", 7), ("outdegree", 19), ("indegree", 7), ("total", 300), ("total", 900),
     ("total with multapses", 700), ("outdegree with multapses", 200), ("indegree with multapses", 30)],
)  # fmt: skip
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
    start, reached, _ = from_rule(Rule("probability"), 1e-7, Candidates(1_000_000, 1_000_000), 1, 0)
    assert start[-1] == len(reached) == pytest.approx(100_000, abs=5 * math.sqrt(100_000))


# --- matrices, and the machine -------------------------------------------------------------------------


def test_a_dense_matrix_connects_where_it_is_not_0() -> None:
    data = Dense(np.array([[0.0, 1.5], [-2.0, 0.0], [0.25, 3.0]]))
    start, reached, weight = from_matrix(data)
    assert start.tolist() == [0, 1, 2, 4]
    assert reached.tolist() == [1, 0, 0, 1]
    assert weight.tolist() == [1.5, -2.0, 0.25, 3.0]


def test_a_symmetric_matrix_connects_both_ways() -> None:
    entries = np.array([0, 0, 1], np.int32), np.array([0, 2, 2], np.int32), np.array([1.0, 2.0, 3.0])
    start, reached, weight = from_matrix(Sparse((3, 3), *entries, symmetric=True))
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


# --- parts of populations ------------------------------------------------------------------------------


def pairs(syn: str, rule: str) -> list[tuple[int, int]]:
    """The connections of a projection within ten neurons."""
    text = f"POP cells, lif, 10\nSYN s, {syn}\nCON s, {rule}\nSET s.weight, 1 mV\nRUN 1 ms\n"
    verified = verify(assemble(text))
    start, reached, weight = connect(verified, verified.network.projections[0], ConnectionValues(1.0), 7)
    assert len(start) == 11
    assert (len(weight), len(reached)) == (1, start[-1])
    return [*zip(np.repeat(np.arange(10), np.diff(start)).tolist(), reached.tolist(), strict=True)]


def test_parts_of_a_population_connect_their_neurons() -> None:
    assert pairs("cells[2:4], cells[7:]", "all") == [(i, j) for i in (2, 3) for j in (7, 8, 9)]
    assert pairs("cells[:3], cells[5:8]", "one_to_one") == [(0, 5), (1, 6), (2, 7)]
    assert pairs("cells[9], cells[:2]", "[[0, 3]]") == [(9, 1)]
    assert pairs("cells[8:], cells[4:6]", "sparse(2) { 0 1 1 | 1 0 1 }") == [(8, 5), (9, 4)]


@pytest.mark.parametrize("syn", ["cells[0:6], cells[4:9]", "cells[4:9], cells[0:6]", "cells[3], cells", "cells, cells[9]"])
def test_an_autapse_is_of_a_neuron_and_not_of_a_place(syn: str) -> None:
    every = pairs(syn, "all")
    assert pairs(syn, '"all without autapses"') == [(i, j) for i, j in every if i != j]
    for rule in ('"total without autapses", 4', '"probability without autapses", 0.9', '"outdegree with multapses", 3'):
        found = pairs(syn, rule)
        assert set(found) <= set(every)
        assert "without" not in rule or not any(i == j for i, j in found)


def test_a_part_may_be_a_mechanism_or_a_port() -> None:
    text = "POP c, hh, 6\nMECH m, ampa, c\nSYN s, c[0:2], m[4:6]\nCON s, all\nRUN 1 ms\n"
    verified = verify(assemble(text))
    assert connect(verified, verified.network.projections[0], ConnectionValues(1.0), 7)[1].tolist() == [4, 5, 4, 5]
