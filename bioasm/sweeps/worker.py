"""The worker of a sweep: from a task in bytes to its outcome in bytes, without pickling; verified programs are memoised.

A task is a line of JSON, with one job or several that share a run, and the program's bytecode; an outcome is a line of JSON
with an entry for each job, and the concatenated .npz files of their results.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.diagnostics.render import to_object
from bioasm.drivers import Progress, RunOptions
from bioasm.results import Result
from bioasm.runtime.options import LaneSpan
from bioasm.sweeps.numbers import numbers
from bioasm.sweeps.plan import Plan, Task
from bioasm.sweeps.pool import asked_to_stop
from bioasm.verifier.gate import Verified

_MOST_PROGRAMS = 64  # most memoised verified programs


def pack(plan: Plan, task: Task, *, warm: bool = False) -> bytes:
    """Serialise a task. With `warm` it ends once its kernels are compiled and cached on that machine."""
    settings = [dict(job.settings) for job in task]
    asked = {**task[0].about(), "settings": settings, "driver": plan.driver, "fuel": plan.fuel, "warm": warm}
    return json.dumps(asked).encode() + b"\n" + plan.program


def run_task(task: bytes) -> bytes:
    """Run a task's jobs, several in one run; returns their outcomes, including all errors."""
    began = time.perf_counter()
    head, _, program = task.partition(b"\n")
    asked = json.loads(head)
    points = asked["settings"]
    results = _together(asked, program) if len(points) > 1 else None
    if results is not None:
        outcomes = [_outcome(result, ()) for result in results]
    else:
        outcomes = [_alone({**asked, "settings": point}, program) for point in points]
    seconds = (time.perf_counter() - began) / len(points)
    told = [{**head, "seconds": seconds, "bytes": len(npz)} for head, npz in outcomes]
    return b"".join([json.dumps(told).encode(), b"\n", *(npz for _, npz in outcomes)])


def unpacked(outcome: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Deserialise a task's outcome: the head of each job, and the .npz file of its result, if any."""
    head, _, rest = outcome.partition(b"\n")
    at = 0
    for told in json.loads(head):
        yield told, rest[at : at + told["bytes"]]
        at += told["bytes"]


def _alone(asked: dict[str, Any], program: bytes) -> tuple[dict[str, Any], bytes]:
    """The outcome of one job."""
    result: Result | None
    found: tuple[Diagnostic, ...] = ()
    try:
        result = _run(asked, program)
    except BioasmError as fault:
        result, found = fault.partial, fault.diagnostics
    except Exception as cause:  # noqa: BLE001  (a defect costs its job, not the sweep)
        result, found = None, (Diagnostic("B901", f"internal error: {type(cause).__name__}: {cause}"),)
    return _outcome(result, found)


def _outcome(result: Result | None, found: tuple[Diagnostic, ...]) -> tuple[dict[str, Any], bytes]:
    status = result.status if result is not None and not found else "failed"
    told: dict[str, Any] = {"status": status, "findings": [to_object(one) for one in found]}
    return (told, b"") if result is None else ({**told, "numbers": numbers(result)}, content(result))


def _together(asked: dict[str, Any], program: bytes) -> list[Result] | None:
    """The Results of several points as lanes of one run; None where each must run alone."""
    from bioasm.binary.reader import from_bytes
    from bioasm.drivers.registry import find_driver
    from bioasm.sweeps.together import Part, in_parts, settings_of

    points, (_, lanes, _) = asked["settings"], asked["lanes"]
    try:
        parts = [Part(*_prepared(program, tuple(point.items()))) for point in points]
        chosen = settings_of(from_bytes(program, source="<sweep>"), points, lanes)
        options = RunOptions(
            asked["seed"], len(points) * lanes, threads=1, fuel=asked["fuel"], copies=len(points),
            lane_constants=chosen.by_lane.constants, lane_parameters=chosen.by_lane.parameters,
        )  # fmt: skip
        with find_driver(asked["driver"])() as driver:
            whole = driver.run(chosen.verified, options, lambda progress: _goes_on(progress, warm=asked["warm"]))
    except Exception:  # noqa: BLE001  (perhaps the fault of one point, or of so many lanes; what is wrong each point will tell)
        return None
    if whole.status == "interrupted":
        return [whole] * len(points)
    return in_parts(whole, chosen.verified, parts, options)


def content(result: Result) -> bytes:
    """The reproducible .npz file of a Result, without its timing."""
    from bioasm.results.files import write_npz

    stream = io.BytesIO()
    write_npz(replace(result, timing={}), stream)
    return stream.getvalue()


def _run(asked: dict[str, Any], program: bytes) -> Result:
    from bioasm.drivers.registry import find_driver

    verified, parameters = _prepared(program, tuple(asked["settings"].items()))
    span = LaneSpan(*asked["lanes"])
    options = RunOptions(asked["seed"], threads=1, fuel=asked["fuel"], parameters=parameters, **span.options)
    with find_driver(asked["driver"])() as driver:
        return driver.run(verified, options, lambda progress: _goes_on(progress, warm=asked["warm"]))


def _goes_on(progress: Progress, *, warm: bool) -> bool:
    if asked_to_stop():
        return False
    return not warm or bool(progress.message) or progress.steps == 0


@lru_cache(_MOST_PROGRAMS)
def _prepared(program: bytes, settings: tuple[tuple[str, str], ...]) -> tuple[Verified, dict[str, float]]:
    """The verified program of a job, memoised for jobs with other seeds and lanes."""
    from bioasm.binary.reader import from_bytes
    from bioasm.settings import verified_program

    return verified_program(from_bytes(program, source="<sweep>"), dict(settings))
