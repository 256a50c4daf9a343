"""`bioasm serve --stdio`: standard input and output as a connection to the server of a folder, started if need be."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from bioasm.diagnostics import EXIT_DEVICE, error
from bioasm.serve.store import check_private

_START = 30.0  # timeout of a server's start, s
_PIECE = 1 << 16


def relay(folder: Path, path: Path) -> None:
    """Copy bytes both ways until one side ends. Raises BioasmError B550 where no server can be reached or started."""
    if folder.exists():
        check_private(folder)
    connection = _connected(path) or _started(folder, path)
    threading.Thread(target=_outward, args=(connection,), daemon=True).start()
    with suppress(OSError), connection:
        while piece := connection.recv(_PIECE):
            _write(piece)


def _outward(connection: socket.socket) -> None:
    """Copy standard input to the server; end of file means that the client has disconnected."""
    with suppress(OSError):
        while piece := os.read(0, _PIECE):
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_RDWR)


def _write(piece: bytes) -> None:
    while piece:
        piece = piece[os.write(1, piece) :]


def _connected(path: Path) -> socket.socket | None:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.connect(str(path))
    except OSError:
        made.close()
        return None
    return made


def _started(folder: Path, path: Path) -> socket.socket:
    """Start a detached server (daemon), and connect to it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "bioasm", "serve", "--store", str(folder), "--quiet"]
    with open(folder / "server.log", "ab") as log:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    until = time.monotonic() + _START
    while time.monotonic() < until:
        found = _connected(path)
        if found is not None:
            return found
        time.sleep(0.05)
    raise error("B550", f"no server started; {folder / 'server.log'} says why", exit_code=EXIT_DEVICE)
