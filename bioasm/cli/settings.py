"""`--set NAME=VALUE`: replaces a named constant of a program, or else a default of its model's parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bioasm.diagnostics import EXIT_USAGE, BioasmError, did_you_mean, error
from bioasm.isa.program import Name, Program, Quantity
from bioasm.models import Model
from bioasm.models.base import Parameter
from bioasm.units import Dimension, find_unit, to_si

_NUMBER = re.compile(r"([+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(.*)")


def split_settings(settings: Sequence[str], option: str = "--set") -> dict[str, str]:
    """`["T0=5", "dt = 0.1 ms"]` as a dict. Raises BioasmError B406 where there is no name or no `=`."""
    pairs = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise _wrong("B406", f"{option} {setting}: this is not of the form NAME=VALUE")
        pairs[name.strip()] = value.strip()
    return pairs


def with_constants(program: Program, settings: Mapping[str, str]) -> Program:
    """The program with those of its constants replaced that `settings` names."""
    mine = {name: value for name, value in settings.items() if name in program.constants}
    return program.with_constants({n: _constant(n, v, program.constants[n].dimension) for n, v in mine.items()})


def parameters(program: Program, model: Model, settings: Mapping[str, str]) -> dict[str, float]:
    """The parameters of the model that `settings` names, in SI units.

    Raises BioasmError: B405 where a name is neither a constant nor a parameter, or the program sets it itself.
    """
    values = {}
    for name, text in settings.items():
        if name in program.constants:
            continue
        parameter = model.parameter(name)
        if parameter is None:
            known = [*program.constants, *(p.name for p in model.parameters)]
            text = f"--set {name}: neither a constant of the program nor a parameter of the model {model.name}"
            raise _wrong("B405", text, did_you_mean(name, known))
        _refuse_set_twice(program, name)
        values[name] = _parameter(parameter, text)
    return values


def _refuse_set_twice(program: Program, name: str) -> None:
    for instruction in program.instructions:
        if instruction.mnemonic == "SET" and instruction.operands[0] == Name(name):
            hint = f"let the program say `.const` and `SET {name}, CONSTANT`, and set the constant"
            raise error("B405", f"--set {name}: the program sets {name} itself", span=instruction.span, hint=hint,
                        exit_code=EXIT_USAGE)  # fmt: skip


def _constant(name: str, text: str, dimension: Dimension) -> Quantity:
    given = parse_quantity(name, text)
    _require(name, given.dimension in (dimension, Dimension.NONE) or dimension is Dimension.NONE, given, dimension)
    return Quantity(given.value, given.dimension if dimension is Dimension.NONE else dimension)


def _parameter(parameter: Parameter, text: str) -> float:
    words = dict(parameter.words)
    if text in words:
        return words[text]
    if words and not _NUMBER.fullmatch(text):
        hint = did_you_mean(text, words) or f"it may be {' or '.join(words)}"
        raise _wrong("B406", f"--set {parameter.name}={text}: the parameter does not know this word", hint)
    given = parse_quantity(parameter.name, text)
    _require(parameter.name, given.dimension in (parameter.dimension, Dimension.NONE), given, parameter.dimension)
    if not parameter.low <= given.value <= parameter.high or (parameter.open_low and given.value == parameter.low):
        from bioasm.reference import describe_range

        raise _wrong("B116", f"--set {parameter.name}={text}: out of range{describe_range(parameter)}")
    return given.value


def parse_quantity(name: str, text: str) -> Quantity:
    """A number with an optional unit. Raises BioasmError B406 (no number) or B005 (unknown unit)."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise _wrong("B406", f"--set {name}={text}: {text} is no number", "a number may have a unit, as in 10 mV")
    number, symbol = match.groups()
    unit = find_unit(symbol) if symbol else None
    if symbol and unit is None:
        raise _wrong("B005", f"--set {name}={text}: there is no unit {symbol}")
    try:
        return Quantity(to_si(number, unit), unit.dimension if unit else Dimension.NONE)
    except ValueError as cause:
        raise _wrong("B406", f"--set {name}={text}: {cause}") from None


def _require(name: str, fits: bool, given: Quantity, dimension: Dimension) -> None:
    if not fits:
        raise _wrong("B006", f"--set {name}: it is a {dimension}, not a {given.dimension}")


def _wrong(code: str, message: str, hint: str | None = None) -> BioasmError:
    return error(code, message, hint=hint, exit_code=EXIT_USAGE)
