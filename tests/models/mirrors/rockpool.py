"""Rockpool 3.1.0: the DynapSim neuron, which computes in float32, and the currents that a LIF layer is converted to.

Amperes, farads, volts, seconds. Samples are values after the step: imem after its reset, vmem before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from tests.models.mirrors import Array, per_step

KAPPA = (0.75 + 0.66) / 2
UT = 25e-3
VTH = 0.7
RECORDED = ("iahp", "imem", "isyn", "spikes", "vmem")


def leak(tau: float, C: float) -> float:
    """The current that sets a time constant, or the time constant that a current sets."""
    return UT / KAPPA * C / tau


def pulse(width: float, C: float) -> float:
    """The current that sets the width of a pulse, or the width that a current sets."""
    return VTH * C / width


@dataclass(frozen=True)
class Parameters:
    """The constructor's defaults; each one number or one a neuron."""

    Idc: Any = 0.5e-12
    Itau_mem: Any = leak(20e-3, 3e-12)
    Igain_mem: Any = 4 * leak(20e-3, 3e-12)
    Itau_syn: Any = leak(10e-3, 24.5e-12)
    Igain_syn: Any = 100 * leak(10e-3, 24.5e-12)
    Itau_ahp: Any = leak(50e-3, 40e-12)
    Igain_ahp: Any = leak(50e-3, 40e-12)
    Iw_ahp: Any = 0.5e-12
    Ipulse: Any = pulse(10e-6, 0.5e-12)
    Ipulse_ahp: Any = pulse(1e-6, 0.5e-12)
    Iref: Any = pulse(1e-3, 1.5e-12)
    Ispkthr: Any = 1e-7
    C_ahp: Any = 40e-12
    C_syn: Any = 24.5e-12
    C_mem: Any = 3e-12
    C_pulse: Any = 0.5e-12
    C_pulse_ahp: Any = 0.5e-12
    C_ref: Any = 1.5e-12
    Io: Any = 0.5e-12
    kappa_n: Any = 0.75
    kappa_p: Any = 0.66
    Ut: Any = UT
    Vth: Any = VTH
    Iscale: Any = 1e-8

    def arrays(self, n: int, dtype: Any) -> dict[str, Array]:
        """All of them for n neurons in the precision of the run."""
        return {f.name: per_step(getattr(self, f.name), 1, n, dtype)[0].astype(dtype) for f in fields(self)}


@dataclass
class Constants:
    """What a run derives once from parameters, in its precision."""

    p: dict[str, Array]
    dt: Any
    tau_unit: Array = field(init=False)
    kappa: Array = field(init=False)
    Itau: Array = field(init=False)
    Igain: Array = field(init=False)

    def __post_init__(self) -> None:
        """Currents that set time constants and gains are at least Io."""
        p = self.p
        self.kappa = (p["kappa_n"] + p["kappa_p"]) / 2
        self.tau_unit = p["Ut"] / self.kappa
        self.Itau, self.Igain = np.maximum(p["Itau_mem"], p["Io"]), np.maximum(p["Igain_mem"], p["Io"])
        self.syn = self.dpi("syn", "pulse")
        self.ahp = self.dpi("ahp", "pulse_ahp")
        self.t_ref = p["Vth"] * p["C_ref"] / p["Iref"]

    def dpi(self, name: str, width: str) -> tuple[Array, Array, Array]:
        """Discharge and charge factor in one step, and gain, of the synapse or the adaptation."""
        p = self.p
        Itau, Igain = np.maximum(p[f"Itau_{name}"], p["Io"]), np.maximum(p[f"Igain_{name}"], p["Io"])
        tau = self.tau_unit * p[f"C_{name}"] / Itau
        with np.errstate(divide="ignore"):
            t_pulse = p["Vth"] * p[f"C_{width}"] / p[f"I{width}"]
        return np.exp(-self.dt / tau), 1 - np.exp(-t_pulse / tau), Igain / Itau


State = dict[str, Array]


def initial(n: int, Io: Array, dtype: Any = np.float32) -> State:
    """Currents at Io, no spikes, not refractory."""
    zeros = {name: np.zeros(n, dtype) for name in ("vmem", "spikes", "timer")}
    return {name: np.zeros(n, dtype) + Io for name in ("iahp", "imem", "isyn")} | zeros


def step(s: State, drive: Array, w_rec: Array, c: Constants) -> State:
    """One step: synapse, adaptation, membrane, spikes and resets, refractory timer; drive is the weighted input spikes."""
    p, one = c.p, c.dt.dtype.type(1)
    Io = p["Io"]
    discharge, charge, gain = c.syn
    isyn = discharge * s["isyn"] + charge * np.maximum(gain * ((w_rec.T @ s["spikes"] + drive) * p["Iscale"]), Io)
    discharge, charge, gain = c.ahp
    iahp = np.maximum(discharge * s["iahp"] + charge * (gain * (p["Iw_ahp"] * s["spikes"])), Io)

    feedback = Io * np.exp(c.kappa**2 / (c.kappa + one) * (s["vmem"] / p["Ut"]))
    Ileak = c.Itau + iahp
    Iin = np.maximum((isyn - Ileak + p["Idc"]) * (s["timer"] == 0), Io)
    imem, Igain = s["imem"], c.Igain
    goal = Igain / c.Itau * (Iin - Ileak)
    f = feedback / Ileak * (imem + Igain)
    tau = c.tau_unit * p["C_mem"] / Ileak
    slope = imem / (tau * (imem + Igain)) * (goal + f - imem * (one + iahp / c.Itau))
    imem = np.maximum(imem + slope * c.dt, Io)
    vmem = p["Ut"] / c.kappa * np.log(imem / Io)

    spikes = np.maximum(np.ceil(np.log(imem / p["Ispkthr"])), 0).astype(imem.dtype)
    fired = spikes > 0
    timer = np.where(fired, c.t_ref, np.maximum(s["timer"] - c.dt, 0))
    return {"iahp": iahp, "imem": np.where(fired, Io, imem), "isyn": isyn, "vmem": vmem, "spikes": spikes, "timer": timer}


@dataclass
class Run:
    """Values after each step (steps, n); `spikes` are counts; rows (step, neuron) of spikes; state to continue from."""

    traces: dict[str, Array]
    spikes: Array
    state: State


def simulate(
    drive: Array,
    p: Parameters | None = None,
    dt: float = 1e-3,
    w_rec: Array | None = None,
    dtype: Any = np.float32,
    start: State | None = None,
) -> Run:
    """Drives n neurons with weighted input spikes (steps, n); w_rec is (from, to)."""
    drive = np.asarray(drive, dtype=dtype)
    steps, n = drive.shape
    c = Constants((Parameters() if p is None else p).arrays(n, dtype), np.asarray(dt, dtype=dtype))
    w = np.zeros((n, n), dtype) if w_rec is None else np.asarray(w_rec, dtype=dtype)
    state = initial(n, c.p["Io"], dtype) if start is None else start
    traces = {name: np.empty((steps, n), dtype) for name in RECORDED}
    for k in range(steps):
        state = step(state, drive[k], w, c)
        for name in RECORDED:
            traces[name][k] = state[name]
    return Run(traces, np.argwhere(traces["spikes"] > 0), state)


# --- from a LIF layer to currents -------------------------------------------------------------------

CURRENTS = (
    "Idc",
    "If_nmda",
    "Igain_ahp",
    "Igain_mem",
    "Igain_syn",
    "Ipulse_ahp",
    "Ipulse",
    "Iref",
    "Ispkthr",
    "Itau_ahp",
    "Itau_mem",
    "Itau_syn",
    "Iw_ahp",
)


@dataclass
class Layer:
    """Currents of a layer of n neurons, each a number or a list; Iscale and dt are the layer's."""

    n: int
    currents: dict[str, Any]
    Iscale: float = 1e-8
    dt: float = 1e-3

    def full(self) -> dict[str, list[float]]:
        """Each current as a list of n values; ValueError for a list of another length, TypeError for what is neither."""
        return {name: self.extended(self.currents[name]) for name in CURRENTS}

    def extended(self, value: Any) -> list[float]:
        """A number n times, a list as it is."""
        if isinstance(value, int | float):
            return [float(value)] * self.n
        if not isinstance(value, list | np.ndarray):
            raise TypeError(f"a current is a number or a list, not {type(value).__name__}")
        if len(value) != self.n:
            raise ValueError(f"{len(value)} values for {self.n} neurons")
        return [float(x) for x in value]


def convert(
    tau_mem: Array,
    tau_syn: Array,
    threshold: Array,
    bias: Array,
    dt: float = 1e-3,
    *,
    r_gain_mem: float = 4,
    r_gain_syn: float = 100,
    t_pulse: float = 10e-6,
    t_ref: float = 1e-3,
    C_pulse: float = 0.5e-12,
    C_ref: float = 1.5e-12,
    C_mem: float = 3e-12,
    C_syn: float = 25e-12,
    Iscale: float = 1e-8,
) -> Layer:
    """The currents of a LIF layer with synapses; ValueError if shapes differ or a time constant is not positive.

    The original tests the shapes of threshold, bias and tau_mem only, and lets a time constant of 0 become NaN.
    """
    if not np.shape(threshold) == np.shape(bias) == np.shape(tau_mem):
        raise ValueError("threshold, bias and tau_mem differ in shape")
    if np.any(np.asarray(tau_mem) <= 0) or np.any(np.asarray(tau_syn) <= 0):
        raise ValueError("a time constant is not positive")
    mem = np.array([leak(t, C_mem) for t in np.atleast_1d(tau_mem)])
    syn = np.array([leak(t, C_syn) for t in np.atleast_1d(tau_syn)])
    n = len(mem)
    given = {
        "Idc": np.atleast_1d(bias) * Iscale,
        "Ispkthr": np.atleast_1d(threshold) * Iscale,
        "Itau_mem": mem,
        "Igain_mem": r_gain_mem * mem,
        "Itau_syn": syn,
        "Igain_syn": r_gain_syn * syn,
        "Ipulse": np.full(n, pulse(t_pulse, C_pulse)),
        "Iref": np.full(n, pulse(t_ref, C_ref)),
    }
    return Layer(n, {name: given.get(name, np.zeros(n)) for name in CURRENTS}, Iscale, dt)


def merge(layers: Sequence[Layer]) -> Layer:
    """One layer of all neurons in order; ValueError for none, or if Iscale or dt differ."""
    if not layers:
        raise ValueError("nothing to merge")
    if any(layer.Iscale != layers[0].Iscale for layer in layers):
        raise ValueError("Iscale differs")
    if any(layer.dt != layers[0].dt for layer in layers):
        raise ValueError("dt differs")
    parts = [layer.full() for layer in layers]
    joined = {name: [x for part in parts for x in part[name]] for name in CURRENTS}
    return Layer(sum(layer.n for layer in layers), joined, layers[0].Iscale, layers[0].dt)
