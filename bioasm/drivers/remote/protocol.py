"""BRP/1: names, headers and serialisation common to client and server. docs/remote.md is the specification."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bioasm.diagnostics import EXIT_USAGE, BioasmError, Diagnostic, Span, error
from bioasm.diagnostics.codes import CODES
from bioasm.isa.limits import limit
from bioasm.runtime.options import DEFAULT_FUEL

VERSION = "BRP/1"
OPTIONS = "BRP-Options"  # header of a submission: the options of the run as ASCII JSON
KEY = "Idempotency-Key"  # header: identifies an experiment on cells, where a seed does not determine the result
DIGEST = "Repr-Digest"  # header of a result: its SHA-256 (RFC 9530)
AFTER = "Last-Event-ID"  # header: the event after which a stream begins
BYTECODE = "application/vnd.bioasm.bytecode"
RESULT = "application/vnd.bioasm.result"  # results/transfer.py
NPZ = "application/vnd.bioasm.npz"
EVENTS = "text/event-stream"
HEARTBEAT = 10.0  # s between heartbeats in a stream without events
OPTIONS_BYTES = 1 << 14
_ANSWER_FINDINGS = 100  # of one response; more are ignored

# Rights of a token.
SUBMIT, READ, STIMULATE, ADMIN = RIGHTS = ("submit", "read", "stimulate", "admin")

QUEUED, RUNNING, ENDED = "queued", "running", "ended"


@dataclass(frozen=True, slots=True)
class JobOptions:
    """The options of a submission besides the program. An empty `device` is the server's first."""

    device: str = ""
    seed: int = 0
    lanes: int = 1
    fuel: int = DEFAULT_FUEL
    parameters: Mapping[str, float] = field(default_factory=dict)
    first_lane: int = 0
    all_lanes: int | None = None  # None: not a piece

    def text(self) -> str:
        """Canonical JSON of the options in ASCII."""
        parameters = {name: float(value) for name, value in self.parameters.items()}
        fields: dict[str, Any] = {
            "device": self.device,
            "seed": self.seed,
            "lanes": self.lanes,
            "fuel": self.fuel,
            "parameters": parameters,
        }
        if self.all_lanes is not None:
            fields |= {"first_lane": self.first_lane, "all_lanes": self.all_lanes}
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def parse_options(text: str) -> JobOptions:
    """Parse the options in the header of a submission. Raises BioasmError B406 for an invalid one."""
    if len(text) > OPTIONS_BYTES:
        raise _bad(f"the options have {len(text):,} characters; the most is {OPTIONS_BYTES:,}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise _bad("the options are no JSON") from None
    if not isinstance(found, dict):
        raise _bad("the options are no JSON object")
    strange = sorted(set(found) - {"device", "seed", "lanes", "fuel", "parameters", "first_lane", "all_lanes"})
    if strange:
        raise _bad(f"there is no option {strange[0][:80]!r}")
    return JobOptions(
        device=_word(found.get("device", "")),
        seed=_whole("seed", found.get("seed", 0), 0, (1 << 64) - 1),
        lanes=_whole("lanes", found.get("lanes", 1), 1, 1 << 16),
        fuel=_whole("fuel", found.get("fuel", DEFAULT_FUEL), 1, (1 << 63) - 1),
        parameters=_parameters(found.get("parameters", {})),
        first_lane=_whole("first_lane", found.get("first_lane", 0), 0, limit("all_lanes")),
        all_lanes=_whole("all_lanes", found["all_lanes"], 1, limit("all_lanes")) if "all_lanes" in found else None,
    )


def _bad(message: str) -> BioasmError:
    return error("B406", message, exit_code=EXIT_USAGE)


def _word(value: Any) -> str:
    if not _is_name(value):
        raise _bad("the device is a name")
    return str(value)


def _is_name(value: Any) -> bool:
    """Whether a value is a str that UTF-8 can encode (no lone surrogate), of at most 255 bytes."""
    return isinstance(value, str) and len(value.encode(errors="surrogatepass")) <= 255 and value.isprintable()


def _whole(name: str, value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise _bad(f"{name} is a whole number from {low} to {high}")
    return value


def _parameters(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise _bad("parameters are an object of numbers")
    for name, number in value.items():
        if not _is_name(name):
            raise _bad("the name of a parameter has at most 255 bytes and no characters that can't be shown")
        if type(number) not in (int, float) or not abs(number) < math.inf:
            raise _bad("a parameter is a finite number")
    try:
        return {name: float(number) for name, number in value.items()}
    except OverflowError:
        raise _bad("a parameter is a finite number") from None


# --- findings ---------------------------------------------------------------------------------------


def findings(objects: Any) -> list[Diagnostic]:
    """Diagnostics from JSON objects of `diagnostics.render.to_object`; invalid ones are omitted."""
    found = objects if isinstance(objects, list) else []
    return [_finding(one) for one in found[:_ANSWER_FINDINGS] if isinstance(one, dict)]


def _finding(one: dict[str, Any]) -> Diagnostic:
    code, hint = one.get("code"), one.get("hint")
    message = str(one.get("message", ""))
    severity = "warning" if one.get("severity") == "warning" else "error"
    if code not in CODES:  # from a newer server
        code, message = "B551", f"{code}: {message}"
    return Diagnostic(code, message, _span(one), None if hint is None else str(hint), severity=severity)


def _span(one: dict[str, Any]) -> Span | None:
    places = [one.get(name) for name in ("line", "column", "end_column")]
    if not isinstance(one.get("source"), str) or not all(type(place) is int for place in places):
        return None
    return Span(one["source"], *places)  # type: ignore[arg-type]


def told(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Diagnostics as JSON objects."""
    from bioasm.diagnostics.render import to_object

    return [to_object(one) for one in diagnostics]
