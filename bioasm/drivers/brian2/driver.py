"""The brian2 driver: runs programs on Brian2, as a reference for the compiled machine."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Collection, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from bioasm.diagnostics import EXIT_USAGE, Diagnostic, error
from bioasm.drivers.base import SIMULATED
from bioasm.drivers.brian2.autapses import autapse_problems
from bioasm.drivers.brian2.spins import Spins
from bioasm.drivers.brian2.standalone import cython_problems, standalone_problems
from bioasm.drivers.brian2.trees import tree_problems
from bioasm.drivers.interpreted import InterpretedDriver
from bioasm.models import MODELS
from bioasm.models.base import SPINS
from bioasm.results import Result
from bioasm.runtime.options import Capacity, Observer, RunOptions
from bioasm.runtime.setup import fixed_parameters
from bioasm.verifier.gate import Verified

if TYPE_CHECKING:
    from bioasm.runtime.dynamics import Dynamics
    from bioasm.runtime.interpreter import Interpreter

if find_spec("brian2") is None:
    raise ModuleNotFoundError("Brian2 is not installed", name="brian2")

TARGETS = ("numpy", "cython", "cpp_standalone")
NOISES = ("same", "own")


class Brian2Driver(InterpretedDriver):
    """Runs on Brian2. `target` is its code generation target; `noise` is `same` (as every driver's) or `own` (Brian2's)."""

    name: ClassVar[str] = "brian2"
    summary: ClassVar[str] = "the reference: an independent simulator, slow and trusted"
    abilities: ClassVar[frozenset[str]] = SIMULATED
    models: ClassVar[frozenset[str]] = frozenset(MODELS)
    options: ClassVar[Mapping[str, str]] = {
        "target": "how Brian2 makes code: numpy (at once), cython (compiles first), cpp_standalone (one RUN in C++)",
        "noise": "same: the numbers that all drivers draw; own: Brian2's, for statistics",
    }
    capacity: ClassVar[Capacity] = Capacity(without="driver brian2 keeps no checkpoints")
    pieces: ClassVar[bool] = True
    levels_by_lane: ClassVar[bool] = True
    outside: ClassVar[Collection[str]] = ("SPK", "POI", "EVT", "RATE")  # they create objects of the simulator

    def __init__(self, target: str = "numpy", noise: str = "same") -> None:
        for name, value, known in (("target", target, TARGETS), ("noise", noise, NOISES)):
            if value not in known:
                text = f"driver brian2 has no {name} {value!r}"
                raise error("B406", text, hint=f"it may be {', '.join(known)}", exit_code=EXIT_USAGE)
        self.target, self.own_noise = target, noise == "own"
        self.seconds_to_import, self._built = 0.0, 0.0
        self.follows = not self.is_standalone  # a C++ program accepts no states while it runs

    def connect(self) -> None:
        """Import Brian2. Raises BioasmError B503 where it can't be imported."""
        began, interrupt = time.perf_counter(), signal.getsignal(signal.SIGINT)
        try:
            import brian2
        except (ImportError, AttributeError) as cause:  # Brian2 2.9 on numpy 2.4 raises the latter
            hint = "pip install --upgrade 'bioasm[brian2]' brings versions that fit together"
            raise error("B503", f"Brian2 can't be imported: {cause}", hint=hint) from cause
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, interrupt)  # Brian2 installs a handler of Ctrl-C on import
        # Silence warnings: a program may not run what it allocates, and two runs of one process may share a group's name.
        brian2.BrianLogger.suppress_name("unused_brian_object")
        # Order-dependent connections act in sequence: Brian2 warns that this is slow in numpy, and of the order.
        brian2.BrianLogger.suppress_hierarchy("brian2.codegen.generators")
        self.seconds_to_import += time.perf_counter() - began
        if self.is_standalone:
            from bioasm.drivers.brian2.compiled import find_compiler

            find_compiler()

    @property
    def is_standalone(self) -> bool:
        """Whether the run is to be a C++ program."""
        return self.target == "cpp_standalone"

    def missing(self, verified: Verified) -> list[Diagnostic]:
        """Diagnostics of the parts of the program that this driver can't run."""
        found = [*super().missing(verified), *autapse_problems(verified), *tree_problems(verified)]
        if self.is_standalone:
            found.extend(standalone_problems(verified, self.own_noise))
        elif self.target == "cython":
            found.extend(cython_problems(verified))
        return found

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        if options.span.is_piece and (self.own_noise or self.is_standalone):
            what = "the noise of its own" if self.own_noise else "cpp_standalone"
            raise error("B502", f"driver brian2 runs all lanes with {what}, and no piece of them")
        self.connect()
        from bioasm.drivers.brian2.targets import target

        self._built = 0.0
        language = "numpy" if self.is_standalone else self.target  # numpy sets up what C++ runs
        with target(language, options.seed if self.own_noise else None):
            return super()._run(verified, options, observer)

    def make(self, run: Interpreter, options: RunOptions) -> Dynamics:
        """The neurons that ALC or the first POP asks for."""
        lanes = range(options.first_lane, options.first_lane + options.lanes)
        if run.verified.model.kind == SPINS:
            rule = run.parameters[f"{run.network.populations[0].name}.rule"]
            return Spins(run.verified.n, lanes, options.seed, rule, self.own_noise)
        from bioasm.drivers.brian2.assembly import TimedNetwork
        from bioasm.drivers.brian2.network import Neurons

        kind: type[Neurons] = Neurons
        if self.is_standalone:
            from bioasm.drivers.brian2.compiled import CompiledNeurons as kind
        began, TimedNetwork.seconds = time.perf_counter(), 0.0
        run.parameters |= fixed_parameters(run.verified)
        made = kind(run.verified, lanes, options.seed, run.parameters, self.own_noise, options.guide)
        self._built = time.perf_counter() - began
        return made

    def packages(self) -> dict[str, str]:
        """Brian2's version."""
        import brian2

        return {"brian2": str(brian2.__version__)}

    def timing(self, total: float) -> dict[str, float]:
        """Import, building, code generation and running."""
        assembly = sys.modules.get("bioasm.drivers.brian2.assembly")
        code = assembly.TimedNetwork.seconds if assembly and self._built else 0.0
        run, imported = max(0.0, total - self._built - code), self.seconds_to_import
        return {"import": imported, "build": self._built, "codegen": code, "run": run, "total": total + imported}
