"""Clauses: the energy is the weight of what is unsatisfied, exactly, and faults have their lines."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.problems.cnf import MAX_CLAUSE, Clauses, read_cnf, unsatisfied
from tests.problems.exact import states, value


def cost(clauses: Clauses, state) -> Fraction:
    """What the unsatisfied clauses weigh where variable k is true at state[k-1] = 1."""
    total = Fraction(0)
    for literals, weight in zip(clauses.literals, clauses.weight, strict=True):
        if not any((state[abs(x) - 1] == 1) == (x > 0) for x in literals):
            total += Fraction(weight)
    return total


def agrees(clauses: Clauses) -> None:
    polynomial = unsatisfied(clauses)
    for state in states(clauses.n, "spin"):
        assert value(polynomial, state) == cost(clauses, state)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("seed", [0, 1])
def test_clauses_of_one_size(size, seed):
    rng = np.random.default_rng([seed, size])
    literals = [tuple((rng.permutation(6)[:size] + 1) * rng.choice([-1, 1], size)) for _ in range(8)]
    agrees(Clauses(6, [tuple(int(x) for x in clause) for clause in literals], [1.0] * 8))


@pytest.mark.parametrize("seed", range(4))
def test_clauses_of_mixed_sizes_with_weights(seed):
    rng = np.random.default_rng(seed)
    literals = [tuple(int(x) for x in rng.integers(1, 6, rng.integers(1, 5)) * rng.choice([-1, 1])) for _ in range(10)]
    agrees(Clauses(5, [tuple(dict.fromkeys(clause)) for clause in literals], (rng.integers(0, 30, 10) / 4).tolist()))


def test_the_same_clause_twice_counts_twice():
    clauses = read_cnf(b"p cnf 2 2\n1 2 0\n2 1 0\n", "f")
    assert value(unsatisfied(clauses), (-1, -1)) == 2


def test_a_clause_with_a_variable_and_its_negation_never_costs():
    clauses = read_cnf(b"p cnf 2 1\n1 -1 2 0\n", "f")
    assert unsatisfied(clauses).parts == {}
    assert unsatisfied(clauses).constant == 0


def test_an_empty_clause_always_costs():
    clauses = read_cnf(b"p cnf 1 2\n0\n1 0\n", "f")
    assert [value(unsatisfied(clauses), s) for s in ((1,), (-1,))] == [1, 2]


def test_the_longest_clause():
    polynomial = unsatisfied(Clauses(MAX_CLAUSE, [tuple(range(1, MAX_CLAUSE + 1))], [1.0]))
    assert value(polynomial, (-1,) * MAX_CLAUSE) == 1
    assert value(polynomial, (-1,) * (MAX_CLAUSE - 1) + (1,)) == 0


@pytest.mark.parametrize(
    "text",
    [
        b"p cnf 3 2\n1 -2 0\n2 3 0\n",
        b"c hello\np cnf 3 2\n1 -2\n0 2\n3 0\n",
        b"p cnf 3 2\n1 -2 0 2 3 0\n",
        b"p  cnf  3  2 \r\n1 -2 0\r\ncomment\r\n2 3 0\r\n",
        b"p cnf 3 2\n1 -2 0\n2 3 0\n%\n0\n\n",
        b"p cnf 3 2\n1 1 -2 0\n2 3 3 2 0\n",
    ],
)
def test_the_same_clauses_in_many_spellings(text):
    assert read_cnf(text, "f").literals == [(1, -2), (2, 3)]


@pytest.mark.parametrize("top", [b"", b" 9"])
def test_weights(top):
    clauses = read_cnf(b"p wcnf 2 3" + top + b"\n9 1 2 0\n0.5 -1 0\n0 2 0\n", "f")
    assert clauses.literals == [(1, 2), (-1,), (2,)]
    assert clauses.weight == [9, 0.5, 0]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        (b"", 1, "no line `p cnf"),
        (b"1 2 0\n", 1, "no line `p cnf"),
        (b"p cnf 3\n", 1, "should be `p cnf"),
        (b"p cnf 3 2 7\n", 1, "should be `p cnf"),
        (b"p dnf 3 2\n", 1, "should be `p cnf"),
        (b"p cnf three 2\n", 1, "should be `p cnf"),
        (b"p cnf 0 0\n", 1, "at least one variable"),
        (b"p cnf 1 1\np cnf 1 1\n1 0\n", 2, "stands on line 1 already"),
        (b"p cnf 2 1\nc\n1 3 0\n", 3, "'3' is no literal"),
        (b"p cnf 2 1\n1 -3 0\n", 2, "'-3' is no literal"),
        (b"p cnf 2 1\n1 x 0\n", 2, "'x' is no literal"),
        (b"p cnf 2 1\n1 1.0 0\n", 2, "'1.0' is no literal"),
        (b"p cnf 2 1\n1 -0 0\n", 2, "'-0' is no literal"),
        (b"p cnf 2 1\n1 99999999999999999999 0\n", 2, "is no literal"),
        (b"p cnf 2 1\n1 2\n", 2, "not ended by 0"),
        (b"p cnf 2 2\n1 2 0\n", 1, "announces 2 clauses, but the file has 1"),
        (b"c\np cnf 2 0\n1 2 0\n", 2, "announces 0 clauses, but the file has 1"),
        (b"p wcnf 2 1\n-1 2 0\n", 2, "'-1' is no weight"),
        (b"p wcnf 2 1\nh 2 0\n", 2, "'h' is no weight"),
        (b"p wcnf 2 1\nnan 2 0\n", 2, "'nan' is no weight"),
        (b"p cnf 20 1\n" + b" ".join(b"%d" % k for k in range(1, 14)) + b" 0\n", 2, "13 literals"),
    ],
)
def test_faults(text, line, part):
    with pytest.raises(BioasmError) as caught:
        read_cnf(text, "f.cnf")
    found = caught.value.diagnostics[0]
    assert (found.code, found.span.line) == ("B304", line)
    assert part in found.message


# --- the form of 2022, without a p line -------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        b"c new\nh 1 2 0\n3 -1 0\n1.5 -2 0\n",
        b"h 1 2 0\nc in between\n3 -1 0\nc\n1.5 -2 0\nc at the end\n",
        b"3 -1 0 1.5 -2 0\n\nh 1\n2 0",
    ],
)
def test_hard_clauses_weigh_more_than_all_others(text):
    clauses = read_cnf(text, "f")
    assert sorted(zip(clauses.literals, clauses.weight, strict=True)) == [((-2,), 1.5), ((-1,), 3), ((1, 2), 6)]
    assert (clauses.n, clauses.hard) == (2, 6)
    assert min(value(unsatisfied(clauses), state) for state in states(2, "spin")) == Fraction(3, 2)


@pytest.mark.parametrize("seed", range(6))
def test_the_least_energy_of_hard_and_soft_clauses_is_the_least_soft_cost(seed):
    """By trying all assignments: hard clauses hold, and the soft ones cost as little as they can."""
    rng, n = np.random.default_rng(seed), 6
    clauses = [tuple(int(x) for x in (rng.permutation(n)[:2] + 1) * rng.choice([-1, 1], 2)) for _ in range(14)]
    weights = [None if rng.random() < 0.3 else float(rng.integers(0, 40) / 8) for _ in clauses]
    lines = [f"{'h' if w is None else w} {a} {b} 0" for (a, b), w in zip(clauses, weights, strict=True)]
    energy = unsatisfied(read_cnf("\n".join(lines).encode(), "f.wcnf"))
    broken = {s: [w for c, w in zip(clauses, weights, strict=True) if not any((s[abs(x) - 1] == 1) == (x > 0) for x in c)]
              for s in states(n, "spin")}  # fmt: skip
    allowed = [sum(map(Fraction, ws)) for ws in broken.values() if None not in ws]
    assert min(value(energy, (*s, *[1] * (energy.n - n))[: energy.n]) for s in broken) == min(allowed)


@pytest.mark.parametrize(("text", "hard"), [(b"h 1 0\n", 1), (b"h 1 0\n0 -1 0\n", 1), (b"h 1 0\n1e17 2 0\n1 3 0\n", 1e17 + 16)])
def test_the_weight_of_hard_clauses_exceeds_the_sum(text, hard):
    assert read_cnf(text, "f").hard == hard


def test_without_hard_clauses_the_name_tells_the_form():
    clauses = read_cnf(b"c\n3 -1 0\n1.5 2 7 0\n", "f.WCNF")
    assert (clauses.n, clauses.literals, clauses.weight, clauses.hard) == (7, [(-1,), (2, 7)], [3, 1.5], 0)


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        (b"h 1 2 0\n-1 2 0\n", 2, "'-1' is no weight"),
        (b"h 1 2 0\nH 2 0\n", 2, "'H' is no weight"),
        (b"h 1 x 0\n", 1, "'x' is no literal"),
        (b"c\nh 1 2\n", 2, "not ended by 0"),
        (b"h 1 99999999999 0\n", 1, "'99999999999' is no literal"),
    ],
)
def test_faults_of_the_form_of_2022(text, line, part):
    with pytest.raises(BioasmError) as caught:
        read_cnf(text, "f.wcnf")
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.line) == ("B304", line)
    assert part in found.message


@pytest.mark.parametrize(
    "text",
    [
        b"p cnf 3\n1 2 0\n",
        b"p cnf 0 0\n1 2 0\n",
        b"p dnf 2 1\n1 9 0\n",
        b"p wcnf 2 1\nh 2 0\n",
        b"p cnf 2 1\n1 3 0\n1 0\n",
        b"p cnf 1 1\np cnf 1 1\n1 5 0\n",
    ],
)
def test_a_true_finding_draws_no_second_one(text):
    with pytest.raises(BioasmError) as caught:
        read_cnf(text, "f.cnf")
    assert len(caught.value.diagnostics) == 1


def test_several_faults_are_reported():
    with pytest.raises(BioasmError) as caught:
        read_cnf(b"p cnf 2 2\n1 3 0\n4 0\n", "f")
    assert [d.span.line for d in caught.value.diagnostics] == [2, 3]


def test_a_clause_is_reported_at_the_line_it_begins_on():
    with pytest.raises(BioasmError) as caught:
        read_cnf(b"p cnf 2 1\n1\n7\n0\n", "f")
    assert caught.value.diagnostics[0].span.line == 2


def test_too_many_variables():
    with pytest.raises(BioasmError) as caught:
        read_cnf(b"p cnf 99999999999 0\n", "f")
    assert caught.value.diagnostics[0].code == "B111"
