"""Long work before a run that can be abandoned: on its own thread (LLVM compiling a kernel), or looking up in between."""

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
_one_at_a_time = threading.Lock()  # the compiler is changed for the whole process while it works
_abandoned: list[threading.Thread] = []


def _after_fork() -> None:
    """A forked process lacks the threads of the other: work that goes on there, and what held the lock."""
    global _one_at_a_time
    _one_at_a_time = threading.Lock()
    _abandoned.clear()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork)


class Abandoned(Exception):
    """The caller was asked to stop while work was going on; what goes on in the background does so to its end."""


class Lookout:
    """Called in the midst of work: asks `go_on` at once, then every half second; raises Abandoned where it says False."""

    def __init__(self, go_on: Callable[[], bool]) -> None:
        self.go_on, self.next = go_on, 0.0

    def __call__(self) -> None:
        """Ask where it is time to."""
        now = time.monotonic()
        if now >= self.next:
            self.next = now + _LOOK_EVERY
            if not self.go_on():
                raise Abandoned


def in_background(work: Callable[[], Result], go_on: Callable[[], bool]) -> Result:
    """Do `work` on another thread, one at a time in this process, and return its result or raise what it raised.

    `go_on` is asked every half second. Raises Abandoned where it says False; KeyboardInterrupt comes through at once.
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
    """Whether work that was abandoned goes on: an interpreter that ends beneath it would crash."""
    return any(thread.is_alive() for thread in _abandoned)


def _keep(work: Callable[[], Any], outcome: dict[str, Any]) -> None:
    try:
        with _one_at_a_time:
            outcome["result"] = work()
    except BaseException as fault:  # noqa: BLE001  (raised again by the caller)
        outcome["error"] = fault


def _started(target: Callable[[], None]) -> threading.Thread:
    """A running thread with room for deep recursion, which does not keep the process from ending."""
    before = threading.stack_size(_STACK)
    try:
        thread = threading.Thread(target=target, name="bioasm-compiler", daemon=True)
        thread.start()
    finally:
        threading.stack_size(before)
    return thread
