"""The tables for reducing any float64 to an eighth of a turn: 2/pi times powers of 2, modulo 4 (Payne and Hanek 1983)."""

from __future__ import annotations

_BITS = 1216
_DIGITS = (  # the first 1216 bits of the fraction of 2/pi
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424d"
    "d2e006492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639"
    "835339f49c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f46"
    "3f669e5fea2d7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6bab"
)
LARGE = 8589934592.0  # 2^33: from here on the tables are used
LARGE_GROUP = 132  # the group of LARGE's exponent: eight exponents share a row
INTEGER = 524288.0  # 2^19: scales a number of the first group to an integer
SPLIT = 26  # low bits that are split off a number
_GROUPS = 124
_PARTS = 3
_LOWEST = 19  # the smallest exponent of a row is its negative
_ONE = 1 << (_BITS + _LOWEST)  # fixed point: integers over this denominator

Parts = tuple[tuple[float, ...], ...]


def _in_parts(exact: int) -> tuple[float, ...]:
    """The number `exact` / _ONE as a sum of float64."""
    parts = []
    for _ in range(_PARTS):
        parts.append(exact / _ONE)  # Python's quotient of integers is correctly rounded
        numerator, denominator = parts[-1].as_integer_ratio()
        exact -= numerator * (_ONE // denominator)
    return tuple(parts)


_FRACTION = int("".join(_DIGITS), 16)


def _rows(exponent: int) -> Parts:
    """2^(exponent + 8 j) * 2/pi modulo 4, between -2 and 2, by part and then by group j; `exponent` is at least -_LOWEST."""
    scaled = [_FRACTION << (_LOWEST + exponent + 8 * group) for group in range(_GROUPS)]
    return tuple(zip(*(_in_parts((turns + 2 * _ONE) % (4 * _ONE) - 2 * _ONE) for turns in scaled), strict=True))


TWO_OVER_PI = _in_parts(_FRACTION << _LOWEST)
TURNS_OF_HIGH, TURNS_OF_LOW = _rows(SPLIT - 19), _rows(-_LOWEST)
