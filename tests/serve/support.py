"""What tests of the server share: servers as processes of their own, certificates, and requests byte by byte."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="pip install 'bioasm[serve]'")
pytest.importorskip("uvicorn", reason="pip install 'bioasm[serve]'")
trustme = pytest.importorskip("trustme", reason="pip install trustme")

from bioasm.drivers.remote.client import Client  # noqa: E402
from bioasm.drivers.remote.places import parse_place  # noqa: E402
from bioasm.serve.store import Store  # noqa: E402
from bioasm.serve.tokens import add_token  # noqa: E402

SPINS = "MODEL ising\nALC 4\nLDJ [[0, 1, 0, -1], [1, 0, 1, 0], [0, 1, 0, 1], [-1, 0, 1, 0]]\nSIG 1\nRUN 50 sweeps\nRD spins\n"
SWEEPS = SPINS.replace("50 sweeps", "{} sweeps")
# Noise without traces: some 0.5 us a step, 10,000 steps a second of the program.
LONG = "ALC 200\nSET Vt, 1 V\nSIG 2 mV\nRUN {} s\nRD state\n"
ENDLESS = LONG.format(100_000)


class Running:
    """A server in a process of its own, with a folder of its own."""

    def __init__(self, *options: str, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="bioasm-serve-"))
        self.options = options
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "bioasm", "serve", "--store", str(self.folder), *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.at = self.process.stdout.readline().strip()
        assert self.at, self.process.communicate()[1]

    def kill(self) -> None:
        """End it as a crash does; its workers live on."""
        self.process.kill()
        self.process.wait()  # its streams stay open, for its workers write to them

    def stop(self) -> int:
        """End it in order, and remove its folder."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.process.returncode

    def workers(self) -> list[int]:
        """The process ids of the workers of this folder, also of those that an earlier server left."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"bioasm.serve.worker" in words and os.fsencode(self.folder) in words:
                    found.append(int(entry.name))
        return found

    def client(self, token: str | None = None, ca: str | None = None) -> Client:
        """A client of it."""
        return Client(parse_place(self.at), token, ca)

    def token(self, name: str, *rights: str, days: float | None = None, **quotas: int) -> str:
        """A new token."""
        store = Store(self.folder)
        try:
            return add_token(store, name, rights, quotas, days)
        finally:
            store.close()

    @contextlib.contextmanager
    def raw(self) -> Iterator[socket.socket]:
        """A connection to its socket file, for bytes that no client sends."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
            made.settimeout(20)
            made.connect(self.at.removeprefix("unix:"))
            yield made


_running: list[Running] = []


@cache
def shared() -> Running:
    """A server on a socket file that tests share."""
    _running.append(Running("--every", "0.2", "--local", "submit,read,admin"))
    return _running[-1]


@cache
def secured() -> tuple[Running, str, str]:
    """A server with TLS that tests share: it, the file of the certificate that signed its own, and a file with a token."""
    home = Path(tempfile.mkdtemp(prefix="bioasm-tls-"))
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(str(home / "key.pem"))
    for piece in issued.cert_chain_pems:
        piece.write_to_path(str(home / "cert.pem"), append=True)
    authority.cert_pem.write_to_path(str(home / "ca.pem"))
    server = Running("--bind", "127.0.0.1:0", "--cert", str(home / "cert.pem"), "--key", str(home / "key.pem"))
    _running.append(server)
    token = home / "token"
    token.touch(mode=0o600)
    token.write_text(server.token("tests", "submit", "read"))
    return server, str(home / "ca.pem"), str(token)


def stop_all() -> None:
    """End the servers that tests shared."""
    while _running:
        _running.pop().stop()


def until(condition, seconds: float = 30.0):
    """What a condition gives as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to pass in time")
