"""Disk check of a spool: its folder must be new, and the disk must have the space that is known to be needed."""

from __future__ import annotations

import shutil
from pathlib import Path

from bioasm.demand.footprint import Demand
from bioasm.diagnostics import error
from bioasm.files import unwritable
from bioasm.memory import KEEP_LESS

_COPIES = 2  # copies of the output: as written, and with its lanes in order or in the file of the result


def check_spool(folder: Path, needed: Demand) -> None:
    """Refuse an existing folder (B302), and a run that needs more space than its disk has (B403)."""
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
