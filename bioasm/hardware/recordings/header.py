"""Encoder and decoder of .rhd file headers."""

from __future__ import annotations

import struct
from typing import Any

from bioasm.diagnostics import error
from bioasm.hardware.recordings.info import AMPLIFIER, DIGITAL_IN, HIGHEST_RATE, MOST_CHANNELS, Channel, RecordingInfo
from bioasm.hardware.recordings.layout import CHANNEL, FORMATS, GROUP, HEADER, MAGIC, Cursor, encoded

GROUPS = {AMPLIFIER: ("Port A", "A"), DIGITAL_IN: ("Digital In Ports", "DIN")}
THRESHOLD_UV = -70
LARGEST_GROUPS = 64


def header_bytes(info: RecordingInfo) -> bytes:
    """The header of an .rhd file: the fields, then a group for each kind of channel.

    Only groups that have channels are written: a disabled group with channels makes readers lose their place. Raises
    BioasmError B309 where a number or a text does not fit its field.
    """
    groups = {kind: info.of(kind) for kind in GROUPS if info.of(kind)}
    try:
        start = encoded(HEADER, header_values(info) | {"groups": len(groups)})
        return start + b"".join(group_bytes(kind, members) for kind, members in groups.items())
    except (struct.error, OverflowError, UnicodeEncodeError) as cause:
        raise error("B309", f"what the recording says of itself does not fit its header: {cause}") from cause


def header_values(info: RecordingInfo) -> dict[str, Any]:
    """The fields of the header by name."""
    dsp = info.dsp_Hz or 0.0
    return {
        "magic": MAGIC,
        "major": info.version[0],
        "minor": info.version[1],
        "sample_rate": info.sample_rate,
        "dsp_enabled": int(info.dsp_Hz is not None),
        "dsp_Hz": dsp,
        "lower_Hz": info.lower_Hz,
        "upper_Hz": info.upper_Hz,
        "wanted_dsp_Hz": dsp if info.wanted_dsp_Hz is None else info.wanted_dsp_Hz,
        "wanted_lower_Hz": info.lower_Hz if info.wanted_lower_Hz is None else info.wanted_lower_Hz,
        "wanted_upper_Hz": info.upper_Hz if info.wanted_upper_Hz is None else info.wanted_upper_Hz,
        "notch": info.notch,
        "wanted_impedance_Hz": info.impedance_Hz,
        "impedance_Hz": info.impedance_Hz,
        **{f"note{k + 1}": note for k, note in enumerate(info.notes)},
        "temperatures": info.temperatures,
        "board_mode": info.board_mode,
        "reference": info.reference,
    }


def group_bytes(kind: int, members: tuple[Channel, ...]) -> bytes:
    """A signal group with its channels."""
    name, prefix = GROUPS[kind]
    amplifiers = len(members) if kind == AMPLIFIER else 0
    head = {"name": name, "prefix": prefix, "enabled": 1, "channels": len(members), "amplifiers": amplifiers}
    return encoded(GROUP, head) + b"".join(encoded(CHANNEL, channel_values(channel)) for channel in members)


def channel_values(channel: Channel) -> dict[str, Any]:
    """The fields of a channel by name."""
    return {
        "native": channel.native,
        "custom": channel.custom or channel.native,
        "native_order": channel.order,
        "custom_order": channel.order,
        "kind": channel.kind,
        "enabled": int(channel.enabled),
        "chip_channel": channel.chip_channel,
        "stream": channel.stream,
        "trigger_mode": 1,
        "threshold_uV": THRESHOLD_UV,
        "trigger_channel": 0,
        "trigger_polarity": 0,
        "impedance_ohm": channel.impedance_ohm,
        "phase_deg": channel.phase_deg,
    }


def parsed(content: bytes) -> tuple[RecordingInfo, int]:
    """Decode a header; returns its fields and the offset of the data. Raises ValueError or struct.error for invalid ones."""
    if not content.startswith(FORMATS["u32"].pack(MAGIC)):
        raise ValueError("it has no header of an .rhd file")
    cursor = Cursor(content)
    head = cursor.items(HEADER)
    if not 0 <= head["groups"] <= LARGEST_GROUPS:
        raise ValueError(f"it has {head['groups']} groups of channels")
    if head.get("temperatures", 0) < 0:
        raise ValueError(f"it has {head['temperatures']} temperature channels")
    if not 0 < head["sample_rate"] < HIGHEST_RATE:
        raise ValueError(f"its sampling rate is {head['sample_rate']} Hz")
    found = [channel for _ in range(head["groups"]) for channel in group(cursor)]
    return info_of(head, tuple(found)), cursor.at


def group(cursor: Cursor) -> list[Channel]:
    """The channels of the group at the cursor, none where it is disabled: they have no data, even if they are listed."""
    head = cursor.items(GROUP)
    if not 0 <= head["channels"] <= MOST_CHANNELS:
        raise ValueError(f"it has a group of {head['channels']} channels")
    listed = [channel(cursor.items(CHANNEL)) for _ in range(head["channels"])]
    return listed if head["enabled"] else []


def channel(values: dict[str, Any]) -> Channel:
    """A channel from its fields."""
    custom = "" if values["custom"] == values["native"] else values["custom"]
    names = ("kind", "chip_channel", "stream", "impedance_ohm", "phase_deg")
    kept = {name: values[name] for name in names}
    return Channel(values["native"], custom, values["native_order"], enabled=bool(values["enabled"]), **kept)


def info_of(head: dict[str, Any], found: tuple[Channel, ...]) -> RecordingInfo:
    """The RecordingInfo of a header's fields."""
    names = ("lower_Hz", "upper_Hz", "wanted_lower_Hz", "wanted_upper_Hz", "notch", "impedance_Hz", "sample_rate")
    return RecordingInfo(
        channels=found,
        dsp_Hz=head["dsp_Hz"] if head["dsp_enabled"] else None,
        wanted_dsp_Hz=head["wanted_dsp_Hz"],
        notes=(head["note1"], head["note2"], head["note3"]),
        reference=head.get("reference", "n/a"),
        board_mode=head.get("board_mode", 0),
        temperatures=head.get("temperatures", 0),
        version=(head["major"], head["minor"]),
        **{name: head[name] for name in names},
    )
