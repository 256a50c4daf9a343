"""Calcium in a shell below the membrane, with its Nernst potential, as mechanisms of a program: Arbor's order of a step."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.run import reading, run

SHELL = """\
.mechanism calcium_shell {
  parameters:
    gamma = 0.05 >= 0
    decay = 80 ms > 0
    depth = 0.1 um > 0
    rest = 1e-4 mM > 0
    cao = 2 mM > 0
    celsius = 6.3
  inputs:
    ica : A/m2
  state:
    cai = rest
    flow = 0 A/m2
  definitions:
    eca = (86.17333262 uV)*(celsius + 273.15)/2*log(cao/cai)
  step:
    flow := ica
  then:
    dcai/dt = -gamma*flow/(2*(96485.33212 C/mol)*depth) - (cai - rest)/decay using cnexp
}
.mechanism calcium_channel {
  parameters:
    g = 0.02 mS/cm2 >= 0
  uses:
    v : V
    eca : V
  definitions:
    i = g*(v - eca)
  adds:
    I += -i
    ica += i
}
.mechanism calcium_gated {
  parameters:
    g = 1 mS/cm2 >= 0
    half = 0.5 uM > 0
  uses:
    v : V
    ek : V
    cai : mol/m3
  adds:
    I += -g*cai/(cai + half)*(v - ek)
}
"""
BALL = f"""\
{SHELL}
.cell ball {{
  branch soma: length 20 um, diameter 20 um
}}
    POP cells, ball, 1
    MECH leak, pas, cells
    MECH shell, calcium_shell, cells
    MECH channel, calcium_channel, cells
    MECH gated, calcium_gated, cells
    RUN 20 ms
    RD shell.cai
    RD shell.eca
    RD cells_cv.v
"""


def mirror(steps: int, dt: float = 25e-6) -> tuple[float, float, float]:
    """Potential, concentration (mol/m3) and Nernst potential after so many steps: currents at the old values, the potential
    implicitly, then the concentration by what flowed."""
    v, cai, capacity = -0.065, 1e-4, 0.01
    thermal = 86.17333262e-6 * (6.3 + 273.15) / 2.0
    for _ in range(steps):
        eca = thermal * np.log(2.0 / cai)
        leak, calcium, potassium = 10.0, 0.2, 10.0 * cai / (cai + 5e-4)
        flow = calcium * (v - eca)
        into = leak * -0.07 + calcium * eca + potassium * -0.077
        v = (capacity / dt * v + into) / (capacity / dt + leak + calcium + potassium)
        rate = -0.05 * flow / (2 * 96485.33212 * 0.1e-6) - (cai - 1e-4) / 80e-3
        cai += dt * rate / (1.0 + dt / 80e-3 / 2.0)
    return v, cai, thermal * float(np.log(2.0 / cai))


def test_concentrations_follow_currents_and_potentials_follow_concentrations() -> None:
    result = run(BALL)
    v, cai, eca = mirror(800)
    assert cai > 1e-3  # ten times what it was
    assert reading(result, "cells_cv.v") == pytest.approx([v], rel=1e-10)
    assert reading(result, "shell.cai") == pytest.approx([cai], rel=1e-10)
    assert reading(result, "shell.eca") == pytest.approx([eca], rel=1e-10)
