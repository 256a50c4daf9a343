"""Refractory until a condition does not hold: against recordings of Brian2, on Brian2, in C, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.models.text import parse_model
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm.emit import emit_c
from tests.models.run import literal, same_spikes, spikes, trace
from tests.models.support import of_range, recorded
from tests.seeds import rarely

ADAPTING = """
.model adapting {
  parameters:
    taum = 10 ms > 0
    tauw = 8 ms > 0
    tauth = 30 ms > 0
    wlim = 0.3
    drive = 15 mV
    ref = 2 ms
  state:
    v = -70 mV
    w = 0
    th = -50 mV
  step:
    dv/dt = (-70 mV - v + drive)/taum unless refractory
    dw/dt = -w/tauw
    dth/dt = (-50 mV - th)/tauth
  spike: v > th
  reset:
    v := -65 mV
    w := w + 1
    th := th + 3 mV
  refractory: w > wlim
  receive:
    weight : V
    v += weight
}
"""


def given_drive(d: Any, text: str) -> str:
    return f"{text}    POP c, adapting, 4\n    SET c.drive, {literal(d['I_mV'] * 1e-3)}\n"


def test_until_a_condition_as_brian2_recorded_it() -> None:
    """A threshold with its own dynamics, refractory while w > 0.3: spikes identical, states within 1e-9 of range."""
    d = recorded("networks/brian2_refractory.npz")
    seen = "".join(f"    REC c.{name}\n" for name in ("v", "w", "th"))
    result = bioasm.run(f"{given_drive(d, ADAPTING)}{seen}    RUN 0.2 s\n", seed=1)
    assert same_spikes(spikes(result), np.stack([d["cond_spk_step"], d["cond_spk_i"]], axis=1))
    for name in ("v", "w", "th"):
        assert of_range(trace(result, f"c.{name}")[:2000], d[f"cond_{name}"]) < 1e-9


def test_a_time_for_each_neuron_as_brian2_recorded_it() -> None:
    """Times of whole steps: those of Brian2, which drops what is left of 2.05 ms. A neuron with 0 ms is never refractory."""
    d = recorded("networks/brian2_refractory.npz")
    text = ADAPTING.replace("refractory: w > wlim", "refractory: ref").replace("v > th\n", "v > -50 mV\n")
    times = literal(np.floor(d["refs_ms"] * 10) * 1e-4)
    result = bioasm.run(f"{given_drive(d, text)}    SET c.ref, {times}\n    REC c.v\n    RUN 0.2 s\n", seed=1)
    assert same_spikes(spikes(result), np.stack([d["per_spk_step"], d["per_spk_i"]], axis=1))
    assert of_range(trace(result, "c.v")[:2000], d["per_v"]) < 1e-9


ORDERS = (
    "step, spike, receive, reset",
    "receive, step, spike, reset",
    "spike, receive, step, reset",
    "spike, reset, receive, step",
)
NETWORK = """    POP c, {model}, 4
    SET c.drive, [15e-3, 25e-3, 40e-3, 100e-3]
    EVT c, [[10e-3, 0], [12e-3, 1], [14e-3, 2], [14.1e-3, 2], [15e-3, 3], [16e-3, 3], [17e-3, 3]], 2 mV
    REC c.v
    REC c.w
    RUN 0.1 s
"""


@pytest.mark.parametrize("order", [ORDERS[0], *rarely(*ORDERS[1:])])
def test_brian2_agrees_in_every_order_of_a_step(order: str) -> None:
    """With spikes that arrive while neurons are refractory: both drivers have the same spikes and states."""
    support = pytest.importorskip("tests.brian2.support")
    text = ADAPTING.replace("  receive:", f"  order: {order}\n  receive:") + NETWORK.format(model="adapting")
    cpu = support.on_cpu(text)
    assert len(cpu.spikes.i) > 10
    support.assert_alike(support.on_brian2(text), cpu)


@pytest.mark.skipif(not (shutil.which("gcc") or shutil.which("cc")), reason="there is no C compiler")
def test_the_printed_c_has_the_same_bits(tmp_path: Path) -> None:
    """The test vector of emit-c holds over 900 steps."""
    source, made = tmp_path / "it.c", tmp_path / "it"
    source.write_text(emit_c(verify(assemble(ADAPTING + NETWORK.format(model="adapting"))), 1, 1, 900))
    compiler = shutil.which("gcc") or shutil.which("cc") or ""
    subprocess.run([compiler, "-std=c11", "-O2", "-ffp-contract=off", source, "-o", made, "-lm"], check=True)
    assert "as expected" in subprocess.run([made], check=True, capture_output=True, text=True).stdout


def finding(section: str) -> tuple[str, str, str | None]:
    """Code, message and hint of the only finding in a model with this section."""
    with pytest.raises(BioasmError) as raised:
        parse_model(f".model m {{\n  state:\n    v = 1 mV\n  step:\n    dv/dt = -v/(1 ms)\n{section}}}\n")
    (found,) = raised.value.diagnostics
    return found.code, found.message, found.hint


def test_what_is_refused() -> None:
    """A condition that is inclusive, one of two units, a second threshold in either form: one finding each."""
    inclusive = finding("  spike: v > 1 mV\n  refractory: (v > 0 mV) inclusive\n")
    assert inclusive == ("B031", "`inclusive` belongs to a time, and this is a condition", None)
    assert finding("  spike: v > 1 mV\n  refractory: v > 1 ms and v < 2 mV\n")[0] == "B022"
    assert finding("  spike: v > 1 mV\n  refractory: v\n")[0] == "B022"
    joined = "a neuron has one kind of spike: join conditions with `or`, as in `spike: v > Vt or u > 1`"
    assert finding("  spike:\n    v > 1 mV\n    v > 2 mV\n") == ("B026", "`spike:` says one thing", joined)
    assert finding("  spike: v > 1 mV\n  spike: v > 2 mV\n") == ("B026", "the section `spike:` stands twice", joined)


@pytest.mark.parametrize("condition", ["v > 1 mV", "not v > 1 mV", "v > 1 mV and t > 1 s", "(v > 1 mV)", "v > 1 mV or t < 1 s"])
def test_conditions_of_every_form_are_read(condition: str) -> None:
    """Comparisons, `not`, `and`, `or` and parentheses: each is a condition."""
    text = ".model m {\n  state:\n    v = 1 mV\n  step:\n    dv/dt = -v/(1 ms)\n  spike: v > 1 mV\n"
    refractory = parse_model(f"{text}  refractory: {condition}\n}}\n").refractory
    assert refractory is not None and refractory.lasting


HH = """
.model hh_of_the_recording {
  parameters:
    dt = 0.01 ms > 0 fixed
    drive = 5 uA/cm2
  state:
    v = -65 mV
    m = 0.05
    h = 0.6
    n = 0.32
  definitions:
    am = exprelr(-(v + 40 mV)/(10 mV))/(1 ms)
    bm = 4*exp(-(v + 65 mV)/(18 mV))/(1 ms)
    ah = 0.07*exp(-(v + 65 mV)/(20 mV))/(1 ms)
    bh = 1/(1 + exp(-(v + 35 mV)/(10 mV)))/(1 ms)
    an = 0.1*exprelr(-(v + 55 mV)/(10 mV))/(1 ms)
    bn = 0.125*exp(-(v + 65 mV)/(80 mV))/(1 ms)
    gNa = 120 mS/cm2*m^3*h
    gK = 36 mS/cm2*n^4
  step:
    dv/dt = (gNa*(50 mV - v) + gK*(-77 mV - v) + 0.3 mS/cm2*(-54.4 mV - v) + drive)/(1 uF/cm2) using exponential_euler
    dm/dt = am*(1 - m) - bm*m using exponential_euler
    dh/dt = ah*(1 - h) - bh*h using exponential_euler
    dn/dt = an*(1 - n) - bn*n using exponential_euler
  spike: v > -40 mV
  refractory: v > -40 mV
}
"""


def test_one_spike_for_each_action_potential_without_a_reset() -> None:
    """Hodgkin-Huxley neurons refractory while v > -40 mV, as Brian2 recorded them: spikes identical, v within 1e-9 of range."""
    d = recorded("networks/brian2_refractory.npz")
    drive = literal(d["hh_I_uA_cm2"] * 1e-2)
    text = f"{HH}    POP c, hh_of_the_recording, 4\n    SET c.drive, {drive}\n    REC c.v, 0.05 ms\n    RUN 0.2 s\n"
    result = bioasm.run(text, seed=1)
    assert same_spikes(spikes(result), np.stack([d["hh_spk_step"], d["hh_spk_i"]], axis=1))
    assert of_range(trace(result, "c.v")[:4000], d["hh_v_005ms"]) < 1e-9
