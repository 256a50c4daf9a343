"""Values of connections by a formula of their pairs, evaluated in blocks with the same bits on all drivers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic, Span
from bioasm.network.network import Projection
from bioasm.network.pairwise import Pairwise
from bioasm.network.references import ProjectionRef
from bioasm.runtime.conditions import PAIRS, Names, Pairs, names_of, value
from bioasm.verifier.gate import Verified
from bioasm.verifier.operands import range_words

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class PairValues:
    """The values of a projection's parameter in a run with a seed; `start` and `reached` are its connections, once made."""

    pairwise: Pairwise
    ref: ProjectionRef
    verified: Verified
    seed: int
    span: Span | None = None
    start: Array | None = None
    reached: Array | None = None

    def along(self, start: Array, reached: Array) -> PairValues:
        """The same values for connections in CSR rows."""
        return replace(self, start=start, reached=reached)

    def part(self, first: int, last: int) -> Array:
        """The values of the connections from `first` up to `last`, float64."""
        assert self.start is not None and self.reached is not None
        row = np.searchsorted(self.start, np.arange(first, last), side="right") - 1
        return self.of(row, self.reached[first:last])

    def of(self, source: Array, target: Array) -> Array:
        """The values of connections between these neurons, counted in their populations, float64.

        Evaluated in blocks that stay in the processor's cache. Raises BioasmError B402 for the first that is not finite or out
        of the parameter's range.
        """
        found = np.empty(len(source))
        for first in range(0, len(source), PAIRS):
            block = slice(first, first + PAIRS)
            found[block] = self._block(source[block].astype(np.int64), target[block].astype(np.int64))
        return found

    def _block(self, source: Array, target: Array) -> Array:
        pairs = Pairs(source - _first(self._projection.sources), target - _first(self._projection.targets), self._names)
        with np.errstate(all="ignore"):
            found = np.array(np.broadcast_to(value(self.pairwise.formula, pairs), source.shape), np.float64)
        parameter = self.ref.parameter
        above = found > parameter.low if parameter.open_low else found >= parameter.low
        wrong = np.flatnonzero(~(np.isfinite(found) & above & (found <= parameter.high)))
        if wrong.size:
            at = wrong[0]
            raise self._fault(found[at], f"from {pairs.row[at]} to {pairs.column[at]}")
        return found

    def _fault(self, wrong: float, where: str) -> BioasmError:
        """An error at a connection, counted as the formula counts."""
        parameter = self.ref.parameter
        text = f"SET {self.ref.word}: its formula gives {wrong:g} for the connection {where}"
        wanted = range_words(parameter.low, parameter.high, parameter.open_low) if np.isfinite(wrong) else "finite"
        return BioasmError(Diagnostic("B402", f"{text}; it must be {wanted}", self.span, "`max(...)` and `min(...)` bound it"))

    @property
    def _projection(self) -> Projection:
        found = self.verified.network.projection(self.ref.owner)
        assert found is not None
        return found

    @cached_property
    def _names(self) -> Names:
        constants = {name: _same(number) for name, number in self.pairwise.constants.items()}
        return {**names_of(self.verified, self._projection, self.seed), **constants}


def _first(part: range | None) -> int:
    return 0 if part is None else part.start


def _same(number: float) -> Callable[[Pairs], Any]:
    return lambda _: np.float64(number)
