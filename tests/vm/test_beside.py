"""Exponentials worked out together: the same values as one after another, for any order of lines and for whole models."""

from __future__ import annotations

import math
from typing import Any

import pytest
from bioasm.vm.codegen.beside import Exponential, definitions, side_by_side
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vm.support import run

FUNCTIONS = {"exp": math.exp, "exprelr": lambda x: x / math.expm1(x) if x else 1.0}


def together(*names: str) -> Any:
    """In place of the kernels' function."""
    return lambda numbers: tuple(FUNCTIONS[name](x) for name, x in zip(names, numbers, strict=True))


def values(lines: list[str], arrays: dict[str, list[float]]) -> dict[str, Any]:
    """All locals and arrays after the lines have run."""
    names: dict[str, Any] = {"k": 0, "spikes": 0, "together": together, **FUNCTIONS}
    names |= {name: list(cells) for name, cells in arrays.items()}
    names["a2"] = names["a1"]  # two names of one place
    exec("\n".join([*definitions(lines), *lines]), names)
    return {name: thing for name, thing in names.items() if name[0] in "xas" and name[1:].isdigit() or name == "spikes"}


@st.composite
def bodies(draw: st.DrawFn) -> tuple[list[str], dict[str, Exponential]]:
    """Lines such as loops have, of locals, arrays, sums and exponentials."""
    lines, exponentials = ["x0 = a0[k]"], {}
    for at in range(1, draw(st.integers(2, 25))):
        known = st.sampled_from([f"x{before}" for before in range(at)])
        one, other = draw(known), draw(known)
        kind = draw(st.sampled_from(["load", "store", "sum", "count", *FUNCTIONS]))
        array = draw(st.sampled_from(["a0", "a1", "a2"]))
        if kind in FUNCTIONS:
            argument = f"(0.25 - 0.5 * min(max({one}, -1.0), 1.0))"
            exponentials[f"x{at}"] = Exponential(kind, argument)
        elif kind in ("store", "count"):
            lines.append(f"{array}[k] = {one} * 0.5" if kind == "store" else f"spikes += {one} > 0.5")
        text = {"load": f"{array}[k]", "sum": f"{one} - 0.3 * {other}"}.get(kind, "0.125")
        lines.append(f"x{at} = {kind}({exponentials[f'x{at}'].argument})" if kind in FUNCTIONS else f"x{at} = {text}")
    return lines, exponentials


@settings(max_examples=300, deadline=None)
@given(bodies())
def test_another_order_computes_the_same(body: tuple[list[str], dict[str, Exponential]]) -> None:
    lines, exponentials = body
    arrays = {"a0": [0.7], "a1": [-0.4]}
    found = side_by_side(lines, exponentials, {"a0": "a", "a1": "ring", "a2": "ring"})
    assert values(found, arrays) == values(lines, arrays)


def test_what_need_not_wait_comes_together() -> None:
    lines = ["x0 = a0[k]", "x1 = exp(x0)", "a0[k] = x1", "x2 = exprelr((x0 + 1.0))", "x3 = exp(x2)", "x4 = (x1 + x3)"]
    calls = {"x1": Exponential("exp", "x0"), "x2": Exponential("exprelr", "(x0 + 1.0)"), "x3": Exponential("exp", "x2")}
    assert side_by_side(lines, calls, {"a0": "v"}) == [
        "x0 = a0[k]",
        "x1, x2 = together_exp_exprelr((x0, (x0 + 1.0)))",
        "a0[k] = x1",
        "x3 = exp(x2)",
        "x4 = (x1 + x3)",
    ]


def test_no_more_than_a_vector_holds_come_together() -> None:
    lines = ["x0 = a0[k]", *(f"x{at} = exp(x0)" for at in range(1, 19))]
    found = side_by_side(lines, {f"x{at}": Exponential("exp", "x0") for at in range(1, 19)}, {})
    assert [line.count("x0") for line in found[1:]] == [8, 8, 2]


def test_lines_without_two_such_calls_stay_as_they_were() -> None:
    lines = ["x0 = a0[k]", "x1 = exp(x0)", "x2 = exp(x1)"]
    assert side_by_side(lines, {"x1": Exponential("exp", "x0"), "x2": Exponential("exp", "x1")}, {}) is lines


MODELS = {"hh": "    INP a.I, 10 uA/cm2\n", "olive": ""}


@pytest.mark.parametrize("model", MODELS)
def test_one_neuron_alone_has_the_bits_of_one_of_many(model: str) -> None:
    text = "    POP a, {model}, {n}\n{more}    REC a.v\n    RUN 30 ms\n"
    alone, two = (run(text.format(model=model, n=n, more=MODELS[model])).recordings["a.v"].values[0] for n in (1, 2))
    assert alone.std() > 0
    assert alone[:, 0].tobytes() == two[:, 0].tobytes()
