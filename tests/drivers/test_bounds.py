"""Time limit and target energy: a run ends between slices, and its Result says which bound ended it."""

from __future__ import annotations

import time

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers.bounds import TARGET, TIME_LIMIT, Bounds
from bioasm.drivers.registry import connect
from bioasm.runtime.options import Progress, RunOptions, check_options
from bioasm.runtime.rounding import rounding
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm import machine
from tests.results.samples import result

LONG = verify(
    assemble(
        """
MODEL ising
ALC 3
LDJ [[0, -1, -1], [-1, 0, -1], [-1, -1, 0]]
SIG 1
RUN 100000000 sweeps
RD best_energy
"""
    )
)


@pytest.mark.parametrize(
    ("options", "status"), [({"time_limit": 0.2}, TIME_LIMIT), ({"target": -1.0, "time_limit": 60.0}, TARGET)]
)
def test_a_bound_ends_a_long_run_of_the_machine(options: dict[str, float], status: str) -> None:
    began = time.monotonic()
    with connect("cpu") as driver:
        done = driver.run(LONG, RunOptions(seed=1, **options))
    assert (done.status, done.best_energy.tolist()) == (status, [-1.0])
    assert 0 < done.steps < 100_000_000
    assert time.monotonic() - began < 30


def test_a_time_limit_is_heard_between_slow_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing runs: a slice ends after an instruction of the host once its time is over."""
    program = verify(assemble("MODEL ising\nALC 3\nMOV r0, 60\nagain:\nRST\nLDS [1, 1, -1]\nLOOP r0, again\nHLT\n"))
    monkeypatch.setattr(machine, "_SLICE_SECONDS", 0.0)
    seen: list[Progress] = []

    def stop_late(progress: Progress) -> bool:
        seen.append(progress)
        return len(seen) < 100

    with connect("cpu") as driver:
        stopped = driver.run(program, RunOptions(), stop_late)
        assert (stopped.status, len(seen)) == ("interrupted", 100)
        assert driver.run(program, RunOptions(time_limit=1e-9)).status == TIME_LIMIT


def test_waiting_for_a_kernel_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 50.0, 52.0, 53.5])
    monkeypatch.setattr("bioasm.drivers.bounds.time.monotonic", lambda: next(clock))
    bounds = Bounds(RunOptions(time_limit=3.0), None)
    nan = float("nan")
    assert bounds(Progress(0, 0, nan, "compiling"))
    assert bounds(Progress(0, 9, nan))
    assert bounds(Progress(3, 9, nan))  # 2 s spent
    assert not bounds(Progress(5, 9, nan))


def test_a_target_that_is_missed_bounds_nothing() -> None:
    bounds = Bounds(RunOptions(target=-3.0), None)
    assert bounds(Progress(1, 2, -2.9))
    assert bounds(Progress(1, 2, float("nan")))
    assert bounds.named(result(status="interrupted")).status == "interrupted"


def test_a_target_is_reached_within_rounding() -> None:
    program = verify(assemble("MODEL ising\nALC 3\nLDH [0.1, 0.1, 0.1]\nRUN 1\n"))
    bounds = Bounds(RunOptions(target=-0.3), None, rounding(program, -0.3))
    assert bounds(Progress(1, 2, -0.3 + 1e-12))
    assert not bounds(Progress(1, 2, -0.3 + 1e-14))
    assert bounds.named(result(status="interrupted")).status == TARGET
    assert bounds.named(result(status="finished", best_energy=np.array([0.0]))).status == "finished"
    assert bounds.named(result(status="finished", best_energy=np.array([-0.3]))).status == TARGET


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e-9, 1.0, 1e9, 1e300])
def test_a_target_of_any_scale_is_reached_only_where_it_is(scale: float) -> None:
    """Two states of different energy, at a distance that an absolute tolerance would overlook."""
    text = f"MODEL ising\nALC 2\nLDH [{1.0 * scale!r}, {0.3 * scale!r}]\nLDS [1, -1]\nCLAMP [0, 1], [1, -1]\nRUN 1e8\n"
    with connect("cpu") as driver:
        reached = driver.run(verify(assemble(text)), RunOptions(target=-0.7 * scale))
        missed = driver.run(verify(assemble(text)), RunOptions(target=-0.7 * scale * (1 + 1e-11), fuel=5000))
    assert (reached.status, missed.status) == (TARGET, "out of fuel")


@pytest.mark.parametrize(
    ("loads", "wanted"),
    [
        ("LDJ [[0, -3], [-3, 0]]\nLDH [1, 0.25]\nLDO -7.5\n", 0.0),
        ("LDJ sparse(2) symmetric { 0 1 1024 }\nLDT terms(2) { 0 1 0.5 }\n", 0.0),
        ("LDH [3e-300, 1e300]\n", 2.0**-42 * 1e300),
        ("LDH [0.1, 0.1]\n", 2.0**-42 * 0.2),
        ("LDH [1, 1]\nMOV r0, 5\nLDO r0\n", 2.0**-42 * 9.0),
        ("", 0.0),
    ],
)
def test_how_far_an_energy_may_be_from_its_sum(loads: str, wanted: float) -> None:
    """Nothing where all numbers are whole multiples of one power of two; else a share of what is added up."""
    assert rounding(verify(assemble(f"MODEL ising\nALC 2\n{loads}RUN 1\n")), 7.0) == wanted


def test_a_stop_by_the_observer_stays_an_interruption() -> None:
    bounds = Bounds(RunOptions(target=0.0), lambda _: False)
    assert not bounds(Progress(1, 2, -1.0))
    assert bounds.named(result(status="interrupted")).status == "interrupted"


@pytest.mark.parametrize("options", [{"time_limit": 0.0}, {"time_limit": float("nan")}, {"target": float("nan")}])
def test_bounds_that_are_none_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(BioasmError) as caught:
        check_options(RunOptions(**options), 3)
    assert caught.value.diagnostics[0].code == "B406"
