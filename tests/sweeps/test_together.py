"""Points of a sweep as lanes of one run: the folder that a run for each point leaves, and who stays alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions, find_driver
from bioasm.sweeps import Sweep, prepared, run_plan, together
from bioasm.sweeps.plan import Plan
from bioasm.sweeps.values import axes_of
from bioasm.verifier.gate import verify
from tests.command import bioasm as command
from tests.sweeps.support import MEMBRANES, SPINS, files, threads
from tests.sweeps.test_lane_values import CASES, SPIKES

NOISY = MEMBRANES.replace("SIG 3 mV", "SIG S").replace("ALC 4", ".const S = 3 mV\nALC 4", 1)
STARTS = SPIKES.replace("RUN 20 ms", "SET a.v, normal(-60 mV, 2 mV, -80 mV, -51 mV) per lane\nRUN 20 ms", 1)
EVENTS = """
.const A = 9 mV
.model watched {
  parameters:
    tau = 10 ms > 0
  noise: sigma = 1 mV
  inputs:
    I : V
  state:
    v = 0 mV
  step:
    dv/dt = (I - v)/tau + sigma*sqrt(2/tau)*xi
  spike: v > 8 mV
  reset:
    v := 0 mV
  event warn: v > 5 mV
}
POP cells, watched, 2
INP cells.I, A
REC cells.warn
RUN 20 ms
RD cells.warn
"""
LADDER = SPINS + "MOV r5, 3\nfurther:\nSIG up\nRUN 2\nLOOP r5, further\nRD energy\n"
LADDER = '.const up = "1 + lane/lanes"\n' + LADDER
SWEEPS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "spins": CASES["spins"],
    "spins, real": CASES["spins, real"],
    "readings over lanes": (SPINS, {"T": [1, 2, 3, 4, 5]}),
    "a ladder beside": (LADDER, {"T": [1, 2]}),
    "membranes": (NOISY, {"S": [1e-3, 2e-3, 3e-3, 5e-3]}),
    "events": (EVENTS, {"A": [8e-3, 9e-3, 30e-3]}),
    "starts of lanes": (STARTS, {"R": [100, 400], "W": [1e-3, 3e-3, 5e-3]}),
    "spikes one by one": CASES["spikes one by one"],
    "connections that learn": CASES["connections that learn"],
}


def planned(text: str, given: Mapping[str, Any], lanes: int, **options: Any) -> Plan:
    axes = {name: list(dict.fromkeys(values)) for name, values in [*given.items()][:2]}
    return prepared(text, axes_of(axes), 2, lanes=lanes, **options)


@pytest.mark.parametrize("lanes", [1, 3, 7])
@pytest.mark.parametrize("name", SWEEPS)
def test_folder_is_that_of_a_run_for_each_point(name: str, lanes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(*SWEEPS[name], lanes)
    assert plan.apart == ""
    count, in_parts = [0], together.in_parts

    def counted(*given: Any) -> Any:
        found = in_parts(*given)
        count[0] += found is not None
        return found

    monkeypatch.setattr(together, "in_parts", counted)
    run_plan(plan, tmp_path / "together", threads)
    assert count[0] > 0
    run_plan(replace(plan, apart="one by one"), tmp_path / "alone", threads)
    assert files(tmp_path / "together") == files(tmp_path / "alone")


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        (SPINS, {"lanes": 9}, "9 lanes fill"),
        (SPINS, {"lanes": 4, "pieces": 2}, "pieces"),
        (SPINS, {"lanes": 1, "driver": "brian2"}, "driver brian2"),
        (SPINS.replace("MOV r0, 4", "MOV r0, T"), {"lanes": 1}, "line 11: T can't have values of the lanes' own, for MOV"),
        (SPINS.replace("OUT r4, root", "JLT r4, 0, again"), {"lanes": 1}, "reads over all lanes"),
    ],
)
def test_why_points_stay_alone(text: str, options: dict[str, Any], why: str) -> None:
    assert why in planned(text, {"T": [1, 2]}, **options).apart


def test_a_point_at_fault_fails_alone(tmp_path: Path) -> None:
    text = NOISY.replace("RUN 30 ms", "MOV r5, 1\nRUN 30 ms") + "CLAMP 0, S\nSET v, S\nDIV r5, r5, 0\nSET v, r5\nRUN 1 ms\n"
    swept = bioasm.sweep(text, tmp_path / "f", set={"S": [1e-3, 2e-3]}, executor=threads)
    assert sorted(swept.failures) == [0, 1]


def test_points_that_are_there_are_not_run_again(tmp_path: Path) -> None:
    plan = planned(SPINS, {"T": [1, 2, 3, 4, 5]}, 2)
    made = run_plan(plan, tmp_path / "f", threads)
    whole = files(tmp_path / "f")
    for at in (0, 3, 7):
        made.store.result(made.points[at]).unlink()
    again: Sweep = run_plan(plan, tmp_path / "f", threads)
    assert not again.missing
    assert files(tmp_path / "f") == whole


def test_each_worker_has_some() -> None:
    plan = planned(SPINS, {"T": [1, 2, 3, 4, 5]}, 1)
    points = list(plan.points())
    assert [len(task) for task in plan.tasks(points, lambda point: list(point.jobs))] == [5, 5]
    assert [len(task) for task in plan.tasks(points, lambda point: list(point.jobs), workers=4)] == [3, 2, 3, 2]
    assert [len(task) for task in replace(plan, apart="x").tasks(points, lambda point: list(point.jobs))] == [1] * 10


def test_copies_are_refused_where_they_can_not_be() -> None:
    with pytest.raises(BioasmError, match="B406.*copies"):
        find_driver("cpu")().run(verify(bioasm.assemble(SPINS)), RunOptions(lanes=7, copies=2))


def test_plan_is_told_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.basm").write_text(SPINS)
    told = command("sweep", "p.basm", "--set", "T=1:2:20", "--seeds", 2, "-o", "f", "--plan")
    assert told.code == 0
    assert "40 points, 0 of them in f" in told.text
    assert "lanes of one run" in told.text
    assert not Path("f").exists()
    alone = command("sweep", "p.basm", "--set", "T=1:2:20", "--lanes", 16, "-o", "f", "--plan")
    assert "a run for each point: 16 lanes fill the vector units" in alone.text
