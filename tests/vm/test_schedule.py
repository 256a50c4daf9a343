"""Passes over values: each is computed once, what is invariant is moved, exponentials come together; results stay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioasm.vm.codegen.layout import Field, Layout
from bioasm.vm.codegen.lower import whole_power
from bioasm.vm.codegen.passes import Hoisting, Numbering
from bioasm.vm.codegen.python_printer import print_python
from bioasm.vm.codegen.schedule import K, batch_exponentials, schedule
from bioasm.vm.codegen.statements import Function, Let, LetTogether, Program, Statement, Store
from bioasm.vm.codegen.types import Rate, Type
from bioasm.vm.codegen.values import Value, apply, as_value, cell, named, read
from tests.vm.support import run

FUNCTIONS = {"exp": math.exp, "exprelr": lambda x: x / math.expm1(x) if x else 1.0}
OUT = named("out", Type.F8)


def a_cell(name: str, rate: Rate = Rate.VARYING) -> Value:
    return cell(name, Field(0), rate)


def executed(body: Sequence[Statement], cells: dict[str, float]) -> dict[str, list[float]]:
    """The arrays after Python has run the body for one cell."""
    names = {f"a{at}": [value] for at, value in enumerate(cells.values())}
    out = {"out": [0.0] * 40}

    def together(*functions: str) -> Any:
        return lambda numbers: tuple(FUNCTIONS[f](x) for f, x in zip(functions, numbers, strict=True))

    space: dict[str, Any] = {"together": together, "device": lambda f: f, **FUNCTIONS}
    parameters = (OUT, *(named(name, Type.F8) for name in names))
    source = print_python(Program({}, (Function("body", parameters, (Let(K, as_value(0)), *body)),)), Layout())
    exec(source, space)
    space["body"](out["out"], *names.values())
    return out | names


@st.composite
def turns(draw: st.DrawFn) -> list[Statement]:
    """Locals as a loop's turn has them: read from arrays, sums and exponentials of others; then all are stored."""
    arrays = [named(f"a{at}", Type.F8) for at in range(2)]
    lets = [Let(named("x0", Type.F64), arrays[0].item(K))]
    for at in range(1, draw(st.integers(2, 25))):
        known = st.sampled_from([let.local for let in lets])
        one, other = draw(known), draw(known)
        kind = draw(st.sampled_from(["item", "sum", *FUNCTIONS]))
        bounded = as_value(0.25) - apply("min", apply("max", one, -1.0), 1.0) * 0.5
        value = {"item": arrays[at % 2].item(K), "sum": one - other * 0.3}.get(kind)
        lets.append(Let(named(f"x{at}", Type.F64), apply(kind, bounded) if value is None else value))
    return [*lets, *(Store(OUT, as_value(at), let.local) for at, let in enumerate(lets))]


@settings(max_examples=300, deadline=None)
@given(turns())
def test_another_order_computes_the_same(turn: list[Statement]) -> None:
    cells = {"u": 0.7, "v": -0.4}
    assert executed(batch_exponentials(turn), cells) == executed(turn, cells)


def locals_of(values: Sequence[Value]) -> list[Statement]:
    return [Let(named(f"x{at}", Type.F64), value) for at, value in enumerate(values)]


def test_what_need_not_wait_comes_together() -> None:
    x = [named(f"x{at}", Type.F64) for at in range(5)]
    values = [named("a0", Type.F8).item(K), apply("exp", x[0]), apply("exprelr", x[0] + 1.0), apply("exp", x[2]), x[1] + x[3]]
    found = batch_exponentials([*locals_of(values), Store(named("a0", Type.F8), K, x[1])])
    assert [type(s).__name__ for s in found] == ["Let", "LetTogether", "Let", "Let", "Store"]
    assert isinstance(found[1], LetTogether)
    assert [local.data for local in found[1].locals] == ["x1", "x2"]


def test_no_more_than_a_vector_holds_come_together() -> None:
    x = named("x0", Type.F64)
    found = batch_exponentials(locals_of([named("a0", Type.F8).item(K), *(apply("exp", x * float(n)) for n in range(18))]))
    assert [len(s.locals) for s in found if isinstance(s, LetTogether)] == [8, 8, 2]


def test_a_turn_without_two_such_calls_stays_as_it_was() -> None:
    x = [named(f"x{at}", Type.F64) for at in range(2)]
    turn = locals_of([named("a0", Type.F8).item(K), apply("exp", x[0]), apply("exp", x[1])])
    assert batch_exponentials(turn) is turn


def test_equal_values_become_one_and_are_computed_once() -> None:
    number = Numbering()
    one, other = (apply("exp", a_cell("v") * 2.0) for _ in range(2))
    assert one is not other
    assert number(one) is number(other)
    made = schedule([Store(OUT, K, number(one + other))], as_value(1))
    assert sum(isinstance(s, Let) and s.value.op == "exp" for s in made.turn) == 1


def test_zeros_of_both_signs_and_numbers_of_both_types_stay_apart() -> None:
    number = Numbering()
    assert number(as_value(0.0)) is not number(as_value(-0.0))
    assert number(as_value(1.0)) is not number(as_value(1))


def test_what_is_invariant_is_kept_where_it_belongs() -> None:
    hoist, tau, scale = Hoisting(0), read("number", "tau", Rate.UNIFORM), a_cell("scale", Rate.PER_CELL)
    value = hoist(Numbering()(a_cell("v") * (1.0 / 2.0) + apply("exp", tau * 2.0) * a_cell("v") + scale * scale))
    assert [v.op for v in hoist.prepared] == ["exp"]
    assert [v.op for v in hoist.hoisted] == ["*"]
    assert value.rate is Rate.VARYING


def test_a_kept_condition_is_a_condition_again() -> None:
    hoist = Hoisting(0)
    value = hoist(read("number", "tau", Rate.UNIFORM) > 1.0)
    assert (value.op, value.type) == ("!=", Type.COND)


def test_stores_come_after_everything_that_is_read() -> None:
    v, w = a_cell("v"), a_cell("w")
    made = schedule([Store(v, K, w + 1.0), Store(w, K, v * 2.0)], as_value(1))
    assert [type(s).__name__ for s in made.turn] == ["Let", "Let", "Store", "Store"]


@pytest.mark.parametrize("exponent", range(1, 9))
def test_small_powers_are_products(exponent: int) -> None:
    value = whole_power(named("x0", Type.F64), exponent)
    found = executed([Let(named("x0", Type.F64), as_value(1.7)), Store(OUT, as_value(0), value)], {})["out"][0]
    assert found == pytest.approx(1.7**exponent, rel=1e-14)


MODELS = {"hh": "    INP a.I, 10 uA/cm2\n", "olive": ""}


@pytest.mark.parametrize("model", MODELS)
def test_one_neuron_alone_has_the_bits_of_one_of_many(model: str) -> None:
    text = "    POP a, {model}, {n}\n{more}    REC a.v\n    RUN 30 ms\n"
    alone, two = (run(text.format(model=model, n=n, more=MODELS[model])).recordings["a.v"].values[0] for n in (1, 2))
    assert alone.std() > 0
    assert alone[:, 0].tobytes() == two[:, 0].tobytes()
