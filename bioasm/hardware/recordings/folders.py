"""Layouts `one file per signal type` and `one file per channel`: a folder with info.rhd and time.dat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import error
from bioasm.hardware.recordings.info import AMPLIFIER, DIGITAL_IN, Channel, RecordingInfo
from bioasm.hardware.recordings.writers import MIDDLE

TIME = "time.dat"
AMPLIFIERS, DIGITAL = "amplifier.dat", "digitalin.dat"


def signal_sizes(folder: Path, info: RecordingInfo) -> dict[str, int]:
    """The data files by name, with the bytes of one sample in each. Raises BioasmError B308."""
    amplifiers = info.of(AMPLIFIER)
    if has_channel_files(folder, info):
        return (
            {TIME: 4}
            | dict.fromkeys((amplifier_file(c) for c in amplifiers), 2)
            | dict.fromkeys(digital_files(folder, info), 2)
        )
    sizes = {TIME: 4} | ({AMPLIFIERS: 2 * len(amplifiers)} if amplifiers else {})
    return sizes | ({DIGITAL: 2} if info.of(DIGITAL_IN) and (folder / DIGITAL).exists() else {})


def has_channel_files(folder: Path, info: RecordingInfo) -> bool:
    """Whether each channel has a file of its own."""
    if (folder / AMPLIFIERS).exists():
        return False
    return any((folder / amplifier_file(c)).exists() for c in info.of(AMPLIFIER)) or bool(digital_files(folder, info))


def amplifier_file(channel: Channel) -> str:
    """The file of an amplifier channel, which goes by its native name."""
    return f"amp-{checked_name(channel)}.dat"


def digital_files(folder: Path, info: RecordingInfo) -> dict[str, Channel]:
    """The files of digital inputs that are there."""
    named = {f"board-{checked_name(channel)}.dat": channel for channel in info.of(DIGITAL_IN)}
    return {name: channel for name, channel in named.items() if (folder / name).exists()}


def checked_name(channel: Channel) -> str:
    """A channel's name as part of a file's. Raises BioasmError B308 for one that would lead out of the folder."""
    if any(sign in channel.native for sign in "/\\\0"):
        raise error("B308", f"the channel {channel.native!r} has no name that a file could have")
    return channel.native


def amplifier_codes(folder: Path, info: RecordingInfo, frames: int) -> NDArray[np.uint16]:
    """Amplifier codes, uint16[channels, frames]; the files hold them as int16 with offset 32768."""
    amplifiers = info.of(AMPLIFIER)
    if not amplifiers:
        return np.empty((0, frames), np.uint16)
    if has_channel_files(folder, info):
        signed = np.stack([np.fromfile(folder / amplifier_file(channel), "<i2", frames) for channel in amplifiers])
    else:
        signed = np.fromfile(folder / AMPLIFIERS, "<i2", frames * len(amplifiers)).reshape(frames, len(amplifiers)).T
    return np.ascontiguousarray((signed.astype(np.int32) + MIDDLE).astype(np.uint16))


def digital_words(folder: Path, info: RecordingInfo, frames: int) -> NDArray[np.uint16] | None:
    """The words uint16[frames] with one bit for each digital input, None where there are none."""
    files = digital_files(folder, info)
    if has_channel_files(folder, info) and files:
        words = np.zeros(frames, np.uint16)
        for name, channel in files.items():
            level = np.fromfile(folder / name, "<u2", frames) != 0
            words |= (level.astype(np.int64) << channel.order).astype(np.uint16)
        return words
    return np.fromfile(folder / DIGITAL, "<u2", frames) if DIGITAL in signal_sizes(folder, info) else None
