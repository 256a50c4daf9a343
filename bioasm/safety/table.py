"""The limits table: limits and electrodes as bytes with a hash, which is what a board is armed with.

Little endian: the four bytes `BSL1`, u16 count of electrodes, the limits as float64 in the order of their fields, then for
each electrode, in rising order of channels: u16 channel, u8 material number, u8 allowed (0 or 1), float64 area in m2,
greatest current in A and greatest charge in C (infinity: none of its own). Nothing follows.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields

from bioasm.diagnostics import BioasmError, error
from bioasm.safety.check import ROUNDING, check_quantised
from bioasm.safety.limits import Electrode, Limits
from bioasm.safety.materials import BY_NUMBER, MATERIALS, MICROCOULOMB_PER_CM2
from bioasm.safety.pulse import QuantisedPulse
from bioasm.safety.refusal import Refusal, Rule

_MAGIC = b"BSL1"
_NAMES = tuple(each.name for each in fields(Limits))
_WHOLE = tuple(each.name for each in fields(Limits) if each.type == "int")
_HEAD = struct.Struct(f"<4sH{len(_NAMES)}d")
_ROW = struct.Struct("<HBBddd")


@dataclass(frozen=True, slots=True)
class LimitsTable:
    """Limits, and the electrode of each channel that may stimulate; a channel that is not listed may not."""

    limits: Limits = field(default_factory=Limits)
    electrodes: Mapping[int, Electrode] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The table as a board receives it. Equal tables have equal bytes."""
        values = [float(getattr(self.limits, name)) for name in _NAMES]
        rows = [_ROW.pack(channel, *_packed(self.electrodes[channel])) for channel in sorted(self.electrodes)]
        return _HEAD.pack(_MAGIC, len(rows), *values) + b"".join(rows)

    @classmethod
    def from_bytes(cls, data: bytes) -> LimitsTable:
        """The table in bytes. Raises BioasmError B521 where any byte is out of order."""
        try:
            return cls(_limits(data), dict(_electrodes(data)))
        except (struct.error, ValueError, KeyError, OverflowError) as cause:
            raise _bad(str(cause)) from None

    @property
    def sha256(self) -> str:
        """The hash that ARM binds, in hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def over(self, ceiling: LimitsTable) -> list[Refusal]:
        """Where the table allows more than that of a board, in its limits or of an electrode; empty where it does nowhere.

        An electrode's own current and charge are left out: a board judges every pulse by its own table as well.
        """
        found = self.limits.over(ceiling.limits)
        for channel in sorted(self.electrodes):
            found += self._over(channel, self.electrodes[channel], ceiling)
        return found

    def _over(self, channel: int, mine: Electrode, ceiling: LimitsTable) -> Iterator[Refusal]:
        theirs = ceiling.electrodes.get(channel)
        if theirs is None or (mine.allowed and not theirs.allowed):
            what = f"channel {channel}, which has no electrode on this board that may stimulate"
            yield Refusal(Rule.CEILING, 1.0, 0.0, "", what)
            return
        dense, densest = self.limits.density(mine), ceiling.limits.density(theirs)
        if mine.area > theirs.area * (1 + ROUNDING):
            what = f"channel {channel}, area of the electrode"
            yield Refusal(Rule.CEILING, mine.area * 1e12, theirs.area * 1e12, "um2", what)
        if dense > densest * (1 + ROUNDING):
            what, unit = f"channel {channel}, charge density for {mine.material}", MICROCOULOMB_PER_CM2
            yield Refusal(Rule.CEILING, dense / unit, densest / unit, "uC/cm2", what)

    def refusals(self, quantised: QuantisedPulse, channels: Iterable[int], range_steps: int = 255) -> list[Refusal]:
        """Every rule that a pulse through these channels breaks, apart from those that look at other pulses."""
        found = []
        for channel in channels:
            electrode = self.electrodes.get(channel)
            if electrode is None:
                found.append(
                    Refusal(Rule.ELECTRODE, float(channel), float(len(self.electrodes)), "", f"channel {channel} is not listed")
                )
                continue
            for refusal in check_quantised(quantised, self.limits, electrode, range_steps):
                found.append(refusal._replace(what=f"channel {channel}, {refusal.what}"))
        return found


def _packed(electrode: Electrode) -> tuple[int, bool, float, float, float]:
    number = MATERIALS[electrode.material].number
    return number, electrode.allowed, electrode.area, electrode.max_current, electrode.max_charge


def _limits(data: bytes) -> Limits:
    magic, count, *values = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise ValueError(f"it starts with {magic!r}, not {_MAGIC!r}")
    if len(data) != _HEAD.size + count * _ROW.size:
        raise ValueError(f"{count} electrodes take {_HEAD.size + count * _ROW.size} bytes, and there are {len(data)}")
    numbers = dict(zip(_NAMES, values, strict=True))
    for name in _WHOLE:
        if numbers[name] != int(numbers[name]):
            raise ValueError(f"{name} is {numbers[name]:g}; it must be a whole number")
        numbers[name] = int(numbers[name])
    return Limits(**numbers)


def _electrodes(data: bytes) -> Iterator[tuple[int, Electrode]]:
    before = -1
    for channel, number, allowed, area, current, charge in _ROW.iter_unpack(data[_HEAD.size :]):
        if channel <= before:
            raise ValueError(f"channel {channel} stands after channel {before}")
        if allowed not in (0, 1):
            raise ValueError(f"channel {channel} is marked with {allowed}, which is neither 0 nor 1")
        if number not in BY_NUMBER:
            raise ValueError(f"there is no material {number}")
        yield channel, Electrode(area, BY_NUMBER[number].name, current, charge, bool(allowed))
        before = channel


def _bad(why: str) -> BioasmError:
    return error("B521", f"this is no table of stimulation limits: {why}")
