"""Command words of RHD2000 chips: 16 bits, answered two words later."""

from __future__ import annotations

CALIBRATE = 0x5500
CLEAR = 0x6A00
CYCLE = 63  # the channel of a CONVERT that takes the next amplifier
AUX = (32, 33, 34)
SUPPLY = 48
TEMPERATURE = 49


def convert(channel: int, reset: bool = False) -> int:
    """CONVERT a channel (0 to 63); `reset` is the H flag, which sets the channel's DSP high-pass to zero."""
    return bits(channel, 6, "channel") << 8 | int(reset)


def write(register: int, value: int) -> int:
    """WRITE a byte into a register (0 to 63)."""
    return 0x8000 | bits(register, 6, "register") << 8 | bits(value, 8, "value")


def read(register: int) -> int:
    """READ a register (0 to 63)."""
    return 0xC000 | bits(register, 6, "register") << 8


def bits(value: int, width: int, what: str) -> int:
    """`value` if it fits `width` bits without a sign, else a ValueError that names it."""
    if not 0 <= value < 1 << width:
        raise ValueError(f"{what} {value} does not fit {width} bits")
    return value
