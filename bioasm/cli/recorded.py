"""The facts of a recording that `bioasm info` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioasm.diagnostics.render import visible

if TYPE_CHECKING:
    from bioasm.hardware.recordings.info import Channel, RecordingInfo
    from bioasm.hardware.recordings.timing import Timing

_SHOWN = 6


def described(path: str) -> dict[str, Any]:
    """The facts of a recording as a JSON object, None for what is not finite; of its data only the times are read.

    Raises BioasmError B301 or B308.
    """
    from bioasm.hardware.recordings.events import plain
    from bioasm.hardware.recordings.info import AMPLIFIER, DIGITAL_IN
    from bioasm.hardware.recordings.reader import header_file, measured, timing

    info, frames, cut = measured(path)
    events = _read_events(path)
    times = timing(path)
    facts = {
        "recording": str(header_file(Path(path))),
        "version": ".".join(map(str, info.version)),
        "sample_rate": info.sample_rate,
        "frames": frames,
        "seconds": times.span / info.sample_rate,
        "missing": times.missing,
        "gaps": [*_gaps(times, info.sample_rate), *_filled(events, info.sample_rate)],
        "gaps_found": times.found,
        "cut_bytes": cut,
        "channels": [_channel(channel) for channel in info.of(AMPLIFIER)],
        "digital": [channel.custom or channel.native for channel in info.of(DIGITAL_IN)],
        **_filters(info),
        "notes": [note for note in info.notes if note],
        "events": _counted(events),
    }
    return {name: plain(value) for name, value in facts.items()}


def _channel(channel: Channel) -> dict[str, Any]:
    return {"native": channel.native, "name": channel.custom or channel.native, "impedance_ohm": channel.impedance_ohm}


def _filters(info: RecordingInfo) -> dict[str, Any]:
    return {"lower_Hz": info.lower_Hz, "upper_Hz": info.upper_Hz, "dsp_Hz": info.dsp_Hz}


def _read_events(path: str) -> list[dict[str, Any]] | None:
    """The events file of the recording; None where there is none."""
    from bioasm.hardware.recordings.events import events_path, read_events

    return read_events(path) if events_path(Path(path)).is_file() else None


def _gaps(times: Timing, rate: float) -> Iterator[dict[str, Any]]:
    """Samples that are not in the files: the sample behind the gap, when the gap begins, and its length in samples."""
    for gap in times.gaps:
        yield {"frame": gap.frame, "seconds": (gap.number - times.first) / rate, "count": gap.count, "filled": False}


def _filled(events: list[dict[str, Any]] | None, rate: float) -> Iterator[dict[str, Any]]:
    """Gaps that the recorder filled: the first sample that is padding, when that is, and how many are."""
    for event in events or ():
        frame, count = event.get("frame"), event.get("count")
        if event.get("kind") == "gap" and isinstance(frame, int) and isinstance(count, int):
            yield {"frame": frame, "seconds": frame / rate, "count": count, "filled": True}


def _counted(events: list[dict[str, Any]] | None) -> dict[str, Any] | None:
    """How many events of each kind there are."""
    if events is None:
        return None
    counts = Counter(str(event.get("kind")) for event in events)
    lengths = [event.get("count") for event in events if event.get("kind") == "gap"]
    missing = sum(length for length in lengths if isinstance(length, int))
    own = ("start", "end", "gap")
    kinds = {kind: count for kind, count in counts.items() if kind not in own}
    return {"closed": counts["end"] == 1, "gaps": counts["gap"], "missing": missing, "kinds": kinds}


def page(facts: dict[str, Any]) -> str:
    """The facts for people."""
    rows = [("recording", f"{facts['recording']}, version {facts['version']}")]
    rows += [("length", f"{facts['frames']:,} samples at {facts['sample_rate']:g} Hz, {facts['seconds']:.4f} s")]
    rows += _gap_rows(facts)
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


def _gap_rows(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """One row for each of the first gaps: where it is, and how long."""
    gaps = facts["gaps"]
    for gap in gaps[:_SHOWN]:
        seconds = abs(gap["count"]) / facts["sample_rate"]
        words = "filled" if gap["filled"] else "missing" if gap["count"] > 0 else "behind: the times go back"
        yield (
            "gap",
            f"{abs(gap['count']):,} samples ({seconds:.4g} s) {words} at {gap['seconds']:.4f} s, sample {gap['frame']:,}",
        )
    more = facts["gaps_found"] + sum(gap["filled"] for gap in gaps) - _SHOWN
    if more > 0:
        yield "gaps", f"{more:,} more, {facts['missing']:,} samples missing in all"
    elif not gaps:
        yield "gaps", "none"


def _event_rows(events: dict[str, Any] | None) -> list[tuple[str, str]]:
    if events is None:
        return []
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(events["kinds"].items())) or "none"
    ended = [] if events["closed"] else [("ended", "no: the recording was not closed")]
    return [("events", kinds), *ended]


def _names(names: list[str]) -> str:
    shown = names if len(names) <= 6 else [*names[:3], "...", names[-1]]
    return f"{len(names)}: {' '.join(shown)}"
