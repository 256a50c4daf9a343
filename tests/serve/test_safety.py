"""What keeps cells from being driven twice, by others, or without end: retries, keys, rights at the device, gateways."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.front import DRIVING, Front  # isort: skip  (it skips where the extra is not installed)

from bioasm.binary.writer import to_bytes
from bioasm.drivers import Progress, base
from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.remote.driver import RemoteDriver
from bioasm.serve import jobs, keeping
from bioasm.serve import reporter as module
from bioasm.serve.bell import Bell
from bioasm.serve.devices import Device
from bioasm.serve.leftovers import reclaim
from bioasm.serve.reporter import Reporter
from bioasm.serve.store import Store, lock
from bioasm.serve.supervisor import Supervisor, abouts, enter
from bioasm.serve.worker import Worker
from bioasm.text.assemble import assemble
from tests.serve.support import until
from tests.serve.test_rights import STIMULI, refused, submit, words


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A front that the tests of this module share."""
    made = Front(tmp_path_factory.mktemp("front"))
    yield made
    made.close()


# --- once -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["lost", "interrupted"])
def test_a_retry_on_cells_never_begins_an_ended_experiment_anew(front: Front, status: str) -> None:
    client = front.client("submit", "stimulate")
    first = submit(client, STIMULI["pulse"], status, device="rig")
    jobs.end(front.store, first["id"], jobs.Outcome(status))
    again = submit(client, STIMULI["pulse"], status, device="rig")
    assert (again["id"], again["new"], again["state"], again["status"]) == (first["id"], False, "ended", status)
    assert submit(client, STIMULI["pulse"], status + " second", device="rig")["new"]


def test_the_same_key_of_two_users_is_two_experiments(front: Front) -> None:
    ada, bob = (front.client("submit", "stimulate") for _ in range(2))
    first, second = (submit(one, STIMULI["pulse"], "run-1", device="rig") for one in (ada, bob))
    assert first["id"] != second["id"] and second["new"] and len(second["holders"]) == 1


def test_a_simulation_that_was_cut_short_begins_anew(front: Front) -> None:
    client = front.client("submit")
    first = submit(client, seed=4001)
    jobs.end(front.store, first["id"], jobs.Outcome("lost"))
    assert submit(client, seed=4001)["new"]


def test_an_older_database_gets_its_columns_and_allows_nothing(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / "jobs.sqlite") as database:
        for column in ("driver", "repeats", "drives"):
            database.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
        database.execute(
            "INSERT INTO jobs (id, device, options, program, model, n, state, created, status)"
            " VALUES ('a', 'rig', '{}', 'p', 'ising', 2, 'ended', 0, 'lost')"
        )
    store = Store(tmp_path)
    made = jobs.submit(store, jobs.Submission("a", "rig", "{}", "p", "ising", 2, "ada"), None)
    assert made is not None and made[1] is False and not made[0]["drives"]
    store.close()


# --- at the device ----------------------------------------------------------------------------------


class Dish(CpuDriver):
    """The processor as a culture that is driven by couplings."""

    stimulating = frozenset(DRIVING)


class Rig(Device):
    """A device whose driver is the class above."""

    def make(self) -> base.Driver:
        return Dish()


def worked(store: Store, blocked: bool = False, **fit: object) -> sqlite3.Row:
    """A job with couplings after its turn at the device."""
    data = to_bytes(assemble(STIMULI["couplings"]))
    store.program("p").write_bytes(data)
    wanted = jobs.Submission("ab" * 32, "rig", "{}", "p", "ising", 2, "ada", **fit)  # type: ignore[arg-type]
    jobs.submit(store, wanted, None)
    if blocked:
        store.result(wanted.id).mkdir()
    worker = Worker(store, Rig("rig", "cpu"), 0, 10.0)
    worker.ring = lambda: None  # type: ignore[method-assign]
    job = jobs.claim(store, "rig", 0)
    assert job is not None
    worker.run(job)
    found = jobs.find(store, wanted.id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("fit", "status", "word"),
    [
        ({"driver": "cpu", "repeats": True, "drives": True}, "finished", "[]"),
        ({"driver": "cpu", "repeats": True, "drives": False}, "failed", "no right to stimulate"),
        ({"driver": "cpu", "repeats": False, "drives": True}, "failed", "is another than"),
        ({"driver": "intan", "repeats": True, "drives": True}, "failed", "is another than"),
    ],
)
def test_the_worker_judges_right_and_device_again(tmp_path: Path, fit: dict, status: str, word: str) -> None:
    store = Store(tmp_path / "s")
    found = worked(store, **fit)
    assert (found["status"], word in found["findings"]) == (status, True)
    store.close()


def test_a_gateway_takes_over_what_drives_cells_upstream(front: Front) -> None:
    with RemoteDriver(at=f"unix:{front.path}", device="rig") as driver:
        assert driver.stimulating == set(DRIVING) and not driver.reproducible
    with RemoteDriver(at=f"unix:{front.path}", device="cpu") as driver:
        assert driver.stimulating == CpuDriver.stimulating


@pytest.mark.parametrize("told", [None, "STIM", [1], {}])
def test_an_upstream_that_does_not_say_what_drives_cells_is_taken_at_its_worst(tmp_path: Path, told: object) -> None:
    made = Front(tmp_path / "front")
    try:
        with made.store.change() as database:
            about = json.loads(database.execute("SELECT about FROM devices WHERE name = 'rig'").fetchone()[0])
            about["stimulating"] = told
            about = {name: value for name, value in about.items() if value is not None}
            database.execute("UPDATE devices SET about = ? WHERE name = 'rig'", (json.dumps(about),))
        with RemoteDriver(at=f"unix:{made.path}", device="rig") as driver:
            assert driver.stimulating == base.DRIVING
    finally:
        made.close()


# --- disks and databases that fail ------------------------------------------------------------------


class Owner:
    """A worker that stays."""

    leaving = False

    def ring(self) -> None:
        """Nobody listens."""


def test_a_database_that_fails_for_a_while_costs_no_cancellation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, failing = Store(tmp_path / "s"), [True]
    jobs.submit(store, jobs.Submission("ab" * 32, "rig", "{}", "p", "ising", 2, "ada"), None)
    tell = jobs.tell

    def failed(*arguments: object) -> int:
        if failing:
            raise sqlite3.OperationalError("disk I/O error")
        return tell(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(jobs, "tell", failed)
    with Reporter(store, "ab" * 32, Owner()) as reporter:
        assert reporter(Progress(1, 9, 0.0, "hello")) and reporter(Progress(1, 9, 0.0))
        until(lambda: not reporter._messages)
        failing.clear()
        reporter(Progress(2, 9, 0.0))
        until(lambda: any(row["kind"] == "progress" for row in jobs.events_after(store, "ab" * 32, 0, 9)))
        failing.append(True)
        with store.change() as database:
            database.execute("UPDATE jobs SET wanted = 'cancel'")
        until(lambda: not reporter(Progress(3, 9, 0.0)))
    assert not reporter.blind
    store.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("broken", ["database", "thread"])
def test_a_run_that_nobody_could_cancel_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    store = Store(tmp_path / "s")

    def failed(*_: object) -> bool:
        raise sqlite3.OperationalError("locked") if broken == "database" else SystemExit

    monkeypatch.setattr(jobs, "is_cancelled", failed)
    monkeypatch.setattr(module, "BLIND", 0.3 if broken == "database" else 1e9)
    with Reporter(store, "ab" * 32, Owner()) as reporter:
        until(lambda: not reporter(Progress(1, 9, 0.0)), 5)
    assert "was stopped" in reporter.judged(jobs.Outcome("interrupted")).findings[0].message
    store.close()


def test_a_result_that_can_not_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "WAITS", (0.0, 0.0))
    store = Store(tmp_path / "s")
    found = worked(store, blocked=True, driver="cpu", repeats=True, drives=True)
    assert (found["state"], found["status"], found["size"]) == ("ended", "failed", 0)
    assert "can't be written" in found["findings"] and str(tmp_path) not in found["findings"]
    store.close()


def test_a_result_is_written_when_the_disk_takes_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, path = Store(tmp_path / "s"), tmp_path / "s" / "results" / ("ab" * 32)
    monkeypatch.setattr(keeping.time, "sleep", lambda _: path.exists() and path.is_dir() and path.rmdir())
    assert worked(store, blocked=True, driver="cpu", repeats=True, drives=True)["size"] == path.stat().st_size
    store.close()


@pytest.mark.parametrize("whole", [True, False])
def test_a_whole_result_of_a_worker_that_died_is_not_lost(tmp_path: Path, whole: bool) -> None:
    store = Store(tmp_path / "s")
    worked(store, driver="cpu", repeats=True, drives=True)
    with store.change() as database:
        database.execute("UPDATE jobs SET state = 'running', slot = 0, status = NULL, size = 0, sha256 = NULL")
    if not whole:
        store.result("ab" * 32).write_bytes(b"\1")
    worker = Worker(store, Rig("rig", "cpu"), 0, 10.0)
    worker.ring = lambda: None  # type: ignore[method-assign]
    worker.about = {"reproducible": False, "checkpoints": False}
    left = jobs.orphan(store, "rig", 0)
    assert left is not None
    worker.take_up(left)
    found = jobs.find(store, "ab" * 32)
    assert found is not None and (found["status"], found["size"] > 0) == (("finished", True) if whole else ("lost", False))
    store.close()


# --- servers that come back -------------------------------------------------------------------------


def test_a_device_that_is_spelled_as_before_keeps_what_it_told(tmp_path: Path) -> None:
    store, cpu, rig = Store(tmp_path / "s"), Device("cpu", "cpu"), Device("rig", "intan", {"port": "/dev/a"})
    enter(store, [cpu, rig])
    assert all("starting" in one for one in abouts(store))
    with store.change() as database:
        database.execute("""UPDATE devices SET about = '{"name": "x", "abilities": []}'""")
    enter(store, [cpu, Device("rig", "intan", {"port": "/dev/b"})])
    assert ["starting" in one for one in abouts(store)] == [False, True]
    with store.change() as database:
        database.execute("""UPDATE devices SET about = '{"name": "x", "trouble": []}'""")
    enter(store, [cpu])
    assert "starting" in abouts(store)[0]
    store.close()


def test_only_the_device_that_has_not_told_yet_is_refused(tmp_path: Path) -> None:
    made = Front(tmp_path / "front")
    try:
        with made.store.change() as database:
            database.execute("UPDATE devices SET about = NULL WHERE name = 'rig'")
        client = made.client("submit", "read")
        client.patience = 0.0
        assert submit(client, seed=1, device="cpu")["new"]
        assert "it is busy" in words(refused(lambda: submit(client, seed=1, device="rig")))
        with RemoteDriver(at=f"unix:{made.path}", device="cpu") as driver:
            assert driver.connected
        told = client.call("GET", "/v1").json()
        ready = [RemoteDriver(at=f"unix:{made.path}", device=name)._is_ready(told) for name in ("", "cpu", "rig")]
        assert ready == [True, True, False]
    finally:
        made.close()


@pytest.mark.parametrize(
    ("fit", "wanted", "state", "status"),
    [
        ({"repeats": True}, "", "queued", None),
        ({"repeats": True}, "cancel", "ended", "interrupted"),
        ({"repeats": False}, "", "ended", "lost"),
    ],
)
def test_a_job_at_a_place_without_a_worker_is_settled(tmp_path: Path, fit: dict, wanted: str, state: str, status: str) -> None:
    store, name = Store(tmp_path / "s"), "ab" * 32
    jobs.submit(store, jobs.Submission(name, "rig", "{}", "p", "ising", 2, "ada", "cpu", **fit), None)
    jobs.claim(store, "rig", 1)
    with store.change() as database:
        database.execute("UPDATE jobs SET wanted = ?", (wanted,))
    assert reclaim(store, [Device("rig", "cpu", workers=2)]) == 0
    held = lock(store.folder / "locks" / "rig.1")
    assert held is not None and reclaim(store, [Device("rig", "cpu")]) == 0  # a worker of before is at it
    os.close(held)
    assert reclaim(store, [Device("rig", "cpu")]) == 1 and reclaim(store, [Device("rig", "cpu")]) == 0
    found = jobs.find(store, name)
    assert found is not None and (found["state"], found["status"]) == (state, status)
    store.close()


def test_a_worker_that_can_not_be_started_for_a_while_is_started_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, tries = Store(tmp_path / "s"), []

    async def failing(*_: object, **__: object) -> None:
        tries.append(1)
        raise OSError(24, "Too many open files")

    async def some() -> None:
        monkeypatch.setattr(asyncio, "create_subprocess_exec", failing)
        supervisor = Supervisor(store, [Device("cpu", "cpu")], 1.0, Bell())
        supervisor.start()
        await asyncio.sleep(0.5)
        await supervisor.stop()

    asyncio.run(some())
    assert len(tries) >= 2
    store.close()
