"""Polynomials over named variables (HUBO): from weights by tuples of names, and from JSON."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from bioasm.diagnostics import BioasmError, error
from bioasm.isa.labels import MAXIMIZE, name_from
from bioasm.plain import read_json
from bioasm.problems.accounts import Problem, polynomial_problem
from bioasm.problems.numbers import Floats
from bioasm.problems.polynomial import BIT, SPIN, Monomials, check_neurons, check_size, collect
from bioasm.wholes import Rounded, rounded

_HINT = 'the form is {"vartype": "BINARY", "terms": [[["a", "b"], 1.5], ...], "offset": 0}, or {"h": {...}, "J": {"a,b": 1}}'
MINIMIZE = "minimize"
_VARTYPES = {"SPIN": SPIN, "BINARY": BIT}
_WORDS = re.compile(r"""[()\[\]"' ]+""")


def polynomial_of(
    terms: Iterable[tuple[Any, float]],
    domain: str,
    maximize: bool = False,
    names: Sequence[Hashable] | None = None,
    source: str = "terms",
    notes: tuple[str, ...] = (),
) -> Problem:
    """The sum of weight times product; a key that is no tuple, list or frozenset is one variable.

    Variables are in the order of `names`, sorted without it where they can be. Raises BioasmError B304, B111.
    """
    said = [(tuple(key) if isinstance(key, tuple | frozenset | list) else (key,), weight) for key, weight in terms]
    found = dict.fromkeys(name for key, _ in said for name in key)
    ordered = _in_order(found) if names is None else tuple(names)
    places = {name: k for k, name in enumerate(ordered)}
    unknown = [name for name in found if name not in places]
    if unknown:
        raise error("B304", f"the variable {unknown[0]!r} of a term is not among the names")
    if not ordered:
        raise error("B304", "a problem has at least one variable")
    if len(places) < len(ordered):
        raise error("B304", f"{len(ordered)} names, {len(places)} of them different, for {len(ordered)} variables")
    check_neurons(len(ordered), "variables")
    check_size(len(said))
    products = [_reduced([places[name] for name in key], domain) for key, _ in said]
    energy = collect(len(ordered), domain, _by_order(products, weights_of(weight for _, weight in said)))
    return polynomial_problem(energy, source, maximize, ordered, notes)


def _in_order(names: Iterable[Hashable]) -> tuple[Hashable, ...]:
    """Sorted where the names can be compared, as they came where not."""
    found: list[Any] = list(names)
    try:
        return tuple(sorted(found))
    except TypeError:
        return tuple(found)


def weights_of(given: Iterable[Any], what: str = "a weight") -> Floats:
    """Weights as floats, those of an array as they are. Raises BioasmError B304 for what is no finite number."""
    try:
        weights = np.asarray(given if isinstance(given, np.ndarray) else [exact(weight) for weight in given], np.float64)
    except (TypeError, ValueError, OverflowError) as cause:
        raise error("B304", f"{what} is no real number: {cause}") from None
    if not np.isfinite(weights).all():
        raise error("B304", f"{what} is not finite")
    return weights


def exact(weight: Any) -> float:
    """A weight, a number or its spelling, as a float; raises ValueError for a whole number that would be rounded."""
    found = float(weight)
    fault = rounded(weight.strip()) if isinstance(weight, str) else None
    if isinstance(weight, Integral) and int(found) != weight:
        fault = Rounded(int(weight))
    if fault is not None:
        raise fault
    return found


def _reduced(variables: list[int], domain: str) -> tuple[int, ...]:
    """A product with each variable once: the square of a bit is the bit, that of a spin is 1."""
    if domain == BIT:
        return tuple(sorted(set(variables)))
    return tuple(sorted(v for v in set(variables) if variables.count(v) % 2))


def _by_order(products: list[tuple[int, ...]], weights: Floats) -> Iterator[Monomials]:
    chosen: dict[int, list[int]] = {}
    for k, product in enumerate(products):
        chosen.setdefault(len(product), []).append(k)
    for order, places in chosen.items():
        index = np.array([products[k] for k in places], np.int64).reshape(len(places), order)
        yield Monomials(index, weights[places])


# --- JSON -------------------------------------------------------------------------------------------


def holds_terms(said: Any) -> bool:
    """Whether a JSON value is a polynomial: a list of terms, h and J, or an object of numbers."""
    if not isinstance(said, Mapping) or not said:
        return False
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in said.values())
    return "terms" in said or "J" in said or numbers


def read_terms(content: bytes, source: str, maximize: bool) -> Problem:
    """A polynomial as JSON: `terms` with a `vartype`, h and J in dimod's sign, or an object `{"a,b,c": weight}` of bits.

    Raises BioasmError B304, B111.
    """
    said = read_json(content, source)
    if not holds_terms(said):
        raise _flaw(source, "it holds no terms")
    spins = "J" in said and "terms" not in said
    vartype = str(said.get("vartype", "SPIN" if spins else "BINARY"))
    if vartype not in _VARTYPES:
        raise _flaw(source, "its vartype is neither SPIN nor BINARY")
    try:
        terms = list(_terms(said))
    except (TypeError, ValueError, AttributeError):
        raise _flaw(source, "its terms are of another form") from None
    return polynomial_of(terms, _VARTYPES[vartype], maximize or _sense(said, source), _names(said, source), source)


def _names(said: Mapping[str, Any], source: str) -> list[Hashable] | None:
    """The order of the variables, where it is told."""
    names = said.get("names") if "terms" in said or "J" in said else None
    if names is not None and not isinstance(names, list):
        raise _flaw(source, "its names are no list")
    return None if names is None else [_label(name) for name in names]


def _sense(said: Mapping[str, Any], source: str) -> bool:
    """Whether the objective is maximised."""
    sense = said.get("sense", MINIMIZE) if "terms" in said or "J" in said else MINIMIZE
    if sense not in (MINIMIZE, MAXIMIZE):
        raise _flaw(source, f"its sense is neither {MINIMIZE} nor {MAXIMIZE}")
    return bool(sense == MAXIMIZE)


def _flaw(source: str, why: str) -> BioasmError:
    return error("B304", f"{source} can't be read as a polynomial: {why}", hint=_HINT)


def _terms(said: Mapping[str, Any]) -> Iterator[tuple[tuple[Hashable, ...], float]]:
    if "terms" not in said and "J" not in said:
        yield from ((_split(key), weight) for key, weight in said.items())
        return
    yield (), said.get("offset", 0.0)
    if "terms" in said:
        yield from _weighted(said["terms"], None)
        return
    h = said.get("h", {})
    yield from _weighted(h, 1) if isinstance(h, Mapping) or any(isinstance(row, list) for row in h) else _numbered(h)
    yield from _weighted(said["J"], 2)


def _numbered(biases: list[float]) -> Iterator[tuple[tuple[int, ...], float]]:
    return (((k,), bias) for k, bias in enumerate(biases))


def _weighted(part: Any, order: int | None) -> Iterator[tuple[tuple[Hashable, ...], float]]:
    """Products and weights: an object by words, or a list of [names, weight] or of [i, j, weight].

    Raises ValueError for products of another order than `order`, and for the rows of a matrix.
    """
    if isinstance(part, Mapping):
        found = [(_split(key), weight) for key, weight in part.items()]
    elif _is_matrix(part):
        raise ValueError("rows of a matrix")
    else:
        found = [_row(row) for row in part]
    if order is not None and any(len(key) != order for key, _ in found):
        raise ValueError(f"products are of {order}")
    yield from found


def _row(row: Any) -> tuple[tuple[Hashable, ...], float]:
    if not isinstance(row, list) or len(row) < 2:
        raise ValueError("a row is a product and its weight")
    names = row[0] if len(row) == 2 and isinstance(row[0], list) else row[:-1]
    return tuple(_label(name) for name in names), row[-1]


def _is_matrix(rows: Any) -> bool:
    """Whether a list of three rows of three numbers is no list of [i, j, weight]: its diagonal is 0."""
    flat = len(rows) == 3 and all(isinstance(row, list) and len(row) == 3 for row in rows)
    return flat and all(rows[k][k] == 0 for k in range(3))


def _label(value: Any) -> Hashable:
    """A name as `plain_names` writes it. Raises BioasmError B304 for an object that is none."""
    try:
        name: Hashable = name_from(value)
    except (TypeError, ValueError, LookupError):
        raise error("B304", f"{str(value):.40} is no name of a variable") from None
    return name


def _split(key: str) -> tuple[Hashable, ...]:
    """The names in `a,b`, `(0, 1, 2)` or `a b`; whole numbers are numbers."""
    words = _WORDS.sub(" ", key).replace(",", " ").split()
    return tuple(int(word) if word.isdecimal() and word.isascii() and len(word) < 16 else word for word in words)
