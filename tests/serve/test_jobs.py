"""Jobs from end to end: queued, run, joined, cancelled, fetched whole and in parts, on a server as users start it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from tests.serve.support import ENDLESS, LONG, SPINS, SWEEPS, Running, shared, until  # isort: skip  (it skips where the extra is not installed)

from bioasm.diagnostics import BioasmError
from bioasm.drivers import Progress, RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.remote.driver import RemoteDriver
from bioasm.drivers.remote.parts import fetch_parts
from bioasm.npz import Archive
from bioasm.serve import jobs
from bioasm.serve.store import Store
from bioasm.testing.results import same
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.command import bioasm
from tests.serve.test_rights import refused, submit, words


def at() -> list[str]:
    """The options that lead to the shared server."""
    return ["--driver", "remote", "--driver-option", f"at={shared().at}"]


def ended(job: str) -> dict:
    """What the server says of a job once it has ended."""
    client = shared().client()
    return until(lambda: (told := client.job(job))["state"] == "ended" and told)


# --- running ----------------------------------------------------------------------------------------


def test_a_remote_run_is_the_local_one() -> None:
    verified, options = verify(assemble(SPINS)), RunOptions(seed=7, lanes=5)
    with RemoteDriver(at=shared().at) as driver:
        result = driver.run(verified, options)
    assert same(result, CpuDriver().run(verified, options))
    assert result.extras["remote"]["driver"] == "cpu" and len(result.extras["remote"]["job"]) == 64


def test_the_command_prints_what_a_local_run_prints(tmp_path: Path) -> None:
    (tmp_path / "p.basm").write_text(SPINS)
    line = ["run", tmp_path / "p.basm", "--seed", "3", "--json"]
    here, there = bioasm(*line).json, bioasm(*line, *at()).json
    for name in ("versions", "timing", "driver", "extras"):
        here.pop(name, None), there.pop(name, None)
    assert here == there


def test_a_fault_of_the_run_shows_its_line_and_what_was_computed(tmp_path: Path) -> None:
    (tmp_path / "p.basm").write_text("MODEL ising\nALC 2\nRD steps\nMOV r0, -1\nSQRT r0, r0\nSIG r0\nRUN 1 sweeps\n")
    told = bioasm("run", tmp_path / "p.basm", "--seed", "1", *at())
    local = bioasm("run", tmp_path / "p.basm", "--seed", "1")
    assert (told.code, told.stderr) == (local.code, local.stderr)
    assert "p.basm:" in told.stderr and "failed" in told.text


def test_the_same_submission_is_answered_at_once() -> None:
    client = shared().client()
    first = submit(client, seed=100)
    ended(first["id"])
    again = submit(client, seed=100)
    assert (again["new"], again["state"], again["id"]) == (False, "ended", first["id"])
    assert submit(client, "; a comment\n" + SPINS, seed=100)["id"] == first["id"]
    assert submit(client, seed=100, lanes=2)["id"] != first["id"]


def test_a_device_runs_one_job_at_a_time_in_order() -> None:
    client = shared().client()
    first, second, third = (submit(client, ENDLESS, seed=seed)["id"] for seed in (1, 2, 3))
    until(lambda: client.job(first)["state"] == "running")
    time.sleep(0.3)
    assert [client.job(job)["state"] for job in (second, third)] == ["queued", "queued"]
    client.call("DELETE", f"/v1/jobs/{second}")
    client.call("DELETE", f"/v1/jobs/{first}")
    until(lambda: client.job(third)["state"] == "running")
    client.call("DELETE", f"/v1/jobs/{third}")
    assert ended(first)["size"] > 0 and client.job(second)["size"] == 0
    assert "cancelled before it began" in words(refused(lambda: _finished(second)))


def _finished(job: str):
    from bioasm.drivers.remote.driver import finished

    return finished(shared().client(), job)


def test_two_clients_watch_one_job_and_each_gets_its_result() -> None:
    verified, options, reports = verify(assemble(ENDLESS)), RunOptions(seed=4, fuel=3_000_000), {1: [], 2: []}
    results, where = {}, shared().at

    def run(number: int) -> None:
        with RemoteDriver(at=where) as driver:
            results[number] = driver.run(verified, options, lambda progress: reports[number].append(progress) or True)

    threads = [threading.Thread(target=run, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert same(results[1], results[2]) and results[1].status == "out of fuel"
    assert results[1].extras["remote"]["job"] == results[2].extras["remote"]["job"]
    assert all(any(not p.message and p.steps for p in seen) for seen in reports.values())


def test_a_time_limit_ends_the_job() -> None:
    with RemoteDriver(at=shared().at) as driver:
        result = driver.run(verify(assemble(ENDLESS)), RunOptions(seed=5, time_limit=0.3))
    assert result.status == "time limit"
    assert ended(result.extras["remote"]["job"])["status"] == "interrupted"


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    from bioasm.drivers.remote.driver import Follower
    from bioasm.drivers.remote.events import Event

    told: list[int] = []

    def observer(progress: Progress) -> bool:
        told.append(progress.steps)
        return True

    follower = Follower(shared().client(), "0" * 64, observer)
    for steps in (10, 20, 15, 20, 25):
        assert follower._goes_on(Event(1, "progress", {"steps": steps, "run_end": 30, "best_energy": None}))
    assert told == [10, 20, 25]


def test_a_checkpoint_at_the_client_is_refused(tmp_path: Path) -> None:
    fault = refused(lambda: RemoteDriver(at=shared().at).run(verify(assemble(SPINS)), RunOptions(checkpoint=tmp_path / "c")))
    assert [d.code for d in fault.diagnostics] == ["B406"] and "server keeps" in words(fault)


# --- results ----------------------------------------------------------------------------------------


def test_a_result_in_parts_is_a_sound_archive(tmp_path: Path) -> None:
    job = submit(shared().client(), seed=200)["id"]
    ended(job)
    data = fetch_parts(shared().client(), job, "best_state,energy")
    with Archive(data) as archive:
        assert archive.names == ["best_state", "energy"]
    wanted = CpuDriver().run(verify(assemble(SPINS)), RunOptions(seed=200))
    parts = np.load(BytesIO(data), allow_pickle=False)
    assert np.array_equal(parts["best_state"], wanted.best_state[0]) and parts["energy"] == wanted.energy[0]
    assert "no 'secret'" in words(refused(lambda: fetch_parts(shared().client(), job, "secret")))
    out = tmp_path / "parts.npz"
    told = bioasm("jobs", "fetch", job, "--at", shared().at, "--only", "energy", "-o", out)
    assert told.code == 0 and np.load(out)["energy"] == wanted.energy[0]


def test_a_whole_result_as_npz_is_the_file_that_a_local_run_saves(tmp_path: Path) -> None:
    job = submit(shared().client(), seed=201)["id"]
    ended(job)
    archive = np.load(BytesIO(shared().client().result(job, "?form=npz")), allow_pickle=False)
    assert json.loads(str(archive["provenance"]))["seed"] == 201


def test_a_cut_download_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from bioasm.drivers.remote import client as module

    job = submit(shared().client(), SWEEPS.format(20_000), seed=202)["id"]
    size = ended(job)["size"]
    client, ranges = shared().client(), []
    sent = module.Client._send

    def cut(self, method, path, body, headers):
        ranges.append(headers.get("Range"))
        response = sent(self, method, path, body, headers)
        if len(ranges) < 4:
            whole, got = response.read, []
            response.read = lambda n=-1: whole(1000) if not got and not got.append(1) else b""
        return response

    monkeypatch.setattr(module.Client, "_send", cut)
    data = client.result(job)
    assert len(data) == size
    assert ranges == [None, "bytes=1000-", "bytes=2000-", "bytes=3000-"]


def test_a_result_that_was_changed_is_refused() -> None:
    job = submit(shared().client(), seed=203)["id"]
    ended(job)
    path = shared().folder / "results" / job
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    assert [d.code for d in refused(lambda: shared().client().result(job)).diagnostics] == ["B552"]


def test_no_result_is_told_before_the_end() -> None:
    client = shared().client()
    job = submit(client, ENDLESS, seed=6)["id"]
    assert "is " in words(refused(lambda: client.result(job)))
    client.call("DELETE", f"/v1/jobs/{job}")
    ended(job)


# --- crashes ----------------------------------------------------------------------------------------


def test_a_damaged_checkpoint_lets_the_run_begin_anew() -> None:
    server = Running("--every", "0.05")
    try:
        client = server.client()
        job = submit(client, LONG.format(300), seed=1)["id"]
        path = server.folder / "checkpoints" / f"{job}.npz"
        until(path.exists)
        for pid in server.workers():
            os.kill(pid, signal.SIGSTOP)
        path.write_bytes(path.read_bytes()[:1000])
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        until(lambda: client.job(job)["state"] == "ended", 60)
        kinds = [event.kind for event in client.events(job)]
        assert client.job(job)["status"] == "finished" and "resumed" in kinds
    finally:
        server.stop()


def test_a_server_that_is_stopped_goes_on_where_it_was() -> None:
    server = Running("--every", "1000")
    client = server.client()
    job = submit(client, LONG.format(300), seed=2)["id"]
    until(lambda: client.job(job)["event"] >= 3)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    store = Store(server.folder)
    told = jobs.find(store, job)
    assert told is not None and told["state"] == "queued" and store.checkpoint(job).exists()
    store.close()
    server.start()
    try:
        until(lambda: client.job(job)["state"] == "ended", 60)
        result = _result_of(server, job)
    finally:
        server.stop()
    assert same(result, CpuDriver().run(verify(assemble(LONG.format(300))), RunOptions(seed=2)))


def _result_of(server: Running, job: str):
    from bioasm.drivers.remote.driver import finished

    return finished(server.client(), job)


def test_a_second_server_does_not_take_the_folder() -> None:
    told = bioasm("serve", "--store", shared().folder, "--bind", "127.0.0.1:0")
    assert told.code == 1 and "another server has the folder" in told.stderr


def test_jobs_are_forgotten_with_their_files(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made = jobs.submit(store, jobs.Submission("56" * 32, "cpu", "{}", "0" * 64, "ising", 2, "tests"), None)
    assert made is not None and jobs.forget(store, 0) == 0
    store.result("56" * 32).write_bytes(b"x")
    jobs.end(store, "56" * 32, jobs.Outcome("finished", size=1))
    assert jobs.forget(store, 1000) == 0
    assert jobs.forget(store, -1) == 1
    assert not store.result("56" * 32).exists() and not jobs.events_after(store, "56" * 32, 0, 9)


# --- leaving and joining ----------------------------------------------------------------------------


def test_ctrl_c_leaves_the_job_running_and_says_how_to_join_it(tmp_path: Path) -> None:
    (tmp_path / "p.basm").write_text(ENDLESS)
    command = [sys.executable, "-m", "bioasm", "run", str(tmp_path / "p.basm"), "--seed", "8", "--fuel", "900000000", *at()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    client = shared().client()
    job = until(lambda: [one["id"] for one in client.call("GET", "/v1/jobs").json()["jobs"] if one["state"] == "running"])[0]
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "error[B554]" in err and f"bioasm jobs wait {job[:12]} --at {shared().at}" in err
    assert client.job(job)["state"] == "running"
    told = bioasm("jobs", "cancel", job[:12], "--at", shared().at)
    assert told.text == f"{job[:12]} is cancelled\n"
    waited = bioasm("jobs", "wait", job[:12], "--at", shared().at, "--json", "-o", tmp_path / "r.npz")
    assert waited.code == 130 and waited.json["status"] == "interrupted" and (tmp_path / "r.npz").exists()


def test_jobs_are_listed_and_shown() -> None:
    job = submit(shared().client(), seed=300)["id"]
    ended(job)
    listed = bioasm("jobs", "list", "--at", shared().at)
    assert any(line.startswith(f"{job[:12]}  finished     cpu") for line in listed.text.splitlines())
    assert job in {one["id"] for one in bioasm("jobs", "list", "--json", "--at", shared().at).json["jobs"]}
    assert bioasm("jobs", "show", job[:10], "--at", shared().at).json["options"]["seed"] == 300
    assert bioasm("jobs", "fetch", job[:10], "--at", shared().at, "--json").json["seed"] == 300


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("show 0123456789", 1, "no job 0123456789"),
        ("show ../../etc", 2, "is no job"),
        ("wait 0123456789", 1, "error[B553]"),
        ("fetch 0123456789 --only a", 2, "needs -o"),
        ("list --token /nonexistent", 1, "can't read"),
        ("nonsense", 2, "No such command"),
    ],
)
def test_what_can_not_be_done_with_jobs_is_told(line: str, code: int, text: str) -> None:
    told = bioasm("jobs", *line.split(), *([] if line == "nonsense" else ["--at", shared().at]))
    assert (told.code, told.stdout) == (code, b"")
    assert text in told.stderr


# --- ssh --------------------------------------------------------------------------------------------

SSH = """#!/bin/sh
# Stands in for ssh: runs the command here, as the other machine would.
echo "$@" >> "$0.log"
while [ "$1" != "--" ]; do shift; done
shift 2
exec "$@"
"""


def test_ssh_needs_no_server_no_port_and_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    command = tmp_path / "bioasm"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m bioasm "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    folder = tmp_path / "store"
    try:
        with RemoteDriver(at=f"ssh://ada@rig:2222{folder}") as driver:
            result = driver.run(verify(assemble(SPINS)), RunOptions(seed=1))
        assert same(result, CpuDriver().run(verify(assemble(SPINS)), RunOptions(seed=1)))
        assert f"-p 2222 -- ada@rig bioasm serve --stdio --store {folder}" in (tmp_path / "ssh.log").read_text()
        assert stat.S_IMODE((folder / "socket").stat().st_mode) == 0o600
    finally:
        _end_servers(folder)


def _end_servers(folder: Path) -> None:
    """End the server that the stand-in for ssh left running, as it should."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"serve" in words and b"--quiet" in words and os.fsencode(folder) in words:
                os.kill(int(entry.name), signal.SIGTERM)
                until(lambda entry=entry: not entry.exists() or b"bioasm" not in (entry / "cmdline").read_bytes())


# --- cells ------------------------------------------------------------------------------------------


def test_stimulating_an_emulated_culture_needs_its_right() -> None:
    server = Running("--driver", "intan,name=rig,port=emu:rhs2116?seed=1,substrate=culture,watchdog=2000")
    text = "ALC 2\nSTIM 0, 5 uA, 200 us\nRUN 5 ms\nRD spike_count\n"
    try:
        fault = refused(lambda: RemoteDriver(at=server.at).run(verify(assemble(text)), RunOptions(seed=1)))
        assert "no right to stimulate" in words(fault)
        token = server.folder / "token"
        token.touch(0o600)
        token.write_text(server.token("ada", "submit", "read", "stimulate"))
        with RemoteDriver(at=server.at, token=str(token)) as driver:
            assert not driver.reproducible
            first, second = (driver.run(verify(assemble(text)), RunOptions(seed=1)) for _ in range(2))
        assert first.status == "finished", first.diagnostics
        assert first.extras["remote"]["driver"] == "intan"
        assert first.extras["remote"]["job"] != second.extras["remote"]["job"]
    finally:
        server.stop()


def test_a_rig_that_is_not_there_is_told() -> None:
    server = Running("--driver", "intan,name=rig,port=/dev/nonexistent")
    try:
        with pytest.raises(BioasmError) as caught, RemoteDriver(at=server.at):
            pass
        assert "/dev/nonexistent" in words(caught.value)
        assert "/dev/nonexistent" in words(refused(lambda: submit(server.client())))
    finally:
        server.stop()


def test_a_job_that_runs_has_no_result_and_one_that_ended_is_not_cancelled() -> None:
    client = shared().client()
    job = submit(client, ENDLESS, seed=77)["id"]
    try:
        told = bioasm("jobs", "fetch", job, "--at", shared().at)
        assert told.code == 1
        assert "has no result yet: it is " in told.stderr
        assert "bioasm jobs wait" in told.stderr
    finally:
        assert "is cancelled" in bioasm("jobs", "cancel", job, "--at", shared().at).text
    over = submit(client, seed=78)["id"]
    ended(over)
    assert f"{over} had ended: finished" in bioasm("jobs", "cancel", over, "--at", shared().at).text
