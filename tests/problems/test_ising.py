"""Spin-glass files: the energy keeps the file's sign, and faults have their lines."""

from __future__ import annotations

from fractions import Fraction

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.problems.ising import read_ising
from tests.problems.exact import states, value


def test_couplings_and_biases():
    spins = read_ising(b"3 4\n1 2 1.5\n3 2 -2\n1 1 0.25\n3 3 4\n", "s")
    for s in states(3, "spin"):
        expected = -Fraction(3, 2) * s[0] * s[1] + 2 * s[1] * s[2] - Fraction(1, 4) * s[0] - 4 * s[2]
        assert value(spins, s) == expected


def test_a_ferromagnet_has_its_ground_state_where_all_are_equal():
    spins = read_ising(b"3 3\n1 2 1\n2 3 1\n1 3 1\n", "s")
    assert min(states(3, "spin"), key=lambda s: value(spins, s)) in ((1, 1, 1), (-1, -1, -1))
    assert value(spins, (1, 1, 1)) == -3


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        (b"", 1, "numbers of spins and lines"),
        (b"2 1\n1 2\n", 2, "should be `i j value`"),
        (b"2 1\n1 3 1\n", 2, "3 is none of the spins"),
        (b"2 2\n1 2 1\n2 1 1\n", 3, "entry 1 2 stands on line 2 already"),
        (b"2 2\n1 1 1\n1 1 1\n", 3, "entry 1 1 stands on line 2 already"),
        (b"2 2\n1 2 1\n", 1, "announces 2 lines, but 1 follow"),
    ],
)
def test_faults(text, line, part):
    with pytest.raises(BioasmError) as caught:
        read_ising(text, "s.txt")
    found = caught.value.diagnostics[0]
    assert (found.code, found.span.line) == ("B304", line)
    assert part in found.message
