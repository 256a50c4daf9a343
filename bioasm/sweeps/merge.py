"""Merging of pieces of lanes to the Result of the whole run, byte for byte.

Arrays are concatenated along their lanes. Results of OUT from readings over lanes are recomputed: the traces of all pieces are
the same program in static single assignment form, which is evaluated with the values of all lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic, error
from bioasm.isa.table import ROWS
from bioasm.results import Reading, Recording, Result
from bioasm.results.piece import OUT, Piece, Trace
from bioasm.results.result import ALONG_LANES, Spikes
from bioasm.runtime.arithmetic import COMPUTED
from bioasm.runtime.readings import COMBINED

Array = NDArray[Any]

ENDED_ALIKE = ("finished", "out of fuel")  # any other end of a run differs between pieces
_ARITHMETIC = {row.opcode: COMPUTED[row.mnemonic] for row in ROWS if row.mnemonic in COMPUTED}
_ALIKE: dict[str, Callable[[Result], Any]] = {
    "program": lambda r: r.program_sha256,
    "parameters": lambda r: _piece(r).parameters,
    "set of values of the lanes' own": lambda r: r.extras.get("lane_values"),
    "seed": lambda r: r.seed,
    "number of all lanes": lambda r: _piece(r).all_lanes,
    "driver": lambda r: r.driver,
    "versions": lambda r: dict(r.versions),
    "end": lambda r: r.status,
    "number of steps": lambda r: r.steps,
    "number of neurons": lambda r: r.n,
    "list of results": lambda r: [reading.what for reading in r.results],
    "list of recordings": lambda r: [(name, one.neurons.tolist()) for name, one in r.recordings.items()],
    "list of recorded events": lambda r: list(r.events),
    "set of recorded times": lambda r: tuple(one.t.tobytes() for one in r.recordings.values()),
    "length of the energy trace": lambda r: r.energy_trace.shape[1],
    "trace of readings over lanes": lambda r: (_piece(r).trace.steps.tobytes(), [c.hex() for c in _piece(r).trace.constants]),
}


def merge(pieces: Sequence[Result], names: Sequence[str] = ()) -> Result:
    """Merge pieces in any order; `names` are theirs in messages.

    Except for `timing`, which is summed, the result equals that of all lanes in one run. Raises BioasmError B602 for pieces of
    different runs.
    """
    called = list(names) or [f"piece {k}" for k in range(len(pieces))]
    order = _in_order(pieces, called)
    parts, called = [pieces[k] for k in order], [called[k] for k in order]
    _check_alike(parts, called)
    _check_cover(parts, called)
    _check_ended(parts[0], called[0])
    return replace(parts[0], piece=None, lanes=sum(p.lanes for p in parts), **_joined_fields(parts))


def _piece(result: Result) -> Piece:
    assert result.piece is not None
    return result.piece


# --- what fits together -------------------------------------------------------------------------------


def _in_order(pieces: Sequence[Result], names: list[str]) -> list[int]:
    if not pieces:
        raise error("B602", "there is no piece to merge")
    wholes = [name for result, name in zip(pieces, names, strict=True) if result.piece is None]
    if wholes:
        hint = "a piece is run with --lanes FIRST:END/ALL"
        text = "is no piece: it holds all lanes of its run"
        raise BioasmError(*(Diagnostic("B602", f"{name} {text}", hint=hint) for name in wholes))
    return sorted(range(len(pieces)), key=lambda k: _piece(pieces[k]).first_lane)


def _check_alike(parts: list[Result], names: list[str]) -> None:
    told = {what: [of(part) for part in parts] for what, of in _ALIKE.items()}
    wrong = [
        Diagnostic("B602", f"{names[k]} has another {what} than {names[0]}{_shown(value, values[0])}")
        for what, values in told.items()
        for k, value in enumerate(values)
        if value != values[0]
    ]
    if wrong:
        raise BioasmError(*wrong)


def _shown(value: Any, other: Any) -> str:
    """Both values for a message, if they are short words and numbers."""
    text = "" if isinstance(value, tuple) else f": {value}, not {other}"
    return text if len(text) <= 160 else ""


def _check_cover(parts: list[Result], names: list[str]) -> None:
    """Check that the lanes of the pieces are contiguous, from the first to the last."""
    expected = 0
    for part, name in zip(parts, names, strict=True):
        first = _piece(part).first_lane
        if first > expected:
            raise error("B602", f"lanes {expected} to {first - 1} are missing before {name}")
        if first < expected:
            raise error("B602", f"{name} begins with lane {first}, and another piece has lanes up to {expected - 1}")
        expected += part.lanes
    everyone = _piece(parts[0]).all_lanes
    if expected < everyone:
        raise error("B602", f"lanes {expected} to {everyone - 1} are missing")


def _check_ended(part: Result, name: str) -> None:
    if part.status not in ENDED_ALIKE:
        raise error("B602", f"{name} ended with `{part.status}`", hint="run the pieces to their end, then merge them")


# --- joining ------------------------------------------------------------------------------------------


def _joined_fields(parts: list[Result]) -> dict[str, Any]:
    found: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ALONG_LANES}
    found["results"] = tuple(_readings(parts))
    found["spikes"] = _spikes([part.spikes for part in parts], parts)
    found["events"] = {name: _spikes([part.events[name] for part in parts], parts) for name in parts[0].events}
    found["recordings"] = {name: _recording([p.recordings[name] for p in parts]) for name in parts[0].recordings}
    found["timing"] = {name: sum(part.timing.get(name, 0.0) for part in parts) for name in parts[0].timing}
    found["diagnostics"] = tuple(_findings(parts))
    first, *others = (part.extras for part in parts)
    found["extras"] = {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
    return found


def _recording(parts: list[Recording]) -> Recording:
    return replace(parts[0], values=np.concatenate([part.values for part in parts]))


def _spikes(parts: list[Spikes], of: list[Result]) -> Spikes:
    """Concatenated spikes, sorted by lane, time and neuron."""
    lanes = [spikes.lane + _piece(result).first_lane for spikes, result in zip(parts, of, strict=True)]
    t, i = (np.concatenate([getattr(spikes, name) for spikes in parts]) for name in ("t", "i"))
    return Spikes(t, i, np.concatenate(lanes))


def _findings(parts: list[Result]) -> Iterator[Diagnostic]:
    """The distinct diagnostics of all pieces."""
    told = set()
    for found in (diagnostic for part in parts for diagnostic in part.diagnostics):
        if (found.code, found.message) not in told:
            told.add((found.code, found.message))
            yield found


# --- readings -----------------------------------------------------------------------------------------


def _readings(parts: list[Result]) -> Iterator[Reading]:
    """The list of results: concatenated readings of RD, and recomputed ones of OUT."""
    traces = [_piece(part).trace for part in parts]
    emitted = outputs(replace(traces[0], values=np.concatenate([trace.values for trace in traces], axis=1)))
    for at, reading in enumerate(parts[0].results):
        values = [part.results[at].value for part in parts]
        yield replace(reading, value=_value(values, parts, emitted.get(at)))


def _value(values: list[Any], parts: list[Result], emitted: float | None) -> Any:
    if all(isinstance(value, Spikes) for value in values):
        return _spikes(values, parts)
    if all(isinstance(value, np.ndarray) for value in values):
        return np.concatenate(values)
    return values[0] if emitted is None else emitted


def outputs(trace: Trace) -> dict[int, float]:
    """Evaluate a trace with `values` of all lanes: the numbers of OUT, by index in the results."""
    numbers: list[float] = []
    constants, found = trace.constants, dict[int, float]()

    def number(operand: int) -> float:
        return numbers[operand] if operand >= 0 else constants[-1 - operand]

    for what, a, b in trace.steps.tolist():
        if what in COMBINED:
            numbers.append(COMBINED[what](trace.values[a]))
        elif what == OUT:
            found[b] = number(a)
            numbers.append(0.0)
        else:
            numbers.append(_ARITHMETIC[what](number(a), number(b)))
    return found
