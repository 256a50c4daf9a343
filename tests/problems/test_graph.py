"""Graphs in rudy's format: what is read, what is refused and where, and the energy of a cut."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.problems.graph import Graph, max_cut, read_gset
from tests.problems.exact import states, value


def faults(text: bytes):
    with pytest.raises(BioasmError) as caught:
        read_gset(text, "g.txt")
    return [(d.span.line, d.message) for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    "text",
    [
        b"3 2\n1 2 5\n3 2 -1\n",
        b"3 2 \n1 2 5 \n3 2 -1 \n\n\n",
        b"3 2\r\n1 2 5\r\n3 2 -1\r\n",
        b"# a comment\n3 2\nc another\n1 2 5\n% third\n3 2 -1",
        b"\n\n  3\t2\n 1 2 5.0\n 3 2 -1e0\n",
    ],
)
def test_the_same_graph_in_many_spellings(text):
    graph = read_gset(text, "g")
    assert graph.n == 3
    assert (graph.u.tolist(), graph.v.tolist(), graph.weight.tolist()) == ([0, 1], [1, 2], [5, -1])


def test_a_missing_weight_is_one():
    graph = read_gset(b"3 2\n1 2\n2 3 4\n", "g")
    assert graph.weight.tolist() == [1, 4]


def test_edges_keep_their_order_and_get_sorted_ends():
    graph = read_gset(b"4 3\n4 1 1\n3 2 1\n1 2 1\n", "g")
    assert list(zip(graph.u.tolist(), graph.v.tolist(), strict=True)) == [(0, 3), (1, 2), (0, 1)]


def test_a_graph_may_have_no_edges():
    assert len(read_gset(b"5 0\n", "g").u) == 0


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        (b"", 1, "empty"),
        (b"\n# only a comment\n", 1, "empty"),
        (b"3\n1 2 1\n", 1, "two whole numbers"),
        (b"3 1 1\n1 2 1\n", 1, "two whole numbers"),
        (b"\n\n3.5 1\n1 2 1\n", 3, "two whole numbers"),
        (b"0 0\n", 1, "two whole numbers"),
        (b"-3 1\n1 2 1\n", 1, "two whole numbers"),
        (b"3 1\n1\n", 2, "1 numbers"),
        (b"3 2\n1 2 1\n\n1 2 3 4\n", 4, "4 numbers"),
        (b"3 2\n1 2 1\n", 1, "announces 2 edges, but 1 follow"),
        (b"# x\n3 1\n1 2 1\n2 3 1\n", 2, "announces 1 edges, but 2 follow"),
        (b"3 1\n0 2 1\n", 2, "0 is none of the vertices, which are 1 to 3"),
        (b"3 1\n1 4 1\n", 2, "4 is none of the vertices"),
        (b"3 1\n1 2.5 1\n", 2, "2.5 is none of the vertices"),
        (b"3 1\n-1 2 1\n", 2, "-1 is none of the vertices"),
        (b"3 1\n1 1e18 1\n", 2, "1e+18 is none of the vertices"),
        (b"3 1\n2 2 1\n", 2, "joins vertex 2 with itself"),
        (b"3 2\n1 2 1\n1 2 1\n", 3, "edge 1 2 stands on line 2 already"),
        (b"3 3\n1 2 1\n2 3 1\n\n2 1 5\n", 5, "edge 1 2 stands on line 2 already"),
        (b"3 1\n1 2 nan\n", 2, "nan is no finite number"),
        (b"3 1\n1 two 1\n", 2, "'two' is no number"),
        (b"\xff\xfe3 1", 1, "is no number"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, line, part):
    found = faults(text)
    assert found[0][0] == line
    assert part in found[0][1]


def test_all_faults_of_a_kind_are_reported_in_order():
    assert [line for line, _ in faults(b"3 4\n1 9 1\n1 2 1\n8 1 1\n7 7 1\n")] == [2, 4, 5]


def test_loops_and_repeats_are_reported_together():
    assert [line for line, _ in faults(b"3 4\n1 2 1\n2 2 1\n2 1 1\n1 3 1\n")] == [3, 4]


def test_a_message_carries_the_line_as_it_stands():
    with pytest.raises(BioasmError) as caught:
        read_gset(b"3 1\n1 5 1   \r\n", "g.txt")
    found = caught.value.diagnostics[0]
    assert (found.excerpt, found.span.source, found.span.end_column) == ("1 5 1", "g.txt", 6)


def test_too_many_vertices_are_refused_before_anything_is_allocated():
    with pytest.raises(BioasmError) as caught:
        read_gset(b"100000000000 0\n", "g")
    assert caught.value.diagnostics[0].code == "B111"


@pytest.mark.parametrize("seed", range(8))
def test_the_energy_is_minus_the_cut(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 8))
    u, v = np.triu_indices(n, 1)
    kept = rng.random(len(u)) < 0.7
    weight = rng.integers(-3, 4, kept.sum()) / 4 if seed % 2 else rng.normal(size=kept.sum()).round(2)
    graph = Graph(n, u[kept], v[kept], weight.astype(np.float64))
    for domain, polynomial in (("spin", max_cut(graph)), ("bit", max_cut(graph).in_bits())):
        for state in states(n, domain):
            cut = sum(Fraction(w) for a, b, w in zip(graph.u, graph.v, weight.tolist(), strict=True) if state[a] != state[b])
            found = value(polynomial, state)
            assert found == -cut if seed % 2 else abs(found + cut) < 1e-12


def test_max_cut_over_bits_has_no_constant():
    bits = max_cut(Graph(3, np.array([0, 1]), np.array([1, 2]), np.array([3.0, 5.0]))).in_bits()
    assert bits.constant == 0
    assert bits.part(1).value.tolist() == [-3, -8, -5]
    assert bits.part(2).value.tolist() == [6, 10]
