"""Parser of values of settings of a sweep or of lanes: a list `1,2,5`, or evenly spaced `start:stop:count`, with units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bioasm.api.arguments import listed
from bioasm.diagnostics import EXIT_USAGE, BioasmError, error
from bioasm.settings import NUMBER, Name, called, parse_quantity, split_settings

MOST_VALUES = 1 << 16


def axes(settings: Sequence[str], option: str = "--set") -> dict[str, tuple[str, ...]]:
    """The values of each name, in the order given, each name once. Raises BioasmError B406, B005."""
    found = split_settings(settings, option, f"all values of a name go into one list: {option} T=1,2,5")
    return {name: values(name, text) for name, text in ((Name(name, option), text) for name, text in found.items())}


def axes_of(settings: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The values of each name from Python: a text as on the command line, a number, or a list of numbers and texts."""
    return {name: _given(name, value) for name, value in settings.items()}


def _given(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return values(name, value)
    return listed(name, value if hasattr(value, "__iter__") else [value])


def values(name: str, text: str) -> tuple[str, ...]:
    """Parse the values in a text, each in the form of `--set`."""
    if ":" in text:
        return _spaced(name, text)
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise _wrong(f"{called(name)}={text}: a value is missing")
    return found


def _spaced(name: str, text: str) -> tuple[str, ...]:
    parts = [NUMBER.fullmatch(part.strip()) for part in text.split(":")]
    if len(parts) != 3 or None in parts:
        raise _wrong(f"{called(name)}={text}: this is not of the form START:STOP:COUNT")
    (start, one), (stop, other), (count, third) = (part.groups() for part in parts if part)
    units = {unit for unit in (one, other, third) if unit}
    if len(units) > 1:
        raise _wrong(f"{called(name)}={text}: START and STOP have different units")
    if not count.isdecimal() or not 2 <= int(count) <= MOST_VALUES:
        raise _wrong(f"{called(name)}={text}: COUNT is a whole number from 2 to {MOST_VALUES}")
    unit = f" {units.pop()}" if units else ""
    first, last = (parse_quantity(name, number).value for number in (start, stop))
    parse_quantity(name, start + unit)  # raises for an unknown unit
    steps = int(count) - 1
    return tuple(f"{float(f'{first + (last - first) * k / steps:.15g}')!r}{unit}" for k in range(steps + 1))


def _wrong(message: str) -> BioasmError:
    return error("B406", message, hint="1:10:10, 1mV:5mV:9 or 1,2,5", exit_code=EXIT_USAGE)
