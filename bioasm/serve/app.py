"""The HTTP routes of BRP/1 (Starlette): the rights that each requires, and its response."""

from __future__ import annotations

import asyncio
import functools
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bioasm import __version__
from bioasm.diagnostics import BioasmError
from bioasm.drivers.remote import protocol as p
from bioasm.drivers.remote.client import digest_header
from bioasm.hardware.link.dictionary import isa_hash
from bioasm.isa.limits import LIMITS
from bioasm.serve import jobs, page
from bioasm.serve.admission import Forbidden, admit, chosen_device
from bioasm.serve.audit import Audit
from bioasm.serve.bell import Bell
from bioasm.serve.origins import check_origin, is_browser
from bioasm.serve.requests import BODY_BYTES, Refusal, check_frame, take_body
from bioasm.serve.store import Store
from bioasm.serve.streams import named, parts, stream
from bioasm.serve.supervisor import abouts
from bioasm.serve.tokens import LOCAL, Holder, holder_of, stands

_JOB = re.compile(r"[0-9a-f]{8,64}")
_LISTED = 200
_HOUR = 3600.0
UPLOADS = 4  # concurrent uploads of a token
RENEWALS = 100  # renewals of a token in an hour: interrupted jobs that are submitted again
_BEARER = re.compile(r"Bearer +([A-Za-z0-9_-]{20,100})")
Handler = Callable[["Server", Request], Awaitable[Response]]


@dataclass
class Server:
    """Shared state of the request handlers. `local` are the rights of clients without a token, over a socket file."""

    store: Store
    audit: Audit
    bell: Bell
    wake: Callable[[], None]
    local: frozenset[str] = frozenset()
    body_bytes: int = BODY_BYTES
    gates: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))  # bounds the programs in memory
    stopping: bool = False
    uploads: Counter[str] = field(default_factory=Counter)  # uploads in progress, by `Holder.id`
    renewals: dict[str, list[float]] = field(default_factory=dict)  # times of renewals, by `Holder.id`

    def who(self, request: Request) -> Holder:
        """Authenticate a request: the holder of its token. Raises Refusal (401)."""
        said = request.headers.get("authorization")
        if said is None and self.local and not is_browser(request):
            return Holder(LOCAL, self.local)
        match = _BEARER.fullmatch(said or "")
        holder = holder_of(self.store, match[1]) if match else None
        if holder is None:
            raise Refusal(401, "a token is needed, and this is none that is valid" if said else "a token is needed")
        return holder

    @contextmanager
    def uploading(self, who: Holder) -> Iterator[None]:
        """Context manager of an upload. Raises Refusal (429) for too many of one token."""
        if self.uploads[who.id] >= UPLOADS:
            raise Refusal(429, f"the token {who.name} sends {UPLOADS} programs already", close=True)
        self.uploads[who.id] += 1
        try:
            yield
        finally:
            self.uploads[who.id] -= 1

    def count_renewal(self, who: Holder) -> None:
        """Rate limit: count a renewed job. Raises Refusal (429) for too many of one token."""
        now = time.monotonic()
        recent = [one for one in self.renewals.get(who.id, []) if now - one < _HOUR]
        if len(recent) >= RENEWALS:
            raise Refusal(429, f"the token {who.name} began {RENEWALS} jobs anew within an hour")
        self.renewals[who.id] = [*recent, now]

    def stands(self, who: Holder) -> bool:
        """Revalidate a long request: whether its token is still valid."""
        with self.store.look() as database:
            return stands(database, who)

    def device(self, wanted: str) -> dict[str, Any]:
        """The abilities of a device. Raises BioasmError B501, or the device's error; Refusal (503) until they are reported."""
        found = chosen_device(abouts(self.store), wanted)
        if "starting" in found:
            raise Refusal(503, f"the device {found['name']} is being asked what it can do")
        return found


def make_app(server: Server) -> Starlette:
    """The application."""
    routes = [
        _route("/v1", "GET", about, server),
        _route("/v1/jobs", "POST", submit, server),
        _route("/v1/jobs", "GET", list_jobs, server),
        _route("/v1/jobs/{job}", "GET", show, server),
        _route("/v1/jobs/{job}", "DELETE", cancel, server),
        _route("/v1/jobs/{job}/events", "GET", follow, server),
        _route("/v1/jobs/{job}/result", "GET", fetch, server),
        Route("/", page.show, methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _not_there})


def _route(path: str, method: str, handler: Handler, server: Server) -> Route:
    """Wrap a handler as a route: errors become responses and enter the audit log."""

    @functools.wraps(handler)
    async def answer(request: Request) -> Response:
        who = ""
        try:
            check_frame(request.headers.raw)
            check_origin(request)
            request.state.who = server.who(request)
            who = request.state.who.name
            return await handler(server, request)
        except Forbidden as lacking:
            refusal = Refusal(403, f"the token {who} has no right to {lacking.right}")
        except Refusal as found:
            refusal = found
        except sqlite3.OperationalError:
            refusal = Refusal(503, "the database of the server does not answer now")
        except ClientDisconnect:
            refusal = Refusal(400, "the client went away", close=True)
        except Exception as cause:  # noqa: BLE001  (a defect is answered, and taken down)
            refusal = Refusal.defect(cause)
        if refusal.status != 503:
            server.audit.refuse(f"{method} {path}", who, refusal.status, str(refusal))
        return refusal.response()

    return Route(path, answer, methods=[method])


async def _not_there(_: Request, failure: Exception) -> Response:
    status = failure.status_code if isinstance(failure, HTTPException) else 404
    return Refusal(status, "there is no such address here").response()


def _needs(request: Request, *rights: str) -> Holder:
    """Authorise a request: the holder of the token, if it has these rights. Raises Forbidden."""
    who: Holder = request.state.who
    for right in rights:
        if right not in who.rights:
            raise Forbidden(right)
    return who


def _job(server: Server, request: Request) -> Any:
    """The job in the URL. Raises Refusal (404)."""
    name = request.path_params["job"]
    row = jobs.find(server.store, name) if _JOB.fullmatch(name) else None
    if row is None:
        raise Refusal(404, f"there is no job {name[:64]}", "`bioasm jobs list` lists them")
    return row


# --- what a client asks -----------------------------------------------------------------------------


async def about(server: Server, request: Request) -> Response:
    """Describe the server, the abilities of its devices, and the rights of the token."""
    who: Holder = request.state.who
    return JSONResponse(
        {
            "protocol": p.VERSION,
            "bioasm": __version__,
            "isa": isa_hash().hex(),
            "devices": abouts(server.store),
            "limits": {name: row.value for name, row in LIMITS.items()} | {"body_bytes": server.body_bytes},
            "token": {"name": who.name, "rights": sorted(who.rights), "quotas": dict(who.quotas)},
        }
    )


async def submit(server: Server, request: Request) -> Response:
    """Verify the program of a submission and queue it; the same submission again is the same job."""
    who = _needs(request, p.SUBMIT)
    try:
        wanted = p.parse_options(request.headers.get(p.OPTIONS, "{}"))
        device = server.device(wanted.device)
    except BioasmError as fault:
        raise Refusal.of(422, fault) from None
    key = _key(request, device)
    path = server.store.incoming()
    try:
        with server.uploading(who):
            await take_body(request, path, server.body_bytes)
        request.state.who = server.who(request)  # the token may expire during the upload
        who = _needs(request, p.SUBMIT)
        async with server.gates:
            submission = await run_in_threadpool(admit, path, wanted, device, who, key, server.store.salt)
        path.replace(server.store.program(submission.program))
    except BioasmError as fault:
        raise Refusal.of(422, fault) from None
    finally:
        path.unlink(missing_ok=True)
    return await run_in_threadpool(_queued, server, submission, who)


def _key(request: Request, device: dict[str, Any]) -> str:
    """The idempotency key of a submission: it distinguishes a second experiment on cells from a repeated request."""
    key: str = request.headers.get(p.KEY, "")
    if len(key) > 255:
        raise Refusal(400, f"the header {p.KEY} is too long")
    if not key and not device["reproducible"]:
        raise Refusal(400, f"device {device['name']} repeats nothing, so that a job there needs the header {p.KEY}")
    return key


def _queued(server: Server, submission: jobs.Submission, who: Holder) -> Response:
    def confirm(database: sqlite3.Connection, row: sqlite3.Row, new: bool) -> None:
        """Write the audit entry within the transaction of the job: where that fails, nothing is queued."""
        if not stands(database, who):
            raise Refusal(401, "the token ended")
        if new and row["base"]:
            server.count_renewal(who)
        server.audit.write("submit", who.name, "queued" if new else "known", job=row["id"], device=row["device"])

    found = jobs.submit(server.store, submission, who.quotas.get("jobs"), confirm)
    if found is None:
        raise Refusal(429, f"the token {who.name} may have {who.quotas['jobs']} jobs at a time")
    row, new = found
    server.wake()
    server.bell.ring()
    return JSONResponse({**jobs.described(server.store, row), "new": new}, 201 if new else 200)


async def list_jobs(server: Server, request: Request) -> Response:
    """The newest jobs."""
    _needs(request, p.READ)
    return JSONResponse({"jobs": [jobs.described(server.store, row) for row in jobs.listed(server.store, _LISTED)]})


async def show(server: Server, request: Request) -> Response:
    """One job."""
    _needs(request, p.READ)
    return JSONResponse(jobs.described(server.store, _job(server, request)))


async def cancel(server: Server, request: Request) -> Response:
    """Release a job for this token; it is cancelled once no token holds it, or for `for=all` of an administrator."""
    who = _needs(request, p.SUBMIT)
    row = _job(server, request)
    everyone = p.ADMIN in who.rights and request.query_params.get("for") == "all"
    if who.id not in jobs.holders(server.store, row["id"]) and not everyone:
        raise Refusal(403, f"job {row['id'][:12]} is not held by the token {who.name}", "an administrator ends it with --all")
    await run_in_threadpool(jobs.cancel, server.store, row["id"], who.id, everyone)
    server.audit.write("cancel", who.name, "done", job=row["id"])
    server.wake()
    server.bell.ring()
    return JSONResponse(jobs.described(server.store, _job(server, request)))


async def follow(server: Server, request: Request) -> Response:
    """The events of a job, from any number on, for as long as the token is valid."""
    who = _needs(request, p.READ)
    row = _job(server, request)
    after = request.headers.get(p.AFTER) or request.query_params.get("after") or "0"
    if not (after.isascii() and after.isdigit() and len(after) < 16):
        raise Refusal(400, f"{p.AFTER} is the number of an event")
    made = stream(server.store, server.bell, row["id"], int(after), lambda: server.stopping or not server.stands(who))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(made, media_type=p.EVENTS, headers=headers)


async def fetch(server: Server, request: Request) -> Response:
    """The result of a job that ended: whole (RESULT), as npz, or some of its arrays (npz)."""
    _needs(request, p.READ)
    row = _job(server, request)
    if row["state"] != p.ENDED or not row["size"]:
        why = "has no result" if row["state"] == p.ENDED else f"is {row['state']}"
        raise Refusal(404 if row["state"] == p.ENDED else 409, f"job {row['id'][:12]} {why}")
    only, form = request.query_params.get("only"), request.query_params.get("form")
    if only is None and form != "npz":
        path = server.store.result(row["id"])
        headers = {p.DIGEST: digest_header(bytes.fromhex(row["sha256"]))}
        return _file(request, path, headers)
    async with server.gates:
        size, pieces = await run_in_threadpool(parts, server.store, row["id"], named(only or ""))
    return StreamingResponse(pieces, media_type=p.NPZ, headers={"Content-Length": str(size)})


def _file(request: Request, path: Path, headers: dict[str, str]) -> Response:
    if "," in request.headers.get("range", ""):
        raise Refusal(400, "a request asks for one range of a result")
    if not path.is_file():
        raise Refusal(404, "the result is no longer kept")
    return FileResponse(path, media_type=p.RESULT, headers=headers)
