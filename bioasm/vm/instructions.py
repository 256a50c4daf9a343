"""The instructions that the host serves: allocation, data, inputs, recording, clamping and reading out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, DataRef, Name, Operand, Quantity, Register
from bioasm.isa.semantics import whole_multiple
from bioasm.results.result import Reading
from bioasm.vm.codegen.plan import Target
from bioasm.vm.layout import Real
from bioasm.vm.names import parameter_key
from bioasm.vm.outputs import Samples
from bioasm.vm.outside import Origin

if TYPE_CHECKING:
    from bioasm.vm.machine import Machine

Array = NDArray[Any]


class Served:
    """One instruction with its operands as the host wants them."""

    def __init__(self, machine: Machine, pc: int) -> None:
        self.machine, self.instruction = machine, machine.program.instructions[pc]
        self.origin = Origin(pc, machine.steps)

    def operand(self, at: int) -> Operand | None:
        """The operand at a place, None where it was left out."""
        operands = self.instruction.operands
        return operands[at] if at < len(operands) else None

    def word(self, at: int, default: str = "") -> str:
        """A name."""
        operand = self.operand(at)
        return operand.text if isinstance(operand, Name) else default

    def number(self, at: int) -> float:
        """A number or a register's value."""
        operand = self.operand(at)
        assert isinstance(operand, Register | Quantity | ConstantRef)
        return self.machine.value(operand)

    def datum(self, at: int) -> Any:
        """A datum as the program holds it."""
        operand = self.operand(at)
        assert isinstance(operand, DataRef)
        return self.machine.data(operand)

    def level(self, at: int, low: float = -np.inf, high: float = np.inf) -> float | Array:
        """A number, a register's value within a range, or a dense vector or table in float64."""
        if isinstance(self.operand(at), DataRef):
            return np.asarray(self.datum(at).array, np.float64)
        value = self.number(at)
        if not (low <= value <= high and np.isfinite(value)):
            slot = self.instruction.row.slots[at].name
            raise self.machine.error("B402", f"{self.instruction.mnemonic} got {value:g} as {slot}", self.instruction)
        return value

    def neurons(self, at: int) -> Array:
        """Indices of neurons, from a vector, a number or a register."""
        if isinstance(self.operand(at), DataRef):
            return np.atleast_1d(np.asarray(self.datum(at).array)).astype(np.int64)
        value = self.level(at, 0, self.machine.n - 1)
        if value != np.floor(value):
            raise self.machine.error("B402", f"neuron {value:g} does not exist; an index is whole", self.instruction)
        return np.array([int(value)])


# --- allocation, couplings, parameters ------------------------------------------------------------------


def _alc(s: Served) -> None:
    s.machine.allocate(s.machine.n)
    flaw = s.machine.model.flaw()
    if flaw is not None:
        raise s.machine.error("B402", flaw, s.instruction)


def _pop(s: Served) -> None:
    """The gate knows all populations, so the first POP allocates them."""
    if s.machine.state.n == 0:
        _alc(s)


def _nothing(s: Served) -> None:
    """MODEL, MECH, SYN: the gate has told the machine of it."""


def _load(name: str, part: str) -> Callable[[Served], None]:
    def serve(s: Served) -> None:
        machine, data = s.machine, s.datum(0)
        setattr(machine.couplings, part, data)
        machine.loaded[name] = s.origin.pc
        machine.model.load(machine.couplings)
        machine.forget_kernel()

    return serve


def _set(s: Served) -> None:
    head, _, part = s.word(0).partition(".")
    if s.machine.network.projection(head) is not None:
        _set_projection(s, head, part)
        return
    key = parameter_key(s.machine.network, s.word(0))
    parameter = s.machine.parameter(key)
    words = dict(parameter.words)
    value = words[s.word(1)] if isinstance(s.operand(1), Name) else s.level(1, parameter.low, parameter.high)
    if isinstance(value, float) and parameter.open_low and not value > parameter.low:
        raise s.machine.error("B402", f"SET {parameter.name} got {value:g}", s.instruction)
    if s.machine.state.n and parameter.structural:
        return  # it was found when the neurons were allocated
    if s.machine.state.n:
        flaw = s.machine.model.set_parameter(key, value)
        if flaw is not None:
            raise s.machine.error("B402", flaw, s.instruction)
    elif isinstance(value, float):
        s.machine.parameters[key] = value


def _set_projection(s: Served, name: str, part: str) -> None:
    value = s.level(1, 0.0 if part == "delay" else -np.inf)
    if part == "weight":
        s.machine.model.projections.set_weight(name, float(value))


def _rst(s: Served) -> None:
    s.machine.model.reset()


# --- inputs ---------------------------------------------------------------------------------------------


def _cur(s: Served) -> None:
    model = s.machine.model
    model.outside.set_constant(model.seen.default_input(), s.level(0), "add")


def _inp(s: Served) -> None:
    model = s.machine.model
    model.outside.set_constant(model.seen.input(s.word(0)), s.level(1), s.word(2, "add"))


def waveform(s: Served) -> tuple[str, Array, int]:
    """The input (qualified name), rows and period in steps of a WAVE or PLAY."""
    seen = s.machine.model.seen
    alone = s.instruction.mnemonic == "WAVE"
    name = seen.default_input() if alone else seen.input(s.word(0))
    rows = np.asarray(s.datum(0 if alone else 1).array, np.float64)
    return name, rows, _period(s, 1 if alone else 2)


def _play(s: Served) -> None:
    s.machine.model.outside.play(*waveform(s), s.origin)


def _period(s: Served, at: int) -> int:
    """A period in whole steps, 1 where it was left out; the gate can't know whether it is whole where a register set dt."""
    operand = s.operand(at)
    if operand is None:
        return 1
    assert isinstance(operand, Quantity | ConstantRef)
    period, step = s.machine.program.quantity(operand), s.machine.step_length
    if not whole_multiple(period.value, step):
        text = f"{s.instruction.mnemonic} got a period of {period.value:g} s, no whole multiple of dt ({step:g} s)"
        raise s.machine.error("B402", text, s.instruction)
    return round(period.value / step)


def spike_train(s: Served) -> tuple[Target, Array, Array]:
    """Where the spikes of an SPK or EVT go, their steps from now, sorted, and the neurons that they come to."""
    seen = s.machine.model.seen
    alone = s.instruction.mnemonic == "SPK"
    train = np.asarray(s.datum(0 if alone else 1).array, np.float64).reshape(-1, 2)
    never = float(limit("steps"))
    with np.errstate(over="ignore"):
        steps = np.minimum(np.rint(train[:, 0] / s.machine.step_length), never).astype(np.int64)
    order = np.argsort(steps, kind="stable")
    target = seen.default_target() if alone else seen.target(s.word(0))
    return target, steps[order], train[order, 1].astype(np.int64)


def _send(s: Served) -> None:
    weight = s.level(1 if s.instruction.mnemonic == "SPK" else 2)
    s.machine.model.outside.send(*spike_train(s), weight, s.origin)


def _poi(s: Served) -> None:
    _bombard(s, s.machine.model.seen.default_target(), 0)


def _rate(s: Served) -> None:
    _bombard(s, s.machine.model.seen.target(s.word(0)), 1)


def _bombard(s: Served, target: Target, at: int) -> None:
    rate, most = s.level(at, 0.0), limit("drawn_spikes")
    if np.max(rate) * s.machine.step_length > most:
        text = f"{s.instruction.mnemonic} got a rate of {np.max(rate):g} Hz; a neuron gets at most {most} random spikes a step"
        raise s.machine.error("B402", text, s.instruction)
    s.machine.model.outside.bombard(target, rate, s.level(at + 1))


def _con(s: Served) -> None:
    s.machine.model.projections.connect(s.word(0))


# --- recording and clamping -----------------------------------------------------------------------------


def recorder(s: Served, start: int, neurons: Array) -> Samples:
    """What a REC at the step `start` records."""
    word = s.word(0)
    return Samples(word, s.machine.model.variable(word), _period(s, 1), start, neurons, s.origin.pc)


def recorded_neurons(s: Served) -> Array | None:
    """The neurons that the program names for a REC; None where it leaves one to a register."""
    if isinstance(s.operand(2), Register):
        return None
    everyone = np.arange(s.machine.model.neurons_of(s.word(0)), dtype=np.int64)
    return everyone if s.operand(2) is None else s.neurons(2)


def _rec(s: Served) -> None:
    named = recorded_neurons(s)
    s.machine.outputs.record(recorder(s, s.machine.steps, s.neurons(2) if named is None else named))


def _unrec(s: Served) -> None:
    s.machine.outputs.stop(s.word(0))


def _clamp(s: Served) -> None:
    value, neurons = s.level(1), s.neurons(0)
    levels = np.broadcast_to(np.asarray(value, np.float64), neurons.shape)
    for population in s.machine.network.populations:
        mine = levels[(neurons >= population.first) & (neurons < population.first + population.n)]
        allowed = population.model.clamp_values
        if allowed and not np.isin(mine, allowed).all():
            words = " or ".join(f"{a:g}" for a in allowed)
            text = f"CLAMP got {value}; {population.model.name} can be held at {words}"
            raise s.machine.error("B402", text, s.instruction)
    s.machine.model.clamp(neurons, value)
    s.machine.forget_kernel()


def _free(s: Served) -> None:
    s.machine.model.free(slice(None) if s.operand(0) is None else s.neurons(0))
    s.machine.forget_kernel()


# --- reading out ----------------------------------------------------------------------------------------


def _rd(s: Served) -> None:
    what = s.word(0, "state")
    s.machine.outputs.emit(Reading(what, _observe(s.machine, what)))


def _observe(machine: Machine, what: str) -> Any:
    """The value of an observable now."""
    if what in _OF_THE_RUN:
        return _OF_THE_RUN[what](machine)
    return machine.model.read(what).copy()


_OF_THE_RUN: dict[str, Callable[[Machine], Any]] = {
    "energy": lambda m: m.energy(),
    "best_energy": lambda m: m.best_energy(),
    "best_state": lambda m: m.best_state(),
    "energy_trace": lambda m: m.outputs.energies().copy(),
    "spikes": lambda m: m.outputs.all_spikes(m.step_length),
    "time": lambda m: m.steps * m.step_length,
    "steps": lambda m: float(m.steps),
    "noise": lambda m: float(m.state.real[Real.NOISE]),
}

HOST: dict[str, Callable[[Served], None]] = {
    "ALC": _alc,
    "POP": _pop,
    "MECH": _nothing,
    "SYN": _nothing,
    "CON": _con,
    "INP": _inp,
    "PLAY": _play,
    "EVT": _send,
    "RATE": _rate,
    "MODEL": _nothing,
    "SET": _set,
    "LDJ": _load("LDJ", "j"),
    "LDH": _load("LDH", "h"),
    "LDT": _load("LDT", "terms"),
    "RST": _rst,
    "CUR": _cur,
    "WAVE": _play,
    "SPK": _send,
    "POI": _poi,
    "REC": _rec,
    "UNREC": _unrec,
    "CLAMP": _clamp,
    "FREE": _free,
    "RD": _rd,
}
