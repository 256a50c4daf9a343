"""Command words of RHS2116 chips: 32 bits, answered two words later."""

from __future__ import annotations

from bioasm.hardware.chips.words.rhd import bits

CALIBRATE = 0x55000000  # obsolete: an RHS2116 is started with CLEAR
CLEAR = 0x6A000000
CYCLE = 63  # the channel of a CONVERT that takes the next amplifier
UPDATE = 1 << 29  # U: all registers that were written and wait for a trigger take effect
MONITOR = 1 << 28  # M: the compliance monitor is cleared
DC = 1 << 27  # D: the result carries a sample of the DC amplifier too
RESET = 1 << 26  # H: the channel's DSP high-pass is set to zero


def convert(channel: int, u: bool = False, m: bool = False, d: bool = False, h: bool = False) -> int:
    """CONVERT a channel (0 to 63) with the flags update, clear monitor, DC sample and reset of the high-pass."""
    return flags(u, m) | d * DC | h * RESET | bits(channel, 6, "channel") << 16


def write(register: int, value: int, u: bool = False, m: bool = False) -> int:
    """WRITE 16 bits into a register (0 to 255)."""
    return 0x80000000 | flags(u, m) | bits(register, 8, "register") << 16 | bits(value, 16, "value")


def read(register: int, u: bool = False, m: bool = False) -> int:
    """READ a register (0 to 255)."""
    return 0xC0000000 | flags(u, m) | bits(register, 8, "register") << 16


def flags(u: bool, m: bool) -> int:
    """The two flags that every command but CALIBRATE and CLEAR can carry."""
    return u * UPDATE | m * MONITOR


RESET_COMPLIANCE = read(255, m=True)
