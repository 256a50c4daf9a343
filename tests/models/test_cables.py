"""Cells that are trees: recorded runs of Arbor, a dense solution in NumPy, closed forms, convergence, lanes and cells."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import bioasm
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import to_bytes
from bioasm.morphology.cell import read_cell
from bioasm.results import Result
from bioasm.text.assemble import assemble
from tests.models.mirrors import Array
from tests.models.run import reading, run, trace
from tests.models.support import REFS, of_range, recorded, worst

FILES = {name: f"networks/{name}.npz" for name in ("arbor_ball_and_stick", "arbor_branched", "arbor_synapse_gap")}
STICK = "branch soma: length 12.6157 um, diameter 12.6157 um\nbranch dend from soma: length 200 um, diameter 1 um"
PASSIVE = "MECH leak, pas, cells.all\nSET leak.e, -65 mV"
PULSES = "RUN 20 ms\nINP cells.I, {current} nA\nRUN 15 ms\nINP cells.I, 0 nA\nRUN 25 ms"
EVENTS = "[[5e-3, 0], [12.5e-3, 0], [14e-3, 0], [14e-3, 0], [30e-3, 0]]"


def stimulated(text: str, *lines: str, current: float, dt: float, names: tuple[str, ...]) -> tuple[Result, Array]:
    """A cell under the recordings' synaptic events and current; its potentials in mV every 0.025 ms, as recorded."""
    program = [text, "POP cells, one, 1", *lines, "MECH syn, expsyn, cells.syn", f"SET dt, {dt} ms"]
    program += ["SET cells.threshold, -10 mV", f"EVT syn, {EVENTS}, 19.999999552965164 nS"]
    program += [f"REC cells.{name}, 0.025 ms" for name in (*names, "crossing_time")]
    result = run("\n".join([*program, PULSES.format(current=current)]))
    return result, np.column_stack([trace(result, f"cells.{name}")[:, 0] for name in names]) * 1e3


def crossings(result: Result, cell: int = 0) -> Array:
    """The times of a cell's spikes in ms, between steps."""
    times = np.unique(trace(result, "cells.crossing_time")[:, cell]) * 1e3
    return times[times > 0]


# --- recorded runs of Arbor ---------------------------------------------------------------------------


@cache
def stick(case: str, dt: float, clamp: float) -> tuple[Result, Array]:
    cuts = "cv: 50 per branch" if case == "hhmix" else "cv: 1 per branch in soma\ncv: 50 per branch in dend"
    places = "place middle = soma(0.5)\nplace syn = dend(0.49)\nplace far = dend(0.95)\nspikes at middle"
    text = f".cell one {{\n{STICK}\n{cuts}\nra = 150 ohm*cm\n{places}\n}}"
    soma, rest = ("MECH hh, hh_channels, cells.soma", "dend") if case != "passive" else ("", "all")
    lines = (soma, f"MECH leak, pas, cells.{rest}", "SET leak.g, 0.1 mS/cm2", "SET leak.e, -65 mV")
    return stimulated(text, *lines, current=clamp, dt=dt, names=("v_middle", "v_syn", "v_far"))


@pytest.mark.parametrize("dt", [0.025, 0.005])
@pytest.mark.parametrize(("case", "tolerance"), [("passive", 1e-9), ("hh", 1e-8), ("hhmix", 1e-8)])
def test_ball_and_stick_against_arbor(case: str, tolerance: float, dt: float) -> None:
    kept, key = recorded(FILES["arbor_ball_and_stick"]), f"bs_{case}_dt{dt * 1000:03.0f}"
    result, v = stick(case, dt, float(kept[f"bs_{case}_clamp_nA"]))
    assert worst(v, kept[f"{key}_v"]) < tolerance
    assert crossings(result) == pytest.approx(kept[f"{key}_spk_ms"], abs=1e-9)


@pytest.mark.parametrize("dt", [0.025, 0.005])
@pytest.mark.parametrize(("case", "tolerance"), [("passive", 1e-8), ("hh", 1e-7)])
def test_a_branched_cell_against_arbor(case: str, tolerance: float, dt: float) -> None:
    kept, key = recorded(FILES["arbor_branched"]), f"swc_{case}_dt{dt * 1000:03.0f}"
    places = "place middle = soma(0.5)\nplace syn = location(2, 0.3)\nplace tip = location(14, 0.5)"
    places += "\nplace axon_end = location(22, 0.9)"
    regions = "region active = soma or axon\nregion rest = not active"
    file = f'swc "{REFS / "networks" / "branched.swc"}" as arbor'
    text = f".cell one {{\n{file}\ncv: at most 8 um\nra = 150 ohm*cm\n{regions}\n{places}\nspikes at middle\n}}"
    hh, rest = ("MECH hh, hh_channels, cells.active", "rest") if case == "hh" else ("", "all")
    lines = (hh, f"MECH leak, pas, cells.{rest}", "SET leak.g, 0.05 mS/cm2", "SET leak.e, -65 mV")
    current = float(kept[f"swc_{case}_clamp_nA"])
    result, v = stimulated(text, *lines, current=current, dt=dt, names=("v_middle", "v_tip", "v_axon_end"))
    assert worst(v, kept[f"{key}_v"]) < tolerance
    seen_here = kept[f"{key}_spk_ms"][kept[f"{key}_spk_detector"] == 0]
    assert crossings(result) == pytest.approx(seen_here, abs=1e-9)


@pytest.mark.parametrize("dt", [0.025, 0.005])
def test_a_gap_junction_against_arbor(dt: float) -> None:
    kept, key = recorded(FILES["arbor_synapse_gap"]), f"gj_dt{dt * 1000:03.0f}"
    result = run(f"""
        .cell one {{
          branch soma: length 20 um, diameter 20 um
          spikes at soma(0.5)
        }}
        POP cells, one, 2
        MECH hh, hh_channels, cells
        SYN gap, cells, cells
        CON gap, others
        VIA gap, gj
        SET gap.g, 4 nS
        SET dt, {dt} ms
        REC cells.v, 0.025 ms
        REC cells.crossing_time, 0.025 ms
        RUN 5 ms
        INP cells.I, [0.6e-9, 0]
        RUN 40 ms
        INP cells.I, 0 nA
        RUN 15 ms
    """)
    assert worst(trace(result, "cells.v") * 1e3, kept[f"{key}_v"]) < 1e-9
    for cell in (0, 1):
        times = kept[f"{key}_spk_ms"][kept[f"{key}_spk_cell"] == cell]
        assert crossings(result, cell) == pytest.approx(times, abs=1e-9)


CLIPPED = """
.synapse clipped {
  parameters:
    w = 4.999999888241291 nS
  state:
    plastic = 0 nS
    apre = 0 nS
    apost = 0 nS
  uses:
    g_post : S
  step:
    dapre/dt = -apre/(12 ms) event-driven
    dapost/dt = -apost/(18 ms) event-driven
  on pre:
    g_post := clip(g_post + w + plastic, 0 nS, 50 nS)
    apre += 4 nS
    plastic += apost
  on post:
    apost += -3 nS
    plastic += apre
}
"""


def test_a_plastic_synapse_against_arbor() -> None:
    """Arbor's expsyn_stdp: a spike that is sent in the step before acts on the currents of its step."""
    kept, dt = recorded(FILES["arbor_synapse_gap"]), 0.025
    steps = np.floor(kept["stdp_events_ms"] / dt + 1e-9) - 1
    train = [[float(step * dt * 1e-3), 0] for step in steps]
    result = run(f"""
        {CLIPPED}
        .cell one {{
          branch soma: length 20 um, diameter 20 um
          spikes at soma(0.5)
        }}
        POP source, relay, 1
        POP cells, one, 1
        MECH hh, hh_channels, cells
        MECH syn, expsyn, cells
        SYN net, source, syn
        CON net, all
        VIA net, clipped
        SET dt, {dt} ms
        EVT source, {train}, 1
        REC cells.v
        REC syn.g
        REC net.plastic
        REC cells.crossing_time
        RUN 5 ms
        INP cells.I, 0.6 nA
        RUN 45 ms
        INP cells.I, 0 nA
        RUN 10 ms
    """)
    v, plastic, _, _, g = kept["stdp_dt025_v_w_apre_apost_g"].T
    assert worst(trace(result, "cells.v")[:, 0] * 1e3, v) < 1e-5
    assert worst(trace(result, "syn.g")[:, 0] * 1e6, g) < 1e-8
    assert worst(trace(result, "net.plastic")[:, 0] * 1e6, plastic) < 1e-8
    assert crossings(result) == pytest.approx(kept["stdp_dt025_spk_ms"], abs=1e-6)


# --- a recorded run of Brian2 -------------------------------------------------------------------------

CYLINDER = """
.cell one {
branch trunk: length 1 mm, diameter 2 um
cv: 100 per branch
ra = 150 ohm*cm
place end = trunk(0.005)
}
POP cells, one, 1
MECH leak, pas, cells.all
SET leak.g, 0.1 mS/cm2
SET leak.e, -70 mV
SET cells_cv.v0, -70 mV
SET dt, 0.01 ms
INP cells.I_end, 0.05 nA
REC cells_cv.v, 0.1 ms
RUN 100 ms
RD cells_cv.v
"""


def test_a_passive_cylinder_against_brian2() -> None:
    """Brian2's SpatialNeuron with a point current into its first compartment: potentials within 1e-9 of range."""
    kept, result = recorded("networks/brian2_spatialneuron_passive.npz"), run(CYLINDER)
    assert of_range(trace(result, "cells_cv.v")[:, kept["idx"]], kept["v"]) < 1e-9
    assert of_range(reading(result, "cells_cv.v"), kept["v_last"]) < 1e-9


# --- the tree's equations, solved densely -------------------------------------------------------------

TREE = """
branch soma: length 15 um, diameter 12 um
branch trunk from soma: length 90 um, diameter 4 um to 2 um
branch left from trunk: length 120 um, diameter 2 um to 0.7 um
branch right from trunk: length 70 um, diameter 1.2 um
branch axon from soma(0): length 60 um, diameter 1 um
cv: 3 per branch
ra = 120 ohm*cm
cm in left = 1.5 uF/cm2
place tip = left(1)
place side = right(0.4)
spikes at soma(0.5)
"""
LEAK = "MECH leak, pas, cells.all\nMECH extra, pas_too, cells.left"
OWN = """
.mechanism pas_too {
  uses:
    v : V
  adds:
    I += -(2 S/m2)*(v + 50 mV)
}
"""


def program(*lines: str, method: str = "implicit", n: int = 3) -> str:
    """The tree with leaks, all of it and more on one branch, n cells."""
    head = [OWN, f".cell one {{\n{TREE}\nmethod: {method}\n}}", f"POP cells, one, {n}", LEAK, "SET leak.e, -65 mV"]
    return "\n".join([*head, *lines])


def dense(steps: int, dt: float, current: Array, *, crank_nicolson: bool = False) -> Array:
    """Potentials of all CVs after implicit steps with currents into the CV of the tip, (steps + 1, CVs, cells), by NumPy."""
    cell = read_cell(f".cell one {{\n{TREE}\n}}", "tree")
    volumes, tip = cell.volumes, cell.volumes.at(cell.places["tip"])
    area, g = volumes.areas, np.zeros((cell.volumes.n, cell.volumes.n))
    for child, (parent, conductance) in enumerate(zip(volumes.parents, volumes.conductances, strict=True)):
        if parent >= 0:
            pair = [child, parent]
            g[np.ix_(pair, pair)] += conductance * np.array([[1, -1], [-1, 1]])
    extra = 2.0 * area * volumes.covered(cell.region("left") or ())
    leak = np.diag(10.0 * area + extra) + g
    factor = 2.0 if crank_nicolson else 1.0
    capacity = np.diag(volumes.capacities(cell.cm)) * factor / dt
    source = (-0.065 * 10.0 * area - 0.05 * extra)[:, None] + np.eye(volumes.n)[:, tip, None] * current[None, :]
    v = [np.full((volumes.n, len(current)), -0.065)]
    for _ in range(steps):
        solved = np.linalg.solve(capacity + leak, capacity @ v[-1] + source)
        v.append(2 * solved - v[-1] if crank_nicolson else solved)
    return np.array(v)


CURRENTS = np.array([0.0, 0.05e-9, -0.02e-9])


@pytest.mark.parametrize("method", ["implicit", "crank_nicolson"])
def test_a_tree_against_a_dense_solution(method: str) -> None:
    current = f"INP cells.I_tip, {CURRENTS.tolist()!r}"
    result = run(program(current, "REC cells_cv.v, 0.025 ms", "RUN 2 ms", "RD cells_cv.v", "RD cells.v_side", method=method))
    expected = dense(80, 0.025e-3, CURRENTS, crank_nicolson=method != "implicit")
    found = reading(result, "cells_cv.v").reshape(-1, 3)
    assert np.isfinite(expected).all()
    assert found == pytest.approx(expected[-1], rel=1e-12)
    assert trace(result, "cells_cv.v")[40].reshape(-1, 3) == pytest.approx(expected[40], rel=1e-12)
    cell = read_cell(f".cell one {{\n{TREE}\n}}", "tree")
    near, far, share = cell.volumes.probe(cell.places["side"])
    assert reading(result, "cells.v_side") == pytest.approx((1 - share) * found[near] + share * found[far], rel=1e-13)


def test_lanes_slices_and_bytecode_change_no_bit() -> None:
    lines = (f"INP cells.I_tip, {CURRENTS.tolist()!r}", "SET cells_cv.v0, -70 mV", *["RUN 1 ms"] * 2, "RD cells_cv.v")
    once = bioasm.run(program(*lines), seed=1)
    bytecode = to_bytes(assemble(program(*lines)))
    many = bioasm.run(from_bytes(bytecode), seed=1, lanes=11)
    for lane in range(11):
        assert np.array_equal(np.asarray(many.results[0].value)[lane], np.asarray(once.results[0].value)[0])


def test_places_see_where_the_program_puts_the_membrane() -> None:
    result = run(
        program("SET cells_cv.v0, -70 mV", "RD cells.v_side", "SET cells_cv.v, -60 mV", "RD cells.v_tip", "RUN 0.1 ms")
    )
    assert [np.unique(np.asarray(one.value)).round(9).tolist() for one in result.results] == [[-0.07], [-0.06]]


# --- closed forms and convergence ---------------------------------------------------------------------


def cable_end(n: int) -> float:
    """The potential in mV of the last of n CVs of a sealed cable, 50 pA into its near end, at last; 0 at rest."""
    text = f"""
        .cell cable {{
          branch tube: length 1000 um, diameter 2 um
          cv: {n} per branch
          ra = 150 ohm*cm
          place near = tube(0)
          place far = tube(1)
        }}
        POP cells, cable, 2
        MECH leak, pas, cells
        SET leak.g, 0.1 mS/cm2
        SET leak.e, 0 mV
        SET cells_cv.v0, 0 mV
        SET dt, 10 s
        INP cells.I_near, [0.05e-9, 0]
        RUN 500 s
        RD cells.cv_far
    """
    return float(reading(run(text), "cells.cv_far")[0]) * 1e3


def closed_form(n: int) -> float:
    """The same in the middle of that CV."""
    radius, rm, ra, length = 1e-6, 1.0, 1.5, 1e-3
    constant = np.sqrt(radius * rm / (2 * ra))
    infinite = ra * constant / (np.pi * radius**2)
    return float(0.05e-9 * infinite * np.cosh(length / n / 2 / constant) / np.sinh(length / constant) * 1e3)


def test_a_cable_of_2000_cvs_against_its_closed_form() -> None:
    assert cable_end(2000) == pytest.approx(closed_form(2000), abs=1e-6)


def test_the_error_is_of_second_order_in_the_length_of_cvs() -> None:
    errors = [abs(cable_end(n) - closed_form(n)) for n in (50, 100, 200)]
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([2, 2], abs=0.05)


@pytest.mark.parametrize(("method", "order"), [("implicit", 1), ("crank_nicolson", 2)])
def test_the_order_in_dt(method: str, order: int) -> None:
    """Against steps eight times as fine as the finest, of all CVs after 2 ms."""

    def at(dt: float) -> Array:
        lines = ("SET cells_cv.v0, -60 mV", f"SET dt, {dt} ms", "RUN 2 ms", "RD cells_cv.v")
        return reading(run(program(*lines, method=method)), "cells_cv.v")

    exact = at(0.025 / 32)
    errors = [worst(at(dt), exact) for dt in (0.05, 0.025)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)
