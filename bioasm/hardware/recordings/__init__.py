"""Recordings of electrodes: .rhd files and streams of single signals, with events beside them, that neo opens."""

from bioasm.hardware.recordings.info import Channel, RecordingInfo, channels

__all__ = ["Channel", "RecordingInfo", "channels"]
