"""The mechanisms of the arbor_pycat document on the machine, against the mirror of arbor_pycat and of the right physics."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from bioasm.results import Result
from tests.models.mirrors import Array, arbor
from tests.models.run import literal, run, spikes, trace
from tests.models.support import AREA, worst

# All tests use one kernel: every mechanism is there, and those that a case is not about have their current taken away.
READER = """\
.mechanism reader {
  "a calcium conductance that reads the shared concentration and reversal potential"
  parameters:
    g = 0 S/cm2 >= 0
    per_mM = 0
    factor = 1
    voltage = 1
  uses:
    v : V
    cai : mM
    eca : V
  adds:
    I += -factor*g*(1 + per_mM*cai/(1 mM))*(voltage*v + (1 - voltage)*held(v) - eca)
}
"""
NAMES = ("passive", "example", "custom_hh")


@cache
def cell(*given: str, v0: float = -65.0, dt: float = 0.025, steps: int = 400, parts: int = 1, clamp: Any = ()) -> Result:
    """A membrane whose mechanisms named in `given` take part, with their settings; others carry no current."""
    taking = {line.split(".")[0].removeprefix("SET ") for line in given}
    drive = np.zeros((steps, 1))
    for start, stop, nA in clamp:
        drive[start:stop] += nA * 1e-9
    lines = [
        READER,
        "POP cell, membrane, 1",
        *(f"MECH {name}, {name}, cell" for name in (*NAMES, "reader")),
        f"SET dt, {dt!r} ms",
        f"SET cell.area, {AREA!r} um2",
        f"SET cell.v0, {v0!r} mV",
        *(f"SET {name}.currents, lost" for name in NAMES if name not in taking),
        *(f"SET {line.removeprefix('SET ')}" for line in given),
        f"PLAY cell.I_clamp, {literal(drive)}, {dt!r} ms",
        *(f"REC {x}" for x in ("cell.v", "example.x", "example.y", "example.cai", "custom_hh.m", "custom_hh.h", "custom_hh.n")),
        *[f"RUN {steps * dt / parts!r} ms"] * parts,
        "",
    ]
    return run("\n".join(lines))


def original(name: str) -> tuple[str, str]:
    """The settings that make a mechanism that of arbor_pycat."""
    return f"{name}.currents, pycat", f"{name}.voltage, explicit"


def right(name: str, voltage: str = "implicit") -> tuple[str, str]:
    """The settings of the right physics."""
    return f"{name}.currents, corrected", f"{name}.voltage, {voltage}"


def mirror(*mechanisms: arbor.Mechanism, v0: float = -65.0, dt: float = 0.025, steps: int = 400, **how: Any) -> arbor.Run:
    paints = [arbor.Paint(mechanism) for mechanism in mechanisms]
    return arbor.simulate(arbor.Cable.single(AREA, v0=v0), paints, steps, dt, **how)


def mV(result: Result) -> Array:
    """The potential before each step in mV."""
    return trace(result, "cell.v")[:, 0] * 1e3


# --- passive ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("v0", [-65.0, 30.0])
@pytest.mark.parametrize("clamp", [(), ((40, 120, 0.05),)])
def test_passive_of_the_original(v0: float, clamp: tuple[tuple[int, int, float], ...]) -> None:
    result = cell(*original("passive"), v0=v0, clamp=clamp)
    clamps = [arbor.Clamp(a * 0.025, (b - a) * 0.025, i) for a, b, i in clamp]
    assert worst(mV(result), mirror(arbor.Passive(), v0=v0, clamps=clamps, original=True).v[:, 0]) < 1e-9


@pytest.mark.parametrize("voltage", ["implicit", "explicit"])
def test_passive_corrected(voltage: str) -> None:
    result = cell(*right("passive", voltage), clamp=((40, 120, 0.05),))
    expected = mirror(arbor.Passive(), clamps=[arbor.Clamp(1, 2, 0.05)], implicit=voltage == "implicit")
    assert worst(mV(result), expected.v[:, 0]) < 1e-9


def test_passive_as_the_real_arbor_pycat_has_it() -> None:
    result = cell(*original("passive"), dt=0.01, steps=500, clamp=((100, 300, 0.05),))
    recorded = {71: -31.842867745273352, 166: 9.179450754061271, 333: 25.191513583035906, 499: 4.75003232620838}
    assert mV(result)[list(recorded)] == pytest.approx(list(recorded.values()), abs=1e-9)


def test_missing_factor_of_the_original_is_ten() -> None:
    slopes = [
        mV(cell(f"passive.currents, {word}", "passive.voltage, explicit", dt=0.001))[1] + 65 for word in ("corrected", "pycat")
    ]
    assert slopes[0] / slopes[1] == pytest.approx(10, rel=1e-9)
    assert slopes[0] == pytest.approx(65 * 10 * 1e-3, rel=1e-9)  # 10 mS/cm2 times 65 mV over 1 uF/cm2, for 1 us


# --- example and calcium ----------------------------------------------------------------------------


def test_example_of_the_original() -> None:
    result, expected = cell(*original("example"), v0=10.0), mirror(arbor.Example(), original=True)
    assert worst(mV(result), expected.v[:, 0]) < 1e-9
    for name in "xy":
        assert worst(trace(result, f"example.{name}")[:, 0] * 1e3, expected.states["example"][name][:, 0]) < 1e-9
    assert worst(trace(result, "example.cai")[:, 0], expected.ions["ca.internal"][:, 0]) < 1e-9


def test_example_corrected() -> None:
    result, expected = cell(*right("example"), v0=10.0), mirror(arbor.Example(), implicit=True)
    assert worst(mV(result), expected.v[:, 0]) < 1e-9


def test_example_corrected_and_explicit_needs_a_short_step() -> None:
    result = cell(*right("example", "explicit"), v0=10.0, dt=0.01)
    assert worst(mV(result), mirror(arbor.Example(), dt=0.01).v[:, 0]) < 1e-9
    assert np.abs(mV(result)).max() < 11
    assert np.abs(mV(cell(*right("example", "explicit"), v0=10.0, steps=9))).max() > 100


def test_example_as_the_real_arbor_pycat_has_it() -> None:
    result = cell(*original("example"), v0=10.0, steps=800)
    recorded = {114: 0.952956898151561, 533: -0.931230710982816, 799: -0.6666600279223766}
    assert mV(result)[list(recorded)] == pytest.approx(list(recorded.values()), abs=1e-9)


def test_currents_of_mechanisms_add() -> None:
    result = cell(*right("example"), *right("passive"), v0=10.0)
    expected = mirror(arbor.Example(), arbor.Passive(), implicit=True)
    assert worst(mV(result), expected.v[:, 0]) < 1e-9


def test_in_the_original_the_last_mechanism_wins() -> None:
    result = cell("example.currents, lost", *original("passive"), v0=10.0)
    assert worst(mV(result), mirror(arbor.Example(), arbor.Passive(), original=True).v[:, 0]) < 1e-9
    assert mV(result)[[28, 199]] == pytest.approx([4.921859810959529, 0.06485127576380033], abs=1e-9)  # of the real one


def test_example_beside_hh_as_the_real_arbor_pycat_has_it() -> None:
    lines = ["POP cell, membrane, 1", "MECH example, example, cell", "MECH hh, hh_channels, cell", "SET cell.v0, 10 mV"]
    lines += [f"SET {line}" for line in original("example")]
    result = run("\n".join([*lines, "REC cell.v", "RUN 5 ms", ""]))
    assert worst(mV(result), mirror(arbor.Example(), arbor.Hh(), steps=200, original=True).v[:, 0]) < 1e-9
    assert mV(result)[[28, 199]] == pytest.approx([-52.10173714510316, -35.66562751013123], abs=1e-9)


@pytest.mark.parametrize("per_mM", [0.0, 0.05])
def test_another_mechanism_reads_the_shared_calcium(per_mM: float) -> None:
    settings = ("reader.g, 0.001 S/cm2", f"reader.per_mM, {per_mM}")
    result = cell(*right("example"), *settings, v0=10.0)
    expected = mirror(arbor.Example(), arbor.CalciumLeak(1e-3, per_mM), implicit=True)
    assert worst(mV(result), expected.v[:, 0]) < 1e-9
    assert worst(mV(result), mV(cell(*right("example"), v0=10.0))) > 0.1


def test_a_reader_of_calcium_as_the_real_arbor_pycat_has_it() -> None:
    settings = ("reader.g, 0.01 S/cm2", "reader.per_mM, 0.05", "reader.factor, 0.1", "reader.voltage, 0")
    result = cell("example.currents, lost", "example.voltage, explicit", *settings, v0=10.0)
    assert mV(result)[[28, 66, 199]] == pytest.approx([19.02924304931812, 19.950643230509186, 19.999998451856804], abs=1e-9)


def test_calcium_of_a_membrane_where_nobody_writes_it() -> None:
    lines = ["POP cell, membrane, 1", "MECH ca, calcium, cell", "MECH reader, reader, cell", "SET reader.g, 1e-4 S/cm2"]
    text = "\n".join([READER, *lines, "REC cell.v", "RUN 5 ms", ""])
    expected = mirror(arbor.CalciumLeak(1e-4), steps=200, implicit=True)
    assert worst(mV(run(text)), expected.v[:, 0]) < 1e-9
    assert expected.ions["ca.reversal"][0, 0] == 132.5


# --- custom_hh --------------------------------------------------------------------------------------


def test_custom_hh_of_the_original() -> None:
    result = cell(*original("custom_hh"), "custom_hh.timing, pycat", steps=8400)
    expected = mirror(arbor.CustomHh(), steps=8400, original=True, accumulated=True)
    assert len(expected.spikes) == 2
    assert worst(mV(result), expected.v[:, 0]) < 1e-9
    for name in "mhn":
        assert worst(trace(result, f"custom_hh.{name}")[:, 0], expected.states["custom_hh"][name][:, 0]) < 1e-9
    assert (spikes(result) == expected.spikes).all()


def test_custom_hh_as_the_real_arbor_pycat_has_it() -> None:
    result = cell(*original("custom_hh"), "custom_hh.timing, pycat", steps=8400)
    assert mV(result)[[3870, 4000, 8000]] == pytest.approx(
        [-60.08228352667257, 14.556882203038214, 14.65180576456234], abs=1e-9
    )


class Counted(arbor.CustomHh):
    """The mirror's mechanism with its time counted in steps."""

    def advance(self, v: Array, x: arbor.States, dt: float, ions: arbor.Ions) -> arbor.States:
        """As the original, but t is the whole number of steps times dt."""
        moved = super().advance(v, x, dt, ions)
        return moved | {"t": np.round(np.round(x["t"] / dt + 1) * dt, 9)}


@pytest.mark.parametrize("voltage", ["implicit", "explicit"])
def test_custom_hh_corrected(voltage: str) -> None:
    result = cell(*right("custom_hh", voltage), steps=4400)
    expected = mirror(Counted(), steps=4400, implicit=voltage == "implicit")
    assert len(expected.spikes)
    assert worst(mV(result), expected.v[:, 0]) < 1e-9
    assert (spikes(result) == expected.spikes).all()


@pytest.mark.parametrize("dt", [0.025, 0.05, 0.1])
def test_custom_hh_pulses_in_the_last_five_ms_of_each_hundred(dt: float) -> None:
    closed = [f"custom_hh.{g}, 0 S/cm2" for g in ("gna", "gk", "gl")]
    result = cell(*right("custom_hh"), *closed, "custom_hh.pulse, 5 uA/cm2", dt=dt, steps=round(205 / dt))
    moving = np.flatnonzero(np.diff(mV(result)) != 0)
    period, edge = round(100 / dt), round(95 / dt)
    assert moving.tolist() == [*range(edge + 1, period), *range(period + edge + 1, 2 * period)]


def test_custom_hh_continued_equals_one_long_run() -> None:
    parts, whole = (cell(*right("custom_hh"), steps=4400, parts=k) for k in (2, 1))
    assert all((trace(parts, x) == trace(whole, x)).all() for x in ("cell.v", "custom_hh.m", "custom_hh.n"))
