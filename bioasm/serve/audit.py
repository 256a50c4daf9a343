"""Append-only audit log: a line of JSON for each requested action or refusal."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

_REFUSALS = 20  # lines per second of refusals without a token, so that strangers can't fill the disk


class Audit:
    """The audit log of a server."""

    def __init__(self, folder: Path) -> None:
        self._number = os.open(folder / "audit.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()
        self._second, self._refused = 0, 0

    def write(self, action: str, who: str, outcome: str, **more: object) -> None:
        """Append a line: the action, its actor, and the outcome."""
        line = {"time": round(time.time(), 3), "action": action, "who": who, "outcome": outcome, **more}
        with self._lock:
            os.write(self._number, (json.dumps(line) + "\n").encode())

    def refuse(self, action: str, who: str, status: int, why: str) -> None:
        """Append a line for a refused request; excess ones without a token are only counted."""
        if who:
            self.write(action, who, f"refused {status}", why=why[:300])
            return
        with self._lock:
            before, second = self._refused, int(time.monotonic())
            self._refused = 1 if second != self._second else before + 1
            self._second, more = second, before - _REFUSALS if second != self._second else 0
        if more > 0:
            self.write("refusals", "", f"{more} more in a second")
        if self._refused <= _REFUSALS:
            self.write(action, "", f"refused {status}", why=why[:300])

    def close(self) -> None:
        """Close the file."""
        os.close(self._number)
