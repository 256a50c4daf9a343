"""Values in connection order: one number for each connection, from a number, a vector, random values or a formula.

The order is that of the rows of a projection in CSR: by the presynaptic neuron, then by the postsynaptic one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic, Span
from bioasm.runtime.drawing import Values, blocks
from bioasm.runtime.narrow import narrow_weights
from bioasm.runtime.pairwise import PairValues
from bioasm.runtime.patterns import Look, nothing

Array = NDArray[Any]


def count_problem(word: str, value: Any, count: int) -> str | None:
    """The fault of SET of `word` to a number, a vector or a row for each lane for `count` connections, or None."""
    size = np.shape(value)[-1] if np.ndim(value) else 1
    return None if np.ndim(value) == 0 or size == count else f"SET {word} got {size} numbers, and there are {count} connections"


@dataclass(frozen=True, eq=False)
class ConnectionValues:
    """The values of a projection's `word`, such as `wire.weight`: a number, a vector (float64), random values or a formula.

    The number of connections is known when they are made, so that a vector of another length is refused then, at `span`.
    """

    given: float | Array | Values | PairValues
    word: str = ""
    span: Span | None = None
    of_lanes: Array | None = None  # factors (lanes, 1) of the values, where lanes have values of their own

    @property
    def number(self) -> float | None:
        """The number, where one was given for all connections."""
        return self.given if isinstance(self.given, float) else None

    def along(self, start: Array, reached: Array) -> ConnectionValues:
        """The same values for connections in CSR rows, whose ends a formula reads."""
        return replace(self, given=self.given.along(start, reached)) if isinstance(self.given, PairValues) else self

    def weights(self, own: Array, count: int, look: Look = nothing) -> Array:
        """The numbers times `own`, the weights of a matrix (count,) or one for all (1,), as `narrow_weights` keeps them.

        `look` is called between blocks. Raises BioasmError B106.
        """
        if self.number is not None and len(own) == 1:
            return own.astype(np.float64) * self.number  # numpy would keep float32 beside a Python number
        return narrow_weights(self._products(own, count, look), count)

    def _products(self, own: Array, count: int, look: Look) -> Iterator[Array]:
        for first, last, part in self.parts(count, look):
            yield np.asarray((own if len(own) == 1 else own[first:last]) * part, np.float64)

    def parts(self, count: int, look: Look = nothing) -> Iterator[tuple[int, int, Array]]:
        """The numbers of `count` connections in blocks, float64: the first of each, the end, and the numbers.

        Raises BioasmError B106 for a vector of another length.
        """
        if isinstance(self.given, np.ndarray) and len(self.given) != count:
            text = f"{self.word} is given {len(self.given):,} numbers, and there are {count:,} connections"
            hint = "one number a connection, by the presynaptic neuron, then by the postsynaptic one"
            raise BioasmError(Diagnostic("B106", text, self.span, hint))
        for first, last in blocks(count):
            look()
            yield first, last, self._part(first, last)

    def _part(self, first: int, last: int) -> Array:
        if isinstance(self.given, Values | PairValues):
            return self.given.part(first, last)
        return self.given[first:last] if isinstance(self.given, np.ndarray) else np.full(last - first, self.given)
