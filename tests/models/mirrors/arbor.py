"""Arbor's cable step with density mechanisms, arbor_pycat's variant of it, and Arbor's event-driven LIF cell.

Units: mV, ms, um2, uS, nA; mechanisms give i in mA/cm2 and g = di/dv in S/cm2; cm in F/m2.
Step: currents from the old v and states, clamps, sample, voltage solve, states with the new v, ions, threshold test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.models.mirrors import Array, exprelr

PER_AREA = 10.0  # 1 mA/cm2 is 10 A/m2, and 1 S/cm2 is 10 kS/m2
ION_DEFAULTS = {"na": (10.0, 140.0, 50.0), "k": (54.4, 2.5, -77.0), "ca": (5e-5, 2.0, 132.5)}


@dataclass
class Ion:
    """What all mechanisms of a membrane share of one ion: concentrations in mM, reversal potential in mV, per CV."""

    internal: Array
    external: Array
    reversal: Array


Ions = dict[str, Ion]
States = dict[str, Array]


class Mechanism:
    """A density mechanism without states, current or effect on ions; its subclasses say what they have of these."""

    explicit = False  # gives the solver no conductance
    name = ""

    def initial(self, v: Array, ions: Ions) -> States:
        """States at the start, from the potential at the start."""
        return {}

    def potential(self, v: Array) -> Array:
        """The potential that the mechanism starts the membrane at."""
        return v

    def current(self, v: Array, x: States, ions: Ions) -> tuple[Array, Array]:
        """Current in mA/cm2 and conductance in S/cm2."""
        return np.zeros_like(v), np.zeros_like(v)

    def advance(self, v: Array, x: States, dt: float, ions: Ions) -> States:
        """States after a step, from the new potential."""
        return x

    def write(self, v: Array, x: States) -> dict[str, dict[str, Array]]:
        """What is written of ions after each step, such as {"ca": {"internal": ...}}."""
        return {}


def cnexp(x: Array, rate: Array, limit: Array, dt: float) -> Array:
    """x' = rate (limit - x) by NMODL's cnexp as Arbor compiles it: the Pade (1,1) form of the exponential."""
    z = -rate * dt
    return limit + (x - limit) * (1 + z / 2) / (1 - z / 2)


def hh_rates(v: Array) -> dict[str, tuple[Array, Array]]:
    """Opening and closing rates of m, h and n in 1/ms."""
    return {
        "m": (exprelr(-0.1 * v - 4.0), 4.0 * np.exp(-(v + 65.0) / 18.0)),
        "h": (0.07 * np.exp(-0.05 * v - 3.25), 1.0 / (np.exp(-0.1 * v - 3.5) + 1.0)),
        "n": (0.1 * exprelr(-0.1 * v - 5.5), 0.125 * np.exp(-0.0125 * v - 0.8125)),
    }


@dataclass
class Hh(Mechanism):
    """Arbor's `hh`: ena and ek are the ions', gates by cnexp."""

    gnabar: float | Array = 0.12
    gkbar: float | Array = 0.036
    gl: float | Array = 0.0003
    el: float | Array = -54.3
    celsius: float = 6.3
    name = "hh"

    def initial(self, v: Array, ions: Ions) -> States:
        """Steady states."""
        return {x: a / (a + b) for x, (a, b) in hh_rates(v).items()}

    def current(self, v: Array, x: States, ions: Ions) -> tuple[Array, Array]:
        """Sodium, potassium and leak."""
        gna, gk = self.gnabar * x["m"] ** 3 * x["h"], self.gkbar * x["n"] ** 4
        i = gna * (v - ions["na"].reversal) + gk * (v - ions["k"].reversal) + self.gl * (v - self.el)
        return i, gna + gk + self.gl

    def advance(self, v: Array, x: States, dt: float, ions: Ions) -> States:
        """One cnexp step of each gate."""
        q10 = 3.0 ** (0.1 * self.celsius - 0.63)
        return {gate: cnexp(x[gate], (a + b) * q10, a / (a + b), dt) for gate, (a, b) in hh_rates(v).items()}


@dataclass
class Pas(Mechanism):
    """Arbor's `pas`: g (v - e)."""

    g: float | Array = 0.001
    e: float | Array = -70.0
    name = "pas"

    def current(self, v: Array, x: States, ions: Ions) -> tuple[Array, Array]:
        """The leak."""
        return self.g * (v - self.e), np.zeros_like(v) + self.g


@dataclass
class Passive(Mechanism):
    """The arbor_pycat document's `passive`: a leak to 0 mV."""

    g: float | Array = 1e-2
    name, explicit = "passive", True

    def current(self, v: Array, x: States, ions: Ions) -> tuple[Array, Array]:
        """The leak."""
        return v * self.g, np.zeros_like(v) + self.g


@dataclass
class Example(Mechanism):
    """The arbor_pycat document's `example`: an oscillator x, y beside the membrane, and a calcium concentration of -v."""

    g: float | Array = 1e-1
    eca: float = 80.0
    start: float = 10.0
    name, explicit = "example", True

    def initial(self, v: Array, ions: Ions) -> States:
        """x at 1 mV, y at 0."""
        return {"x": np.ones_like(v), "y": np.zeros_like(v)}

    def potential(self, v: Array) -> Array:
        """10 mV wherever the mechanism is."""
        return np.full_like(v, self.start)

    def current(self, v: Array, x: States, ions: Ions) -> tuple[Array, Array]:
        """A leak whose reversal potential is -x."""
        return (v + x["x"]) * self.g, np.zeros_like(v) + self.g

    def advance(self, v: Array, x: States, dt: float, ions: Ions) -> States:
        """Forward Euler of x' = y, y' = -x, both from the old values."""
        return {"x": x["x"] + x["y"] * dt, "y": x["y"] - x["x"] * dt}

    def write(self, v: Array, x: States) -> dict[str, dict[str, Array]]:
        """eca and cai."""
        return {"ca": {"reversal": np.full_like(v, self.eca), "internal": -v}}


@dataclass
class CustomHh(Mechanism):
    """The arbor_pycat document's HH: reversal potentials of its own, forward Euler, a current pulse from its own clock t."""

    gna: float | Array = 0.120
    gk: float | Array = 0.036
    gl: float | Array = 0.0003
    ena: float | Array = 55.0
    ek: float | Array = -77.0
    el: float | Array = -65.0
    pulse: float = 0.05
    name, explicit = "custom_hh", True

    def initial(self, v: Array, ions: Ions) -> States:
        """Steady states; t starts at 0."""
        return {x: a / (a + b) for x, (a, b) in hh_rates(v).items()} | {"t": np.zeros_like(v)}

    def current(self, v: Array, x: States, ions: Ions) -> tuple[Array, Array]:
        """Sodium, potassium, leak, less the pulse in the last 5 ms of each 100 ms."""
        gna, gk = self.gna * x["m"] ** 3 * x["h"], self.gk * x["n"] ** 4
        pulse = np.where(x["t"] % 100 > 95, self.pulse, 0.0)
        return gna * (v - self.ena) + gk * (v - self.ek) + self.gl * (v - self.el) - pulse, gna + gk + self.gl

    def advance(self, v: Array, x: States, dt: float, ions: Ions) -> States:
        """Forward Euler with the new v."""
        gates = {gate: x[gate] + dt * (a * (1 - x[gate]) - b * x[gate]) for gate, (a, b) in hh_rates(v).items()}
        return gates | {"t": x["t"] + dt}


@dataclass
class CalciumLeak(Mechanism):
    """A calcium conductance that reads the shared reversal potential and, if told to, scales with the shared concentration."""

    g: float | Array = 1e-4
    per_mM: float = 0.0
    name, explicit = "calcium_leak", True

    def current(self, v: Array, x: States, ions: Ions) -> tuple[Array, Array]:
        """g (1 + per_mM cai) (v - eca)."""
        g = self.g * (1 + self.per_mM * ions["ca"].internal)
        return g * (v - ions["ca"].reversal), g + np.zeros_like(v)


@dataclass
class Cable:
    """CVs as a tree: lateral areas in um2, the parent of each (-1: the root, first), axial conductance to it in uS."""

    area: Array
    parent: Array
    axial: Array
    cm: float | Array = 0.01
    v0: float | Array = -65.0

    @staticmethod
    def single(area: float, cm: float = 0.01, v0: float = -65.0) -> Cable:
        """One CV."""
        return Cable(np.array([area]), np.array([-1]), np.array([0.0]), cm, v0)

    @staticmethod
    def cylinder(n: int, radius: float, length: float, rL: float, cm: float = 0.01, v0: float = -65.0) -> Cable:
        """n equal CVs in a row; radius and length in um, rL in ohm cm."""
        dx = length / n
        axial = np.full(n, 100 * np.pi * radius**2 / (rL * dx))
        return Cable(np.full(n, 2 * np.pi * radius * dx), np.arange(n) - 1, axial, cm, v0)


@dataclass
class Paint:
    """A mechanism on some of the CVs (None: on all)."""

    mechanism: Mechanism
    cvs: Sequence[int] | None = None


@dataclass
class Clamp:
    """A current in nA into a CV while t0 <= t < t0 + duration."""

    t0: float
    duration: float
    amplitude: float
    cv: int = 0


@dataclass
class Run:
    """Values before each step: v (steps, CVs), states by mechanism and name, ions; rows (step, CV) and times of spikes."""

    t: Array
    v: Array
    states: dict[str, States]
    ions: dict[str, Array]
    spikes: Array
    spike_times: Array
    v_end: Array


@dataclass
class Membrane:
    """The state of a run: potential, ions, states of each painted mechanism, and which CVs are above their threshold."""

    cable: Cable
    paints: Sequence[Paint]
    ions: Ions
    original: bool
    implicit: bool
    v: Array = field(init=False)
    x: list[States] = field(init=False)

    def __post_init__(self) -> None:
        """Mechanisms stand in the order of their names, and start twice, before and after ions are written, as in Arbor."""
        self.paints = sorted(self.paints, key=lambda paint: paint.mechanism.name)
        self.v = np.zeros(len(self.cable.area)) + self.cable.v0
        self.start_mechanisms()
        self.write_ions()
        self.start_mechanisms()

    def start_mechanisms(self) -> None:
        """Potentials and states that mechanisms start with."""
        self.x = []
        for paint in self.paints:
            cvs = self.where(paint)
            self.v[cvs] = paint.mechanism.potential(self.v[cvs])
            self.x.append(paint.mechanism.initial(self.v[cvs], self.seen(cvs)))

    def where(self, paint: Paint) -> Array:
        """The CVs that a mechanism is on."""
        return np.arange(len(self.cable.area)) if paint.cvs is None else np.asarray(paint.cvs)

    def seen(self, cvs: Array) -> Ions:
        """The ions of some CVs."""
        return {name: Ion(ion.internal[cvs], ion.external[cvs], ion.reversal[cvs]) for name, ion in self.ions.items()}

    def currents(self) -> tuple[Array, Array]:
        """i in A/m2 and g in kS/m2 of each CV.

        In the original arbor_pycat a mechanism's numbers are taken for A/m2, and replace what stood there before.
        """
        i, g = np.zeros((2, len(self.v)))
        for paint, x in zip(self.paints, self.x, strict=True):
            cvs = self.where(paint)
            mine, slope = paint.mechanism.current(self.v[cvs], x, self.seen(cvs))
            if paint.mechanism.explicit and self.original:
                i[cvs] = mine
            else:
                i[cvs] += PER_AREA * mine
                g[cvs] += PER_AREA * slope * (self.implicit or not paint.mechanism.explicit)
        return i, g

    def advance(self, dt: float) -> None:
        """States of all mechanisms with the new potential, then ions."""
        for index, paint in enumerate(self.paints):
            cvs = self.where(paint)
            self.x[index] = paint.mechanism.advance(self.v[cvs], self.x[index], dt, self.seen(cvs))
        self.write_ions()

    def write_ions(self) -> None:
        """What mechanisms write of ions."""
        for paint, x in zip(self.paints, self.x, strict=True):
            cvs = self.where(paint)
            for name, fields in paint.mechanism.write(self.v[cvs], x).items():
                for attribute, value in fields.items():
                    getattr(self.ions[name], attribute)[cvs] = value


def solve_cable(cable: Cable, v: Array, i: Array, g: Array, dt: float) -> Array:
    """The new potentials: (C/dt + area g + axial) v' - axial v'_neighbours = (C/dt + area g) v - area i, solved by Hines."""
    area = 1e-3 * cable.area
    own = area * (cable.cm + np.zeros(len(v))) / dt + area * g
    d, r, u = own.copy(), own * v - area * i, -cable.axial
    for j in range(1, len(v)):
        d[j] += cable.axial[j]
        d[cable.parent[j]] += cable.axial[j]
    for j in range(len(v) - 1, 0, -1):
        factor = u[j] / d[j]
        d[cable.parent[j]] -= factor * u[j]
        r[cable.parent[j]] -= factor * r[j]
    r[0] /= d[0]
    for j in range(1, len(v)):
        r[j] = (r[j] - u[j] * r[cable.parent[j]]) / d[j]
    return r


def clamped(clamps: Sequence[Clamp], t: float, area: Array) -> Array:
    """The density in A/m2 that clamps take from each CV's outward current at time t."""
    density = np.zeros(len(area))
    for clamp in clamps:
        if clamp.t0 <= t < clamp.t0 + clamp.duration:
            density[clamp.cv] += clamp.amplitude * 1e3 / area[clamp.cv]
    return density


def fresh_ions(n: int, ions: dict[str, tuple[float, float, float]] | None) -> Ions:
    """Ions (internal, external, reversal) of n CVs, Arbor's defaults where nothing else is said."""
    return {name: Ion(*(np.full(n, value) for value in values)) for name, values in (ION_DEFAULTS | (ions or {})).items()}


def simulate(
    cable: Cable,
    paints: Sequence[Paint],
    steps: int,
    dt: float = 0.025,
    clamps: Sequence[Clamp] = (),
    threshold: float = 0.0,
    ions: dict[str, tuple[float, float, float]] | None = None,
    original: bool = False,
    accumulated: bool = False,
    implicit: bool = False,
) -> Run:
    """Runs a cell; every CV has a threshold detector. `original` is arbor_pycat's arithmetic of currents.

    With `implicit`, mechanisms that give the solver no conductance in arbor_pycat give it one.
    Arbor's steps are differences of i dt, which are not all alike; with `accumulated` a mechanism sees those, otherwise dt.
    """
    n = len(cable.area)
    membrane = Membrane(cable, paints, fresh_ions(n, ions), original, implicit)
    times = np.arange(steps + 1) * dt
    above = membrane.v >= threshold
    rows: list[dict[str, Array]] = []
    spikes, spike_times = [], []
    for k in range(steps):
        step = times[k + 1] - times[k] if accumulated else dt
        rows.append(sample(membrane))
        i, g = membrane.currents()
        old = membrane.v
        membrane.v = solve_cable(cable, old, i - clamped(clamps, times[k], cable.area), g, step)
        membrane.advance(step)
        crossed = ~above & (membrane.v >= threshold)
        above = membrane.v >= threshold
        for cv in np.flatnonzero(crossed):
            spikes.append((k, int(cv)))
            spike_times.append(times[k] + step * (threshold - old[cv]) / (membrane.v[cv] - old[cv]))
    return collect(times[:-1], rows, membrane, spikes, spike_times)


def sample(membrane: Membrane) -> dict[str, Array]:
    """Copies of everything that a run records, under names such as `v`, `hh.m`, `ca.internal`."""
    row = {"v": membrane.v.copy()}
    for paint, x in zip(membrane.paints, membrane.x, strict=True):
        row |= {f"{paint.mechanism.name}.{state}": value.copy() for state, value in x.items()}
    for name, ion in membrane.ions.items():
        row |= {f"{name}.internal": ion.internal.copy(), f"{name}.reversal": ion.reversal.copy()}
    return row


def collect(
    t: Array, rows: list[dict[str, Array]], membrane: Membrane, spikes: list[tuple[int, int]], times: list[float]
) -> Run:
    """Rows of samples as traces over time."""
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    states: dict[str, States] = {paint.mechanism.name: {} for paint in membrane.paints}
    for name, values in columns.items():
        owner, _, member = name.partition(".")
        if owner in states:
            states[owner][member] = values
    ions = {name: values for name, values in columns.items() if name.partition(".")[0] in membrane.ions}
    return Run(t, columns["v"], states, ions, np.array(spikes, dtype=int).reshape(-1, 2), np.array(times), membrane.v)


@dataclass(frozen=True)
class LifCell:
    """Arbor's LIF cell: ms, mV, pF; weights of events in fC."""

    tau_m: float = 10.0
    V_th: float = 10.0
    C_m: float = 20.0
    E_L: float = 0.0
    E_R: float = 0.0
    V_m: float = 0.0
    t_ref: float = 2.0

    def decayed(self, v: float, since: float) -> float:
        """The potential some time after it was v."""
        return self.E_L + (v - self.E_L) * float(np.exp(-since / self.tau_m))


def lif_cell(events: Array, samples: Array, cell: LifCell | None = None) -> tuple[Array, Array]:
    """Potentials at sample times and times of spikes; events are rows (time, weight).

    Events of one time are summed first, and come before a sample of that time; those in the refractory period are lost.
    """
    cell = LifCell() if cell is None else cell
    events = np.asarray(events, dtype=float).reshape(-1, 2)
    arrivals = [(t, events[events[:, 0] == t, 1].sum()) for t in np.unique(events[:, 0])]
    v, last, spikes, out, pending = cell.V_m, 0.0, [], [], 0
    for t in samples:
        while pending < len(arrivals) and arrivals[pending][0] <= t:
            time, weight = arrivals[pending]
            pending += 1
            if time < last:
                continue
            v, last = cell.decayed(v, time - last) + weight / cell.C_m, time
            if v >= cell.V_th:
                spikes.append(time)
                v, last = cell.E_R, time + cell.t_ref
        out.append(v if t < last else cell.decayed(v, t - last))
    return np.array(out), np.array(spikes)
