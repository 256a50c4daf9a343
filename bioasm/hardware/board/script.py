"""Scripted fault injection: faults of a board, and their times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bioasm.diagnostics import EXIT_USAGE, BioasmError, did_you_mean, error

# Actions, with the noun of their value, if any.
ACTIONS: dict[str, str] = {
    "reset": "",  # the board starts again, with a new boot id
    "power": "",  # the same, and the memory that outlasts restarts is lost
    "unplug": "",  # the line is gone
    "silence": "seconds",  # the board neither hears nor answers: late acknowledgements, or a dead board
    "garbage": "bytes",  # the board sends random bytes
    "deaf": "bytes",  # so many received bytes are lost, as in an overrun
    "stuck": "value",  # the bus reads 0 or 0xFFFF
    "free": "",  # the bus works again
    "wrong-chip": "",  # the chip's ROM says another chip
    "uncalibrated": "",  # from the next start of the chip on its converter is not calibrated
    "compliance": "channel",  # the electrode of a channel comes off: its stimulator reaches the supply
    "leak": "microamperes",  # a current leaks through the electrodes: the fault current detector
    "clock-jump": "seconds",  # the device clock jumps ahead
    "unload": "",  # what was uploaded is gone
}
TRIGGERS = ("", "run", "rx")
_LATEST = 1e15  # seconds or bytes
_MOST = 1e6  # seconds, bytes, or whatever else an action takes


class Event(NamedTuple):
    """One fault: `at` seconds after the start, or after the start of a run, or at received bytes `rx`."""

    trigger: str
    at: float
    action: str
    value: float


def parse_event(text: str) -> Event:
    """An event such as `0.5 unplug`, `run+0.1 silence 3` or `rx+20000 reset`. Raises BioasmError B530."""
    words = text.replace(":", " ").split()
    if not 2 <= len(words) <= 3:
        raise _bad(f"{text!r} is no fault; one is written WHEN WHAT [VALUE], such as 'run+0.1 silence 3'")
    when, action, *values = words
    if action not in ACTIONS:
        raise _bad(f"there is no fault {action!r}", did_you_mean(action, ACTIONS) or f"there are {', '.join(ACTIONS)}")
    trigger, _, at = when.rpartition("+") if "+" in when.lstrip("+") else ("", "", when)
    if trigger not in TRIGGERS:
        raise _bad(f"a fault happens at SECONDS, run+SECONDS or rx+BYTES, not at {when!r}")
    if bool(values) != bool(ACTIONS[action]):
        raise _bad(f"{action} takes {'a value: ' + ACTIONS[action] if ACTIONS[action] else 'no value'}")
    return Event(trigger, _number(at, _LATEST), action, _number(values[0], _MOST) if values else 0.0)


def _number(text: str, most: float) -> float:
    try:
        value = float(int(text, 16)) if text.lower().startswith("0x") else float(text)
    except (ValueError, OverflowError):
        raise _bad(f"{text[:40]!r} is no number") from None
    if not 0 <= value <= most:
        raise _bad(f"{text} is no time, number of bytes or value of a fault; it is a number from 0 to {most:g}")
    return value


def _bad(text: str, hint: str | None = None) -> BioasmError:
    return error("B530", text, hint=hint, exit_code=EXIT_USAGE)


class Script:
    """Queue of scripted events."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._waiting = list(events)

    def due(self, now: float, since_run: float | None, received: int) -> list[Event]:
        """The events due at `now` s after the start, `since_run` s after that of a run, and `received` bytes."""
        clocks: dict[str, float | None] = {"": now, "run": since_run, "rx": received}
        due = [event for event in self._waiting if (clock := clocks[event.trigger]) is not None and clock >= event.at]
        self._waiting = [event for event in self._waiting if event not in due]
        return due
