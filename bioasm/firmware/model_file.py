"""A model of the firmware as one C file: its step as the C printer prints it, and a table of its memory, parameters and words.

The memory is that of the compiled machine for one lane. What an array takes for n neurons is found from machines of two sizes,
and compared with a third.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import error
from bioasm.loading import from_text
from bioasm.models import MODELS
from bioasm.models.base import NEURON, SPINS, Model, Parameter
from bioasm.models.expression import Binary, Call, Expression, Negation, Number, Symbol
from bioasm.units import Dimension
from bioasm.verifier.gate import verify
from bioasm.verifier.resolve import shown
from bioasm.vm.codegen.c_file import ANY, FIRMWARE, ising_file, network_file
from bioasm.vm.codegen.c_functions import c_number
from bioasm.vm.codegen.system import COUPLED
from bioasm.vm.initial import present
from bioasm.vm.layout import NARROW_ARRAYS, Ctx
from bioasm.vm.machine import Machine
from bioasm.vm.network_state import Populations

Array = NDArray[Any]
_SIZES = (40, 104, 72)  # above every size from which arrays grow otherwise, and below one chunk of random numbers
# The firmware makes these itself: the program's, those of J, h and terms, and those of spins.
# fmt: off
_ELSEWHERE = frozenset((
    "CODE", "VALUES", "OUT_VALUE", "OUT_PC", "J", "J_TAIL", "J_ROW", "J_COLUMN", "H", "TERM_START", "TERM_INDEX",
    "TERM_VALUE", "OF_START", "OF_TERM", "LIMB", "SINGLE", "BLOCK", "ADDRESS", "NUMBER", "WHOLE", "KEY0", "KEY1", "NOISE_KEY",
    "POPULATION", "VARIABLE_N", "RECORDER", "LEVEL", "SPIN", "FIELD", "THRESHOLD", "DELTA", "CHANGE", "PRODUCT",
    "MERGE_OTHER", "MERGE_LABEL", "MERGE_QUEUE", "MERGE_KEY", "EXCHANGE_ROW", "EXCHANGE_LEVEL", "EXCHANGE_KEY", "PARTIAL",
    *NARROW_ARRAYS,
))
# fmt: on
# Numbers of `ctx` that the program, the run or parameters decide; all others follow from the number of neurons.
# fmt: off
_OF_THE_RUN = frozenset((
    "PC", "CODE_LENGTH", "FUEL", "BUDGET", "MAX_STEPS", "OUT_CAPACITY", "DIRTY", "CLAMPED", "FEEDBACK_EVERY", "SYMMETRIC",
    "FOLLOWED",
))
# fmt: on
_ANEW = ("ring:", "delayed:", "mark:", "events:", "spiked:", "spikes_of:", "frozen:", COUPLED)  # RST makes them zeros
_CALLS = ("exp", "exprelr", "log", "sqrt", "sin", "cos", "tanh", "abs")  # of one number, in initial values
_OF_VECTORS = ("word:",)  # arrays that only vectors of the compiled kernels need


class _Region(NamedTuple):
    """An array: its place among addresses in `ctx`, or -1 - that among fields; bytes; what every entry holds at first."""

    slot: int
    anew: int
    per_neuron: int
    more: int
    fill: float


def spins_files() -> dict[str, str]:
    """The files of `ising` by name: steps with fields in whole numbers and in float64, and its tables."""
    whole = {"ising_whole": True, "ising_real": False}
    steps = {f"{name}.c": _file(name, ising_file(ANY, fields, FIRMWARE)) for name, fields in whole.items()}
    with _machines(_allocated(f"MODEL ising\nALC {n}\nRUN 0\n") for n in _SIZES) as machines:
        return steps | {"model_ising.c": _spins(MODELS["ising"], machines)}


def model_file(name: str) -> str:
    """The C file of a shipped model that is no model of spins.

    Raises:
        BioasmError: B401, there is no such model; B406, it has what the firmware's tables can't express.
    """
    model = MODELS.get(name)
    if model is None:
        raise error("B401", f"there is no model {name!r}")
    if model.kind == SPINS:
        raise error("B406", f"{name} is a model of spins, which every firmware has")
    if model.kind != NEURON:
        raise error("B406", f"{name} is no model of neurons")
    with _machines(_machine(model, n) for n in _SIZES) as machines:
        return _network(model, machines)


def _file(name: str, dynamics: str) -> str:
    """The dynamics in a file of its own, whose only name is `dynamics_NAME`."""
    whole = "#define J_WHOLE_FIELDS\n" if name == "ising_whole" else ""
    view = f'{whole}#include "couplings.h"\n'
    renamed = f"#define bio_dynamics dynamics_{name}\n"
    return f"{_head(dynamics)}{view}{renamed}{_body(dynamics)}"


def _head(dynamics: str) -> str:
    return dynamics[: dynamics.index("#include")]


def _body(dynamics: str) -> str:
    return dynamics[dynamics.index("#include") :]


# --- machines of several sizes ------------------------------------------------------------------------


@contextmanager
def _machines(made: Iterator[Machine]) -> Iterator[list[Machine]]:
    machines: list[Machine] = []
    try:
        machines.extend(made)
        yield machines
    finally:
        for machine in machines:
            machine.close()


def _allocated(text: str) -> Machine:
    """A machine of a program right after its ALC."""
    machine = Machine(verify(from_text(text, source="firmware", folder=Path())), 0)
    machine.state.ctx[Ctx.BUDGET] = 100
    while not machine.allocated:
        machine.turn()
    return machine


def _machine(model: Model, n: int) -> Machine:
    """A machine right after ALC, bound to the source for clamped neurons, in which every variable can be read."""
    peeked = "\n".join(f"PEEK r0, {name}, 0" for name in _variables(model))
    machine = _allocated(f"MODEL {model.name}\nALC {n}\nRUN 0 s\n{peeked}\n")
    assert isinstance(machine.model, Populations)
    machine.state.ctx[Ctx.CLAMPED] = 1
    machine.model.arrays.stale = True
    machine.model.bind()
    return machine


def _variables(model: Model) -> list[str]:
    names = [variable.name for variable in model.variables]
    return list(dict.fromkeys([*names, *(["spike_count"] if model.spikes else [])]))


def _arrays(machine: Machine) -> dict[int, Array]:
    model, state = machine.model, machine.state
    assert isinstance(model, Populations)
    found = {int(Ctx[f"{name}_AT"]): array for name, array in state.arrays.items() if name not in _ELSEWHERE}
    for place, name in enumerate(model.generated.layout.fields):
        found[-1 - place] = state.fields[name]
    return found


def _regions(machines: list[Machine], names: list[str]) -> Iterator[_Region]:
    small, large, between = (_arrays(machine) for machine in machines)
    for slot, array in small.items():
        per, more = _line(f"the array {slot}", [array.nbytes, large[slot].nbytes, between[slot].nbytes])
        name = names[-1 - slot] if slot < 0 else ""
        per, more = (0, 8) if name.startswith(_OF_VECTORS) else (per, more)
        yield _Region(slot, int(name.startswith(_ANEW)), per, more, _filled(array))


def _filled(array: Array) -> float:
    values = np.unique(array)
    return float(values[0]) if len(values) == 1 and array.dtype == np.float64 else 0.0


# --- the tables ---------------------------------------------------------------------------------------


def _spins(model: Model, machines: list[Machine]) -> str:
    """The tables of a model of spins, whose memory the firmware makes itself."""
    variables = [variable.name for variable in model.variables]
    seen = {name: name for name in variables} | {o.name: o.variable for o in model.observables if o.variable}
    lines = ['/* Printed by `bioasm firmware`. */\n#include "model.h"']
    lines.append(_table("bio_parameter", "the_parameters", [_parameter(p, [], []) for p in model.parameters]))
    lines.append(_table("bio_word", "the_words", [f'{{"{word}", {variables.index(name)}}}' for word, name in seen.items()]))
    lines.append(_table("bio_state", "the_states", [f"{{-1, {int(name == model.clamp)}, 0}}" for name in variables]))
    lines += [_sizes_table(machines), _choices_table(model)]
    tables = {one: f"the_{one}s" for one in ("parameter", "word", "state", "choice", "size")}
    rows = [f'.name = "{model.name}", .clock = "{model.clock.name}", .spins = 1, .hold = -1, .timing = {{-1, -1, -1}}']
    rows += [f".state = {variables.index(seen['state'])}, .noise = {c_number(model.noise_default)}"]
    rows += [f".{one}s = {table}, .{one}_count = sizeof {table} / sizeof *{table}" for one, table in tables.items()]
    listed = ",\n    ".join(rows)
    lines.append(f"const bio_model MODEL_{model.name} = {{\n    {listed}}};")
    return "\n".join(lines) + "\n"


def _choices_table(model: Model) -> str:
    choices = [f'{{{k}, "{word}", {c_number(value)}}}' for k, p in enumerate(model.parameters) for word, value in p.words]
    return _table("bio_choice", "the_choices", choices)


def _network(model: Model, machines: list[Machine]) -> str:
    machine = machines[0]
    populations = machine.model
    assert isinstance(populations, Populations)
    made, layout = populations.generated, populations.generated.layout
    fields, numbers = list(layout.fields), list(layout.numbers)
    name = model.name
    parameters = [p.name for p in model.parameters]
    lines = [_file(name, network_file(made, ANY if populations.coupled is not None else "", FIRMWARE)), '#include "model.h"']
    lines += _starts(model, parameters)
    lines.append(_table("bio_parameter", "the_parameters", [_parameter(p, fields, numbers) for p in model.parameters]))
    lines.append(_table("bio_word", "the_words", _words(model, populations)))
    lines.append(_table("bio_state", "the_states", [_state(k, model, fields) for k in range(len(model.states))]))
    regions = [f"{{{r.slot}, {r.anew}, {r.per_neuron}, {r.more}, {c_number(r.fill)}}}" for r in _regions(machines, fields)]
    lines.append(_table("bio_region", "the_regions", regions))
    lines.append(_table("bio_whole", "the_wholes", list(_wholes(machines))))
    lines.append(_sizes_table(machines))
    lines.append(_choices_table(model))
    lines.append(_table("int16_t", "the_numbers", [str(_place(parameters, n.removeprefix("p0."))) for n in numbers]))
    feedback = model.feedback
    places = [_place(parameters, word) for word in ("dt", *((feedback.within, feedback.every) if feedback else ("", "")))]
    spiking = int(model.spikes)
    hold = next((k for k, field in enumerate(fields) if field.startswith("hold:")), -1)
    noises = max(made.noises)
    clock = "TIME" if model.clock is Dimension.TIME else model.clock.name
    state = populations.arrays.numbered.index(f"p0.{shown(model, 'state')}") if model.observable("state") else -1
    rows = [f'"{name}", "{clock}", 0, {int(feedback is not None)}, {spiking}, {noises}, {len(fields)}, {hold}, {state}']
    rows += [f"{{{', '.join(map(str, places))}}}", c_number(model.noise_default), f"dynamics_{name}"]
    for table in ("the_parameters", "the_words", "the_states", "the_regions", "the_wholes", "the_numbers"):
        rows.append(f"{table}, sizeof {table} / sizeof *{table}")
    rows += [f"the_choices, {sum(len(p.words) for p in model.parameters)}", "the_sizes, sizeof the_sizes / sizeof *the_sizes"]
    lines.append(f"const bio_model MODEL_{name} = {{{', '.join(rows)}}};")
    return "\n".join(lines) + "\n"


def _table(kind: str, name: str, rows: list[str]) -> str:
    return f"static const {kind} {name}[] = {{\n    " + ",\n    ".join(rows or ["{0}" if kind != "int16_t" else "0"]) + "};"


def _place(names: list[str], name: str) -> int:
    return names.index(name) if name in names else -1


def _parameter(p: Parameter, fields: list[str], numbers: list[str]) -> str:
    places = f"{_place(fields, f'p0.{p.name}')}, {_place(numbers, f'p0.{p.name}')}"
    flags = f"{int(p.open_low)}, {int(p.structural)}"
    return f'{{"{p.name}", {c_number(p.default)}, {c_number(p.low)}, {c_number(p.high)}, {flags}, {places}}}'


def _state(k: int, model: Model, fields: list[str]) -> str:
    name = model.states[k].name
    return f"{{{fields.index(f'p0.{name}')}, {int(name == model.clamp)}, start_{k}}}"


def _words(model: Model, populations: Populations) -> list[str]:
    """Every word that RD, GET or PEEK may use for a variable, and the number of the variable."""
    numbered = populations.arrays.numbered
    words = {name: name for name in _variables(model)} | {o.name: shown(model, o.name) for o in model.observables}
    known = {word: f"p0.{name}" for word, name in words.items() if f"p0.{name}" in numbered}
    return [f'{{"{word}", {numbered.index(name)}}}' for word, name in known.items()]


def _wholes(machines: list[Machine]) -> Iterator[str]:
    populations = machines[0].model
    assert isinstance(populations, Populations)
    for name in populations.generated.layout.wholes:
        per, more = _line(name, [int(machine.state.wholes[name]) for machine in machines])
        yield f"{{{per}, {more}}}"


def _sizes_table(machines: list[Machine]) -> str:
    return _table("bio_size", "the_sizes", list(_sizes(machines)))


def _sizes(machines: list[Machine]) -> Iterator[str]:
    """The numbers of `ctx`, of those that are no addresses, that the number of neurons decides."""
    for slot in (slot for slot in Ctx if not slot.name.endswith("_AT") and slot.name not in _OF_THE_RUN):
        per, more = _line(slot.name, [int(machine.state.ctx[slot]) for machine in machines])
        if per or more:
            yield f"{{{int(slot)}, {per}, {more}}}"


def _line(name: str, numbers: list[int]) -> tuple[int, int]:
    """How a number grows: by the first for each neuron, from the second on. Raises BioasmError B406 where it does not."""
    small, large, between = numbers
    per = (large - small) // (_SIZES[1] - _SIZES[0])
    if between != small + per * (_SIZES[2] - _SIZES[0]):
        raise error("B406", f"{name} does not grow by the number of neurons alone")
    return per, small - per * _SIZES[0]


# --- what states start as -----------------------------------------------------------------------------


def _starts(model: Model, parameters: list[str]) -> Iterator[str]:
    """A function for each state: its value at the start, from the parameters of a neuron."""
    for k, state in enumerate(model.states):
        text = _value(present(state.initial), model, parameters)
        yield f"static double start_{k}(const double *p) {{ (void)p; return {text}; }}"


def _value(node: Expression, model: Model, parameters: list[str]) -> str:
    match node:
        case Number(value):
            return c_number(value)
        case Negation("-", operand):
            return f"(-{_value(operand, model, parameters)})"
        case Binary(operator, left, right) if operator in "+-*/":
            return f"({_value(left, model, parameters)} {operator} {_value(right, model, parameters)})"
        case Symbol(name) if name in parameters:
            return f"p[{parameters.index(name)}]"
        case Symbol(name):
            known = {s.name: s.initial for s in model.states} | {d.name: d.expression for d in model.definitions}
            if name in known:
                return _value(present(known[name]), model, parameters)
        case Call(function, arguments) if function in _CALLS:
            return f"bio_{function}({', '.join(_value(a, model, parameters) for a in arguments)})"
    raise error("B406", f"what a state of {model.name} starts as is no sum or product of parameters, which the firmware needs")
