"""Checks of cells that are trees: a branched cell against the dense solution of its equations."""

from __future__ import annotations

import numpy as np

from bioasm.testing.kit import Subject, check
from bioasm.testing.results import values
from bioasm.verifier.abilities import CABLES, MODEL_TEXTS

# A cylinder of 10 um and two branches of it, a CV each, with the fork between them; areas and conductances by hand.
FORK = """\
.cell fork_of_the_kit {
  branch soma: length 10 um, diameter 10 um
  branch left from soma: length 40 um, diameter 2 um
  branch right from soma: length 20 um, diameter 4 um
  cv: 1 per branch
  ra = 100 ohm*cm
  place tip = left(0.5)
}
.mechanism leak_of_the_kit {
  uses:
    v : V
  adds:
    I += -(2 S/m2)*(v + 70 mV)
}
    POP cells, fork_of_the_kit, 2
    MECH leak, leak_of_the_kit, cells
    MECH more, leak_of_the_kit_too, cells.left
    INP cells.I_tip, [0, 2e-11]
    RUN 1 ms
    RD cells_cv.v
    RD cells.v_tip
"""
MORE = """\
.mechanism leak_of_the_kit_too {
  uses:
    v : V
  adds:
    I += -(1 S/m2)*(v + 50 mV)
}
"""


@check(CABLES, MODEL_TEXTS, "network")
def cells_of_cable_are_solved_implicitly(subject: Subject) -> None:
    """Forty steps of 0.025 ms of soma, fork, left and right, of a cell without and of one with a current."""
    potentials, tips = values(subject.run(MORE + FORK))
    area = np.pi * np.array([100.0, 0.0, 80.0, 80.0]) * 1e-12
    half = np.pi * np.array([25 / 5, 1 / 20, 4 / 10]) * 1e-6  # from the middles to the fork
    axial = np.diag([half[0], half.sum(), half[1], half[2]])
    axial[1, [0, 2, 3]] = axial[[0, 2, 3], 1] = -half
    leak, extra = 2.0 * area, area * [0, 0, 1, 0]
    matrix = np.diag(0.01 * area / 25e-6 + leak + extra) + axial
    v = np.full((4, 2), -0.065)
    for _ in range(40):
        right = (0.01 * area / 25e-6)[:, None] * v + (-0.07 * leak - 0.05 * extra)[:, None]
        right[2, 1] += 2e-11
        v = np.linalg.solve(matrix, right)
    np.testing.assert_allclose(potentials[0].reshape(4, 2), v, rtol=1e-11)
    np.testing.assert_allclose(tips[0], v[2], rtol=1e-11)
