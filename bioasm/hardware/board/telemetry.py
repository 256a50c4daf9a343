"""Telemetry of the firmware to the host while it works: spikes, raw samples, stimuli, energies, status and its log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.board.rig import Block
from bioasm.hardware.board.stimulator import Done
from bioasm.hardware.chips.scaling import MICROVOLTS_PER_CODE, MIDDLE
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.device import DeviceLink
from bioasm.hardware.link.messages import SpikeEvent, Stream

Array = NDArray[Any]

_LARGEST_DELTA = 0xFFFF
_LARGEST_PEAK = 0x7FFF


class Reporter:
    """Encoder of telemetry for one link."""

    def __init__(self, link: DeviceLink) -> None:
        self.link = link

    def block(self, block: Block) -> None:
        """Send the telemetry of a stretch of sampling: spikes, raw samples, outcomes of pulses."""
        if self.link.wants(Stream.SPIKES) and len(block.found.sample):
            steps = np.clip(np.rint(block.found.peak / MICROVOLTS_PER_CODE), -_LARGEST_PEAK, _LARGEST_PEAK)
            self.spikes(block.found.sample, block.found.channel, steps.astype(np.int64))
        if self.link.wants(Stream.RAW) and self.link.raw_channels:
            self._raw(block)
        self.stimuli(block.done)

    def spikes(self, ticks: Array, units: Array, peaks: Array) -> None:
        """Spikes in the order of time, as frames of what fits into one."""
        at = 0
        while at < len(ticks):
            base = int(ticks[at])
            near = int(np.searchsorted(ticks, base + _LARGEST_DELTA, "right"))
            end = min(near, at + m.Spikes.CAPACITY)
            rows = zip((ticks[at:end] - base).tolist(), units[at:end].tolist(), peaks[at:end].tolist(), strict=True)
            self.link.send_telemetry(m.Spikes(base, tuple(SpikeEvent(*row) for row in rows)))
            at = end

    def _raw(self, block: Block) -> None:
        channels = list(self.link.raw_channels)
        samples = (block.codes[:, channels].astype(np.int32) - MIDDLE).astype("<i2")
        scans = m.Raw.scans_per_frame(len(channels))
        for at in range(0, len(samples), scans):
            data = samples[at : at + scans].tobytes()
            self.link.send_telemetry(m.Raw(block.first + at, len(channels), data))

    def stimuli(self, done: Iterable[Done]) -> None:
        """Send the outcomes of pulses."""
        for each in done:
            self.link.send_telemetry(m.Stim(each.start, each.channel, each.outcome, each.limit, each.charges))

    def energies(self, lane: int, first: int, values: Sequence[float] | Array) -> None:
        """New entries of a lane's trace."""
        if not self.link.wants(Stream.ENERGY):
            return
        for at in range(0, len(values), m.Energy.CAPACITY):
            part = tuple(float(value) for value in values[at : at + m.Energy.CAPACITY])
            self.link.send_telemetry(m.Energy(first + at, lane, part))

    def log(self, clock: int, level: m.LogLevel, text: str) -> None:
        """A line of the log."""
        self.link.send_telemetry(m.Log(clock, level, text))
