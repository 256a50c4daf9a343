"""Whether the disk takes what a run puts out: a spool must be new, and have the room that is known to be needed."""

from __future__ import annotations

import shutil
from pathlib import Path

from bioasm.demand.footprint import Demand
from bioasm.diagnostics import error
from bioasm.files import unwritable
from bioasm.memory import KEEP_LESS

_COPIES = 2  # of what was put out: as it came, and with its lanes in order or in a result's own file


def check_spool(folder: Path, needed: Demand) -> None:
    """Refuse a folder that is there (B302), and a run that needs more room than its disk has (B403)."""
    if folder.exists():
        hint = "a run that was ended left it: move it, or remove it"
        raise error("B302", f"can't write {folder}: it is there already", hint=hint)
    try:
        free = shutil.disk_usage(folder.absolute().parent).free
    except OSError as cause:
        raise unwritable(folder, cause) from cause
    wanted = _COPIES * (needed.recordings + needed.trace)
    if wanted > free:
        text = f"a run writes about {wanted / 1e9:.3g} GB, and the disk of {folder} has {free / 1e9:.3g} GB left"
        raise error("B403", text, hint=KEEP_LESS)
