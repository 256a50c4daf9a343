"""What each instruction means to the chosen model and the number of neurons: one checker a mnemonic.

A checker yields findings and may rely on its operands having the forms, dimensions and ranges of the instruction table,
and on data being sound in themselves. What only the run can know (the value of a register) is left to the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bioasm.isa.findings import Finding, Found, unknown
from bioasm.isa.limits import limit
from bioasm.isa.operands import check_quantity, in_range, range_words, spelled
from bioasm.isa.program import (
    ConstantRef,
    DataRef,
    Dense,
    Instruction,
    Name,
    Operand,
    Program,
    Quantity,
    Register,
    Sparse,
    Terms,
)
from bioasm.isa.stimulation import check_pulse
from bioasm.models import MODELS, Model
from bioasm.models.base import Parameter
from bioasm.units import Dimension, spell_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What a model may or may not be able to do; the other needs of instructions concern drivers only.
MODEL_ABILITIES = frozenset({"inputs", "kbody", "record", "clamp"})


@dataclass(frozen=True, eq=False)
class Scene:
    """What an instruction is checked against. `n` is None without ALC, a parameter None where unknown."""

    program: Program
    model: Model
    n: int | None
    parameters: dict[str, float | None]
    _facts: dict[tuple[str, int], list[Finding]] = field(default_factory=dict)

    @property
    def step(self) -> float | None:
        """The length of a step in the model's clock, where it is known before the run."""
        return 1.0 if self.model.clock is Dimension.SWEEPS else self.parameters.get("dt")

    def number(self, operand: Operand) -> Quantity | None:
        """The number that an operand stands for; None for a register, data or a word."""
        return self.program.quantity(operand) if isinstance(operand, Quantity | ConstantRef) else None

    def dense(self, operand: DataRef) -> NDArray[Any]:
        """The array of an operand that was found to be a dense datum."""
        value = self.program.data[operand.index].value
        assert isinstance(value, Dense)
        return value.array

    def once(self, check: Callable[..., Found], operand: DataRef, *arguments: object) -> list[Finding]:
        """What a check of a whole datum finds; a datum that stands in many instructions is looked at once."""
        key = (f"{check.__name__}{arguments}", operand.index)
        if key not in self._facts:
            self._facts[key] = list(check(self, operand, *arguments))
        return self._facts[key]


def check_meaning(scene: Scene, instruction: Instruction) -> Found:
    """What is wrong with one instruction whose operands fit the instruction table."""
    row = instruction.row
    if row.needs in MODEL_ABILITIES and row.needs not in scene.model.abilities:
        yield Finding("B114", f"model {scene.model.name} can't do {row.mnemonic} (it lacks the ability {row.needs})")
    elif row.mnemonic in CHECKERS:
        yield from CHECKERS[row.mnemonic](scene, *instruction.operands)


def whole_multiple(period: float, step: float) -> bool:
    """Whether `period` is one or more steps, to within rounding (1e-9 relative)."""
    ratio = period / step
    return ratio < 2**53 and round(ratio) >= 1 and abs(ratio - round(ratio)) <= 1e-9 * ratio


# --- shapes -----------------------------------------------------------------------------------------


def _shape(scene: Scene, what: str, operand: Operand, wanted: tuple[int | None, ...]) -> Found:
    """Whether a datum is dense and of the wanted shape; None stands for any number."""
    if not isinstance(operand, DataRef):
        return
    value = scene.program.data[operand.index].value
    if not isinstance(value, Dense):
        form = "a sparse matrix" if isinstance(value, Sparse) else "terms"
        yield Finding("B004", f"{what} {'is a vector' if len(wanted) == 1 else 'is a dense matrix'}, not {form}")
    elif len(value.shape) != len(wanted) or any(w not in (None, s) for w, s in zip(wanted, value.shape, strict=True)):
        yield Finding("B106", f"{what} must be {_shape_words(wanted)}, not {_shape_words(value.shape)}")


def _shape_words(shape: Sequence[int | None]) -> str:
    words = ["any" if side is None else str(side) for side in shape]
    return f"a vector of {words[0]} entries" if len(shape) == 1 else " x ".join(words)


def _check_couplings(scene: Scene, operand: DataRef) -> Found:
    value, n = scene.program.data[operand.index].value, scene.n
    if isinstance(value, Terms):
        yield Finding("B004", "couplings are a matrix, not terms", "terms are loaded by LDT")
    elif isinstance(value, Dense):
        yield from _shape(scene, "the matrix of couplings", operand, (n, n))
    elif n is not None and value.shape != (n, n):
        yield Finding("B106", f"the matrix of couplings must be {n} x {n}, not {value.shape[0]} x {value.shape[1]}")


def _check_biases(scene: Scene, operand: DataRef) -> Found:
    yield from _shape(scene, "the vector of biases", operand, (scene.n,))


def _check_terms(scene: Scene, operand: DataRef) -> Found:
    value = scene.program.data[operand.index].value
    if not isinstance(value, Terms):
        yield Finding("B004", "LDT takes terms, not a matrix", "terms are written terms(n) { i j k weight ... }")
    elif scene.n is not None and value.size != scene.n:
        yield Finding("B106", f"the terms must be over {scene.n} variables, not {value.size}")


# --- what data hold ---------------------------------------------------------------------------------


def _check_low(scene: Scene, operand: DataRef, what: str, low: float) -> Found:
    array = scene.dense(operand)
    if array.size and array.min() < low:
        yield Finding("B014", f"{what} must be at least {spell_number(low)}; one entry is {array.min()}")


def _check_neurons(scene: Scene, operand: DataRef) -> Found:
    """Whether a vector holds indices of neurons, none twice."""
    array = scene.dense(operand)
    flawed = list(_check_whole_below(array, scene.n))
    if array.size == 0:
        flawed.append(Finding("B106", "the vector of neurons is empty"))
    yield from flawed
    if not flawed and scene.n is not None and _repeated(array):
        yield Finding("B110", "the vector of neurons names one twice")


def _check_whole_below(array: NDArray[Any], n: int | None) -> Found:
    import numpy as np

    if array.size == 0:
        return
    if array.min() < 0 or (n is not None and array.max() >= n):
        yield Finding("B110", f"the index of a neuron is out of range: there are {n} neurons, counted from 0")
    elif array.dtype.kind == "f" and bool((np.floor(array) != array).any()):
        yield Finding("B110", "the index of a neuron is a whole number")


def _repeated(array: NDArray[Any]) -> bool:
    import numpy as np

    return np.unique(array).size < array.size


def _neurons(scene: Scene, operand: Operand) -> Found:
    """Whether an operand is the index of a neuron or a vector of such."""
    number = scene.number(operand)
    if number is not None and scene.n is not None and number.value >= scene.n:
        yield Finding("B110", f"there is no neuron {spelled(number)}: there are {scene.n}, counted from 0")
    elif isinstance(operand, DataRef):
        flawed = list(_shape(scene, "the vector of neurons", operand, (None,)))
        yield from flawed or scene.once(_check_neurons, operand)


def _one_a_neuron(scene: Scene, what: str, operand: Operand) -> Found:
    yield from _shape(scene, what, operand, (scene.n,))


# --- time -------------------------------------------------------------------------------------------


def _clock(scene: Scene, operand: Operand) -> Found:
    """Whether a duration is in the unit that the model counts in."""
    number, clock = scene.number(operand), scene.model.clock
    if number is None:
        return
    if number.dimension not in (Dimension.NONE, clock):
        counts = "sweeps" if clock is Dimension.SWEEPS else "time"
        yield Finding("B107", f"model {scene.model.name} counts in {counts}, and {spelled(number)} is not")
    elif clock is Dimension.SWEEPS and number.value != int(number.value):
        yield Finding("B014", f"{spelled(number)}: the number of sweeps must be whole")


def _check_run(scene: Scene, duration: Operand) -> Found:
    flawed = list(_clock(scene, duration))
    yield from flawed
    number, step = scene.number(duration), scene.step
    if not flawed and number is not None and step is not None and number.value / step > limit("steps"):
        yield Finding("B111", f"{spelled(number)} are more than {limit('steps')} steps, the limit of a run")


def _period(scene: Scene, operand: Operand) -> Found:
    flawed = list(_clock(scene, operand))
    yield from flawed
    number, step = scene.number(operand), scene.step
    if flawed or number is None:
        return
    if number.value <= 0:
        yield Finding("B014", "the period must be more than 0")
    elif step is not None and not whole_multiple(number.value, step):
        period, steps = (spelled(Quantity(value, scene.model.clock)) for value in (number.value, step))
        yield Finding("B014", f"a period of {period} is no whole multiple of the step, {steps}")


def _seconds(value: float) -> str:
    return spelled(Quantity(value, Dimension.TIME))


# --- one checker a mnemonic -------------------------------------------------------------------------


def _check_model(scene: Scene, name: Name) -> Found:
    if name.text not in MODELS:
        yield unknown("B103", "model", name.text, MODELS)


def _check_noise(scene: Scene, level: Operand) -> Found:
    number, noise = scene.number(level), scene.model.noise
    if number is not None and number.dimension not in (Dimension.NONE, noise):
        meaning = "a temperature, a number without unit" if noise is Dimension.NONE else f"a {noise}"
        yield Finding("B006", f"the noise of model {scene.model.name} is {meaning}; {spelled(number)} is not")


def _check_set(scene: Scene, name: Name, value: Operand) -> Found:
    parameter = scene.model.parameter(name.text)
    if parameter is None:
        yield unknown("B105", f"parameter of model {scene.model.name}", name.text, _names(scene.model.parameters))
    elif isinstance(value, Name):
        yield from _check_word(parameter, value)
    elif isinstance(value, DataRef):
        yield from _check_values(scene, parameter, value)
    elif isinstance(value, Quantity | ConstantRef):
        yield from _check_value(parameter, scene.program.quantity(value))
        yield from _check_feedback(scene, parameter)


def _check_word(parameter: Parameter, value: Name) -> Found:
    words = [word for word, _ in parameter.words]
    if not words:
        yield Finding("B004", f"parameter {parameter.name} is a number; {value.text!r} is no constant, datum or word")
    elif value.text not in words:
        yield unknown("B116", f"{parameter.name}", value.text, words)


def _check_value(parameter: Parameter, value: Quantity) -> Found:
    flawed = list(check_quantity(parameter.name, (parameter.dimension,), value))
    yield from flawed
    if flawed:
        return
    if not in_range(value.value, parameter.low, parameter.high, parameter.open_low):
        yield _out_of_range(parameter, spelled(value))
    elif parameter.words and value.value not in [number for _, number in parameter.words]:
        words = ", ".join(f"{word} ({spell_number(number)})" for word, number in parameter.words)
        yield Finding("B116", f"parameter {parameter.name} is one of {words}, not {spelled(value)}")


def _check_values(scene: Scene, parameter: Parameter, operand: DataRef) -> Found:
    """A vector for a parameter: one number a neuron, each in range."""
    if parameter.structural:
        yield Finding("B004", f"parameter {parameter.name} is one number for all neurons, not a vector")
        return
    flawed = list(_one_a_neuron(scene, f"the vector for {parameter.name}", operand))
    yield from flawed or scene.once(_check_range, operand, parameter)


def _check_range(scene: Scene, operand: DataRef, parameter: Parameter) -> Found:
    array = scene.dense(operand)
    for value in (array.min(), array.max()) if array.size else ():
        if not in_range(float(value), parameter.low, parameter.high, parameter.open_low):
            yield _out_of_range(parameter, spell_number(float(value)))
            return


def _out_of_range(parameter: Parameter, value: str) -> Finding:
    allowed = range_words(parameter.low, parameter.high, parameter.open_low)
    return Finding("B116", f"parameter {parameter.name} must be {allowed}; it is set to {value}")


def _check_feedback(scene: Scene, parameter: Parameter) -> Found:
    """The feedback comes at steps: whichever of the two is set, one divides the other."""
    interval, step = scene.parameters.get("feedback_interval"), scene.step
    if parameter.name not in ("dt", "feedback_interval") or not interval or not step or interval < 0 or step < 0:
        return
    if not whole_multiple(interval, step):
        yield Finding(
            "B116", f"feedback_interval ({_seconds(interval)}) is no whole multiple of dt ({_seconds(step)})"
        )


def _check_current(scene: Scene, current: Operand) -> Found:
    yield from _one_a_neuron(scene, "the vector of currents", current)


def _check_wave(scene: Scene, currents: DataRef, period: Operand) -> Found:
    yield from _period(scene, period)
    flawed = list(_shape(scene, "the matrix of currents", currents, (None, None)))
    yield from flawed
    if flawed or scene.n is None:
        return
    rows, columns = scene.dense(currents).shape
    if rows < 1 or columns not in (1, scene.n):
        wanted = f"at least one row and 1 or {scene.n} columns"
        yield Finding("B106", f"the matrix of currents must have {wanted}; it is {rows} x {columns}")


def _check_spikes(scene: Scene, train: DataRef, jump: Operand) -> Found:
    yield from _one_a_neuron(scene, "the vector of jumps", jump)
    flawed = list(_shape(scene, "the train of spikes (time, neuron)", train, (None, 2)))
    yield from flawed or scene.once(_check_train, train)


def _check_train(scene: Scene, train: DataRef) -> Found:
    array = scene.dense(train)
    if array.shape[0] and array[:, 0].min() < 0:
        yield Finding("B014", "the time of a spike must be at least 0")
    yield from _check_whole_below(array[:, 1], scene.n)


def _check_poisson(scene: Scene, rate: Operand, jump: Operand) -> Found:
    yield from _one_a_neuron(scene, "the vector of jumps", jump)
    flawed = list(_one_a_neuron(scene, "the vector of rates", rate))
    if not flawed and isinstance(rate, DataRef):
        flawed = scene.once(_check_low, rate, "a rate", 0.0) or scene.once(_check_rates, rate)
    number = scene.number(rate)
    yield from flawed
    if number is not None:
        yield from _probability(scene, number.value)


def _check_rates(scene: Scene, rate: DataRef) -> Found:
    array = scene.dense(rate)
    if array.size:
        yield from _probability(scene, float(array.max()))


def _probability(scene: Scene, rate: float) -> Found:
    """A step holds a Poisson spike with probability rate * dt, which is at most 1."""
    if scene.step is not None and rate * scene.step > 1:
        text = f"a rate of {spelled(Quantity(rate, Dimension.FREQUENCY))} asks for more than one spike a step"
        yield Finding("B116", f"{text} of {_seconds(scene.step)}")


def _check_record(scene: Scene, variable: Name, *options: Operand) -> Found:
    yield from _check_variable(scene, variable)
    yield from _period(scene, options[0]) if options else ()
    yield from _neurons(scene, options[1]) if len(options) > 1 else ()


def _check_variable(scene: Scene, variable: Name, *_: Operand) -> Found:
    if scene.model.variable(variable.text) is None:
        yield unknown("B108", f"variable of model {scene.model.name}", variable.text, _names(scene.model.variables))


def _check_clamp(scene: Scene, neurons: Operand, value: Operand) -> Found:
    flawed = list(_neurons(scene, neurons))
    yield from flawed
    number = scene.number(value)
    if number is not None:
        yield from _check_level(scene, number)
    if flawed or not isinstance(value, DataRef):
        return
    count = scene.dense(neurons).size if isinstance(neurons, DataRef) else 1
    flawed = list(_shape(scene, "the vector of values, one for each clamped neuron,", value, (count,)))
    yield from flawed or scene.once(_check_levels, value)


def _check_level(scene: Scene, value: Quantity) -> Found:
    variable = scene.model.variable(scene.model.clamp)
    flawed = list(check_quantity("value", (variable.dimension,), value)) if variable else []
    yield from flawed
    if not flawed and scene.model.clamp_values and value.value not in scene.model.clamp_values:
        yield _bad_level(scene, spelled(value))


def _check_levels(scene: Scene, operand: DataRef) -> Found:
    import numpy as np

    allowed, array = scene.model.clamp_values, scene.dense(operand)
    if allowed and not np.isin(array, allowed).all():
        yield _bad_level(scene, spell_number(float(array[~np.isin(array, allowed)][0])))


def _bad_level(scene: Scene, value: str) -> Finding:
    allowed = " or ".join(spell_number(level) for level in scene.model.clamp_values)
    return Finding("B116", f"model {scene.model.name} can hold {scene.model.clamp} at {allowed}, not at {value}")


def _check_free(scene: Scene, neurons: Operand | None = None) -> Found:
    if neurons is not None:
        yield from _neurons(scene, neurons)


def _check_peek(scene: Scene, to: Register, variable: Name, neuron: Operand) -> Found:
    yield from _check_variable(scene, variable)
    yield from _neurons(scene, neuron)


def _check_read(scene: Scene, what: Name | None = None) -> Found:
    if what is not None and scene.model.observable(what.text) is None:
        yield unknown("B108", f"observable of model {scene.model.name}", what.text, _names(scene.model.observables))


def _check_get(scene: Scene, to: Register, what: Name) -> Found:
    found = scene.model.observable(what.text)
    numbers = [o for o in scene.model.observables if o.register]
    if found is None:
        yield unknown("B108", f"observable of model {scene.model.name}", what.text, _names(numbers))
    elif not found.register:
        text = f"{what.text} does not fit a register; what does are {', '.join(_names(numbers))}"
        yield Finding("B108", text, f"RD {what.text} emits it as a result")


def _check_stimulation(scene: Scene, neurons: Operand, amplitude: Operand, width: Operand) -> Found:
    yield from _neurons(scene, neurons)
    yield from check_pulse(scene.number(amplitude), scene.number(width))


def _names(things: Sequence[Any]) -> list[str]:
    return [thing.name for thing in things]


CHECKERS: dict[str, Callable[..., Found]] = {
    "LDJ": _check_couplings,
    "LDH": _check_biases,
    "LDT": _check_terms,
    "SIG": _check_noise,
    "RUN": _check_run,
    "RD": _check_read,
    "MODEL": _check_model,
    "SET": _check_set,
    "CUR": _check_current,
    "WAVE": _check_wave,
    "SPK": _check_spikes,
    "POI": _check_poisson,
    "REC": _check_record,
    "UNREC": _check_variable,
    "CLAMP": _check_clamp,
    "FREE": _check_free,
    "GET": _check_get,
    "PEEK": _check_peek,
    "STIM": _check_stimulation,
}
