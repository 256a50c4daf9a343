"""BLK by tensor contraction in numpy: free energies with an axis for each spin that is visited and not yet summed out.

It shares no method with the compiled kernel, which has slots in one flat table, in bytes or weights where these are exact: here
all entries are free energies in float64, axes are added and removed, and the backward pass uses stored differences.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Neighbours = list[tuple[Array, Array, float]]  # per spin: neighbours, J, and bias

_SPINS = np.array([-1.0, 1.0])
_FORCED = 1e300  # the energy of flipping a clamped spin


def draw_block(order: list[int], around: Neighbours, held: Array, spin: Array, level: float, uniform: Array) -> Array:
    """The spins (n,) of a lane with a block drawn at temperature `level` by each spin's `uniform` number, half a coin at 0."""
    place = {v: k for k, v in enumerate(order)}
    inside = {v: [(int(j), float(w)) for j, w in zip(*around[v][:2], strict=True) if int(j) in place and w != 0] for v in order}
    ends = {v: max([place[v], *(place[j] for j, _ in inside[v])]) for v in order}
    free, axes, gone = np.zeros(()), list[int](), list[tuple[int, list[int], Array]]()
    for k, v in enumerate(order):
        free = free[..., None] + _own(v, around[v], place, held, spin)
        axes.append(v)
        for j, w in inside[v]:
            if place[j] < k:
                free = free - w * np.multiply.outer(_SPINS, _SPINS).reshape(_shape(axes, j, v))
        for u in [u for u in axes if ends[u] == k]:
            at = axes.index(u)
            minus, plus = np.take(free, 0, at), np.take(free, 1, at)
            free = _joined(minus, plus, level)
            axes.remove(u)
            gone.append((u, list(axes), plus - minus))
    return _read_back(gone, spin, level, uniform)


def _own(v: int, around: tuple[Array, Array, float], place: dict[int, int], held: Array, spin: Array) -> Array:
    """The energies of spin v at -1 and +1, given the spins outside of the block."""
    if held[v]:
        return np.where(spin[v] == _SPINS, 0.0, _FORCED)
    others, weights, bias = around
    outside = np.array([int(j) not in place for j in others], bool)
    return np.asarray(-_SPINS * (bias + float(weights[outside] @ spin[others[outside]])))


def _shape(axes: list[int], *of: int) -> tuple[int, ...]:
    """The broadcast shape of a matrix over the axes of two spins, the earlier first."""
    return tuple(2 if axis in of else 1 for axis in axes)


def _joined(minus: Array, plus: Array, level: float) -> Array:
    if level == 0:
        return np.minimum(minus, plus)
    return np.asarray(-level * np.logaddexp(-minus / level, -plus / level))


def _read_back(gone: list[tuple[int, list[int], Array]], spin: Array, level: float, uniform: Array) -> Array:
    """Backward sampling: each spin given those that were summed out after it."""
    found = spin.copy()
    for v, axes, difference in reversed(gone):
        excess = difference[tuple(int(found[u] > 0) for u in axes)]  # free energy of +1 minus that of -1
        u = uniform[v]
        up = (excess < 0 or (excess == 0 and u > 0.5)) if level == 0 else excess < level * np.log((1 - u) / u)
        found[v] = 1.0 if up else -1.0
    return found
