"""`--set NAME=VALUE`: replaces a named constant of a program, or else a default of a parameter of its network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from bioasm.diagnostics import EXIT_USAGE, BioasmError, Diagnostic, did_you_mean, error
from bioasm.isa import formulas
from bioasm.isa.limits import limit
from bioasm.isa.program import Program, Quantity
from bioasm.models.base import Parameter
from bioasm.network.namespace import PARAMETER, Member
from bioasm.network.references import DT, ProjectionRef
from bioasm.runtime.options import LaneSpan, LaneValues
from bioasm.units import Dimension, Measured, find_unit, to_si
from bioasm.verifier.gate import Verified, verify
from bioasm.verifier.semantics.bare import bare
from bioasm.wholes import Rounded

NUMBER = re.compile(r"([+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(.*)")  # and its unit


class Name(str):
    """The name of a setting with the option that gave it, where that is not `--set`, for messages."""

    option: str

    def __new__(cls, name: str, option: str = "--set") -> Name:
        """The name itself."""
        made = super().__new__(cls, name)
        made.option = option
        return made


def called(name: str) -> str:
    """The option and the name of a setting, for messages."""
    option = name.option if isinstance(name, Name) else "--set"
    return f"{option} {name}"


def split_settings(settings: Sequence[str], option: str = "--set", twice: str = "give each name once") -> dict[str, str]:
    """`["T0=5", "dt = 0.1 ms"]` as a dict.

    Raises BioasmError B406 where there is no name or no `=`, and with the hint `twice` where a name is there twice.
    """
    pairs: dict[str, str] = {}
    for setting in settings:
        name, equals, value = (part.strip() for part in setting.partition("="))
        if not (name and equals and value):
            raise _wrong("B406", f"{option} {setting}: this is not of the form NAME=VALUE")
        if name in pairs:
            raise _wrong("B406", f"{option} {name} is given twice: {pairs[name]} and {value}", twice)
        pairs[name] = value
    return pairs


_LANES = re.compile(r"([0-9]{1,9})(?::([0-9]{1,9})/([0-9]{1,9}))?")


def lane_span(text: str) -> LaneSpan:
    """The lanes that `--lanes` names: `64`, or `1000:2000/4096` for lanes 1000 to 1999 of 4096. Raises BioasmError B406."""
    match = _LANES.fullmatch(text.strip())
    hint = "a number of lanes, or FIRST:END/ALL as in 1000:2000/4096"
    if match is None:
        raise _wrong("B406", f"{text!r} tells no lanes", hint)
    first, end, everyone = match.groups()
    span = LaneSpan(0, int(first), int(first)) if end is None else LaneSpan(int(first), int(end) - int(first), int(everyone))
    if span.lanes < 1 or span.first + span.lanes > span.everyone or span.everyone > limit("all_lanes"):
        raise _wrong("B406", f"lanes {text}: there are at least 1 and at most {limit('all_lanes')}, FIRST < END <= ALL", hint)
    if span.lanes > limit("lanes"):
        raise _wrong("B406", f"lanes {text}: one run has at most {limit('lanes')} lanes", "cut the whole into smaller pieces")
    return span


def with_constants(program: Program, settings: Mapping[str, str]) -> Program:
    """The program with those of its constants replaced that `settings` names."""
    mine = {name: value for name, value in settings.items() if name in program.constants}
    return formulas.with_constants(program, {n: _constant(n, v, program.constants[n].dimension) for n, v in mine.items()})


def verified_program(program: Program, settings: Mapping[str, str]) -> tuple[Verified, dict[str, float]]:
    """The program with its constants replaced, past the gate, and the parameters that `settings` names."""
    chosen = with_constants(program, settings)
    verified = verify(chosen, step(chosen, settings))
    values = parameters(verified, settings)
    warnings = tuple(_bare(program, verified, settings))
    if values:  # whether periods fall on steps depends on dt
        verified = verify(verified.program, values)
    return replace(verified, warnings=(*warnings, *verified.warnings)), values


class LaneSettings(NamedTuple):
    """A program past the gate with the options of its run: parameters, and the values of the lanes' own."""

    verified: Verified
    parameters: dict[str, float]
    by_lane: LaneValues

    @property
    def longest(self) -> int:
        """The number of values in the longest list, 1 where lanes have no values of their own."""
        return max(map(len, self.by_lane.told.values()), default=1)


def program_with_lanes(program: Program, settings: Mapping[str, str], by_lane: Mapping[str, tuple[str, ...]]) -> LaneSettings:
    """`verified_program`, where `by_lane` names the values of the lanes' own.

    The program has the first of them, and passes the gate with the lowest and the highest as well. Raises BioasmError as
    `verified_program` does, and B406 for a name that has one value and several.
    """
    for name in settings.keys() & by_lane.keys():
        raise _wrong("B406", f"{name} is given one value for all lanes, and values of the lanes' own")
    first = {name: texts[0] for name, texts in by_lane.items()}
    verified, _ = verified_program(program, {**settings, **first})
    one_for_all = parameters(verified, settings)
    constants, own = {}, {}
    for name, texts in by_lane.items():
        if name in program.constants:
            _refuse_followers(program, name)
            constants[name] = tuple(_constant(name, text, program.constants[name].dimension).value for text in texts)
            extremes = {texts[constants[name].index(which(constants[name]))] for which in (min, max)}
            for text in sorted(extremes - {texts[0]}):
                verified_program(program, {**settings, **first, name: text})
        else:
            whole, parameter = _named(verified, name)
            if whole in own or whole in one_for_all:
                raise _twice(name, whole)
            own[whole] = tuple(_parameter(parameter, name, text) for text in texts)
    return LaneSettings(verified, one_for_all, LaneValues(constants, own))


def _refuse_followers(program: Program, name: str) -> None:
    """Refuse values of the lanes' own for a constant that others follow from: these would need some as well."""
    found = formulas.followers(program, name)
    if found:
        message = f"{called(name)}: the constant {found[0]} follows from {name}, and lanes can't have values of both"
        raise _wrong("B406", message, "give one value for all lanes, or make a run for each value")


def _bare(program: Program, verified: Verified, settings: Mapping[str, str]) -> Iterator[Diagnostic]:
    """The warnings of settings that are a number without a unit where the constant or parameter has one."""
    for name, text in settings.items():
        if NUMBER.fullmatch(text) is None:  # a word of the parameter
            continue
        if name in program.constants:
            measured = program.constants[name].dimension
        else:
            parameter = _named(verified, name)[1]
            measured = Dimension.NONE if parameter.words else parameter.dimension
        finding = bare(None, parse_quantity(name, text), measured)
        if finding is not None:
            yield Diagnostic(finding.code, f"{called(name)}={text}: {finding.message}", hint=finding.hint, severity="warning")


def step(program: Program, settings: Mapping[str, str]) -> dict[str, float]:
    """The time step that `settings` names, which models whose own ones differ can't do without."""
    if "dt" not in settings or "dt" in program.constants:
        return {}
    value = parse_quantity("dt", settings["dt"]).value
    return {"dt": value} if value > 0 else {}


def parameters(verified: Verified, settings: Mapping[str, str]) -> dict[str, float]:
    """The parameters of the program's network that `settings` names, by their whole names, in SI units.

    Raises BioasmError: B405 where a name is neither a constant nor a parameter, or the program sets it itself; B121 where
    it could mean several; B406 where two names mean one.
    """
    values: dict[str, float] = {}
    for name, text in settings.items():
        if name not in verified.program.constants:
            whole, parameter = _named(verified, name)
            _refuse_set_twice(verified, name)
            if whole in values:
                raise _twice(name, whole)
            values[whole] = _parameter(parameter, name, text)
    return values


def _named(verified: Verified, name: str) -> tuple[str, Parameter]:
    """The whole name of a parameter, and what it may be set to."""
    names = verified.names
    found, several = verified.parameter(name), names.ambiguity(PARAMETER, name)
    if isinstance(found, ProjectionRef):
        return name, found.parameter
    if found is not None and found.owner:
        return names.whole_name(Member(names.network.by_name[found.owner], found.parameter)), found.parameter
    if found is not None and name == DT:
        return DT, found.parameter
    if found is None and several is not None:
        raise _wrong("B121", f"{called(name)}: {several.message}", several.hint)
    known = [*verified.program.constants, *_settable(verified)]
    whose = f"the model {verified.model.name}" if names.network.implicit else "the network"
    text = f"{called(name)}: neither a constant of the program nor a parameter of {whose}"
    raise _wrong("B405", text, did_you_mean(name, known))


def _settable(verified: Verified) -> Iterator[str]:
    for one in verified.network.instances():
        for parameter in one.model.parameters:
            yield parameter.name
            yield f"{one.name}.{parameter.name}"


def _refuse_set_twice(verified: Verified, name: str) -> None:
    for instruction in verified.instructions:
        ref = instruction.operands[0] if instruction.mnemonic == "SET" else None
        if ref is not None and getattr(ref, "part", None) is None and ref == verified.parameter(name):
            hint = f"let the program say `.const` and `SET {name}, CONSTANT`, and set the constant"
            raise error("B405", f"{called(name)}: the program sets {name} itself", span=instruction.span, hint=hint,
                        exit_code=EXIT_USAGE)  # fmt: skip


def _constant(name: str, text: str, dimension: Measured) -> Quantity:
    given = parse_quantity(name, text)
    _require(name, given.dimension in (dimension, Dimension.NONE) or dimension is Dimension.NONE, given, dimension)
    return Quantity(given.value, given.dimension if dimension is Dimension.NONE else dimension)


def _parameter(parameter: Parameter, name: str, text: str) -> float:
    words = dict(parameter.words)
    if text in words:
        return words[text]
    if words and not NUMBER.fullmatch(text):
        hint = did_you_mean(text, words) or f"it may be {' or '.join(words)}"
        raise _wrong("B406", f"{called(name)}={text}: the parameter does not know this word", hint)
    given = parse_quantity(name, text)
    _require(name, given.dimension in (parameter.dimension, Dimension.NONE), given, parameter.dimension)
    if not parameter.low <= given.value <= parameter.high or (parameter.open_low and given.value == parameter.low):
        from bioasm.reference import describe_range

        raise _wrong("B116", f"{called(name)}={text}: out of range{describe_range(parameter)}")
    return given.value


def parse_quantity(name: str, text: str) -> Quantity:
    """A number with an optional unit. Raises BioasmError B406 (no number) or B005 (unknown unit)."""
    match = NUMBER.fullmatch(text)
    if match is None:
        raise _wrong("B406", f"{called(name)}={text}: {text} is no number", "a number may have a unit, as in 10 mV")
    number, symbol = match.groups()
    unit = find_unit(symbol) if symbol else None
    if symbol and unit is None:
        raise _wrong("B005", f"{called(name)}={text}: there is no unit {symbol}")
    try:
        return Quantity(to_si(number, unit), unit.dimension if unit else Dimension.NONE)
    except Rounded as fault:
        raise _wrong("B115", f"{called(name)}={text}: {fault}", fault.hint) from None
    except ValueError as cause:
        raise _wrong("B406", f"{called(name)}={text}: {cause}") from None


def _require(name: str, fits: bool, given: Quantity, dimension: Measured) -> None:
    if not fits:
        raise _wrong("B006", f"{called(name)}: it is a {dimension}, not a {given.dimension}")


def _twice(name: str, whole: str) -> BioasmError:
    return _wrong("B406", f"{name} is given twice; it is {whole}")


def _wrong(code: str, message: str, hint: str | None = None) -> BioasmError:
    return error(code, message, hint=hint, exit_code=EXIT_USAGE)
