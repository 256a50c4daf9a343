"""Tokens that end while they act: what they hold is let go of, and nothing that began before outlives them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.front import Front  # isort: skip  (it skips where the extra is not installed)

from bioasm.binary import MAGIC
from bioasm.binary.writer import to_bytes
from bioasm.drivers.remote.client import Client
from bioasm.drivers.remote.places import parse_place
from bioasm.serve import jobs, requests, tokens
from bioasm.serve.store import Store
from bioasm.serve.tokens import Holder
from bioasm.text.assemble import assemble
from tests.serve.support import SPINS, until
from tests.serve.test_rights import refused, submit, words


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A front that the tests of this module share."""
    made = Front(tmp_path_factory.mktemp("front"))
    yield made
    made.close()


def named(front: Front, client: Client) -> str:
    """The name of a client's token."""
    return str(client.call("GET", "/v1").json()["token"]["name"])


def test_a_removed_token_lets_go_of_its_jobs(front: Front) -> None:
    ada, bob = front.client("submit"), front.client("submit", "read")
    mine, both = submit(ada, seed=5001)["id"], submit(ada, seed=5002)["id"]
    submit(bob, seed=5002)
    running = submit(ada, seed=5003)["id"]
    with front.store.change() as database:
        database.execute("UPDATE jobs SET state = 'running' WHERE id = ?", (running,))
    tokens.remove_token(front.store, named(front, ada))
    assert (bob.job(mine)["status"], bob.job(both)["state"]) == ("interrupted", "queued")
    assert jobs.is_cancelled(front.store, running) and not jobs.is_cancelled(front.store, both)


def test_an_expired_token_lets_go_of_its_jobs(front: Front) -> None:
    ada = front.client("submit", "read", days=1.0)
    job, name = submit(ada, seed=5004)["id"], named(front, ada)
    assert tokens.lapse(front.store) == {}
    with front.store.change() as database:
        database.execute("UPDATE tokens SET expires = 1 WHERE name = ?", (name,))
    assert tokens.lapse(front.store) == {name: 1} and tokens.lapse(front.store) == {}
    assert jobs.is_cancelled(front.store, job)


def test_a_later_token_of_the_same_name_holds_nothing_of_the_earlier(front: Front) -> None:
    job = front.job(0, "queued", "cd" * 32)
    old = Holder("eve", frozenset(), mark="0123456789abcdef").id
    with front.store.change() as database:
        database.execute("INSERT INTO holders VALUES (?, ?)", (job, old))
    eve = Client(parse_place(f"unix:{front.path}"), tokens.add_token(front.store, "eve", ["submit", "read"], {}, None))
    assert eve.job(job)["holders"] == ["eve"]
    assert "is not held" in words(refused(lambda: eve.call("DELETE", f"/v1/jobs/{job}")))


def test_a_token_that_ends_while_the_body_comes_submits_nothing(front: Front) -> None:
    ada = front.client("submit")
    name, body = named(front, ada), to_bytes(assemble(SPINS.replace("50", "51")))
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ada.token}\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    with front.raw() as wire:
        wire.sendall(head.encode() + body[:20])
        until(lambda: list((front.store.folder / "incoming").iterdir()))
        tokens.remove_token(front.store, name)
        wire.sendall(body[20:])
        assert wire.recv(100).startswith(b"HTTP/1.1 401")


def test_a_token_that_ends_at_the_last_moment_submits_nothing(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = front.client("submit")
    name, submits = named(front, ada), jobs.submit

    def late(*arguments: object) -> object:
        tokens.remove_token(front.store, name)
        return submits(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(jobs, "submit", late)
    before = len(front.store.rows("SELECT id FROM jobs"))
    assert "the token ended" in words(refused(lambda: submit(ada, seed=5005)))
    assert len(front.store.rows("SELECT id FROM jobs")) == before


def test_a_stream_ends_with_its_token(front: Front) -> None:
    ada, job = front.client("read"), front.job(3, "running", "ef" * 32)
    name = named(front, ada)
    with front.raw() as wire:
        head = f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n"
        wire.sendall(f"{head}Authorization: Bearer {ada.token}\r\n\r\n".encode())
        found = b""
        while b"id: 3" not in found:
            found += wire.recv(1 << 16)
        tokens.remove_token(front.store, name)
        wire.settimeout(5)
        while b"\r\n0\r\n" not in found and (more := wire.recv(1 << 16)):
            found += more
    assert found.endswith(b"\r\n0\r\n\r\n")


def test_a_body_that_drips_is_cut_off(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_FIRST", 0.3)
    monkeypatch.setattr(requests, "_RATE", 1 << 30)
    with front.raw() as wire:
        wire.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" + MAGIC[:4])
        with contextlib.suppress(OSError):
            for _ in range(40):
                wire.sendall(b"K")
                time.sleep(0.02)
        assert wire.recv(100).startswith(b"HTTP/1.1 408")


def test_a_file_that_goes_while_it_is_looked_at_ends_no_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    left = store.incoming()
    left.write_bytes(b"")
    os.utime(left, (0, 0))
    monkeypatch.setattr(Path, "iterdir", lambda _: iter([left.with_name("gone"), left]))
    store.sweep()
    store.close()
    assert not left.exists()
