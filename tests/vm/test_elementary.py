"""Our own log, pow, sin, cos, tanh and exp against mpmath, over their ranges and at the hard places; compiled and in Python."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bioasm.runtime import elementary, exact
from bioasm.vm.jit.types import Array, float64, void
from tests.vm.native import native, of_rows

Numbers = NDArray[Any]
NAMES = ("log", "sin", "cos", "tanh", "full_exp")
EDGES = [0.0, 1.0, 0.5, 2.0, 3.0, 1.5, 5e-324, 1.7e308, 2.0**53, 2.0**53 + 2, 2.0**52 + 1, 1e22, math.inf]
SPECIAL = np.array([sign * x for x in EDGES for sign in (1.0, -1.0)] + [math.nan])


@lru_cache(maxsize=1)
def compiled() -> Callable[[Numbers, Array], Array]:
    """All functions of arrays, (6, n); pow of both, the others of the first."""
    from bioasm.vm.kernels.elementary import cos, full_exp, log, power, sin, tanh

    def all_of_them(x, y, found):
        n = len(x)
        for k in range(n):
            found[k] = log(x[k])
            found[n + k] = sin(x[k])
            found[2 * n + k] = cos(x[k])
            found[3 * n + k] = tanh(x[k])
            found[4 * n + k] = full_exp(x[k])
            found[5 * n + k] = power(x[k], y[k])

    return of_rows(native(all_of_them, void(*[Array(float64)] * 3)), 6)


def of(name: str, x: Numbers, y: Numbers | None = None) -> Numbers:
    return compiled()(x, x if y is None else y)[(*NAMES, "pow").index(name)]


def true(name: str, x: float, y: float) -> Any:
    """The value with 100 bits and more."""
    import mpmath

    function = {"full_exp": mpmath.exp, "pow": mpmath.power}.get(name) or getattr(mpmath, name)
    with mpmath.workprec(1300 if name in ("sin", "cos") and abs(x) > 1e5 else 180):
        return function(mpmath.mpf(x), mpmath.mpf(y)) if name == "pow" else function(mpmath.mpf(x))


def error(name: str, found: float, x: float, y: float) -> float:
    """In units in the last place."""
    import mpmath

    value = true(name, x, y)
    if abs(value) > mpmath.mpf(elementary.FINITE):
        return 0.0 if math.isinf(found) else math.inf
    return float(abs(mpmath.mpf(found) - value) / math.ulp(float(value)))


def wide(rng: np.random.Generator, n: int) -> Numbers:
    """Positive numbers of all sizes."""
    return np.ldexp(rng.uniform(1, 2, n), rng.integers(-1074, 1023, n))


def arguments(name: str, n: int) -> tuple[Numbers, Array]:
    """Where a function is used and where it is hard."""
    rng = np.random.default_rng([n, (*NAMES, "pow").index(name)])
    near_1 = 1 + rng.choice([-1, 1], n) * np.ldexp(rng.random(n), -rng.integers(1, 53, n))
    near_0 = np.ldexp(rng.random(n), -rng.integers(1, 1070, n))
    turns = rng.integers(1, 10**7, n) * (math.pi / 2)
    parts = {
        "log": [wide(rng, n), near_1, rng.uniform(0.5, 2, n)],
        "tanh": [rng.uniform(-23, 23, n), near_0, rng.uniform(-1, 1, n)],
        "full_exp": [rng.uniform(-746, 710, n), near_0, rng.uniform(-1, 1, n)],
        "pow": [wide(rng, n), near_1, rng.uniform(0, 100, n)],
    }.get(name, [rng.uniform(-10, 10, n), wide(rng, n), turns, near_0])
    x = rng.permutation(np.concatenate(parts))[:n]
    size = np.abs(np.log(np.where(x > 0, x, 1)))
    ends = rng.uniform(-745, 709.7, n) / np.where(size > 0, size, 1)
    return x, np.where(rng.random(n) < 0.5, ends, rng.uniform(-5, 5, n))


def worst(name: str, n: int) -> float:
    x, y = arguments(name, n)
    found = of(name, x, y)
    return max(error(name, *map(float, of_one)) for of_one in zip(found, x, y, strict=True))


@pytest.mark.parametrize("name", (*NAMES, "pow"))
def test_results_are_near_the_true_ones(name: str) -> None:
    pytest.importorskip("mpmath")
    assert worst(name, 1500) < 1.0


@pytest.mark.long
@pytest.mark.parametrize("name", (*NAMES, "pow"))
def test_a_million_results_are_near_the_true_ones(name: str) -> None:
    pytest.importorskip("mpmath")
    assert worst(name, 10**6) < (2.0 if name == "pow" else 1.0)


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_arguments_that_are_hardest_to_reduce(name: str) -> None:
    pytest.importorskip("mpmath")
    hardest = np.array([6381956970095103 * 2.0**797, 5.319372648326541e255, 2.0**33, np.nextafter(2.0**33, 0), 1e22, 1e308])
    halves = np.array([math.pi / 4, np.nextafter(math.pi / 4, 0), math.pi / 2, math.pi, 3 * math.pi / 4, 2.0**32 * math.pi])
    x = np.concatenate([hardest, halves, -hardest])
    assert max(error(name, float(found), float(value), 0.0) for found, value in zip(of(name, x), x, strict=True)) < 1.0


def bits(value: float) -> bytes:
    return b"nan" if value != value else struct.pack("<d", value)


@pytest.mark.parametrize("name", (*NAMES, "pow"))
def test_python_computes_the_same_bits(name: str) -> None:
    x, y = arguments(name, 300)
    x, y = np.concatenate([x, np.repeat(SPECIAL, len(SPECIAL))]), np.concatenate([y, np.tile(SPECIAL, len(SPECIAL))])
    found = of(name, x, y)
    for value, one, other in zip(found, x.tolist(), y.tolist(), strict=True):
        twin = exact.power(one, other) if name == "pow" else elementary.UNARY[name](exact.PYTHON, one)
        assert bits(twin) == bits(float(value)), (name, one, other)


def as_c_has_it(x: float, y: float) -> float:
    """C's pow, for which Python raises."""
    try:
        return math.pow(x, y)
    except ValueError:
        return math.nan if x != 0.0 else math.copysign(math.inf, x) if math.fmod(y, 2.0) in (1.0, -1.0) else math.inf
    except OverflowError:
        return -math.inf if x < 0 and math.fmod(y, 2.0) in (1.0, -1.0) else math.inf


def test_pow_has_the_special_cases_of_c() -> None:
    x, y = np.repeat(SPECIAL, len(SPECIAL)), np.tile(SPECIAL, len(SPECIAL))
    for found, one, other in zip(of("pow", x, y).tolist(), x.tolist(), y.tolist(), strict=True):
        expected = as_c_has_it(one, other)
        if math.isfinite(expected) and expected != 0.0:
            assert abs(found - expected) <= 2 * math.ulp(expected), (one, other)
        else:
            assert bits(found) == bits(expected), (one, other)


def test_special_values_of_the_others() -> None:
    assert [bits(v) for v in of("log", np.array([0.0, -0.0, -1.0, math.inf, 1.0]))] == list(
        map(bits, [-math.inf, -math.inf, math.nan, math.inf, 0.0])
    )
    for name in ("sin", "tanh"):
        assert [bits(v) for v in of(name, np.array([0.0, -0.0]))] == [bits(0.0), bits(-0.0)]
    assert of("tanh", np.array([math.inf, -math.inf, 30.0])).tolist() == [1.0, -1.0, 1.0]
    assert np.isnan([of(name, np.array([math.inf, -math.inf, math.nan])) for name in ("sin", "cos")]).all()
    assert of("cos", np.array([0.0, -0.0])).tolist() == [1.0, 1.0]
    assert of("full_exp", np.array([-math.inf, math.inf, -745.14, 710.0])).tolist() == [0.0, math.inf, 0.0, math.inf]


def test_fused_products_are_rounded_once() -> None:
    tiny = 5e-324
    cases = [
        (1.0 + 2.0**-52, 1.0 - 2.0**-53, -1.0, 2.0**-53 - 2.0**-105),
        (tiny, 0.5, 0.0, 0.0),
        (tiny, 0.75, tiny, 2 * tiny),
        (1e308, 10.0, -1e308, math.inf),
        (2.0, 3.0, -6.0, 0.0),
        (math.inf, 1.0, 1.0, math.inf),
    ]
    assert [exact.fused(x, y, z) for x, y, z, _ in cases] == [result for *_, result in cases]
