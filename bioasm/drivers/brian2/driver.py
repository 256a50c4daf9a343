"""The brian2 driver: runs programs on Brian2, to hold the compiled machine against."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bioasm import __version__
from bioasm.binary.writer import program_hash
from bioasm.diagnostics import EXIT_USAGE, BioasmError, Diagnostic, error
from bioasm.drivers.base import MODEL_TEXTS, Driver, Observer, RunOptions
from bioasm.drivers.brian2 import instructions as do
from bioasm.drivers.brian2.interpreter import Interpreter
from bioasm.drivers.brian2.spins import Spins
from bioasm.drivers.brian2.standalone import hindrances
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, Instruction, Quantity
from bioasm.isa.verify import Verified
from bioasm.models import MODELS
from bioasm.models.base import SPINS
from bioasm.results import Recording, Result, Spikes

if TYPE_CHECKING:
    from bioasm.runtime.dynamics import Dynamics, Guide, Samples

if find_spec("brian2") is None:
    raise ModuleNotFoundError("Brian2 is not installed", name="brian2")

TARGETS = ("numpy", "cython", "cpp_standalone")
NOISES = ("same", "own")


class Brian2Driver(Driver):
    """Runs on Brian2. `target` is its code generation target; `noise` is `same` (as every driver's) or `own` (Brian2's)."""

    name: ClassVar[str] = "brian2"
    summary: ClassVar[str] = "the reference: an independent simulator, slow and trusted"
    abilities: ClassVar[frozenset[str]] = frozenset(
        {"core", "control", "inputs", "kbody", "record", "clamp", "network", MODEL_TEXTS}
    )
    models: ClassVar[frozenset[str]] = frozenset(MODELS)
    options: ClassVar[Mapping[str, str]] = {
        "target": "how Brian2 makes code: numpy (at once), cython (compiles first), cpp_standalone (one RUN in C++)",
        "noise": "same: the numbers that all drivers draw; own: Brian2's, for statistics",
    }

    def __init__(self, target: str = "numpy", noise: str = "same") -> None:
        for name, value, known in (("target", target, TARGETS), ("noise", noise, NOISES)):
            if value not in known:
                text = f"driver brian2 has no {name} {value!r}"
                raise error("B406", text, hint=f"it may be {', '.join(known)}", exit_code=EXIT_USAGE)
        self.target, self.own_noise = target, noise == "own"
        self.seconds_to_import = 0.0
        if not self.is_standalone:  # verify looks for it, and a C++ program can't be guided
            self.guide: Guide | None = None  # the states of another run to go on from, where there is one

    def connect(self) -> None:
        """Import Brian2. Raises BioasmError B503 where it can't be imported."""
        began, interrupt = time.perf_counter(), signal.getsignal(signal.SIGINT)
        try:
            import brian2
        except (ImportError, AttributeError) as cause:  # Brian2 2.9 on numpy 2.4 fails with the second
            hint = "pip install --upgrade 'bioasm[brian2]' brings versions that fit together"
            raise error("B503", f"Brian2 can't be imported: {cause}", hint=hint) from cause
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, interrupt)  # Brian2 takes Ctrl-C for itself as soon as it is imported
        # A program need not run what it allocates, and two runs of one process may share a neuron group's name.
        brian2.BrianLogger.suppress_name("unused_brian_object")
        self.seconds_to_import += time.perf_counter() - began
        if self.is_standalone:
            from bioasm.drivers.brian2.compiled import find_compiler

            find_compiler()

    @property
    def is_standalone(self) -> bool:
        """Whether the run is to be a C++ program."""
        return self.target == "cpp_standalone"

    def missing(self, verified: Verified) -> list[Diagnostic]:
        """What of the program this driver can't run."""
        found = super().missing(verified)
        if self.is_standalone:
            found.extend(hindrances(verified, self.own_noise))
        return found

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        _check(verified, options)
        self.connect()
        return Run(self, verified, options, observer).result()


def _check(verified: Verified, options: RunOptions) -> None:
    """Refuse what can't be run, before anything is allocated."""
    if not 1 <= options.lanes <= limit("lanes"):
        raise error("B406", f"{options.lanes} lanes; there can be 1 to {limit('lanes')}")
    if not 0 <= options.seed < 1 << 64:
        raise error("B406", f"the seed is {options.seed}; it is a whole number from 0 to 2**64 - 1")
    if options.threads is not None and options.threads < 1:
        raise error("B406", f"{options.threads} threads; there is at least 1")
    if options.checkpoint is not None or options.resume:
        raise error("B406", "driver brian2 keeps no checkpoints")
    if verified.n * options.lanes > limit("cells"):
        raise error("B111", f"{verified.n} neurons in {options.lanes} lanes are more than {limit('cells')} cells")


class Run:
    """One run on Brian2, from its building to its Result."""

    def __init__(self, driver: Brian2Driver, verified: Verified, options: RunOptions, observer: Observer | None) -> None:
        self.driver, self.verified, self.options = driver, verified, options
        self.began = time.perf_counter()
        self.built = 0.0
        self.interpreter = Interpreter(verified, options, observer, self._make, do.DEEDS)

    def result(self) -> Result:
        """Run the program. A fault carries the Result so far."""
        from bioasm.drivers.brian2.targets import target

        language = "numpy" if self.driver.is_standalone else self.driver.target  # numpy sets up what C++ runs
        with target(language, self.options.seed if self.driver.own_noise else None):
            try:
                return self._result(self.interpreter.run())
            except BioasmError as fault:
                so_far = self._result("failed")
                fault.partial = replace(so_far, diagnostics=(*so_far.diagnostics, *fault.diagnostics))
                raise

    def _make(self, run: Interpreter, instruction: Instruction) -> Dynamics:
        """The neurons that ALC or the first POP asks for."""
        options, network = self.options, run.network
        if self.verified.model.kind == SPINS:
            rule = run.parameters[f"{network.populations[0].name}.rule"]
            return Spins(network.n, options.lanes, options.seed, rule, self.driver.own_noise)
        from bioasm.drivers.brian2.network import Neurons, TimedNetwork

        kind: type[Neurons] = Neurons
        if self.driver.is_standalone:
            from bioasm.drivers.brian2.compiled import CompiledNeurons as kind
        began, TimedNetwork.seconds = time.perf_counter(), 0.0
        parameters = run.parameters | _fixed(run)
        own, guide = self.driver.own_noise, getattr(self.driver, "guide", None)
        made = kind(network, run.program, options.lanes, options.seed, parameters, own, guide)
        self.built += time.perf_counter() - began
        flaw = made.flaw()
        if flaw is not None:
            raise run.fault(flaw, instruction)
        return made

    # --- the result -----------------------------------------------------------------------------------

    def _result(self, status: str) -> Result:
        run, neurons, lanes = self.interpreter, self.interpreter.neurons, self.options.lanes
        nothing = np.zeros(0)
        return Result(
            driver=Brian2Driver.name,
            model=self.verified.model.name,
            n=neurons.n if neurons else 0,
            lanes=lanes,
            seed=self.options.seed,
            program_sha256=program_hash(self.verified.program),
            versions=_versions(),
            timing=self._timing(),
            results=tuple(run.readings),
            state=np.asarray(neurons.variable("state"), np.float64) if neurons else np.zeros((lanes, 0)),
            energy=do.energy(run) if neurons else np.full(lanes, run.offset),
            best_energy=do.best_energy(run) if neurons else np.full(lanes, np.nan),
            best_state=do.best_state(run) if neurons else np.zeros((lanes, 0), np.int8),
            energy_trace=do.energy_trace(run) if neurons else np.zeros((lanes, 0)),
            spikes=do.spikes(run) if neurons else Spikes(nothing, nothing.astype(np.int64), nothing.astype(np.int64)),
            spike_count=_spike_count(neurons, lanes),
            recordings=_recordings(run.recorded, neurons, lanes),
            steps=run.step,
            seconds_per_step=neurons.step_length if neurons else run.parameters.get("dt", 1.0),
            status=status,
            diagnostics=self.verified.warnings,
        )

    def _timing(self) -> dict[str, float]:
        total = time.perf_counter() - self.began
        network = sys.modules.get("bioasm.drivers.brian2.network")
        code = network.TimedNetwork.seconds if network and self.verified.model.kind != "spins" else 0.0
        run = max(0.0, total - self.built - code)
        imported = self.driver.seconds_to_import
        return {"import": imported, "build": self.built, "codegen": code, "run": run, "total": total + imported}


def _fixed(run: Interpreter) -> dict[str, float]:
    """What the program sets, wherever it does so, of parameters that decide how several populations are run."""
    found: dict[str, float] = {}
    for instruction in run.program.instructions if not run.network.implicit else ():
        if instruction.mnemonic == "SET" and isinstance(instruction.operands[1], Quantity | ConstantRef):
            name = run.whole_name(do.word(instruction, 0))
            instance = run.network.instance(name.partition(".")[0])
            parameter = instance.model.parameter(name.partition(".")[2]) if instance else None
            if name.endswith(".delay") or name == "dt" or (parameter is not None and parameter.structural):
                found[name] = do.number(run, instruction, 1)
    return found


def _versions() -> dict[str, str]:
    import platform

    import brian2

    return {
        "bioasm": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "brian2": str(brian2.__version__),
    }


def _spike_count(neurons: Dynamics | None, lanes: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    if neurons is None or not neurons.has_spikes:
        return np.zeros((lanes, neurons.n if neurons else 0), np.int64)
    return np.asarray(neurons.variable("spike_count"), np.int64)


def _recordings(recorded: list[Samples], neurons: Dynamics | None, lanes: int) -> dict[str, Recording]:
    """Each recorded variable; a second recording of a variable is called `v.2`, and so on."""
    found: dict[str, Recording] = {}
    length = neurons.step_length if neurons else 1.0
    for at, samples in enumerate(recorded):
        again = sum(s.variable == samples.variable for s in recorded[:at])
        count = len(samples.taken)
        times = np.asarray((samples.start + samples.every * np.arange(count)) * length, np.float64)
        values = np.zeros((count, lanes, len(samples.neurons)))
        values[:] = np.array(samples.taken).reshape(values.shape)
        name = f"{samples.variable}.{again + 1}" if again else samples.variable
        neuron = samples.neurons.astype(np.int64)
        found[name] = Recording(times, neuron, np.ascontiguousarray(values.transpose(1, 0, 2)))
    return found
