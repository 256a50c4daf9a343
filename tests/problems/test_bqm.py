"""Binary quadratic models of dimod as JSON, and how files of JSON are told apart."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from bioasm.api.problem_files import read_problem_file
from bioasm.diagnostics import BioasmError
from bioasm.problems.bqm import read_bqm
from tests.command import bioasm
from tests.problems.exact import states, value

# What dimod 0.12.23 gives for BinaryQuadraticModel({'a': 1.0, 'b': -2}, {('a', 'b'): 0.5}, 1.5, 'SPIN').to_serializable().
MODEL = {
    "type": "BinaryQuadraticModel", "version": {"bqm_schema": "3.0.0"}, "use_bytes": False, "index_type": "int32",
    "bias_type": "float64", "num_variables": 2, "num_interactions": 1, "variable_labels": ["a", "b"],
    "variable_type": "SPIN", "offset": 1.5, "info": {}, "linear_biases": [1.0, -2.0], "quadratic_biases": [0.5],
    "quadratic_head": [0], "quadratic_tail": [1],
}  # fmt: skip


def read(**changes):
    return read_bqm(json.dumps(MODEL | changes).encode(), "m.json")[0]


@pytest.mark.parametrize(("kind", "domain"), [("SPIN", "spin"), ("BINARY", "bit")])
def test_the_energy_is_that_of_the_model(kind, domain):
    model = read(variable_type=kind)
    for z in states(2, domain):
        assert value(model, z) == Fraction(3, 2) + z[0] - 2 * z[1] + Fraction(1, 2) * z[0] * z[1]


def test_the_program_finds_the_least_energy():
    text = bioasm("import", "-", stdin=json.dumps(MODEL).encode()).text
    assert bioasm("run", "-", "--seed", "1", "--json", stdin=text.encode()).json["best_energy"] == -2


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"type": "CQM"}, "no object of the type BinaryQuadraticModel"),
        ({"variable_type": "INTEGER"}, "neither SPIN nor BINARY"),
        ({"use_bytes": True}, "are bytes"),
        ({"linear_biases": "00"}, "linear_biases is no list of numbers"),
        ({"linear_biases": [1, None]}, "linear_biases is no list of numbers"),
        ({"linear_biases": [True, 1]}, "linear_biases is no list of numbers"),
        ({"linear_biases": []}, "linear_biases holds no number"),
        ({"linear_biases": [1, 10**400]}, "linear_biases holds a number that is not finite"),
        ({"linear_biases": [1, float("nan")]}, "linear_biases holds a number that is not finite"),
        ({"quadratic_head": []}, "quadratic_head holds 0 numbers; 1 whole numbers from 0 to 1"),
        ({"quadratic_tail": [2]}, "quadratic_tail holds 1 numbers"),
        ({"quadratic_tail": [0.5]}, "quadratic_tail holds 1 numbers"),
        ({"quadratic_tail": [0]}, "joins a variable with itself"),
        ({"offset": "x"}, "offset is no list of numbers"),
        ({"offset": None}, "offset is no list of numbers"),
    ],
)
def test_faults(changes, part):
    with pytest.raises(BioasmError) as caught:
        read(**changes)
    assert caught.value.diagnostics[0].code == "B304"
    assert part in caught.value.diagnostics[0].message


@pytest.mark.parametrize("said", [{}, [], 3, "x", None, {"nodes": []}, [{"a": 1}], {"linear": {}, "vartype": "SPIN"}])
def test_json_that_is_neither_a_layer_nor_a_model_is_refused_by_what_is_read(said, tmp_path):
    path = tmp_path / "some.json"
    path.write_text(json.dumps(said))
    told = bioasm("import", str(path))
    assert told.code == 1
    assert "error[B305]" in told.stderr
    assert "Rockpool" in told.stderr
    assert "dimod" in told.stderr


@pytest.mark.parametrize("content", [b"{", b'{"type": }', b"[" * 100000, b"{\xff}"])
def test_what_is_no_json_is_refused(content, tmp_path):
    path = tmp_path / "some.json"
    path.write_bytes(content)
    told = bioasm("import", str(path))
    assert (told.code, "error[B304]" in told.stderr, "JSON" in told.stderr) == (1, True, True)


def test_a_layer_with_an_entry_too_many_is_still_a_layer(tmp_path):
    path = tmp_path / "some.json"
    path.write_text(json.dumps({"tau_mem": 0.01, "tau_sin": 0.01, "threshold": 1, "bias": 0}))
    assert "tau_syn" in bioasm("import", str(path)).stderr


LONG = "9" * 5000  # digits; more than Python reads as a whole number


@pytest.mark.parametrize(
    "content",
    [
        f'{{"type": "BinaryQuadraticModel", "offset": {LONG}}}',
        f'{{"tau_mem": {LONG}, "tau_syn": 0.01, "threshold": 1, "bias": 0}}',
        f'{{"0 1": -{LONG}}}',
        f"[{LONG}]",
        LONG,
    ],
)
def test_whole_numbers_of_any_length_are_refused_as_what_is_wrong(tmp_path, content):
    path = tmp_path / "long.json"
    path.write_text(content, encoding="utf-8")
    told = bioasm("import", str(path))
    assert (told.code, "internal" in told.stderr, "error[B3" in told.stderr) == (1, False, True)


@pytest.mark.parametrize("text", ['{"h": {"a": 1}, "J": {"a,b": 0.5}}', json.dumps(MODEL), '{"a,b": 1}'])
def test_json_whose_form_is_looked_for_is_parsed_once(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "problem.json").write_text(text)
    parsed: list[bytes] = []
    loads = json.loads
    monkeypatch.setattr(
        "bioasm.plain.json.loads", lambda content, **more: parsed.append(bytes(content)) or loads(content, **more)
    )
    assert read_problem_file(str(tmp_path / "problem.json"))[0].n > 0
    assert parsed.count(text.encode()) == 1
