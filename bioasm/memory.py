"""Resources of this machine: bytes of memory, and processors; and advice where outputs of a run don't fit."""

from __future__ import annotations

import os
import sys

KEEP_LESS = "run fewer lanes or a shorter time, or record less often: REC v, 10 ms"
KEEP_LESS_OR_WRITE = f"`run -o FILE.h5` without --checkpoint writes them as it runs; or {KEEP_LESS}"


def memory() -> int:
    """Bytes of memory that this machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # systems without this information
        return sys.maxsize


def processors() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
