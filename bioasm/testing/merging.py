"""Checks of MERGE: the best of all combinations of two states, component by component, within and between lanes."""

from __future__ import annotations

from itertools import product

import numpy as np

from bioasm.testing.definition import Array, Landscape, all_spins
from bioasm.testing.kit import Subject, check, expect
from bioasm.testing.results import values
from bioasm.testing.spins import ISING, most_lanes

LANES = 32
CHAIN = Landscape(np.diag([1.0, -2, 1, 0, 1], 1) + np.diag([1.0, -2, 1, 0, 1], -1), np.array([0.5, 0, -1, 0, 0, 1]))
FREE = Landscape(CHAIN.j, np.zeros(6))
REAL = Landscape(CHAIN.j / 3, CHAIN.h / 7, {(0, 2, 5): 0.4, (1, 3, 4): -0.7})
TIED = Landscape(np.array([[0, 1.0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]), np.array([0, 0, 1.0, 0]))


def components(landscape: Landscape, differs: Array) -> list[Array]:
    """The connected components of the spins that differ, as masks (n,): powers of the adjacency matrix."""
    linked = (landscape.j + landscape.j.T != 0) | np.eye(landscape.n, dtype=bool)
    for index in landscape.terms:
        linked[np.ix_(index, index)] = True
    linked &= np.outer(differs, differs)
    reached = np.linalg.matrix_power(linked.astype(np.float64), landscape.n) > 0
    return [np.asarray(mask) for mask in np.unique(reached[differs], axis=0)]


def lowest(landscape: Landscape, best: Array, other: Array) -> float:
    """The lowest energy of all 2^k combinations of two states."""
    parts = components(landscape, best != other)
    flips = (np.array([m for m, used in zip(parts, bits, strict=True) if used]).reshape(-1, landscape.n).any(axis=0)
             for bits in product((False, True), repeat=len(parts)))  # fmt: skip
    return float(min(landscape.energy(np.where(flip, -best, best)) for flip in flips))


def merged_is_lowest(subject: Subject, landscape: Landscape, lanes: int) -> None:
    """Check what MERGE makes of two loaded states in each lane against the enumeration of all combinations."""
    lanes = min(lanes, most_lanes(subject, f"MODEL ising\nALC {landscape.n}\nRUN 1\n"))
    pick = np.random.default_rng(5).integers(0, 2**landscape.n, (2, lanes))
    first, second = all_spins(landscape.n)[pick]
    both = f"LDS {first.astype(int).tolist()}\nLDS {second.astype(int).tolist()}\n"
    start = f"LDS {first[0].astype(int).tolist()}\n"  # before the couplings, so that the state that ALC draws is not seen
    text = f"MODEL ising\nALC {landscape.n}\n{start}{landscape.text}"
    result = subject.run(text + both + "MERGE\nRD state\n", lanes=lanes)
    seen = np.stack([np.broadcast_to(first[0], first.shape), first, second], axis=1)
    for lane, states in enumerate(seen):
        best = states[landscape.energy(states).argmin()]
        sides = (1, -1) if mirrored(landscape) else (1,)
        nearest = min(sides, key=lambda sign: (int((best != sign * states[-1]).sum()), -sign))
        wanted = lowest(landscape, best, nearest * states[-1])
        np.testing.assert_allclose(result.best_energy[lane], wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(landscape.energy(result.best_state), result.best_energy, rtol=1e-12, atol=1e-12)
    expect(np.array_equal(values(result)[0], result.best_state), "the spins should go on from the best state")


def mirrored(landscape: Landscape) -> bool:
    """Whether a state and its complement have one energy."""
    return not landscape.h.any() and all(len(index) % 2 == 0 for index in landscape.terms)


@check("merge", model=ISING)
def merging_takes_each_component_that_lowers_the_energy(subject: Subject) -> None:
    """With biases, in a single lane and in many."""
    merged_is_lowest(subject, CHAIN, 1)
    merged_is_lowest(subject, CHAIN, LANES)


@check("merge", model=ISING)
def merging_without_biases_looks_at_the_complement(subject: Subject) -> None:
    """A state and its complement are one."""
    merged_is_lowest(subject, FREE, LANES)


@check("merge", "kbody", model=ISING)
def merging_follows_terms(subject: Subject) -> None:
    """Spins of one term are neighbours, and real weights decide."""
    merged_is_lowest(subject, REAL, LANES)


@check("merge", model=ISING)
def merging_tosses_a_coin_where_energies_are_equal(subject: Subject) -> None:
    """A component that changes nothing is taken over in about half of the lanes, each for itself."""
    text = f"MODEL ising\nALC 4\nLDS [1, 1, 1, 1]\n{TIED.text}LDS [-1, -1, -1, -1]\nMERGE\nRD state\n"
    lanes = most_lanes(subject, text)
    taken = values(subject.run(text, lanes=lanes))[0]
    expect(bool((taken[:, 2] == 1).all() and (taken[:, 0] == taken[:, 1]).all()), "components should be flipped as a whole")
    for spin in (0, 3):
        share = float((taken[:, spin] == 1).mean())
        expect(lanes < 100 or 0.4 < share < 0.6, f"spin {spin} should stay in half of {lanes} lanes, not in {share:.0%}")


@check("merge", model=ISING)
def lanes_merge_with_the_lane_so_many_places_on(subject: Subject) -> None:
    """All lanes take over at once, from the best states that the others had before; the register is the shift."""
    lanes = min(6, most_lanes(subject, "MODEL ising\nALC 6\nRUN 1\n"))
    states = all_spins(6)[np.random.default_rng(2).integers(0, 64, lanes)]
    load = f"LDS {states.astype(int).tolist()}\nLDJ {CHAIN.j.tolist()}\nLDH {CHAIN.h.tolist()}\n"
    result = subject.run(f"MODEL ising\nALC 6\n{load}MOV r0, 2\nMERGE r0\n", lanes=lanes)
    wanted = [lowest(CHAIN, states[k], states[(k + 2) % lanes]) for k in range(lanes)]
    np.testing.assert_allclose(result.best_energy, wanted, rtol=1e-12, atol=1e-12)
