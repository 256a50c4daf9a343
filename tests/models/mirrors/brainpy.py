"""BrainPy 1.0.3: LIF with refractoriness, Hodgkin-Huxley by RK4, and AMPA synapses whose conductance is delayed.

Units are mV, ms, uF/cm2, mS/cm2, uA/cm2. An object keeps its state, so a second `run` continues the first. In each step and
for each object in the order given: input operations, update (with the shift of a delay ring), sample: values after the step.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.models.mirrors import Array, exprelr, per_step

OPERATIONS: dict[str, Callable[[Array, Array], Array]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "=": lambda old, new: new.copy(),
}


@dataclass
class LIF:
    """tau dV/dt = -(V - V_rest) + R input, Euler; frozen while no more than t_ref has passed since the spike.

    The right physics counts the refractory time in steps and raises the spike flag for one step. The original compares times
    of `numpy.arange`, whose rounding makes some refractory times one step shorter (`float_time`), and leaves the flag up
    while the neuron is frozen (`flag_persists`), so that a synapse behind it is driven in each of those steps.
    """

    n: int
    dt: float = 0.1
    V_rest: float | Array = 0.0
    V_reset: float | Array = -5.0
    V_th: float | Array = 20.0
    R: float | Array = 1.0
    tau: float | Array = 10.0
    t_ref: float = 1.0
    float_time: bool = False
    flag_persists: bool = False
    recorded = ("V", "spike", "refractory")

    def __post_init__(self) -> None:
        """V at the reset value, never fired."""
        self.V = np.ones(self.n) * self.V_reset
        self.input, self.spike, self.refractory = np.zeros((3, self.n))
        self.fired = np.zeros(self.n)
        self.last_time = np.full(self.n, -1e7)
        self.last_step = np.full(self.n, -(10**9))

    def frozen(self, k: int, t: float) -> Array:
        """Which neurons do not move in step k, at time t."""
        if self.float_time:
            return t - self.last_time <= self.t_ref
        return k - self.last_step <= math.floor(self.t_ref / self.dt + 1e-9)

    def update(self, k: int, t: float) -> None:
        """One Euler step of the neurons that are not frozen; the input is used up by all."""
        frozen = self.frozen(k, t)
        moved = self.V + self.dt * ((-(self.V - self.V_rest) + self.R * self.input) / self.tau)
        self.fired = ~frozen & (moved >= self.V_th)
        self.V = np.where(frozen, self.V, np.where(self.fired, self.V_reset, moved))
        self.spike = np.where(frozen & self.flag_persists, self.spike, self.fired.astype(float))
        self.refractory = frozen.astype(float)
        self.last_time[self.fired] = t
        self.last_step[self.fired] = k
        self.input = np.zeros(self.n)


def hh_slopes(y: Array, drive: Array, p: HH) -> Array:
    """Time derivatives of V, m, h, n, stacked as in y (4, n)."""
    V, m, h, n = y
    alpha_m, beta_m = exprelr(-(V + 40) / 10), 4.0 * np.exp(-(V + 65) / 18)
    alpha_h, beta_h = 0.07 * np.exp(-(V + 65) / 20), 1 / (1 + np.exp(-(V + 35) / 10))
    alpha_n, beta_n = 0.1 * exprelr(-(V + 55) / 10), 0.125 * np.exp(-(V + 65) / 80)
    currents = p.gNa * m**3 * h * (V - p.ENa) + p.gK * n**4 * (V - p.EK) + p.gL * (V - p.EL)
    gates = [alpha_m * (1 - m) - beta_m * m, alpha_h * (1 - h) - beta_h * h, alpha_n * (1 - n) - beta_n * n]
    return np.stack([(drive - currents) / p.C, *gates])


@dataclass
class HH:
    """Hodgkin-Huxley by classical RK4 with the input constant over a step; a spike is an upward crossing of V_th.

    `integrator_dt` is the step of RK4 where it is not the clock's: the original takes one step of 0.01 ms for 0.1 ms of clock.
    """

    n: int
    dt: float = 0.1
    integrator_dt: float | None = None
    gNa: float | Array = 120.0
    ENa: float | Array = 50.0
    gK: float | Array = 36.0
    EK: float | Array = -77.0
    gL: float | Array = 0.03
    EL: float | Array = -54.387
    C: float | Array = 1.0
    V_th: float | Array = 20.0
    recorded = ("V", "m", "h", "n_gate", "spike")

    def __post_init__(self) -> None:
        """The initial values of the document."""
        self.V, self.m, self.h, self.n_gate = (np.full(self.n, value) for value in (-65.0, 0.5, 0.6, 0.32))
        self.input, self.spike = np.zeros((2, self.n))
        self.fired = np.zeros(self.n, dtype=bool)

    def update(self, k: int, t: float) -> None:
        """One RK4 step; the input is used up."""
        step = self.dt if self.integrator_dt is None else self.integrator_dt
        y = np.stack([self.V, self.m, self.h, self.n_gate])
        k1 = hh_slopes(y, self.input, self)
        k2 = hh_slopes(y + step / 2 * k1, self.input, self)
        k3 = hh_slopes(y + step / 2 * k2, self.input, self)
        k4 = hh_slopes(y + step * k3, self.input, self)
        y = y + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        crossed = y[0] >= self.V_th
        self.fired = crossed & ~(self.V_th <= self.V)
        self.spike = self.fired.astype(float)
        self.V, self.m, self.h, self.n_gate = y
        self.input = np.zeros(self.n)


@dataclass
class AMPA:
    """ds/dt = -s/tau (Euler) for each pair; a spike of the pre neuron adds its row of `conn`; g_max s is delayed.

    The current -g (V_post - E) goes into the post neurons' input, which their next update reads. `weights` of any size may
    stand in `conn` (pre, post). `integrator_dt` as in HH.
    """

    pre: LIF | HH
    post: LIF | HH
    conn: Array
    delay: float = 0.0
    g_max: float | Array = 0.1
    E: float = 0.0
    tau: float = 2.0
    dt: float = 0.1
    integrator_dt: float | None = None
    ring: list[Array] = field(default_factory=list)
    recorded = ("s", "g")

    def __post_init__(self) -> None:
        """No conductance, and zeros in the ring for as long as the delay is."""
        self.conn = np.asarray(self.conn, dtype=float)
        self.s = np.zeros(self.conn.shape)
        self.g = np.zeros(self.conn.shape)
        self.ring = [np.zeros(self.conn.shape)] * math.ceil(self.delay / self.dt)

    def update(self, k: int, t: float) -> None:
        """Decay, jump, push, pull, deposit."""
        step = self.dt if self.integrator_dt is None else self.integrator_dt
        self.s = self.s + step * (-self.s / self.tau)
        self.s[self.pre.spike > 0] += self.conn[self.pre.spike > 0]
        self.ring.append(self.g_max * self.s)
        self.g = self.ring.pop(0)
        self.post.input = self.post.input - self.g.sum(axis=0) * (self.post.V - self.E)


Object = LIF | HH | AMPA
Input = tuple[Object, str, object, str]


@dataclass
class Run:
    """What one run recorded of one object: traces (steps, ...) by name, and rows (step, neuron) of its spikes."""

    traces: dict[str, Array]
    spikes: Array


def apply_inputs(thing: Object, inputs: Sequence[Input], k: int, steps: int) -> None:
    """The input operations of one object in step k of a run."""
    for target, name, value, operation in inputs:
        if target is thing:
            old = getattr(thing, name)
            setattr(thing, name, OPERATIONS[operation](old, per_step(value, steps, len(old))[k]))


def run(objects: Sequence[Object], steps: int, inputs: Sequence[Input] = (), start: int = 0) -> list[Run]:
    """Runs objects for a number of steps from clock step `start`; inputs are (object, variable, value, operation).

    A value is a scalar, one per neuron, or one row a step. Step numbers of spikes count from the first run's first step.
    """
    dt = objects[0].dt
    times = np.arange(start * dt, (start + steps) * dt, dt)
    traces: list[dict[str, list[Array]]] = [{name: [] for name in thing.recorded} for thing in objects]
    spikes: list[list[tuple[int, int]]] = [[] for _ in objects]
    for k in range(steps):
        for thing, trace, train in zip(objects, traces, spikes, strict=True):
            apply_inputs(thing, inputs, k, steps)
            thing.update(start + k, times[k])
            for name in trace:
                trace[name].append(np.array(getattr(thing, name)))
            train += [(start + k, int(i)) for i in np.flatnonzero(getattr(thing, "fired", np.zeros(0)))]
    return [
        Run({name: np.array(rows) for name, rows in trace.items()}, np.array(train, dtype=int).reshape(-1, 2))
        for trace, train in zip(traces, spikes, strict=True)
    ]
