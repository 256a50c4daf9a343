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
