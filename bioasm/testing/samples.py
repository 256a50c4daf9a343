"""Small problems and programs that many checks use, so that a driver that compiles compiles little."""

from __future__ import annotations

import numpy as np

from bioasm.testing.definition import Landscape

N = 5
STEPS = {"lif_critical": 300, "ising": 20}
ENTRIES = {"lif_critical": 30, "ising": 20}
STEP_LENGTH = {"lif_critical": 1e-4, "ising": 1.0}

_J = np.array([[0, 1, 0, -1, 2], [1, 0, 1, 0, 0], [0, 1, 0, 0, 3], [-1, 0, 0, 0, 0], [2, 0, 3, 0, 0]], np.float64)
_SKEW = np.array([[0, 0.3, 0, -1, 0], [0.1, 0.2, 0, 0, 0.7], [0, -0.4, 0, 0, 0], [0, 0, 0.9, 0, 0], [0.6, 0, 0, 0, -0.1]])

WHOLE = Landscape(_J, np.array([1.0, 0, -2, 0, 1]), offset=-3.0)
REAL = Landscape(_J / 3 + _SKEW, np.array([0.5, -0.25, 0.1, 0.7, -1.1]), offset=0.3)
KBODY = Landscape(_J / 3 + _SKEW, REAL.h, {(0, 1, 2): 0.7, (1, 2, 3, 4): -1.3, (0, 4): 0.4}, 0.3)

LANDSCAPES = {"lif_critical": REAL, "ising": WHOLE}
BEGIN = {
    "lif_critical": f"ALC {N}\n{REAL.text}SIG 4 mV\n",
    "ising": f"MODEL ising\nALC {N}\n{WHOLE.text}SIG 1.5\n",
}
RUN = {"lif_critical": "RUN 30 ms\n", "ising": "RUN 20 sweeps\n"}
FOREVER = {"lif_critical": "RUN 10000 s\n", "ising": "RUN 1e8 sweeps\n"}
PROGRAMS = {model: BEGIN[model] + RUN[model] for model in BEGIN}
EVENTS = {"lif_critical": ("state", "v", "spikes", "spike_count"), "ising": ("state", "spins")}
COMMON = ("energy", "best_energy", "best_state", "energy_trace", "time", "steps", "noise")
