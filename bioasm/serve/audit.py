"""The audit log: a line of JSON for everything that was asked to be done or was refused, appended and never rewritten."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

_REFUSALS = 20  # a second that are written; who has no token must not fill the disk


class Audit:
    """The file of a server."""

    def __init__(self, folder: Path) -> None:
        self._number = os.open(folder / "audit.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()
        self._second, self._refused = 0, 0

    def write(self, action: str, who: str, outcome: str, **more: object) -> None:
        """Add a line: what, by whom, how it went."""
        line = {"time": round(time.time(), 3), "action": action, "who": who, "outcome": outcome, **more}
        with self._lock:
            os.write(self._number, (json.dumps(line) + "\n").encode())

    def refuse(self, action: str, who: str, status: int, why: str) -> None:
        """Add a line for a request that was refused; of very many in a second without a token, how many more there were."""
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
