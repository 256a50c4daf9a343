"""Promises in comments: which clauses are found, when they are kept, and that every program keeps its own."""

from __future__ import annotations

import pytest

from bioasm.expectations import clauses, outcomes
from bioasm.results import Reading
from tests.programs.support import NAMES, ran, text
from tests.results.samples import result


def kept(promise: str, *values: float) -> list[bool]:
    made = result(results=tuple(Reading("rate", value) for value in values))
    return [outcome.kept for outcome in outcomes(f"; Expect: {promise}", made)]


@pytest.mark.parametrize(
    ("promise", "values", "holds"),
    [
        ("rate = 12.", (12.0,), True),
        ("rate = 12, from any seed", (13.0,), False),
        ("rate = 9.87 (mV)", (9.8748,), True),
        ("rate = 9.87 (mV)", (9.876,), False),
        ("rate = 3", (3.0, 3.0), True),
        ("rate = 1e400", (3.0,), False),
        ("rate between 0 and 1e99999", (3.0,), False),
        ("rate = 3", (3.0, 4.0), False),
        ("rate = -1.5e-9", (-1.52e-9,), True),
        ("rate near 200", (201.9,), True),
        ("rate near 200", (202.1,), False),
        ("rate near 0.2", (0.29,), True),
        ("rate near 20 Hz within 3", (22.9,), True),
        ("rate near 20 Hz within 3", (23.1,), False),
        ("rate near 0 20 within 1", (0.5, 20.5), True),
        ("rate near 0 20 within 1", (0.5, 21.5), False),
        ("rate within 1 Hz of 20", (19.2,), True),
        ("rate within 1 Hz of 20", (18.9,), False),
        ("rate between -159 and -120", (-130.0,), True),
        ("rate between -159 and -120", (-160.0,), False),
        ("rate above 40 Hz", (41.0,), True),
        ("rate at most 40", (41.0,), False),
        ("rate 1 1 0.", (1.0, 1.0, 0.0), True),
        ("rate 1 1 0.", (1.0, 1.0), False),
        ("rate 1 1 0.", (1.0, 1.0, 1.0), False),
    ],
)
def test_a_clause(promise: str, values: tuple[float, ...], holds: bool) -> None:
    assert kept(promise, *values) == [holds]


@pytest.mark.parametrize("prose", ["calcium = minus_v", "three values, one each", "sweeps = what both took", ""])
def test_prose_is_for_people(prose: str) -> None:
    assert clauses(f"; Expect: {prose}") == []


def test_a_paragraph_ends_where_the_comments_do() -> None:
    found = clauses("; x = 1\n; Expect: a = 1 and\n; b = 2.\n;\n; c = 3\n.const d = 4\n; Expect: e = 5")
    assert [clause.words for clause in found] == ["a = 1", "b = 2", "e = 5"]


def test_an_unknown_name_is_not_kept() -> None:
    (outcome,) = outcomes("; Expect: cut = 0", result())
    assert (outcome.found, outcome.kept) == (None, False)


@pytest.mark.parametrize("name", NAMES)
def test_every_program_keeps_what_it_promises(name: str) -> None:
    found = outcomes(text(name), ran(name))
    assert found
    assert [(outcome.clause.words, outcome.found) for outcome in found if not outcome.kept] == []
