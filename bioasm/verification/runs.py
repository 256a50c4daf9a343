"""Running one program on two drivers, with a clock on everything that takes time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.drivers import Driver, Observer, RunOptions
from bioasm.drivers.registry import find_driver, make_driver
from bioasm.results import Result
from bioasm.verifier.gate import Verified

# What drivers call the parts of their time, and what they are called here.
_PARTS = {"prepare": "build", "build": "build", "compile": "codegen", "codegen": "codegen", "run": "run"}


@dataclass
class DriverRun:
    """One driver and its run. `seconds` are those of import, build, codegen and run, as far as the driver tells them.

    `draws` says whether the driver draws noise of its own.
    """

    driver: Driver
    draws: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    result: Result | None = None
    faults: tuple[Diagnostic, ...] = ()

    @classmethod
    def of(cls, name: str, options: Mapping[str, str], own_noise: bool) -> DriverRun:
        """A connected driver, which is asked for noise of its own where it has any."""
        began = time.perf_counter()
        asked = {"noise": "own"} if own_noise and "noise" in find_driver(name).options else {}
        asked |= options
        driver = make_driver(name, asked)
        driver.connect()
        return cls(driver, asked.get("noise") == "own", {"import": time.perf_counter() - began})

    def run(self, verified: Verified, options: RunOptions, observer: Observer | None = None) -> Result:
        """Run a program. A fault in the run leaves what was computed until then, and is kept."""
        try:
            result = self.driver.run(verified, options, observer)
        except BioasmError as fault:
            if fault.partial is None:
                raise
            self.faults = fault.diagnostics
            result = fault.partial
        told = {_PARTS[name]: seconds for name, seconds in result.timing.items() if name in _PARTS}
        # A kernel is compiled in the first of several runs; all else is of the last.
        self.seconds |= told | {"codegen": self.seconds.get("codegen", 0.0) + told.get("codegen", 0.0)}
        self.result = result
        return result

    def has(self, ability: str) -> bool:
        """Whether the driver declares an ability."""
        return ability in self.driver.abilities
