"""The default annealing schedule: it follows the scale of the couplings, and its length the size of the problem."""

from __future__ import annotations

import numpy as np
import pytest

import bioasm
from bioasm.problems.cnf import Clauses, unsatisfied
from bioasm.problems.graph import Graph, max_cut
from bioasm.problems.polynomial import SPIN, Monomials, Polynomial, collect
from bioasm.problems.qubo import from_entries
from bioasm.problems.rudy import generate
from bioasm.problems.schedule import BUDGET, MOST_SWEEPS, PER_NEIGHBOUR, TEMPERATURES, UPDATE, schedule_for
from bioasm.problems.write import Account, write_program
from tests.problems.exact import states


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


# --- wide ranges ------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1.0, 1e-198, 1e200])
@pytest.mark.parametrize("generator", ["-rnd_graph 100 10 1", "-toroidal_grid_2D 10 10 -random -3 3 5", "-clique 40"])
def test_problems_of_one_scale_have_the_schedule_of_the_benchmarks(generator, factor):
    schedule = schedule_for(max_cut(scaled(generate(generator), factor)))
    assert schedule.steps == TEMPERATURES
    assert 0.1 * factor < schedule.cold < 2 * factor


@pytest.mark.parametrize("penalty", [1e3, 1e6, 1e9])
def test_it_ends_below_what_penalties_leave_where_they_cancel(penalty):
    """x_i x_j with a large weight: among spins no coefficient is small, but a flip from 00 to 01 costs 1."""
    i, j = np.array([0, 1, 2, 0]), np.array([0, 1, 2, 1])
    spins = from_entries(3, i, j, np.array([-1.0, -1.0, -1.0, penalty])).in_spins()
    schedule = schedule_for(spins)
    assert 0.1 < schedule.cold < 0.5
    assert schedule.hot > penalty / 10


def test_a_few_spins_that_are_coupled_strongly_are_melted():
    n, few = 3000, 12
    u, v = np.triu_indices(few, 1)
    weak = np.arange(few, n - 1)
    i, j = np.concatenate((u, weak)), np.concatenate((v, weak + 1))
    value = np.concatenate((np.full(len(u), 1e6), np.ones(len(weak))))
    assert schedule_for(from_entries(n, i, j, value, SPIN)).hot > 1e6


def test_more_temperatures_keep_to_the_budget():
    graph = generate("-rnd_graph 800 6 8001")
    one = max_cut(graph)
    weights = np.where(np.arange(len(graph.weight)) % 7 == 0, 1e9, 1.0) * graph.weight
    wide = max_cut(Graph(graph.n, graph.u, graph.v, weights))
    narrow, many = schedule_for(one), schedule_for(wide)
    assert many.steps > 2 * narrow.steps
    visits = graph.n * (UPDATE + PER_NEIGHBOUR * 2 * len(graph.u) / graph.n)
    assert many.steps * many.sweeps * visits <= BUDGET < many.steps * (many.sweeps + 2) * visits


def test_a_wide_schedule_has_more_temperatures_and_is_told():
    problem = from_entries(2, np.array([0, 1, 0]), np.array([0, 1, 1]), np.array([-1.0, -2.0, 1e6]))
    schedule = schedule_for(problem.in_spins())
    assert schedule.is_wide
    assert schedule.steps > TEMPERATURES
    for model in ("ising", "lif"):
        written = write_program(problem, Account("t", "s"), model)
        (warning,) = written.warnings
        assert (warning.code, warning.severity) == ("B311", "warning")
        assert sum(warning.message[1:] in line for line in written.text.splitlines()) == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [5e-324, 1e-310, 1e-300, 1e299])
def test_the_ends_of_the_range_of_floats(unit):
    n = 40
    u, v = np.triu_indices(n, 1)
    i, j = np.concatenate((np.arange(n), u)), np.concatenate((np.arange(n), v))
    value = np.where(np.arange(len(i)) % 3, unit, -unit)
    schedule = schedule_for(from_entries(n, i, j, value, SPIN))
    assert 0 < schedule.cold < schedule.hot < np.inf
    assert schedule.steps == TEMPERATURES


def test_a_schedule_of_one_scale_is_not_told():
    assert write_program(max_cut(generate("-clique 10")), Account("t", "s"), "ising").warnings == ()


def pairs_of(rng, n, share):
    u, v = np.triu_indices(n, 1)
    kept = rng.random(len(u)) < share
    return u[kept], v[kept]


def penalised(rng, n):
    """Small rewards, and pairs that are forbidden by penalties over four decades."""
    u, v = pairs_of(rng, n, 0.3)
    value = np.concatenate((-rng.integers(1, 10, n), 10.0 ** rng.integers(3, 7, len(u))))
    return from_entries(n, np.concatenate((np.arange(n), u)), np.concatenate((np.arange(n), v)), value)


def one_hot(rng, n):
    """Groups of four with one variable each, and a small objective."""
    i, j = np.triu_indices(n)
    group = (i // 4 == j // 4) * np.where(i == j, -1e6, 2e6)
    return from_entries(n, i, j, group + rng.integers(-9, 10, len(i)))


def hierarchy(rng, n):
    """A spin glass of three scales, six decades from the first to the last."""
    u, v = pairs_of(rng, n, 0.5)
    return from_entries(n, u, v, rng.choice([1.0, 1e3, 1e6], len(u)) * rng.choice([-1, 1], len(u)), SPIN)


def spread(rng, n):
    """Biases and couplings that are uniform in their logarithm."""
    u, v = pairs_of(rng, n, 0.4)
    i, j = np.concatenate((np.arange(n), u)), np.concatenate((np.arange(n), v))
    return from_entries(n, i, j, 10 ** rng.uniform(0, 6, len(i)) * rng.choice([-1, 1], len(i)))


def cut_of_wide_weights(rng, n):
    u, v = pairs_of(rng, n, 0.4)
    return max_cut(Graph(n, u, v, np.round(10 ** rng.uniform(0, 6, len(u)))))


def weighted_clauses(rng, n):
    """Clauses of three, some of them hard: the polynomial has products of three spins."""
    literals = [(rng.permutation(n)[:3] + 1) * rng.choice([-1, 1], 3) for _ in range(3 * n)]
    weights = (10.0 ** rng.integers(0, 7, 3 * n)).tolist()
    return unsatisfied(Clauses(n, [tuple(map(int, clause)) for clause in literals], weights))


def least(problem):
    """The least value over all states."""
    state = np.array(list(states(problem.n, problem.domain)), dtype=np.float64)
    value = np.full(len(state), problem.constant)
    for part in problem.parts.values():
        for index, weight in zip(part.index.tolist(), part.value.tolist(), strict=True):
            value += weight * state[:, index].prod(axis=1)
    return value.min()


WIDE_PROBLEMS = [penalised, one_hot, hierarchy, spread, cut_of_wide_weights, weighted_clauses]


@pytest.mark.parametrize("make", WIDE_PROBLEMS)
def test_default_settings_find_the_optimum_of_wide_problems(make):
    missed = 0
    for k in range(3):
        problem = make(np.random.default_rng(k), 12)
        best, text = least(problem), write_program(problem, Account("t", "s"), "ising").text
        found = [float(bioasm.run(text, seed=seed).best_energy.min()) for seed in range(1, 5)]
        missed += sum(energy > best + 1e-12 * abs(best) for energy in found)
    assert missed <= 1
