"""Connections by conditions and positions: exact small cases, statistics by distance, and the bits of functions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from bioasm.demand import footprint
from bioasm.demand.footprint import check_demand, demand
from bioasm.diagnostics import BioasmError
from bioasm.isa.limits import LIMITS, Limit
from bioasm.runtime import array_functions, conditions, elementary, exact
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.connectivity import connect
from bioasm.runtime.positions import positions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify


def network(condition: str, pos: str = "", syn: str = "cells, cells", n: int = 12) -> Verified:
    text = f'POP cells, lif, {n}\n{pos}SYN s, {syn}\nCON s, "{condition}"\nSET s.weight, 1 mV\nRUN 1 ms\n'
    return verify(assemble(text))


def mask(condition: str, pos: str = "", syn: str = "cells, cells", n: int = 12, seed: int = 3) -> NDArray[np.bool_]:
    """Which pairs are connected, (n, n)."""
    verified = network(condition, pos, syn, n)
    start, reached, _ = connect(verified, verified.network.projections[0], ConnectionValues(1.0), seed)
    assert all((np.diff(reached[one:end].astype(np.int64)) > 0).all() for one, end in zip(start, start[1:], strict=False))
    found = np.zeros((n, n), bool)
    found[np.repeat(np.arange(n), np.diff(start)), reached] = True
    assert found.sum() == len(reached)
    return found


ROW, COLUMN = np.indices((12, 12))


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("i != j", ROW != COLUMN),
        ("i == j or j == 0", (ROW == COLUMN) | (COLUMN == 0)),
        ("not (i < j and j < 7)", ~((ROW < COLUMN) & (COLUMN < 7))),
        ("abs(i - j) <= 2 and i + j != N_pre - 1", (abs(ROW - COLUMN) <= 2) & (ROW + COLUMN != 11)),
        ("min(i, j) >= floor(N_post/5)", np.minimum(ROW, COLUMN) >= 2),
        ("where(i < 3, j, i) == 5", np.where(ROW < 3, COLUMN, ROW) == 5),
        ("i/j > 1e300", (COLUMN == 0) & (ROW > 0)),
        ("1 < 0", np.zeros((12, 12), bool)),
        ("-i^2 < -50", ROW**2 > 50),
    ],
)
def test_conditions_hold_for_their_pairs(condition: str, wanted: NDArray[np.bool_]) -> None:
    assert (mask(condition) == wanted).all()


def test_places_are_counted_in_parts() -> None:
    found = mask("i == 0 and j < N_post - 1", syn="cells[3:5], cells[8:]")
    assert np.argwhere(found).tolist() == [[3, 8], [3, 9], [3, 10]]


@pytest.mark.parametrize("pairs", [1, 5, 40])
def test_blocks_change_nothing(pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = mask("i != j and u < 0.4")
    monkeypatch.setattr(conditions, "PAIRS", pairs)
    assert (mask("i != j and u < 0.4") == whole).all()


def test_the_random_number_is_one_of_each_pair() -> None:
    whole = mask("u < 0.3", n=200)
    assert whole.mean() == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / 40_000))
    assert not mask("u < 0.3 and u >= 0.3", n=200).any()
    assert (mask("i > 4 and u < 0.3", n=200) == (whole & (np.arange(200) > 4)[:, None])).all()
    assert (mask("u < 0.3", n=200, seed=4) != whole).any()
    rows, columns = whole.sum(axis=1), whole.sum(axis=0)
    assert rows.var() == pytest.approx(200 * 0.21, rel=0.5)
    assert columns.var() == pytest.approx(200 * 0.21, rel=0.5)


# --- positions ---------------------------------------------------------------------------------------


def where(pos: str, n: int = 12) -> NDArray[np.float64]:
    return positions(network("i < 0", f"POS cells, {pos}\n", n=n), 0, 5)


def test_grids_are_filled_along_x() -> None:
    assert where('"grid 4 x 3", 2 m').tolist() == [[2 * (k % 4), 2 * (k // 4)] for k in range(12)]
    assert where("grid, 1 m").tolist() == [[k % 4, k // 4] for k in range(12)]
    assert where('"grid 12", 1 m').tolist() == [[k] for k in range(12)]
    assert where('"grid 2 x 3 x 2", 1 m')[7].tolist() == [1, 0, 1]


def test_random_positions_are_even_in_their_box() -> None:
    for word, dimensions in (("random", 2), ('"random 1d"', 1), ('"random 3d periodic"', 3)):
        found = where(f"{word}, 4 m", 4000)
        assert found.shape == (4000, dimensions)
        assert found.min() >= 0 and found.max() < 4
        counts = np.histogramdd(found, 4, [(0, 4)] * dimensions)[0].ravel()
        expected = 4000 / counts.size
        assert ((counts - expected) ** 2 / expected).sum() < counts.size + 4 * math.sqrt(2 * counts.size)


def test_distances_are_euclidean_or_of_the_nearest_image() -> None:
    table = "[[0, 0], [3, 4], [9, 0]]"
    assert mask("d == 5 m", f"POS cells, {table}\n", n=3).tolist() == [[False, True, False], [True, False, False], [False] * 3]
    assert mask("d == 1 m", f"POS cells, {table}, 10 m\n", n=3)[0].tolist() == [False, False, True]
    near = mask("d < 1.1 m", 'POS cells, "grid 4 x 3 periodic", 1 m\n')
    assert (near.sum(axis=1) == 5).all()  # itself and four neighbours
    assert near[0, [0, 1, 3, 4, 8]].all()
    assert (mask("d < 1.1 m", 'POS cells, "grid 4 x 3", 1 m\n')[0].nonzero()[0] == [0, 1, 4]).all()
    assert mask("x_pre > x_post and y_pre == y_post", 'POS cells, "grid 4 x 3", 1 m\n')[6].nonzero()[0].tolist() == [4, 5]


def test_connections_fall_with_distance() -> None:
    """Pairs by distance: each shell has as many connections as exp(-d/s) of its pairs, within 4 standard deviations."""
    n, s = 900, 3.0
    found = mask("i != j and d < 12 m and u < exp(-d/(3 m))", 'POS cells, "grid 30 x 30", 1 m\n', n=n)
    places = np.stack([np.arange(n) % 30, np.arange(n) // 30], axis=1)
    apart = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=2))
    assert not found[apart >= 12].any() and not found.diagonal().any()
    for low in range(12):
        shell = (apart > low) & (apart <= low + 1) & (apart < 12)
        p = np.exp(-apart[shell] / s)
        assert abs(found[shell].sum() - p.sum()) < 4 * math.sqrt((p * (1 - p)).sum())


# --- functions -----------------------------------------------------------------------------------------


def test_functions_have_the_bits_of_compiled_code() -> None:
    special = [0.0, -0.0, 1e-320, 800, -800, -740, math.inf, -math.inf, math.nan, 1e300, -1e22]
    x = np.concatenate([np.random.default_rng(1).normal(size=400) * 20, special])
    with np.errstate(all="ignore"):
        for name in ("exp", "log", "sin", "cos", "tanh", "exprelr"):
            one = np.array([elementary.UNARY[name](exact.PYTHON, float(v)) for v in x])
            assert (array_functions.FUNCTIONS[name](x).view(np.uint64) == one.view(np.uint64)).all(), name
        y = np.random.default_rng(2).normal(size=x.size) * 3
        one = np.array([exact.power(abs(float(a)), float(b)) for a, b in zip(x, y, strict=True)])
        assert (array_functions.OPERATORS["^"](np.abs(x), y).view(np.uint64) == one.view(np.uint64)).all()


# --- what is counted and refused --------------------------------------------------------------------------


@pytest.mark.parametrize("condition", ["i != j", "u < 0.1", "i < 3 and u < 0.5", "1 < 0", "d < 2 m and u < exp(-d/(1 m))"])
@pytest.mark.parametrize("n", [12, 2000])
def test_estimates_hold(condition: str, n: int) -> None:
    verified = network(condition, "POS cells, grid, 1 m\n", n=n)
    needed = demand(verified)
    assert needed.work.candidates == n * n
    made = (
        len(connect(verified, verified.network.projections[0], ConnectionValues(1.0), 9)[1])
        if n < 100 or "d" not in condition
        else 0
    )
    assert made <= needed.work.connections <= n * n


@pytest.mark.parametrize("condition", ["i == 0", "j == 7", "i == j"])
def test_few_connections_of_many_pairs_are_not_estimated_as_many(condition: str) -> None:
    assert demand(network(condition, n=100_000)).work.connections < 1e7


def test_numbers_of_places_do_not_overflow() -> None:
    assert mask("i*i*i*i*i*i*i*i*1000000 < 0", n=400).sum() == 0


def test_pairs_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "candidate_pairs", Limit(143, "a test"))
    with pytest.raises(BioasmError, match="conditions look at 144 pairs"):
        check_demand(demand(network("i != j")), here=False)


def test_connections_of_a_condition_are_bounded_while_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "network_bytes", Limit(2 * 131, "a test"))
    with pytest.raises(BioasmError, match="B111"):
        mask("i != j")


REFUSED = {
    "i +": "B020", "i = j": "B020", "i + j": "B022", "i + 1 and j": "B022", "(i < 1) > 2": "B022",
    "d < 3": "B022", "d + 1 > u": "B022",    "dd < 3 m": "B021", "t < 1 s": "B021", "z_pre < 1 m": "B021",
    "foo(i) < 1": "B027", "exp(i, j) < 1": "B027",
    "held(i) < 1": "B027", "i < 1 furlong": "B005", "i < 1e999": "B009", "i crosses 3": "B020",
    "i < '": "B020", "u < exp(-d)": "B022",
}  # fmt: skip


@pytest.mark.parametrize("condition", REFUSED)
def test_refused_conditions(condition: str) -> None:
    with pytest.raises(BioasmError) as caught:
        network(condition, "POS cells, grid, 1 m\n")
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.line) == (REFUSED[condition], 4)


@pytest.mark.parametrize(
    ("pos", "code"),
    [
        ("cells, grid", "B126"), ("cells, grid, 0", "B126"), ('cells, "grid 3 x 5", 1 m', "B106"), ("cells, hex, 1 m", "B126"),
        ("cells, [[1, 2]]", "B106"), ("cells, [1, 2]", "B106"), ("cells, sparse(12) { 0 1 1 }", "B106"),
        ("cell, grid, 1 m", "B120"),
        ("cells[0:2], grid, 1 m", "B120"), ('cells, "random 4d", 1 m', "B126"), ("cells, grid, 1 mV", "B006"),
        ('cells, "grid periodic 3", 1 m', "B126"), ('cells, " ", 1 m', "B126"),
        ("cells, grid, 1 m\nPOS cells, grid, 1 m", "B122"),
    ],
)  # fmt: skip
def test_refused_positions(pos: str, code: str) -> None:
    with pytest.raises(BioasmError) as caught:
        verify(assemble(f"POP cells, lif, 12\nPOS {pos}\nRUN 1 ms\n"))
    assert caught.value.diagnostics[0].code == code


def test_distance_needs_positions_of_both_sides() -> None:
    text = 'POP a, lif, 4\nPOP b, lif, 4\nPOS a, grid, 1 m\nPOS b, {}\nSYN s, a, b\nCON s, "d < 2 m"\nRUN 1 ms\n'
    for other in ('"grid 4", 1 m', '"grid periodic", 1 m'):
        with pytest.raises(BioasmError, match="B021") as caught:
            verify(assemble(text.format(other)))
        assert "POS" in str(caught.value.diagnostics[0].hint)
    verify(assemble(text.format("random, 1 m")))


def test_random_positions_differ_between_populations() -> None:
    text = "POP a, lif, 4\nPOP b, lif, 4\nPOS a, random, 1 m\nPOS b, random, 1 m\nRUN 1 ms\n"
    verified = verify(assemble(text))
    assert (positions(verified, 0, 1) != positions(verified, 1, 1)).all()
    assert footprint.demand(verified).work.candidates == 0
