"""Cancellable work before a run: on a background thread (LLVM compiling a kernel), or with polling in between."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")

_LOOK_EVERY = 0.5  # seconds
_STACK = 1 << 26  # bytes; a compiler recurses deeply, and the stack of a thread is small on some systems
_one_at_a_time = threading.Lock()  # compilation changes process-wide settings of the compiler
_abandoned: list[threading.Thread] = []


def _after_fork() -> None:
    """Reset in a forked child, which lacks the parent's threads: background work and the holder of the lock."""
    global _one_at_a_time
    _one_at_a_time = threading.Lock()
    _abandoned.clear()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork)


class Abandoned(Exception):
    """The work was cancelled; a background thread still runs to its end."""


class Lookout:
    """Rate-limited cancellation check: calls `go_on` at once, then every half second; raises Abandoned where it is False."""

    def __init__(self, go_on: Callable[[], bool]) -> None:
        self.go_on, self.next = go_on, 0.0

    def __call__(self) -> None:
        """Call `go_on` if half a second has passed."""
        now = time.monotonic()
        if now >= self.next:
            self.next = now + _LOOK_EVERY
            if not self.go_on():
                raise Abandoned


def in_background(work: Callable[[], Result], go_on: Callable[[], bool]) -> Result:
    """Run `work` on another thread, one at a time in this process, and return its result or raise its exception.

    `go_on` is called every half second. Raises Abandoned where it returns False; KeyboardInterrupt is not delayed.
    """
    outcome: dict[str, Any] = {}
    thread = _started(lambda: _keep(work, outcome))
    try:
        while thread.is_alive():
            thread.join(_LOOK_EVERY)
            if thread.is_alive() and not go_on():
                raise Abandoned
    except BaseException:
        _abandoned.append(thread)
        raise
    if "error" in outcome:
        raise outcome["error"]
    result: Result = outcome["result"]
    return result


def still_working() -> bool:
    """Whether abandoned work still runs: an interpreter that exits meanwhile would crash."""
    return any(thread.is_alive() for thread in _abandoned)


def _keep(work: Callable[[], Any], outcome: dict[str, Any]) -> None:
    try:
        with _one_at_a_time:
            outcome["result"] = work()
    except BaseException as fault:  # noqa: BLE001  (raised again by the caller)
        outcome["error"] = fault


def _started(target: Callable[[], None]) -> threading.Thread:
    """Start a daemon thread with a stack for deep recursion."""
    before = threading.stack_size(_STACK)
    try:
        thread = threading.Thread(target=target, name="bioasm-compiler", daemon=True)
        thread.start()
    finally:
        threading.stack_size(before)
    return thread
