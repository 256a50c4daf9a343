"""Checks of LDE: states are told with the spins that were eliminated from the problem."""

from __future__ import annotations

import numpy as np

from bioasm.testing.definition import Array, all_spins
from bioasm.testing.kit import Subject, check, expect
from bioasm.testing.results import values
from bioasm.testing.spins import ISING, most_lanes

ROWS = [[0, 0, 4, -1.5, 1, 1, 3, 2], [4, 0.5, 2, 1, 3, 1, -1, 0]]  # spins 1, 2 and 3 of five are left


@check("eliminated", "start", model=ISING)
def eliminated_spins_have_the_sign_of_their_field(subject: Subject) -> None:
    """In what RD reads and in the result, in every lane; the last row is worked out first."""
    text = f"MODEL ising\nALC 3\nLDE {ROWS}\n"
    lanes = min(8, most_lanes(subject, f"{text}RD\n"))
    left = all_spins(3)[:lanes]
    result = subject.run(f"{text}LDS {left.astype(int).tolist()}\nRD\nRD best_state\n", lanes=lanes)
    now, best = values(result)
    expect(np.array_equal(now, with_eliminated(left)), f"RD should read {with_eliminated(left).tolist()}, not {now.tolist()}")
    expect(np.array_equal(now, result.state), "the state of the result should be what RD reads")
    expect(np.array_equal(best, with_eliminated(best[:, 1:4])), f"these lack their other spins: {best.tolist()}")
    expect(np.array_equal(best, result.best_state), "the best state of the result should be what RD reads")
    expect(result.n == 5, f"the result should be of 5 spins, not of {result.n}")


def with_eliminated(left: Array) -> Array:
    """All five spins, from the three that are left."""
    a, b, c = left.T
    last = np.where(0.5 + b + c < 0, -1, 1)
    return np.stack([np.where(-1.5 * last + a + 2 * c < 0, -1, 1), a, b, c, last], axis=1)
