"""The server process: uvicorn on a bound socket, supervision of the workers, graceful shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import sqlite3
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioasm.diagnostics import BioasmError, error
from bioasm.serve import jobs
from bioasm.serve.app import Server, make_app
from bioasm.serve.audit import Audit
from bioasm.serve.bell import Bell
from bioasm.serve.bind import Bind, listen, parse_bind, spelled, tls
from bioasm.serve.devices import Device
from bioasm.serve.guard import Guard
from bioasm.serve.leftovers import reclaim
from bioasm.serve.requests import BODY_BYTES, HEAD_BYTES
from bioasm.serve.store import Store, lock
from bioasm.serve.supervisor import Supervisor
from bioasm.serve.tokens import lapse

CONNECTIONS = 256  # at a time; requests of further ones are asked to retry later
_IDLE = 30  # keep-alive timeout in s
_HANDSHAKE = 10.0  # timeout of a TLS handshake in s
_HOUR = 3600.0
_TEND = 2.0  # s between checks for expired tokens and orphaned jobs
_DAY = 86400.0


@dataclass(frozen=True)
class Settings:
    """The options of the command line. `local` are the rights of clients of a socket file without a token."""

    folder: Path
    devices: list[Device]
    bind: str = ""
    cert: str | None = None
    key: str | None = None
    local: frozenset[str] = frozenset()
    every: float = 10.0
    body_bytes: int = BODY_BYTES
    keep: float = 30.0


def socket_file(folder: Path) -> Path:
    """The default address: a socket file."""
    return folder / "socket"


def serve(settings: Settings, ready: Callable[[str], None], ending: Iterable[int]) -> None:
    """Serve until one of the signals `ending`. `ready` is called with the address.

    Raises BioasmError: B556 where it can't listen, B302 where the folder can't be used.
    """
    os.umask(0o077)
    secured = settings.cert is not None and settings.key is not None
    bind = parse_bind(settings.bind or f"unix:{socket_file(settings.folder)}", secured)
    context = tls(settings.cert, settings.key) if settings.cert and settings.key else None
    with Store(settings.folder) as store:
        if lock(settings.folder / "locks" / "server") is None:
            hint = "stop it, or give this one another --store FOLDER"
            raise error("B556", f"another server has the folder {settings.folder}", hint=hint)
        sock = listen(bind)
        try:
            asyncio.run(_serve(settings, store, bind, sock, context, ready, ending))
        finally:
            sock.close()
            if bind.path is not None:
                bind.path.unlink(missing_ok=True)


async def _serve(
    settings: Settings,
    store: Store,
    bind: Bind,
    sock: socket.socket,
    context: ssl.SSLContext | None,
    ready: Callable[[str], None],
    ending: Iterable[int],
) -> None:
    bell, audit = Bell(), Audit(settings.folder)
    supervisor = Supervisor(store, settings.devices, settings.every, bell)
    local = settings.local if bind.path is not None else frozenset()
    server = Server(store, audit, bell, supervisor.wake, local, settings.body_bytes)
    front = _front(server, context)
    for number in ending:
        asyncio.get_running_loop().add_signal_handler(number, _end, server, front)
    if context is not None:
        _hurry_handshakes()
    supervisor.start()
    keepers = [asyncio.create_task(_forget(store, settings.keep, audit)), asyncio.create_task(_tend(server, settings.devices))]
    where = spelled(bind, sock, context is not None)
    audit.write("start", "", "done", at=where)
    ready(where)
    try:
        await front.serve(sockets=[sock])
    finally:
        for keeper in keepers:
            keeper.cancel()
        await supervisor.stop()
        audit.write("stop", "", "done")
        audit.close()


def _hurry_handshakes() -> None:
    """Give a TLS handshake less than asyncio's 60 s; uvicorn has no setting for it."""
    loop: Any = asyncio.get_running_loop()
    loop.create_server = functools.partial(loop.create_server, ssl_handshake_timeout=_HANDSHAKE)


def _end(server: Server, front: Any) -> None:
    """Close the event streams, and stop the server."""
    server.stopping = True
    front.should_exit = True
    server.bell.ring()


def _front(server: Server, context: ssl.SSLContext | None) -> Any:
    """The uvicorn server, without its signal handlers, with our guard around its parser."""
    import uvicorn

    guard: Any = Guard
    config = uvicorn.Config(
        make_app(server),
        http=guard,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=64,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
    config.load()
    config.ssl = context
    front: Any = uvicorn.Server(config)
    front.capture_signals = contextlib.nullcontext
    return front


async def _tend(server: Server, devices: list[Device]) -> None:
    """Periodic clean-up: release the jobs of expired tokens, and settle those whose worker is gone."""
    while True:
        with contextlib.suppress(sqlite3.Error, OSError, BioasmError):
            for name, number in (await asyncio.to_thread(lapse, server.store)).items():
                server.audit.write("expired", name, f"let go of {number} jobs")
            if await asyncio.to_thread(reclaim, server.store, devices):
                server.wake()
            server.bell.ring()
        await asyncio.sleep(_TEND)


async def _forget(store: Store, days: float, audit: Audit) -> None:
    """Apply retention now and every hour; failures are retried in the next hour."""
    while True:
        for action in (store.sweep, functools.partial(jobs.forget, store, days * _DAY)):
            try:
                await asyncio.to_thread(action)
            except (sqlite3.Error, OSError) as cause:
                audit.write("keep", "", f"failed: {type(cause).__name__}")
        await asyncio.sleep(_HOUR)
