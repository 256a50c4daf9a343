"""Data that stand in the text: shapes, exact values, the narrowest type, and where a fault is."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioasm.diagnostics import BioasmError
from bioasm.isa.program import Dense, Sparse, Terms
from bioasm.text.assemble import assemble
from bioasm.text.document import Item
from bioasm.text.literal_faults import LiteralFault
from bioasm.text.literals import read_literal


def datum(literal: str) -> Dense | Sparse | Terms:
    return assemble(f".data X = {literal}").data[0].value


def dense(literal: str) -> np.ndarray:
    value = datum(literal)
    assert isinstance(value, Dense)
    return value.array


DENSE = [
    ("[]", "i1", []),
    ("[[], []]", "i1", [[], []]),
    ("[1]", "i1", [1]),
    ("[[1]]", "i1", [[1]]),
    ("[1, -1, 127, -128]", "i1", [1, -1, 127, -128]),
    ("[128]", "i2", [128]),
    ("[-32768, 32767]", "i2", [-32768, 32767]),
    ("[32768]", "i4", [32768]),
    ("[2147483648]", "i8", [2**31]),
    ("[9007199254740993]", "i8", [2**53 + 1]),
    ("[9223372036854775807, -9223372036854775808]", "i8", [2**63 - 1, -(2**63)]),
    ("[9223372036854775808]", "f4", [2.0**63]),
    ("[1.0, 2.0]", "i1", [1, 2]),
    ("[1e3]", "i2", [1000]),
    ("[0.5]", "f4", [0.5]),
    ("[0.1]", "f8", [0.1]),
    ("[0.5, 0.1]", "f8", [0.5, 0.1]),
    ("[16777217.5]", "f8", [16777217.5]),
    ("[1e-320]", "f8", [1e-320]),
    ("[1e300]", "f8", [1e300]),
    ("[.5, 1., +2, 1E2, 1e+2]", "f4", [0.5, 1, 2, 100, 100]),
    ("[9007199254740993, 1.0]", "i8", [2**53 + 1, 1]),
    ("[[0, 1], [1, 0]]", "i1", [[0, 1], [1, 0]]),
    ("[ [0,1] , [1,0] ]", "i1", [[0, 1], [1, 0]]),
    ("[[1, 2, 3]]", "i1", [[1, 2, 3]]),
    ("[1, ; one\n 2] ; two", "i1", [1, 2]),
    ("[[1, 2], ; ] [ ; ,\n;x\n\n [3, 4]\n]", "i1", [[1, 2], [3, 4]]),
    ("f8 [1, 2]", "f8", [1, 2]),
    ("F4[[1]]", "f4", [[1]]),
    ("i8 [1]", "i8", [1]),
    ("f8 [9007199254740992]", "f8", [2**53]),
    ("f4 [0.10000000149011612]", "f4", [np.float32(0.1)]),
]


@pytest.mark.parametrize(("literal", "kind", "values"), DENSE, ids=[row[0] for row in DENSE])
def test_dense(literal: str, kind: str, values: list[float]) -> None:
    array = dense(literal)
    assert array.dtype == np.dtype(kind)
    assert array.tolist() == np.array(values).tolist()


def test_minus_zero_is_kept() -> None:
    array = dense("[0.0, -0.0]")
    assert array.dtype == np.float32
    assert np.signbit(array).tolist() == [False, True]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_dense_numbers_are_exact(values: list[float]) -> None:
    array = dense("[" + ", ".join(map(repr, values)) + "]")
    assert [float(x).hex() for x in array.tolist()] == [x.hex() for x in values]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1, max_value=1, places=25))
def test_decimals_are_rounded_once(number: object) -> None:
    value = float(dense(f"[{number:f}, 0.1]")[0])
    neighbours = [np.nextafter(value, -2), np.nextafter(value, 2)]
    error = abs(Fraction(value) - Fraction(str(number)))
    assert all(error <= abs(Fraction(float(x)) - Fraction(str(number))) for x in neighbours)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_whole_numbers_are_exact_and_narrow(values: list[int]) -> None:
    array = dense(f"[{', '.join(map(str, values))}]")
    assert array.tolist() == values
    widest = max(v.bit_length() if v >= 0 else (v + 1).bit_length() for v in values) + 1  # one bit for the sign
    assert array.dtype.itemsize * 8 == next(bits for bits in (8, 16, 32, 64) if widest <= bits)


SPARSE = [
    ("sparse(3) { }", (3, 3), [], False, "i1"),
    ("sparse(2, 3) { 0 2 5 }", (2, 3), [(0, 2, 5)], False, "i1"),
    ("sparse(3) { 2 0 1 | 0 1 0.5 }", (3, 3), [(0, 1, 0.5), (2, 0, 1)], False, "f4"),
    ("sparse(3) {\n 2 0 1 ; last\n\n 0 1 300\n}", (3, 3), [(0, 1, 300), (2, 0, 1)], False, "i2"),
    ("sparse(3) symmetric { 0 1 1 | 2 1 -1 | 2 2 4 }", (3, 3), [(0, 1, 1), (1, 2, -1), (2, 2, 4)], True, "i1"),
    ("SPARSE( 3 )SYMMETRIC{0 1 1|}", (3, 3), [(0, 1, 1)], True, "i1"),
    ("f8 sparse(3) { 0 1 1 }", (3, 3), [(0, 1, 1)], False, "f8"),
    ("sparse(16777216) { 16777215 0 1 }", (1 << 24, 1 << 24), [((1 << 24) - 1, 0, 1)], False, "i1"),
]


@pytest.mark.parametrize(("literal", "shape", "entries", "symmetric", "kind"), SPARSE, ids=[row[0] for row in SPARSE])
def test_sparse(literal: str, shape: tuple[int, int], entries: list, symmetric: bool, kind: str) -> None:
    value = datum(literal)
    assert isinstance(value, Sparse)
    assert (value.shape, value.symmetric, value.value.dtype) == (shape, symmetric, np.dtype(kind))
    assert list(zip(value.row.tolist(), value.column.tolist(), value.value.tolist(), strict=True)) == entries
    assert value.row.dtype == value.column.dtype == np.int32


TERMS = [
    ("terms(3) { }", 3, [], []),
    ("terms(3) { 0 1 2 -1.0 | 0 2 0.5 }", 3, [[0, 1, 2], [0, 2]], [-1, 0.5]),
    ("terms(3) { 2 0 1 4\n1 2 ; one\n }", 3, [[0, 1, 2], [1]], [4, 2]),
    ("i4 terms(2){0 7}", 2, [[0]], [7]),
]


@pytest.mark.parametrize(("literal", "size", "indices", "weights"), TERMS, ids=[row[0] for row in TERMS])
def test_terms(literal: str, size: int, indices: list[list[int]], weights: list[float]) -> None:
    value = datum(literal)
    assert isinstance(value, Terms)
    start = value.start.tolist()
    found = [value.index[a:b].tolist() for a, b in zip(start, start[1:], strict=False)]
    assert (value.size, found, value.value.tolist()) == (size, indices, weights)
    assert (value.start.dtype, value.index.dtype) == (np.int64, np.int32)


FAULTS = [
    # literal, code, the text that the fault points at, part of the message
    ("[1, x]", "B010", "x", "`x` is no number"),
    ("[1, 2 3]", "B010", "3", "comma is missing"),
    ("[1,, 2]", "B010", ",", "number is missing"),
    ("[, 1]", "B010", ",", "number is missing"),
    ("[1, ]", "B010", "]", "number is missing"),
    ("[[1], ]", "B010", "]", "number is missing"),
    ("[[1] [2]]", "B010", "[", "comma is missing"),
    ("[[1, 2], [3]]", "B010", "[3]", "row 2 has 1 entry, the first has 2"),
    ("[[1], []]", "B010", "[]", "row 2 has 0 entries"),
    ("[1, [2]]", "B010", "1", "not both"),
    ("[[1], 2]", "B010", "2", "not both"),
    ("[1e999]", "B009", "1e999", "too large"),
    ("[1e999, 2x]", "B009", "1e999", "too large"),
    ("[1_000]", "B010", "1_000", "no number"),
    ("[nan]", "B010", "nan", "no number"),
    ("[-inf]", "B010", "-inf", "no number"),
    ("[0x10]", "B010", "0x10", "no number"),
    ("[1 mV]", "B010", "mV", "no number"),
    ("[\u0661]", "B010", "\u0661", "no number"),
    ("[1-]", "B010", "1-", "no number"),
    ("[+-1]", "B010", "+-1", "no number"),
    ("[1.2.3]", "B010", "1.2.3", "no number"),
    ("i1 [300]", "B010", "i1", "exactly in i1"),
    ("f4 [0.1]", "B010", "f4", "exactly in f4"),
    ("i8 [0.5]", "B010", "i8", "exactly in i8"),
    ("i1 [-0.0]", "B010", "i1", "exactly in i1"),
    ("f8 [9007199254740993]", "B010", "f8", "exactly in f8"),
    ("sparse(3) { 0 1 }", "B010", "0 1", "not 2 numbers"),
    ("sparse(3) { 5 }", "B010", "5", "not in 0 to 2"),
    ("sparse(3) { 1 1 1 1 }", "B010", "1 1 1 1", "not 4 numbers"),
    ("sparse(3) { 0 3 1 }", "B010", "3", "not in 0 to 2"),
    ("sparse(2, 3) { 2 0 1 }", "B010", "2", "not in 0 to 1"),
    ("sparse(3) { -1 0 1 }", "B010", "-1", "not in 0 to 2"),
    ("sparse(3) { 1.0 0 1 }", "B010", "1.0", "no whole number"),
    ("sparse(3) { 0 0 x }", "B010", "x", "no number"),
    ("sparse(3) { 0, 0, 1 }", "B010", "0,", "no whole number"),
    ("sparse(3) { 0 1 2 | 0 1 3 }", "B010", "0 1 3", "stands twice"),
    ("sparse(3) symmetric { 0 1 2 | 1 0 2 }", "B010", "1 0 2", "stands twice"),
    ("sparse(3) { 0 0 1e999 }", "B009", "1e999", "too large"),
    ("sparse(2, 3) symmetric { }", "B010", "symmetric", "2 x 3"),
    ("sparse(0) { }", "B111", "0", "1 to 16777216"),
    ("sparse(16777217) { }", "B111", "16777217", "1 to 16777216"),
    ("sparse(x) { }", "B010", "x", "whole numbers"),
    ("sparse(1, 2, 3) { }", "B010", "1, 2, 3", "whole numbers"),
    ("sparse() { }", "B010", "", "whole numbers"),
    ("terms(2, 2) { }", "B010", "2, 2", "terms(n)"),
    ("terms(3) { 5.5 }", "B010", "5.5", "one number"),
    ("terms(3) { 0 0 1 }", "B010", "0", "stands twice in its term"),
    ("terms(3) { 0 3 1 }", "B010", "3", "not in 0 to 2"),
    ("terms(3) { 0 1 y }", "B010", "y", "no number"),
    ("terms(3) { 0 1 1e999 }", "B009", "1e999", "too large"),
]


@pytest.mark.parametrize(("literal", "code", "at", "message"), FAULTS, ids=[row[0] for row in FAULTS])
def test_fault_of_a_literal(literal: str, code: str, at: str, message: str) -> None:
    with pytest.raises(BioasmError) as caught:
        assemble(f".data X = {literal}")
    found = caught.value.diagnostics[0]
    assert found.span is not None
    pointed = f".data X = {literal}"[found.span.column - 1 : found.span.end_column - 1]
    assert (found.code, pointed) == (code, at)
    assert message in found.message


@pytest.mark.parametrize("row", [0, 57, 99])
def test_fault_deep_in_a_literal_is_found_at_its_line_and_column(row: int) -> None:
    rows = [", ".join(["1"] * 20)] * 100
    rows[row] = "1, 1, oops, " + ", ".join(["1"] * 17)
    with pytest.raises(BioasmError) as caught:
        assemble("ALC 20\n.data X = [" + ",\n ".join(f"[{text}]" for text in rows) + "]\nRST\n")
    span = caught.value.diagnostics[0].span
    assert span is not None
    assert (span.line, span.end_column - span.column) == (row + 2, 4)
    assert span.column == (9 if row else 19)


@given(st.text(alphabet="0123456789+-.eE,[]| \n;x{}", max_size=60), st.sampled_from(["dense", "sparse", "terms"]))
def test_any_literal_is_read_or_refused(body: str, form: str) -> None:
    text = {"dense": f"[{body}]", "sparse": f"sparse(4) {{{body}}}", "terms": f"terms(4) {{{body}}}"}[form]
    try:
        value = read_literal(Item(form, text))
    except LiteralFault as fault:
        assert 0 <= fault.start <= fault.end <= len(text)
        assert fault.message != "the literal can't be read" or "[" in body or "]" in body or ";" in body
    else:
        assert isinstance(value, Dense | Sparse | Terms)
