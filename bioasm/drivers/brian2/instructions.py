"""What the instructions do that concern neurons and results: one function a mnemonic."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.brian2.interpreter import Deed, Interpreter, output_name
from bioasm.isa.limits import limit
from bioasm.isa.network import ADD, has_landscape
from bioasm.isa.program import ConstantRef, DataRef, Dense, Instruction, Name, Operand, Quantity, Register
from bioasm.isa.semantics.timing import whole_multiple
from bioasm.models.base import Parameter
from bioasm.results import Spikes
from bioasm.runtime.dynamics import Samples
from bioasm.runtime.energy import Landscape

Array = NDArray[Any]


# --- operands ---------------------------------------------------------------------------------------


def operand(instruction: Instruction, at: int) -> Operand | None:
    """The operand at a place, None where it was left out."""
    return instruction.operands[at] if at < len(instruction.operands) else None


def word(instruction: Instruction, at: int, default: str = "") -> str:
    """A name."""
    found = operand(instruction, at)
    return found.text if isinstance(found, Name) else default


def number(run: Interpreter, instruction: Instruction, at: int) -> float:
    """A number or a register's value."""
    found = operand(instruction, at)
    assert found is not None
    return run.reader(found)()


def datum(run: Interpreter, instruction: Instruction, at: int) -> Any:
    """A datum as the program holds it."""
    found = operand(instruction, at)
    assert isinstance(found, DataRef)
    return run.program.data[found.index].value


def dense(run: Interpreter, instruction: Instruction, at: int) -> Array:
    """A vector or matrix in float64."""
    value = datum(run, instruction, at)
    assert isinstance(value, Dense)
    return np.asarray(value.array, np.float64)


def level(run: Interpreter, instruction: Instruction, at: int, low: float = -math.inf, high: float = math.inf) -> float | Array:
    """A vector, or a number within a range. What a register holds is only known now."""
    if isinstance(operand(instruction, at), DataRef):
        return dense(run, instruction, at)
    value = number(run, instruction, at)
    if not (math.isfinite(value) and low <= value <= high):
        slot = instruction.row.slots[at].name
        raise run.fault(f"{instruction.mnemonic} got {value:g} as {slot}", instruction)
    return value


def neurons(run: Interpreter, instruction: Instruction, at: int, n: int) -> Array:
    """Indices of n neurons, from a vector, a number or a register."""
    if isinstance(operand(instruction, at), DataRef):
        return np.atleast_1d(dense(run, instruction, at)).astype(np.int64)
    value = number(run, instruction, at)
    if not (0 <= value < n and value == math.floor(value)):
        raise run.fault(f"neuron {value:g} does not exist; indices go from 0 to {n - 1}", instruction)
    return np.array([int(value)])


def period(run: Interpreter, instruction: Instruction, at: int) -> int:
    """A period in whole steps, 1 where it was left out."""
    found = operand(instruction, at)
    if found is None:
        return 1
    assert isinstance(found, Quantity | ConstantRef)
    value, step = float(run.program.quantity(found).value), run.alive.step_length
    if not whole_multiple(value, step):
        text = f"{instruction.mnemonic} got a period of {value:g} s, no whole multiple of dt ({step:g} s)"
        raise run.fault(text, instruction)
    return round(value / step)


# --- allocation, couplings, parameters ----------------------------------------------------------------


def _alc(run: Interpreter, instruction: Instruction) -> None:
    run.neurons = run.make(run, instruction)
    coupled = next((p for p in run.network.populations if has_landscape(p.model)), None)
    run.landscape = Landscape(coupled.n if coupled else 0)
    if run.noise_is_set or len(run.network.populations) == 1:  # before any SIG each population has its model's own
        run.neurons.set_noise(run.noise)
    run.neurons.set_offset(run.offset)


def _pop(run: Interpreter, instruction: Instruction) -> None:
    """The gate knows all populations, so the first POP makes them."""
    if run.neurons is None:
        _alc(run, instruction)


def _nothing(run: Interpreter, instruction: Instruction) -> None:
    """MODEL, MECH, SYN, CON: the gate has told of it."""


def _load(part: str, run: Interpreter, instruction: Instruction) -> None:
    data = datum(run, instruction, 0)
    run.landscape = run.landscape.loading(part, data)
    run.alive.load(run.landscape)


def _ldo(run: Interpreter, instruction: Instruction) -> None:
    offset = number(run, instruction, 0)
    if not math.isfinite(offset):
        raise run.fault(f"LDO got {offset:g}; an offset is a finite number", instruction)
    run.offset = offset
    if run.neurons:
        run.neurons.set_offset(offset)


def _sig(run: Interpreter, instruction: Instruction) -> None:
    noise = number(run, instruction, 0)
    if not (math.isfinite(noise) and noise >= 0.0):
        raise run.fault(f"SIG got {noise:g}; noise is a finite number of at least 0", instruction)
    run.noise, run.noise_is_set = noise, True
    if run.neurons:
        run.neurons.set_noise(noise)


def _set(run: Interpreter, instruction: Instruction) -> None:
    name = run.whole_name(word(instruction, 0))
    parameter = _parameter(run, name)
    if parameter is None:  # the weight or the delay of a projection
        low = 0.0 if name.endswith(".delay") else -math.inf
        run.driven.set_parameter(name, level(run, instruction, 1, low))
        return
    named = dict(parameter.words).get(word(instruction, 1))
    value = named if named is not None else level(run, instruction, 1, parameter.low, parameter.high)
    if isinstance(value, float) and parameter.open_low and not value > parameter.low:
        raise run.fault(f"SET {parameter.name} got {value:g}", instruction)
    if run.neurons is None:
        assert isinstance(value, float)
        run.parameters[name] = value
    elif not parameter.structural:  # those were found when the neurons were made
        flaw = run.driven.set_parameter(name, value)
        if flaw is not None:
            raise run.fault(flaw, instruction)


def _parameter(run: Interpreter, name: str) -> Parameter | None:
    """The parameter of a whole name, None for a projection's."""
    head, _, tail = name.partition(".")
    if name == "dt":
        return run.verified.model.parameter(name)
    instance = run.network.instance(head)
    return instance.model.parameter(tail) if instance else None


def _rst(run: Interpreter, instruction: Instruction) -> None:
    run.alive.reset()


def _run(run: Interpreter, instruction: Instruction) -> None:
    run.run_for(number(run, instruction, 0), instruction)


# --- inputs -----------------------------------------------------------------------------------------


def _cur(run: Interpreter, instruction: Instruction) -> None:
    run.driven.set_input(None, level(run, instruction, 0))


def _inp(run: Interpreter, instruction: Instruction) -> None:
    run.driven.set_input(word(instruction, 0), level(run, instruction, 1), word(instruction, 2, ADD))


def _wave(run: Interpreter, instruction: Instruction) -> None:
    run.driven.play(None, dense(run, instruction, 0), period(run, instruction, 1))


def _play(run: Interpreter, instruction: Instruction) -> None:
    run.driven.play(word(instruction, 0), dense(run, instruction, 1), period(run, instruction, 2))


def _spk(run: Interpreter, instruction: Instruction) -> None:
    _send(run, instruction, None, 0)


def _evt(run: Interpreter, instruction: Instruction) -> None:
    _send(run, instruction, word(instruction, 0), 1)


def _send(run: Interpreter, instruction: Instruction, target: str | None, at: int) -> None:
    train = dense(run, instruction, at)
    with np.errstate(over="ignore"):
        steps = np.minimum(np.rint(train[:, 0] / run.alive.step_length), float(limit("steps"))).astype(np.int64)
    order = np.argsort(steps, kind="stable")
    run.driven.send(target, steps[order], train[order, 1].astype(np.int64), level(run, instruction, at + 1))


def _poi(run: Interpreter, instruction: Instruction) -> None:
    _bombard(run, instruction, None, 0)


def _rate(run: Interpreter, instruction: Instruction) -> None:
    _bombard(run, instruction, word(instruction, 0), 1)


def _bombard(run: Interpreter, instruction: Instruction, target: str | None, at: int) -> None:
    rate, most = level(run, instruction, at, 0.0), limit("drawn_spikes")
    if np.max(rate) * run.alive.step_length > most:
        text = f"{instruction.mnemonic} got a rate of {np.max(rate):g} Hz; a neuron gets at most {most} random spikes a step"
        raise run.fault(text, instruction)
    run.driven.bombard(target, rate, level(run, instruction, at + 1))


# --- recording and clamping ---------------------------------------------------------------------------


def _rec(run: Interpreter, instruction: Instruction) -> None:
    alive = run.alive
    whole = np.arange(alive.neurons_of(word(instruction, 0)))
    whom = whole if operand(instruction, 2) is None else neurons(run, instruction, 2, len(whole))
    samples = Samples(word(instruction, 0), period(run, instruction, 1), alive.step, whom)
    _unrec(run, instruction)
    run.recorded.append(samples)
    if sum(s.active for s in run.recorded) > limit("recorders"):
        raise run.fault(f"more than {limit('recorders')} variables are recorded at a time", instruction, "B111")
    alive.record(samples)


def _unrec(run: Interpreter, instruction: Instruction) -> None:
    for samples in run.recorded:
        samples.active = samples.active and samples.variable != word(instruction, 0)


def _clamp(run: Interpreter, instruction: Instruction) -> None:
    value, held = level(run, instruction, 1), neurons(run, instruction, 0, run.alive.n)
    levels = np.broadcast_to(np.asarray(value, np.float64), held.shape)
    for population in run.verified.network.populations:
        mine = levels[(held >= population.first) & (held < population.first + population.n)]
        allowed = population.model.clamp_values
        if allowed and not np.isin(mine, allowed).all():
            words = " or ".join(f"{a:g}" for a in allowed)
            raise run.fault(f"CLAMP got {value}; {population.model.name} can be held at {words}", instruction)
    run.alive.clamp(held, levels)


def _free(run: Interpreter, instruction: Instruction) -> None:
    run.alive.free(slice(None) if operand(instruction, 0) is None else neurons(run, instruction, 0, run.alive.n))


# --- reading ----------------------------------------------------------------------------------------


def energy(run: Interpreter) -> Array:
    """E of the present state with the offset, (lanes,)."""
    return run.alive.energy() + run.offset


def best_energy(run: Interpreter) -> Array:
    """The lowest energy seen with the offset, (lanes,); NaN where none was."""
    run.alive.look()
    best = run.alive.best.energy
    return np.where(np.isfinite(best), best + run.offset, np.nan)


def best_state(run: Interpreter) -> Array:
    """The state of lowest energy seen, (lanes, n)."""
    run.alive.look()
    seen, final = np.isfinite(run.alive.best.energy)[:, None], run.alive.final_as_best().astype(np.int8)
    first, n = run.alive.landscape_neurons
    final[:, first : first + n] = np.where(seen, run.alive.best.state, final[:, first : first + n])
    return final


def energy_trace(run: Interpreter) -> Array:
    """Energies over the run, (lanes, entries)."""
    entries = np.array(run.alive.trace, np.float64).reshape(len(run.alive.trace), run.alive.lanes)
    return np.ascontiguousarray(entries.T)


def spikes(run: Interpreter) -> Spikes:
    """All spikes so far, sorted by lane, time and neuron."""
    steps, neuron, lane = run.alive.spikes()
    order = np.lexsort((neuron, steps, lane))
    return Spikes(steps[order] * run.alive.step_length, neuron[order], lane[order])


def _time(run: Interpreter) -> float:
    return run.step * run.alive.step_length


OF_THE_RUN: dict[str, Callable[[Interpreter], Any]] = {
    "energy": energy,
    "best_energy": best_energy,
    "best_state": best_state,
    "energy_trace": energy_trace,
    "spikes": spikes,
    "time": _time,
    "steps": lambda run: float(run.step),
    "noise": lambda run: run.noise,
}


def _rd(run: Interpreter, instruction: Instruction) -> None:
    what = word(instruction, 0, "state")
    run.emit(what, OF_THE_RUN[what](run) if what in OF_THE_RUN else run.alive.variable(what))


def _get(run: Interpreter, instruction: Instruction) -> None:
    to, what = operand(instruction, 0), word(instruction, 1)
    assert isinstance(to, Register)
    if what not in OF_THE_RUN:
        value = float(run.alive.variable(what).sum())  # spikes, of all neurons or those of a population
    else:  # the lowest of all lanes; NaN only where no lane has seen an energy
        value = float(np.fmin.reduce(np.atleast_1d(OF_THE_RUN[what](run))))
    run.registers[to.index] = value


def _peek(run: Interpreter, instruction: Instruction) -> None:
    to = operand(instruction, 0)
    assert isinstance(to, Register)
    name = word(instruction, 1)
    (which,) = neurons(run, instruction, 2, run.alive.neurons_of(name))
    column = run.alive.variable(name)[:, which]
    run.registers[to.index] = float(column.sum()) / len(column)


def _out(run: Interpreter, instruction: Instruction) -> None:
    run.emit(output_name(instruction), number(run, instruction, 0))


DEEDS: dict[str, Deed] = {
    "ALC": _alc,
    "POP": _pop,
    **dict.fromkeys(("MODEL", "MECH", "SYN", "CON"), _nothing),
    "SET": _set,
    "LDJ": partial(_load, "LDJ"),
    "LDH": partial(_load, "LDH"),
    "LDT": partial(_load, "LDT"),
    "LDO": _ldo,
    "SIG": _sig,
    "RUN": _run,
    "RST": _rst,
    "CUR": _cur,
    "WAVE": _wave,
    "SPK": _spk,
    "POI": _poi,
    "INP": _inp,
    "PLAY": _play,
    "EVT": _evt,
    "RATE": _rate,
    "REC": _rec,
    "UNREC": _unrec,
    "CLAMP": _clamp,
    "FREE": _free,
    "RD": _rd,
    "GET": _get,
    "PEEK": _peek,
    "OUT": _out,
}
