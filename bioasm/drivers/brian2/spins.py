"""Ising spins: sequential Glauber or Metropolis sweeps in numpy, with local fields recomputed at every visit.

Brian2 does not support sweeps; this is a reference because it shares neither code nor method with the compiled kernels, which
update fields incrementally.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.brian2.blocks import Neighbours, draw_block
from bioasm.network.references import STATE, VariableRef
from bioasm.results import Spikes
from bioasm.runtime.blocks import check_width, measure
from bioasm.runtime.dynamics import Best, More, Watch, no_spikes
from bioasm.runtime.energy import Couplings, Landscape
from bioasm.runtime.python_dynamics import PythonDynamics
from bioasm.runtime.random import STREAM_BLOCKS, STREAM_EXCHANGE, STREAM_MERGE, initial_spins, uniform, words
from bioasm.runtime.setup import rule_problem
from bioasm.runtime.streams import Pair, Stream, exponentials, logistics

Array = NDArray[Any]

_COLDEST = 1e-300  # in place of a temperature of 0, at which only the sign of the random number matters
_KEPT = 1 << 20  # most stored spins whose energies are not computed yet


class OwnNumbers:
    """Logistic or exponential numbers from numpy's generator, for runs with `own` noise."""

    def __init__(self, seed: int, cells: int, metropolis: bool) -> None:
        self.random = np.random.Generator(np.random.PCG64(seed))
        self.cells, self.metropolis = cells, metropolis

    def row(self, step: int) -> Array:
        """The numbers of a sweep."""
        if self.metropolis:
            return self.random.standard_exponential(self.cells)
        return self.random.logistic(size=self.cells)


class Spins(PythonDynamics):
    """Spins -1 or +1, held as (n, lanes)."""

    step_length = 1.0

    def __init__(self, n: int, lanes: range, seed: int, rule: float, own_noise: bool = False) -> None:
        """`lanes` are the lanes in the noise's key."""
        self.n, self.lanes, self.step, self.seed, self.first_lane = n, len(lanes), 0, seed, lanes.start
        lane, neuron = np.arange(lanes.start, lanes.stop, dtype=np.uint32), np.arange(n, dtype=np.uint32)
        self.start = initial_spins(seed, lane[None, :], neuron[:, None]).astype(np.float64)
        self.spin = self.start.copy()
        self.held = np.zeros(n, bool)
        numbers = exponentials if rule else logistics
        self.numbers = OwnNumbers(seed, n * len(lanes), bool(rule)) if own_noise else Stream(seed, lanes, n, numbers)
        self.rule, self.exchanges = rule, 0
        self.level: float | Array = 1.0
        self._waiting: list[Array] = []
        self.moves = 0  # blocks drawn
        self.around: Neighbours = [(np.zeros(0, np.int64), np.zeros(0), 0.0)] * n
        super().__init__()

    # --- what instructions do -------------------------------------------------------------------------

    def parameter_problem(self) -> str | None:
        """The fault of the rule that registers or options have set, or None."""
        return rule_problem(self.rule)

    def load(self, couplings: Couplings) -> None:
        """Load couplings. Sweeps use (J + J')/2 without its diagonal, energies use J."""
        self._settle()
        super().load(couplings)
        self.around = [(c, w, self.landscape.h[i]) for i, (c, w) in enumerate(self.landscape.neighbours())]
        self.terms = _terms_of_each(self.landscape)

    def set_noise(self, level: float) -> None:
        """The temperature from the next sweep on."""
        self.level = level

    def set_levels(self, levels: Array) -> None:
        """The temperature of each lane (lanes,) from the next sweep on."""
        self.level = levels

    def set_offset(self, offset: float) -> None:
        """Set the constant that is added to the energies of the trace from now on."""
        self._settle()
        super().set_offset(offset)

    def reset(self) -> None:
        """Reset to the initial spins, except clamped ones."""
        self.best()
        self.spin = np.where(self.held[:, None], self.spin, self.start)

    def set_states(self, states: Array) -> None:
        """Set spins (lanes, n), except clamped ones."""
        self.best()
        self.spin = np.where(self.held[:, None], self.spin, states.T)

    def merge(self, shift: int) -> None:
        """MERGE, which compares the energies of two complete states for each component."""
        best, shift = self.best(), shift % self.lanes
        if not self.landscape.loaded:
            return
        others = np.roll(best.state, -shift, axis=0) if shift else self.spin.T
        graph = self._graph()
        merged = [self._merged(graph, lane, best.state[lane], others[lane], bool(shift)) for lane in range(self.lanes)]
        self._best = Best(self.landscape.energy(np.array(merged)), np.array(merged, np.int8))
        self.spin = self._best.state.T.astype(np.float64)

    @property
    def mirrored(self) -> bool:
        """Whether a state and its complement have the same energy."""
        return not self.landscape.h.any() and all(len(index) % 2 == 0 for _, index in self.landscape.terms)

    def _graph(self) -> list[set[int]]:
        """Adjacency of spins by couplings and common terms."""
        coupled = [others[weights != 0].tolist() for others, weights, _ in self.around]
        in_terms = ([int(j) for _, rest in terms for j in rest] for terms in self.terms)
        return [{*others, *more} for others, more in zip(coupled, in_terms, strict=True)]

    def _merged(self, graph: list[set[int]], lane: int, best: Array, other: Array, both: bool) -> Array:
        """The best state of a lane after merging components of another state, or of its complement."""
        for sign in (1, -1):
            far = 2 * int((best != sign * other).sum())
            nearer = far <= self.n if sign == 1 else far < self.n
            if (both or nearer) if self.mirrored else sign == 1:
                for part in _components(graph, best != sign * other):
                    best = self._taken_over(lane, best, part)
        return best

    def _taken_over(self, lane: int, best: Array, part: Array) -> Array:
        """The state with a component flipped where that lowers its energy, or by a coin for equal ones."""
        flipped = best.copy()
        flipped[part] *= -1
        before, after = self.landscape.energy(np.array([best, flipped]))
        heads = words(self.seed, self.first_lane + lane, part[0], self.step, STREAM_MERGE)[self.step & 1] >> 31 == 1
        return flipped if after < before or (after == before and heads) else best

    def exchange_components(self, phase: int, mirrored: bool) -> None:
        """CXCH, which compares the energies of complete states for each component."""
        self.best()
        graph = self._graph() if self.landscape.loaded else []
        for lower in range(phase, self.lanes - 1, 2) if graph else ():
            sign = -1 if mirrored and self._number(logistics, lower, self.n) >= 0.0 else 1
            for part in _components(graph, self.spin[:, lower] != sign * self.spin[:, lower + 1]):
                if not self.held[part].any() and self._goes_over(lower, part):
                    self.spin[part, lower : lower + 2] *= -1  # where they differ, and where one and the other's complement do
        self.exchanges += 1

    def _goes_over(self, lower: int, part: Array) -> bool:
        """Heat bath of a swap: a logistic number against the energy difference times that of inverse temperatures."""
        state = np.array([self.spin[:, lower], self.spin[:, lower]])
        state[1, part] *= -1
        before, after = self.landscape.energy(state)
        ours, theirs = np.broadcast_to(self.level, self.lanes)[[lower, lower + 1]]
        number = self._number(logistics, lower, int(part[0]))
        return bool((theirs - ours) * (after - before) < max(ours * theirs, _COLDEST) * number)

    def _number(self, numbers: Pair, lower: int, vertex: int) -> float:
        """The random number of a component, by its lowest spin."""
        drawn = words(self.seed, self.first_lane + lower, vertex, self.exchanges, STREAM_EXCHANGE)
        return float(numbers(*drawn)[self.exchanges & 1].item())

    def exchange_wholes(self, phase: int) -> None:
        """CXCH by whole states."""
        self.best()
        energy, level = self.energy(), np.broadcast_to(self.level, self.lanes)
        for lower in range(phase, self.lanes - 1, 2):
            pair = [lower, lower + 1]
            gain = (level[lower + 1] - level[lower]) * (energy[lower + 1] - energy[lower])
            same = np.array_equal(*self.spin[self.held][:, pair].T)
            if same and gain <= level[lower] * level[lower + 1] * self._number(exponentials, lower, 0):
                self.spin[:, pair] = self.spin[:, pair[::-1]]
        self.exchanges += 1

    def copy_better(self, shift: int) -> None:
        """COPY, from the states before the instruction."""
        self.best()
        energy, before = self.energy(), self.spin.copy()
        for lane in range(self.lanes):
            other = (lane + shift) % self.lanes
            if energy[other] < energy[lane]:
                self.spin[~self.held, lane] = before[~self.held, other]

    def resample(self, blocks: Sequence[Array]) -> None:
        """BLK, by tensor contraction of each block."""
        self.best()
        row, column = self._pairs
        start = np.searchsorted(row, np.arange(self.n + 1))
        for order in blocks:
            check_width(measure(order, start, column, np.zeros(len(column))), len(order))
            numbers = [self._uniform_of_blocks(lane) for lane in range(self.lanes)]
            drawn = [
                draw_block(order.tolist(), self.around, self.held, self.spin[:, lane], self._level_of(lane), numbers[lane])
                for lane in range(self.lanes)
            ]
            self.spin = np.array(drawn).T.copy()
            self.moves += 1

    @property
    def _pairs(self) -> tuple[Array, Array]:
        """The pairs of coupled spins, sorted."""
        pairs = [(i, int(j)) for i, (others, weights, _) in enumerate(self.around) for j in others[weights != 0]]
        table = np.array(pairs, np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]

    def _uniform_of_blocks(self, lane: int) -> Array:
        """A uniform number of each spin of a lane, for the present block."""
        spins = np.arange(self.n, dtype=np.uint32)
        return uniform(self.seed, self.first_lane + lane, spins, self.moves, STREAM_BLOCKS)

    def _level_of(self, lane: int) -> float:
        """The temperature of a lane."""
        return float(np.broadcast_to(self.level, (self.lanes,))[lane])

    def clamp(self, neurons: Array, levels: Array) -> None:
        """Clamp spins at -1 or +1."""
        self._settle()
        self.held[neurons] = True
        self.spin[neurons] = levels[:, None]
        self.forget_best()

    def free(self, neurons: Array | slice) -> None:
        """End the clamping of spins."""
        self._settle()
        self.held[neurons] = False
        self.forget_best()

    # --- time -----------------------------------------------------------------------------------------

    def advance(self, steps: int, watch: Watch, more: More) -> None:
        """Run `steps` sweeps, fewer where `watch` returns False."""
        for _ in range(steps):
            self.take_samples()
            self._sweep()
            self.step += 1
            self._waiting.append(self.spin.T.copy())
            if len(self._waiting) * self.spin.size > _KEPT:
                self._settle()
            if not watch(self.step):
                return

    def _sweep(self) -> None:
        """One sweep: each spin flips where s f < T e / 2, with its local field f and a random number e."""
        numbers = self.numbers.row(self.step).reshape(self.lanes, self.n).T.astype(np.float64)
        bounds = (0.5 * np.maximum(self.level, _COLDEST)) * numbers
        spin = self.spin
        for i, (others, weights, bias) in enumerate(self.around):
            if self.held[i]:
                continue
            field = weights @ spin[others] + bias
            for weight, rest in self.terms[i]:
                field = field + weight * spin[rest].prod(axis=0)
            own = spin[i]
            spin[i] = np.where(own * field < bounds[i], -own, own)

    # --- energies -------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Compute the energies of all sweeps since the last call."""
        if not self._waiting:
            return
        states, self._waiting = np.array(self._waiting), []
        energies = self.landscape.energy(states.reshape(-1, self.n)).reshape(len(states), self.lanes)
        self._trace.extend(energies + self.offset)
        lowest = energies.argmin(axis=0)
        lanes = np.arange(self.lanes)
        self._best.see(energies[lowest, lanes], states[lowest, lanes])

    def trace(self) -> Array:
        """Energies after each sweep, with the offset."""
        self._settle()
        return super().trace()

    def best(self) -> Best:
        """The best state of all sweeps and the present state; called before the state is replaced."""
        self._settle()
        self._best.see(self.energy(), self.spin.T)
        return self._best

    @property
    def energy_neurons(self) -> tuple[int, int]:
        """All spins have an energy."""
        return 0, self.n

    def energy_state(self) -> Array:
        """The present spins."""
        return self.spin.T

    def final_as_best(self) -> Array:
        """The present spins."""
        return self.read(STATE)

    def neurons_of(self, ref: VariableRef) -> int:
        """The number of spins."""
        return self.n

    def read(self, ref: VariableRef) -> Array:
        """The spins, (lanes, n); they have no other variable."""
        return self.spin.T.copy()

    def spikes(self) -> Spikes:
        """Spins send none."""
        return no_spikes()

    def non_finite(self) -> str | None:
        """The quantity that left the finite range, or None."""
        return None if np.isfinite(self.energy()).all() else "an energy"


def _components(graph: list[set[int]], differs: Array) -> list[Array]:
    """Connected components of the spins that differ, each in ascending order, sorted by their lowest spins."""
    left, found = set(np.flatnonzero(differs).tolist()), list[Array]()
    for seed in sorted(left):
        reached = {seed} & left
        while grown := {j for i in reached for j in graph[i]} & left - reached:
            reached |= grown
        left -= reached
        if reached:
            found.append(np.array(sorted(reached)))
    return found


def _terms_of_each(landscape: Landscape) -> list[list[tuple[float, Array]]]:
    """For each spin the weights of its terms and the other spins in them."""
    terms: list[list[tuple[float, Array]]] = [[] for _ in range(landscape.n)]
    for weight, index in landscape.terms:
        for i in index:
            terms[i].append((weight, index[index != i]))
    return terms
