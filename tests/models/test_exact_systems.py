"""Coupled linear equations with `exact`: against recordings of Brian2, against mpmath, in C and on Brian2."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.models.text import parse_model
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm.codegen.propagator import LONG_SQUARINGS, growth
from bioasm.vm.codegen.values import Value, as_value
from bioasm.vm.emit import emit_c
from tests.models.run import literal, reading, same_spikes, spikes, trace
from tests.models.support import of_range, recorded

CLOSE = 1e-9  # of the range

CUBA = """
.model cuba {
  parameters:
    taum = 20 ms > 0
    taue = 5 ms > 0
    taui = 10 ms > 0
    El = -49 mV
    v0 = -60 mV
  state:
    v = v0
    ge = 0 mV
    gi = 0 mV
  step:
    dv/dt = (ge + gi - (v - El))/taum using exact unless refractory
    dge/dt = -ge/taue using exact
    dgi/dt = -gi/taui using exact
  spike: v > -50 mV
  reset:
    v := -60 mV
  refractory: 5 ms
  receive e:
    weight : V
    ge += weight
  receive i:
    weight : V
    gi += weight
}
"""
ALPHA = """
.model alpha {
  parameters:
    taum = 10 ms > 0
    taus = 3 ms > 0
  state:
    v = -70 mV
    a = 0 mV
    y = 0 mV
  step:
    dv/dt = (-70 mV - v + a)/taum using exact unless refractory
    da/dt = (y - a)/taus using exact
    dy/dt = -y/taus using exact
  spike: v > -50 mV
  reset:
    v := -65 mV
  refractory: 2 ms
  receive:
    weight : V
    y += weight
}
"""
RESONATOR = """
.model resonator {
  parameters:
    taum = 10 ms > 0
    tauw = 25 ms > 0
    R = 100 Mohm
    k = 8
    drive = 60 mV
  state:
    v = -70 mV
    w = 0 A
  definitions:
    leak = -70 mV - v
  step:
    dv/dt = (leak - R*w + drive)/taum using exact
    dw/dt = (-k*leak/R - w)/tauw using exact
  spike: v > -50 mV
  reset:
    v := -65 mV
    w := w + 20 pA
}
"""


def test_cuba_as_brian2_recorded_it() -> None:
    """A network of 200 neurons over 1 s: the spikes are identical, the states of three neurons within 1e-9 of their range."""
    d = recorded("networks/brian2_cuba_exact.npz")
    weights = np.zeros((2, 200, 200))
    inhibitory = (d["conn_pre"] >= d["p_ne"]).astype(int)
    weights[inhibitory, d["conn_pre"], d["conn_post"]] = np.where(inhibitory, d["p_wI"], d["p_wE"]) * 1e-3
    seen = "".join(f"    REC c.{name}, 0.1 ms, {d['rec'].tolist()}\n" for name in ("v", "ge", "gi"))
    text = f"""{CUBA}
    POP c, cuba, 200
    SET c.v0, {literal(d["v0_mV"] * 1e-3)}
    SYN exc, c, c.e
    SYN inh, c, c.i
    SET exc.delay, 0.2 ms
    SET inh.delay, 0.2 ms
    CON exc, E
    CON inh, I
{seen}    RUN 1 s
    RD c.v
    RD c.ge
    RD c.gi
"""
    result = bioasm.run(text, data={"E": weights[0], "I": weights[1]}, seed=1)
    assert same_spikes(spikes(result), np.stack([d["spk_step"], d["spk_i"]], axis=1))
    for name in ("v", "ge", "gi"):
        assert of_range(trace(result, f"c.{name}")[:3000], d[name]) < CLOSE
        assert of_range(reading(result, f"c.{name}"), d[f"{name}_end"]) < CLOSE


def alpha_program(d: Any, n: int) -> str:
    """The alpha synapses of the recording: given spikes, three steps on their way."""
    given = [[(step + 3) * 1e-4, i] for step, i in zip(d["pre_step"].tolist(), d["pre_i"].tolist(), strict=True)]
    seen = "".join(f"    REC c.{name}\n" for name in "vay")
    return f"{ALPHA}    POP c, alpha, {n}\n    EVT c, {literal(given)}, {float(d['p_J']) * 1e-3!r}\n{seen}    RUN 0.5 s\n"


def test_alpha_synapses_as_brian2_recorded_them() -> None:
    """A matrix with an eigenvalue twice and one eigenvector: spikes identical, states within 1e-9 of range."""
    d = recorded("networks/brian2_exact_linear.npz")
    result = bioasm.run(alpha_program(d, 3), seed=1)
    assert same_spikes(spikes(result), np.stack([d["alpha_spk_step"], d["alpha_spk_i"]], axis=1))
    for name in "vay":
        assert of_range(trace(result, f"c.{name}")[:3000], d[f"alpha_{name}"]) < CLOSE


def resonator_program(d: Any) -> str:
    """The resonator of the recording, each neuron with a drive of its own."""
    drives = literal(d["p_drive_mV"] * 1e-3)
    return f"{RESONATOR}    POP c, resonator, 3\n    SET c.drive, {drives}\n    REC c.v\n    REC c.w\n    RUN 0.5 s\n"


@pytest.mark.parametrize(("method", "key"), [("exact", "res_expm"), ("rk4", "res")])
def test_complex_eigenvalues(method: str, key: str) -> None:
    """The resonator that Brian2's own exact can't do: the recorded matrix exponential, and its rk4 by ours."""
    d = recorded("networks/brian2_exact_linear.npz")
    result = bioasm.run(resonator_program(d).replace("using exact", f"using {method}"), seed=1)
    assert same_spikes(spikes(result), np.stack([d[f"{key}_spk_step"], d[f"{key}_spk_i"]], axis=1))
    for name in "vw":
        assert of_range(trace(result, f"c.{name}")[:3000], d[f"{key}_{name}"]) < CLOSE


# --- against mpmath ---------------------------------------------------------------------------------------


def number(value: Value) -> float:
    """What a value of numbers alone comes to."""
    known: dict[Value, float] = {}

    def of(one: Value) -> float:
        if one not in known:
            a = [of(argument) for argument in one.arguments]
            known[one] = one.data if one.op == "const" else a[0] + a[1] if one.op == "+" else a[0] * a[1]  # type: ignore[assignment]
        return known[one]

    return of(value)


STEPS = {
    "small": [[-0.005, 0.01], [0.0, -0.02]],
    "defective": [[-0.03, 0.03], [0.0, -0.03]],
    "complex": [[-0.01, -1e6], [3.2e-10, -0.004]],
    "singular": [[0.0, 0.1], [0.0, 0.0]],
    "units apart": [[-0.1, 5e5, 0.0], [0.0, -0.2, 1e-9], [0.0, 0.0, -0.05]],
    "stiff": [[-5000.0, 5000.0], [0.0, -0.1]],
    "growing": [[3.0, 1.0], [1.0, 2.0]],
    "rotation": [[0.0, -5.0], [5.0, 0.0]],
}


@pytest.mark.parametrize("name", STEPS)
def test_the_exponential_against_mpmath(name: str) -> None:
    """e^M - 1 within 2e-14 of the largest entry, each entry measured in the units of its row and column."""
    matrix = np.array(STEPS[name])
    n = len(matrix)
    found = growth({(str(i), str(j)): as_value(float(x)) for (i, j), x in np.ndenumerate(matrix) if x})
    values = np.zeros((n, n))
    for (i, j), value in found.items():
        values[int(i), int(j)] = number(value)
    with mpmath.workdps(60):
        exact = mpmath.expm(mpmath.matrix(matrix.tolist())) - mpmath.eye(n)
        wanted = np.array(exact.tolist(), dtype=float).reshape(n, n)
    units = np.array({"complex": [1.0, 1e-8], "units apart": [1.0, 1e-6, 1e3]}.get(name, [1.0] * n))
    scale = units[None, :] / units[:, None]
    assert np.abs((values - wanted) * scale).max() <= 2e-14 * np.abs(wanted * scale).max()


@pytest.mark.parametrize("long", [1.0, 1e5, 1e8])
def test_event_driven_systems_stand_long_silences(long: float) -> None:
    """Of x' = y - x, y' = 1 after so many time constants: x has lost its start and lags y by one of them."""
    matrix = {("x", "x"): as_value(-long), ("x", "y"): as_value(long), ("y", "1"): as_value(long)}
    found = {place: number(value) for place, value in growth(matrix, LONG_SQUARINGS).items()}
    decay = np.expm1(-long)
    wanted = {("x", "x"): decay, ("x", "y"): -decay, ("y", "1"): long, ("x", "1"): long + decay}
    assert found == {place: pytest.approx(value, rel=1e-12) for place, value in wanted.items()}


DUAL = """
.model dual {
  parameters:
    rise = 1 ms > 0
    decay = 5 ms > 0
    tau = 10 ms > 0
  inputs:
    I : V
  state:
    v = 0 mV
    s = 0 mV
    x = 1 mV
  step:
    dv/dt = (s - v + I)/tau using exact
    ds/dt = (x - s)/decay using exact
    dx/dt = -x/rise using exact
}
"""


def dual(rise: float, decay: float, tau: float, drive: float, start: Any, time: float) -> Any:
    """The dual exponential at a time after `start`, by mpmath."""
    with mpmath.workdps(40):
        rows = [[-1 / tau, 1 / tau, 0, drive / tau], [0, -1 / decay, 1 / decay, 0], [0, 0, -1 / rise, 0], [0, 0, 0, 0]]
        moved = mpmath.expm(mpmath.matrix(rows) * time) * mpmath.matrix([*start, 1])
        return np.array([float(x) for x in moved[:3]])


def test_each_neuron_has_a_propagator_of_its_own_and_set_makes_new_ones() -> None:
    """Parameters of each neuron, one of them set between two runs, an input that is constant: the closed form after 20 ms."""
    decays = [2e-3, 5e-3, 1e-3]
    text = f"""{DUAL}    POP c, dual, 3
    SET c.decay, {decays}
    INP c.I, 3 mV
    RUN 10 ms
    SET c.tau, 4 ms
    SET c.decay, 5 ms
    RUN 10 ms
    RD c.v
    RD c.s
    RD c.x
"""
    result = bioasm.run(text, seed=1)
    for i, decay in enumerate(decays):
        middle = dual(1e-3, decay, 10e-3, 3e-3, [0, 0, 1e-3], 10e-3)
        wanted = dual(1e-3, 5e-3, 4e-3, 3e-3, middle, 10e-3)
        found = np.array([np.ravel(one.value)[i] for one in result.results])
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13 * 3e-3)


HELD = """
.model held_ {
  parameters:
    tau = 10 ms > 0
  state:
    v = 0 mV
    w = 0 mV
    u = 2 mV
  step:
    dv/dt = (40 mV - v - w)/tau using exact unless refractory
    dw/dt = (v - w)/(20 ms) using exact
    du/dt = (w - 2*u)/(5 ms) using exact
  spike: v > 8 mV
  reset:
    v := 1 mV
  refractory: 3 ms
}
"""


def test_what_stands_still_acts_on_the_others_as_a_constant() -> None:
    """While v is frozen after a spike, or held by CLAMP, w and u go on with v as it is: the closed form with that row empty."""
    seen = "    REC c.v\n    REC c.w\n    REC c.u\n"
    result = bioasm.run(f"{HELD}    POP c, held_, 2\n{seen}    CLAMP 1, 4 mV\n    RUN 60 ms\n", seed=1)
    v, w, u = (trace(result, f"c.{name}") for name in "vwu")
    moving = np.array([[-100, -100, 0, 4], [50, -50, 0, 0], [0, 200, -400, 0], [0, 0, 0, 0]]) * 1e-4
    still = moving.copy()
    still[0] = 0
    full, part = (np.array(mpmath.expm(mpmath.matrix(m.tolist())).tolist(), dtype=float).reshape(4, 4) for m in (moving, still))
    fired = [int(step) for step, i in spikes(result) if i == 0]
    assert len(fired) > 3 and not [i for _, i in spikes(result) if i == 1]
    for neuron in (0, 1):
        for k in range(len(v) - 1):
            frozen = neuron == 1 or any(step < k < step + 30 for step in fired)
            after = (part if frozen else full) @ [v[k, neuron], w[k, neuron], u[k, neuron], 1]
            after[0] = 1e-3 if neuron == 0 and k in fired else after[0]
            np.testing.assert_allclose([v[k + 1, neuron], w[k + 1, neuron], u[k + 1, neuron]], after[:3], rtol=0, atol=1e-16)


# --- other back ends --------------------------------------------------------------------------------------

EVERYTHING = f"""{HELD}{DUAL}    POP c, held_, 3
    POP d, dual, 2
    SET c.tau, [8e-3, 10e-3, 12e-3]
    SET d.rise, [1e-3, 2e-3]
    CLAMP 1, 4 mV
    INP d.I, 3 mV
    RUN 20 ms
    SET c.tau, 9 ms
    RUN 20 ms
    RD c.v
    RD c.w
    RD c.u
    RD d.v
    RD d.s
"""


@pytest.mark.skipif(not (shutil.which("gcc") or shutil.which("cc")), reason="there is no C compiler")
def test_the_printed_c_has_the_same_bits(tmp_path: Path) -> None:
    """The test vector of emit-c holds: all arrays, those of the propagators among them, are the same."""
    source = tmp_path / "it.c"
    source.write_text(emit_c(verify(assemble(EVERYTHING)), 1, 2, 100))
    compiler, made = shutil.which("gcc") or shutil.which("cc") or "", tmp_path / "it"
    subprocess.run([compiler, "-std=c11", "-O2", "-ffp-contract=off", source, "-o", made, "-lm"], check=True)
    assert "as expected" in subprocess.run([made], check=True, capture_output=True, text=True).stdout


def test_brian2_agrees() -> None:
    """Parameters of each neuron, set between runs, clamps and frozen rows on both drivers: 1e-12 of the largest value."""
    support = pytest.importorskip("tests.brian2.support")
    support.assert_alike(support.on_brian2(EVERYTHING, lanes=2), support.on_cpu(EVERYTHING, lanes=2))


MEMBRANE = """
.model leaky_cell {
  parameters:
    tau = 10 ms > 0
    gain = 0.5
  inputs:
    I : V
  state:
    v = 0 mV
    a = 0 mV
  step:
    dv/dt = (I - v - a)/tau using exact unless refractory
    da/dt = (gain*v - a)/(30 ms) using exact
  then:
    v := min(v, 30 mV)
  spike: v > 10 mV
  reset:
    v := 0 mV
    a := a + 1 mV
  refractory: a > 2 mV
}
.mechanism dual_exponential {
  parameters:
    rise = 1 ms > 0
    decay = 5 ms > 0
    factor = 0.1
  uses:
    v : V
  state:
    g = 0
    x = 0
    slow = 0 mV
  definitions:
    drive = (x - g)/decay
  step:
    dg/dt = drive using exact
    dx/dt = -x/rise using exact
    dslow/dt = (factor*v*sin(t/(3 ms)) - slow)/(20 ms) using exact
  receive:
    x += weight
  adds:
    I += 20 mV*g + slow
}
"""
PROGRAM = """
    POP c, leaky_cell, 4
    MECH s, dual_exponential, c
    SYN p, c, s
    CON p, all
    SET p.delay, 1 ms
    SET p.weight, 0.2
    SET s.rise, [1e-3, 2e-3, 3e-3, 5e-3]
    EVT s, [[1e-3, 0], [2e-3, 1], [3e-3, 2], [5e-3, 3]], 4
    INP c.I, [8e-3, 12e-3, 14e-3, 0]
    REC c.v
    REC s.g
    REC s.slow
    REC c.a
    RUN 50 ms
    SET s.decay, 3 ms
    SET c.gain, [0.2, 0.4, 0.5, 0.6]
    RUN 50 ms
    RD c.v
"""


def test_brian2_agrees_on_systems_of_mechanisms() -> None:
    """A dual exponential with rise times of each neuron beside a membrane with adaptation: 1e-12 of the largest value."""
    support = pytest.importorskip("tests.brian2.support")
    cpu = support.on_cpu(MEMBRANE + PROGRAM, lanes=2)
    assert len(cpu.spikes.i) > 10
    support.assert_alike(support.on_brian2(MEMBRANE + PROGRAM, lanes=2), cpu)


# --- findings ---------------------------------------------------------------------------------------------


def finding(*lines: str) -> tuple[str, str, int]:
    """Code, message and line of the only finding in a model with these equations."""
    equations = "".join(f"    {line}\n" for line in lines)
    head = ".model m {\n  parameters:\n    tau = 1 ms\n  inputs:\n    g : 1\n  state:\n    x = 1\n    y = 1\n  step:\n"
    with pytest.raises(BioasmError) as raised:
        parse_model(f"{head}{equations}}}\n")
    (found,) = raised.value.diagnostics
    return found.code, found.message, found.span.line if found.span else 0


def test_equations_that_can_not_be_solved_together_are_told_at_their_place() -> None:
    """A product of states, a state without an exact equation, a coefficient that an input changes: one finding each."""
    product = finding("dx/dt = (y - x)/tau using exact", "dy/dt = -x*y/tau using exact")
    assert product == ("B029", "exact needs an equation that is linear in `x`, written as a sum or product", 11)
    other = finding("dx/dt = (y - x)/tau using exact", "dy/dt = -y/tau using euler")
    assert other == ("B029", "exact needs coefficients that do not change in a step; this equation reads y", 10)
    moving = finding("dx/dt = (y - x)/tau using exact", "dy/dt = -g*y/tau using exact")
    assert moving == ("B029", "coupled equations need coefficients made of parameters; here `g` is a factor of a state", 11)


def test_the_size_of_a_system_is_bounded() -> None:
    """Seven equations of one ring are one too many."""
    names = [f"x{k}" for k in range(7)]
    states = "".join(f"    {name} = 1\n" for name in names)
    pairs = zip(names, names[1:] + names[:1], strict=True)
    ring = "".join(f"    d{a}/dt = ({b} - {a})/(1 ms) using exact\n" for a, b in pairs)
    with pytest.raises(BioasmError, match="7 equations are coupled; exact solves at most 6 together"):
        parse_model(f".model m {{\n  state:\n{states}  step:\n{ring}}}\n")
