"""Cells of cable on Brian2's SpatialNeuron are the machine's: trees, membranes, places, networks; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.brian2.support import Brian2Driver, assert_alike, on_brian2, on_cpu, readings
from tests.models.test_concentrations import SHELL

CABLE = """\
.cell cable {
  branch only: length 400 um, diameter 1 um
  cv: 20 per branch
  place end = only(1)
}
    POP cells, cable, 2
    MECH leak, pas, cells
    INP cells.I, [0, 0.02e-9]
    RUN 5 ms
    RD cells_cv.v
    RD cells.v_end
"""
# Three branches begin at the root; frusta that taper and jump within a CV, and a fork behind one of them.
SAMPLES = """\
1 1 0 0 0 5 -1
2 1 6 0 0 5 1
3 3 -20 3 0 1.2 1
4 3 -45 3 0 0.7 3
5 3 -70 9 0 0.7 4
6 3 -71 9 0 0.4 5
7 3 -120 25 0 0.3 6
8 3 -110 -20 0 0.5 4
9 2 0 -50 0 0.6 1
10 2 0 -130 0 0.4 9"""
TREE = f"""\
.cell tree {{
  swc as arbor
{SAMPLES}
  region far = distance > 40 um
  region branches = dend and far
  cv: at most 17 um
  ra = 120 ohm*cm
  ra in axon = 70 ohm*cm
  ra in far = "90 ohm*cm*(1 + distance/(100 um))"
  cm in axon = 0.7 uF/cm2
  cm in dend = "1 uF/cm2*(1 + radius/(4 um))"
  place near = proximal(dend)
  place inner = location(2, 0.31)
  place tip = location(4, 1)
  spikes at soma(0.5)
  spikes axon at location(4, 0.93)
}}
"""
HOLD = """\
.mechanism hold {
  uses:
    v : V
  state:
    g = 3 nS
    seen = 0 V
    last = v
  step:
    seen := v
  then:
    dg/dt = (5 nS - g)/(2 ms) using exact
    last := v
  adds:
    G += g
    I += where(v < -60 mV, 0 A, (1 nS)*(v + 60 mV)*(v + 50 mV)/(10 mV)) + g*(-64 mV)
}
"""
BRIDGE = """\
.synapse bridge {
  parameters:
    g = 1 nS
  uses:
    v_post : V
    cv_inner_pre : V
  state:
    seen = 0 V
    count = 0
  adds:
    I_post += g*cv_inner_pre
    G_post += g
  step:
    seen := v_post
  on pre:
    count += 1
}
"""
NETWORK = f"""\
{HOLD}{BRIDGE}{TREE}
.data arrivals = [[1.03e-3, 0], [2e-3, 1], [2e-3, 1], [6.01e-3, 2]]
    POP cells, tree, 3
    MECH channels, hh_channels, cells.soma
    MECH more, pas, cells.branches
    MECH all, pas, cells.axon
    MECH syn, expsyn, cells.inner
    MECH held, hold, cells.tip
    SET channels.gnabar, "0.12 S/cm2*(1 + distance/(30 um))"
    SET more.g, "0.2 mS/cm2 + 0.1 mS/cm2*dend"
    SET cells_cv.cm_factor, lognormal(1, 0.1)
    SET cells_cv.ek, "-77 mV + 3 mV*axon"
    SET cells.threshold, -20 mV
    SET cells_axon.threshold, -40 mV
    SYN feed, cells_axon, syn
    CON feed, others
    SET feed.weight, 8 nS
    SET feed.delay, 0.4 ms
    SYN gap, cells, cells
    CON gap, others
    VIA gap, gj
    SYN bridged, cells, held
    CON bridged, one_to_one
    VIA bridged, bridge
    SET bridged.delay, 0.3 ms
    EVT syn, arrivals, 15 nS
    INP cells.I, [0.3e-9, 0, 0.1e-9]
    REC cells.v_near, 0.25 ms
    REC cells.v_inner, 0.25 ms
    REC cells.v_tip, 0.25 ms
    REC cells_axon.crossing_time, 0.25 ms
    RD held.last
    RUN 5 ms
    SET cells_cv.v, -70 mV
    RD cells.v_tip
    INP cells.I_tip, 0.05 nA
    RUN 3 ms
    RD cells_cv.v
    RD channels.m
    RD held.g
    RD held.seen
    RD held.last
    RD bridged.seen
    RD bridged.count
    RST
    RUN 1 ms
    RD cells_cv.v
    RD channels.n
    RD spikes
"""


def test_a_passive_cable() -> None:
    found, wanted = on_brian2(CABLE), on_cpu(CABLE)
    assert_alike(found, wanted)
    assert np.ptp(np.asarray(readings(found)[0])) > 1e-3


def test_trees_with_all_that_stands_on_them() -> None:
    found, wanted = on_brian2(NETWORK, lanes=2), on_cpu(NETWORK, lanes=2)
    assert_alike(found, wanted, 1e-9)
    assert found.spikes.t.size >= 10
    assert np.asarray(readings(found)[8]).sum() > 0


POINT = """\
.model point {
  parameters:
    dt = 0.025 ms > 0 fixed
    tau = 5 ms > 0
  state:
    x = 0
    y = 0
  inputs:
    I : 1
  step:
    dx/dt = (I - x + y)/tau
    dy/dt = -y/tau
  spike: x > 1
  reset:
    x := 0
  receive:
    y += weight
}
"""
MIXED = f"""\
{POINT}
.cell rod {{
  branch rod: length 100 um, diameter 2 um to 1 um then length 50 um, diameter 3 um
  cv: 7 per branch
  method: crank_nicolson
  place left = rod(0.02)
  place right = rod(0.97)
  spikes at rod(0.5)
}}
.cell fork {{
  branch trunk: length 30 um, diameter 3 um
  branch left from trunk(0.5): length 20 um, diameter 1 um
  branch right from trunk: length 40 um, diameter 2 um
  branch other from trunk: length 10 um, diameter 2 um
  cv: 3 per branch
  method: crank_nicolson
  spikes at right(0.5)
}}
    POP points, point, 2
    POP rods, rod, 2
    POP forks, fork, 1
    MECH leak, pas, rods.rod
    MECH leaks, pas, forks.left
    MECH syn, expsyn, rods.right
    MECH syns, expsyn, forks
    SET rods.threshold, -60.013 mV
    SET forks.threshold, -60.017 mV
    SYN a, points, syn
    CON a, all
    SET a.weight, 6 nS
    SYN b, rods, points
    CON b, all
    SET b.weight, 0.3
    SYN c, rods, syns
    CON c, all
    SET c.weight, 4 nS
    SET c.delay, 0.15 ms
    INP points.I, [1.6, 0.9]
    INP rods_cv.I, 0.02 A/m2, set
    INP forks.I, 20 pA
    INP forks.I, 0.75, scale
    RUN 9 ms
    RD rods_cv.v
    RD forks_cv.v
    RD rods.v_left
    RD spikes
"""


def test_crank_nicolson_beside_point_neurons() -> None:
    found, wanted = on_brian2(MIXED), on_cpu(MIXED)
    assert_alike(found, wanted, 1e-9)
    assert {int(i) for i in found.spikes.i} > {0, 2}  # of points and of rods


def test_mechanisms_that_meet_are_stepped_beside_their_region_as_well() -> None:
    """A pool of calcium in the dendrite that two channels there read, beside a leak that stands alone in the soma."""
    lines = ["POP cells, ball, 2", "MECH leak, pas, cells.soma", "MECH shell, calcium_shell, cells.dend"]
    lines += ["MECH channel, calcium_channel, cells.dend", "MECH gated, calcium_gated, cells.dend", "RUN 4 ms", "RD shell.cai"]
    cell = ".cell ball {\n  branch soma: length 20 um, diameter 20 um\n  branch dend from soma: length 90 um, diameter 2 um\n"
    text = "\n".join([f"{SHELL}{cell}  cv: at most 20 um\n}}", *lines, "RD cells_cv.v", ""])
    found = on_brian2(text)
    assert_alike(found, on_cpu(text), 1e-10)
    assert np.ptp(np.asarray(readings(found)[0])) > 0.0


def refused(text: str, **options: str) -> Diagnostic:
    """The one thing that driver brian2 can't do of a program."""
    with pytest.raises(BioasmError) as caught, Brian2Driver(**options) as it:
        it.run(verify(assemble(text)))
    (found,) = caught.value.diagnostics
    return found


def test_a_control_volume_that_reaches_over_a_fork_is_refused_with_its_place() -> None:
    found = refused(TREE.replace("cv: at most 17 um", "cv: at most 17 um in axon") + "    POP cells, tree, 1\n    RUN 1 ms\n")
    assert (found.code, "of the cell tree reaches over a fork" in found.message) == ("B502", True)
    assert found.span is not None and found.span.line == TREE.count("\n") + 1


def test_a_compiled_program_has_no_cells() -> None:
    found = refused(CABLE.replace("    MECH leak, pas, cells\n", ""), target="cpp_standalone", noise="own")
    assert (found.code, "cells of cable" in found.message) == ("B502", True)


def test_a_tree_that_is_too_deep_for_recursion_is_refused() -> None:
    names = [f"b{k}" for k in range(110)]
    lines = ["branch b0: length 10 um, diameter 1 um"]
    for before, name in zip(names, names[1:], strict=False):
        lines += [f"branch {end} from {before}: length 10 um, diameter 1 um" for end in (name, f"{name}x")]
    found = refused("\n".join([".cell deep {", *lines, "}", "    POP cells, deep, 1", "    RUN 1 ms", ""]))
    assert (found.code, "forks in a row" in found.message) == ("B502", True)


def test_without_scipy_cells_are_refused_and_point_neurons_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.drivers.brian2.trees.find_spec", lambda name: None)
    found = refused(CABLE)
    assert (found.code, "SciPy" in found.message, found.hint) == ("B502", True, "pip install --upgrade 'bioasm[brian2]'")
    assert found.span is not None and found.span.line == CABLE[: CABLE.index("POP")].count("\n") + 1
    with Brian2Driver() as it:
        it.run(verify(assemble("POP points, lif, 1\nRUN 1 ms\n")))
