"""The other side of lif.py: the LIF twin with dense couplings on JAX, compiled as one program.

    python jax_lif.py J.npy float32 MILLISECONDS      (in an environment with jax==0.10.2)

Prints spikes a second of a neuron, the mean energy, and the processor seconds of a run that was compiled and run before. All
that a run puts out is the spikes of every step and the energy of every feedback. Noise is JAX's own, of its default generator.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax
import jax.numpy as jnp
import numpy as np

kind, milliseconds = sys.argv[2], int(sys.argv[3])
jax.config.update("jax_enable_x64", kind == "float64")
number = jnp.dtype(kind).type
LOW, TOP, RESET, OHM, TAU = (number(x) for x in (-70e-3, -50e-3, -70e-3, 50e6, 20e-3))
OFFSET, NOISE, STEP, LARGEST = (number(x) for x in (0.36e-9, 2e-3, 1e-4, 1.5e-9))
STEPS = 10  # of the dynamics for one feedback


def step(v, xi, current):
    """One Euler-Maruyama step with threshold and reset."""
    v = v + STEP * (LOW - v + OHM * (OFFSET + current)) / TAU + NOISE * jnp.sqrt(2 * STEP / TAU) * xi
    spikes = v > TOP
    return jnp.where(spikes, RESET, v), spikes


def feed_back(couplings, biases, v, key):
    """A feedback with its energy, and the steps to the next one."""
    state = jnp.clip((v - LOW) / (TOP - LOW), 0, 1)
    products = couplings @ state
    energy = -0.5 * state @ products - biases @ state
    current = products + biases
    current = current * jnp.minimum(number(1), LARGEST / jnp.maximum(jnp.abs(current).max(), number(1e-30)))
    v, spikes = jax.lax.scan(partial(step, current=current), v, jax.random.normal(key, (STEPS, len(v)), number))
    return v, (energy, spikes)


@jax.jit
def run(couplings, biases, v, keys):
    """All feedbacks."""
    return jax.lax.scan(partial(feed_back, couplings, biases), v, keys)


couplings = jnp.asarray(np.load(sys.argv[1], allow_pickle=False), number)
n = len(couplings)
arguments = couplings, jnp.zeros(n, number), jnp.full(n, LOW), jax.random.split(jax.random.key(1), milliseconds)
_, (energies, spikes) = jax.block_until_ready(run(*arguments))
before = time.process_time()
jax.block_until_ready(run(*arguments))
busy = time.process_time() - before
print(float(spikes.sum()) / n / milliseconds * 1e3, float(energies.mean()), busy)
