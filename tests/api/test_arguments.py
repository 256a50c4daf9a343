"""Arguments of another kind than wanted: one line that says which, and what is wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm import BioasmError, Network

PROGRAM = "MODEL ising\nALC 2\nRUN 1 sweeps\n"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"time_limit": "x"}, "time_limit is 'x'; it is a number"),
        ({"target": "q"}, "target is 'q'"),
        ({"lanes": 1.5}, "lanes is 1.5; it is a whole number"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"threads": "a"}, "threads is 'a'"),
        ({"set": 5}, "set is 5; it is a dict"),
        ({"set": {"dt": None}}, "set.*'dt'.* is None"),
        ({"data": 5}, "data is 5"),
        ({"observer": 5}, "observer is 5; it is a function"),
        ({"driver": 5}, "driver is 5"),
        ({"parameters": 5}, "parameters is 5"),
    ],
)
def test_an_argument_of_another_kind_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BioasmError, match=f"B406.*{words}"):
        bioasm.run(PROGRAM, **given)
    if "data" not in given:
        with pytest.raises(BioasmError, match=f"B406.*{words}"):
            bioasm.solve([[1.0]], **given)


@pytest.mark.parametrize(("program", "code"), [(5, "B406"), (None, "B406"), ("", "B016"), (" ", "B016"), ("ALC 3", "B301")])
def test_what_is_no_program_is_refused(program: Any, code: str) -> None:
    with pytest.raises(BioasmError, match=code):
        bioasm.run(program)


def test_an_option_that_there_is_not_is_named() -> None:
    with pytest.raises(TypeError, match="no option 'thread': did you mean threads"):
        bioasm.run(PROGRAM, thread=1)


def test_numbers_of_numpy_are_numbers() -> None:
    assert bioasm.run(PROGRAM, seed=np.int64(3), lanes=np.int32(2), time_limit=np.float32(60)).lanes == 2


def test_operands_of_a_network_are_numbers_and_words() -> None:
    with pytest.raises(TypeError, match="begins with a text"):
        Network(5)  # type: ignore[arg-type]
    for call in (lambda: Network().label(5), lambda: Network().const("a", 1j), lambda: Network().alc(np.complex128(1))):  # type: ignore[arg-type]
        with pytest.raises(BioasmError, match="B001"):
            call()
