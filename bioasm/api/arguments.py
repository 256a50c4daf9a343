"""Type checks of arguments of public calls, before any work is done."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields
from math import isnan
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any

from bioasm.diagnostics import did_you_mean, error
from bioasm.settings import lane_span

_WHOLE = ("seed", "lanes", "threads", "fuel", "first_lane", "all_lanes")
_REAL = ("time_limit", "target", "checkpoint_every")


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a run as plain numbers. Raises TypeError for an unknown option, BioasmError B406 for an invalid number."""
    from bioasm.drivers import RunOptions

    known = [field.name for field in fields(RunOptions)]
    for name in options:
        if name not in known:
            raise TypeError(f"a run has no option {name!r}: {did_you_mean(name, known) or 'there are ' + ', '.join(known)}")
    return {name: _option(name, value) for name, value in options.items()}


def _option(name: str, value: Any) -> Any:
    if value is None and name not in ("seed", "lanes", "fuel", "first_lane"):
        return None
    if name in _WHOLE:
        return whole(name, value)
    if name == "spool":
        return folder(name, value)
    return real(name, value) if name in _REAL else value


def whole(name: str, value: Any) -> int:
    """Check an integer, of Python or numpy, or a float with an integral value. Raises BioasmError B406."""
    is_whole = isinstance(value, Integral) or (isinstance(value, Real) and float(value).is_integer())
    if not is_whole or isinstance(value, bool):
        raise error("B406", f"{name} is {_shown(value)}; it is a whole number")
    return int(value)


def real(name: str, value: Any) -> float:
    """Check a real number. Raises BioasmError B406."""
    if not isinstance(value, Real) or isinstance(value, bool) or isnan(value):
        raise error("B406", f"{name} is {_shown(value)}; it is a number")
    return float(value)


def folder(name: str, value: Any) -> Path:
    """Check a path. Raises BioasmError B406."""
    if not isinstance(value, str | PathLike) or not str(value):
        raise error("B406", f"{name} is {_shown(value)}; it is a path")
    return Path(value)


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """Check a dict by name, empty for None. Raises BioasmError B406."""
    if value is not None and not (isinstance(value, Mapping) and all(isinstance(key, str) for key in value)):
        raise error("B406", f"{name} is {_shown(value)}; it is a dict by name")
    return value or {}


def names_from(value: Any) -> tuple[Hashable, ...]:
    """Check names of variables, empty for None. Raises BioasmError B406 for anything but a sequence of hashable names."""
    try:
        found = () if value is None else tuple(value)
        hash(found)
    except TypeError:
        raise error("B406", f"names is {_shown(value)}; it is a list of texts, numbers or tuples") from None
    return found


def function(name: str, value: Any) -> Callable[..., Any] | None:
    """Check a callable or None. Raises BioasmError B406."""
    if value is not None and not callable(value):
        raise error("B406", f"{name} is {_shown(value)}; it is a function")
    return value  # type: ignore[no-any-return]  # what can be called is known no better


def lanes_of(lanes: Any) -> dict[str, Any]:
    """Parse `lanes=`: an integer, or a piece as a text like `1000:2000/4096`. Raises BioasmError B406."""
    if not isinstance(lanes, str):
        return {"lanes": lanes}
    return lane_span(lanes).options


def values_of_lanes(given: Any) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """Split `set=` into scalars and per-lane values (as texts). Raises BioasmError B406."""
    values = mapping("set", given)
    several = {name: listed(name, value) for name, value in values.items() if _is_list(value)}
    return {name: value for name, value in values.items() if name not in several}, several


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | range) or getattr(value, "ndim", 0) == 1


def listed(name: str, value: Any) -> tuple[str, ...]:
    """The values that a list or an array gives a name of `set=`, as texts. Raises BioasmError B406."""
    found = tuple(one if isinstance(one, str) else repr(real(f"set[{name!r}][{k}]", one)) for k, one in enumerate(value))
    if not found:
        raise error("B406", f"set[{name!r}] has no values")
    return found


def settings_of(given: Any) -> dict[str, str]:
    """The values of `set=` as texts. Raises BioasmError B406."""
    values = mapping("set", given).items()
    return {name: value if isinstance(value, str) else repr(real(f"set[{name!r}]", value)) for name, value in values}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"
