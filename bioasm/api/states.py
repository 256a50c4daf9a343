"""Conversion of user states, by names or as an array, to values of a problem's variables."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from bioasm.diagnostics import BioasmError, did_you_mean, error
from bioasm.problems.numbers import Floats
from bioasm.problems.polynomial import BIT


def values_at(state: Any, names: tuple[Hashable, ...], domain: str) -> Floats:
    """The value of each variable: bits 0 and 1, or spins -1 and +1, in the order of `names`.

    Of bits, a state that holds a -1 and nothing but -1 and +1 is one of spins, as `Result.best_state` has it, and becomes
    bits (1 + s)/2; where it holds no -1 both say the same. Raises BioasmError B303.
    """
    values = _numbers(_by_name(state, names) if isinstance(state, Mapping) else state)
    if values.ndim != 1:
        row = "; best_state has a row a lane: best_state[0]" if values.ndim == 2 else ""
        raise _fault(f"it has {values.ndim} dimensions", f"a list of {len(names)} values, or a dict by name, is wanted{row}")
    if len(values) != len(names):
        raise _fault(f"it has {len(values)} values, and the problem {len(names)} variables", None)
    return _in_domain(values, names, domain)


def _fault(why: str, hint: str | None) -> BioasmError:
    return error("B303", f"the state can't be used: {why}", hint=hint)


def _by_name(state: Mapping[Any, Any], names: tuple[Hashable, ...]) -> list[Any]:
    known = set(names)
    unknown = next((name for name in state if name not in known), None)
    if unknown is not None or None in state.keys() - known:
        hint = did_you_mean(str(unknown), [str(name) for name in names])
        raise _fault(f"the problem has no variable {unknown!r}", hint)
    missing = [name for name in names if name not in state]
    if missing:
        raise _fault(f"the variable {missing[0]!r} has no value", None)
    return [state[name] for name in names]


def _numbers(values: Any) -> Floats:
    """Real numbers. Raises BioasmError B303."""
    try:
        found = np.asarray(values)
    except (TypeError, ValueError):
        found = np.asarray(None)
    if found.dtype.kind not in "biuf" or np.ma.is_masked(values):
        raise _fault("these are no real numbers", "a list of values, or a dict by name, is wanted")
    return found.astype(np.float64)


def _in_domain(values: Floats, names: tuple[Hashable, ...], domain: str) -> Floats:
    spins = np.abs(values) == 1
    if domain == BIT and (values == -1).any() and spins.all():
        return (1 + values) / 2
    right = (values == 0) | (values == 1) if domain == BIT else spins
    if right.all():
        return values
    place = int(np.argmin(right))
    own = "bits, 0 or 1" if domain == BIT else "spins, -1 or +1"
    hint = None if domain == BIT else "a bit x is the spin 2x - 1"
    raise _fault(f"the variable {names[place]!r} is {values[place]:g}, and the problem's are {own}", hint)
