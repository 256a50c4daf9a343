"""An electrode in saline as a circuit: an access resistance in series with a double layer that leaks."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Electrode(NamedTuple):
    """Access resistance in ohms, double-layer capacitance in farads, leak across the double layer in ohms."""

    access_ohm: float = 10e3
    capacitance_F: float = 1e-9
    leak_ohm: float = 1e9

    @property
    def time_constant(self) -> float:
        """Seconds in which the double layer loses its charge through the leak alone."""
        return self.capacitance_F * self.leak_ohm

    def impedance(self, frequency: float) -> complex:
        """Impedance in ohms at a frequency in hertz; the leak is left out."""
        return self.access_ohm + 1 / (2j * math.pi * frequency * self.capacitance_F)


class Course(NamedTuple):
    """How the double layer's charge goes on from an instant: dq/dt = drive - rate q.

    `drive` is in amperes. `output` and `output_rate` give the voltage at the chip's pin as output + output_rate q, and
    `flow`, `flow_rate` give the current through the electrode as flow - flow_rate q.
    """

    drive: float
    rate: float
    output: float
    output_rate: float
    flow: float
    flow_rate: float


def driven(electrode: Electrode, amperes: float) -> Course:
    """A constant current into the electrode."""
    return Course(
        amperes,
        1 / electrode.time_constant,
        amperes * electrode.access_ohm,
        1 / electrode.capacitance_F,
        amperes,
        0.0,
    )


def held(electrode: Electrode, volts: float, series_ohm: float = 0.0) -> Course:
    """The pin is tied to a voltage behind a resistance."""
    total = electrode.access_ohm + series_ohm
    per_charge = 1 / (electrode.capacitance_F * total)
    return Course(
        volts / total,
        per_charge + 1 / electrode.time_constant,
        volts * electrode.access_ohm / total,
        series_ohm * per_charge,
        volts / total,
        per_charge,
    )


def charge_after(course: Course, charge: float, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The double layer's charge in coulombs after times in seconds, from `charge` on."""
    missing = course.drive / course.rate - charge
    return np.asarray(charge - missing * np.expm1(-course.rate * seconds))


def passed(course: Course, charge: float, seconds: float) -> float:
    """Coulombs that flow through the electrode within a time: the integral of flow - flow_rate q."""
    final = course.drive / course.rate
    area = final * seconds - (charge - final) * math.expm1(-course.rate * seconds) / course.rate
    return course.flow * seconds - course.flow_rate * area


def seconds_until(course: Course, charge: float, goal: float) -> float:
    """When the charge reaches `goal`; infinite if it never does."""
    missing = course.drive / course.rate - charge
    share = (goal - charge) / missing if missing else 1.0
    return -math.log1p(-share) / course.rate if 0 <= share < 1 else math.inf
