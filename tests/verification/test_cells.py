"""Cells of cable against Brian2's SpatialNeuron: what is wrong in a small way in their geometry or solution is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bioasm.morphology.volumes import Probe, Volumes
from bioasm.verification.verify import Report
from tests.verification.support import compared, row

FORKED = """\
.cell forked {
  branch trunk: length 100 um, diameter 3 um to 1 um
  branch left from trunk: length 80 um, diameter 1 um
  branch right from trunk: length 60 um, diameter 0.8 um
  cv: 4 per branch
  ra = 150 ohm*cm
  place tip = right(0.8)
}
    POP cells, forked, 1
    MECH leak, pas, cells.left
    MECH channels, hh_channels, cells.trunk
    INP cells.I, 0.1 nA
    RUN 3 ms
    RD cells_cv.v
"""
A_MILLIONTH = 1.000001


def wrong_call(name: str, change: Callable[[Any], Any]) -> Any:
    """A method of Volumes whose result is changed."""
    right = Volumes.__dict__[name]
    return lambda volumes, *arguments: change(right(volumes, *arguments))


def against_brian2() -> Report:
    return compared(FORKED)


def test_a_right_cell_agrees() -> None:
    report = against_brian2()
    assert report.agrees and report.piece is None
    assert row(report, "cells_cv.v").deviation < 1e-12
    assert 0.0 < row(report, "channels.m").deviation < 1e-10  # two computations, and not one


def test_other_conductances_between_control_volumes_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Volumes.__dict__["conductances"].func
    monkeypatch.setattr(Volumes, "conductances", property(lambda volumes: right(volumes) * A_MILLIONTH))
    report = against_brian2()
    assert not report.agrees and not row(report, "cells_cv.v").within


@pytest.mark.parametrize("name", ["area", "capacities", "covered"])
def test_another_membrane_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Volumes, name, wrong_call(name, lambda found: found * A_MILLIONTH))
    assert not row(against_brian2(), "cells_cv.v").within


def test_another_potential_between_control_volumes_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = wrong_call("probe", lambda probe: Probe(probe.near, probe.far, probe.share * 1.001))
    monkeypatch.setattr(Volumes, "probe", wrong)
    report = against_brian2()
    assert row(report, "cells_cv.v").within
    assert not row(report, "cells.v_tip").within


def test_another_scheme_in_time_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.vm.names.METHODS", ("", "implicit"))  # the machine takes implicit for Crank-Nicolson
    assert not row(against_brian2(), "cells_cv.v").within
