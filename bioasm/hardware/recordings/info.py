"""Metadata of a recording: sampling rate, channels, filters, notes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from bioasm.diagnostics import error

AMPLIFIER, AUX, SUPPLY, ADC, DIGITAL_IN, DIGITAL_OUT = range(6)
MOST_DIGITAL = 16
LOWEST_RATE, HIGHEST_RATE = 1e-3, 1e6  # hertz
MOST_CHANNELS = 4096  # of one kind


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: its name of the form A-000, the user's name for it, where it comes from, its electrode's impedance.

    `kind` is the signal's type, `order` the bit of a digital channel's word. The magnitude is in ohms, the phase in degrees.
    """

    native: str
    custom: str = ""
    order: int = 0
    kind: int = AMPLIFIER
    chip_channel: int = 0
    stream: int = 0
    impedance_ohm: float = 0.0
    phase_deg: float = 0.0
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """The header of a recording; frequencies in hertz, `dsp_Hz` None where the offset removal was off.

    Wanted frequencies default to the actual ones. `board_mode` 13 is the one whose scales hold here.
    """

    sample_rate: float
    channels: tuple[Channel, ...]
    dsp_Hz: float | None = None
    lower_Hz: float = 1.0
    upper_Hz: float = 7500.0
    wanted_dsp_Hz: float | None = None
    wanted_lower_Hz: float | None = None
    wanted_upper_Hz: float | None = None
    notch: int = 0
    impedance_Hz: float = 1000.0
    notes: tuple[str, str, str] = ("", "", "")
    reference: str = "n/a"
    board_mode: int = 13
    temperatures: int = 0
    version: tuple[int, int] = field(default=(3, 4))

    def of(self, kind: int) -> tuple[Channel, ...]:
        """The enabled channels of a kind, in order."""
        return tuple(channel for channel in self.channels if channel.kind == kind and channel.enabled)


def channels(amplifiers: int, custom: dict[int, str] | None = None, digital: int = 0, port: str = "A") -> tuple[Channel, ...]:
    """Channels A-000, A-001, ... of a port and DIGITAL-IN-01, ... of the board; `custom` names some of the first."""
    names = custom or {}
    own = (Channel(f"{port}-{c:03d}", names.get(c, ""), c, chip_channel=c % 32, stream=c // 32) for c in range(amplifiers))
    inputs = (Channel(f"DIGITAL-IN-{k + 1:02d}", "", k, DIGITAL_IN, k) for k in range(digital))
    return (*own, *inputs)


def checked(info: RecordingInfo) -> RecordingInfo:
    """`info` if a file with this header can be opened by others, else BioasmError B309."""
    if not LOWEST_RATE <= info.sample_rate < HIGHEST_RATE:
        raise error("B309", f"{info.sample_rate} Hz is no sampling rate of a recording")
    if not 1 <= len(info.of(AMPLIFIER)) <= MOST_CHANNELS:
        raise error("B309", f"a recording needs 1 to {MOST_CHANNELS} amplifier channels, not {len(info.of(AMPLIFIER))}")
    if any(channel.kind not in (AMPLIFIER, DIGITAL_IN) for channel in info.channels):
        raise error("B309", "recordings are written with amplifier and digital input channels only")
    check_names([channel.native for channel in info.channels])
    check_names([channel.custom or channel.native for channel in info.channels])
    check_digital(info.of(DIGITAL_IN))
    return info


def check_names(names: list[str]) -> None:
    """Names that are empty or doubled make a file that readers refuse."""
    if any(not name.strip() for name in names):
        raise error("B309", "a channel has no name", hint="names have the form A-000")
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise error("B309", f"two channels are named {doubled[0]!r}")


def check_digital(inputs: tuple[Channel, ...]) -> None:
    """Digital channels share one word of 16 bits."""
    bits = [channel.order for channel in inputs]
    if len(set(bits)) != len(bits) or any(not 0 <= bit < MOST_DIGITAL for bit in bits):
        raise error("B309", "digital channels need different bits from 0 to 15")
