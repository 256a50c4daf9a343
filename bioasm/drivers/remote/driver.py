"""The driver `remote`: submits a program as a job, follows its events, and returns the server's Result."""

from __future__ import annotations

import math
import os
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import EXIT_DEVICE, EXIT_INTERRUPTED, EXIT_USAGE, BioasmError, error
from bioasm.drivers.base import DRIVING, Driver
from bioasm.drivers.remote import protocol as p
from bioasm.drivers.remote.client import Client, garbled
from bioasm.drivers.remote.events import Event
from bioasm.drivers.remote.places import FORMS, parse_place
from bioasm.drivers.remote.secrets import AT, known, token_for
from bioasm.files import unreadable
from bioasm.models import MODELS
from bioasm.results import Result
from bioasm.results.transfer import unpack_result
from bioasm.runtime.options import Capacity, Observer, Progress, RunOptions, check_options
from bioasm.verifier.abilities import ABILITIES
from bioasm.verifier.gate import Verified

_KEPT_THERE = "the server keeps the checkpoints of a job; submit the same again, and it is the same job"
_PATIENCE = 60.0


class RemoteDriver(Driver):
    """Runs on a device of a server. Its abilities are known once it is connected."""

    name: ClassVar[str] = "remote"
    summary: ClassVar[str] = "a device of `bioasm serve` on this or another machine"
    abilities: frozenset[str] = ABILITIES  # type: ignore[misc]
    models: frozenset[str] = frozenset(MODELS)  # type: ignore[misc]
    remote: ClassVar[bool] = True
    pieces: ClassVar[bool] = True  # if the device does; else it refuses
    outlives: ClassVar[bool] = True
    stimulating: frozenset[str] = DRIVING
    options: ClassVar[Mapping[str, str]] = {
        "at": f"the server: {FORMS} (else the environment's {AT})",
        "device": "which of the server's devices; by default its first",
        "token": "file that holds the token (else the environment's BIOASM_TOKEN, or ~/.config/bioasm/remote.toml)",
        "ca": "file of certificates that the server's is checked against, where the system's do not know it",
        "patience": f"seconds in which a lost server is looked for ({_PATIENCE:g})",
    }

    def __init__(
        self,
        at: str | None = None,
        device: str = "",
        token: str | None = None,
        ca: str | None = None,
        patience: str | float = _PATIENCE,
    ) -> None:
        self.client = make_client(at, token, ca, patience)
        self.device = device
        self.connected = False

    # --- connecting ---------------------------------------------------------------------------------

    def connect(self) -> None:
        """Query the abilities of the server's device. Raises BioasmError: B550 to B552, B501 for an unknown device."""
        if self.connected:
            return
        about = _device(self.client.about(self._is_ready), self.device, str(self.client.place))
        self.abilities = self.abilities & set(about["abilities"])
        self.models = self.models & set(about["models"])
        self.reproducible = about.get("reproducible") is True
        self.stimulating = _driving(about)
        self.connected = True

    def _is_ready(self, server: dict[str, Any]) -> bool:
        """Whether the server knows the device's abilities already."""
        devices = server.get("devices")
        found = [one for one in devices if isinstance(one, dict)] if isinstance(devices, list) else []
        mine = next((one for one in found if self.device in ("", one.get("name"))), {})
        return "starting" not in mine

    def disconnect(self) -> None:
        """Close the connection."""
        self.client.close()
        self.connected = False

    # --- running ------------------------------------------------------------------------------------

    def run(self, verified: Verified, options: RunOptions | None = None, observer: Observer | None = None) -> Result:
        """Run a verified program; see `Driver.run`. A driver that is not connected connects for this run."""
        if self.connected:
            return super().run(verified, options, observer)
        with self:
            return super().run(verified, options, observer)

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        check_options(options, verified.n, Capacity(without=_KEPT_THERE))
        job, after = self._submit(verified, options)
        try:
            Follower(self.client, job, observer).follow(after)
            return self._result(job, verified)
        except KeyboardInterrupt:
            raise left(job, str(self.client.place)) from None

    def _submit(self, verified: Verified, options: RunOptions) -> tuple[str, int]:
        """Submit the run; returns its job, and the event after which it begins."""
        piece = (options.first_lane, options.span.everyone) if options.span.is_piece else ()
        wanted = p.JobOptions(self.device, options.seed, options.lanes, options.fuel, options.parameters, *piece)
        headers = {p.OPTIONS: wanted.text(), p.KEY: secrets.token_hex(16), "Content-Type": p.BYTECODE}
        program = verified.program
        placed = any(instruction.span for instruction in program.instructions)
        body = to_bytes(replace(program, has_spans=True) if placed else program)
        answer = self.client.call("POST", "/v1/jobs", body, headers).json()
        job, after = answer.get("id"), answer.get("after")
        if not isinstance(job, str) or type(after) is not int:
            raise garbled("a job without a name")
        return job, after

    def _result(self, job: str, verified: Verified) -> Result:
        """The Result of an ended job, with the warnings of the gate in their local form."""
        result = finished(self.client, job)
        ours = {(d.code, d.message) for d in verified.warnings}
        new_diagnostics = (d for d in result.diagnostics if (d.code, d.message) not in ours)
        return replace(result, diagnostics=(*verified.warnings, *new_diagnostics))


def finished(client: Client, job: str) -> Result:
    """The Result of an ended job. Raises BioasmError with the fault of a failed one, and its Result so far as `partial`."""
    told = client.job(job)
    if told.get("state") != p.ENDED:
        hint = f"`bioasm jobs wait {job[:12]} --at {client.place}` waits for its end"
        raise error("B553", f"job {job[:12]} has no result yet: it is {told.get('state')}", hint=hint)
    found, exit_code = p.findings(told.get("findings")), told.get("exit")
    result = _received(client, job) if told.get("size") else None
    if result is not None and not (told.get("status") == "failed" and found):
        return result
    fault = BioasmError(*found, exit_code=exit_code if type(exit_code) is int and exit_code else 1)
    fault = fault if found else error("B553", f"job {job[:12]} was cancelled before it began")
    fault.partial = result
    raise fault


def _received(client: Client, job: str) -> Result:
    result = unpack_result(client.result(job))
    source = {"server": str(client.place), "job": job, "driver": result.driver}
    return replace(result, driver=RemoteDriver.name, extras={**result.extras, "remote": source})


def make_client(at: str | None, token: str | None, ca: str | None, patience: str | float = _PATIENCE) -> Client:
    """A client for the server at an address, with the user's token. Raises BioasmError B406."""
    where = at or os.environ.get(AT)
    if not where:
        hint = f"--driver-option at=..., or the environment's {AT}; a server is at {FORMS}"
        raise error("B406", "driver remote needs to be told where the server is", hint=hint, exit_code=EXIT_USAGE)
    place = parse_place(where)
    certificates = ca or known(place).get("ca")
    return Client(place, token_for(place, token), certificates and _certificates(str(certificates)), _seconds(patience))


def _certificates(path: str) -> str:
    """Check that a file has certificates; returns its path. Raises BioasmError B301, B406."""
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise error("B406", f"{path} has no certificate", hint="ca=FILE is a file of PEM", exit_code=EXIT_USAGE) from None
    except OSError as cause:
        raise unreadable(path, cause) from cause
    return path


def _seconds(patience: str | float) -> float:
    try:
        seconds = float(patience)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise error("B406", f"patience is {patience!r}; it is a number of seconds", exit_code=EXIT_USAGE)
    return seconds


def _device(server: dict[str, Any], wanted: str, where: str) -> dict[str, Any]:
    """A server's description of a device."""
    if server.get("protocol") != p.VERSION:
        raise garbled(f"it speaks {server.get('protocol')!r}, not {p.VERSION}")
    devices = server.get("devices")
    found = [one for one in devices if isinstance(one, dict)] if isinstance(devices, list) else []
    for one in found:
        if wanted in ("", one.get("name")):
            if "trouble" in one:
                told = p.findings(one["trouble"])
                raise BioasmError(*told, exit_code=EXIT_DEVICE) if told else garbled("a device in trouble")
            if not all(isinstance(one.get(words), list) for words in ("abilities", "models")):
                raise garbled("a device without abilities")
            return one
    names = ", ".join(str(one.get("name")) for one in found)
    raise error("B501", f"the server at {where} has no device {wanted!r}", hint=f"it has {names}", exit_code=EXIT_USAGE)


def _driving(about: dict[str, Any]) -> frozenset[str]:
    """The mnemonics that drive cells on a device; all that may, where the server's list is missing or invalid."""
    told = about.get("stimulating")
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        return DRIVING
    return frozenset(told)


def left(job: str, where: str) -> BioasmError:
    """The error B554 for a job that continues without the user."""
    hint = f"`bioasm jobs wait {job[:12]} --at {where}` joins it, `bioasm jobs cancel {job[:12]} --at {where}` ends it"
    return error("B554", f"job {job[:12]} goes on at {where}", hint=hint, exit_code=EXIT_INTERRUPTED)


class Follower:
    """Follows a job to its end and reports to the observer, which may cancel the job."""

    def __init__(self, client: Client, job: str, observer: Observer | None) -> None:
        self.client, self.job, self.observer, self.steps = client, job, observer, -1

    def follow(self, after: int) -> None:
        """Wait for the end of the job. Raises BioasmError B554 where it continues for other clients."""
        stream = self.client.events(self.job, after)
        for event in stream:
            if event.kind != p.ENDED and not self._goes_on(event):
                stream.close()  # type: ignore[attr-defined]
                self._cancel(event.number)
                return

    def _goes_on(self, event: Event) -> bool:
        """Forward progress to the observer, without repeats after a restart; false where it asks to stop."""
        if self.observer is None:
            return True
        progress = progress_of(event)
        if not progress.message and not (event.kind == "progress" and progress.steps > self.steps):
            return True
        self.steps = max(self.steps, progress.steps)
        return self.observer(progress)

    def _cancel(self, after: int) -> None:
        self.observer = None
        answer = self.client.call("DELETE", f"/v1/jobs/{self.job}").json()
        if answer.get("wanted") != "cancel" and answer.get("state") != p.ENDED:
            raise left(self.job, str(self.client.place))
        self.follow(after)


def progress_of(event: Event) -> Progress:
    """Convert an event of the protocol to a Progress for the observer."""
    data = event.data
    steps, end, best = (data.get(name) for name in ("steps", "run_end", "best_energy"))
    message = str(data.get("message") or "")
    if event.kind == "queued":
        message = f"waiting for its turn, {data.get('ahead')} before it" if data.get("ahead") else "waiting for its turn"
    lowest = float(best) if isinstance(best, int | float) else math.nan
    return Progress(steps if type(steps) is int else 0, end if type(end) is int else 0, lowest, message)
