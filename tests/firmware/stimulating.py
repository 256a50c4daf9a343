"""What tests of stimulation share: a table and a pulse, arming, and a host that dies."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from bioasm.hardware.link import messages as m
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.messages import Kind
from bioasm.safety import DEFAULT_LIMITS, Electrode, History, LimitsTable
from tests.firmware.boards import PATIENCE

TABLE = LimitsTable(DEFAULT_LIMITS, dict.fromkeys(range(16), Electrode.disk(100e-6))).to_bytes()
PULSE = (m.Phase(-5000, 100_000), m.Phase(5000, 100_000))  # 5 uA, 100 us: 0.5 nC


def history(folder: Path) -> Path:
    """A file of the memory of a board whose electrodes never stimulated."""
    path = folder / "retained"
    path.write_bytes(History.empty(16).to_bytes().ljust(1024, b"\0"))
    return path


def armed(link: HostLink, watchdog: float = 2.0) -> None:
    """Arm a board for hosts that are silent for no longer than `watchdog`."""
    link.upload(Kind.LIMITS, TABLE)
    link.request(m.Arm(hashlib.sha256(TABLE).digest(), round(watchdog * 1000)))


def die(link: HostLink) -> None:
    """End a host without a word."""
    with link._changed:
        link._stop = True
        link._changed.notify_all()
    link._thread.join()


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so; it is an error where it never is."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
