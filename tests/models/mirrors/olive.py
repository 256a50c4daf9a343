"""The inferior olive cell of the arbor_pycat document: soma, dendrite and axon, alone or coupled by axial conductances.

Printed equations; states by forward Euler with the new v, voltage explicit in the mechanisms' currents. The quotients of the
form (v + a) / (1 - exp(...)) are taken with their limit where they are 0/0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.models.mirrors import Array, exprelr
from tests.models.mirrors.arbor import Cable, Ions, Mechanism, Paint, Run, States, simulate

V_NA, V_K, V_CA, V_H, V_L = 55.0, -75.0, 120.0, -43.0, 10.0


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def x_rates(v: Array) -> tuple[Array, Array]:
    """Opening and closing rate of the potassium gate x of soma and axon."""
    return 1.3 * exprelr(-(v + 25) / 10), 1.69 * np.exp(-(v + 35) / 80)


def r_rates(v: Array) -> tuple[Array, Array]:
    """Opening and closing rate of the calcium gate r of the dendrite."""
    return 1.7 * sigmoid((v - 5) / 13.9), 0.1 * exprelr((v + 8.5) / 5)


def steady(rates: tuple[Array, Array]) -> Array:
    """The steady value of a gate."""
    return rates[0] / (rates[0] + rates[1])


class Compartment(Mechanism):
    """What the three have in common: forward Euler of all states from their old values."""

    explicit = True

    def slopes(self, v: Array, x: States) -> States:
        """Time derivatives in 1/ms."""
        raise NotImplementedError

    def advance(self, v: Array, x: States, dt: float, ions: Ions) -> States:
        """One Euler step."""
        slopes = self.slopes(v, x)
        return {name: value + dt * slopes[name] for name, value in x.items()}


@dataclass
class Soma(Compartment):
    """Calcium T (k, l), sodium (h), two potassium currents (n, x), leak."""

    g_leak: float = 1.3e-5
    g_CaL: float = 0.045
    g_Na: float = 0.030
    g_Kdr: float = 0.030
    g_K: float = 0.015
    name = "soma"

    def initial(self, v: Array, ions: Ions) -> States:
        """Steady states."""
        k, l_gate, h, n = (sigmoid(z) for z in ((v + 61) / 4.2, -(v + 85) / 8.5, -(v + 70) / 5.8, (v + 3) / 10))
        return {"k": k, "l": l_gate, "h": h, "n": n, "x": steady(x_rates(v))}

    def current(self, v: Array, x: States, ions: Ions) -> tuple[Array, Array]:
        """All five currents."""
        parts = [
            (self.g_leak + 0 * v, V_L),
            (self.g_CaL * x["k"] ** 3 * x["l"], V_CA),
            (self.g_Na * sigmoid((v + 30) / 5.5) ** 3 * x["h"], V_NA),
            (self.g_Kdr * x["n"] ** 4 + self.g_K * x["x"] ** 4, V_K),
        ]
        return sum(g * (v - e) for g, e in parts), sum(g for g, _ in parts)

    def slopes(self, v: Array, x: States) -> States:
        """Relaxation of each gate."""
        goal = self.initial(v, {})
        tau_l = 20 * np.exp((v + 160) / 30) / (1 + np.exp((v + 84) / 7.3)) + 35
        tau_h = 3 * np.exp(-(v + 40) / 33)
        tau_n = 5 + 47 * np.exp((v + 50) / 900)
        taus = {"k": 1.0, "l": tau_l, "h": tau_h, "n": tau_n, "x": 1 / sum(x_rates(v))}
        return {name: (goal[name] - x[name]) / taus[name] for name in x}


@dataclass
class Dendrite(Compartment):
    """Calcium-activated potassium (s), H current (q), leak; the calcium current (r) fills `ca` but is printed times 0 in i."""

    g_leak: float = 1.3e-5
    g_CaH: float = 0.010
    g_K_Ca: float = 0.220
    g_h: float = 0.015
    calcium_in_current: float = 0.0
    name = "dendrite"

    def initial(self, v: Array, ions: Ions) -> States:
        """ca 3.715, gates steady."""
        ca = np.full_like(v, 3.715)
        alpha_s = np.minimum(2e-5 * ca, 0.01)
        return {"ca": ca, "r": steady(r_rates(v)), "s": alpha_s / (alpha_s + 0.015), "q": sigmoid(-(v + 80) / 4)}

    def current(self, v: Array, x: States, ions: Ions) -> tuple[Array, Array]:
        """Leak, calcium (times its factor), potassium, H."""
        parts = [
            (self.g_leak + 0 * v, V_L),
            (self.calcium_in_current * self.g_CaH * x["r"] ** 2, V_CA),
            (self.g_K_Ca * x["s"], V_K),
            (self.g_h * x["q"], V_H),
        ]
        return sum(g * (v - e) for g, e in parts), sum(g for g, _ in parts)

    def slopes(self, v: Array, x: States) -> States:
        """Calcium from its current, gates by relaxation."""
        r_alpha, r_beta = r_rates(v)
        s_alpha = np.minimum(2e-5 * x["ca"], 0.01)
        q_rate = np.exp(-0.086 * v - 14.6) + np.exp(0.070 * v - 1.87)
        return {
            "ca": -3 * self.g_CaH * x["r"] ** 2 * (v - V_CA) - 0.075 * x["ca"],
            "r": 0.2 * (r_alpha - x["r"] * (r_alpha + r_beta)),
            "s": s_alpha - x["s"] * (s_alpha + 0.015),
            "q": (sigmoid(-(v + 80) / 4) - x["q"]) * q_rate,
        }


@dataclass
class Axon(Compartment):
    """Sodium (h), potassium (x), leak."""

    g_leak: float = 1.3e-5
    g_Na: float = 0.200
    g_K: float = 0.200
    name = "axon"

    def initial(self, v: Array, ions: Ions) -> States:
        """Steady states."""
        return {"h": sigmoid(-(v + 60) / 5.8), "x": steady(x_rates(v))}

    def current(self, v: Array, x: States, ions: Ions) -> tuple[Array, Array]:
        """Leak, sodium, potassium."""
        g_na = self.g_Na * sigmoid((v + 30) / 5.5) ** 3 * x["h"]
        g_k = self.g_K * x["x"] ** 4
        i = self.g_leak * (v - V_L) + g_na * (v - V_NA) + g_k * (v - V_K)
        return i, self.g_leak + g_na + g_k

    def slopes(self, v: Array, x: States) -> States:
        """Relaxation of both gates."""
        alpha, beta = x_rates(v)
        tau_h = 1.5 * np.exp(-(v + 40) / 33)
        return {"h": (sigmoid(-(v + 60) / 5.8) - x["h"]) / tau_h, "x": alpha - x["x"] * (alpha + beta)}


def alone(part: Compartment, steps: int, dt: float = 0.1, v0: float = -60.0, original: bool = False, **more: object) -> Run:
    """One compartment of 1000 um2; its area matters only to clamps."""
    return simulate(Cable.single(1000.0, v0=v0), [Paint(part)], steps, dt, original=original, **more)  # type: ignore[arg-type]


def coupled(
    steps: int,
    dt: float = 0.025,
    areas: tuple[float, float, float] = (1000.0, 3000.0, 300.0),
    axial: tuple[float, float] = (1e-3, 1e-3),
    v0: float = -60.0,
    original: bool = False,
    **more: object,
) -> Run:
    """Soma, dendrite and axon as CVs 0, 1, 2; areas in um2, axial conductances soma-dendrite and soma-axon in uS."""
    cable = Cable(np.array(areas), np.array([-1, 0, 0]), np.array([0.0, *axial]), v0=v0)
    paints = [Paint(Soma(), [0]), Paint(Dendrite(), [1]), Paint(Axon(), [2])]
    return simulate(cable, paints, steps, dt, original=original, **more)  # type: ignore[arg-type]
