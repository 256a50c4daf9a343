"""Recordings of electrodes that neo opens: .rhd files or one file per signal, with a log of events."""

from bioasm.hardware.recordings.info import Channel, RecordingInfo, channels

__all__ = ["Channel", "RecordingInfo", "channels"]
