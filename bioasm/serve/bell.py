"""Condition variable of asyncio: tasks wait for news of jobs until a worker rings or a timeout."""

from __future__ import annotations

import asyncio
import contextlib


class Bell:
    """Broadcast condition: each ring wakes all waiting tasks."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake all waiting tasks."""
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Wait for the next ring, at most `seconds`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)
