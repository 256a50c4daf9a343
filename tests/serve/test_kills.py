"""Twenty times, at random moments, server, worker or client is killed (SIGKILL); the result is that of a quiet run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.serve.support import Running, until  # isort: skip  (it skips where the extra is not installed)

from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.remote.driver import finished
from bioasm.results import Result
from bioasm.runtime.options import RunOptions
from bioasm.serve import jobs
from bioasm.serve.store import Store
from bioasm.testing.results import same
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.serve.test_rights import submit

KILLS = 20
SEED = 11
ENOUGH = 5.0  # s of computing, in which all kills find the job running


def quiet(text: str) -> Result:
    """The result of a run that nobody disturbs."""
    return CpuDriver().run(verify(assemble(text)), RunOptions(seed=SEED))


def long_text() -> str:
    """A program with noise and few spikes that this machine computes for some seconds."""
    text = "ALC 1000\nSET Vt, 1 V\nSIG 2 mV\nRUN {0} s\nRD state\nRUN {0} s\nRD energy\n"
    quiet(text.format(0.01))
    return text.format(round(ENOUGH / quiet(text.format(1)).timing["run"], 1))


class Client:
    """`bioasm run` in a process of its own."""

    def __init__(self, server: Running, program: Path) -> None:
        self.server, self.program = server, program
        self.start()

    def start(self) -> None:
        """Start it; the same submission is the same job."""
        options = ["--driver", "remote", "--driver-option", f"at={self.server.at}", "--driver-option", "patience=60"]
        command = [sys.executable, "-m", "bioasm", "run", str(self.program), "--seed", str(SEED), "-q", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def ended(self) -> tuple[int, bytes]:
        """Its exit code and standard error; one whose first words met no server, since that was being replaced, comes again."""
        told = self.process.communicate(timeout=120)[1]
        if b"B550" in told:
            self.start()
            told = self.process.communicate(timeout=120)[1]
        return self.process.returncode, told

    def kill(self) -> None:
        """End it at once, and start it again."""
        self.process.kill()
        self.process.communicate()
        self.start()


def stopped(pid: int) -> bool:
    """Whether all threads of a process have stopped, or are gone."""
    try:
        states = [entry.read_text().rpartition(")")[2].split()[0] for entry in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:  # a thread that ended meanwhile
        return False
    return all(state in "TZX" for state in states)


def server_killed(server: Running, store: Store) -> None:
    """Kill the server and start another; its worker, which goes on, is held meanwhile so that the job does not end."""
    server.kill()
    workers = server.workers()
    with store.change():  # a worker that is stopped while it writes would keep the others from writing
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        until(lambda: all(map(stopped, workers)))  # a signal takes effect when the process gets a processor
    server.start()
    for pid in workers:
        os.kill(pid, signal.SIGCONT)


def worker_killed(server: Running) -> bool:
    """Kill a worker; returns whether there was one."""
    workers = server.workers()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    return bool(workers)


def test_twenty_kills_end_in_the_result_of_a_quiet_run(tmp_path: Path) -> None:
    draw = random.Random(20)
    program = tmp_path / "p.basm"
    text = long_text()
    program.write_text(text)
    server = Running("--every", "0.05")
    store = Store(server.folder)
    client = Client(server, program)
    try:
        job = until(lambda: jobs.listed(store, 1))[0]["id"]
        kills = 0
        while kills < KILLS:
            seen = _steps(store, job)
            until(lambda seen=seen: _steps(store, job) > seen or _ended(store, job), 60)
            assert not _ended(store, job), f"it ended after {kills} kills: {server.client().job(job)}"
            time.sleep(draw.random() * 0.1)
            what = draw.choice(["server", "worker", "client"])
            if what == "server":
                server_killed(server, store)
            elif what == "client":
                client.kill()
            elif not worker_killed(server):
                continue
            kills += 1
        assert client.ended() == (0, b"")
        told = [row["kind"] for row in jobs.events_after(store, job, 0, 10**6)]
        result = finished(server.client(), job)
    finally:
        client.process.kill()
        store.close()
        server.stop()
        worker_killed(server)
    assert told[-1] == "ended" and told.count("ended") == 1 and "resumed" in told
    assert same(result, quiet(text))


def _steps(store: Store, job: str) -> int:
    """How many reports of progress there are."""
    return int(store.rows("SELECT COUNT(*) FROM events WHERE job = ? AND kind = 'progress'", job)[0][0])


def _ended(store: Store, job: str) -> bool:
    row = jobs.find(store, job)
    return row is not None and row["state"] == "ended"


def test_a_job_whose_worker_always_dies_is_lost(tmp_path: Path) -> None:
    server = Running("--every", "1000")
    try:
        client = server.client()
        job = submit(client, "ALC 200\nSET Vt, 1 V\nSIG 2 mV\nRUN 100000 s\n")["id"]
        for _ in range(jobs.CRASHES + 1):
            started = _kinds(server, job).count("progress")
            until(lambda started=started: _kinds(server, job).count("progress") > started)
            assert worker_killed(server)
        until(lambda: client.job(job)["state"] == "ended")
        told = client.job(job)
    finally:
        server.stop()
    assert told["status"] == "lost"
    assert "4 times without a checkpoint" in told["findings"][0]["message"]


def _kinds(server: Running, job: str) -> list[str]:
    store = Store(server.folder)
    try:
        return [row["kind"] for row in jobs.events_after(store, job, 0, 10**6)]
    finally:
        store.close()
