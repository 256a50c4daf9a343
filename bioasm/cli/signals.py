"""The signals that end a command in order: Ctrl-C, SIGTERM, and SIGHUP of a terminal that is gone."""

from __future__ import annotations

import signal

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def heeded() -> tuple[signal.Signals, ...]:
    """Those of `ENDING` that this process acts on: not SIGHUP where the caller has it ignored, as nohup does."""
    hangup = getattr(signal, "SIGHUP", None)
    return tuple(n for n in ENDING if n != hangup or signal.getsignal(n) is not signal.SIG_IGN)


def end_in_order() -> None:
    """Let each of the signals raise KeyboardInterrupt, as Python does for Ctrl-C alone."""
    for number in heeded():
        if number != signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
