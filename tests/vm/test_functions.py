"""Functions of model texts in kernels against extended precision, over their whole ranges."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bioasm.vm.jit.types import Array, Tuple, float64, void
from tests.vm.native import native, of_rows

Numbers = NDArray[Any]
NAMES = ("exp", "expm1", "exprelr", "growth")
SMALLEST, LARGEST = -708.0, 709.782712893384  # below is 0, above infinite


@lru_cache(maxsize=1)
def compiled() -> Callable[[Numbers], Numbers]:
    """All four functions of an array, (4, n)."""
    from bioasm.vm.kernels.elementary import exp, expm1, exprelr, growth

    def all_four(x, found):
        n = len(x)
        for k in range(n):
            found[k] = exp(x[k])
            found[n + k] = expm1(x[k])
            found[2 * n + k] = exprelr(x[k])
            found[3 * n + k] = growth(x[k])

    return of_rows(native(all_four, void(Array(float64), Array(float64))), 4)


def of(name: str, x: Any) -> Numbers:
    """A function of numbers."""
    return compiled()(np.atleast_1d(np.asarray(x, np.float64)))[NAMES.index(name)]


def exact(name: str, x: Numbers) -> Numbers:
    """The same in extended precision."""
    wide = np.asarray(x, np.longdouble)
    with np.errstate(all="ignore"):
        if name == "exp":
            return np.exp(wide)
        minus_one = np.expm1(wide)
        if name == "expm1":
            return minus_one
        ratio = wide / minus_one if name == "exprelr" else minus_one / wide
        return np.where(wide == 0, np.longdouble(1), ratio)


def ulps(name: str, x: Numbers) -> float:
    """The largest error in units in the last place of the result."""
    expected = exact(name, x)
    near = np.spacing(np.abs(expected).astype(np.float64))
    return float((np.abs(of(name, x).astype(np.longdouble) - expected) / near).max())


RANGES = {
    "normal": (-745.0 + 37.5, 709.7),
    "middle": (-40.0, 40.0),
    "unit": (-1.0, 1.0),
    "near 0": (-1e-3, 1e-3),
    "close to 0": (-1e-9, 1e-9),
    "tiny": (-1e-200, 1e-200),
}
MOST = {"exp": 1.0, "expm1": 2.0, "exprelr": 3.0, "growth": 3.0}


@pytest.mark.parametrize("span", RANGES)
@pytest.mark.parametrize("name", NAMES)
def test_error_in_units_in_the_last_place(name: str, span: str) -> None:
    low, high = RANGES[span]
    x = np.concatenate([np.random.default_rng(1).uniform(low, high, 100_000), np.linspace(low, high, 10_001)])
    if name != "exp":
        x = x[x < 708]  # where e^x - 1 is infinite already
    assert ulps(name, x) <= MOST[name]


def test_exp_around_every_change_of_its_power_of_two() -> None:
    steps = (np.arange(-1020, 1024) + 0.5) * np.log(2)
    x = np.concatenate([steps, np.nextafter(steps, -np.inf), np.nextafter(steps, np.inf)])
    assert ulps("exp", x[(x > SMALLEST) & (x < LARGEST)]) <= 1.0


def test_exp_below_normal_numbers_is_0() -> None:
    x = np.array([np.nextafter(SMALLEST, -np.inf), -708.4, -720.0, -745.1, -746.0, -1e300, -np.inf])
    assert (of("exp", x) == 0).all()
    assert of("exp", SMALLEST)[0] == pytest.approx(float(exact("exp", np.array(SMALLEST))), rel=1e-15)


def test_exp_at_the_other_end() -> None:
    assert np.isfinite(of("exp", LARGEST)[0])
    assert of("exp", LARGEST)[0] == pytest.approx(1.7976931348622732e308, rel=1e-12)
    assert (of("exp", [np.nextafter(LARGEST, np.inf), 710.0, 1e300, np.inf]) == np.inf).all()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_number_stays_none(name: str) -> None:
    assert np.isnan(of(name, np.nan)[0])


def test_values_at_0() -> None:
    for zero in (0.0, -0.0, 5e-324, -5e-324):
        assert of("exp", zero)[0] == 1
        assert of("exprelr", zero)[0] == 1
        assert of("growth", zero)[0] == 1
        assert of("expm1", zero)[0] == pytest.approx(zero, abs=0)


def test_values_far_out() -> None:
    assert of("exprelr", [-800.0, -1e300, -np.inf]).tolist() == [800.0, 1e300, np.inf]
    assert of("exprelr", [800.0, 1e300, np.inf]).tolist() == [0.0, 0.0, 0.0]
    assert of("growth", [-1e300, -np.inf]).tolist() == [1e-300, 0.0]
    assert of("growth", [800.0, np.inf]).tolist() == [np.inf, np.inf]
    assert of("expm1", [-800.0, -np.inf, np.inf]).tolist() == [-1.0, -1.0, np.inf]


def test_exp_of_whole_vectors_is_that_of_single_numbers() -> None:
    x = np.random.default_rng(2).uniform(-30, 30, 999)
    assert (of("exp", x) == [of("exp", value)[0] for value in x]).all()


EDGES = [0.0, -0.0, 5e-324, -1e-301, np.nan, np.inf, -np.inf, LARGEST, 709.5, 710.0, SMALLEST, -708.5, -1e300, 1e300]


@pytest.mark.parametrize("names", [("exp", "exprelr"), ("growth", "exp", "exp"), ("exprelr",) * 5, ("exp", *NAMES, *NAMES[:3])])
def test_functions_worked_out_together_have_the_bits_of_single_ones(names: tuple[str, ...]) -> None:
    from bioasm.vm.kernels.elementary import together

    all_of_them = together(*names)

    def put(numbers, found):
        at = 0
        for value in all_of_them(numbers):
            found[at] = value
            at += 1  # noqa: SIM113 - kernels have no enumerate

    compiled_together = native(put, void(Tuple((float64,) * len(names)), Array(float64)))
    rows = np.random.default_rng(4).uniform(-60, 60, (200, len(names)))
    edges = [np.roll(EDGES, k)[: len(names)] for k in range(len(EDGES))]
    for row in [*rows, *edges]:
        found = np.zeros(len(names))
        compiled_together(tuple(map(float, row)), found)
        expected = [of(name, x)[0] for name, x in zip(names, row, strict=True)]
        assert found.tobytes() == np.array(expected).tobytes()


def test_exp_never_falls() -> None:
    x = np.linspace(-700, 700, 200_001)
    assert (np.diff(of("exp", x)) >= 0).all()
