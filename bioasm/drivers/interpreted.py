"""Base of drivers whose back end implements `Dynamics`: control flow, instructions and results are shared."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from bioasm.demand.footprint import check_demand, demand
from bioasm.diagnostics import BioasmError
from bioasm.drivers.base import Driver
from bioasm.results import Result
from bioasm.runtime.dynamics import Dynamics
from bioasm.runtime.instructions import Meaning
from bioasm.runtime.interpreter import Interpreter
from bioasm.runtime.lane_trace import piece_of_run
from bioasm.runtime.options import Capacity, Observer, RunOptions, check_options
from bioasm.runtime.outcome import Provenance, compose
from bioasm.verifier.gate import Verified


class InterpretedDriver(Driver):
    """Runs programs on the neurons from `make`.

    `meanings` are instructions that the driver adds or overrides. `outside` are those that it can't execute within `advance`,
    which returns before them.
    """

    capacity: ClassVar[Capacity] = Capacity(without="this driver keeps no checkpoints")
    meanings: ClassVar[Mapping[str, Meaning]] = {}
    outside: ClassVar[Collection[str]] = ()

    @abstractmethod
    def make(self, run: Interpreter, options: RunOptions) -> Dynamics:
        """The neurons of a run that reached its ALC or first POP, with the parameters that it has by then.

        They `advance` (see `Advancing`), and implement those methods of `Driven` that the driver's abilities require.
        """

    def packages(self) -> dict[str, str]:
        """Versions of the packages used."""
        return {}

    def timing(self, total: float) -> dict[str, float]:
        """The parts of a run's time, in seconds."""
        return {"run": total, "total": total}

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        check_options(options, verified.n, self.capacity)
        check_demand(demand(verified, options.lanes, options.parameters, options.fuel, options.lane_values), here=True)
        began = time.perf_counter()

        def make(run: Interpreter) -> Dynamics:
            return self.make(run, options)

        given, span = options.parameters, options.span
        run = Interpreter(verified, make, given, options.fuel, self.meanings, span, options.seed, options.lane_values)

        def result(status: str) -> Result:
            timing = self.timing(time.perf_counter() - began)
            piece = piece_of_run(options, run.trace)
            source = Provenance(
                self.name, options.seed, options.lanes, timing, self.packages(), told_lanes(options), piece=piece
            )
            return compose(run, source, status)

        return result_of(lambda: run.run(observer, self.outside), result)


def told_lanes(options: RunOptions) -> dict[str, Any]:
    """The values of the lanes' own for the extras of a Result; empty without any."""
    told = options.lane_values.told
    return {"lane_values": told} if told else {}


def result_of(finish: Callable[[], str], result: Callable[[str], Result]) -> Result:
    """The Result of a run that `finish` completes; a fault gets the Result so far as its `partial`."""
    try:
        status = finish()
    except BioasmError as fault:
        partial = result("failed")
        fault.partial = replace(partial, diagnostics=(*partial.diagnostics, *fault.diagnostics))
        raise
    return result(status)
