"""The private folder in which BioASM keeps what it can compute again: parser tables and compiled kernels."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def cache_dir() -> Path | None:
    """The cache folder, made where it is missing, or None where no private folder can be had.

    It is $BIOASM_CACHE_DIR, else $XDG_CACHE_HOME/bioasm, else ~/.cache/bioasm. What lies in it is loaded as code, so
    it is used only if it belongs to this user and nobody else may write to it.
    """
    try:
        folder = _wanted()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if _is_private(folder) and os.access(folder, os.W_OK) else None
    except (OSError, RuntimeError, ValueError):
        return None


def _wanted() -> Path:
    own = os.environ.get("BIOASM_CACHE_DIR")
    if own:
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "bioasm"


def _is_private(folder: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def write_atomically(path: Path, content: bytes) -> bool:
    """Write a cache file so that nobody ever reads half of it; False where it could not be written."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        return False
    return True
