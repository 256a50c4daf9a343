"""The model hh against the textbook: its parameters, its rest, and an integration by other means."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from bioasm.models import MODELS
from bioasm.results import Result
from tests.models.mirrors import Array, brainpy
from tests.models.run import run, spikes, trace

CURRENTS = (0.0, 5.0, 7.0, 10.0, 20.0)  # uA/cm2


@cache
def neurons() -> Result:
    """A neuron for each current, for 200 ms from rest."""
    values = ", ".join(str(current * 1e-2) for current in CURRENTS)
    lines = [f"POP cells, hh, {len(CURRENTS)}", f"INP cells.I, [{values}]", *(f"REC cells.{x}" for x in "vmhn"), "RUN 200 ms"]
    return run("\n".join(lines) + "\n")


def linoid(u: float) -> float:
    """u/(e^u - 1)."""
    return 1.0 if u == 0 else u / math.expm1(u)


def rates(v: float) -> dict[str, tuple[float, float]]:
    """alpha and beta of each gate in 1/ms at v in mV, as Hodgkin and Huxley have them for V = -65 - v."""
    V = -65.0 - v
    return {
        "m": (0.1 * 10 * linoid((V + 25) / 10), 4 * math.exp(V / 18)),
        "h": (0.07 * math.exp(V / 20), 1 / (math.exp((V + 30) / 10) + 1)),
        "n": (0.01 * 10 * linoid((V + 10) / 10), 0.125 * math.exp(V / 80)),
    }


def slopes(_: float, y: Array, current: float) -> list[float]:
    """d(v, m, h, n)/dt in mV and ms, written from the paper: sodium 115, potassium -12, leak 10.613 mV from rest."""
    v, m, h, n = y
    u = v + 65
    flow = current - 120 * m**3 * h * (u - 115) - 36 * n**4 * (u + 12) - 0.3 * (u - 10.613)
    gates = zip((m, h, n), rates(v).values(), strict=True)
    return [flow, *(alpha * (1 - x) - beta * x for x, (alpha, beta) in gates)]


def test_its_parameters_are_the_textbooks() -> None:
    values = {p.name: p.default for p in MODELS["hh"].parameters}
    wanted = {"C": 1e-2, "gNa": 1200, "gK": 360, "gL": 3, "ENa": 0.05, "EK": -0.077, "EL": -0.054387, "v0": -0.065}
    assert {name: values[name] for name in wanted} == pytest.approx(wanted, rel=1e-15)


def test_it_starts_at_rest_and_stays_there() -> None:
    result = neurons()
    v = trace(result, "cells.v")[:, 0] * 1e3
    assert v[0] == -65.0
    assert np.abs(v + 65).max() < 0.01
    for gate, (alpha, beta) in rates(-65.0).items():
        values = trace(result, f"cells.{gate}")[:, 0]
        assert values[0] == pytest.approx(alpha / (alpha + beta), rel=1e-14)
        assert np.abs(values - values[0]).max() < 2e-4
    assert (spikes(result)[:, 1] != 0).all()


def test_the_gates_at_rest_are_the_published_ones() -> None:
    result = neurons()
    at_rest = [float(trace(result, f"cells.{gate}")[0, 0]) for gate in "mhn"]
    assert at_rest == pytest.approx([0.0529, 0.5961, 0.3177], abs=5e-5)


def test_it_follows_another_integrator() -> None:
    """Dormand and Prince's method of order 8 with small errors, for 30 ms."""
    integrate = pytest.importorskip("scipy.integrate", reason="SciPy is not installed")
    result, times = neurons(), np.arange(3000) * 0.01
    start = [-65.0, *(alpha / (alpha + beta) for alpha, beta in rates(-65.0).values())]
    for k, current in enumerate(CURRENTS):
        how: dict[str, Any] = {"method": "DOP853", "t_eval": times, "rtol": 1e-10, "atol": 1e-10, "args": (current,)}
        wanted = integrate.solve_ivp(slopes, (0, 30), start, **how).y
        assert np.abs(trace(result, "cells.v")[:3000, k] * 1e3 - wanted[0]).max() < 1e-3
        for row, gate in enumerate("mhn", 1):
            assert np.abs(trace(result, f"cells.{gate}")[:3000, k] - wanted[row]).max() < 1e-5


def test_it_fires_as_often_as_the_literature_says() -> None:
    """Once at 5 uA/cm2, below the lasting train that begins at 6.3; at 10 with 68 spikes a second, 14.6 ms apart."""
    found = spikes(neurons())
    trains = [found[found[:, 1] == k, 0] for k in range(len(CURRENTS))]
    assert [len(trains[0]), len(trains[1])] == [0, 1]
    assert len(trains[2]) > 10
    assert np.diff(trains[3])[-5:] == pytest.approx(1463, abs=5)


def test_brainpy_has_the_same_equations() -> None:
    """hh_brainpy with the textbook's leak is hh but for where it starts, and its mirror says so."""
    names = {p.name for p in MODELS["hh"].parameters} - {"v0"}
    assert names | {"integrator"} == {p.name for p in MODELS["hh_brainpy"].parameters}
    cells = brainpy.HH(1, 0.01, gL=0.3)
    cells.m, cells.h, cells.n_gate = (np.array([a / (a + b)]) for a, b in rates(-65.0).values())
    expected = brainpy.run([cells], 2000, [(cells, "input", np.array([10.0]), "+")])[0]
    assert np.abs(trace(neurons(), "cells.v")[1:2001, 3] * 1e3 - expected.traces["V"][:2000, 0]).max() < 1e-9
