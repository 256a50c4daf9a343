"""Single whole numbers that no 64-bit float is: refused with place and hint wherever a number is read, and no others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioasm.diagnostics import BioasmError
from bioasm.frameworks import read_network
from bioasm.isa.program import Dense
from bioasm.isa.table import ROWS
from bioasm.models.expression import Number
from bioasm.models.parse import read_model
from bioasm.problems.accounts import arrays_problem, matrix_problem
from bioasm.problems.formats import read_problem
from bioasm.problems.rudy import generate
from bioasm.settings import parse_quantity
from bioasm.text.assemble import assemble
from bioasm.text.files import read_file
from bioasm.units import find_unit, to_si
from bioasm.wholes import rounded
from tests.models.language.support import NEURON, expression

LOST = 2**53 + 1
SLOTS = [(row, k) for row in ROWS for k, slot in enumerate(row.slots) if "number" in slot.kind.forms]


def refusal(call) -> list:
    with pytest.raises(BioasmError) as raised:
        call()
    return list(raised.value.diagnostics)


@pytest.mark.parametrize(("row", "place"), SLOTS, ids=[f"{row.mnemonic}-{row.slots[k].name}" for row, k in SLOTS])
def test_every_operand_that_takes_a_number_refuses_it(row, place: int) -> None:
    words = {"number": "1", "register": "r0", "data": "[1]", "label": "end", "name": "x"}
    operands = [words[slot.kind.forms[0]] for slot in row.slots]
    operands[place] = str(LOST)
    line = f"{row.mnemonic} {', '.join(operands)}"
    found = [d for d in refusal(lambda: assemble(f"{line}\nend:\n")) if d.code == "B115"]
    column = len(f"{row.mnemonic} {', '.join([*operands[:place], ''])}") + 1
    hint = f"the nearest number that is a 64-bit float is {2**53}"
    assert [(d.span.line, d.span.column, d.hint) for d in found] == [(1, column, hint)]


@pytest.mark.parametrize("spelled", ["{0}", "-{0}", "+{0}", "9_007_199_254_740_993", "{0} V", "{0} kV", "{0} V/s"])
def test_constants_and_settings_refuse_it(spelled: str) -> None:
    spelled = spelled.format(LOST)
    (found,) = refusal(lambda: assemble(f".const a = {spelled}\n"))
    assert (found.code, found.span.line, found.span.column) == ("B115", 1, 12)
    assert [d.code for d in refusal(lambda: parse_quantity("a", spelled))] == ["B115"]


@pytest.mark.parametrize(
    "spelled",
    ["9007199254740992", "10000000000000000", "1e16", f"{LOST}.0", f"{LOST}e0", f"{LOST} mV", "0.1", "1e23", "8 %", "3/ms"],
)
def test_what_is_a_float_or_no_whole_number_passes(spelled: str) -> None:
    assert assemble(f".const a = {spelled}\n").constants["a"] == parse_quantity("a", spelled)


@given(st.integers(-(10**25), 10**25), st.sampled_from(["", "V", "kV", "mV"]))
def test_the_rule_is_exactness(value: int, symbol: str) -> None:
    exact = symbol == "mV" or int(float(value)) == value
    try:
        to_si(str(value), find_unit(symbol) if symbol else None)
        assert exact
    except ValueError:
        assert not exact


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_float_is_refused_in_its_own_spelling(value: float) -> None:
    assert rounded(repr(value)) is None
    assert abs(value) >= 2**63 or rounded(str(int(value))) is None


def test_texts_of_models_refuse_it() -> None:
    assert expression("9007199254740992") == Number(2.0**53)
    text = NEURON.replace("El = -70 mV", f"El = {LOST} V")
    (found,) = refusal(lambda: read_model(text, "x", 1))
    assert found.code == "B115" and str(LOST) in found.message


@pytest.mark.parametrize(
    "data",
    [f"[{LOST}, 0.5]", f"sparse(2) {{ 0 1 {LOST} | 1 0 0.5 }}", f"terms(2) {{ 0 1 {LOST} | 0 .5 }}"],
)
def test_data_beside_fractions_refuse_it_at_its_place(data: str) -> None:
    (found,) = refusal(lambda: assemble(f".data x = {data}\n"))
    assert (found.code, found.span.line, found.span.column) == ("B115", 1, 11 + data.index("9007"))


FORMATS = {
    "gset": (f"2 1\n1 2 {LOST}\n", 2),
    "qubo": (f"p qubo 0 2 1 1\n0 0 {LOST}\n0 1 1\n", 2),
    "coo": (f"0 0 1\n0 1 {LOST}\n", 2),
    "ising": (f"2 2\n1 1 0.5\n1 2 {LOST}\n", 3),
    "cnf": (f"p wcnf 2 2\n{LOST} 1 2 0\n1 1 0\n", 2),
}


@pytest.mark.parametrize("form", FORMATS)
def test_problem_files_refuse_it_on_its_line(form: str) -> None:
    text, line = FORMATS[form]
    (found,) = refusal(lambda: read_problem(text.encode(), "x", form, False))
    assert (found.code, found.span.line) == ("B115", line)
    read_problem(text.replace(str(LOST), str(10**16)).encode(), "x", form, False)


def test_models_as_json_refuse_it() -> None:
    said = {"type": "BinaryQuadraticModel", "variable_type": "SPIN", "linear_biases": [LOST], "offset": 0.5,
            "quadratic_biases": [], "quadratic_head": [], "quadratic_tail": []}  # fmt: skip
    (found,) = refusal(lambda: read_problem(json.dumps(said).encode(), "x", "bqm", False))
    assert found.code == "B115" and found.span.line == 1


def test_layers_as_json_refuse_it() -> None:
    said = {"tau_mem": 1e-2, "tau_syn": 1e-2, "threshold": LOST, "bias": [0.5]}
    (found,) = refusal(lambda: read_network(json.dumps(said, indent=1).encode(), "x", "rockpool"))
    assert (found.code, found.span.line) == ("B115", 4)


def test_arrays_refuse_it(tmp_path: Path) -> None:
    matrix = Dense(np.array([[LOST, 0], [0, 1]]))
    calls = [
        lambda: matrix_problem(matrix, "x", False),
        lambda: arrays_problem(Dense(np.zeros((2, 2))), Dense(np.array([LOST, 1])), None, "x"),
        lambda: arrays_problem(Dense(np.zeros((2, 2))), None, Dense(np.array([LOST])), "x"),
    ]
    for call in calls:
        assert [d.code for d in refusal(call)] == ["B115"]
    (tmp_path / "x.mtx").write_text(f"%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 {LOST}\n1 2 0.5\n")
    assert [d.code for d in refusal(lambda: read_file(tmp_path / "x.mtx", None))] == ["B115"]


def test_arguments_of_rudy_refuse_it() -> None:
    assert [d.code for d in refusal(lambda: generate(f"-clique 3 -times {LOST}"))] == ["B115"]


def test_graphs_of_nir_refuse_it() -> None:
    from bioasm.frameworks.nir.graph import Graph

    class Node:
        tau = np.array([LOST])

    graph = Graph({"lif": Node()}, {"lif": "LIF"}, {}, "x.nir")
    assert [d.code for d in refusal(lambda: graph.numbers("lif", "tau"))] == ["B115"]
