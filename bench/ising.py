"""Spin updates of simulated annealing with one lane: `bioasm` against dwave-samplers' compiled sampler.

    python bench/ising.py          (in the environment of bench/README.md)

Both sides anneal the same max-cut instances, sweep for sweep: spins in order, the same rule of acceptance (Metropolis
against Metropolis, Gibbs against glauber), the inverse temperature rising linearly from 1/3 to 5 in units of the cut, so
that both accept alike. Ours is a program with a loop of `SIG` and `RUN 1`, one lane, one thread.

What a call costs beside its sweeps is taken out on both sides alike: each is called with few and with many sweeps, and
the difference of the two times is divided by the difference in updates.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import common
import dimod
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler

from bioasm.drivers.base import RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.isa.verify import verify
from bioasm.problems.rudy import generate
from bioasm.text.assemble import assemble

FEW, MANY = 100, 2100
BETA = (1 / 3, 5.0)
ROUNDS = 7
RULES = {"metropolis": "Metropolis", "glauber": "Gibbs"}
