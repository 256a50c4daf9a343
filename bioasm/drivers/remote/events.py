"""Parser of server-sent events (text/event-stream) from an untrusted stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

LONGEST = 1 << 20  # bytes of a line


class Event(NamedTuple):
    """One event of a job: its number, kind, and data."""

    number: int
    kind: str
    data: dict[str, Any]


class Lines(Protocol):
    """Protocol of a stream of lines."""

    def readline(self, limit: int = -1, /) -> bytes:
        """A line with its end, of at most `limit` bytes."""


def read_events(stream: Lines) -> Iterator[Event | None]:
    """The events of a stream, None for a heartbeat. Raises ValueError for invalid lines."""
    number, kind, data = 0, "message", ""
    while line := stream.readline(LONGEST):
        if not line.endswith(b"\n"):
            raise ValueError("a line of an event is too long, or was cut")
        name, _, value = line.decode("utf-8").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            number = int(value) if value.isascii() and value.isdigit() else number
        elif name == "event":
            kind = value
        elif name == "data":
            data = f"{data}\n{value}" if data else value
        elif not name and value:
            yield None
        elif not name:
            if data:
                yield Event(number, kind, _object(data))
            kind, data = "message", ""


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("an event is nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError("the data of an event are no JSON object")
    return found
