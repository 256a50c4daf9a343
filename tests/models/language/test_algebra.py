"""Algebra on expressions, against numbers: linear parts, derivatives, simplification, spelling, values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bioasm.models.algebra import derivative, evaluate, fold, linear_in, reads, simplify, spell
from bioasm.models.expression import Binary, Call, Expression, Negation, Number, Symbol, substitute, symbols
from tests.models.language.support import expression

NAMES = ("p", "q", "r")
VALUES = {"p": 0.7, "q": -1.3, "r": 2.1}
NUMBERS = st.floats(min_value=0.1, max_value=9, allow_nan=False).map(lambda x: Number(round(x, 3)))
LEAVES = st.sampled_from(NAMES).map(Symbol) | NUMBERS
SMOOTH = ("exp", "log", "sqrt", "sin", "cos", "tanh", "exprelr")


EXPONENTS = st.sampled_from((Number(2.0), Number(3.0), Number(0.5), Negation("-", Number(1.0))))


def _grown(inner: st.SearchStrategy[Expression], functions: tuple[str, ...]) -> st.SearchStrategy[Expression]:
    compared = st.builds(Binary, st.sampled_from(("<", "<=", ">", ">=")), inner, inner)
    conditions = compared | st.builds(Binary, st.sampled_from(("and", "or")), compared, compared)
    conditions |= st.builds(Negation, st.just("not"), compared)
    return st.one_of(
        st.builds(Binary, st.sampled_from("+-*/"), inner, inner),
        st.builds(Negation, st.just("-"), inner),
        st.builds(Binary, st.just("^"), inner, EXPONENTS),
        st.builds(lambda f, x: Call(f, (x,)), st.sampled_from(functions), inner),
        st.builds(lambda c, a, b: Call("where", (c, a, b)), conditions, inner, inner),
        st.builds(lambda f, a, b: Call(f, (a, b)), st.sampled_from(("min", "max")), inner, inner),
        st.builds(lambda a, b, c: Call("clip", (a, b, c)), inner, inner, inner),
    )


SMOOTH_ONES = st.recursive(LEAVES, lambda inner: _grown(inner, SMOOTH), max_leaves=12)
ALL = st.recursive(LEAVES, lambda inner: _grown(inner, (*SMOOTH, "abs", "floor", "ceil", "held")), max_leaves=12)
LINEAR = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Binary, st.sampled_from("+-*/"), inner, inner),
        st.builds(Negation, st.just("-"), inner),
        st.builds(lambda a, b: Call("where", (Binary(">", Symbol("q"), Number(0.0)), a, b)), inner, inner),
    ),
    max_leaves=10,
)


def number(node: Expression, **values: float) -> float:
    return float(evaluate(node, VALUES | values))


def is_condition(node: Expression) -> bool:
    return isinstance(node, Binary | Negation) and node.operator in ("and", "or", "not", "<", "<=", ">", ">=")


def has_values(node: Expression, **values: float) -> bool:
    """Whether all parts of an expression have a value."""
    return all(is_condition(part) or math.isfinite(number(part, **values)) for part in node.walk())


# --- values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("1 + 2*3", 7.0),
        ("(1 + 2)*3", 9.0),
        ("7 - 2 - 1", 4.0),
        ("8/4/2", 1.0),
        ("2^3^2", 512.0),
        ("2**3", 8.0),
        ("-2^2", -4.0),
        ("2^-1", 0.5),
        ("--2", 2.0),
        ("2*-3", -6.0),
        ("pi", math.pi),
        ("exp(1)", math.e),
        ("log(exp(2))", 2.0),
        ("sqrt(9)", 3.0),
        ("abs(-3)", 3.0),
        ("sin(0) + cos(0) + tanh(0)", 1.0),
        ("floor(-1.5)", -2.0),
        ("ceil(-1.5)", -1.0),
        ("min(3, 1, 2)", 1.0),
        ("max(3, 1, 2)", 3.0),
        ("clip(5, 0, 1)", 1.0),
        ("clip(-5, 0, 1)", 0.0),
        ("clip(0.5, 0, 1)", 0.5),
        ("exprelr(0)", 1.0),
        ("exprelr(1)", 1 / (math.e - 1)),
        ("exprelr(1e-12)", 1 - 0.5e-12),
        ("where(1 < 2, 3, 4)", 3.0),
        ("where(1 < 2 and 2 < 1, 3, 4)", 4.0),
        ("where(1 < 2 or 2 < 1, 3, 4)", 3.0),
        ("where(not 1 < 2, 3, 4)", 4.0),
        ("where(2 == 2 and 2 != 3 and 2 <= 2 and 2 >= 2, 3, 4)", 3.0),
        ("held(3)", 3.0),
        ("5 mV/(2 mV)", 2.5),
        ("1/ms*1 ms", 1.0),
    ],
)
def test_value(said: str, value: float) -> None:
    node = expression(said)
    assert fold(node) == pytest.approx(value, rel=1e-15)
    assert evaluate(node, {}) == pytest.approx(value, rel=1e-15)


def test_values_of_arrays_have_their_shape() -> None:
    p = np.array([[-1.0, 0.0], [2.0, 800.0]])
    found = evaluate(expression("where(p > 0, exprelr(p)*q, -p)"), {"p": p, "q": np.array([2.0, 3.0])})
    assert isinstance(found, np.ndarray)
    assert found.shape == (2, 2)
    np.testing.assert_allclose(found, [[1, 0], [2 * 2 / np.expm1(2), 0]], rtol=1e-15)


@pytest.mark.parametrize(("said", "value"), [("1/p", math.inf), ("log(p)", -math.inf), ("exp(q)", math.inf), ("p/p", math.nan)])
def test_values_leave_the_numbers_as_ieee_says(said: str, value: float) -> None:
    assert evaluate(expression(said), {"p": 0.0, "q": 1e4}) == pytest.approx(value, nan_ok=True)


def test_a_name_without_a_value_is_told() -> None:
    with pytest.raises(KeyError, match="p"):
        evaluate(Symbol("p"), {})


@pytest.mark.parametrize("said", ["p", "1/(2 - 2)", "log(-1)", "exp(1000)", "(-2)^0.5", "log(0)"])
def test_what_has_no_value_as_a_number_is_not_folded(said: str) -> None:
    assert fold(expression(said)) is None


# --- linear parts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "constant", "slope"),
    [
        ("p", "0", "1"),
        ("q", "q", "0"),
        ("2*p + q", "q", "2"),
        ("(q - p)/r", "q / r", "-1 / r"),
        ("-(p - q)", "-(-q)", "-1"),
        ("q*(1 - p) - r*p", "q", "q * -1 - r"),
        ("p*q*r", "0", "q * r"),
        ("where(q > 0, p, 2*p)", "0", "where(q > 0, 1, 2)"),
        ("where(q > 0, p, 1 + p)", "where(q > 0, 0, 1)", "1"),
        ("p^1", "0", "1"),
        ("exp(q)*p", "0", "exp(q)"),
    ],
)  # fmt: skip
def test_linear_parts(said: str, constant: str, slope: str) -> None:
    parts = linear_in(expression(said), "p")
    assert parts is not None
    assert (spell(parts[0]), spell(parts[1])) in ((constant, slope), (constant.replace("-(-q)", "q"), slope))


@pytest.mark.parametrize(
    "said", ["p*p", "exp(p)", "1/p", "p^2", "2^p", "where(p > 0, p, 1)", "min(p, 1)", "q/(1 + p)", "abs(p)", "held(p)"]
)
def test_what_is_not_linear(said: str) -> None:
    assert linear_in(expression(said), "p") is None


@given(LINEAR)
def test_linear_parts_make_up_the_whole(node: Expression) -> None:
    parts = linear_in(node, "p")
    assume(parts is not None)
    assert parts is not None
    assert not reads(parts[0], "p")
    assert not reads(parts[1], "p")
    for p in (-0.4, 1.9):
        whole = number(node, p=p)
        assume(math.isfinite(whole) and abs(whole) < 1e9)
        scale = abs(number(parts[0])) + abs(number(parts[1])) * 2
        assert number(parts[0]) + number(parts[1]) * p == pytest.approx(whole, rel=1e-9, abs=1e-9 * max(scale, 1))


# --- derivatives ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("q", "0"),
        ("p", "1"),
        ("p*q", "q"),
        ("p^2", "2 * p"),
        ("exp(2*p)", "exp(2 * p) * 2"),
        ("q/p", "-(q / (p * p))"),
        ("sin(p) + cos(p)", "cos(p) + -sin(p)"),
        ("floor(p)", "0"),
        ("held(p)", "0"),
        ("where(p > 0, 2*p, 3*p)", "where(p > 0, 2, 3)"),
    ],
)
def test_derivative(said: str, wanted: str) -> None:
    found = derivative(expression(said), "p")
    assert spell(found) == wanted or evaluate(found, VALUES) == evaluate(expression(wanted), VALUES)


@settings(max_examples=300)
@given(SMOOTH_ONES, st.floats(min_value=-3, max_value=3))
def test_derivative_is_the_limit_of_differences(node: Expression, p: float) -> None:
    slope = number(derivative(node, "p"), p=p)
    step = 1e-5
    assume(all(has_values(node, p=p + k * step) for k in (-2, -1, 0, 1, 2)))
    near = [number(node, p=p + k * step) for k in (-2, -1, 0, 1, 2)]
    assume(all(map(math.isfinite, [*near, slope])) and max(map(abs, [*near, slope])) < 1e4)
    left, right, wide = (near[2] - near[1]) / step, (near[3] - near[2]) / step, (near[4] - near[0]) / (4 * step)
    assume(abs(left - right) < 1e-3 * (1 + abs(left)) and abs(wide - (left + right) / 2) < 1e-4 * (1 + abs(left)))
    assert slope == pytest.approx((left + right) / 2, rel=1e-2, abs=1e-2)


@pytest.mark.parametrize("p", [0.0, 1e-9, -1e-6, 9e-6, 1.1e-5, -1e-3, 0.5, -4.0, 30.0])
def test_derivative_of_exprelr_holds_near_zero(p: float) -> None:
    wanted = -0.5 + p / 6 - p**3 / 180 if abs(p) < 0.01 else (np.expm1(p) - p * np.exp(p)) / np.expm1(p) ** 2
    assert number(derivative(Call("exprelr", (Symbol("p"),)), "p"), p=p) == pytest.approx(wanted, rel=1e-6)


# --- simplification, substitution, spelling ---------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("p + 0", "p"),
        ("0 + p", "p"),
        ("p - 0", "p"),
        ("0 - p", "-p"),
        ("1*p*1", "p"),
        ("p*0", "0"),
        ("0/p", "0"),
        ("p/1", "p"),
        ("p^1", "p"),
        ("p^0", "1"),
        ("--p", "p"),
        ("2*3 + p", "6 + p"),
        ("exp(0)*p", "p"),
        ("where(1 < 2, p, q)", "p"),
        ("where(p > 1, q, q)", "q"),
        ("max(2, 3)*p", "3 * p"),
        ("2 mV + 3 mV", "5 mV"),
        ("20 mV*2/(5 mV)", "8"),
        ("(3 mV)^2/(1 mV)", "9 mV"),
    ],
)
def test_simple_form(said: str, wanted: str) -> None:
    assert spell(simplify(expression(said))) == wanted


@given(ALL)
def test_simple_form_has_the_same_value(node: Expression) -> None:
    before = number(node)
    assume(math.isfinite(before))
    assume(has_values(node))
    assert number(simplify(node)) == pytest.approx(before, rel=1e-9, abs=1e-12)


@given(ALL)
def test_simple_form_is_simple(node: Expression) -> None:
    once = simplify(node)
    assert simplify(once) == once


@settings(max_examples=300)
@given(ALL)
def test_what_is_spelled_reads_back_as_the_same_tree(node: Expression) -> None:
    assert expression(spell(node)) == node


@given(ALL, SMOOTH_ONES)
def test_substitution_puts_a_value_in_the_place_of_a_name(node: Expression, value: Expression) -> None:
    inner = number(value)
    assume(math.isfinite(inner) and inner != 0)  # numpy takes roots of arrays and of numbers with different signs of zero
    assert number(substitute(node, {"p": value})) == pytest.approx(number(node, p=inner), nan_ok=True)


def test_substitution_leaves_what_it_does_not_touch() -> None:
    node = expression("q*(p + r)")
    assert isinstance(node, Binary)
    assert substitute(node, {"x": Number(1.0)}) is node
    changed = substitute(node, {"p": Symbol("q"), "q": Symbol("p")})
    assert spell(changed) == "p * (q + r)"
    assert symbols(node) == {"p", "q", "r"}


def test_a_clip_to_a_single_value_is_flat() -> None:
    assert number(derivative(expression("clip(p, 1, 1)"), "p"), p=1.0) == 0.0
