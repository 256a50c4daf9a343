"""Inputs that vary in time as text: expressions of `t` in equations, definitions and mechanisms, on cpu, on Brian2 and in C."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import bioasm
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm.emit import emit_c
from tests.models.run import trace

DRIVEN = """
.model driven {
  parameters:
    tau = 10 ms > 0
    f = 7 Hz
  inputs:
    I : V
  state:
    x = 0 mV
    u = 0 mV
    w = 0 mV
    r = 0 mV
  definitions:
    now = t
    wave = 3 mV*sin(2*pi*f*t)
  step:
    dx/dt = (wave - x + I)/tau using exact
    du/dt = (x - u + 2 mV*cos(2*pi*f*t))/tau using exact
    dw/dt = where(t > 20 ms and t < 60 ms, 1 mV, 0 mV)/(1 ms) - w/tau
    dr/dt = wave/tau - r/tau using rk4
}
.mechanism chirp {
  parameters:
    rate = 100 Hz
  uses:
    x : V
  adds:
    I += 1 mV*sin(2*pi*rate*t*t/(1 s))
}
    POP c, driven, 3
    MECH m, chirp, c
    SET c.f, [5, 7, 11]
    REC c.now
    REC c.x
    REC c.u
    REC c.w
    REC c.r
    RUN 150 ms
"""


def test_time_is_that_of_the_start_of_the_step() -> None:
    """t is step * dt to the bit, also after steps whose sum would differ, and every method but rk4 holds it over the step."""
    result = bioasm.run(DRIVEN, seed=1)
    steps = np.arange(1500)
    t = steps * 1e-4
    assert (trace(result, "c.now")[:, 0] == t).all()
    assert (np.cumsum(np.full(1500, 1e-4)) != t + 1e-4).any()  # a sum of steps is another number
    for i, f in enumerate((5.0, 7.0, 11.0)):
        wave = 3e-3 * np.sin(2 * np.pi * f * t)
        pulse = np.where((t > 20e-3) & (t < 60e-3), 1.0, 0.0)
        added = 1e-3 * np.sin(2 * np.pi * 100 * t * t)
        x, w, r = np.zeros((3, 1500))
        kept = np.exp(-0.01)
        for k in steps[:-1]:
            x[k + 1] = x[k] * kept + (wave[k] + added[k]) * (1 - kept)
            w[k + 1] = w[k] + 1e-4 * (pulse[k] - w[k] / 10e-3)
            r[k + 1] = runge_kutta(r[k], k * 1e-4, f)
        np.testing.assert_allclose(trace(result, "c.x")[:, i], x, rtol=0, atol=1e-14)
        np.testing.assert_allclose(trace(result, "c.w")[:, i], w, rtol=0, atol=1e-14)
        np.testing.assert_allclose(trace(result, "c.r")[:, i], r, rtol=0, atol=1e-14)


def runge_kutta(r: float, t: float, f: float) -> float:
    """One step of dr/dt = (3 mV sin(2 pi f t) - r)/(10 ms), with t moving within it."""

    def rate(r: float, t: float) -> float:
        return float(3e-3 * np.sin(2 * np.pi * f * t) - r) / 10e-3

    a = rate(r, t)
    b = rate(r + 0.5e-4 * a, t + 0.5e-4)
    c = rate(r + 0.5e-4 * b, t + 0.5e-4)
    d = rate(r + 1e-4 * c, t + 1e-4)
    return r + 1e-4 / 6 * (a + 2 * b + 2 * c + d)


def test_brian2_agrees() -> None:
    """All variables, 1e-12 of the largest value."""
    support = pytest.importorskip("tests.brian2.support")
    support.assert_alike(support.on_brian2(DRIVEN), support.on_cpu(DRIVEN))


@pytest.mark.skipif(not (shutil.which("gcc") or shutil.which("cc")), reason="there is no C compiler")
def test_the_printed_c_has_the_same_bits(tmp_path: Path) -> None:
    """The test vector of emit-c holds over 1000 steps."""
    source, made = tmp_path / "it.c", tmp_path / "it"
    source.write_text(emit_c(verify(assemble(DRIVEN)), 1, 1, 1000))
    compiler = shutil.which("gcc") or shutil.which("cc") or ""
    subprocess.run([compiler, "-std=c11", "-O2", "-ffp-contract=off", source, "-o", made, "-lm"], check=True)
    assert "as expected" in subprocess.run([made], check=True, capture_output=True, text=True).stdout
