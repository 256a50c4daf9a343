"""What is told of couplings, biases and terms together: ranges that sums can't hold, J that is not symmetric, nothing to do."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.isa.program import Dense, Sparse
from bioasm.problems.formats import read_problem
from bioasm.problems.write import write_program
from bioasm.text.assemble import assemble
from bioasm.verifier import landscape
from bioasm.verifier.gate import verify

HEAD = "MODEL ising\nALC 3\n"
END = "RUN 1 sweeps\nRD best_energy\n"
WIDE, LEAST = "1e300", "1e-300"
SPREAD = {
    "J and h": f"LDJ [[0, {WIDE}, 0], [{WIDE}, 0, 0], [0, 0, 0]]\nLDH [{LEAST}, 0, 0]\n",
    "within h": f"LDH [{WIDE}, {LEAST}, 0]\n",
    "sparse J": f"LDJ sparse(3) symmetric {{ 0 1 {WIDE} | 1 2 {LEAST} }}\n",
    "J and T": f"LDJ sparse(3) symmetric {{ 0 1 -{WIDE} }}\nLDT terms(3) {{ 0 1 2 {LEAST} }}\n",
    "just too wide": "LDH [9007199254740994, 1, 0]\n",
}


def told(body: str, head: str = HEAD) -> list[tuple[str, int]]:
    warnings = verify(assemble(head + body + END)).warnings
    return [(w.code, w.span.line) for w in warnings if w.code != "B131"]


@pytest.mark.parametrize("body", SPREAD.values(), ids=SPREAD)
@pytest.mark.parametrize("model", ["ising", "lif_critical"])
def test_ranges_that_a_sum_loses_are_told_once(body: str, model: str) -> None:
    end = END if model == "ising" else "RUN 1 ms\n"
    warnings = verify(assemble(f"MODEL {model}\nALC 3\n{body}{end}")).warnings
    assert [w.code for w in warnings] == ["B311"]


@pytest.mark.parametrize("biases", ["9007199254740992, 1, 0", "0, 0, 0", "1e-300, 2e-300, 0", "1e300, -1e300, 0"])
def test_ranges_that_a_sum_holds_pass(biases: str) -> None:
    assert told(f"LDH [{biases}]\n") == []


@pytest.mark.parametrize("model", ["ising", "lif"])
def test_import_tells_them_as_well(model: str) -> None:
    problem, account = read_problem(b"2 2\n1 2 1e299\n1 1 1e-300\n", "x", "ising", False)
    (warning,) = write_program(problem, account, model).warnings
    assert warning.code == "B311" and "e+299 down to" in warning.message


ASYMMETRIC = {
    "dense": ("LDJ [[0, 1, 0], [1, 0, 2], [0, 4, 0]]\n", (1, 2, "2", "4", "3")),
    "a triangle": ("LDJ [[0, 1, 0], [0, 0, 0], [0, 0, 0]]\n", (0, 1, "1", "0", "0.5")),
    "sparse": ("LDJ sparse(3) { 0 1 1 | 1 0 1 | 1 2 2 | 2 1 4 }\n", (1, 2, "2", "4", "3")),
    "sparse triangle": ("LDJ sparse(3) { 0 1 1 | 1 2 -2.5 }\n", (0, 1, "1", "0", "0.5")),
    "lower triangle": ("LDJ sparse(3) { 2 0 7 }\n", (0, 2, "0", "7", "3.5")),
}


@pytest.mark.parametrize("case", ASYMMETRIC)
def test_an_asymmetric_j_of_spins_is_told_with_what_it_means(case: str) -> None:
    body, (i, j, one, other, mean) = ASYMMETRIC[case]
    (warning,) = verify(assemble(HEAD + body + END)).warnings
    assert (warning.code, warning.span.line) == ("B132", 3)
    assert f"J[{i}][{j}] is {one}, J[{j}][{i}] is {other}" in warning.message
    assert warning.hint.startswith(f"spins feel the mean of both, {mean};")


@pytest.mark.parametrize(
    "body",
    [
        "LDJ [[5, 1, 0], [1, 0, 2], [0, 2, 0]]\n",
        "LDJ sparse(3) symmetric { 0 1 1 | 1 2 2 }\n",
        "LDJ sparse(3) { 0 1 1 | 1 0 1 | 2 2 3 }\n",
        "LDJ sparse(3) { 0 1 0 }\n",
        "LDJ sparse(3) { }\n",
    ],
)
def test_a_symmetric_j_passes(body: str) -> None:
    assert told(body) == []


def test_the_first_difference_is_found_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landscape, "PIECE", 20)
    rng = np.random.default_rng(1)
    for _ in range(60):
        half = rng.integers(-2, 3, (7, 7))
        array = half + half.T
        i, j = rng.integers(0, 7, 2)
        array[i, j] += 9 * (i != j)
        row, column = np.nonzero(array)
        sparse = Sparse((7, 7), row, column, array[row, column])
        for found in (landscape._different(array), landscape._unmatched(sparse)):
            pair = None if i == j else {(min(i, j), max(i, j))}
            assert (None if found is None else {(min(found[:2]), max(found[:2]))}) == pair
            assert found is None or (array[found[0], found[1]], array[found[1], found[0]]) == found[2:]


def test_membranes_have_a_direction() -> None:
    text = "MODEL lif_critical\nALC 3\nLDJ [[0, 1, 0], [0, 0, 0], [0, 0, 0]]\nRUN 1 ms\n"
    assert verify(assemble(text)).warnings == ()
    assert landscape._asymmetric(Dense(np.ones(3)[:, None] * np.ones(3))) is None


@pytest.mark.parametrize("text", ["", "; a comment\n", ".const a = 1\n", ".data x = [1]\n", '.title "t"\n'])
def test_a_program_without_instructions_is_told(text: str) -> None:
    assert [w.code for w in verify(assemble(text)).warnings] == ["B133"]
