"""The limits of stimulation, the electrodes they hold for, and the table of both that a board is armed with.

The defaults are those for electrodes of the size of cells. Charge per phase: 3 nC is what the makers of the CL1 allow,
below the 4 nC that are widely quoted for microelectrodes. Charge density: half of what the material can inject.
Shannon's k: R. V. Shannon, IEEE Trans. Biomed. Eng. 39, 424 (1992), log10 D = k - log10 Q with D in uC/cm2 and Q in uC;
damage was seen from k = 1.85 on. For small electrodes charge and density bind long before k does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import inf, isfinite, isnan, pi

from bioasm.safety.materials import MATERIALS, MICROCOULOMB_PER_CM2, UNKNOWN
from bioasm.safety.refusal import Refusal, Rule

_MOST = 1e12  # of any limit in its SI unit, so that pauses in samples are numbers
_LEAST = 1e-6  # of a rate in Hz and of a share of time


@dataclass(frozen=True, slots=True)
class Electrode:
    """One electrode: its geometric area in m2, its material, and limits of its own beside the general ones."""

    area: float
    material: str = UNKNOWN
    max_current: float = inf
    max_charge: float = inf
    allowed: bool = True

    def __post_init__(self) -> None:
        if not (self.area > 0 and isfinite(self.area)):
            raise ValueError(f"the area of an electrode is {self.area:g} m2; it must be more than 0")
        if self.material not in MATERIALS:
            raise ValueError(f"there is no material {self.material!r}; known are {', '.join(MATERIALS)}")
        for what, most in (("current", self.max_current), ("charge", self.max_charge)):
            if isnan(most) or most < 0:
                raise ValueError(f"the greatest {what} of an electrode is {most:g}; it must be at least 0")

    @classmethod
    def disk(cls, diameter: float, material: str = UNKNOWN) -> Electrode:
        """A flat round electrode of a diameter in metres."""
        return cls(pi * diameter * diameter / 4, material)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a pulse, a channel and a board (in SI units; fractions are of 1).

    The net charge of a pulse may differ from 0 by `net_fraction` of its smallest phase, or by one step of the stimulator over
    its shortest phase where that is more, and never by more than `net_cap` of its smallest phase.
    """

    max_current: float = field(default=10e-6, metadata={"unit": "A"})
    max_charge: float = field(default=3e-9, metadata={"unit": "C"})
    cic_fraction: float = field(default=0.5, metadata={"unit": ""})
    unknown_density: float = field(default=50 * MICROCOULOMB_PER_CM2, metadata={"unit": "C/m2"})
    shannon_k: float = field(default=1.5, metadata={"unit": ""})
    min_width: float = field(default=20e-6, metadata={"unit": "s", "least": True})
    max_width: float = field(default=1e-3, metadata={"unit": "s"})
    min_phases: int = field(default=2, metadata={"unit": "", "least": True})
    net_fraction: float = field(default=0.01, metadata={"unit": ""})
    net_cap: float = field(default=0.1, metadata={"unit": ""})
    max_rate: float = field(default=200.0, metadata={"unit": "Hz"})
    max_duty: float = field(default=0.2, metadata={"unit": ""})
    max_simultaneous: int = field(default=8, metadata={"unit": ""})
    max_total_current: float = field(default=50e-6, metadata={"unit": "A"})
    min_gap: float = field(default=200e-6, metadata={"unit": "s", "least": True})

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not 0 <= value <= _MOST:
                raise ValueError(f"the limit {each.name} is {value:g}; it must be a number from 0 to {_MOST:g}")
        for name in ("max_rate", "max_duty"):  # pauses are derived from these by division
            if getattr(self, name) < _LEAST:
                raise ValueError(f"the limit {name} is {getattr(self, name):g}; it must be at least {_LEAST:g}")

    def density(self, electrode: Electrode) -> float:
        """The charge density per phase that an electrode may pass, in C/m2."""
        injection = MATERIALS[electrode.material].injection
        return self.unknown_density if injection is None else self.cic_fraction * injection

    def over(self, ceiling: Limits) -> list[Refusal]:
        """Where these limits allow more than a ceiling does; empty where they are as tight or tighter everywhere."""
        found = []
        for each in fields(self):
            mine, other = getattr(self, each.name), getattr(ceiling, each.name)
            if mine < other if each.metadata.get("least") else mine > other:
                found.append(Refusal(Rule.CEILING, mine, other, each.metadata["unit"], each.name))
        return found


DEFAULT_LIMITS = Limits()
