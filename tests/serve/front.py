"""The server's front in this process, without workers: for requests that no job comes of, and limits that tests shorten."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.serve.support import until  # isort: skip  (it skips where the extra is not installed)

from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.remote.client import Client
from bioasm.drivers.remote.places import parse_place
from bioasm.serve import jobs
from bioasm.serve.app import Server
from bioasm.serve.audit import Audit
from bioasm.serve.bell import Bell
from bioasm.serve.bind import Bind, listen
from bioasm.serve.devices import Device, about
from bioasm.serve.run import _front
from bioasm.serve.store import Store
from bioasm.serve.tokens import add_token

CULTURE = {"name": "rig", "driver": "intan", "reproducible": False, "checkpoints": False}
DRIVING = ["LDH", "LDJ", "LDJS", "LDT", "SIG", "STIM"]


class Front:
    """A server whose devices are told and have no workers."""

    def __init__(self, folder: Path, body_bytes: int = 1 << 20) -> None:
        self.store, self.clients = Store(folder), 0
        cpu = about(Device("cpu", "cpu"), CpuDriver())
        rig = {**cpu, **CULTURE, "abilities": [*cpu["abilities"], "stimulation"], "stimulating": DRIVING}
        with self.store.change() as database:
            for rank, one in enumerate((cpu, rig)):
                row = (one["name"], rank, json.dumps(one))
                database.execute("INSERT INTO devices (name, rank, about) VALUES (?, ?, ?)", row)
        self.path = folder / "socket"
        self.sock = listen(Bind(self.path))
        local = frozenset({"submit", "read"})
        self.server = Server(self.store, Audit(folder), Bell(), lambda: None, local, body_bytes)
        self.front = _front(self.server, None)
        self.front.config.timeout_keep_alive = 0.3
        self.thread = threading.Thread(target=lambda: asyncio.run(self.front.serve(sockets=[self.sock])), daemon=True)
        self.thread.start()
        until(lambda: self.front.started)

    def close(self) -> None:
        """End it."""
        self.server.stopping = self.front.should_exit = True
        self.thread.join(20)
        self.store.close()

    def client(self, *rights: str, days: float | None = None, **quotas: int) -> Client:
        """A client whose token has these rights."""
        self.clients += 1
        name = f"t{self.clients}"
        return Client(parse_place(f"unix:{self.path}"), add_token(self.store, name, rights, quotas, days))

    @contextlib.contextmanager
    def raw(self) -> Iterator[socket.socket]:
        """A connection for bytes that no client sends."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
            made.settimeout(20)
            made.connect(str(self.path))
            yield made

    def talk(self, data: bytes) -> bytes:
        """What comes back for a request, and for what else came with it, until the server closes."""
        with self.raw() as wire:
            with contextlib.suppress(BrokenPipeError):  # refused before all of it was taken
                wire.sendall(data)
            return everything(wire)

    def job(self, events: int, state: str = "ended", name: str = "ab" * 32) -> str:
        """A job that was never run, with so many events of progress."""
        with self.store.change() as database:
            job = jobs.Submission(name, "cpu", "{}", "0" * 64, "ising", 2, "tests")
            jobs._insert(database, job)
            rows = ((name, k, 0.0, "progress", json.dumps({"steps": k, "run_end": events})) for k in range(1, events + 1))
            database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
            if state == "ended":
                jobs._end(database, name, jobs.Outcome("finished"))
        return name


def everything(wire: socket.socket) -> bytes:
    """All bytes until the other side closes."""
    found = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while piece := wire.recv(1 << 16):
            found += piece
    return bytes(found)
