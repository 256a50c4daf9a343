"""What a driver declares of itself changes what the kit asks of it: no repetition from cells, no instant stop from afar."""

from __future__ import annotations

from dataclasses import replace
from unittest import SkipTest

import pytest

from bioasm.drivers import Observer, RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.results import Result
from bioasm.testing.kit import Check, checks
from bioasm.verifier.gate import Verified

BY_NAME = {one.name: one for one in checks()}
REPEATING = [
    "the_same_seed_gives_the_same_result_ising",
    "threads_do_not_matter_ising",
    "a_lane_does_not_depend_on_their_number_ising",
    "one_driver_runs_several_programs_ising",
    "an_observer_changes_nothing_ising",
    "text_and_bytecode_are_one_program_ising",
]


class Wet(CpuDriver):
    """Never does the same twice, and says so."""

    name = "wet"
    reproducible = False
    draws = 0

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        Wet.draws += 1
        result = super()._run(verified, replace(options, seed=Wet.draws), observer)
        return replace(result, seed=options.seed, driver=self.name)


class Dishonest(Wet):
    """Never does the same twice, and does not say so."""

    reproducible = True


class Late(CpuDriver):
    """Stops after its last report, and says that it is far away."""

    name = "late"
    remote = True
    after = 7

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        result = super()._run(verified, options, observer)
        return replace(result, driver=self.name, steps=result.steps + self.after)


class Early(Late):
    """Claims to have stopped before its last report."""

    after = -7


@pytest.mark.parametrize("name", REPEATING)
def test_repetition_is_not_asked_of_cells(name: str) -> None:
    with pytest.raises(SkipTest, match="driver wet declares that its runs are not reproducible"):
        BY_NAME[name](Wet)


@pytest.mark.parametrize("name", [n for n in REPEATING if n != "a_lane_does_not_depend_on_their_number_ising"])
def test_repetition_is_asked_of_all_others(name: str) -> None:
    with pytest.raises(AssertionError):
        BY_NAME[name](Dishonest)


STOPPING: Check = BY_NAME["tells_the_observer_how_far_it_is_ising"]


def test_a_remote_driver_may_stop_after_its_last_report() -> None:
    assert STOPPING(Late) is None  # type: ignore[func-returns-value]


def test_a_remote_driver_may_not_stop_before_it() -> None:
    with pytest.raises(AssertionError, match="the run should stop at"):
        STOPPING(Early)


def test_a_driver_at_hand_stops_at_its_last_report() -> None:
    class Near(Late):
        remote = False

    with pytest.raises(AssertionError, match="the run should stop at"):
        STOPPING(Near)
