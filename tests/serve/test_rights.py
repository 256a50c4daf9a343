"""Who may do what: each right missing is refused, tokens end, quotas hold, and what was asked is written down."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.front import Front  # isort: skip  (it skips where the extra is not installed)

from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.drivers.remote import protocol as p
from bioasm.drivers.remote.client import Client
from bioasm.drivers.remote.places import parse_place
from bioasm.serve import store as store_module
from bioasm.serve import tokens
from bioasm.serve.bind import Bind, listen, parse_bind
from bioasm.serve.devices import parse_device
from bioasm.serve.store import Store
from bioasm.text.assemble import assemble
from tests.command import bioasm
from tests.serve.support import SPINS


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A front that the tests of this module share."""
    made = Front(tmp_path_factory.mktemp("front"))
    yield made
    made.close()


def submit(client: Client, text: str = SPINS, key: str = "k", **options: object) -> dict:
    """Submit a program."""
    headers = {p.OPTIONS: p.JobOptions(**options).text(), p.KEY: key}
    return client.call("POST", "/v1/jobs", to_bytes(assemble(text)), headers).json()


def refused(action) -> BioasmError:
    """The error that an action ends with."""
    with pytest.raises(BioasmError) as caught:
        action()
    return caught.value


def words(fault: BioasmError) -> str:
    """All that an error says."""
    return " ".join(d.message for d in fault.diagnostics)


JOB = "34" * 32
REQUESTS = {
    "submit": lambda client: submit(client, seed=1),
    "list": lambda client: client.call("GET", "/v1/jobs"),
    "show": lambda client: client.call("GET", f"/v1/jobs/{JOB}"),
    "events": lambda client: list(client.events(JOB)),
    "result": lambda client: client.result(JOB),
    "parts": lambda client: client.result(JOB, "?only=state"),
    "cancel": lambda client: client.call("DELETE", f"/v1/jobs/{JOB}"),
}
NEEDED = {"submit": "submit", "cancel": "submit"}


@pytest.mark.parametrize("request_", REQUESTS)
def test_without_the_right_it_is_refused(front: Front, request_: str) -> None:
    needed = NEEDED.get(request_, "read")
    client = front.client(*({*p.RIGHTS} - {needed}))
    assert f"no right to {needed}" in words(refused(lambda: REQUESTS[request_](client)))


@pytest.mark.parametrize("token", ["wrong" * 9, "x", "'; DROP TABLE tokens; --", "a" * 5000])
@pytest.mark.parametrize("request_", REQUESTS)
def test_with_no_valid_token_it_is_refused(front: Front, request_: str, token: str) -> None:
    client = Client(parse_place(f"unix:{front.path}"), token)
    assert "none that is valid" in words(refused(lambda: REQUESTS[request_](client)))
    assert front.store.rows("SELECT COUNT(*) FROM tokens")


def test_without_a_token_rights_are_those_of_the_socket_file(front: Front) -> None:
    assert submit(Client(parse_place(f"unix:{front.path}")), seed=9)["holders"] == ["local"]


FOREIGN = [
    "Host: evil.example:8440",
    "Host: localhost.evil.example",
    "Host: 127.0.0.1@evil.example",
    "Host: [",
    "Host: localhost\r\nOrigin: http://evil.example",
    "Host: localhost\r\nOrigin: null",
    "Host: localhost:1\r\nOrigin: http://localhost:2",
    "Host: localhost\r\nSec-Fetch-Site: cross-site",
    "Host: localhost\r\nSec-Fetch-Site: same-site",
]


@pytest.mark.parametrize("where", FOREIGN)
@pytest.mark.parametrize("known", [True, False])
def test_a_page_of_another_origin_gets_nothing(front: Front, where: str, known: bool) -> None:
    said = f"Authorization: Bearer {front.client('submit', 'read').token}\r\n" if known else ""
    for line in ("GET /v1/jobs", "POST /v1/jobs", "DELETE /v1/jobs/" + JOB):
        answer = front.talk(f"{line} HTTP/1.1\r\n{where}\r\n{said}Content-Length: 0\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 403" if "[" not in where else b"HTTP/1.1 40"), answer[:300]


@pytest.mark.parametrize("mark", ["Origin: http://localhost", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"])
def test_what_a_browser_sends_needs_a_token_also_at_a_socket_file(front: Front, mark: str) -> None:
    head = f"GET /v1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{mark}\r\n"
    assert front.talk(f"{head}\r\n".encode()).startswith(b"HTTP/1.1 401")
    said = f"Authorization: Bearer {front.client('read').token}\r\n\r\n"
    assert front.talk((head + said).encode()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8440", "127.0.0.1", "127.0.0.9:1", "[::1]:8440"])
def test_this_machine_by_any_of_its_names_is_no_foreign_host(front: Front, host: str) -> None:
    answer = front.talk(f"GET /v1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_token_ends(front: Front) -> None:
    client = front.client("read", days=1e-6)
    time.sleep(0.15)
    assert "none that is valid" in words(refused(lambda: client.call("GET", "/v1")))


def test_a_removed_token_ends_at_once(front: Front) -> None:
    client = front.client("read")
    name = client.call("GET", "/v1").json()["token"]["name"]
    tokens.remove_token(front.store, name)
    assert "none that is valid" in words(refused(lambda: client.call("GET", "/v1")))


# --- stimulation ------------------------------------------------------------------------------------

STIMULI = {
    "pulse": "ALC 2\nSTIM 0, 5 uA, 200 us\nRUN 1 ms\n",
    "couplings": "ALC 2\nLDJ [[0, 1], [1, 0]]\nRUN 1 ms\n",
    "noise": "ALC 2\nSIG 1 mV\nRUN 1 ms\n",
}


@pytest.mark.parametrize("name", STIMULI)
def test_driving_cells_needs_its_right(front: Front, name: str) -> None:
    without, allowed = front.client("submit", "read", "admin"), front.client("submit", "stimulate")
    assert "no right to stimulate" in words(refused(lambda: submit(without, STIMULI[name], device="rig")))
    assert submit(allowed, STIMULI[name], name, device="rig")["state"] == "queued"


def test_listening_to_cells_needs_no_such_right(front: Front) -> None:
    assert submit(front.client("submit"), "ALC 2\nRUN 1 ms\nRD spikes\n", device="rig")["new"]


def test_couplings_of_a_simulation_need_no_such_right(front: Front) -> None:
    assert submit(front.client("submit"), STIMULI["couplings"])["new"]


def test_on_cells_a_retry_is_one_experiment_and_a_second_request_another(front: Front) -> None:
    client, text = front.client("submit"), "ALC 2\nRUN 2 ms\nRD spikes\n"
    first, again, second = (submit(client, text, key, device="rig") for key in ("a", "a", "b"))
    assert (first["new"], again["new"], second["new"]) == (True, False, True)
    assert first["id"] == again["id"] != second["id"]
    assert "needs the header" in words(refused(lambda: submit(client, text, "", device="rig")))


# --- quotas and limits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quota", "options"),
    [({"lanes": 3}, {"lanes": 4}), ({"fuel": 100}, {"fuel": 101}), ({"bytes": 1000}, {})],
)
def test_a_quota_holds(front: Front, quota: dict, options: dict) -> None:
    client = front.client("submit", **quota)
    (name,) = quota
    assert f"{name}; the token" in words(refused(lambda: submit(client, seed=77, **options)))


def test_the_quota_of_jobs_counts_those_that_have_not_ended(front: Front) -> None:
    client = front.client("submit", jobs=2)
    found = [submit(client, seed=seed) for seed in (1001, 1002, 1001)]
    assert [one["new"] for one in found] == [True, True, False]
    assert "2 jobs at a time" in words(refused(lambda: submit(client, seed=1003)))
    client.call("DELETE", f"/v1/jobs/{found[0]['id']}")
    assert submit(client, seed=1003)["new"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("MODEL ising\nALC 4000000\nSIG 1\nRUN 8000000000 sweeps\n", "B111"),
        ("ALC 1000000\nREC v\nRUN 1000 s\n", "B111"),
    ],
)
def test_what_can_not_fit_is_refused_before_it_is_queued(front: Front, text: str, code: str) -> None:
    assert code in {d.code for d in refused(lambda: submit(front.client("submit"), text, lanes=8)).diagnostics}


def test_what_the_device_can_not_do_is_refused_with_its_place(front: Front) -> None:
    fault = refused(lambda: submit(front.client("submit"), STIMULI["pulse"]))
    assert [d.code for d in fault.diagnostics] == ["B502"]


NO_BYTECODE = [b"ALC 2\nRUN 1\n", b'.include "/etc/passwd"\n', b"", b"\x80\x04K*.", b"PK\x03\x04", b"\0" * 64]


@pytest.mark.parametrize("body", NO_BYTECODE)
def test_what_is_no_bytecode_is_refused(front: Front, body: bytes) -> None:
    fault = refused(lambda: front.client("submit").call("POST", "/v1/jobs", body or b" "))
    assert fault.diagnostics[0].code == "B201"
    assert "incoming" not in words(fault)


def test_damaged_bytecode_is_refused_by_the_gate(front: Front) -> None:
    body = bytearray(to_bytes(assemble(SPINS)))
    for at in range(8, len(body), 7):
        damaged = bytes(body[:at]) + bytes([body[at] ^ 0x55]) + bytes(body[at + 1 :])
        fault = refused(lambda sent=damaged: front.client("submit").call("POST", "/v1/jobs", sent))
        assert fault.diagnostics[0].code.startswith("B2")
        assert str(front.store.folder) not in words(fault)


def test_an_unknown_device_is_refused(front: Front) -> None:
    assert refused(lambda: submit(front.client("submit"), device="cpi")).diagnostics[0].hint == "did you mean cpu?"


@pytest.mark.parametrize("option", ["port", "map", "record", "checkpoint", "driver"])
def test_no_request_sets_an_option_of_the_driver(front: Front, option: str) -> None:
    headers = {p.OPTIONS: json.dumps({option: "/etc/passwd"})}
    fault = refused(lambda: front.client("submit").call("POST", "/v1/jobs", to_bytes(assemble(SPINS)), headers))
    assert f"no option '{option}'" in words(fault)


# --- holders ----------------------------------------------------------------------------------------


def test_two_clients_one_job(front: Front) -> None:
    ada, bob, eve, root = (front.client("submit", "read", *more) for more in ((), (), (), ("admin",)))
    first, second = submit(ada, seed=2001), submit(bob, seed=2001)
    assert (first["id"], first["new"], second["new"]) == (second["id"], True, False)
    path = f"/v1/jobs/{first['id']}"
    assert "is not held" in words(refused(lambda: eve.call("DELETE", path)))
    assert "is not held" in words(refused(lambda: eve.call("DELETE", path + "?for=all")))
    assert ada.call("DELETE", path).json()["state"] == "queued"  # bob wants it still
    assert root.call("DELETE", path + "?for=all").json()["status"] == "interrupted"


def test_a_cancelled_job_begins_anew_when_it_is_submitted_again(front: Front) -> None:
    client = front.client("submit", "read")
    first = submit(client, seed=2002)
    client.call("DELETE", f"/v1/jobs/{first['id']}")
    again = submit(client, seed=2002)
    assert (again["id"], again["new"], again["after"]) == (first["id"], True, 2)
    client.call("DELETE", f"/v1/jobs/{first['id']}")
    kinds = [event.kind for event in client.events(first["id"], again["after"])]
    assert kinds == ["queued", "ended"]


# --- what is kept -----------------------------------------------------------------------------------


def test_the_audit_log_tells_who_did_what(front: Front) -> None:
    client = front.client("submit")
    name = client.call("GET", "/v1").json()["token"]["name"]
    job = submit(client, seed=3001)["id"]
    refused(lambda: client.call("GET", "/v1/jobs"))
    lines = [json.loads(line) for line in (front.store.folder / "audit.jsonl").read_text().splitlines()]
    mine = [(line["action"], line["outcome"]) for line in lines if line["who"] == name]
    assert mine == [("submit", "queued"), ("GET /v1/jobs", "refused 403")]
    assert job in {line.get("job") for line in lines}


def test_nobody_else_can_read_the_folder_and_no_token_is_in_it(front: Front) -> None:
    token = front.client("read").token
    assert token
    assert stat.S_IMODE(front.path.stat().st_mode) == 0o600
    assert stat.S_IMODE((front.store.folder / "audit.jsonl").stat().st_mode) == 0o600
    files = [path for path in front.store.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if token.encode() in path.read_bytes()]


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    Store(tmp_path / "a" / "b").close()
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o702])
def test_a_folder_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s").chmod(mode)
    for line in (("serve", "--stdio"), ("serve",), ("jobs", "token-add", "ada")):
        told = bioasm(*line, "--store", tmp_path / "s")
        assert (told.code, told.stdout) == (1, b"") and "chmod 700" in told.stderr
    assert not list((tmp_path / "s").iterdir())


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert "another user's" in words(refused(lambda: Store(tmp_path)))


def test_nobody_else_reads_the_database_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        Store(tmp_path / "s").close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "s" / "jobs.sqlite").stat().st_mode) == 0o600


# --- where it listens -------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["0.0.0.0:80", "[::]:80", "rig:80", "10.0.0.1:80", "unix:", "80", "127.0.0.1", "127.0.0.1:x"])
def test_without_tls_only_a_loopback_address_is_taken(text: str) -> None:
    assert refused(lambda: parse_bind(text, secured=False)).diagnostics[0].code == "B556"


def test_a_localhost_that_leads_elsewhere_is_no_loopback_address(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [(2, 1, 6, "", ("127.0.0.1", 0)), (2, 1, 6, "", ("10.0.0.1", 0))]
    monkeypatch.setattr("bioasm.drivers.remote.places.socket.getaddrinfo", lambda *_: there)
    assert refused(lambda: parse_bind("localhost:80", secured=False)).diagnostics[0].code == "B556"
    assert "in the clear" in words(refused(lambda: parse_place("http://localhost:80")))


@pytest.mark.parametrize("text", ["127.0.0.1:0", "localhost:8440", "[::1]:8440", "unix:/tmp/x"])
def test_a_loopback_address_or_a_file_is_taken(text: str) -> None:
    assert parse_bind(text, secured=False)


def test_a_socket_file_in_use_is_not_taken_over(front: Front, tmp_path: Path) -> None:
    assert "in use" in words(refused(lambda: listen(Bind(front.path))))
    (tmp_path / "kept").write_text("mine")
    refused(lambda: listen(Bind(tmp_path / "kept")))
    assert (tmp_path / "kept").read_text() == "mine"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("--bind 0.0.0.0:1", "no TLS"),
        ("--cert a", "belong together"),
        ("--cert {folder}/no --key {folder}/no --bind 127.0.0.1:0", "can't be used"),
        ("--driver nope", "no driver is called"),
        ("--driver cpu,nope=1", "no option"),
        ("--driver cpu --driver cpu", "two devices are called cpu"),
        ("--driver intan,port=/dev/null --driver intan,name=b,port=/dev/../dev/null", "intan and b are at one port"),
        ("--driver cpu,workers=0", "workers is"),
        ("--driver intan,workers=2,port=emu:rhd2132", "one job at a time"),
        ("--driver cpu,name=../x", "can't be the name"),
        ("--local everything", "no right"),
    ],
)
def test_a_server_that_can_not_start_says_why(tmp_path: Path, line: str, text: str) -> None:
    told = bioasm("serve", "--store", tmp_path / "s", *line.format(folder=tmp_path).split())
    assert (told.code, told.stdout) == (2, b"")
    assert text in told.stderr


def test_commas_within_an_option_of_a_device_belong_to_it() -> None:
    device = parse_device("intan,name=rig1,port=emu:rhs2116?seed=1,culture=window=0.2,bias=0.3,substrate=culture")
    assert device.options["culture"] == "window=0.2,bias=0.3"
    assert (device.name, device.options["substrate"]) == ("rig1", "culture")


# --- tokens on the command line ---------------------------------------------------------------------


def test_tokens_are_made_listed_and_removed(tmp_path: Path) -> None:
    store = ("--store", tmp_path / "s")
    made = bioasm("jobs", "token-add", "ada", "--rights", "submit,read", "--quota", "lanes=64", "--days", "90", *store)
    assert made.code == 0 and len(made.text.strip()) == 43
    listed = bioasm("jobs", "token-list", *store).text
    assert listed.startswith("ada: read submit, lanes 64, until 20")
    again = bioasm("jobs", "token-add", "ada", *store)
    assert (again.code, "is a token ada already" in again.stderr) == (2, True)
    assert bioasm("jobs", "token-remove", "ada", *store).code == 0
    assert bioasm("jobs", "token-list", *store).text == ""
    assert bioasm("jobs", "token-remove", "ada", *store).code == 2


@pytest.mark.parametrize("line", ["token-add ../x", "token-add local", "token-add a --rights root", "token-add a --quota x=1",
                                  "token-add a --quota lanes=many", "token-add a --days 0"])  # fmt: skip
def test_a_token_that_makes_no_sense_is_refused(tmp_path: Path, line: str) -> None:
    told = bioasm("jobs", *line.split(), "--store", tmp_path / "s")
    assert (told.code, told.stdout) == (2, b"")


@pytest.mark.parametrize("line", ["serve --bind 127.0.0.1:0", "jobs token-add ada"])
def test_a_database_that_another_process_holds_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(store_module, "_PATIENCE", 0.1)
    with Store(tmp_path / "s") as held, held.change():
        told = bioasm(*line.split(), "--store", tmp_path / "s")
    assert (told.code, told.stdout) == (1, b"") and "B302" in told.stderr and "another process holds it" in told.stderr


def test_refusals_do_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bioasm.serve import audit

    now = [5.0]
    monkeypatch.setattr(audit.time, "monotonic", lambda: now[0])
    log = audit.Audit(tmp_path)
    for _ in range(1000):
        log.refuse("GET /v1", "", 401, "a token is needed")
    now[0] = 6.0
    log.refuse("GET /v1", "", 401, "a token is needed")
    log.close()
    lines = [json.loads(line)["outcome"] for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert lines == ["refused 401"] * 20 + ["980 more in a second", "refused 401"]


def test_what_killed_processes_left_is_swept_away(tmp_path: Path) -> None:
    store = Store(tmp_path)
    left = [store.incoming(), tmp_path / "results" / ".bioasm.7.abc.part"]
    fresh, result = store.incoming(), store.result("ab" * 32)
    for path in (*left, fresh, result):
        path.write_bytes(b"x")
    for path in (*left, result):
        os.utime(path, (1, 1))
    store.sweep()
    assert [path.exists() for path in (*left, fresh, result)] == [False, False, True, True]
