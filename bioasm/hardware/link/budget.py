"""Bandwidth budget of a line: sizes of transfers, and telemetry rates."""

from __future__ import annotations

from math import ceil

from bioasm.hardware.link.frames import MAX_PAYLOAD, wire_bytes
from bioasm.hardware.link.messages import Raw, Spikes

USABLE = 0.8  # of a line; the rest is for replies, acknowledgements and bursts
BITS_PER_BYTE = 10  # 8N1: a start bit, eight data bits, a stop bit
STATUS_RATE = 10 * wire_bytes(128)
_SPIKE_FRAMES = 100.0  # frames of spikes per second, while one frame holds them


def line_rate(baud: float) -> float:
    """Bytes in a second that a UART carries."""
    return baud / BITS_PER_BYTE


def upload_bytes(size: int, chunk: int = MAX_PAYLOAD - 4) -> int:
    """Bytes on the wire of an upload of `size` bytes in one piece, without acknowledgements."""
    whole, rest = divmod(size, chunk)
    return whole * wire_bytes(chunk + 4) + (wire_bytes(rest + 4) if rest else 0)


def raw_rate(channels: int, sample_rate: float) -> float:
    """Bytes/s on the wire of raw channels at `sample_rate` Hz each."""
    if not channels:
        return 0.0
    scans = Raw.scans_per_frame(channels)
    return sample_rate / scans * wire_bytes(10 + 2 * channels * scans)


def spike_rate(spikes: float) -> float:
    """Bytes/s on the wire of spikes per second, sent in `_SPIKE_FRAMES` frames a second or as many as they need."""
    if not spikes:
        return 0.0
    frames = max(_SPIKE_FRAMES, spikes / Spikes.CAPACITY)
    return frames * wire_bytes(8 + 6 * ceil(spikes / frames))


def telemetry_rate(raw_channels: int, sample_rate: float, spikes: float = 0.0) -> float:
    """Bytes/s on the wire of raw channels, spikes and the status."""
    return raw_rate(raw_channels, sample_rate) + spike_rate(spikes) + STATUS_RATE


def channels_that_fit(rate: float, sample_rate: float, spikes: float = 0.0, most: int = 64) -> int:
    """The number of raw channels, up to `most`, that fit into 80 % of a line of `rate` bytes/s besides spikes and status."""
    fitting = (n for n in range(most, 0, -1) if telemetry_rate(n, sample_rate, spikes) <= USABLE * rate)
    return next(fitting, 0)
