"""The line of progress: of the whole program where its length is known, else of the present RUN."""

from __future__ import annotations

import pytest

from bioasm.cli.watch import Watch, clock, line
from bioasm.drivers import Progress

NAN = float("nan")


@pytest.mark.parametrize(
    ("progress", "rate", "total", "shown"),
    [
        (Progress(50, 100, NAN), 0.0, None, "step 50 of 100"),
        (Progress(50, 100, -2.5), 10.0, None, "step 50 of 100, best energy -2.5, 10 steps/s"),
        (Progress(50, 100, NAN), 10.0, 400, " 12%, step 50 of 400, 10 steps/s, 35 s left"),
        (Progress(400, 100, NAN), 10.0, 400, "100%, step 400 of 400, 10 steps/s"),
        (Progress(0, 0, NAN, "compiling"), 10.0, 400, "compiling"),
    ],
)
def test_line(progress: Progress, rate: float, total: int | None, shown: str) -> None:
    assert line(progress, rate, total) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0.4, "0 s"), (59.4, "59 s"), (185, "3:05 min"), (7380, "2:03 h")])
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_the_rate_leaves_out_what_came_before_the_first_step() -> None:
    watch = Watch(show=False)
    assert watch._rate(Progress(0, 10, NAN), 0.0) == 0.0
    assert watch._rate(Progress(100, 1000, NAN), 30.0) == 0.0
    assert watch._rate(Progress(300, 1000, NAN), 32.0) == 100.0
