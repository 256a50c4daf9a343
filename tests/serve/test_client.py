"""The client alone: addresses, tokens, events, and servers that are gone, busy, or talk nonsense."""

from __future__ import annotations

import io
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers import find_driver
from bioasm.drivers.registry import make_driver
from bioasm.drivers.remote import client as module
from bioasm.drivers.remote import protocol as p
from bioasm.drivers.remote.client import Client
from bioasm.drivers.remote.driver import RemoteDriver, make_client
from bioasm.drivers.remote.events import LONGEST, Event, read_events
from bioasm.drivers.remote.places import parse_place
from bioasm.drivers.remote.secrets import token_for
from tests.command import bioasm


def refused(action) -> BioasmError:
    """The error that an action ends with."""
    with pytest.raises(BioasmError) as caught:
        action()
    return caught.value


# --- addresses and tokens -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("unix:/run/bioasm", "unix:/run/bioasm"),
        ("unix:///run/bioasm", "unix:/run/bioasm"),
        ("ssh://rig", "ssh://rig"),
        ("ssh://ada@rig:2222/srv/jobs", "ssh://ada@rig:2222/srv/jobs"),
        ("https://rig", "https://rig:443"),
        ("https://rig:8443/", "https://rig:8443"),
        ("http://127.0.0.1:8440", "http://127.0.0.1:8440"),
        ("http://[::1]:8440", "http://[::1]:8440"),
        ("http://localhost:1", "http://localhost:1"),
    ],
)
def test_an_address_is_read(text: str, spelled: str) -> None:
    assert str(parse_place(text)) == spelled


@pytest.mark.parametrize(
    "text",
    ["", "rig", "unix:", "ftp://rig", "http://rig:80", "http://10.0.0.1", "https://", "https://rig/x", "https://a@rig", "https://rig?x",
     "ssh://", "ssh://-oProxyCommand=x", "ssh://-l@rig", "ssh://a:secret@rig", "https://rig:port", "https://rig:99999"],
)  # fmt: skip
def test_no_address_is_refused(text: str) -> None:
    fault = refused(lambda: parse_place(text))
    assert fault.diagnostics[0].code == "B406" and fault.exit_code == 2


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the user's configuration."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("BIOASM_TOKEN", raising=False)
    monkeypatch.delenv("BIOASM_REMOTE", raising=False)
    (tmp_path / "bioasm").mkdir()
    return tmp_path / "bioasm"


RIG = parse_place("https://rig:8443")


def kept(home: Path, text: str, mode: int = 0o600) -> Path:
    """The configuration with a text."""
    path = home / "remote.toml"
    path.touch(0o600)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_token_comes_from_a_file_the_environment_or_the_configuration(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert token_for(RIG, None) is None
    path = kept(home, '["https://rig:8443"]\ntoken = "kept"\n')
    assert token_for(RIG, None) == "kept"
    assert token_for(parse_place("https://other"), None) is None
    monkeypatch.setenv("BIOASM_TOKEN", "told")
    assert token_for(RIG, None) == "told"
    path.write_text("named\n")
    assert token_for(RIG, str(path)) == "named"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_token_that_others_can_read_is_refused(home: Path, mode: int) -> None:
    kept(home, '["https://rig:8443"]\ntoken = "kept"\n', mode)
    fault = refused(lambda: token_for(RIG, None))
    assert fault.diagnostics[0].hint == f"chmod 600 {home / 'remote.toml'}"


@pytest.mark.parametrize("token", ["a b", "a\\r\\nX: y", "", "\\u00e9", '" = '])
def test_what_is_no_token_never_gets_into_a_header(home: Path, token: str) -> None:
    kept(home, f'["https://rig:8443"]\ntoken = "{token}"\n')
    assert refused(lambda: token_for(RIG, None)).diagnostics[0].code == "B406"


def test_without_an_address_the_hint_says_how_to_give_one(home: Path) -> None:
    told = bioasm("jobs", "list")
    assert told.code == 2 and "needs to be told where the server is" in told.stderr and "BIOASM_REMOTE" in told.stderr


def test_cloud_is_another_name_of_it() -> None:
    assert find_driver("cloud") is find_driver("remote") is RemoteDriver


@pytest.mark.parametrize("patience", ["x", "-1", "nan", "inf"])
def test_patience_is_a_number_of_seconds(home: Path, patience: str) -> None:
    options = {"at": "unix:/x", "patience": patience}
    assert "patience is" in refused(lambda: make_driver("remote", options)).diagnostics[0].message


def test_serve_without_its_extra_says_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.cli.serve._NEEDED", ("no_such_package_anywhere",))
    told = bioasm("serve")
    assert told.code == 1 and "pip install 'bioasm[serve]'" in told.stderr and len(told.stderr.splitlines()) == 2


# --- events -------------------------------------------------------------------------------------------


def events_of(data: bytes) -> list[Event | None]:
    """The events in some bytes."""
    return list(read_events(io.BytesIO(data)))


def test_events_are_read_as_browsers_read_them() -> None:
    data = b': hello\n\nid: 1\nevent: progress\ndata: {"steps": 1}\n\nid:2\r\ndata:{"a":\r\ndata: 2}\r\n\r\nretry: 5\n\nid: x\n'
    assert events_of(data) == [None, Event(1, "progress", {"steps": 1}), Event(2, "message", {"a": 2})]


NO_DATA = (b"x", b"[]", b"{", b"\xff", b"[" * 99_999)
NO_EVENTS = [*(b"data: " + data + b"\n\n" for data in NO_DATA), b"id: 1", b"a" * (LONGEST + 1)]


@pytest.mark.parametrize("data", NO_EVENTS, ids=range(len(NO_EVENTS)))
def test_what_is_no_event_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="."):
        events_of(data)


def test_random_streams_give_events_or_are_refused() -> None:
    draw = random.Random(6)
    pieces = [b"id: ", b"event: ", b"data: ", b"{}", b'{"a": 1}', b"\n", b"\n\n", b"\r\n", b":", b"7", b"\xff", b"\0", b" "]
    read = 0
    for _ in range(20_000):
        try:
            read += len(events_of(b"".join(draw.choices(pieces, k=8)) + b"\n\n"))
        except ValueError:
            continue
    assert read > 100


# --- servers that are no good -------------------------------------------------------------------------


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """A server at a loopback port that answers each connection with the next bytes, and then closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in answers:
                try:
                    wire, _ = server.accept()
                except OSError:
                    return
                with wire:
                    wire.settimeout(5)
                    wire.recv(1 << 16)
                    wire.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def http(body: bytes, status: str = "200 OK", kind: str = "application/json", length: int | None = None) -> bytes:
    """An answer."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n".encode() + body


ABOUT = b'{"protocol": "BRP/1", "devices": [{"name": "cpu", "abilities": ["core"], "models": ["ising"]}]}'


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (http(b"<html>"), "B552"),
        (http(b"[]"), "B552"),
        (http(b"[" * 100_000), "B552"),
        (http(b"{}"), "B552"),
        (http(b'{"protocol": "BRP/2"}'), "B552"),
        (http(b'{"protocol": "BRP/1"}'), "B501"),
        (http(b'{"protocol": "BRP/1", "devices": [7, {"name": "cpu"}]}'), "B552"),
        (http(b'{"protocol": "BRP/1", "devices": [{"name": "rig", "trouble": 7}]}'), "B552"),
        (http(b"<html>", "404 Not Found", "text/html"), "B551"),
        (http(b'{"findings": [{"code": "B999", "message": "new"}], "exit": 7}', "422 X"), "B551"),
        (http(b'{"findings": 7}', "401 X"), "B551"),
        (b"SSH-2.0-OpenSSH\r\n", "B550"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "B550"),
        (b"", "B550"),
        (http(b"", "503 X"), "B550"),
    ],
)
def test_nonsense_is_told_in_one_message(answer: bytes, code: str) -> None:
    with answering(*[answer] * 200) as at:
        driver = RemoteDriver(at=at, patience=0.2)
        driver.client.met = b"503" not in answer
        if b"503" in answer:
            driver.client._persist = lambda action: _tried(driver.client, action)  # type: ignore[method-assign]
        fault = refused(driver.connect)
    assert [d.code for d in fault.diagnostics] == [code]


def _tried(client: Client, action):
    try:
        return action()
    except module.Busy as busy:
        raise client._unreached(str(busy), "") from None


def test_a_server_that_is_not_there_is_told_soon(tmp_path: Path) -> None:
    began = time.monotonic()
    told = bioasm("jobs", "list", "--at", f"unix:{tmp_path}/none")
    assert told.code == 3 and "error[B550]" in told.stderr and time.monotonic() - began < 10


def test_a_lost_answer_is_asked_for_again() -> None:
    with answering(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", http(ABOUT)) as at:
        driver = RemoteDriver(at=at)
        driver.connect()
    assert driver.abilities == {"core"} and not driver.reproducible


def test_a_certificate_that_nobody_vouches_for_is_refused_at_once() -> None:
    support = pytest.importorskip("tests.serve.support")
    server, ca, token = support.secured()
    began = time.monotonic()
    fault = refused(lambda: RemoteDriver(at=server.at, token=token).connect())
    assert fault.diagnostics[0].code == "B550" and "ca=FILE" in str(fault.diagnostics[0].hint)
    assert time.monotonic() - began < 3
    other = server.at.replace("127.0.0.1", "localhost")
    with RemoteDriver(at=other, token=token, ca=ca) as driver:
        assert "core" in driver.abilities


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_before_1_2_is_refused() -> None:
    import ssl

    server, ca, _ = pytest.importorskip("tests.serve.support").secured()
    host, port = server.at.removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError), socket.create_connection((host, int(port))) as plain:
        context.wrap_socket(plain, server_hostname=host)
    with pytest.raises(OSError), socket.create_connection((host, int(port)), 5) as plain:
        plain.sendall(b"GET /v1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not plain.recv(100).startswith(b"HTTP/1.1 2")
        raise ConnectionError("plain HTTP gets no answer")


# --- findings -----------------------------------------------------------------------------------------


def test_findings_survive_the_way() -> None:
    from bioasm.diagnostics import Diagnostic, Span

    found = [Diagnostic("B401", "out", Span("a", 1, 2, 3), "hint"), Diagnostic("B130", "w", severity="warning")]
    assert p.findings(p.told(found)) == found
    assert p.findings([7, None, {"code": "B401", "message": "x", "source": "a", "line": "1"}]) == [Diagnostic("B401", "x")]


def test_options_survive_the_way() -> None:
    options = p.JobOptions("rig", (1 << 64) - 1, 3, 7, {"tau": 0.1, "zellen.ü": 1e-300})
    assert p.parse_options(options.text()) == options and options.text().isascii()


@pytest.mark.parametrize(("content", "code"), [(None, "B301"), ("no certificate", "B406")])
def test_a_file_without_certificates_is_named(home: Path, content: str | None, code: str) -> None:
    path = home / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    fault = refused(lambda: make_client("https://localhost:1", None, str(path)))
    assert fault.diagnostics[0].code == code
    assert "ca.pem" in fault.diagnostics[0].message
