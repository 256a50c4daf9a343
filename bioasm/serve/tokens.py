"""Access tokens: rights, expiry and quotas. The server stores only their hashes."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import sqlite3
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from bioasm.diagnostics import EXIT_USAGE, BioasmError, did_you_mean, error
from bioasm.drivers.remote.protocol import RIGHTS
from bioasm.serve.jobs import let_go_all
from bioasm.serve.store import Store

QUOTAS = {
    "lanes": "lanes of one job",
    "fuel": "fuel of one job",
    "bytes": "bytes of memory that one job needs",
    "jobs": "jobs at a time that have not ended",
}
_MARK = 16  # digits of a token's hash in `Holder.id`
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True, slots=True)
class Holder:
    """The identity behind a request: the token's name, its rights and its quotas.

    `id` identifies its jobs: the name with a part of the token's hash, because a later token of that name is another.
    """

    name: str
    rights: frozenset[str]
    quotas: Mapping[str, int] = field(default_factory=dict)
    mark: str = ""

    @property
    def id(self) -> str:
        """The name with a prefix of the token's hash."""
        return f"{self.name}#{self.mark}" if self.mark else self.name


def add_token(store: Store, name: str, rights: Collection[str], quotas: Mapping[str, int], days: float | None) -> str:
    """Create a token, which is returned but not stored. Raises BioasmError B406 for a used name or unknown right."""
    _check(name, rights, quotas)
    token = secrets.token_urlsafe(32)
    expires = None if days is None else time.time() + 86400 * days
    kept = (name, _hash(token), json.dumps(sorted(rights)), json.dumps(dict(quotas)), expires, time.time())
    try:
        with store.change() as database:
            database.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?)", kept)
    except sqlite3.IntegrityError:
        raise _wrong(f"there is a token {name} already", "remove it first, or take another name") from None
    return token


def _check(name: str, rights: Collection[str], quotas: Mapping[str, int]) -> None:
    if not NAME.fullmatch(name) or name == LOCAL:
        raise _wrong(f"{name!r} can't be the name of a token", "letters, digits and ._@- make a name")
    check_rights(rights)
    for quota in quotas:
        if quota not in QUOTAS:
            raise _wrong(f"there is no quota {quota!r}", did_you_mean(quota, QUOTAS) or f"there are {', '.join(QUOTAS)}")


def check_rights(rights: Collection[str]) -> frozenset[str]:
    """Validate names of rights. Raises BioasmError B406."""
    for right in rights:
        if right not in RIGHTS:
            raise _wrong(f"there is no right {right!r}", did_you_mean(right, RIGHTS) or f"there are {', '.join(RIGHTS)}")
    return frozenset(rights)


def _wrong(message: str, hint: str) -> BioasmError:
    return error("B406", message, hint=hint, exit_code=EXIT_USAGE)


def remove_token(store: Store, name: str) -> None:
    """Revoke a token and release its jobs. Raises BioasmError B406 for an unknown name."""
    with store.change() as database:
        found = database.execute("SELECT sha256 FROM tokens WHERE name = ?", (name,)).fetchone()
        if found is None:
            raise _wrong(f"there is no token {name}", "`bioasm jobs token-list` lists them")
        database.execute("DELETE FROM tokens WHERE name = ?", (name,))
        let_go_all(database, _id(name, found["sha256"]))


def lapse(store: Store) -> dict[str, int]:
    """Release the jobs of expired tokens; returns their number by the name of the token."""
    expired = store.rows("SELECT name, sha256 FROM tokens WHERE expires <= ?", time.time())
    held = {row["token"] for row in store.rows("SELECT DISTINCT token FROM holders")} if expired else set()
    found = {}
    for row in expired:
        if _id(row["name"], row["sha256"]) in held:
            with store.change() as database:
                found[row["name"]] = let_go_all(database, _id(row["name"], row["sha256"]))
    return {name: number for name, number in found.items() if number}


def _id(name: str, sha256: str) -> str:
    return Holder(name, frozenset(), mark=sha256[:_MARK]).id


def stands(database: sqlite3.Connection, who: Holder) -> bool:
    """Whether an authenticated holder is still valid: its token is neither revoked nor expired."""
    if not who.mark:
        return True
    row = database.execute("SELECT sha256, expires FROM tokens WHERE name = ?", (who.name,)).fetchone()
    return row is not None and row["sha256"].startswith(who.mark) and (row["expires"] is None or row["expires"] > time.time())


def tokens(store: Store) -> list[dict[str, Any]]:
    """All tokens, without their hashes."""
    return [
        {**{name: row[name] for name in ("name", "expires")}, **{name: json.loads(row[name]) for name in ("rights", "quotas")}}
        for row in store.rows("SELECT * FROM tokens ORDER BY name")
    ]


def holder_of(store: Store, token: str) -> Holder | None:
    """The holder of a token, None where it is unknown or has expired. All hashes are compared, each in constant time."""
    mine, found = _hash(token), None
    for row in store.rows("SELECT * FROM tokens"):
        if hmac.compare_digest(mine, row["sha256"]):
            found = row
    if found is None or (found["expires"] is not None and found["expires"] <= time.time()):
        return None
    return Holder(found["name"], frozenset(json.loads(found["rights"])), json.loads(found["quotas"]), found["sha256"][:_MARK])


LOCAL = "local"  # clients of a socket file or pipe without a token


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
