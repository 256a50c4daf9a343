"""Electrode table of neurons: the serialised form that a host uploads, and the default.

Bytes, little endian: the four bytes `BEM1`, u16 count of neurons, then for each neuron, from 0 on, u8 count of its channels (1
to 255) and as many u16 channels. Nothing follows. A channel belongs to one neuron.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from bioasm.diagnostics import BioasmError, error

_MAGIC = b"BEM1"
Electrodes = tuple[tuple[int, ...], ...]


def default_electrodes(neurons: int, channels: int) -> Electrodes:
    """Neuron i has the channels i, i + neurons, i + 2 neurons, ...: as many of them for each as all can have."""
    rounds = max(1, channels // max(1, neurons))
    return tuple(tuple(range(i, neurons * rounds, neurons)) for i in range(neurons))


def pack_electrodes(electrodes: Sequence[Sequence[int]]) -> bytes:
    """The table as bytes; entry i holds the channels of neuron i."""
    rows = [struct.pack(f"<B{len(channels)}H", len(channels), *channels) for channels in electrodes]
    return _MAGIC + struct.pack("<H", len(rows)) + b"".join(rows)


def unpack_electrodes(data: bytes) -> Electrodes:
    """The table in bytes. Raises BioasmError B522 where a byte is out of order or a channel is given twice."""
    try:
        table, at = _rows(data)
    except struct.error as cause:
        raise _bad(f"it ends too early ({cause})") from None
    if at != len(data):
        raise _bad(f"{len(data) - at} bytes follow its end")
    named = [channel for channels in table for channel in channels]
    if len(set(named)) != len(named):
        raise _bad("a channel stands in it twice")
    return table


def _rows(data: bytes) -> tuple[Electrodes, int]:
    magic, count = struct.unpack_from("<4sH", data)
    if magic != _MAGIC:
        raise _bad(f"it starts with {magic!r}, not {_MAGIC!r}")
    table, at = [], 6
    for neuron in range(count):
        (channels,) = struct.unpack_from("<B", data, at)
        if not channels:
            raise _bad(f"neuron {neuron} has no channel")
        table.append(struct.unpack_from(f"<{channels}H", data, at + 1))
        at += 1 + 2 * channels
    return tuple(table), at


def _bad(why: str) -> BioasmError:
    return error("B522", f"this is no table of electrodes: {why}")
