"""The private cache folder of recomputable files: parser tables, models and compiled kernels.

A file is trusted only if no other user could have written it (owner and mode of the file, its folder and all parents), and
its checksum matches its key: one that is swapped, truncated or changed is remade.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

_CHECKSUM_BYTES = 32
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_dir() -> Path | None:
    """The cache folder, created if needed, or None where no private folder is possible.

    It is $BIOASM_CACHE_DIR, else $XDG_CACHE_HOME/bioasm, else ~/.cache/bioasm. Its files are loaded as code, so it is used
    only if it belongs to this user and no other user may write to it or replace it.
    """
    try:
        wanted = _wanted()
        for missing in reversed((wanted, *wanted.parents)):
            missing.mkdir(mode=0o700, exist_ok=True)
        folder = Path(os.path.realpath(wanted))
        private = _is_private(folder.stat()) and all(_is_safe(parent.stat()) for parent in folder.parents)
        return folder if private and os.access(folder, os.W_OK) else None
    except (OSError, RuntimeError, ValueError):
        return None


def _wanted() -> Path:
    own = os.environ.get("BIOASM_CACHE_DIR")
    if own:
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "bioasm"


def _is_private(found: os.stat_result) -> bool:
    """Whether a file or folder is this user's, and no one else may write to it."""
    return not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & _OTHERS_WRITE)


def _is_safe(parent: os.stat_result) -> bool:
    """Whether no one else may exchange what lies in a parent folder: it is root's or this user's, and others can't write there.

    In a sticky folder such as /tmp what they write does no harm. A group that is the user's own counts as the user.
    """
    if not hasattr(os, "getuid"):
        return True
    others = stat.S_IWOTH if parent.st_gid == os.getgid() else _OTHERS_WRITE
    return parent.st_uid in (0, os.getuid()) and (not parent.st_mode & others or bool(parent.st_mode & stat.S_ISVTX))


# --- files ------------------------------------------------------------------------------------------


def place(kind: str, key: bytes, ending: str) -> Path | None:
    """The path of the cache file of a key; None without a folder."""
    folder = cache_dir()
    return folder / f"{kind}-{hashlib.sha256(key).hexdigest()[:32]}{ending}" if folder else None


def read_kept(path: Path, key: bytes) -> bytes | None:
    """The cached content of a key; None where it is missing or not trusted."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(handle, "rb") as file:
            found = os.fstat(handle)
            if not (stat.S_ISREG(found.st_mode) and _is_private(found)):
                return None
            content = file.read()
    except OSError:
        return None
    checksum, content = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
    return content if checksum == _checksum(key, content) else None


def write_kept(path: Path, key: bytes, content: bytes) -> bool:
    """Write the cached content of a key; False on failure."""
    return write_atomically(path, _checksum(key, content) + content)


def _checksum(key: bytes, content: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(key).digest() + content).digest()


def write_atomically(path: Path, content: bytes) -> bool:
    """Write a cache file atomically; False on failure."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        return False
    return True
