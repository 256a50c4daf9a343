"""Random programs do the same on Brian2 and on the compiled machine, to the last instruction."""

from __future__ import annotations

import random

import pytest

from tests.brian2.support import assert_alike, on_brian2, on_cpu
from tests.seeds import seeds

J = "[[0, 1, 0, -1, 2], [1, 0, 1, 0, 0], [0, 1, 0, 0, 3], [-1, 0, 0, 0, 0], [2, 0, 3, 0, 0]]"


def straight(seed: int) -> str:
    """A program of membranes without feedback: rounding can't grow in it."""
    dice = random.Random(seed)
    lines = ["MOV r1, 2", "ALC 4", "REC v", "REC spike_count, 1 ms, [1, 3]"]
    for _ in range(8):
        lines.append(dice.choice(MEMBRANES)(dice))
        lines.append(f"RUN {dice.choice([0, 0.3, 1, 2.7, 5])} ms")
    return "\n".join([*lines, "RD v", "RD spikes", "GET r2, spike_count", "OUT r2", "RD spike_count", "RD noise", "RD time"])


MEMBRANES = [
    lambda d: f"SIG {d.choice([0, 2, 8])} mV",
    lambda d: f"CUR {d.uniform(-1, 1):.3f} nA",
    lambda d: f"CUR [{', '.join(f'{d.uniform(-1, 1):.3f}e-9' for _ in range(4))}]",
    lambda d: f"WAVE [[1e-9, 0, 0, 2e-9], [0, -1e-9, 1e-9, 0]], {d.choice([0.5, 1, 3])} ms",
    lambda d: f"SPK [[1e-3, {d.randrange(4)}], [1e-3, {d.randrange(4)}], [2.2e-3, 0]], {d.choice([3, 8, 25])} mV",
    lambda d: f"POI {d.choice([0, 100, 2000])} Hz, {d.choice([1, 5])} mV",
    lambda d: f"CLAMP [{d.randrange(2)}, {d.randrange(2, 4)}], [-0.06, -0.04]",
    lambda d: "FREE",
    lambda d: f"FREE {d.randrange(4)}",
    lambda d: "RST",
    lambda d: f"SET tau, {d.choice([10, 20, 40])} ms",
    lambda d: "SET Vt, [-0.05, -0.052, -0.049, -0.05]",
    lambda d: "REC v, 0.2 ms, [0]",
    lambda d: "UNREC v",
    lambda d: "PEEK r3, v, r1\nOUT r3\nRD state",
    lambda d: "MUL r1, r1, 1\nJLT r1, 5, here\nhere:".replace("here", f"l{d.random()}".replace(".", "")),
]


def of_spins(seed: int) -> str:
    """A program of spins with whole couplings, in which nothing is rounded."""
    dice = random.Random(seed)
    lines = ["MODEL ising", f"SET rule, {dice.choice(['glauber', 'metropolis'])}", "ALC 5", "REC s", f"LDJ {J}"]
    for _ in range(8):
        lines.append(dice.choice(SPINS)(dice))
        lines.append(f"RUN {dice.choice([0, 1, 2, 7])} sweeps")
    return "\n".join(
        [*lines, "RD best_energy", "GET r2, energy", "OUT r2", "RD energy_trace", "RD best_state", "PEEK r3, s, 2", "OUT r3"]
    )


SPINS = [
    lambda d: f"SIG {d.choice([0, 0.5, 2, 10])}",
    lambda d: f"LDH [{', '.join(str(d.randrange(-3, 4)) for _ in range(5))}]",
    lambda d: f"LDT terms(5) {{ 0 1 2 {d.randrange(-3, 4)} | 1 3 4 {d.randrange(-3, 4)} | 2 {d.randrange(1, 4)} }}",
    lambda d: f"LDO {d.randrange(-5, 6)}",
    lambda d: f"LDJ {J}",
    lambda d: f"CLAMP {d.randrange(5)}, {d.choice([-1, 1])}",
    lambda d: "FREE",
    lambda d: "RST",
    lambda d: "REC s, 2, [4, 0]",
    lambda d: "RD spins\nRD energy",
]


@pytest.mark.parametrize("seed", seeds(8, 20))
def test_membranes_do_the_same(seed: int) -> None:
    text = straight(seed)
    assert_alike(on_brian2(text, lanes=1 + 2 * (seed % 2)), on_cpu(text, lanes=1 + 2 * (seed % 2)))


@pytest.mark.parametrize("seed", seeds(8, 20))
def test_spins_do_the_same(seed: int) -> None:
    text = of_spins(seed)
    assert_alike(on_brian2(text, lanes=1 + 6 * (seed % 2)), on_cpu(text, lanes=1 + 6 * (seed % 2)))


@pytest.mark.parametrize("seed", range(6))
def test_feedback_does_the_same_for_a_while(seed: int) -> None:
    text = f"ALC 5\nREC v\nREC I\nREC s\nLDJ {J}\n"
    text += f"LDH [0.5, -0.2, 0.1, 0.7, -1]\nSIG {1 + seed} mV\nRUN 30 ms\nLDO 2\nRUN 10 ms\nRD\n"
    assert_alike(on_brian2(text, seed=seed), on_cpu(text, seed=seed), tolerance=1e-11)
