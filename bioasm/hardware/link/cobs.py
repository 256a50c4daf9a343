"""Consistent Overhead Byte Stuffing: bytes without a zero, so that a zero can end a frame (Cheshire and Baker, 1999)."""

from __future__ import annotations

LONGEST_RUN = 254
_CODES = [bytes([n]) for n in range(256)]


class CobsError(ValueError):
    """Invalid COBS encoding."""


def encoded_length(length: int) -> int:
    """Greatest encoded length of `length` bytes; reached where they hold no zero."""
    return length + length // LONGEST_RUN + 1


def encode(data: bytes) -> bytes:
    """`data` without zeros: at most one byte in 254 longer, and one more.

    A run of 254 bytes other than zero that ends the data gets a last code of 1, as it would in the middle.
    """
    groups = data.split(b"\0")
    if len(max(groups, key=len)) < LONGEST_RUN:
        return b"".join([_CODES[len(group) + 1] + group for group in groups])
    return b"".join([_long(group) for group in groups])


def _long(group: bytes) -> bytes:
    """One group of any length, cut into runs that a code byte can count."""
    whole = len(group) // LONGEST_RUN * LONGEST_RUN
    runs = [b"\xff" + group[k : k + LONGEST_RUN] for k in range(0, whole, LONGEST_RUN)]
    return b"".join(runs) + _CODES[len(group) - whole + 1] + group[whole:]


def decode(data: bytes) -> bytes:
    """Decode the bytes of `encode`. Raises CobsError where `data` is empty, holds a zero, or ends within a run."""
    if not data or 0 in data:
        raise CobsError("empty, or a zero within")
    parts: list[bytes] = []
    at, end = 0, len(data)
    while at < end:
        code = data[at]
        parts.append(data[at + 1 : at + code])
        at += code
        if code != 255 and at < end:
            parts.append(b"\0")
    if at != end:
        raise CobsError("ends within a run")
    return b"".join(parts)
