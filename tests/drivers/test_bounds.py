"""Time limit and target energy: a run ends between slices, and its Result says which bound ended it."""

from __future__ import annotations

import time

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers.bounds import TARGET, TIME_LIMIT, Bounds
from bioasm.drivers.registry import connect
from bioasm.runtime.options import Progress, RunOptions, check_options
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
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
    bounds = Bounds(RunOptions(target=-0.3), None)
    assert not bounds(Progress(1, 2, -(0.1 + 0.1 + 0.1 - 1e-12)))
    assert bounds.named(result(status="interrupted")).status == TARGET
    assert bounds.named(result(status="finished")).status == "finished"


def test_a_stop_by_the_observer_stays_an_interruption() -> None:
    bounds = Bounds(RunOptions(target=0.0), lambda _: False)
    assert not bounds(Progress(1, 2, -1.0))
    assert bounds.named(result(status="interrupted")).status == "interrupted"


@pytest.mark.parametrize("options", [{"time_limit": 0.0}, {"time_limit": float("nan")}, {"target": float("nan")}])
def test_bounds_that_are_none_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(BioasmError) as caught:
        check_options(RunOptions(**options), 3)
    assert caught.value.diagnostics[0].code == "B406"
