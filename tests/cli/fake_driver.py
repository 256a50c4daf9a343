"""A driver for tests of the command line: it notes what it was asked for and does what a test tells it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from bioasm.drivers import Driver, Observer, Progress, RunOptions
from bioasm.results import Result
from bioasm.verifier.gate import Verified
from tests.results.samples import result

Script = Callable[[Verified, RunOptions, Observer], dict[str, Any]]


def _nothing(verified: Verified, options: RunOptions, observer: Observer) -> dict[str, Any]:
    return {}


class FakeDriver(Driver):
    """Returns the sample result with what `script` says changed."""

    name = "fake"
    summary = "for tests"
    abilities = frozenset({"core", "control"})
    models = frozenset({"ising", "lif_critical"})
    script: ClassVar[Script] = _nothing
    calls: ClassVar[list[Any]] = []

    def connect(self) -> None:
        self.calls.append("connect")

    def disconnect(self) -> None:
        self.calls.append("disconnect")

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        self.calls.append((verified, options))
        changes = type(self).script(verified, options, observer or (lambda report: True))
        return replace(result(options.lanes), seed=options.seed, model=verified.model.name, **changes)


def progress(steps: int = 50, best: float = -3.5) -> Progress:
    """A report of a run of 100 steps."""
    return Progress(steps, 100, best)
