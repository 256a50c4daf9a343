"""The meaning of each instruction that concerns neurons and results: one function a mnemonic, over `Dynamics`.

Registers and jumps are the interpreter's, or the compiled loop's. Everything here was checked by the gate, but for what
registers hold.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, Data, DataRef, Dense, Name, Operand, Quantity, Register
from bioasm.network.references import InputRef, ParameterRef, PortRef, ProjectionRef, Reference, Resolved, RunRef, VariableRef
from bioasm.results import Reading
from bioasm.runtime.dynamics import Driven, Dynamics
from bioasm.runtime.energy import PARTS, Couplings
from bioasm.runtime.poisson import TooManyEntries
from bioasm.runtime.setup import initial_parameters
from bioasm.verifier.gate import Verified
from bioasm.verifier.semantics.timing import whole_multiple

Array = NDArray[Any]


class Run(ABC):
    """What an instruction acts on: a program in the midst of its run. `parameters` are by their keys."""

    def __init__(self, verified: Verified, parameters: Mapping[str, float]) -> None:
        self.verified, self.program, self.network = verified, verified.program, verified.network
        self.parameters = initial_parameters(verified, parameters)
        self.couplings = Couplings()

    @property
    @abstractmethod
    def dynamics(self) -> Dynamics:
        """The neurons. The gate has seen to it that ALC or POP came first."""

    @property
    def driven(self) -> Driven:
        """The neurons, of a back end with inputs; a driver declares that it is one."""
        return cast(Driven, self.dynamics)

    @property
    @abstractmethod
    def allocated(self) -> bool:
        """Whether there are neurons."""

    @abstractmethod
    def allocate(self) -> None:
        """Make the neurons that the network asks for."""

    @property
    @abstractmethod
    def noise(self) -> float:
        """What SIG set last, or the model's default."""

    @property
    @abstractmethod
    def offset(self) -> float:
        """What LDO set last."""

    @property
    @abstractmethod
    def readings(self) -> list[Reading]:
        """What was put out so far."""

    @abstractmethod
    def register(self, index: int) -> float:
        """What a register holds."""

    @abstractmethod
    def set_register(self, index: int, value: float) -> None:
        """Write a number into a register."""

    def value(self, operand: Operand | Reference) -> float:
        """The number that an operand stands for now."""
        if isinstance(operand, Register):
            return self.register(operand.index)
        assert isinstance(operand, Quantity | ConstantRef)
        return float(self.program.quantity(operand).value)

    def data(self, operand: Operand | Reference) -> Data:
        """The datum that an operand stands for."""
        assert isinstance(operand, DataRef)
        return self.program.data[operand.index].value

    def emit(self, what: str, value: Any) -> None:
        """Append one result. Raises BioasmError B111."""
        if len(self.readings) >= limit("results"):
            raise BioasmError(Diagnostic("B111", f"the program emits more than {limit('results')} results"))
        self.readings.append(Reading(what, value))

    def load(self, mnemonic: str, data: Data) -> None:
        """LDJ, LDH, LDT: one part of the couplings in place of what was loaded before."""
        self.couplings = self.couplings.with_part(mnemonic, data)
        self.dynamics.load(self.couplings)


Meaning = Callable[[Any, Resolved], None]  # the first argument is a Run; drivers' own meanings may want more of it


def fault(text: str, instruction: Resolved, code: str = "B402") -> BioasmError:
    """An error at an instruction."""
    return BioasmError(Diagnostic(code, text, instruction.span))


# --- operands ---------------------------------------------------------------------------------------


def operand(instruction: Resolved, at: int) -> Operand | Reference | None:
    """The operand at a place, None where it was left out."""
    return instruction.operands[at] if at < len(instruction.operands) else None


def dense(run: Run, instruction: Resolved, at: int) -> Array:
    """A vector or matrix in float64."""
    value = run.data(instruction.operands[at])
    assert isinstance(value, Dense)
    return np.asarray(value.array, np.float64)


def level(run: Run, instruction: Resolved, at: int, low: float = -math.inf, high: float = math.inf) -> float | Array:
    """A vector or table, or a number within a range. Raises BioasmError for a register out of it."""
    if isinstance(instruction.operands[at], DataRef):
        return dense(run, instruction, at)
    value = run.value(instruction.operands[at])
    if not (math.isfinite(value) and low <= value <= high):
        raise fault(f"{instruction.mnemonic} got {value:g} as {instruction.slot(at)}", instruction)
    return value


def neurons(run: Run, instruction: Resolved, at: int, n: int) -> Array:
    """Indices of n neurons (int64), from a vector, a number or a register. Raises BioasmError where one does not exist."""
    if isinstance(instruction.operands[at], DataRef):
        return np.atleast_1d(dense(run, instruction, at)).astype(np.int64)
    value = run.value(instruction.operands[at])
    if not (0 <= value < n and value == math.floor(value)):
        raise fault(f"neuron {value:g} does not exist; indices go from 0 to {n - 1}", instruction)
    return np.array([int(value)])


def named_neurons(run: Run, instruction: Resolved, at: int, n: int) -> Array:
    """The same where the operand may be left out: then all n neurons."""
    return np.arange(n, dtype=np.int64) if operand(instruction, at) is None else neurons(run, instruction, at, n)


def period(run: Run, instruction: Resolved, at: int) -> int:
    """A period in whole steps, 1 where it was left out. The gate can't know whether it is whole where a register set dt."""
    found = operand(instruction, at)
    if found is None:
        return 1
    value, step = run.value(found), run.dynamics.step_length
    if not whole_multiple(value, step):
        text = f"{instruction.mnemonic} got a period of {value:g} s, no whole multiple of dt ({step:g} s)"
        raise fault(text, instruction)
    return round(value / step)


# --- allocation, couplings, parameters ----------------------------------------------------------------


def _alc(run: Run, instruction: Resolved) -> None:
    run.allocate()
    problem = run.dynamics.parameter_problem()
    if problem is not None:
        raise fault(problem, instruction)


def _pop(run: Run, instruction: Resolved) -> None:
    """The gate knows all populations, so the first POP makes them."""
    if not run.allocated:
        _alc(run, instruction)


def _no_effect(run: Run, instruction: Resolved) -> None:
    """No effect at run time: the gate has put it into the network."""


def _load(run: Run, instruction: Resolved) -> None:
    run.load(instruction.mnemonic, run.data(instruction.operands[0]))


def _set(run: Run, instruction: Resolved) -> None:
    ref = instruction.operands[0]
    assert isinstance(ref, ParameterRef | ProjectionRef)
    parameter = ref.parameter
    value = level(run, instruction, 1, parameter.low, parameter.high)
    if isinstance(value, float) and parameter.open_low and not value > parameter.low:
        raise fault(f"SET {parameter.name} got {value:g}", instruction)
    if not run.allocated:
        assert isinstance(value, float)
        run.parameters[ref.key] = value
    elif not parameter.structural:  # those were found when the neurons were made
        problem = run.driven.set_parameter(ref, value)
        if problem is not None:
            raise fault(problem, instruction)


def _lds(run: Run, instruction: Resolved) -> None:
    rows = np.atleast_2d(dense(run, instruction, 0))
    run.driven.set_states(rows[np.arange(run.dynamics.lanes) % len(rows)])


def _rst(run: Run, instruction: Resolved) -> None:
    run.dynamics.reset()


# --- inputs -----------------------------------------------------------------------------------------


def _input(run: Run, instruction: Resolved) -> None:
    ref, how = instruction.operands[0], operand(instruction, 2)
    assert isinstance(ref, InputRef)
    run.driven.set_input(ref, level(run, instruction, 1), how.text if isinstance(how, Name) else "add")


def _waveform(run: Run, instruction: Resolved) -> None:
    ref = instruction.operands[0]
    assert isinstance(ref, InputRef)
    run.driven.set_waveform(ref, dense(run, instruction, 1), period(run, instruction, 2))


def _spike_train(run: Run, instruction: Resolved) -> None:
    ref, train = instruction.operands[0], dense(run, instruction, 1).reshape(-1, 2)
    assert isinstance(ref, PortRef)
    with np.errstate(over="ignore"):
        steps = np.minimum(np.rint(train[:, 0] / run.dynamics.step_length), float(limit("steps"))).astype(np.int64)
    order = np.argsort(steps, kind="stable")
    run.driven.set_spike_train(ref, steps[order], train[order, 1].astype(np.int64), level(run, instruction, 2))


def _poisson(run: Run, instruction: Resolved) -> None:
    ref, most = instruction.operands[0], limit("drawn_spikes")
    assert isinstance(ref, PortRef)
    rate = level(run, instruction, 1, 0.0)
    if np.max(rate) * run.dynamics.step_length > most:
        text = f"{instruction.mnemonic} got a rate of {np.max(rate):g} Hz; a neuron gets at most {most} random spikes a step"
        raise fault(text, instruction)
    weight = level(run, instruction, 2)
    try:
        run.driven.set_poisson(ref, rate, weight)
    except TooManyEntries as cause:
        raise fault(str(cause), instruction, "B111") from cause


# --- recording and clamping ---------------------------------------------------------------------------


def _rec(run: Run, instruction: Resolved) -> None:
    ref, driven = instruction.operands[0], run.driven
    assert isinstance(ref, VariableRef)
    chosen = named_neurons(run, instruction, 2, driven.neurons_of(ref))
    every = period(run, instruction, 1)
    driven.stop_recording(ref)
    if driven.recorders >= limit("recorders"):
        raise fault(f"more than {limit('recorders')} variables are recorded at a time", instruction, "B111")
    driven.record(ref, every, chosen)


def _unrec(run: Run, instruction: Resolved) -> None:
    ref = instruction.operands[0]
    assert isinstance(ref, VariableRef)
    run.driven.stop_recording(ref)


def _clamp(run: Run, instruction: Resolved) -> None:
    value, held = level(run, instruction, 1), neurons(run, instruction, 0, run.dynamics.n)
    levels = np.broadcast_to(np.asarray(value, np.float64), held.shape)
    for population in run.network.populations:
        mine = levels[(held >= population.first) & (held < population.first + population.n)]
        allowed = population.model.clamp_values
        if allowed and not np.isin(mine, allowed).all():
            words = " or ".join(f"{a:g}" for a in allowed)
            raise fault(f"CLAMP got {value}; {population.model.name} can be held at {words}", instruction)
    run.driven.clamp(held, levels)


def _free(run: Run, instruction: Resolved) -> None:
    everyone = operand(instruction, 0) is None
    run.driven.free(slice(None) if everyone else neurons(run, instruction, 0, run.dynamics.n))


# --- reading ----------------------------------------------------------------------------------------


def energy(run: Run) -> Array:
    """E of the present state with the offset, (lanes,)."""
    return run.dynamics.energy() + run.offset


def best_energy(run: Run) -> Array:
    """The lowest energy seen with the offset, (lanes,); NaN where none was."""
    best = run.dynamics.best().energy
    return np.where(np.isfinite(best), best + run.offset, np.nan)


def best_state(run: Run) -> Array:
    """The state of lowest energy seen, (lanes, n); the present one where none was seen or a neuron has no energy."""
    best, final = run.dynamics.best(), run.dynamics.final_as_best().astype(np.int8)
    first, n = run.dynamics.energy_neurons
    seen = np.isfinite(best.energy)[:, None]
    final[:, first : first + n] = np.where(seen, best.state, final[:, first : first + n])
    return final


OF_THE_RUN: dict[str, Callable[[Run], Any]] = {
    "energy": energy,
    "best_energy": best_energy,
    "best_state": best_state,
    "energy_trace": lambda run: run.dynamics.trace(),
    "spikes": lambda run: run.dynamics.spikes(),
    "time": lambda run: run.dynamics.step * run.dynamics.step_length,
    "steps": lambda run: float(run.dynamics.step),
    "noise": lambda run: run.noise,
}


def observe(run: Run, ref: RunRef | VariableRef) -> Any:
    """The value of an observable now; the lane is the first axis of an array."""
    return OF_THE_RUN[ref.name](run) if isinstance(ref, RunRef) else run.dynamics.read(ref).copy()


def _rd(run: Run, instruction: Resolved) -> None:
    ref = instruction.operands[0]
    assert isinstance(ref, RunRef | VariableRef)
    run.emit(ref.word, observe(run, ref))


MEANINGS: dict[str, Meaning] = {
    "ALC": _alc,
    "POP": _pop,
    **dict.fromkeys(("MODEL", "MECH", "SYN", "CON"), _no_effect),
    "SET": _set,
    **dict.fromkeys(PARTS, _load),
    "LDS": _lds,
    "RST": _rst,
    **dict.fromkeys(("CUR", "INP"), _input),
    **dict.fromkeys(("WAVE", "PLAY"), _waveform),
    **dict.fromkeys(("SPK", "EVT"), _spike_train),
    **dict.fromkeys(("POI", "RATE"), _poisson),
    "REC": _rec,
    "UNREC": _unrec,
    "CLAMP": _clamp,
    "FREE": _free,
    "RD": _rd,
}
