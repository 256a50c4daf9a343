"""The default annealing schedule: it follows the scale of the couplings, and its length the size of the problem."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.problems.cnf import Clauses, unsatisfied
from bioasm.problems.graph import Graph, max_cut
from bioasm.problems.polynomial import SPIN, Monomials, Polynomial, collect
from bioasm.problems.rudy import generate
from bioasm.problems.schedule import MOST_SWEEPS, schedule_for


def scaled(graph: Graph, factor: float) -> Graph:
    return Graph(graph.n, graph.u, graph.v, graph.weight * factor)


@pytest.mark.parametrize("factor", [1e-6, 0.5, 2, 1000])
def test_temperatures_scale_with_the_weights(factor):
    graph = generate("-rnd_graph 100 10 1")
    one, other = schedule_for(max_cut(graph)), schedule_for(max_cut(scaled(graph, factor)))
    assert other.hot == pytest.approx(factor * one.hot, rel=0.06)
    assert other.cold == pytest.approx(factor * one.cold, rel=0.06)
    assert (other.steps, other.sweeps) == (one.steps, one.sweeps)


@pytest.mark.parametrize("name", ["-rnd_graph 800 6 8001", "-toroidal_grid_2D 20 20", "-clique 60"])
def test_it_starts_near_the_local_field_and_ends_below_the_smallest_step(name):
    graph = generate(name)
    schedule = schedule_for(max_cut(graph))
    field = np.sqrt(len(graph.u) * 2 * 0.25 / graph.n)
    assert field <= schedule.hot <= 2 * field
    assert schedule.cold <= 0.5 < schedule.hot


def test_a_small_coupling_lowers_the_last_temperature():
    even = collect(3, SPIN, [Monomials(np.array([[0, 1], [1, 2]]), np.array([1.0, 1.0]))])
    uneven = collect(3, SPIN, [Monomials(np.array([[0, 1], [1, 2]]), np.array([1.0, 0.1]))])
    assert schedule_for(uneven).cold < schedule_for(even).cold / 5


def test_dust_does_not():
    dusty = collect(3, SPIN, [Monomials(np.array([[0, 1], [1, 2]]), np.array([1.0, 1e-17]))])
    assert schedule_for(dusty).cold > 1e-4


def test_larger_problems_get_fewer_sweeps_but_never_none():
    sweeps = [schedule_for(max_cut(generate(f"-toroidal_grid_2D {side} {side}"))).sweeps for side in (3, 30, 100, 300)]
    assert sweeps == sorted(sweeps, reverse=True)
    assert sweeps[0] == MOST_SWEEPS
    huge = collect(1 << 24, SPIN, [Monomials(np.array([[0, 1]]), np.array([1.0]))])
    assert schedule_for(huge).sweeps == 1


def test_denser_problems_get_fewer_sweeps():
    sparse, dense = (schedule_for(max_cut(generate(f"-rnd_graph 1500 {d} 1"))).sweeps for d in (0.1, 20))
    assert dense < sparse / 3


def test_biases_and_terms_count():
    biases = collect(2, SPIN, [Monomials(np.array([[0], [1]]), np.array([8.0, 8.0]))])
    assert schedule_for(biases).hot >= 8
    clauses = unsatisfied(Clauses(3, [(1, 2, 3)], [1.0]))
    assert 0 < schedule_for(clauses).cold < 0.125 < schedule_for(clauses).hot


def test_a_problem_without_couplings_needs_no_annealing():
    schedule = schedule_for(Polynomial(3, SPIN, 0.0, {}))
    assert schedule.hot > schedule.cold > 0
    assert schedule.steps == schedule.sweeps == 1
