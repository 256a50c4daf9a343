"""Simulated bifurcation: a feedback that follows single bits is the product of J, and the particles are those of the paper."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import bioasm
from bioasm.results import Result
from bioasm.vm import network_state
from bioasm.vm.couplings import has_exact_fields, prepare_for_feedback
from tests.programs.support import program, text
from tests.vm.test_couplings import dense, of_entries


def _same(one: Result, other: Result) -> bool:
    """Whether two runs emitted and traced the same numbers."""
    pairs = zip(one.results, other.results, strict=True)
    return all(np.array_equal(a.value, b.value) for a, b in pairs) and np.array_equal(one.energy_trace, other.energy_trace)


@pytest.mark.parametrize("lanes", [1, 7])
def test_fields_that_follow_the_bits_are_those_of_the_product(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"seed": 3, "lanes": lanes, "set": {"tries": 2}}
    followed = bioasm.run(program("bifurcation"), **asked)
    answers = []
    exact = network_state.has_exact_fields
    monkeypatch.setattr(network_state, "has_exact_fields", lambda *given: answers.append(exact(*given)) or False)
    assert _same(followed, bioasm.run(program("bifurcation"), **asked))
    assert answers[-1] is True


@pytest.mark.parametrize(("value", "exact"), [(3.0, True), (0.375, True), (0.1, False), (2.0**40, False)])
def test_fields_are_exact_where_all_couplings_are_multiples_of_one_unit(value: float, exact: bool) -> None:
    entries = [(0, 1, value), (1, 2, 1.0)]
    matrix = np.zeros((3, 3))
    for i, j, w in entries:
        matrix[i, j] = matrix[j, i] = w
    for given in (of_entries(3, entries, "f8", symmetric=True), dense(matrix)):
        assert has_exact_fields(3, prepare_for_feedback(3, given)) is exact


def test_particles_move_as_the_equations_say() -> None:
    """Symplectic Euler in fractions, from the momenta that the first step gave, until the first wall and beyond."""
    source = text("bifurcation").replace("RUN rise", "RD x\n    RD y\n    RUN rise\n    RD x")
    result = bioasm.run(source, seed=2, set={"tries": 1, "rise": "200 ms"})
    place, momentum, end = ([Fraction(v) for v in np.asarray(reading.value)[0]] for reading in result.results[:3])
    j, h = _problem()
    for step in range(1, 161):
        pump = min(Fraction(step, 160), Fraction(1))
        bits = [int(v >= 0) for v in place]
        force = [Fraction(0.129) * int(row @ bits + b) for row, b in zip(j, h, strict=True)]
        momentum = [m + Fraction("1.25") * (f - (1 - pump) * v) for m, f, v in zip(momentum, force, place, strict=True)]
        place = [v + Fraction("1.25") * m for v, m in zip(place, momentum, strict=True)]
        momentum = [m if abs(v) <= 1 else Fraction(0) for m, v in zip(momentum, place, strict=True)]
        place = [max(Fraction(-1), min(Fraction(1), v)) for v in place]
    assert max(abs(v - found) for v, found in zip(place, end, strict=True)) < 1e-9
    assert 1 in place


def _problem() -> tuple[np.ndarray, np.ndarray]:
    """J and h of the program."""
    blocks = {block.name: block.value for block in program("bifurcation").data}
    sparse = blocks["J"]
    j = np.zeros((16, 16), int)
    j[sparse.row, sparse.column] = sparse.value
    (h,) = (value.array for name, value in blocks.items() if name != "J")
    return j + j.T, np.asarray(h, int)
