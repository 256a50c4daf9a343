"""What keeps cells from being driven twice, by others, or without end: retries, keys, rights at the device, gateways."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.front import DRIVING, Front  # isort: skip  (it skips where the extra is not installed)

from bioasm.binary.writer import to_bytes
from bioasm.drivers import base
from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.remote.driver import RemoteDriver
from bioasm.serve import jobs
from bioasm.serve.devices import Device
from bioasm.serve.store import Store
from bioasm.serve.worker import Worker
from bioasm.text.assemble import assemble
from tests.serve.test_rights import STIMULI, submit


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


def worked(store: Store, **fit: object) -> sqlite3.Row:
    """A job with couplings after its turn at the device."""
    data = to_bytes(assemble(STIMULI["couplings"]))
    store.program("p").write_bytes(data)
    wanted = jobs.Submission("ab" * 32, "rig", "{}", "p", "ising", 2, "ada", **fit)  # type: ignore[arg-type]
    jobs.submit(store, wanted, None)
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
