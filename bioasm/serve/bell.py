"""Condition of asyncio: tasks that wait for news of jobs wake when a worker rings, or after a time limit."""

from __future__ import annotations

import asyncio
import contextlib


class Bell:
    """Broadcast condition: each ring wakes all waiting tasks."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake all that wait now."""
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return at the next ring, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)
