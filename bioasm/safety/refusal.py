"""A refusal: which limit a stimulus or a limits table breaks, by which value, and what the limit is."""

from __future__ import annotations

from enum import IntEnum
from math import isfinite
from typing import NamedTuple

from bioasm.units import BASE_SYMBOLS, PREFIXES


class Rule(IntEnum):
    """The rules. Their numbers go over the link to boards and never change."""

    NUMBERS = 1
    PHASES = 2
    ALTERNATION = 3
    WIDTH_LOW = 4
    WIDTH_HIGH = 5
    CURRENT = 6
    CHARGE = 7
    DENSITY = 8
    SHANNON = 9
    BALANCE = 10
    ELECTRODE = 11
    GAP = 12
    RATE = 13
    DUTY = 14
    SIMULTANEOUS = 15
    TOTAL_CURRENT = 16
    ORDER = 17
    RANGE = 18
    RESOLUTION = 19
    CEILING = 20
    DISCHARGE = 21

    @property
    def title(self) -> str:
        """The name of the rule in messages."""
        return _TITLES[self]


_TITLES = {
    Rule.NUMBERS: "finite numbers",
    Rule.PHASES: "phases of a pulse",
    Rule.ALTERNATION: "phases of alternating sign",
    Rule.WIDTH_LOW: "least width of a phase",
    Rule.WIDTH_HIGH: "greatest width of a phase",
    Rule.CURRENT: "current of an electrode",
    Rule.CHARGE: "charge per phase",
    Rule.DENSITY: "charge density per phase",
    Rule.SHANNON: "Shannon's k",
    Rule.BALANCE: "net charge of a pulse",
    Rule.ELECTRODE: "electrodes that may stimulate",
    Rule.GAP: "pause between pulses",
    Rule.RATE: "pulses per second",
    Rule.DUTY: "share of time that a channel stimulates",
    Rule.SIMULTANEOUS: "electrodes at a time",
    Rule.TOTAL_CURRENT: "current of all electrodes together",
    Rule.ORDER: "order in time",
    Rule.RANGE: "range of the stimulator",
    Rule.RESOLUTION: "resolution of the stimulator",
    Rule.CEILING: "ceiling of the board",
    Rule.DISCHARGE: "time to discharge",
}


class Refusal(NamedTuple):
    """One refusal. `value` broke `limit`, both in `unit`; `what` is the thing that has the value, such as `phase 1`."""

    rule: Rule
    value: float
    limit: float
    unit: str
    what: str

    @property
    def message(self) -> str:
        """The refusal in one sentence."""
        value, allowed = spelled(self.value, self.unit), spelled(self.limit, self.unit)
        return f"{self.what}: {value}; the limit is {allowed} ({self.rule.title})"

    def __str__(self) -> str:
        return self.message


_SYMBOLS = frozenset(BASE_SYMBOLS.values())


def spelled(value: float, unit: str) -> str:
    """A measured number with its unit in four digits, for reading and not for reading back."""
    if unit not in _SYMBOLS or unit in ("", "sweeps") or not isfinite(value) or value == 0:
        return f"{value:.4g} {unit}".strip()
    for prefix in ("G", "M", "k", "", "m", "u", "n", "p", "f"):
        if abs(value) >= 0.99999 * 10.0 ** PREFIXES[prefix]:
            break
    return f"{value / 10.0 ** PREFIXES[prefix]:.4g} {prefix}{unit}"
