"""Sums over connections in every step: gap junctions and graded synapses against mirrors and recordings of Brian2."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import bioasm
from bioasm.drivers import RunOptions, find_driver
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm.emit import emit_c

from .support import of_range, recorded

GAP = """
.synapse gap {
  parameters:
    g = 1 >= 0
  uses:
    v_pre : V
    v_post : V
  adds:
    I_post += g*(v_pre - v_post)
}
"""
# Both directions, a definition and a parameter of the sending neuron, a mechanism as the target, an input that is scaled.
RICH = """
.model cell {
  parameters:
    tau = 10 ms > 0
    gain = 1
  state:
    v = 0 mV
    u = 1
  inputs:
    I : V
    drive : V
    total : 1
  definitions:
    out = gain/(1 + exp(-v/(5 mV)))
  step:
    dv/dt = (I + drive - v)/tau unless refractory
    du/dt = (total - u)/(20 ms) using rk4
  spike: v > 15 mV
  reset:
    v := 0 mV
  refractory: 1 ms
}
.mechanism filter {
  state:
    x = 0
  inputs:
    pull : 1
  step:
    dx/dt = (pull - x)/(4 ms) using exact
  adds:
    I += x*1 mV
}
.synapse both {
  parameters:
    g = 0.5
  uses:
    v_pre : V
    v_post : V
  adds:
    I_post += g*(v_pre - v_post)
    I_pre += g*(v_post - v_pre)
}
.synapse rates {
  parameters:
    w = 2
  uses:
    out_pre : 1
    gain_pre : 1
    v_post : V
    x_post : 1
  definitions:
    rate = max(out_pre - 0.4, 0)
  adds:
    pull_post += where(v_post > 10 mV, 0, w*rate*sin(t/(10 ms)))
    total_post += rate*gain_pre - 0.1*x_post
}
    POP a, cell, 3
    POP b, cell, 2
    MECH f, filter, b
    SYN j, a, a
    CON j, [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    VIA j, both
    SYN r, a, f
    CON r, all
    VIA r, rates
    SYN k, b, b
    CON k, others
    VIA k, both
    SET a.gain, [1, 1.5, 0.5]
    SET j.g, [0.5, 0.25, 0.125]
    SET r.w, 3
    INP a.drive, [40e-3, 0, 5e-3]
    INP b.I, 0.5, scale
    REC a.v
    REC b.u
    REC f.pull
    RUN 10 ms
    SET r.w, [1, 2, 3, 4, 5, 6]
    CLAMP 4, 5 mV
    RUN 5 ms
    RD b.total
    RST
    RD a.I
    RUN 5 ms
    RD f.x
    RD b.total
"""
NAMES = ("a.v", "b.u", "f.pull")


def mirror() -> dict[str, np.ndarray]:
    """RICH in numpy, step by step: sums of the values that a step begins with; recorded inputs are those of the step before."""
    dt, found = 1e-4, {name: [] for name in NAMES}
    va, vb, u, x, pull, total = np.zeros(3), np.zeros(2), np.ones(2), np.zeros(2), np.zeros(2), np.zeros(2)
    gain, drive, ref, w = np.array([1, 1.5, 0.5]), np.array([40e-3, 0, 5e-3]), np.zeros(3), np.full((3, 2), 3.0)
    for step in range(150):
        if step == 100:
            w, vb[1] = np.arange(1.0, 7.0).reshape(3, 2), 5e-3
        for name, value in zip(NAMES, (va, u, pull), strict=True):
            found[name].append(value.copy())
        ia, ib = np.zeros(3), np.zeros(2)
        for pre, post, g in ((0, 1, 0.5), (1, 2, 0.25), (2, 0, 0.125)):
            ia[post] += g * (va[pre] - va[post])
            ia[pre] += g * (va[post] - va[pre])
        for pre, post in ((0, 1), (1, 0)):
            ib[post] += 0.5 * (vb[pre] - vb[post])
            ib[pre] += 0.5 * (vb[post] - vb[pre])
        rate = np.maximum(gain / (1 + np.exp(-va / 5e-3)) - 0.4, 0)
        pull = np.where(vb > 10e-3, 0, rate @ w * np.sin(step * dt / 10e-3))
        total = (rate * gain).sum() - 3 * 0.1 * x
        ib = 0.5 * (ib + x * 1e-3)
        moves = ref <= 0
        ref = np.maximum(ref - 1, 0)
        va = np.where(moves, va + dt * (ia + drive - va) / 10e-3, va)
        new = vb + dt * (ib - vb) / 10e-3
        vb = np.array([new[0], vb[1] if step >= 100 else new[1]])
        z = dt / 20e-3
        u = u + (total - u) * (z - z**2 / 2 + z**3 / 6 - z**4 / 24)
        x = pull + (x - pull) * np.exp(-dt / 4e-3)
        fired = (va > 15e-3) & moves
        va, ref = np.where(fired, 0, va), np.where(fired, 9, ref)
    return {name: np.array(values) for name, values in found.items()} | {"b.total": total}


@pytest.mark.parametrize("lanes", [1, 3])
def test_sums_are_those_of_the_values_that_a_step_begins_with(lanes: int) -> None:
    result, wanted = bioasm.run(RICH, lanes=lanes, seed=1), mirror()
    for name in NAMES:
        for lane in result.recordings[name].values:
            assert of_range(lane[:150], wanted[name]) < 1e-12, name
    total, current = (np.atleast_2d(one.value) for one in result.results[:2])
    assert of_range(total, np.broadcast_to(wanted["b.total"], total.shape)) < 1e-12
    assert not current.any()  # RST takes the sums away as well
    assert result.spikes.t.size >= 2 * lanes


def test_brian2_sums_alike() -> None:
    ours, theirs = (bioasm.run(RICH, driver=name, lanes=2, seed=1) for name in ("cpu", "brian2"))
    for name in NAMES:
        assert of_range(ours.recordings[name].values, theirs.recordings[name].values) < 1e-12
    for a, b in zip(ours.results, theirs.results, strict=True):
        np.testing.assert_allclose(a.value, b.value, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("fuel", [30, 125, 140])
def test_a_run_that_is_cut_goes_on_with_its_sums(tmp_path: Path, fuel: int) -> None:
    program, driver, path = verify(assemble(RICH)), find_driver("cpu")(), tmp_path / "c"
    whole = driver.run(program, RunOptions(seed=4))
    driver.run(program, RunOptions(seed=4, fuel=fuel, checkpoint=path))
    resumed = driver.run(program, RunOptions(seed=4, checkpoint=path, resume=True))
    for name in NAMES:
        assert np.array_equal(whole.recordings[name].values, resumed.recordings[name].values)
    for a, b in zip(whole.results, resumed.results, strict=True):
        assert np.array_equal(a.value, b.value)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no C compiler")
def test_c_sums_to_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text(emit_c(verify(assemble(RICH)), 1, 2, 50))
    flags = ["-std=c11", "-O2", "-ffp-contract=off", "-Wall", "-Werror"]
    subprocess.run(["gcc", *flags, "a.c", "-o", "a", "-lm"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "a"], capture_output=True).returncode == 0  # its test vector: all arrays byte by byte


# --- recordings of Brian2 -------------------------------------------------------------------------------


def numbers(values: np.ndarray) -> str:
    return "[" + ", ".join(repr(float(value)) for value in values) + "]"


def pairs(case: object, n: int) -> str:
    return (
        f"sparse({n}) {{ " + " | ".join(f"{i} {j} 1" for i, j in zip(case["conn_pre"], case["conn_post"], strict=True)) + " }"
    )


def spikes(result: bioasm.Result) -> list[tuple[int, int]]:
    return sorted((round(t / 1e-4), int(i)) for t, i in zip(result.spikes.t, result.spikes.i, strict=True))


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_gap_junctions_as_brian2_recorded_them(method: str) -> None:
    case = recorded("networks/brian2_gap_junction.npz")
    text = f"""{GAP}
.model cell {{
  state:
    v = -70 mV
  inputs:
    I : V
    I0 : V
  step:
    dv/dt = (-70 mV - v + I0 + I)/(10 ms) using {method} unless refractory
  spike: v > -50 mV
  reset:
    v := -65 mV
  refractory: 2 ms
}}
    POP cells, cell, 5
    SYN j, cells, cells
    CON j, {pairs(case, 5)}
    VIA j, gap
    SET j.g, {numbers(case["G"])}
    SET cells.v, {numbers(case["v0_mV"] * 1e-3)}
    INP cells.I0, {numbers(case["I0_mV"] * 1e-3)}
    REC cells.v
    REC cells.I
    RUN 1 s
"""
    result = bioasm.run(text)
    for name, wanted in (("v", "v"), ("I", "Igap")):
        reference = case[f"{method}_{wanted}"]
        assert of_range(result.recordings[f"cells.{name}"].values[0][: len(reference)], reference) < 1e-9
    assert spikes(result) == sorted(zip(case[f"{method}_spk_step"], case[f"{method}_spk_i"], strict=True))


def test_graded_synapses_as_brian2_recorded_them() -> None:
    case = recorded("networks/brian2_graded.npz")
    text = f"""
.model cell {{
  state:
    v = -70 mV
    s = 0
    x = 0
  inputs:
    gs : 1
    I0 : V
  step:
    dv/dt = (-70 mV - v + I0 - gs*(v - {float(case["p_Es_mV"])} mV))/(10 ms) unless refractory
    ds/dt = -s/({float(case["p_taus"])} s) + x*0.5/ms*(1 - s)
    dx/dt = -x/(2 ms)
  spike: v > -50 mV
  reset:
    v := -65 mV
    x := x + 1
  refractory: 2 ms
}}
.synapse graded {{
  parameters:
    w = 1
  uses:
    s_pre : 1
  adds:
    gs_post += w*s_pre
}}
.synapse gated {{
  state:
    z = 0
  uses:
    v_pre : V
  step:
    dz/dt = (1/(1 + exp(-(v_pre + 55 mV)/(2 mV))) - z)/(5 ms) using euler
}}
    POP cells, cell, 5
    SYN j, cells, cells
    CON j, {pairs(case, 5)}
    VIA j, graded
    SYN k, cells, cells
    CON k, {pairs(case, 5)}
    VIA k, gated
    SET j.w, {numbers(case["w"])}
    SET cells.v, {numbers(case["v0_mV"] * 1e-3)}
    INP cells.I0, {numbers(case["I0_mV"] * 1e-3)}
    REC cells.v, 0.5 ms
    REC cells.s, 0.5 ms
    REC cells.gs, 0.5 ms
    REC k.z, 0.5 ms
    RUN 500 ms
"""
    result = bioasm.run(text)
    for name in ("cells.v", "cells.s", "cells.gs", "k.z"):
        assert of_range(result.recordings[name].values[0], case[f"{name.partition('.')[2]}_05ms"]) < 1e-9, name
    assert spikes(result) == sorted(zip(case["spk_step"], case["spk_i"], strict=True))


def test_homeostasis_as_brian2_recorded_it() -> None:
    """Weights that spikes change are summed; at the end of every 100th step they are scaled by the sum of its beginning.

    `pending` is the factor of the step before: what reads weights after that step multiplies it in.
    """
    case = recorded("networks/brian2_homeostasis.npz")
    train = ", ".join(f"[{step * 1e-4:.6f}, {i}]" for i, step in zip(case["pre_i"], case["pre_step"], strict=True))
    there = " | ".join(f"{i} {j} 1" for i, j in zip(case["conn_pre"], case["conn_post"], strict=True))
    text = f"""
.model cell {{
  state:
    v = -70 mV
    g = 0 mV
    warned = 0
  inputs:
    wsum : 1
  step:
    dv/dt = (-70 mV - v + g + {float(case["p_amp"])} mV*sin(2*pi*{float(case["p_f"])} Hz*t))/(10 ms)
    dg/dt = -g/(5 ms)
  spike: v > -50 mV
  reset:
    v := -65 mV
  event warn: v > {float(case["p_Vw"])} mV
    warned += 1
}}
.synapse scaled {{
  state:
    w = 1
    pending = 1
  uses:
    g_post : V
    wsum_post : 1
  step:
    w := w*pending
    pending := where(floor(t/(10 ms) + 1e-6) > floor((t - dt)/(10 ms) + 1e-6), {float(case["p_W"])}/wsum_post, 1)
  on pre:
    g_post += w*({float(case["p_scale"])} mV)
    w := clip(w + {float(case["p_eta"])}, 0, 10)
  adds:
    wsum_post += w*pending
}}
    POP pre, relay, 10
    POP cells, cell, 4
    SYN s, pre, cells
    CON s, sparse(10, 4) {{ {there} }}
    VIA s, scaled
    SET s.w, {numbers(case["w0"])}
    SET s.delay, {numbers(case["delay_s"])}
    EVT pre, [{train}], 1
    REC cells.warn
    RUN 0.1 ms
    REC cells.v, 1 ms
    REC cells.warned, 1 ms
    REC cells.wsum, 1 ms
    REC s.w, 1 ms
    RUN 500 ms
"""
    result = bioasm.run(text)
    wanted = {"cells.v": "v", "cells.warned": "nwarn", "cells.wsum": "wsum", "s.w": "w"}
    for name, key in wanted.items():
        assert of_range(result.recordings[name].values[0][:500], case[f"{key}_1ms_end"]) < 1e-9, name
    warn = result["cells.warn"]
    warned = [(round(t / 1e-4), int(i) - 10) for t, i in zip(warn.t, warn.i, strict=True)]
    assert sorted(row for row in warned if row[0] < 5000) == sorted(zip(case["warn_step"], case["warn_i"], strict=True))
    found = [(step, i - 10) for step, i in spikes(result) if i >= 10]
    assert found == sorted(zip(case["spk_step"], case["spk_i"], strict=True))


# --- what is refused ------------------------------------------------------------------------------------

CELL = """
.model cell {
  state:
    v = 0 mV
  inputs:
    I : V
  definitions:
    late = v + I
  step:
    dv/dt = (I - v)/(10 ms)
}
"""
NET = "POP cells, cell, 2\nSYN j, cells, cells\nCON j, others\nVIA j, gap\n"


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("I_post", "Ix_post", "B123", "cells has no input Ix"),
        ("I_post", "I", "B031", "does not say of which end"),
        ("g*(v_pre", "g/(1 s)*(v_pre", "B123", "adds V/s to I_post"),
        ("v_pre - v_post", "v_pre - w_post", "B021", "w_post"),
        ("v_post : V", "v_post : V\n    late_pre : V", None, ""),
        ("v_pre - v_post)", "late_pre - v_post)", "B124", "depends on the input I of cells"),
        ("v_pre - v_post", "held(v_pre) - v_post", "B027", "held"),
        ("v_pre - v_post", "delayed(v_pre) - v_post", "B027", "delayed"),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(old: str, new: str, code: str | None, words: str) -> None:
    text = (CELL + GAP + NET).replace(old, new)
    if "late_pre -" in text:
        text = text.replace("v_post : V", "v_post : V\n    late_pre : V")
    if code is None:
        verify(assemble(text))
        return
    with pytest.raises(bioasm.BioasmError) as caught:
        verify(assemble(text))
    assert [(d.code, words in d.message) for d in caught.value.diagnostics] == [(code, True)], str(caught.value)


@pytest.mark.parametrize(
    ("line", "code"),
    [("SET j.delay, 1 ms", "B105"), ("SET j.weight, 1", "B105"), ("SET j.g, -1", "B116"), ("SET j.g, 1 mV", "B006")],
)
def test_a_sum_has_no_delay_and_no_weight(line: str, code: str) -> None:
    with pytest.raises(bioasm.BioasmError) as caught:
        verify(assemble(CELL + GAP + NET + line + "\nRUN 1 ms\n"))
    assert [d.code for d in caught.value.diagnostics] == [code]


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_one_number_a_connection_is_counted_when_they_are_made(driver: str) -> None:
    with pytest.raises(bioasm.BioasmError, match="got 3 numbers, and there are 2 connections"):
        bioasm.run(CELL + GAP + NET + "SET j.g, [1, 2, 3]\nRUN 1 ms\n", driver=driver)


def test_spikes_still_need_a_sender_and_a_port() -> None:
    with pytest.raises(bioasm.BioasmError) as caught:
        verify(assemble(CELL + "POP cells, cell, 2\nSYN j, cells, cells\nCON j, others\n"))
    assert {d.code for d in caught.value.diagnostics} == {"B108", "B114"}
