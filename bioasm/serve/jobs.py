"""Life cycle of jobs in the database: submitted, claimed by a worker, recovered after a crash, cancelled, ended."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bioasm.diagnostics import Diagnostic
from bioasm.diagnostics.jsontext import dumps
from bioasm.drivers.remote.protocol import ENDED, QUEUED, RUNNING, told
from bioasm.serve.store import Store

CRASHES = 3  # crashes of a job's worker without a new checkpoint after which the job has failed
_AGAIN = ("interrupted", "lost")  # jobs with these statuses are renewed by a new submission, except on cells


@dataclass(frozen=True, slots=True)
class Submission:
    """An admitted job: its device, its token, and the properties of the device it was checked against.

    `driver` and `repeats` (one seed gives one result) are those of the device then, `drives` says whether it may drive cells.
    """

    id: str
    device: str
    options: str
    program: str
    model: str
    n: int
    token: str
    driver: str = ""
    repeats: bool = False
    drives: bool = False


Confirm = Callable[[sqlite3.Connection, sqlite3.Row, bool], None]  # of a job and whether it is new


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a job: the status of its Result, its findings, and the size and hash of its file."""

    status: str
    findings: Sequence[Diagnostic] = ()
    exit_code: int = 0
    size: int = 0
    sha256: str | None = None


# --- events -----------------------------------------------------------------------------------------


def tell(database: sqlite3.Connection, job: str, kind: str, data: Mapping[str, Any]) -> int:
    """Append an event to a job, within a transaction. Returns its number."""
    number = last_event(database, job) + 1
    database.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", (job, number, time.time(), kind, dumps(dict(data))))
    return number


def last_event(database: sqlite3.Connection, job: str) -> int:
    """The number of the last event of a job, 0 where there is none."""
    (number,) = database.execute("SELECT COALESCE(MAX(number), 0) FROM events WHERE job = ?", (job,)).fetchone()
    return int(number)


def events_after(store: Store, job: str, after: int, most: int) -> list[sqlite3.Row]:
    """At most `most` events of a job after a number."""
    return store.rows("SELECT * FROM events WHERE job = ? AND number > ? ORDER BY number LIMIT ?", job, after, most)


# --- submitting -------------------------------------------------------------------------------------


def submit(
    store: Store, wanted: Submission, most: int | None, confirm: Confirm | None = None
) -> tuple[sqlite3.Row, bool] | None:
    """Submit idempotently: the job of a submission, and whether it is new. None where its token holds `most` unfinished jobs.

    A job on an irreproducible device is never renewed: a retry must not drive the cells a second time. `confirm` is called
    within the transaction; an exception rolls it back.
    """
    with store.change() as database:
        row = database.execute("SELECT * FROM jobs WHERE id = ?", (wanted.id,)).fetchone()
        begins = row is None or _begins_anew(row)
        if begins and most is not None and _held(database, wanted.token) >= most:
            return None
        if row is None:
            _insert(database, wanted)
        elif begins:
            _renew(database, row, wanted)
        if begins:
            store.checkpoint(wanted.id).unlink(missing_ok=True)
            store.result(wanted.id).unlink(missing_ok=True)
            tell(database, wanted.id, QUEUED, {"ahead": _ahead(database, wanted)})
        database.execute("INSERT OR IGNORE INTO holders VALUES (?, ?)", (wanted.id, wanted.token))
        made: sqlite3.Row = database.execute("SELECT * FROM jobs WHERE id = ?", (wanted.id,)).fetchone()
        if confirm is not None:
            confirm(database, made, begins)
        return made, begins


def _begins_anew(row: sqlite3.Row) -> bool:
    return bool(row["repeats"]) and row["state"] == ENDED and row["status"] in _AGAIN


def _held(database: sqlite3.Connection, token: str) -> int:
    question = "SELECT COUNT(*) FROM jobs JOIN holders ON holders.job = jobs.id WHERE holders.token = ? AND jobs.state != ?"
    return int(database.execute(question, (token, ENDED)).fetchone()[0])


def _ahead(database: sqlite3.Connection, wanted: Submission) -> int:
    question = "SELECT COUNT(*) FROM jobs WHERE device = ? AND state != ? AND id != ?"
    return int(database.execute(question, (wanted.device, ENDED, wanted.id)).fetchone()[0])


def _insert(database: sqlite3.Connection, job: Submission) -> None:
    database.execute(
        "INSERT INTO jobs (id, device, options, program, model, n, state, created, driver, repeats, drives)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (job.id, job.device, job.options, job.program, job.model, job.n, QUEUED, time.time(), *_fitness(job)),
    )


def _fitness(job: Submission) -> tuple[str, bool, bool]:
    return job.driver, job.repeats, job.drives


def _renew(database: sqlite3.Connection, row: sqlite3.Row, wanted: Submission) -> None:
    """Queue an interrupted job again, behind the others; the numbers of its events continue."""
    database.execute(
        "UPDATE jobs SET number = (SELECT MAX(number) + 1 FROM jobs), state = ?, status = NULL, wanted = '', tries = 0,"
        " mark = NULL, base = ?, created = ?, started = NULL, ended = NULL, findings = '[]', exit = 0, size = 0, sha256 = NULL,"
        " driver = ?, repeats = ?, drives = ? WHERE id = ?",
        (QUEUED, last_event(database, row["id"]), time.time(), *_fitness(wanted), row["id"]),
    )
    database.execute("DELETE FROM holders WHERE job = ?", (row["id"],))


# --- running ----------------------------------------------------------------------------------------


def claim(store: Store, device: str, slot: int) -> sqlite3.Row | None:
    """Claim the next job of a device's queue for the worker in this slot."""
    with store.change() as database:
        question = "SELECT * FROM jobs WHERE device = ? AND state = ? ORDER BY number LIMIT 1"
        row = database.execute(question, (device, QUEUED)).fetchone()
        if row is None:
            return None
        started = row["started"] or time.time()
        database.execute("UPDATE jobs SET state = ?, slot = ?, started = ? WHERE id = ?", (RUNNING, slot, started, row["id"]))
        tell(database, row["id"], "started", {"resumed": store.checkpoint(row["id"]).exists()})
        found: sqlite3.Row = row
        return found


def orphan(store: Store, device: str, slot: int) -> sqlite3.Row | None:
    """The job of a dead worker of this slot; to be called by the worker that holds the slot."""
    return store.row("SELECT * FROM jobs WHERE device = ? AND slot = ? AND state = ?", device, slot, RUNNING)


def take_up(store: Store, job: sqlite3.Row) -> bool:
    """Count a crash of the job's worker. Returns False where there were too many since its last checkpoint."""
    path = store.checkpoint(job["id"])
    mark = str(path.stat().st_mtime_ns) if path.exists() else None
    tries = 1 if mark != job["mark"] else job["tries"] + 1
    with store.change() as database:
        database.execute("UPDATE jobs SET tries = ?, mark = ? WHERE id = ?", (tries, mark, job["id"]))
        if tries <= CRASHES:
            tell(database, job["id"], "resumed", {"crash": tries, "checkpoint": mark is not None})
    return tries <= CRASHES


def release(store: Store, job: str) -> None:
    """Requeue a running job at the head of its queue; it resumes from its checkpoint."""
    with store.change() as database:
        database.execute("UPDATE jobs SET state = ?, slot = NULL WHERE id = ? AND state = ?", (QUEUED, job, RUNNING))
        tell(database, job, "released", {})


def end(store: Store, job: str, outcome: Outcome) -> None:
    """Record how a job ended."""
    with store.change() as database:
        _end(database, job, outcome)
    store.checkpoint(job).unlink(missing_ok=True)


def _end(database: sqlite3.Connection, job: str, outcome: Outcome) -> None:
    findings = dumps(told(outcome.findings))
    database.execute(
        "UPDATE jobs SET state = ?, status = ?, ended = ?, findings = ?, exit = ?, size = ?, sha256 = ? WHERE id = ?",
        (ENDED, outcome.status, time.time(), findings, outcome.exit_code, outcome.size, outcome.sha256, job),
    )
    tell(database, job, ENDED, {"status": outcome.status, "size": outcome.size})


# --- cancelling -------------------------------------------------------------------------------------


def cancel(store: Store, job: str, token: str, everyone: bool) -> None:
    """Release a job for a token. It is cancelled once no token holds it, or with `everyone`."""
    with store.change() as database:
        if everyone:
            database.execute("DELETE FROM holders WHERE job = ?", (job,))
        _let_go(database, job, token)


def _let_go(database: sqlite3.Connection, job: str, token: str) -> None:
    database.execute("DELETE FROM holders WHERE job = ? AND token = ?", (job, token))
    left = database.execute("SELECT COUNT(*) FROM holders WHERE job = ?", (job,)).fetchone()[0]
    row = database.execute("SELECT state FROM jobs WHERE id = ?", (job,)).fetchone()
    if left or row["state"] == ENDED:
        return
    database.execute("UPDATE jobs SET wanted = 'cancel' WHERE id = ?", (job,))
    if row["state"] == QUEUED:
        _end(database, job, Outcome("interrupted"))


def let_go_all(database: sqlite3.Connection, token: str) -> int:
    """Release the unfinished jobs of a token, within a transaction; returns their number."""
    question = "SELECT jobs.id FROM jobs JOIN holders ON holders.job = jobs.id WHERE holders.token = ? AND jobs.state != ?"
    held = database.execute(question, (token, ENDED)).fetchall()
    for (job,) in held:
        _let_go(database, job, token)
    return len(held)


def is_cancelled(store: Store, job: str) -> bool:
    """Whether a job was cancelled."""
    row = store.row("SELECT wanted FROM jobs WHERE id = ?", job)
    return row is None or row["wanted"] == "cancel"


# --- looking ----------------------------------------------------------------------------------------


def find(store: Store, name: str) -> sqlite3.Row | None:
    """The job whose id has the prefix `name`, if it is unique."""
    found = store.rows("SELECT * FROM jobs WHERE id >= ? AND id < ? LIMIT 2", name, name + "g")
    return found[0] if len(found) == 1 else None


def listed(store: Store, most: int) -> list[sqlite3.Row]:
    """The newest jobs, at most `most`."""
    return store.rows("SELECT * FROM jobs ORDER BY number DESC LIMIT ?", most)


def holders(store: Store, job: str) -> list[str]:
    """The tokens that hold a job, by `Holder.id`."""
    return [row["token"] for row in store.rows("SELECT token FROM holders WHERE job = ? ORDER BY token", job)]


def described(store: Store, row: sqlite3.Row) -> dict[str, Any]:
    """Serialise a job for the protocol."""
    plain = ("id", "device", "model", "n", "state", "status", "wanted", "created", "started", "ended", "exit", "size", "sha256")
    last = store.row("SELECT COALESCE(MAX(number), 0) AS number FROM events WHERE job = ?", row["id"])
    return {
        **{name: row[name] for name in plain},
        "options": json.loads(row["options"]),
        "findings": json.loads(row["findings"]),
        "program": row["program"],
        "after": row["base"],
        "event": last["number"] if last is not None else 0,
        "holders": [token.partition("#")[0] for token in holders(store, row["id"])],
    }


# --- retention --------------------------------------------------------------------------------------


def forget(store: Store, seconds: float) -> int:
    """Retention: remove jobs that ended longer ago, with their results and unreferenced programs; returns their number."""
    with store.change() as database:
        old = database.execute("SELECT id FROM jobs WHERE state = ? AND ended < ?", (ENDED, time.time() - seconds)).fetchall()
        for (job,) in old:
            for table, column in (("events", "job"), ("holders", "job"), ("jobs", "id")):
                database.execute(f"DELETE FROM {table} WHERE {column} = ?", (job,))
            store.result(job).unlink(missing_ok=True)
        used = {row[0] for row in database.execute("SELECT program FROM jobs")}
        for path in (store.folder / "programs").iterdir():
            if path.name not in used and time.time() - path.stat().st_mtime > seconds:
                path.unlink(missing_ok=True)
    return len(old)
