"""Supervisor: keeps a worker process alive for each slot of each device, and wakes them for new jobs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from asyncio.subprocess import PIPE, Process

from bioasm.serve.bell import Bell
from bioasm.serve.devices import Device
from bioasm.serve.store import Store

_WAITS = (0.1, 5.0)  # exponential backoff of restarts in s: first and longest
_HEALTHY = 10.0  # s after which a start counts as successful
_LEAVE = 20.0  # timeout of a worker's shutdown in s


class Supervisor:
    """The workers of a server."""

    def __init__(self, store: Store, devices: list[Device], every: float, bell: Bell) -> None:
        self.store, self.devices, self.every, self.bell = store, devices, every, bell
        self.processes: dict[tuple[str, int], Process] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Store the devices in the database, and start the workers."""
        enter(self.store, self.devices)
        for device in self.devices:
            self._tasks += [asyncio.create_task(self._keep(device, slot)) for slot in range(device.workers)]

    async def _keep(self, device: Device, slot: int) -> None:
        """Start a worker, and restart it whenever it exits."""
        wait = _WAITS[0]
        while True:
            began = time.monotonic()
            with contextlib.suppress(OSError):  # out of descriptors or processes
                await self._one(device, slot)
            wait = _WAITS[0] if time.monotonic() - began > _HEALTHY else min(2 * wait, _WAITS[1])
            await asyncio.sleep(wait)

    async def _one(self, device: Device, slot: int) -> None:
        """Run one worker from its start to its exit; its rings are forwarded."""
        told = (str(self.store.folder), device.text(), str(slot), str(self.every))
        command = (sys.executable, "-m", "bioasm.serve.worker", *told)
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, start_new_session=True)
        self.processes[device.name, slot] = process
        assert process.stdout is not None
        while await process.stdout.read(4096):
            self.bell.ring()
        await process.wait()
        self.bell.ring()

    def wake(self) -> None:
        """Wake the workers to check their queues."""
        for process in self.processes.values():
            if process.stdin is not None and process.returncode is None:
                with contextlib.suppress(OSError):
                    process.stdin.write(b".")

    async def stop(self) -> None:
        """Ask the workers to requeue their jobs and to exit."""
        for task in self._tasks:
            task.cancel()
        living = [process for process in self.processes.values() if process.returncode is None]
        for process in living:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        if living:
            await asyncio.wait([asyncio.create_task(_ended(process)) for process in living], timeout=_LEAVE)


async def _ended(process: Process) -> None:
    """Wait for a worker to exit, and discard its remaining output."""
    assert process.stdout is not None
    with contextlib.suppress(RuntimeError):  # its task is still reading
        while await process.stdout.read(4096):
            pass
    await process.wait()


def enter(store: Store, devices: list[Device]) -> None:
    """Store the devices in the database; an unchanged one keeps its abilities, because its worker may be running a job."""
    known = {(row["name"], row["spelled"]): row["about"] for row in store.rows("SELECT * FROM devices")}
    with store.change() as database:
        database.execute("DELETE FROM devices")
        for rank, device in enumerate(devices):
            about = known.get((device.name, device.text()))
            about = None if about is None or "trouble" in json.loads(about) else about
            database.execute("INSERT INTO devices VALUES (?, ?, ?, ?)", (device.name, rank, about, device.text()))


def abouts(store: Store) -> list[dict[str, object]]:
    """The abilities of the devices in order; `starting` for one that has not reported yet."""
    rows = store.rows("SELECT name, about FROM devices ORDER BY rank")
    return [{"name": row["name"], "starting": True} if row["about"] is None else json.loads(row["about"]) for row in rows]
