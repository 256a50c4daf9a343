"""The best state is that of all states that a program sets or reaches, whoever looks at the run and whatever else it reads."""

from __future__ import annotations

import random
from functools import partial

import numpy as np
import pytest

from bioasm.drivers import RunOptions, find_driver
from bioasm.results import Result
from bioasm.runtime.options import Observer, Progress
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

ISING = "MODEL ising\nALC 4\nLDJ [[0, 1, 1, -2], [1, 0, 1, 0], [1, 1, 0, 3], [-2, 0, 3, 0]]\nLDH [1, 2, 0, 1]\n"
TWIN = (
    "ALC 4\nLDJ [[0, -1e-9, 0, 0], [-1e-9, 0, 1e-9, 0], [0, 1e-9, 0, 2e-9], [0, 0, 2e-9, 0]]\n"
    "LDH [1e-9, -1e-9, 2e-9, 1e-9]\nRUN 0.4 ms\n"
)
WORDS = ["LDS", "LDS", "LDS", "RST", "RST", "CLAMP", "FREE", "RUN", "RUN 0", "SIG", "LDO", "LDH"]
KINDS = {  # what is loaded first, levels of the states, a time to run, levels of the noise, the unit of biases
    "spins": (ISING, ("-1", "1"), "2", ("0", "1", "1e6"), ""),
    "no couplings": ("MODEL ising\nALC 4\n", ("-1", "1"), "2", ("0", "1", "1e6"), ""),
    "twin": (TWIN, ("-0.07", "-0.0499"), "0.6 ms", ("0", "4e-3"), "e-9"),
}


def instructions(kind: str, seed: int) -> list[str]:
    """Random instructions that set states, hold and free them, and run now and then."""
    rng = random.Random(seed)
    begin, levels, time, noises, unit = KINDS[kind]
    lines = begin.splitlines()
    for word in rng.choices(WORDS, k=rng.randint(1, 7)):
        states = ", ".join(rng.choice(levels) for _ in range(4))
        biases = ", ".join(f"{rng.randint(-2, 2)}{unit}" for _ in range(4))
        given = {
            "LDS": f" [{states}]",
            "CLAMP": f" {rng.randrange(4)}, {rng.choice(levels)}",
            "RUN": f" {time}",
            "SIG": f" {rng.choice(noises)}",
            "LDO": f" {rng.randint(-3, 3)}{unit}",
            "LDH": f" [{biases}]",
        }
        lines.append(word + given.get(word, ""))
    return lines if kind != "no couplings" else [line for line in lines if not line.startswith("LDH")]


def best(driver: str, lines: list[str], observer: Observer | None = None, **options: object) -> tuple[object, ...]:
    text = "\n".join([*lines, "RD best_energy", "RD best_state", "HLT", ""])
    with find_driver(driver)() as connected:
        result: Result = connected.run(verify(assemble(text)), RunOptions(**{"seed": 1, **options}), observer)  # type: ignore[arg-type]
    energy, state = (np.asarray(one.value) for one in result.results[-2:])
    assert np.array_equal(energy, result.best_energy, equal_nan=True)
    return np.round(energy, 15).tolist(), state.tolist()


def _noted(seen: list[Progress], progress: Progress) -> bool:
    seen.append(progress)
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_looks_at_a_run_changes_its_best(kind: str) -> None:
    """An observer between all instructions, a time limit, RD of energies: the best state stays; Brian2 has the same."""
    from bioasm.vm import machine

    for seed in range(40 if kind == "spins" else 5):
        lines, lanes = instructions(kind, seed), random.Random(seed).choice([1, 2, 7])
        expected = best("cpu", lines, lanes=lanes)
        begin = len(KINDS[kind][0].splitlines())
        more = lines[:begin] + [part for line in lines[begin:] for part in ("RD energy", line, "RD best_energy")]
        assert str(best("cpu", more, lanes=lanes)) == str(expected), lines
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(machine, "_FIRST_BUDGET", 1)
            patched.setattr(machine, "_SLICE_SECONDS", 0.0)
            seen: list[Progress] = []
            found = best("cpu", lines, partial(_noted, seen), lanes=lanes)
        assert str(found) == str(expected), lines
        assert len(seen) > len(lines)
        theirs = best("brian2", lines, lanes=lanes)
        np.testing.assert_allclose(np.asarray(theirs[0]), np.asarray(expected[0]), rtol=1e-9, atol=1e-14, err_msg=str(lines))
        assert theirs[1] == expected[1], lines


def test_states_that_are_replaced_before_anything_runs_count() -> None:
    for then in ("LDS [-1, -1, 1, 1]", "RST"):
        lines = [*ISING.splitlines(), "LDS [1, 1, 1, 1]", then]
        for driver in ("cpu", "brian2"):
            energy, state = best(driver, lines)
            assert (energy, state) == ([-8.0], [[1, 1, 1, 1]])
