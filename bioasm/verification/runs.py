"""Timed runs of one program on two drivers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.drivers import Driver, Observer, RunOptions
from bioasm.drivers.registry import find_driver, make_driver
from bioasm.results import Result
from bioasm.verifier.gate import Verified

# The names of drivers' timing entries, and of the report's.
_PARTS = {"prepare": "build", "build": "build", "compile": "codegen", "codegen": "codegen", "run": "run"}


@dataclass
class DriverRun:
    """One driver and its run. `seconds` are the times of import, build, codegen and run, as far as the driver reports them.

    `draws`: whether the driver draws its own noise.
    """

    driver: Driver
    draws: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    result: Result | None = None
    faults: tuple[Diagnostic, ...] = ()

    @classmethod
    def of(cls, name: str, options: Mapping[str, str], own_noise: bool) -> DriverRun:
        """A connected driver, set to its own noise on request."""
        began = time.perf_counter()
        asked = {"noise": "own"} if own_noise and "noise" in find_driver(name).options else {}
        asked |= options
        driver = make_driver(name, asked)
        driver.connect()
        return cls(driver, asked.get("noise") == "own", {"import": time.perf_counter() - began})

    def run(self, verified: Verified, options: RunOptions, observer: Observer | None = None) -> Result:
        """Run a program. A fault in the run is stored with the partial result."""
        try:
            result = self.driver.run(verified, options, observer)
        except BioasmError as fault:
            if fault.partial is None:
                raise
            self.faults = fault.diagnostics
            result = fault.partial
        told = {_PARTS[name]: seconds for name, seconds in result.timing.items() if name in _PARTS}
        # The compile time is that of the first run; all others are of the last.
        self.seconds |= told | {"codegen": self.seconds.get("codegen", 0.0) + told.get("codegen", 0.0)}
        self.result = result
        return result

    def has(self, ability: str) -> bool:
        """Whether the driver declares an ability."""
        return ability in self.driver.abilities
