"""The audit log: a line of JSON for everything that was asked to be done or was refused, appended and never rewritten."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path


class Audit:
    """The file of a server."""

    def __init__(self, folder: Path) -> None:
        self._number = os.open(folder / "audit.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()

    def write(self, action: str, who: str, outcome: str, **more: object) -> None:
        """Add a line: what, by whom, how it went."""
        line = {"time": round(time.time(), 3), "action": action, "who": who, "outcome": outcome, **more}
        with self._lock:
            os.write(self._number, (json.dumps(line) + "\n").encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._number)
