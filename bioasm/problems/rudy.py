"""Graphs of the generator rudy, from the same command lines and equal to its output edge for edge.

rudy (G. Rinaldi) draws its numbers from the portable generator of the Stanford GraphBase (D. E. Knuth, The Stanford
GraphBase, 1993, module GB_FLIP). What is known to be equal is listed in docs/problems.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bioasm.diagnostics import EXIT_USAGE, BioasmError, error
from bioasm.isa.limits import limit
from bioasm.problems.graph import Graph
from bioasm.problems.numbers import Floats, Integers
from bioasm.wholes import rounded

_MODULUS = 1 << 31
_LONG_LAG = 55
MAX_EDGES = 1 << 27


# --- random numbers ---------------------------------------------------------------------------------


class Flip:
    """Knuth's additive generator modulo 2^31, x[t] = x[t-55] - x[t-24], in the order in which GB_FLIP hands it out."""

    def __init__(self, seed: int) -> None:
        self._state = _seeded(seed)
        self._left = np.zeros(0, np.int64)
        for _ in range(5):
            self._cycle()
        self._left = self._state[_LONG_LAG - 1 : 0 : -1].copy()

    def _cycle(self) -> None:
        """Replace all 55 numbers by their successors. The slices follow the order in which each needs the others."""
        state = self._state
        for low, high, lag in ((1, 25, 31), (25, 49, -24), (49, 56, -24)):
            state[low:high] = (state[low:high] - state[low + lag : high + lag]) % _MODULUS

    def numbers(self, count: int) -> Integers:
        """The next `count` numbers, each from 0 to 2^31 - 1."""
        blocks, have = [self._left], len(self._left)
        while have < count:
            self._cycle()
            blocks.append(self._state[:0:-1].copy())
            have += _LONG_LAG
        every = np.concatenate(blocks)
        self._left = every[count:]
        return every[:count]

    def below(self, bound: int, count: int) -> Integers:
        """The next `count` whole numbers that are uniform below `bound`; what would favour small ones is rejected."""
        highest = _MODULUS - _MODULUS % bound
        found = np.zeros(0, np.int64)
        while len(found) < count:
            drawn = self.numbers(count - len(found))
            found = np.concatenate((found, drawn[drawn < highest] % bound))
        return found


def _seeded(seed: int) -> Integers:
    """The 55 numbers that GB_FLIP starts from, at indices 1 to 55."""
    state = np.zeros(_LONG_LAG + 1, np.int64)
    previous = rest = seed % _MODULUS
    following = 1
    state[_LONG_LAG] = previous
    place = 21
    while place:
        state[place] = following
        following = (previous - following) % _MODULUS
        rest = (rest >> 1) + (0x40000000 if rest & 1 else 0)
        following = (following - rest) % _MODULUS
        previous = int(state[place])
        place = (place + 21) % _LONG_LAG
    return state


# --- graphs -----------------------------------------------------------------------------------------


def random_graph(n: int, density: float, seed: int) -> Graph:
    """`-rnd_graph n density seed`: as many random edges as density percent of all pairs, rounded to nearest."""
    wanted = int(n * (n - 1) / 2 * density / 100 + 0.5)
    flip, key = Flip(seed), np.zeros(0, np.int64)
    while len(key) < wanted:
        ends = flip.below(n, 2 * (wanted - len(key))).reshape(-1, 2)
        low, high = ends.min(axis=1), ends.max(axis=1)
        key = np.concatenate((key, (low * n + high)[low != high]))
        key = key[np.sort(np.unique(key, return_index=True)[1])]
    return _in_output_order(n, key // n, key % n)


def torus(rows: int, columns: int) -> Graph:
    """`-toroidal_grid_2D rows columns`: a square grid that is closed in both directions."""
    at = np.arange(rows * columns).reshape(rows, columns)
    ends = [np.stack((at, np.roll(at, -1, axis=axis)), axis=-1).reshape(-1, 2) for axis in (1, 0)]
    both = np.concatenate(ends)
    return _in_output_order(rows * columns, both.min(axis=1), both.max(axis=1))


def clique(n: int) -> Graph:
    """`-clique n`: all pairs."""
    u, v = np.triu_indices(n, 1)
    return _in_output_order(n, u, v)


def _in_output_order(n: int, u: Integers, v: Integers) -> Graph:
    """rudy keeps for each vertex a list that grows at its head, and prints these lists from vertex 1 on."""
    order = np.lexsort((-np.arange(len(u)), u))
    return Graph(n, u[order], v[order], np.ones(len(u)))


def random_weights(graph: Graph, low: int, high: int, seed: int) -> Graph:
    """`-random low high seed`: whole weights, uniform from low to high, drawn in the order of the edges."""
    drawn = low + Flip(seed).below(high - low + 1, len(graph.u))
    return _weighted(graph, drawn.astype(np.float64))


def _weighted(graph: Graph, weight: Floats) -> Graph:
    return Graph(graph.n, graph.u, graph.v, weight)


# --- the command line -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an option: its name and the range it may lie in."""

    name: str
    low: float
    high: float
    whole: bool = True


_SIZE = Parameter("n", 1, limit("neurons"))
_SIDE = Parameter("side", 3, limit("neurons"))
_DENSITY = Parameter("density", 0, 100, whole=False)
_SEED = Parameter("seed", 0, _MODULUS - 1)
_BOUND = Parameter("bound", 1 - (1 << 30), (1 << 30) - 1)
_FACTOR = Parameter("factor", -(1 << 30), 1 << 30)

GENERATORS: dict[str, tuple[Parameter, ...]] = {
    "-rnd_graph": (_SIZE, _DENSITY, _SEED),
    "-toroidal_grid_2D": (_SIDE, _SIDE),
    "-clique": (_SIZE,),
}
CHANGES: dict[str, tuple[Parameter, ...]] = {
    "-random": (_BOUND, _BOUND, _SEED),
    "-times": (_FACTOR,),
    "-plus": (_FACTOR,),
}
_HINT = (
    "known are -rnd_graph n density seed, -toroidal_grid_2D rows columns and -clique n, "
    "then -random low high seed, -times k, -plus k"
)


def generate(arguments: str) -> Graph:
    """The graph that rudy makes from `arguments`, for example `-rnd_graph 800 6 8001`.

    Raises BioasmError: B406 for what is no such command line, B111 for graphs that are too large.
    """
    words = arguments.split()
    if not words or words[0] not in GENERATORS:
        raise _wrong(f"rudy's arguments begin with a generator, not with '{' '.join(words[:1])}'")
    numbers, rest = _numbers(words[0], GENERATORS[words[0]], words[1:])
    graph = _make(words[0], numbers)
    while rest:
        if rest[0] not in CHANGES:
            raise _wrong(f"'{rest[0]}' is no change of weights")
        option = rest[0]
        numbers, rest = _numbers(option, CHANGES[option], rest[1:])
        graph = _change(graph, option, numbers)
    return graph


def _wrong(message: str) -> BioasmError:
    return error("B406", message, hint=_HINT, exit_code=EXIT_USAGE)


def _numbers(option: str, parameters: tuple[Parameter, ...], words: list[str]) -> tuple[list[float], list[str]]:
    if len(words) < len(parameters):
        raise _wrong(f"{option} takes {' '.join(p.name for p in parameters)}, but {len(words)} numbers follow")
    numbers = [_number(option, p, word) for p, word in zip(parameters, words, strict=False)]
    return numbers, words[len(parameters) :]


def _number(option: str, parameter: Parameter, word: str) -> float:
    convert: Callable[[str], float] = int if parameter.whole else float
    try:
        number = convert(word)
    except ValueError:
        raise _wrong(f"{option} takes a {'whole number' if parameter.whole else 'number'}, not '{word}'") from None
    fault = rounded(word)
    if fault is not None:
        raise error("B115", f"{option}: {fault}", hint=fault.hint, exit_code=EXIT_USAGE)
    if not parameter.low <= number <= parameter.high:
        raise _wrong(f"{option}: {parameter.name} is {word}, but lies from {parameter.low:g} to {parameter.high:g}")
    return number


def _make(option: str, numbers: list[float]) -> Graph:
    _check_size(option, numbers)
    if option == "-rnd_graph":
        return random_graph(int(numbers[0]), numbers[1], int(numbers[2]))
    if option == "-clique":
        return clique(int(numbers[0]))
    return torus(int(numbers[0]), int(numbers[1]))


def _check_size(option: str, numbers: list[float]) -> None:
    n = numbers[0] * numbers[1] if option == "-toroidal_grid_2D" else numbers[0]
    pairs = n * (n - 1) / 2
    share = numbers[1] / 100 if option == "-rnd_graph" else 1.0
    edges = 2 * n if option == "-toroidal_grid_2D" else pairs * share
    if n > limit("neurons") or edges > MAX_EDGES:
        limits = f"the limits are {limit('neurons'):,} and {MAX_EDGES:,}"
        raise error("B111", f"{option} makes {n:,.0f} vertices and {edges:,.0f} edges; {limits}")


def _change(graph: Graph, option: str, numbers: list[float]) -> Graph:
    if option == "-times":
        return _weighted(graph, graph.weight * numbers[0])
    if option == "-plus":
        return _weighted(graph, graph.weight + numbers[0])
    low, high, seed = (int(x) for x in numbers)
    if low > high:
        raise _wrong(f"-random: {low} is above {high}")
    return random_weights(graph, low, high, seed)
