"""CUBA written for Brian2 itself, with Brian2's own random numbers: what statistics of `cuba.basm` are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

EQUATIONS = """
dv/dt = (ge + gi - (v + 49*mV))/(20*ms) : volt (unless refractory)
dge/dt = -ge/(5*ms) : volt
dgi/dt = -gi/(10*ms) : volt
"""


def spike_steps(seed: int, seconds: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Steps of 0.1 ms and neurons of the spikes of one run."""
    import brian2 as b2

    b2.prefs.codegen.target = "numpy"
    b2.seed(seed)
    cells: Any = b2.NeuronGroup(
        4000, EQUATIONS, threshold="v > -50*mV", reset="v = -60*mV", refractory=5 * b2.ms, method="exact", dt=0.1 * b2.ms
    )
    cells.v = "-60*mV + rand()*10*mV"
    excites = b2.Synapses(cells, cells, on_pre="ge += 1.62*mV")
    inhibits = b2.Synapses(cells, cells, on_pre="gi -= 9*mV")
    excites.connect("i < 3200", p=0.02)
    inhibits.connect("i >= 3200", p=0.02)
    monitor = b2.SpikeMonitor(cells)
    b2.Network(cells, excites, inhibits, monitor).run(seconds * b2.second)
    return np.rint(np.asarray(monitor.t) / 1e-4).astype(np.int64), np.asarray(monitor.i, np.int64)
