"""The folder of a server: a database (SQLite, WAL) of jobs, events and tokens, and content-addressed files."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from bioasm.diagnostics import error
from bioasm.files import reason, unwritable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS devices (name TEXT PRIMARY KEY, rank INTEGER NOT NULL, about TEXT, spelled TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, device TEXT NOT NULL, slot INTEGER,
  options TEXT NOT NULL, program TEXT NOT NULL, model TEXT NOT NULL, n INTEGER NOT NULL,
  state TEXT NOT NULL, status TEXT, wanted TEXT NOT NULL DEFAULT '', tries INTEGER NOT NULL DEFAULT 0, mark TEXT,
  base INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, started REAL, ended REAL,
  findings TEXT NOT NULL DEFAULT '[]', exit INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL DEFAULT 0, sha256 TEXT,
  driver TEXT NOT NULL DEFAULT '', repeats INTEGER NOT NULL DEFAULT 0, drives INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS waiting ON jobs (device, state, number);
CREATE TABLE IF NOT EXISTS events (
  job TEXT NOT NULL, number INTEGER NOT NULL, time REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL,
  PRIMARY KEY (job, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holders (job TEXT NOT NULL, token TEXT NOT NULL, PRIMARY KEY (job, token)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (
  name TEXT PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, rights TEXT NOT NULL, quotas TEXT NOT NULL, expires REAL,
  created REAL NOT NULL
);
"""
# Schema migration: columns that earlier versions lack; their defaults grant nothing.
_ADDED = {
    "jobs": ("driver TEXT NOT NULL DEFAULT ''", "repeats INTEGER NOT NULL DEFAULT 0", "drives INTEGER NOT NULL DEFAULT 0"),
    "devices": ("spelled TEXT NOT NULL DEFAULT ''",),
}
_PATIENCE = 30.0  # timeout of locks in s
_LEFT = 3600.0  # s after which a temporary file is abandoned
_FOLDERS = ("programs", "results", "checkpoints", "locks", "incoming")


class Store:
    """The folder of a server, shared by its processes. Each has one connection, which its threads share by a lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        try:
            _make(folder)
            self._database = sqlite3.connect(folder / "jobs.sqlite", _PATIENCE, isolation_level=None, check_same_thread=False)
            self._database.row_factory = sqlite3.Row
            _prepare(self._database)
        except OSError as cause:
            raise unwritable(folder, cause) from cause
        except sqlite3.Error as cause:
            raise error("B302", f"{folder} holds no database of a server: {cause}") from None

    def __enter__(self) -> Self:
        """Open for the block."""
        return self

    def __exit__(self, _: object, failure: BaseException | None, __: object) -> None:
        """Close the database. Raises BioasmError B302 for a database error of the block."""
        self.close()
        if isinstance(failure, sqlite3.OperationalError):
            hint = "another process holds it, perhaps one that was stopped (Ctrl-Z, SIGSTOP): let it go on, or end it"
            raise error("B302", f"the database in {self.folder} does not answer: {failure}", hint=hint) from failure

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: commits the block, or rolls it back."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def rows(self, question: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a SELECT."""
        with self._lock:
            return self._database.execute(question, values).fetchall()

    def row(self, question: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a SELECT, or None."""
        found = self.rows(question, *values)
        return found[0] if found else None

    @contextmanager
    def look(self) -> Iterator[sqlite3.Connection]:
        """The database for reading, under the lock."""
        with self._lock:
            yield self._database

    # --- files --------------------------------------------------------------------------------------

    def program(self, sha256: str) -> Path:
        """The path of the bytecode with this hash."""
        return self.folder / "programs" / sha256

    def result(self, job: str) -> Path:
        """The path of a job's result."""
        return self.folder / "results" / job

    def checkpoint(self, job: str) -> Path:
        """The path of a job's checkpoint."""
        return self.folder / "checkpoints" / f"{job}.npz"

    def sweep(self) -> None:
        """Remove temporary files of processes that were killed while they wrote."""
        for path in [*(self.folder / "incoming").iterdir(), *self.folder.glob("*/.bioasm.*.part")]:
            with suppress(FileNotFoundError):  # its writer has finished
                if time.time() - path.stat().st_mtime > _LEFT:
                    path.unlink()

    def incoming(self) -> Path:
        """A path for an incoming file."""
        return self.folder / "incoming" / secrets.token_hex(8)

    @property
    def salt(self) -> str:
        """The secret salt of job ids, so that they can't be derived from a program."""
        with self.change() as database:
            database.execute("INSERT OR IGNORE INTO meta VALUES ('salt', ?)", (secrets.token_hex(32),))
        found = self.row("SELECT value FROM meta WHERE name = 'salt'")
        assert found is not None
        return str(found["value"])


def _prepare(database: sqlite3.Connection) -> None:
    """Create the tables, with retries: SQLite reports a lock at once while another process recovers the database."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.executescript(_SCHEMA)
            return _complete(database)
        except sqlite3.OperationalError as busy:
            if "locked" not in str(busy) or time.monotonic() > until:
                raise
        time.sleep(0.05)


def _complete(database: sqlite3.Connection) -> None:
    """Add the columns that an older database lacks."""
    for table, columns in _ADDED.items():
        known = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
        for column in columns:
            if column.split()[0] not in known:
                database.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


def _make(folder: Path) -> None:
    """Create the folder (mode 0700), its subfolders and the database file (mode 0600). Raises BioasmError B302."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_private(folder)
    for name in _FOLDERS:
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    os.close(os.open(folder / "jobs.sqlite", os.O_RDWR | os.O_CREAT, 0o600))


def check_private(folder: Path) -> None:
    """Refuse a folder of another user, or one that others can read or write. Raises BioasmError B302."""
    found = folder.stat()
    if os.name == "posix" and found.st_uid != os.geteuid():
        raise error("B302", f"the folder {folder} is another user's, who could read tokens and change jobs")
    if os.name == "posix" and found.st_mode & 0o077:
        raise error("B302", f"the folder {folder} can be used by others than its owner", hint=f"chmod 700 {folder}")


def default_folder() -> Path:
    """The default folder of a server's jobs."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "bioasm" / "serve"


def lock(path: Path) -> int | None:
    """Advisory lock of a file (flock) until this process exits; None where another holds it. Raises BioasmError B302."""
    import fcntl

    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as cause:
        raise error("B302", f"can't write {path}: {reason(cause)}") from cause
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        return None
    return number
