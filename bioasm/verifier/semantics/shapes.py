"""Checks of shapes of data, indices of neurons, and ranges of entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bioasm.isa.findings import Finding, Found, unknown
from bioasm.isa.program import DataRef, Dense, Name, Operand, Random, Sparse
from bioasm.network.subgroup import is_subgroup, whole_wanted, whole_word
from bioasm.units import spell_number
from bioasm.verifier.context import CheckContext
from bioasm.verifier.operands import spelled

if TYPE_CHECKING:
    from numpy.typing import NDArray


def shape(context: CheckContext, what: str, operand: Operand, wanted: tuple[int | None, ...]) -> Found:
    """Check that a datum is dense and of the wanted shape; None accepts any length.

    Random values are a vector of any length.
    """
    if not isinstance(operand, DataRef):
        return
    value = context.program.data[operand.index].value
    if isinstance(value, Random) and len(wanted) == 1:
        return
    if not isinstance(value, Dense):
        form = "a sparse matrix" if isinstance(value, Sparse) else "terms"
        yield Finding("B004", f"{what} {'is a vector' if len(wanted) == 1 else 'is a dense matrix'}, not {form}")
    elif len(value.shape) != len(wanted) or any(w not in (None, s) for w, s in zip(wanted, value.shape, strict=True)):
        yield Finding("B106", f"{what} must be {_shape_words(wanted)}, not {_shape_words(value.shape)}")


def _shape_words(sides: Sequence[int | None]) -> str:
    """A shape in words; sides of None may have any length."""
    if all(side is None for side in sides):
        return "a vector" if len(sides) == 1 else "a matrix"
    if len(sides) == 2 and sides[0] is None:
        return f"a matrix of {sides[1]} columns"
    return f"a vector of {sides[0]} entries" if len(sides) == 1 else " x ".join(map(str, sides))


def neurons(context: CheckContext, operand: Operand, n: int | None) -> Found:
    """Check that an operand is an index of n neurons, a vector of indices, or the name of a population or part."""
    number = context.number(operand)
    if isinstance(operand, Name):
        yield from _check_cells(context, operand.text)
    elif number is not None and n is not None and number.value >= n:
        yield Finding("B110", f"there is no neuron {spelled(number)}: there are {n}, counted from 0")
    elif isinstance(operand, DataRef):
        flawed = list(shape(context, "the vector of neurons", operand, (None,)))
        yield from flawed or context.cached_check(_check_neurons, operand, n)


def _check_cells(context: CheckContext, word: str) -> Found:
    found, name = context.names.cells(word), whole_word(word)
    if isinstance(found, Finding):
        yield found
    elif found is None and is_subgroup(name):
        yield whole_wanted(name)
    elif found is None and context.network.instance(name) is not None:
        yield Finding("B120", f"{name} is a mechanism; a population is wanted here")
    elif found is None and name not in context.lost:
        yield unknown("B120", "population", name, [population.name for population in context.network.populations])


def _check_neurons(context: CheckContext, operand: DataRef, n: int | None) -> Found:
    """Check that a vector holds distinct indices of neurons."""
    array = context.dense(operand)
    flawed = list(whole_below(array, n))
    if array.size == 0:
        flawed.append(Finding("B106", "the vector of neurons is empty"))
    yield from flawed
    if not flawed and n is not None and _repeated(array):
        yield Finding("B110", "the vector of neurons names one twice")


def whole_below(array: NDArray[Any], n: int | None) -> Found:
    """Whether all entries are indices of n neurons."""
    import numpy as np

    if array.size == 0:
        return
    if array.min() < 0 or (n is not None and array.max() >= n):
        there = "it is at least 0" if n is None else f"there are {n} neurons, counted from 0"
        yield Finding("B110", f"the index of a neuron is out of range: {there}")
    elif array.dtype.kind == "f" and bool((np.floor(array) != array).any()):
        yield Finding("B110", "the index of a neuron is a whole number")


def _repeated(array: NDArray[Any]) -> bool:
    import numpy as np

    return np.unique(array).size < array.size


def at_least(context: CheckContext, operand: DataRef, what: str, low: float) -> Found:
    """Check that all entries of a datum are at least `low`."""
    array = context.dense(operand)
    if array.size and array.min() < low:
        yield Finding("B014", f"{what} must be at least {spell_number(low)}; one entry is {array.min()}")
