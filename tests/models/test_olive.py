"""The inferior-olive compartments, alone and coupled, against the mirror of the arbor_pycat document."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from bioasm.results import Result
from tests.models.mirrors import Array, arbor, olive
from tests.models.run import literal, run, spikes, trace
from tests.models.support import worst

PROGRAMS = Path(__file__).resolve().parents[2] / "programs"
SWITCHES = {"corrected": (False, True), "corrected explicit": (False, False), "pycat": (True, False)}
PARTS = {
    "soma": (olive.Soma, "klhnx", 1000.0),
    "dend": (olive.Dendrite, ("ca", "r", "s", "q"), 3000.0),
    "axon": (olive.Axon, "hx", 300.0),
}
NAMES = {"soma": "soma", "dend": "dendrite", "axon": "axon"}


def switched(name: str, case: str) -> list[str]:
    """The settings of a population for one of SWITCHES."""
    original, implicit = SWITCHES[case]
    return [
        f"SET {name}.currents, {'pycat' if original else 'corrected'}",
        f"SET {name}.voltage, {'implicit' if implicit else 'explicit'}",
    ]


@cache
def alone(case: str, dt: float = 0.025, v0: float = -60.0, clamp: float = 0.0, steps: int = 2000, parts: int = 1) -> Result:
    """The three compartments beside each other, with a current clamp of so many nA from step 400 to 800."""
    lines = [f"POP {name}, olive_{name}, 1" for name in PARTS] + [f"SET dt, {dt!r} ms"]
    drive = np.zeros((steps, 1))
    drive[400:800] = clamp * 1e-9
    for name in PARTS:
        lines += [*switched(name, case), f"SET {name}.v0, {v0!r} mV"]
    for name in PARTS:
        lines.append(f"PLAY {name}.I_clamp, {literal(drive)}, {dt!r} ms")
        lines += [f"REC {name}.{x}" for x in ("v", *PARTS[name][1])]
    return run("\n".join([*lines, *[f"RUN {steps * dt / parts!r} ms"] * parts, ""]))


def mirror(name: str, case: str, dt: float, v0: float, clamp: float, steps: int = 2000) -> arbor.Run:
    """The same compartment in the mirror."""
    kind, _, area = PARTS[name]
    original, implicit = SWITCHES[case]
    clamps = [arbor.Clamp(400 * dt, 400 * dt, clamp)] if clamp else []
    cable = arbor.Cable.single(area, v0=v0)
    return arbor.simulate(cable, [arbor.Paint(kind())], steps, dt, clamps, -30.0, original=original, implicit=implicit)


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize(
    ("case", "dt", "v0", "clamp"),
    [
        ("pycat", 0.1, -60.0, 0.0),
        ("pycat", 0.025, -60.0, 0.1),
        ("pycat", 0.025, -45.0, -0.05),
        ("corrected", 0.025, -60.0, 0.0),
        ("corrected", 0.1, -60.0, 0.0),
        ("corrected", 0.025, -75.0, 0.3),
        ("corrected explicit", 0.005, -60.0, 0.0),
    ],
)
def test_compartment_alone(name: str, case: str, dt: float, v0: float, clamp: float) -> None:
    result, expected = alone(case, dt, v0, clamp), mirror(name, case, dt, v0, clamp)
    first = list(PARTS).index(name)
    assert worst(trace(result, f"{name}.v")[:, 0] * 1e3, expected.v[:, 0]) < 1e-9
    assert spikes(result, first, 1)[:, 0].tolist() == expected.spikes[:, 0].tolist()
    for x in PARTS[name][1]:
        reference = expected.states[NAMES[name]][x][:, 0]
        assert worst(trace(result, f"{name}.{x}")[:, 0], reference) < 1e-9 * max(1.0, np.abs(reference).max())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("soma", {714: -23.01897730259656, 4999: -30.981167362252247}),
        ("dend", {714: -66.5244590744177, 4999: -48.604179292749706}),
        ("axon", {714: -54.57626377813296, 4999: -51.152305788418}),
    ],
)
def test_compartment_as_the_real_arbor_pycat_has_it(name: str, expected: dict[int, float]) -> None:
    v = trace(alone("pycat", 0.1, steps=5000), f"{name}.v")[:, 0] * 1e3
    assert v[list(expected)] == pytest.approx(list(expected.values()), abs=1e-9)


def test_compartments_continued_equal_one_long_run() -> None:
    parts, whole = (alone("corrected", parts=k) for k in (2, 1))
    assert all((trace(parts, f"{name}.v") == trace(whole, f"{name}.v")).all() for name in PARTS)


# --- coupled ----------------------------------------------------------------------------------------

OWN = {"soma": [*"klhnx"], "dend": ["ca", *"rsq"], "axon": ["h_axon", "x_axon"]}


@cache
def coupled(case: str, *settings: str, steps: int = 1000, clamp: float = 0.0, parts: int = 1) -> Result:
    """One neuron of three compartments, with a clamp into the soma from step 400 to 800."""
    drive = np.zeros((steps, 1))
    drive[400:800] = clamp * 1e-9
    lines = ["POP cell, olive, 1", *switched("cell", case), *settings, f"PLAY cell.I_clamp, {literal(drive)}, 0.025 ms"]
    lines += [f"REC cell.{x}" for x in ("v", "v_dend", "v_axon", *(x for names in OWN.values() for x in names))]
    return run("\n".join([*lines, *[f"RUN {steps * 0.025 / parts!r} ms"] * parts, ""]))


def potentials(result: Result) -> Array:
    """Soma, dendrite and axon in mV (steps, 3)."""
    return np.concatenate([trace(result, f"cell.{x}") for x in ("v", "v_dend", "v_axon")], axis=1) * 1e3


GEOMETRIES = {
    "defaults": ((), {}),
    "tight": (
        ("SET cell.g_soma_dend, 200 nS", "SET cell.g_soma_axon, 50 nS"),
        {"axial": (0.2, 0.05)},
    ),
    "other areas": (
        ("SET cell.area_soma, 500 um2", "SET cell.area_dend, 9000 um2", "SET cell.area_axon, 100 um2"),
        {"areas": (500.0, 9000.0, 100.0)},
    ),
    "apart": (("SET cell.g_soma_dend, 0 nS", "SET cell.g_soma_axon, 0 nS"), {"axial": (0.0, 0.0)}),
}


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize(("case", "clamp"), [("pycat", 0.0), ("pycat", 0.2), ("corrected", 0.0), ("corrected", 0.5)])
def test_coupled(geometry: str, case: str, clamp: float) -> None:
    settings, how = GEOMETRIES[geometry]
    result = coupled(case, *settings, clamp=clamp)
    original, implicit = SWITCHES[case]
    clamps = [arbor.Clamp(10, 10, clamp)]
    expected = olive.coupled(1000, original=original, implicit=implicit, clamps=clamps, threshold=-30.0, **how)  # type: ignore[arg-type]
    assert worst(potentials(result), expected.v) < 1e-9
    assert spikes(result)[:, 0].tolist() == expected.spikes[expected.spikes[:, 1] == 0, 0].tolist()
    for cv, (part, names) in enumerate(OWN.items()):
        for x in names:
            reference = expected.states[NAMES[part]][x.removesuffix("_axon")]
            assert worst(trace(result, f"cell.{x}"), reference) < 1e-9 * max(1.0, np.abs(reference).max()), (cv, x)


def test_coupled_as_the_real_arbor_pycat_has_it() -> None:
    # dendrite, soma and axon as cylinders in a row; recorded from Arbor 0.12.2 with arbor_pycat
    radius, length = np.array([2.0, 10.0, 1.0]), np.array([50.0, 20.0, 30.0])
    areas, half = 2 * np.pi * radius * length, length / 2 / (np.pi * radius**2)
    axial = [1e3 / (half[0] + half[1]), 1e3 / (half[1] + half[2])]  # rL = 100 ohm cm: nS
    settings = [
        *(f"SET cell.area_{x}, {float(a)!r} um2" for x, a in zip(("dend", "soma", "axon"), areas, strict=True)),
        f"SET cell.g_soma_dend, {float(axial[0])!r} nS",
        f"SET cell.g_soma_axon, {float(axial[1])!r} nS",
    ]
    v = potentials(coupled("pycat", *settings, steps=2000, clamp=0.0))
    cable = arbor.Cable(areas[[1, 0, 2]], np.array([-1, 0, 0]), np.array([0.0, *axial]) / 1e3, v0=-60.0)
    paints = [arbor.Paint(part(), [k]) for k, part in enumerate((olive.Soma, olive.Dendrite, olive.Axon))]
    assert worst(v, arbor.simulate(cable, paints, 2000, original=True).v) < 1e-9


@pytest.mark.parametrize("case", ["corrected", "pycat"])
def test_painted_on_a_cell_of_cable(case: str) -> None:
    """The program's dendrite, soma and axon: the geometry of the recording above, with axial resistances from the shape."""
    radius, length = np.array([2.0, 10.0, 1.0]), np.array([50.0, 20.0, 30.0])
    half = length / 2 / (np.pi * radius**2)
    axial = np.array([0.0, 1 / (half[0] + half[1]), 1 / (half[1] + half[2])])
    switches = [f"    SET {x}.currents, pycat\n    SET {x}.voltage, explicit\n" for x in PARTS] if case == "pycat" else []
    text = (PROGRAMS / "olive_cell.basm").read_text(encoding="utf-8").replace("    SET", "".join(switches) + "    SET", 1)
    original, implicit = SWITCHES[case]
    cable = arbor.Cable(2 * np.pi * radius * length, np.array([-1, 0, 1]), axial, v0=-60.0)
    paints = [arbor.Paint(part(), [k]) for k, part in enumerate((olive.Dendrite, olive.Soma, olive.Axon))]
    expected = arbor.simulate(cable, paints, 2000, original=original, implicit=implicit)
    assert worst(trace(run(text), "cells_cv.v") * 1e3, expected.v) < 1e-9


def test_coupled_continued_equals_one_long_run() -> None:
    parts, whole = (coupled("corrected", parts=k) for k in (2, 1))
    assert (potentials(parts) == potentials(whole)).all()


def test_calcium_current_reaches_the_membrane_where_it_is_asked_to() -> None:
    shares = [
        run(f"POP dend, olive_dend, 1\nSET dend.share, {share}\nREC dend.v\nRUN 20 ms\n").recordings["dend.v"].values[0, -1, 0]
        for share in (0, 1)
    ]
    assert shares[1] - shares[0] == pytest.approx(4.85e-5, rel=0.01)
