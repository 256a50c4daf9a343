"""Link statistics of both ends, as they are kept with a recording."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from bioasm.hardware.link.frames import DecoderErrors
from bioasm.hardware.link.messages import Stream


@dataclass(slots=True)
class Statistics:
    """Counts since the link was opened; times in s, NaN where not known.

    `errors` are chunks that the decoder threw away, `malformed` frames whose payload was none of their type, `strangers`
    frames of another session. `resent`, `timeouts` and `naks` are of the reliable frames sent here, `duplicates` and
    `gaps` of those received. `dropped` counts telemetry frames by stream that a full buffer pushed out at this end,
    `lost` those that never came.
    """

    frames_in: int = 0
    frames_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    errors: DecoderErrors = field(default_factory=DecoderErrors)
    malformed: int = 0
    strangers: int = 0
    resent: int = 0
    timeouts: int = 0
    naks: int = 0
    duplicates: int = 0
    gaps: int = 0
    round_trip: float = float("nan")
    shortest_round_trip: float = float("nan")
    clock_bound: float = float("nan")
    dropped: list[int] = field(default_factory=lambda: [0] * len(Stream))
    lost: list[int] = field(default_factory=lambda: [0] * len(Stream))

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain numbers; streams by name, None where a time is not known."""
        plain: dict[str, Any] = {name: None if value != value else value for name, value in asdict(self).items()}
        by_name = {name: {stream.name.lower(): plain[name][stream] for stream in Stream} for name in ("dropped", "lost")}
        return plain | by_name
