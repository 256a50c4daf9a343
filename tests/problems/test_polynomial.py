"""Polynomials: merging, exact sums, and the change between bits and spins."""

from __future__ import annotations

from fractions import Fraction
from math import fsum

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.problems.polynomial import BIT, SPIN, Monomials, check_size, collect, group_sums
from tests.problems.exact import states, value


def monomials(*rows):
    index = np.array([row[:-1] for row in rows], dtype=np.int64)
    return Monomials(index, np.array([row[-1] for row in rows], dtype=np.float64))


def test_equal_products_merge_and_zeros_vanish():
    found = collect(4, BIT, [monomials((0, 1, 2.0), (2, 3, 1.0)), monomials((2, 3, -1.0), (0, 1, 0.5))])
    assert found.part(2).index.tolist() == [[0, 1]]
    assert found.part(2).value.tolist() == [2.5]


def test_an_order_that_cancels_is_gone():
    assert 1 not in collect(2, BIT, [monomials((0, 1.0)), monomials((0, -1.0))]).parts


def test_products_come_sorted():
    found = collect(5, BIT, [monomials((3, 4, 1.0), (0, 4, 1.0), (0, 2, 1.0))])
    assert found.part(2).index.tolist() == [[0, 2], [0, 4], [3, 4]]


def test_order_zero_adds_to_the_constant():
    piece = Monomials(np.zeros((2, 0), np.int64), np.array([1.0, 2.5]))
    assert collect(1, BIT, [piece], [10.0]).constant == 13.5


@pytest.mark.parametrize("seed", range(5))
def test_sums_are_rounded_once(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=300) * 10.0 ** rng.integers(-12, 12, 300)
    start = np.sort(rng.choice(np.arange(1, 300), 20, replace=False))
    start = np.concatenate(([0], start))
    expected = [fsum(part) for part in np.split(values, start[1:])]
    assert group_sums(values, start).tolist() == expected


def test_sums_of_tenths_are_those_of_exact_addition():
    assert group_sums(np.full(10, 0.1), np.array([0])).tolist() == [1.0]


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_bits_and_spins_say_the_same_exactly(order, seed):
    rng = np.random.default_rng([seed, order])
    n = 6
    pieces = []
    for k in range(1, order + 1):
        index = np.array([np.sort(rng.choice(n, k, replace=False)) for _ in range(4)])
        pieces.append(Monomials(index, rng.integers(-8, 9, 4) / 8))
    bits = collect(n, BIT, pieces, [1.25])
    spins = bits.in_spins()
    assert spins.domain == SPIN
    for state in states(n, BIT):
        assert value(bits, state) == value(spins, [2 * x - 1 for x in state])


@pytest.mark.parametrize("seed", range(3))
def test_there_and_back_is_the_same(seed):
    rng = np.random.default_rng(seed)
    index = np.array([np.sort(rng.choice(7, 3, replace=False)) for _ in range(6)])
    first = collect(7, SPIN, [Monomials(index, rng.integers(-5, 6, 6).astype(float))], [3.0])
    again = first.in_bits().in_spins()
    assert again.constant == first.constant
    assert again.parts.keys() == first.parts.keys()
    for order, part in first.parts.items():
        assert again.parts[order].index.tolist() == part.index.tolist()
        assert again.parts[order].value.tolist() == part.value.tolist()


def test_what_is_in_a_domain_already_stays_as_it_is():
    polynomial = collect(2, SPIN, [monomials((0, 1, 1.0))])
    assert polynomial.in_spins() is polynomial


def test_negated():
    polynomial = collect(2, SPIN, [monomials((0, 1, 1.0)), monomials((1, 2.0))], [4.0])
    for state in states(2, SPIN):
        assert value(polynomial.negated(), state) == -value(polynomial, state)


def test_a_negated_zero_has_no_sign():
    assert str(collect(1, SPIN, [monomials((0, 1.0))]).negated().constant) == "0.0"


def test_tenths_are_off_by_no_more_than_their_rounding():
    bits = collect(3, BIT, [monomials((0, 1, 0.1), (0, 2, 0.2), (1, 2, 0.3)), monomials((0, 0.7))])
    spins = bits.in_spins()
    for state in states(3, BIT):
        assert abs(value(bits, state) - value(spins, [2 * x - 1 for x in state])) < Fraction(1, 10**15)


@pytest.mark.parametrize("huge", [[1.7e308, 1.7e308], [1e308], [-1e301]])
def test_coefficients_that_leave_the_range_of_floats_are_refused(huge):
    for pieces, constants in (([monomials(*((0, x) for x in huge))], ()), ([], huge)):
        with pytest.raises(BioasmError) as caught:
            collect(1, BIT, pieces, constants)
        assert caught.value.diagnostics[0].code == "B304"


def test_too_many_products_are_refused():
    check_size(1 << 26)
    with pytest.raises(BioasmError) as caught:
        check_size((1 << 26) + 1)
    assert caught.value.diagnostics[0].code == "B111"
