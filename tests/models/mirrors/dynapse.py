"""The DynapSE simulator's AdEx/DPI neuron: soma, adaptation, and NMDA, AMPA, GABA_A and GABA_B synapse currents.

Amperes, farads, seconds. Brian2's order: sample, Euler of all variables from the old values, test, input jumps, reset.
DynapSEtorch's order: sample, input jump, Euler with the derivative of the value before the jump, test with `>=`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.models.mirrors import Array, pairs, per_step

PA = 1e-12
SYNAPSES = ("Inmda", "Iampa", "Igaba_a", "Igaba_b")
RECORDED = ("Imem", "Iahp", *SYNAPSES)


@dataclass(frozen=True)
class Parameters:
    """Of one neuron or, as arrays (n,), of many; the four synapse types stand in the order NMDA, AMPA, GABA_A, GABA_B."""

    I0: float = 1 * PA
    kappa: float = (0.75 + 0.66) / 2
    Ut: float = 25e-3
    alpha: float = 4.0
    C_soma: float = 2e-12
    C_ahp: float = 4e-12
    C_syn: tuple[float, ...] = (2e-12,) * 4
    Itau: float | Array = 5 * PA
    Itau_ahp: float | Array = 2 * PA
    Itau_syn: tuple[float, ...] = (2 * PA, 20 * PA, 5 * PA, 5 * PA)
    w0: tuple[float, ...] = (100 * PA,) * 4
    Inmda_thr: float | Array = 1 * PA
    Ith: float | Array = 2000 * PA
    Ireset: float | Array = 1.2 * PA
    pfb_gain: float | Array = 100 * PA
    pfb_th: float | Array = 1000 * PA
    pfb_norm: float | Array = 20 * PA
    ahp_w: float | Array = 1 * PA
    t_ref: float = 5e-3
    Imem_init: float | Array = 1.1 * PA


@dataclass
class Run:
    """Currents before each step (steps, n) by name, rows (step, neuron) of spikes, and the state to continue from."""

    traces: dict[str, Array]
    spikes: Array
    state: dict[str, Array]


def initial(n: int, p: Parameters, dtype: Any = float) -> dict[str, Array]:
    """The state of n neurons at rest; `since` counts the steps since the last spike."""
    state = {name: np.full(n, p.I0, dtype=dtype) for name in SYNAPSES}
    state |= {"Imem": np.ones(n, dtype=dtype) * dtype(p.Imem_init), "Iahp": np.zeros(n, dtype=dtype)}
    return state | {"since": np.full(n, 10**9)}


def soma_slope(s: dict[str, Array], Iconst: Array, p: Parameters) -> Array:
    """dImem/dt of a neuron that is not refractory."""
    on = s["Imem"] > p.I0
    low = np.where(on, 0.0, p.I0)
    clipped = np.clip(s["Imem"], p.I0, 1.0)
    gated = s["Inmda"] / (1 + p.Inmda_thr / clipped)
    Iin = np.clip(gated + s["Iampa"] - s["Igaba_b"] + Iconst, p.I0, 1.0)
    feedback = p.pfb_gain / (1 + np.exp(-(s["Imem"] - p.pfb_th) / p.pfb_norm))
    Itau = np.where(on, p.Itau, p.I0)
    Igain = np.where(on, p.alpha * Itau, p.I0)
    Isum = Itau + np.where(on, s["Iahp"], p.I0) + np.where(on, s["Igaba_a"], p.I0) - np.where(on, feedback, p.I0) - low
    tau = p.C_soma * p.Ut / (p.kappa * Itau)
    return (p.alpha * (Iin - Isum) - (Isum - low) * clipped / Itau) / (tau * (1 + Igain / clipped))


def dpi_slope(current: Array, divided_by: Array, Itau: float | Array, C: float, p: Parameters) -> Array:
    """The decay of a DPI current; zero where the current that the gain is divided by is zero."""
    on = current > p.I0
    low = np.where(on, 0.0, p.I0)
    leak = np.where(on, Itau, p.I0)
    gain = np.where(on, p.alpha * leak, p.I0)
    tau = C * p.Ut / (p.kappa * leak)
    with np.errstate(divide="ignore"):
        return (-gain - current + 2 * low) / (tau * (1 + gain / divided_by))


def slopes(s: dict[str, Array], Iconst: Array, active: Array, p: Parameters) -> dict[str, Array]:
    """Time derivatives of all six currents from one and the same state."""
    shunted = np.where(s["Imem"] > p.I0, s["Iahp"], p.I0)
    found = {
        "Imem": np.where(active, soma_slope(s, Iconst, p), 0.0),
        "Iahp": dpi_slope(s["Iahp"], shunted, p.Itau_ahp, p.C_ahp, p),
    }
    for name, Itau, C in zip(SYNAPSES, p.Itau_syn, p.C_syn, strict=True):
        found[name] = dpi_slope(s[name], s[name], Itau, C, p)
    return found


def simulate(
    inputs: Array,
    weights: Array | tuple[float, ...] = (10, 5, 1, 2),
    dt: float = 1e-4,
    p: Parameters | None = None,
    Iconst: object = 1 * PA,
    order: str = "brian2",
    dtype: Any = float,
    start: dict[str, Array] | None = None,
) -> Run:
    """Drives n neurons with spike counts (4, steps) or (4, steps, n); weights are (4,) or (4, n), Iconst as in `per_step`."""
    p = Parameters() if p is None else p
    counts = np.asarray(inputs, dtype=dtype)
    counts = counts[:, :, None] if counts.ndim == 2 else counts
    jumps = counts * np.asarray(weights, dtype=dtype).reshape(4, 1, -1) * (np.array(p.w0)[:, None, None] * p.alpha)
    n, steps = max(jumps.shape[2], np.size(p.Itau)), jumps.shape[1]
    constant = per_step(Iconst, steps, n)
    state = initial(n, p, dtype) if start is None else {name: value.copy() for name, value in start.items()}
    blocked = round(p.t_ref / dt)
    traces, raster = {name: np.empty((steps, n)) for name in RECORDED}, np.zeros((steps, n), dtype=bool)
    for k in range(steps):
        for name in RECORDED:
            traces[name][k] = state[name]
        raster[k] = advance(state, constant[k], jumps[:, k], dt, blocked, order, p, dtype)
    return Run(traces, pairs(raster), state)


def advance(
    s: dict[str, Array], Iconst: Array, jumps: Array, dt: float, blocked: int, order: str, p: Parameters, dtype: Any
) -> Array:
    """One step in place; which neurons fired."""
    s["since"] = s["since"] + 1
    active = s["since"] >= blocked
    slope = slopes(s, Iconst, active, p)
    for name in RECORDED:
        jump = jumps[SYNAPSES.index(name)] if name in SYNAPSES else 0.0
        value = s[name] + jump + dt * slope[name] if order == "torch" else s[name] + dt * slope[name] + jump
        s[name] = np.asarray(value, dtype=dtype)
    fired = s["Imem"] >= dtype(p.Ith) if order == "torch" else (s["Imem"] > p.Ith) & active
    s["Imem"] = np.where(fired, dtype(p.Ireset), s["Imem"])
    s["Iahp"] = np.where(fired, s["Iahp"] + dtype(p.ahp_w * p.alpha), s["Iahp"]).astype(dtype)
    s["since"] = np.where(fired, 0, s["since"])
    return fired
