"""Checks of BLK: Boltzmann statistics of blocks and of overlapping plans, lowest states at temperature 0, ties and clamps."""

from __future__ import annotations

from itertools import product

import numpy as np

from bioasm.testing.definition import Array, Landscape, all_spins, boltzmann
from bioasm.testing.kit import Subject, check, expect
from bioasm.testing.results import values
from bioasm.testing.spins import ENOUGH, FIELD, ISING, final_states, most_lanes

_BONDS = {(0, 1): 1.0, (1, 2): -2.0, (2, 3): 1.0, (3, 4): 1.0, (0, 4): 1.0, (2, 5): 1.0, (4, 5): -1.0}
RING = Landscape(np.array([[_BONDS.get((min(i, j), max(i, j)), 0.0) for j in range(6)] for i in range(6)]),
                 np.array([0.5, 0, -0.25, 0, 0, 1]))  # fmt: skip
REAL = Landscape(RING.j / 3, RING.h / 7)
PAIR = Landscape(np.array([[0, 1.0, 0], [1.0, 0, 0], [0, 0, 0]]), np.zeros(3))
BLOCKS = ([0, 1, 2], [5, 3], [4, 1, 0, 5])


def blocks_follow(subject: Subject, temperature: float, moves: str) -> None:
    """Check by a chi-square test that states after some moves are distributed as the Boltzmann distribution says."""
    text = f"MODEL ising\nALC 3\n{FIELD.text}SIG {temperature}\n{moves}RD state\n"
    found = final_states(subject, text)
    observed = np.array([(found == s).all(axis=1).sum() for s in all_spins(3)])
    due = len(found) * boltzmann(FIELD, temperature)
    statistic = float(((observed - due) ** 2 / due).sum())
    expect(statistic < ENOUGH, f"chi-square is {statistic:.0f}: states were seen {observed} times; due are {due.round(1)}")


@check("blocks", model=ISING)
def a_block_of_all_spins_is_a_boltzmann_sample(subject: Subject) -> None:
    """At once, from random spins: at temperatures where tables hold weights, and with too wide a range for them."""
    blocks_follow(subject, 2.0, "BLK [0, 1, 2]\n")
    blocks_follow(subject, 0.9, "BLK [1, 2, 0]\n")


@check("blocks", model=ISING)
def overlapping_blocks_sample_the_boltzmann_distribution(subject: Subject) -> None:
    """Blocks in turn, all of a plan and one by its number, each with random numbers of its own."""
    moves = "BLK [0, 1, -1, 1, 2]\nBLK [2, 0, -1, 1], r1\n"
    blocks_follow(subject, 0.9, f"MOV r1, 0\nMOV r0, 12\na:\n{moves}ADD r1, r1, 1\nLOOP r0, a\n")


def lowest_of(landscape: Landscape, state: Array, block: list[int]) -> Array:
    """A state with a block in its lowest state, by enumeration."""
    others = [np.where(np.isin(np.arange(landscape.n), block), 0, state) + _placed(landscape.n, block, s)
              for s in product((-1, 1), repeat=len(block))]  # fmt: skip
    return np.asarray(others[int(landscape.energy(np.array(others)).argmin())])


def _placed(n: int, block: list[int], spins: tuple[int, ...]) -> Array:
    placed = np.zeros(n)
    placed[block] = spins
    return placed


@check("blocks", model=ISING)
def blocks_at_temperature_zero_are_at_their_lowest(subject: Subject) -> None:
    """Given the others, block after block, for whole numbers and for real ones; the best state follows."""
    for landscape in (RING, REAL):
        lanes = min(16, most_lanes(subject, "MODEL ising\nALC 6\nRUN 1\n"))
        states = all_spins(6)[np.random.default_rng(7).integers(0, 64, lanes)]
        text = f"MODEL ising\nALC 6\nLDS {states.astype(int).tolist()}\n{landscape.text}SIG 0\n"
        for block in BLOCKS:
            states = np.array([lowest_of(landscape, state, block) for state in states])
            text += f"BLK {block}\nRD energy\n"
            result = subject.run(text, lanes=lanes)
            np.testing.assert_allclose(values(result)[-1], landscape.energy(states), rtol=1e-12, atol=1e-12)
            states = np.asarray(result.state)
        np.testing.assert_allclose(result.best_energy, landscape.energy(states), rtol=1e-12, atol=1e-12)


@check("blocks", model=ISING)
def equal_energies_are_decided_by_a_coin(subject: Subject) -> None:
    """At temperature 0, each lane and spin for itself, and anew in each move."""
    text = f"MODEL ising\nALC 3\n{PAIR.text}SIG 0\nBLK [0, 1, 2]\nRD state\nBLK [0, 1, 2]\nRD state\n"
    lanes = most_lanes(subject, text)
    first, second = (np.asarray(one).reshape(lanes, 3) for one in values(subject.run(text, lanes=lanes)))
    expect(bool((first[:, 0] == first[:, 1]).all()), "a bond should be kept")
    for share in ((first[:, 0] > 0).mean(), (first[:, 2] > 0).mean(), (first[:, 2] == first[:, 0]).mean(),
                  (first[:, 2] == second[:, 2]).mean()):  # fmt: skip
        expect(lanes < 100 or 0.4 < share < 0.6, f"coins should be fair and independent, not {share:.0%}")


@check("blocks", "clamp", model=ISING)
def clamped_spins_stay_in_a_block(subject: Subject) -> None:
    """They are part of it, and hold still."""
    text = f"MODEL ising\nALC 6\n{RING.text}CLAMP [2, 5], -1\nSIG 0\nBLK [0, 1, 2, 3, 4, 5]\nRD state\nRD energy\n"
    state, energy = (np.ravel(one) for one in values(subject.run(text)))
    free = [s for s in all_spins(6) if s[2] == s[5] == -1]
    expect(state[2] == state[5] == -1, f"clamped spins should stay at -1, not {state.tolist()}")
    expect(bool(np.isclose(energy[0], min(RING.energy(np.array(free))))), "the others should be at their lowest")
