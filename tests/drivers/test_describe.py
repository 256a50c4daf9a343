"""What Results say of their own numbers: units, thresholds and the schedule of the noise."""

from __future__ import annotations

from typing import Any

import pytest

from bioasm.drivers.describe import unit_of
from bioasm.drivers.registry import connect
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

LIF = """
    MODEL lif_critical
    ALC 2
    REC v, 1 ms
    REC s, 1 ms
    {sig}
    RUN 20 ms
"""
ISING = "MODEL ising\nALC 2\nLDJ [[0, 1], [1, 0]]\n"


def about(text: str, **parameters: float) -> dict[str, Any]:
    with connect("cpu") as driver:
        return dict(driver.run(verify(assemble(text)), RunOptions(seed=1, parameters=parameters)).about)


def test_recordings_have_units_and_a_threshold() -> None:
    found = about(LIF.format(sig=""))
    assert found["units"] == {"v": "V", "s": ""}
    assert found["thresholds"] == {"v": pytest.approx(-0.05)}
    assert found["trace_every"] == pytest.approx(1e-3)


def test_each_recording_of_a_variable_has_its_unit() -> None:
    verified = verify(assemble("POP a, lif, 2\nPOP b, lif, 2\nREC b.v\nREC b[0:1].v\nRUN 1 ms\nREC b.v\nRUN 1 ms\n"))
    names = ["b.v", "b.v.2", "b[0:1].v", "a.v", "v", "w.v", "v.w"]
    assert [unit_of(verified, name) for name in names] == ["V", "V", "V", "V", "V", "", ""]


def test_states_of_connections_are_told_apart() -> None:
    wire = "POP a, lif, 2\nPOP b, lif, 2\nSYN w, a, b\nCON w, all\nVIA w, stdp_pair\nSET w.weight, 1 mV\n"
    found = about(f"{wire}REC w.apre, 1 ms\nRUN 2 ms\nRD w.w\nRD w.pre\nRD b.v\n")
    assert found["connections"] == {"w.apre": "", "w.w": ""}


def test_the_threshold_is_that_of_the_run() -> None:
    assert about(LIF.format(sig=""), Vt=-0.04)["thresholds"] == {"v": -0.04}
    assert about(LIF.format(sig="SET Vt, -45 mV"))["thresholds"] == {"v": pytest.approx(-0.045)}
    assert "thresholds" not in about(LIF.format(sig="SET Vt, [-0.05, -0.04]"))


def test_a_schedule_by_a_loop_is_followed() -> None:
    loop = "MOV r0, 3\nMOV r1, 8\nagain:\nSIG r1\nRUN 2 sweeps\nMUL r1, r1, 0.5\nLOOP r0, again\n"
    noise = about(ISING + loop)["noise"]
    assert (noise["t"].tolist(), noise["level"].tolist()) == ([0, 2, 4], [8, 4, 2])


@pytest.mark.parametrize(
    "rest",
    [
        "SIG 1\nRUN 4 sweeps\n",  # one level is no schedule
        "MOV r0, 9\nagain:\nSIG 1\nRUN 2 sweeps\nSIG 2\nRUN 1 sweeps\nLOOP r0, again\n",  # its rounds are not gone through
        "SIG 1\nRUN 2 sweeps\nGET r0, best_energy\nABS r0, r0\nSIG r0\nRUN 2 sweeps\n",  # what is computed decides
    ],
)
def test_without_a_schedule_that_is_known_there_is_none(rest: str) -> None:
    assert "noise" not in about(ISING + rest)
