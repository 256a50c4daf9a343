"""Checks of moves between lanes: CXCH against the probabilities of its definition, and COPY."""

from __future__ import annotations

from itertools import product

import numpy as np

from bioasm.testing.definition import Array, Landscape, all_spins
from bioasm.testing.kit import Subject, check, expect
from bioasm.testing.merging import CHAIN, FREE, REAL, components
from bioasm.testing.results import values
from bioasm.testing.spins import ISING, most_lanes

COLD, HOT = 0.8, 2.5
LEVELS = f'.const T = "where(lane - 2*floor(lane/2) < 1, {COLD}, {HOT})"\nMODEL ising\n'
FLAT = Landscape(CHAIN.j / 3, CHAIN.h / 3)
MOST = 1024  # lanes, which an interpreter goes through pair by pair
RARE = 6.0  # standard deviations of a share, which chance alone does not reach
FIRST, SECOND = np.array([1, -1, 1, 1, -1, 1.0]), np.array([-1, -1, -1, 1, 1, -1.0])


def combinations(landscape: Landscape, ours: Array, theirs: Array, sign: int) -> dict[tuple[float, ...], float]:
    """The probability of each state of the cold lane after CXCH, when the other is seen times `sign`."""
    parts = components(landscape, ours != sign * theirs)
    found: dict[tuple[float, ...], float] = {}
    for bits in product((False, True), repeat=len(parts)):
        state, weight = ours.copy(), 1.0
        for part, swapped in zip(parts, bits, strict=True):
            delta = float(landscape.energy(np.where(part, -ours, ours)) - landscape.energy(ours))
            share = 1 / (1 + np.exp((1 / COLD - 1 / HOT) * delta))
            weight *= share if swapped else 1 - share
            state = np.where(part, -state, state) if swapped else state
        found[tuple(state)] = found.get(tuple(state), 0.0) + weight
    return found


def exchanged(subject: Subject, landscape: Landscape, how: str) -> tuple[Array, Array]:
    """The states of the cold and of the hot lanes after a CXCH of many equal pairs."""
    text = f"{LEVELS}ALC {landscape.n}\n{landscape.text}LDS {np.array([FIRST, SECOND]).astype(int).tolist()}\nSIG T\n"
    lanes = min(MOST, most_lanes(subject, f"{text}RUN 1\n"))
    after = values(subject.run(f"{text}CXCH 0{how}\nRD state\n", lanes=lanes))[0]
    return after[0::2], after[1::2]


def shares_are(states: Array, wanted: dict[tuple[float, ...], float]) -> None:
    """Check that states come as often as they should, and no others."""
    seen, count = np.unique(states, axis=0, return_counts=True)
    told = {tuple(state): number for state, number in zip(seen.tolist(), count.tolist(), strict=True)}
    expect(told.keys() <= wanted.keys(), "each component should be swapped as a whole, or not at all")
    for state, share in wanted.items():
        due, wide = share * len(states), np.sqrt(share * (1 - share) * len(states)) + 1e-9
        off = abs(told.get(state, 0) - due) / wide
        expect(off < RARE, f"state {state} came {told.get(state, 0)} times in {len(states)} pairs; due are {due:.1f}")


def components_go_over(subject: Subject, landscape: Landscape, how: str = "") -> None:
    """Check the states of both lanes, whose spins are those from before."""
    cold, hot = exchanged(subject, landscape, how)
    signs = (1, -1) if how else (1,)
    wanted: dict[tuple[float, ...], float] = {}
    for sign in signs:
        for state, share in combinations(landscape, FIRST, SECOND, sign).items():
            wanted[state] = wanted.get(state, 0.0) + share / len(signs)
    shares_are(cold, wanted)
    before = np.sort(landscape.energy(np.array([FIRST, SECOND]))).sum()
    np.testing.assert_allclose(landscape.energy(cold) + landscape.energy(hot), before, rtol=1e-12, atol=1e-12)


@check("exchange", model=ISING)
def components_go_over_by_a_heat_bath(subject: Subject) -> None:
    """With biases: each component by itself, at the lanes' own temperatures."""
    components_go_over(subject, CHAIN)


@check("exchange", model=ISING)
def components_go_over_mirrored(subject: Subject) -> None:
    """Without biases, by a coin for each pair, one state is seen as its complement."""
    components_go_over(subject, FREE, ", mirrored")


@check("exchange", "kbody", model=ISING)
def components_that_go_over_follow_terms(subject: Subject) -> None:
    """Spins of one term are neighbours, and real weights decide."""
    components_go_over(subject, REAL)


@check("exchange", model=ISING)
def whole_states_go_over(subject: Subject) -> None:
    """Ordinary replica exchange."""
    cold, hot = exchanged(subject, FLAT, ", whole")
    delta = float(FLAT.energy(SECOND) - FLAT.energy(FIRST))
    share = min(1.0, float(np.exp((1 / HOT - 1 / COLD) * delta)))
    shares_are(cold, {tuple(SECOND): share, tuple(FIRST): 1 - share})
    shares_are(hot, {tuple(FIRST): share, tuple(SECOND): 1 - share})


@check("exchange", model=ISING)
def exchanges_of_one_sweep_differ(subject: Subject) -> None:
    """Two CXCH with no sweep between them draw other numbers: equal temperatures forget what was."""
    text = f"MODEL ising\nALC 6\n{CHAIN.text}LDS {np.array([FIRST, SECOND]).astype(int).tolist()}\nSIG 1\n"
    lanes = min(MOST, most_lanes(subject, f"{text}RUN 1\n"))
    once, twice = values(subject.run(f"{text}CXCH 0\nRD state\nCXCH 0\nRD state\n", lanes=lanes))
    stayed = float((once == twice).all(axis=1).mean())
    parts = len(components(CHAIN, FIRST != SECOND))
    expect(lanes < 100 or abs(stayed - 0.5**parts) < 0.1, f"{stayed:.0%} of the lanes had one state after both")


@check("exchange", model=ISING)
def lanes_copy_the_better_state(subject: Subject) -> None:
    """All lanes at once, from the states that the others had before; the register is the shift."""
    lanes = min(6, most_lanes(subject, "MODEL ising\nALC 6\nRUN 1\n"))
    states = all_spins(6)[np.random.default_rng(3).integers(0, 64, lanes)]
    load = f"{CHAIN.text}LDS {states.astype(int).tolist()}\n"
    after = values(subject.run(f"MODEL ising\nALC 6\n{load}MOV r0, 2\nCOPY r0\nRD state\n", lanes=lanes))[0]
    energy, others = CHAIN.energy(states), np.roll(states, -2, axis=0)
    expect(np.array_equal(after, np.where((np.roll(energy, -2) < energy)[:, None], others, states)), "other states were taken")
