"""The kernels' compiler: its functions against the same functions in Python, whose arithmetic it has where numbers fit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from bioasm.vm.jit import types
from bioasm.vm.jit.functions import device, remember
from bioasm.vm.jit.types import (
    Array,
    boolean,
    float32,
    float64,
    int8,
    int32,
    int64,
    joined,
    of_arithmetic,
    uint8,
    uint32,
    uint64,
    void,
)
from tests.vm import kernel_language
from tests.vm.native import native

WHOLE = [0, 1, -1, 2, 7, -7, 63, 1 << 40, -(1 << 40)]
REAL = [0.0, -0.0, 1.5, -2.25, 1e300, -1e-300, math.inf, -math.inf, math.nan]


def put_whole(a, b, found):
    found[0] = a + b * 3 - (a & b) + (a | b) - (a ^ ~b)
    found[1], found[2] = a // b, a % b
    found[3] = (a << 3) + (b >> 2) + min(a, b, 5) - max(a, b) + abs(a)
    found[4] = a if 0 < a <= b or (a == b and not b < 0) else -b
    found[5] = a in (1, 7, -7) and b < 0


def whole(a: int, b: int) -> list[int]:
    """`put_whole` in Python, with 0 for what is divided by 0."""
    return [
        a + b * 3 - (a & b) + (a | b) - (a ^ ~b),
        *((a // b, a % b) if b else (0, 0)),
        (a << 3) + (b >> 2) + min(a, b, 5) - max(a, b) + abs(a),
        a if 0 < a <= b or (a == b and not b < 0) else -b,
        a in (1, 7, -7) and b < 0,
    ]


def test_whole_numbers() -> None:
    compiled, found = native(put_whole, void(int64, int64, Array(int64))), np.zeros(6, np.int64)
    for a, b in itertools.product(WHOLE, WHOLE):
        compiled(a, b, found)
        assert found.tolist() == whole(a, b), (a, b)
    compiled(-(1 << 63), -1, found)
    assert found[1:3].tolist() == [0, 0]  # the quotient has no place


def put_real(a, b, found):
    found[0], found[1], found[2] = min(a, b), max(a, b), -a
    found[3], found[4] = abs(a), a % b
    found[5] = 1.0 if a != b else 0.0
    found[6] = np.floor(a) + np.ceil(b)


def same(found: Any, expected: Any) -> bool:
    """Equal numbers, signs of zeros too; NaN equals NaN."""
    return all(
        math.isnan(x) and math.isnan(y) or (x == y and math.copysign(1, x) == math.copysign(1, y))
        for x, y in zip(found, expected, strict=True)
    )


def test_real_numbers() -> None:
    compiled, found = native(put_real, void(float64, float64, Array(float64))), np.zeros(7)
    for a, b in itertools.product(REAL, REAL):
        compiled(a, b, found)
        rest = math.nan if b == 0 or math.isinf(a) else a % b
        with np.errstate(invalid="ignore"):
            rounded = np.floor(a) + np.ceil(b)
        assert same(found, [min(a, b), max(a, b), -a, abs(a), rest, float(a != b), rounded]), (a, b)


def walk(values, found):
    first, last, step = 2, len(values), -1
    for k in range(len(values) - 1, -1, -1):
        if values[k] < 0.0:
            continue
        found[0] += values[k]
        if found[0] > 100.0:
            break
    part = values[first:last]
    part = part[: len(values)]
    found[1] = len(part)
    for value in part:
        found[2] += value
    part[:] = 9.0
    k = 0
    while True:
        k += 1
        if k * k > 50:
            break
    found[3] = k
    for sign, by in ((1, 2), (-1, 3)):
        found[4] += sign * by
    found[5] = step


def test_loops_and_parts_of_arrays() -> None:
    values, found = np.array([1.0, -5.0, 30.0, 40.0, 50.0, 2.0]), np.zeros(6)
    native(walk, void(Array(float64), Array(float64)))(values, found)
    assert found.tolist() == [122.0, 4.0, 122.0, 8.0, -1.0, -1.0]
    assert values.tolist() == [1.0, -5.0, 9.0, 9.0, 9.0, 9.0]


@device
def divided(a, b):
    if b == 0:
        return 0.5, a
    return a / b, a


def widened(count, found):
    total = 0
    for k in range(count):
        share, at = divided(k, k % 3)
        total += share
        found[at] = total
    return total


def test_types_become_as_wide_as_what_is_assigned_and_returned() -> None:
    """An integer at first, as Python's number would be; and tuples of a function, whose first result is whole at one place."""
    compiled, found, expected = native(widened, float64(int64, Array(float64))), np.zeros(7), np.zeros(7)
    total = 0.0
    for k in range(7):
        total += 0.5 if k % 3 == 0 else k / (k % 3)
        expected[k] = total
    assert compiled(7, found) == total
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("a", "b", "wide", "sum_of"),
    [
        (int32, int32, int32, int64),
        (uint8, int8, int64, int64),
        (uint32, uint32, uint32, uint64),
        (uint64, int64, int64, int64),
        (boolean, int8, int8, int64),
        (float32, int64, float64, float64),
        (float32, int8, float32, float32),
    ],
)
def test_the_types_of_two_numbers(a: Any, b: Any, wide: Any, sum_of: Any) -> None:
    assert joined(a, b) == joined(b, a) == wide or (a, b) == (uint8, int8)
    assert of_arithmetic(a, b) == sum_of


def cast_all(x, found):
    found[0] = int32(x)
    found[1] = int8(x)
    found[2] = uint8(x)
    found[3] = int(float32(x))


def test_casts_are_those_of_c() -> None:
    found = np.zeros(4, np.int64)
    native(cast_all, void(int64, Array(int64)))((1 << 33) + 200, found)
    assert found.tolist() == [200, -56, 200, 1 << 33]


@device
def squared(x):
    return x * x


def squares(x, y, found):
    found[0] = squared(x) > 0.0
    found[1] = squared(y)


def test_a_function_has_a_result_of_its_own_for_each_type() -> None:
    """Whole numbers stay exact behind a call of the same function with reals."""
    found, y = np.zeros(2, np.int64), (1 << 31) - 1
    native(squares, void(float64, int64, Array(int64)))(2.0, y, found)
    assert found.tolist() == [1, y * y]


def test_functions_are_translated_from_the_source_that_was_loaded(tmp_path: Path) -> None:
    """Where the file has changed since; sources without a file have names of their own, because threads compile at once."""
    file = tmp_path / "kernel.py"
    file.write_text("def f(x):\n    return x + 1\n")
    names: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    loaded = device(names["f"])
    file.write_text("def g(x):\n    return x - 1\n")
    assert loaded.definition.name == "f"
    assert remember("x = 1") != remember("x = 2")
    file.unlink()
    exec(compile("def f(x):\n    return x\n", str(tmp_path / "none.py"), "exec"), names)
    with pytest.raises(OSError, match="the source of f is missing"):
        _ = device(names["f"]).definition


def falls(x):  # noqa: RET503
    if x > 0.0:
        return x


def otherwise(x):
    for _ in range(3):
        x += 1.0
    else:
        x = 0.0
    return x


def raised(x):
    return float(int(x) ** 2)


def from_the_end(x, values):
    return values[-1] + x


def unlike(x):
    return float(uint64(x) < int64(x))


def unknown(x):
    return np.linalg.norm(x)


def keyed(x):
    return max(x, key=abs)


@pytest.mark.parametrize("function", [unknown, keyed, falls, otherwise, raised, unlike])
def test_what_the_language_does_not_have_is_an_error_of_compilation(function: Callable[..., Any]) -> None:
    with pytest.raises((KeyError, AssertionError, TypeError)):
        native(function, float64(float64))


def test_items_are_counted_from_the_first() -> None:
    with pytest.raises(AssertionError, match="counted from the first"):
        native(from_the_end, float64(float64, Array(float64)))


def compiled_functions(seeds: range) -> Callable[..., Any]:
    """Random functions in one module; the first argument of what calls them is the seed of one."""
    source = kernel_language.functions(seeds)
    names: dict[str, Any] = {kind: getattr(types, kind) for kind in kernel_language.TYPES}
    exec(compile(source, remember(source), "exec"), names)
    entry = names["all_of_them"]
    for defined, function in [*names.items()]:
        if isinstance(function, FunctionType) and function is not entry:
            names[defined] = device(function)
    kinds = [getattr(types, kind) for kind in kernel_language.VARIABLES.values()]
    views = [Array(getattr(types, kind)) for kind in kernel_language.ARRAYS.values()]
    return native(entry, void(int64, *kinds, *views))


def differing(seeds: range, calls: int) -> list[tuple[int, int, str]]:
    """Seed, call and array where a compiled random function does not what the definition says."""
    found = []
    compiled, names = compiled_functions(seeds), dict(kernel_language.MEANINGS)
    exec(kernel_language.functions(seeds), names)
    for seed, call in itertools.product(seeds, range(calls)):
        numbers, arrays = kernel_language.arguments(1000 * seed + call)
        expected = {name: array.copy() for name, array in arrays.items()}
        kernel_language.by_definition(names, seed, numbers, expected)
        compiled(seed, *numbers.values(), *arrays.values())
        for name, array in arrays.items():
            if not np.array_equal(array, expected[name], equal_nan=array.dtype.kind == "f"):
                found.append((seed, call, name))
    return found


def test_random_functions() -> None:
    """Numbers wrap, round and convert as the types say, whatever LLVM makes of the whole."""
    assert differing(range(40), 4) == []


@pytest.mark.long
def test_many_random_functions() -> None:
    for first in range(40, 2040, 50):
        assert differing(range(first, first + 50), 5) == []
