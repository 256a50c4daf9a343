"""Promises in a program's comments: the clauses behind `; Expect:` that can be checked, and whether a result keeps them.

    ; Expect: cut = 12.                                     equal, to the digits that are written
    ; Expect: rate near 20, gain near 0.157 within 0.005    within 1 % or one unit of the last digit, or as stated
    ; Expect: rate within 1 Hz of 20
    ; Expect: quenched between -159 and -120; first above 40, second below 3
    ; Expect: spike_count 1 1 0, rate near 0 23 45 within 1    one number for each value

All other text is for people. A name is what RD read or OUT emitted, or a field of the result; where a name was
emitted several times, or has several values, each of them is held to the clause.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from bioasm.results import Result

_NUMBER = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_BARE = _NUMBER[1:-1]
_NAME = r"\b([A-Za-z_]\w*)"
_UNIT = r"(?: [A-Za-z%]+)?"
_SHARE = 0.01
_ROUNDING = 1e-9


class Clause(NamedTuple):
    """One promise: its words, the name that it is about, and whether the values of it keep it."""

    words: str
    name: str
    kept: Callable[[list[float]], bool]


class Outcome(NamedTuple):
    """A promise and what was found: None where the result has no such name."""

    clause: Clause
    found: list[float] | None

    @property
    def kept(self) -> bool:
        """Whether the promise was kept."""
        return bool(self.found) and self.clause.kept(self.found or [])


def clauses(text: str) -> list[Clause]:
    """The checkable clauses of the promises in a program's comments."""
    return [clause for paragraph in _paragraphs(text) for clause in _clauses(paragraph)]


def outcomes(text: str, result: Result) -> list[Outcome]:
    """Each promise with what a result has for it."""
    return [Outcome(clause, _values(result, clause.name)) for clause in clauses(text)]


def _paragraphs(text: str) -> Iterator[str]:
    """The comments from each `Expect:` to the end of its paragraph."""
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        words = line.strip().removeprefix(";").strip() if line.strip().startswith(";") else ""
        if words.startswith("Expect:"):
            lines = [words.removeprefix("Expect:").strip()]
        elif lines and words:
            lines.append(words)
        elif lines:
            yield " ".join(lines)
            lines = []


# --- clauses -----------------------------------------------------------------------------------------


def _clauses(paragraph: str) -> Iterator[Clause]:
    for pattern, make in _FORMS:
        for found in re.finditer(pattern, paragraph):
            yield Clause(found[0], found[1], make(*found.groups()[1:]) if _finite(found[0]) else _never)


def _finite(words: str) -> bool:
    """Whether all numbers of a clause are within the range of floats."""
    return all(isfinite(float(number)) for number in re.findall(_BARE, words))


def _never(_: list[float]) -> bool:
    """The test that no value passes, for a number that there is no float for."""
    return False


def _unit_in_last_place(number: str) -> float:
    """One unit of the last digit that is written: 0.01 for 9.87."""
    digits, _, exponent = number.partition("e")
    return float(10.0 ** (int(exponent or 0) - len(digits.partition(".")[2])))


def _each(holds: Callable[[float], bool]) -> Callable[[list[float]], bool]:
    return lambda values: all(map(holds, values))


def _equal(number: str) -> Callable[[list[float]], bool]:
    value, half = float(number), _unit_in_last_place(number) / 2
    return _each(lambda found: abs(found - value) <= half * (1 + _ROUNDING))


def _near(numbers: str, within: str | None) -> Callable[[list[float]], bool]:
    """One number for all values, or one for each."""
    wanted = numbers.split()

    def near(number: str, found: float) -> bool:
        most = float(within) if within else max(_SHARE * abs(float(number)), _unit_in_last_place(number))
        return abs(found - float(number)) <= most * (1 + _ROUNDING)

    if len(wanted) == 1:
        return _each(lambda found: near(wanted[0], found))
    return lambda values: len(values) == len(wanted) and all(map(near, wanted, values))


def _between(low: str, high: str) -> Callable[[list[float]], bool]:
    return _each(lambda found: float(low) <= found <= float(high))


def _list(numbers: str) -> Callable[[list[float]], bool]:
    wanted = numbers.split()
    return lambda values: (
        len(values) == len(wanted) and all(_equal(number)([value]) for number, value in zip(wanted, values, strict=True))
    )


_FORMS: tuple[tuple[str, Callable[..., Callable[[list[float]], bool]]], ...] = (
    (rf"{_NAME} = {_NUMBER}(?![\w.]*\w)", _equal),
    (rf"{_NAME} near ({_BARE}(?: {_BARE})*)(?:{_UNIT} within {_NUMBER})?", _near),
    (rf"{_NAME} within {_NUMBER}{_UNIT} of {_NUMBER}", lambda within, number: _near(number, within)),
    (rf"{_NAME} between {_NUMBER} and {_NUMBER}", _between),
    (rf"{_NAME} (?:above|at least) {_NUMBER}", lambda low: _each(lambda found: found >= float(low))),
    (rf"{_NAME} (?:below|at most) {_NUMBER}", lambda high: _each(lambda found: found <= float(high))),
    (rf"\b(?!(?:near|of|within|between|and)\b){_NAME}((?: {_BARE}){{2,}})", _list),
)


def _values(result: Result, name: str) -> list[float] | None:
    """All numbers that a result has under a name."""
    import numpy as np

    try:
        value: Any = result[name]
        parts = value if isinstance(value, list) else [value]
        return [float(number) for part in parts for number in np.ravel(np.asarray(part, np.float64))]
    except (KeyError, TypeError, ValueError):
        return None
