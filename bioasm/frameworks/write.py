"""Pieces of the text of a program that holds a network: comments, numbers, vectors, matrices, what makes it run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from bioasm.models import MODELS
from bioasm.units import Dimension, spell, spell_number

Floats = NDArray[np.float64]
_PER_LINE = 6


def head(title: str, source: str, notes: Iterable[str], constants: Iterable[str]) -> Iterator[str]:
    """The first lines: what the program is, where it came from, what can be set from outside."""
    for line in (title, *notes):
        yield f"; {_printable(line)}"
    yield f".title {json.dumps(title, ensure_ascii=False)}"
    yield f".source {json.dumps(source, ensure_ascii=False)}"
    yield ""
    yield from constants
    yield ""


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in line)


def setting(name: str, values: Floats, model: str) -> Iterator[str]:
    """SET of a parameter of a model: one number with its unit where all neurons have the same, else a vector in SI units."""
    parameter = MODELS[model].parameter(name.rpartition(".")[2])
    if np.all(values == values[0]):
        number = spell(float(values[0]), parameter.dimension if parameter else Dimension.NONE)
        yield f"    SET {name}, {' '.join(number).strip()}"
    else:
        yield from _spread(f"    SET {name}, [", [spell_number(v) for v in values.tolist()], "]")


def constant_input(name: str, values: Floats) -> Iterator[str]:
    """INP of one number for each neuron."""
    yield from _spread(f"    INP {name}, [", [spell_number(v) for v in values.tolist()], "]")


def _spread(start: str, words: list[str], end: str) -> Iterator[str]:
    rows = [", ".join(words[k : k + _PER_LINE]) for k in range(0, len(words), _PER_LINE)]
    if len(rows) == 1:
        yield f"{start}{rows[0]}{end}"
        return
    yield start
    yield from (f"        {row}," for row in rows[:-1])
    yield f"        {rows[-1]}"
    yield f"    {end}"


def connection(name: str, pre: str, target: str) -> Iterator[str]:
    """SYN and CON of a projection whose weights are a data block."""
    yield f"    SYN {name}, {pre}, {target}"
    yield f"    CON {name}, {name}_weights"


def matrix(name: str, weights: Floats) -> Iterator[str]:
    """The data of a projection's weights (sources, targets)."""
    yield ""
    yield f".data {name}_weights = ["
    rows = ["[" + ", ".join(spell_number(v) for v in row) + "]" for row in weights.tolist()]
    yield ",\n".join(f"    {row}" for row in rows)
    yield "]"
