"""Parameters of the mapping of a program's neurons onto electrodes, with their units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import error

Array = NDArray[Any]

PREFIX = "culture."  # a run's parameters whose names begin so replace those of the mapping


@dataclass(frozen=True, slots=True)
class MappingParameters:
    """The parameters of the mapping, in SI units. docs/board.md says what each does and why it has its value."""

    interval: float = 0.010  # s, between two updates of the feedback: one pulse an electrode in each
    window: float = 0.100  # s, in which spikes are counted
    saturation: float = 130.0  # Hz an electrode, the rate that is s = 1
    amplitude: float = 6e-6  # A, of the pulse that drive 1 gives
    width: float = 200e-6  # s, of each of its two phases
    bias: float = 0.28  # drive where I = 0
    noise_rate: float = 20.0  # Hz, of random pulses where SIG is above 0
    noise_full: float = 10e-3  # V, the SIG that gives random pulses the full amplitude
    baseline: float = 0.5  # s, of silence before the program, in which the noise of channels is measured
    threshold: float = 5.0  # standard deviations of the noise that a spike must pass
    blind: float = 3e-3  # s, for which a stimulated channel is blind from the start of its pulse on
    blind_others: float = 0.75e-3  # s, the same for all others

    def with_values(self, values: Mapping[str, float]) -> MappingParameters:
        """A copy with some values replaced. Raises BioasmError B405 for an unknown name, B406 for an invalid value."""
        known = {field.name for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise error("B405", f"the culture has no parameter {name!r}", hint=f"it has {', '.join(sorted(known))}")
            if not (np.isfinite(value) and value >= 0 and (value > 0 or name in _MAY_BE_ZERO)):
                raise error("B406", f"{PREFIX}{name} is {value:g}; it must be a finite number above 0")
        changed = replace(self, **values)
        _check(changed)
        return changed


_MAY_BE_ZERO = frozenset({"bias", "noise_rate", "baseline", "blind", "blind_others"})


def _check(p: MappingParameters) -> None:
    """Check that times are whole milliseconds, the culture's step, and shares at most 1."""
    for name in ("interval", "window", "baseline"):
        if abs(getattr(p, name) * 1e3 - round(getattr(p, name) * 1e3)) > 1e-6:
            raise error("B406", f"{PREFIX}{name} is {getattr(p, name):g} s; it must be whole milliseconds")
    if p.bias > 1:
        raise error("B406", f"{PREFIX}bias is {p.bias:g}; it is a drive, from 0 to 1")
    if not 0.010 <= p.interval <= 1 or p.width > 300e-6:
        raise error("B406", f"{PREFIX}interval must be 10 ms to 1 s and {PREFIX}width at most 300 us")
    if p.window < p.interval or p.noise_rate * p.interval > 1:
        raise error("B406", "the window holds at least one interval, and an interval at most one random pulse")


def scaled(current: Array, largest: float) -> Array:
    """I scaled down so that max |I| is `largest`, as the LIF twin does (I_max); left alone where it is below."""
    peak = float(np.abs(current).max(initial=0.0))
    return current * (largest / peak) if peak > largest else current


def drive(current: Array, largest: float, bias: float) -> Array:
    """The drive of each electrode, 0 to 1, from I in [-largest, largest].

    I = 0 gives `bias`, the largest I gives 1, and the lowest gives 0, on two straight lines: negative I takes stimulation away.
    """
    u = current / largest if largest > 0 else np.zeros_like(current)
    return np.asarray(np.clip(np.where(u >= 0, bias + (1 - bias) * u, bias + bias * u), 0.0, 1.0))
