"""Binary quadratic models as JSON: what dimod's `to_serializable` gives (schema 3, lists and not bytes)."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from bioasm.diagnostics import BioasmError, error
from bioasm.isa.labels import NAMES, names_of
from bioasm.plain import read_json
from bioasm.problems.numbers import Floats, Integers
from bioasm.problems.polynomial import BIT, SPIN, Monomials, Polynomial, check_neurons, collect

TYPE = "BinaryQuadraticModel"
_DOMAINS = {"SPIN": SPIN, "BINARY": BIT}
_HINT = "json.dump(model.to_serializable(), file) writes one"


def is_bqm(said: Any) -> bool:
    """Whether a JSON value calls itself such a model."""
    return isinstance(said, Mapping) and said.get("type") == TYPE


def names_in(said: Mapping[str, Any], n: int) -> tuple[Hashable, ...]:
    """The labels of a model of n variables, none where there are no n different ones."""
    labels = said.get("variable_labels")
    names = names_of({NAMES: json.dumps(labels)}) if isinstance(labels, list) else ()
    return names if len(names) == n and names != tuple(range(n)) else ()


def read_bqm(content: bytes, source: str) -> tuple[Polynomial, tuple[Hashable, ...]]:
    """A model's energy, offset + sum of linear_biases z_i + sum of quadratic_biases z_head z_tail, and its labels.

    Spins or bits, as the file says. Variables are numbered in the order of their biases. Raises BioasmError B304, B111.
    """
    said = _object(content, source)
    domain = _DOMAINS.get(str(said.get("variable_type")))
    if domain is None:
        raise _flaw(source, "its variable_type is neither SPIN nor BINARY")
    if said.get("use_bytes"):
        raise _flaw(source, "its biases are bytes, and lists are read")
    linear = _numbers(said, "linear_biases", source)
    n = len(linear)
    check_neurons(n, "variables")
    quadratic = _numbers(said, "quadratic_biases", source)
    ends = np.stack([_places(said, name, n, len(quadratic), source) for name in ("quadratic_head", "quadratic_tail")], axis=1)
    if (ends[:, 0] == ends[:, 1]).any():
        raise _flaw(source, "a quadratic bias joins a variable with itself")
    offset = _numbers({"offset": [said.get("offset", 0.0)]}, "offset", source)
    pieces = [Monomials(np.arange(n)[:, None], linear), Monomials(np.sort(ends, axis=1), quadratic)]
    return collect(n, domain, pieces, offset.tolist()), names_in(said, n)


def _object(content: bytes, source: str) -> Mapping[str, Any]:
    said = read_json(content, source)
    if not is_bqm(said):
        raise _flaw(source, f"it is no object of the type {TYPE}")
    return dict(said)


def _flaw(source: str, why: str) -> BioasmError:
    return error("B304", f"{source} can't be read as a binary quadratic model: {why}", hint=_HINT)


def _numbers(said: Mapping[str, Any], name: str, source: str) -> Floats:
    """A list of finite numbers."""
    given = said.get(name)
    if not isinstance(given, list) or not all(isinstance(x, int | float) and not isinstance(x, bool) for x in given):
        raise _flaw(source, f"{name} is no list of numbers")
    try:
        values: Floats = np.array(given, dtype=np.float64)
    except OverflowError:
        values = np.full(1, np.inf)
    if not np.isfinite(values).all() or (name == "linear_biases" and not given):
        raise _flaw(source, f"{name} holds {'no number' if not given else 'a number that is not finite'}")
    return values


def _places(said: Mapping[str, Any], name: str, n: int, count: int, source: str) -> Integers:
    """The variables at one end of all pairs."""
    values = _numbers(said, name, source)
    if len(values) != count or (values != np.floor(values)).any() or (values < 0).any() or (values >= n).any():
        raise _flaw(source, f"{name} holds {len(values):,} numbers; {count:,} whole numbers from 0 to {n - 1:,} are wanted")
    return values.astype(np.int64)
