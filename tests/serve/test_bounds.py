"""What a token may use up: bodies at a time, disk, memory of unread answers, beginnings; and answers to what can't be done."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.front import Front  # isort: skip  (it skips where the extra is not installed)

from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.remote import protocol as p
from bioasm.results.transfer import pack_result
from bioasm.serve import app, jobs, requests, run
from bioasm.serve.bind import tls
from bioasm.serve.streams import parts
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.serve.support import SPINS, trustme, until
from tests.serve.test_rights import refused, submit, words


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A front that the tests of this module share."""
    made = Front(tmp_path_factory.mktemp("front"))
    yield made
    made.close()


HEAD = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n{}\r\n"


def incoming(front: Front) -> int:
    """How many files are on their way."""
    return len(list((front.store.folder / "incoming").iterdir()))


def test_a_token_sends_only_so_many_programs_at_a_time(front: Front) -> None:
    said = HEAD.format(f"Authorization: Bearer {front.client('submit').token}\r\n").encode()
    with contextlib.ExitStack() as open_:
        for number in range(app.UPLOADS):
            open_.enter_context(front.raw()).sendall(said + to_bytes(assemble(SPINS))[:4])
            until(lambda number=number: incoming(front) == number + 1)
        assert front.talk(said).startswith(b"HTTP/1.1 429")
        assert submit(front.client("submit"), seed=1)["new"]  # another token is not held up
    until(lambda: not incoming(front))
    assert not +front.server.uploads


def test_what_is_no_bytecode_is_refused_at_its_first_bytes(front: Front) -> None:
    answer = front.talk(HEAD.format("").encode() + b"PK\3\4")
    assert answer.startswith(b"HTTP/1.1 422") and b"B201" in answer


def test_a_full_disk_takes_no_program(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "SPARE", 1 << 60)
    assert "disk of the server is full" in words(refused(lambda: submit(front.client("submit"), seed=2)))


def test_jobs_begin_anew_only_so_often(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "RENEWALS", 2)
    client = front.client("submit", "read")

    def again() -> dict:
        job = submit(client, seed=3)
        jobs.end(front.store, job["id"], jobs.Outcome("lost"))
        return job

    assert [again()["new"] for _ in range(3)] == [True] * 3
    assert "began 2 jobs anew" in words(refused(again))
    assert client.call("GET", "/v1/jobs").json()["jobs"][0]["status"] == "lost"


def kept(front: Front) -> str:
    """A job with a result."""
    name = front.job(1, name="ce" * 32)
    data = pack_result(CpuDriver().run(verify(assemble(SPINS)), RunOptions(seed=1)))
    front.store.result(name).write_bytes(data)
    with front.store.change() as database:
        database.execute("UPDATE jobs SET size = ?, sha256 = ? WHERE id = ?", (len(data), "00" * 32, name))
    return name


def test_an_archive_waits_on_the_disk_for_its_reader(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    job = kept(front)
    size, pieces = parts(front.store, job, ["best_energy"])
    assert not incoming(front) and sum(map(len, pieces)) == size
    assert front.client("read").call("GET", f"/v1/jobs/{job}/result?form=npz").body[:2] == b"PK"
    for ranges, wanted in (("bytes=0-9", 206), ("bytes=0-0,2-2", 400)):
        head = f"GET /v1/jobs/{job}/result HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nRange: {ranges}\r\n\r\n"
        assert front.talk(head.encode()).startswith(f"HTTP/1.1 {wanted}".encode())
    monkeypatch.setattr(requests, "SPARE", 1 << 60)
    assert "is full" in words(refused(lambda: front.client("read").result(job, "?form=npz")))


NAMES = [
    '{"parameters":{"\\ud800":1}}',  # lone surrogates, characters that do not print
    '{"device":"\\ud800"}',
    '{"device":"a\\u0000b"}',
    '{"\\ud800":1}',
    '{"parameters":{"a\\n":1}}',
]


@pytest.mark.parametrize("options", [*NAMES, json.dumps({"parameters": {"é" * 128: 1}})])
def test_a_name_that_is_none_is_refused(front: Front, options: str) -> None:
    fault = refused(lambda: front.client("submit").call("POST", "/v1/jobs", to_bytes(assemble(SPINS)), {p.OPTIONS: options}))
    assert fault.diagnostics[0].code == "B406"


def test_a_parameter_that_the_program_has_not_is_refused(front: Front) -> None:
    fault = refused(lambda: submit(front.client("submit"), parameters={"nonsense": 1.0}))
    assert fault.diagnostics[0].code == "B405"
    assert submit(front.client("submit"), "ALC 2\nRUN 1 ms\n", parameters={"Vt": 1.0, "dt": 1e-4})["new"]


def test_a_defect_is_answered_and_taken_down(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(jobs, "listed", broken)
    client = front.client("read")
    fault = refused(lambda: client.call("GET", "/v1/jobs"))
    assert (fault.diagnostics[0].code, fault.exit_code) == ("B901", 4) and "secret" not in words(fault)
    assert "refused 500" in (front.store.folder / "audit.jsonl").read_text()


def test_a_locked_database_is_a_reason_to_come_again(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(jobs, "listed", locked)
    answer = front.talk(b"GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 503") and b"etry-" in answer


def test_what_can_not_be_written_down_is_not_submitted(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    client, before = front.client("submit"), len(front.store.rows("SELECT id FROM jobs"))
    with monkeypatch.context() as within:
        within.setattr(front.server.audit, "write", full)
        with pytest.raises(BioasmError):
            submit(client, seed=9)
    assert len(front.store.rows("SELECT id FROM jobs")) == before


def test_the_log_of_the_page_keeps_its_last_lines() -> None:
    text = (Path(app.__file__).with_name("page.html")).read_text(encoding="utf-8")
    assert 'at("log").textContent +=' not in text and "childNodes.length > 500" in text


def test_a_tls_handshake_that_stops_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_HANDSHAKE", 0.2)
    issued = trustme.CA().issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    context = tls(str(tmp_path / "both.pem"), str(tmp_path / "both.pem"))

    async def silent() -> bytes:
        run._hurry_handshakes()
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        found = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        server.close()
        return found

    assert asyncio.run(silent()) == b""
