"""What `bioasm info` tells of a recording."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioasm.diagnostics.render import visible

if TYPE_CHECKING:
    from bioasm.recordings.info import Channel, RecordingInfo


def described(path: str) -> dict[str, Any]:
    """The facts of a recording as a JSON object, None for what is not finite; its data are not read.

    Raises BioasmError B301 or B308.
    """
    from bioasm.recordings.events import plain
    from bioasm.recordings.info import AMPLIFIER, DIGITAL_IN
    from bioasm.recordings.reader import header_file, measured

    info, frames, cut = measured(path)
    facts = {
        "recording": str(header_file(Path(path))),
        "version": ".".join(map(str, info.version)),
        "sample_rate": info.sample_rate,
        "frames": frames,
        "seconds": frames / info.sample_rate,
        "cut_bytes": cut,
        "channels": [_channel(channel) for channel in info.of(AMPLIFIER)],
        "digital": [channel.custom or channel.native for channel in info.of(DIGITAL_IN)],
        **_filters(info),
        "notes": [note for note in info.notes if note],
        "events": _events(path),
    }
    return {name: plain(value) for name, value in facts.items()}


def _channel(channel: Channel) -> dict[str, Any]:
    return {"native": channel.native, "name": channel.custom or channel.native, "impedance_ohm": channel.impedance_ohm}


def _filters(info: RecordingInfo) -> dict[str, Any]:
    return {"lower_Hz": info.lower_Hz, "upper_Hz": info.upper_Hz, "dsp_Hz": info.dsp_Hz}


def _events(path: str) -> dict[str, Any] | None:
    """How many events of each kind stand beside the recording, None where there is no such file."""
    from bioasm.recordings.events import events_path, read_events

    if not events_path(Path(path)).is_file():
        return None
    found = read_events(path)
    counts = Counter(str(event.get("kind")) for event in found)
    lengths = [event.get("count") for event in found if event.get("kind") == "gap"]
    missing = sum(length for length in lengths if isinstance(length, int))
    own = ("start", "end", "gap")
    kinds = {kind: count for kind, count in counts.items() if kind not in own}
    return {"closed": counts["end"] == 1, "gaps": counts["gap"], "missing": missing, "kinds": kinds}


def page(facts: dict[str, Any]) -> str:
    """The facts for people."""
    rows = [("recording", f"{facts['recording']}, version {facts['version']}")]
    rows += [("length", f"{facts['frames']:,} samples at {facts['sample_rate']:g} Hz, {facts['seconds']:.3f} s")]
    rows += [("channels", _names([channel["name"] for channel in facts["channels"]]))]
    rows += [("digital inputs", _names(facts["digital"]))] if facts["digital"] else []
    rows += [("bandwidth", _band(facts))]
    rows += [("note", note) for note in facts["notes"]]
    rows += _event_rows(facts["events"])
    rows += [("cut short", f"{facts['cut_bytes']} bytes at the end are not whole")] if facts["cut_bytes"] else []
    width = max(len(key) for key, _ in rows)
    return "".join(f"{key:<{width}}  {visible(value)}\n" for key, value in rows)


def _band(facts: dict[str, Any]) -> str:
    lower, upper, dsp = (facts[name] for name in ("lower_Hz", "upper_Hz", "dsp_Hz"))
    band = "unknown" if None in (lower, upper) else f"{lower:.3g} to {upper:.5g} Hz"
    return f"{band}, offset removal {'off' if dsp is None else f'{dsp:.3g} Hz'}"


def _event_rows(events: dict[str, Any] | None) -> list[tuple[str, str]]:
    if events is None:
        return []
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(events["kinds"].items())) or "none"
    gaps = f"{events['gaps']}, {events['missing']:,} samples" if events["gaps"] else "none"
    ended = [] if events["closed"] else [("ended", "no: the recording was not closed")]
    return [("events", kinds), ("gaps", gaps), *ended]


def _names(names: list[str]) -> str:
    shown = names if len(names) <= 6 else [*names[:3], "...", names[-1]]
    return f"{len(names)}: {' '.join(shown)}"
