"""Requests that no honest client sends: smuggled, half, oversize, slow, random; and streams with many events."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.serve.front import Front, everything  # isort: skip  (it skips where the extra is not installed)

from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.drivers.remote.places import parse_place
from bioasm.drivers.remote.protocol import parse_options
from bioasm.serve.guard import Guard
from bioasm.serve.requests import Refusal, check_frame
from bioasm.text.assemble import assemble
from tests.serve.support import SPINS, until

BODY = to_bytes(assemble(SPINS))
HEAD = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET /v1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A front that the tests of this module share."""
    made = Front(tmp_path_factory.mktemp("front"))
    yield made
    made.close()


def status(answer: bytes) -> int:
    """The status of the first answer."""
    return int(answer.split(b" ", 2)[1])


# --- framing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", {400, 411}),
        (b"Transfer-Encoding: chunked\r\n", {411}),
        (b"Transfer-Encoding: identity\r\n", {400, 411, 501}),
        (b"Transfer-Encoding: chunked, chunked\r\n", {400, 501}),
        (b"Content-Length: 4\r\nContent-Length: 5\r\n", {400}),
        (b"Content-Length: 4\r\nContent-Length: 4\r\n", {400, 422}),
        (b"Content-Length: +4\r\n", {400}),
        (b"Content-Length: -1\r\n", {400}),
        (b"Content-Length: 0x4\r\n", {400}),
        (b"Content-Length : 4\r\n", {400}),
        (b"Content-Length: 4\r\n Transfer-Encoding: chunked\r\n", {400}),
        (b"Content-Length: 4\nX: y\r\n", {400, 422}),
        (b"Content-Length: 99999999999999999999\r\n", {400, 413}),
        (b"Content-Length: 1048577\r\n", {413}),
        (b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 4\r\n", {400}),
        (b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\nContent-Length: 4\r\n", {400}),
        (b"BRP-Options: {}\r\nBRP-Options: {}\r\nContent-Length: 4\r\n", {400}),
    ],
)
def test_a_smuggled_request_is_never_served(front: Front, head: bytes, wanted: set[int]) -> None:
    """The second request stands where a careless reader would see the body of the first."""
    smuggled = b"DELETE /v1/jobs/" + b"ab" * 32 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = front.talk(HEAD + head + b"\r\n" + b"0\r\n\r\n" + smuggled)
    assert status(answer) in wanted
    assert b" 200 " not in answer and b" 201 " not in answer
    assert not front.store.rows("SELECT * FROM jobs WHERE wanted = 'cancel'")


def test_two_requests_in_one_piece_are_two_requests(front: Front) -> None:
    answer = front.talk(GET + GET)
    assert answer.count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize("size", [1 << 15, 1 << 20])
def test_an_oversize_head_is_refused(front: Front, size: int) -> None:
    answer = front.talk(b"GET /v1 HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * size + b"\r\n\r\n")
    assert status(answer) in (400, 431)


def test_an_oversize_body_is_refused_before_it_is_read(front: Front) -> None:
    with front.raw() as wire:
        wire.sendall(HEAD + b"Content-Length: 999999999\r\n\r\n")
        answer = everything(wire)  # it answers and closes, although nothing of the body came
    assert status(answer) == 413
    assert b"the most here is 1,048,576" in answer


def test_a_long_line_of_options_is_refused(front: Front) -> None:
    options = b'BRP-Options: {"device": "' + b"a" * 17000 + b'"}\r\n'
    answer = front.talk(HEAD + options + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
    assert status(answer) == 422


def test_a_body_that_ends_early_is_no_job(front: Front) -> None:
    before = len(front.store.rows("SELECT id FROM jobs"))
    with front.raw() as wire:
        wire.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY[:-1])
        until(lambda: list((front.store.folder / "incoming").iterdir()))
    until(lambda: not list((front.store.folder / "incoming").iterdir()))
    assert len(front.store.rows("SELECT id FROM jobs")) == before


# --- time -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", [b"", b"GET /v1 HT", b"GET /v1 HTTP/1.1\r\nHost: localhost\r\n", GET[:-2] + b"X: y\r\n"])
def test_a_half_open_connection_is_ended(front: Front, monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(Guard, "head_seconds", 0.2)
    with front.raw() as wire:
        wire.sendall(begun)
        began = time.monotonic()
        assert everything(wire) == b""
    assert time.monotonic() - began < 5


def test_a_head_that_drips_is_ended(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guard, "head_seconds", 0.3)
    with front.raw() as wire, pytest.raises(OSError):
        for _ in range(200):
            wire.sendall(b"X")
            time.sleep(0.02)
    assert status(front.talk(GET)) == 200


def test_a_body_that_stops_is_ended(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.serve.requests.BODY_SECONDS", 0.2)
    with front.raw() as wire:
        wire.sendall(HEAD + b"Content-Length: 100\r\n\r\n" + BODY[:4])
        assert status(everything(wire)) == 408


def test_a_reader_that_takes_nothing_is_ended_and_costs_no_memory(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guard, "stall_seconds", 0.5)
    job = front.job(30_000, name="cd" * 32)
    with front.raw() as wire:
        wire.sendall(b"GET /v1/jobs/%s/events HTTP/1.1\r\nHost: localhost\r\n\r\n" % job.encode())
        time.sleep(0.2)
        assert status(front.talk(GET)) == 200  # others are served meanwhile
        time.sleep(1.0)
        got = everything(wire)  # what lay in the buffers between, and then the end
    assert len(got) < 1_000_000 < 30_000 * 50


def test_many_connections_are_told_to_come_again(front: Front) -> None:
    wires = []
    try:
        for _ in range(270):
            wires.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            wires[-1].settimeout(20)
            until(lambda: wires[-1].connect_ex(str(front.path)) == 0)
        for wire in wires[-5:]:
            wire.sendall(GET)
        found = {status(wire.recv(100)) for wire in wires[-5:]}
    finally:
        for wire in wires:
            wire.close()
    assert found == {503}
    assert front.client("read").call("GET", "/v1").json()["protocol"] == "BRP/1"


# --- streams ----------------------------------------------------------------------------------------


def test_100_000_events_come_in_order_across_cuts(front: Front) -> None:
    job, client = front.job(100_000), front.client("read")
    seen: list[int] = []
    for cut in (10_000, 60_000, 100_001):
        stream = client.events(job, seen[-1] if seen else 0)
        for event in stream:
            seen.append(event.number)
            if len(seen) == cut:
                break
        stream.close()
    assert seen == list(range(1, 100_002))


def test_a_stream_is_joined_where_the_address_says(front: Front) -> None:
    job = front.job(50, name="ef" * 32)
    answer = front.talk(b"GET /v1/jobs/%s/events?after=49 HTTP/1.1\r\nHost: localhost\r\n\r\n" % job.encode())
    assert answer.count(b"id: ") == 2


def test_a_stream_without_events_shows_signs_of_life(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.serve.streams.HEARTBEAT", 0.3)
    job = front.job(1, "queued", "12" * 32)
    with front.raw() as wire:
        wire.sendall(b"GET /v1/jobs/%s/events HTTP/1.1\r\nHost: localhost\r\n\r\n" % job.encode())
        got = b""
        while got.count(b": alive") < 2:
            got += wire.recv(4096)
    assert got.count(b"id: ") == 1


# --- random bytes -----------------------------------------------------------------------------------

WORDS = [
    *b"GET POST DELETE HEAD PUT OPTIONS / /v1 /v1/jobs /v1/jobs/abababab HTTP/1.1 HTTP/1.0 HTTP/2 Host: localhost".split(b" "),
    *b"Content-Length: Transfer-Encoding: chunked Authorization: Bearer BRP-Options: {} ../ %2e%2e/ %00".split(b" "),
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b"4", b"-1", b"9" * 20, b"\xff\xfe", b"{" * 500),
]


def scrambled(draw: random.Random) -> bytes:
    """A request with some of its words changed, or words alone."""
    words = [b"POST", b" ", b"/v1/jobs", b" ", b"HTTP/1.1", b"\r\n", b"Host:", b" x", b"\r\n"]
    words += [b"Content-Length: 4", b"\r\n\r\n", b"BASM"]
    for _ in range(draw.randrange(1, 6)):
        at = draw.randrange(len(words))
        words[at : at + draw.randrange(2)] = [draw.choice(WORDS)] * draw.randrange(1, 3)
    if draw.random() < 0.2:
        words = [draw.choice(WORDS) for _ in range(draw.randrange(1, 20))]
    return b"".join(words)


BATCH = 50


@pytest.fixture
def hasty(front: Front, monkeypatch: pytest.MonkeyPatch) -> Front:
    """The front, which waits for nobody."""
    monkeypatch.setattr(Guard, "head_seconds", 0.05)
    monkeypatch.setattr("bioasm.serve.requests.BODY_SECONDS", 0.05)
    monkeypatch.setattr(front.front.config, "timeout_keep_alive", 0.05)
    return front


def served(front: Front, cases: int, seed: int) -> None:
    """Send scrambled requests, many side by side; the server answers or hangs up, fails at none, and goes on."""
    draw, answered = random.Random(seed), 0
    for _ in range(cases // BATCH):
        with ExitStack() as stack:
            wires = [stack.enter_context(front.raw()) for _ in range(BATCH)]
            for wire in wires:
                wire.sendall(scrambled(draw))
            for answer in map(everything, wires):
                assert not answer or answer.startswith(b"HTTP/1.1 "), answer
                assert b"HTTP/1.1 500" not in answer and b"Traceback" not in answer
                answered += bool(answer)
    assert answered > cases / 10
    assert status(front.talk(GET)) == 200


def test_scrambled_requests_leave_the_server_as_it_was(hasty: Front) -> None:
    served(hasty, 3000, 1)


@pytest.mark.long
def test_100_000_scrambled_requests_leave_the_server_as_it_was(hasty: Front) -> None:
    served(hasty, 100_000, 2)


KEYS = ["seed", "lanes", "fuel", "parameters", "device", "cheat", "seed\\u0000"]
NUMBERS = ["0", "1", "3", "-1", "0.5", "1e999", "NaN", "9" * 30, "9" * 5000]
VALUES = [*NUMBERS, '""', '"cpu"', "null", "true", "[]", "{}", "{", "", "\\", "[" * 4000, '{"a":' * 2000,
          *(f'{{"tau": {one}}}' for one in ("0.1", "NaN", "[1]", "9" * 400))]  # fmt: skip


def test_100_000_headers_are_read_or_refused() -> None:
    draw = random.Random(3)
    read = 0
    for _ in range(100_000):
        pairs = (f'"{draw.choice(KEYS)}": {draw.choice(VALUES)}' for _ in range(draw.randrange(1, 4)))
        text = "{" + ",".join(pairs) + draw.choice(["}", "}", "}", ""])
        try:
            found = parse_options(text)
            read += 1
            assert parse_options(found.text()) == found
        except BioasmError as refused:
            assert refused.diagnostics[0].code == "B406"
    assert 100 < read < 50_000


NAMES = [b"host", b"content-length", b"transfer-encoding", b"upgrade", b"authorization", b"range", b"accept", b"x"]


def test_100_000_heads_are_framed_once_or_refused() -> None:
    draw = random.Random(4)
    passed = 0
    for _ in range(100_000):
        names = draw.choices(NAMES, k=draw.randrange(1, 6))
        try:
            check_frame([(name, b"") for name in names])
        except Refusal as refused:
            assert refused.close and refused.status in (400, 411)
            continue
        passed += 1
        assert all(names.count(name) < 2 for name in NAMES[:2]) and b"transfer-encoding" not in names
    assert passed > 10_000


PLACES = ["unix:", "ssh://", "http://", "https://", "rig", "127.0.0.1", "localhost", "[::1]", ":8440", ":99999999", "/", "..",
          "@", "-", "-oProxyCommand=x", "?", "#", "%", "%2d", "\x00", "\n", " ", "ü", "[", "]"]  # fmt: skip


def test_addresses_are_read_or_refused() -> None:
    draw = random.Random(5)
    for _ in range(20_000):
        text = "".join(draw.choices(PLACES, k=draw.randrange(1, 6)))
        try:
            place = parse_place(text)
        except BioasmError as refused:
            assert refused.diagnostics[0].code == "B406"
            continue
        assert place.scheme != "ssh" or not f"{place.user}@{place.host}".startswith("-")
        assert place.scheme != "ssh" or not place.host.startswith("-")
        assert place.scheme != "http" or place.host in ("127.0.0.1", "localhost", "::1")


def test_paths_lead_to_no_other_file(front: Front) -> None:
    secret = Path(front.store.folder / "results" / ".." / "secret")
    secret.write_text("kept to itself")
    job = front.job(1, name="98" * 32)
    paths = ["/v1/jobs/../secret", "/v1/jobs/%2e%2e%2fsecret/result", f"/v1/jobs/{job}/../../secret", "/../secret",
             "/v1/jobs/..%2f..%2fsecret/result", f"/v1/jobs/{job}/result?only=../secret", "//secret", "/v1/jobs/*/result",
             f"/v1/jobs/{job}/result?form=../secret", f"/v1/jobs/{'0' * 64}/result", "/page.html", "/v1/jobs/%00/result",
             "/v1/jobs/secret/result", f"file://{secret}", "/static/../secret"]  # fmt: skip
    for path in paths:
        answer = front.talk(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert status(answer) in (400, 404), path
        assert b"kept to itself" not in answer


def test_a_connection_too_many_gets_no_answer_and_the_next_does(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    from bioasm.serve import guard

    until(lambda: guard.Guard.open == 0)
    monkeypatch.setattr(guard, "MOST", 8)
    with ExitStack() as many:
        wires = [many.enter_context(front.raw()) for _ in range(8)]
        until(lambda: guard.Guard.open == 8)
        assert front.talk(GET) == b""
        wires[0].sendall(GET)
        assert wires[0].recv(100).startswith(b"HTTP/1.1 200")
    until(lambda: guard.Guard.open == 0)
    assert front.talk(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")).startswith(b"HTTP/1.1 200")
