"""The other side of models.py: the BrainPy tutorial's Hodgkin-Huxley neurons on BrainPy 1.0.3's Numba backend.

    python brainpy_hh.py ROUNDS        (in an environment with brain-py==1.0.3 numpy==1.24.4 numba==0.58.1)

Prints the seconds of each round: 100 neurons, 2000 steps of classical Runge-Kutta, input 10 uA/cm2, nothing recorded.
"""

from __future__ import annotations

import sys
import time

import brainpy as bp

DT = 0.01
bp.backend.set("numba", dt=DT)


def slopes(V, m, h, n, t, current, gNa, ENa, gK, EK, gL, EL, C):
    """The right sides, in ms and mV."""
    alpha = 0.1 * (V + 40) / (1 - bp.ops.exp(-(V + 40) / 10))
    beta = 4.0 * bp.ops.exp(-(V + 65) / 18)
    dm = alpha * (1 - m) - beta * m
    alpha = 0.07 * bp.ops.exp(-(V + 65) / 20.0)
    beta = 1 / (1 + bp.ops.exp(-(V + 35) / 10))
    dh = alpha * (1 - h) - beta * h
    alpha = 0.01 * (V + 55) / (1 - bp.ops.exp(-(V + 55) / 10))
    beta = 0.125 * bp.ops.exp(-(V + 65) / 80)
    dn = alpha * (1 - n) - beta * n
    sodium = (gNa * m**3.0 * h) * (V - ENa)
    potassium = (gK * n**4.0) * (V - EK)
    return (-sodium - potassium - gL * (V - EL) + current) / C, dm, dh, dn


class Neurons(bp.NeuGroup):
    """As the tutorial has them."""

    target_backend = "general"

    def __init__(self, size, **rest):
        self.V, self.m = bp.ops.ones(size) * -65.0, bp.ops.ones(size) * 0.5
        self.h, self.n = bp.ops.ones(size) * 0.6, bp.ops.ones(size) * 0.32
        self.spike, self.input = bp.ops.zeros(size), bp.ops.zeros(size)
        self.integral = bp.odeint(f=slopes, method="rk4", dt=DT)
        super().__init__(size=size, **rest)

    def update(self, _t):
        """One step."""
        V, m, h, n = self.integral(self.V, self.m, self.h, self.n, _t, self.input, 120.0, 50.0, 36.0, -77.0, 0.03, -54.387, 1.0)
        self.spike = (self.V < 20.0) * (V >= 20.0)
        self.V, self.m, self.h, self.n = V, m, h, n
        self.input[:] = 0


neurons = Neurons(100)
neurons.run(20.0, inputs=("input", 10.0))
for _ in range(int(sys.argv[1])):
    before = time.perf_counter()
    neurons.run(20.0, inputs=("input", 10.0))
    print(time.perf_counter() - before)
