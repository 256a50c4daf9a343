"""The resumable folder of a sweep: a plan, a file for each finished job, and failures.

`sweep.json` is the plan and `program.bbc` the program; `results/NAME.npz` is the result of each point, `pieces/NAME.npz` that
of a piece until its point is merged, `failed/NAME.json` why a job failed and `failed/NAME.npz` what it had computed. Files are
written atomically. All but `log.csv`, the seconds of each job, is independent of the executor and the order of jobs.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from bioasm.diagnostics import BioasmError, error
from bioasm.files import unreadable, unwritable, whole
from bioasm.results import Result
from bioasm.results.reading import load
from bioasm.sweeps.merge import merge
from bioasm.sweeps.plan import Job, Plan, Point
from bioasm.sweeps.worker import content

ABOUT, PROGRAM, LOG, TABLE = "sweep.json", "program.bbc", "log.csv", "table.csv"
FOLDERS = ("results", "pieces", "failed")


class Store:
    """The folder of one sweep."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        """A new folder, or one of the same sweep. Raises BioasmError B604 for another's, B302, B301."""
        self.folder, self.plan = folder, plan
        check_folder(folder, plan)

    @property
    def begun(self) -> bool:
        """Whether the folder exists."""
        return (self.folder / ABOUT).is_file()

    def begin(self) -> None:
        """Create the folder, or its missing parts. Raises BioasmError B302 where it can't be written."""
        self._make(self.folder)
        self._write(self.folder / ABOUT, _told(self.plan).encode())  # first, to recognise the folder after a crash
        self._write(self.folder / PROGRAM, self.plan.program)
        for name in FOLDERS:
            self._make(self.folder / name)

    def result(self, point: Point) -> Path:
        """The path of a point's result."""
        return self.folder / "results" / f"{point.name}.npz"

    def has(self, point: Point) -> bool:
        """Whether a point has a result; False where the folder can't be read."""
        return os.path.exists(self.result(point))

    def missing(self, point: Point) -> list[Job]:
        """The unfinished jobs of a point."""
        return [] if self.has(point) else [job for job in point.jobs if not os.path.exists(self._place(job))]

    def keep(self, job: Job, npz: bytes) -> None:
        """Write the result of a job, replacing an earlier failure."""
        self._write(self._place(job), npz)
        self._forget_failure(job)

    def fail(self, job: Job, findings: list[dict[str, Any]], npz: bytes = b"") -> None:
        """Write the findings of a failed job, and its partial result."""
        place = self._failed(job)
        self._write(place, (json.dumps({**job.about(), "findings": findings}, indent=1) + "\n").encode())
        if npz:
            self._write(place.with_suffix(".npz"), npz)

    def join(self, point: Point) -> Result | None:
        """Merge the pieces of a point once complete, then delete them. Raises BioasmError B602 where they don't fit."""
        if len(point.jobs) == 1:
            return None
        places = [self._place(job) for job in point.jobs]
        whole: Result | None = None
        if not self.has(point) and all(map(os.path.exists, places)):
            whole = merge([_loaded(place) for place in places], [p.name for p in places])
            self._write(self.result(point), content(whole))
        if self.has(point):
            for place, job in zip(places, point.jobs, strict=True):
                _delete(place)
                self._forget_failure(job)
        return whole

    def keep_table(self, csv: bytes) -> Path:
        """Write the table if it differs from that in the folder; returns its path. Raises BioasmError B302."""
        path = self.folder / TABLE
        if not _holds(path, csv):
            self._write(path, csv)
        return path

    def failure(self, job: Job) -> list[dict[str, Any]] | None:
        """The findings of a failed job, else None."""
        place = self._failed(job)
        if not os.path.exists(place):
            return None
        try:
            return list(json.loads(place.read_text(encoding="utf-8"))["findings"])
        except (OSError, ValueError, KeyError, TypeError):
            return [{"code": "B604", "message": f"{place} can't be read"}]

    def load(self, point: Point) -> Result:
        """The result of a point. Raises BioasmError B301, B313 for a missing or damaged one."""
        return _loaded(self.result(point))

    def log(self, job: Job, seconds: float) -> None:
        """Log the time of a job."""
        path = self.folder / LOG
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"{job.name},{seconds:.3f}\n")
        except OSError as cause:
            raise unwritable(path, cause) from cause

    def _place(self, job: Job) -> Path:
        return self.folder / ("pieces" if job.is_piece else "results") / f"{job.name}.npz"

    def _failed(self, job: Job) -> Path:
        return self.folder / "failed" / f"{job.name}.json"

    def _forget_failure(self, job: Job) -> None:
        for suffix in (".json", ".npz"):
            _delete(self._failed(job).with_suffix(suffix))

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError(0, "it is only to be read")
        except OSError as cause:
            raise unwritable(folder, cause) from cause

    def _write(self, path: Path, data: bytes) -> None:
        with whole(path) as stream:
            stream.write(data)


def _delete(path: Path) -> None:
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
    except OSError as cause:
        raise unwritable(path, cause) from cause


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.is_file() and path.read_bytes() == data
    except OSError:
        return False


def _loaded(place: Path) -> Result:
    """The Result in a file; the error of a damaged one has a hint how to replace it."""
    try:
        return load(place)
    except BioasmError as bad:
        hint = "without that file the same command runs its job again" if place.exists() else None
        raise BioasmError(*(replace(one, hint=one.hint or hint) for one in bad.diagnostics)) from bad


def is_sweep(path: str) -> bool:
    """Whether a path is the folder of a sweep."""
    return (Path(path) / ABOUT).is_file()


def results_in(folder: Path) -> set[str]:
    """The names of points that have a result in the folder of a sweep."""
    try:
        return {name.removesuffix(".npz") for name in os.listdir(folder / "results")}
    except FileNotFoundError:
        return set()
    except OSError as cause:
        raise unreadable(folder / "results", cause) from cause


def check_folder(folder: Path, plan: Plan) -> None:
    """Refuse a folder with other content than this sweep. Raises BioasmError B604, B302."""
    about = folder / ABOUT
    try:
        if about.exists():
            if about.read_text(encoding="utf-8", errors="replace") != _told(plan):
                raise error("B604", f"{folder} is the folder of another sweep", hint=_differing(about, plan))
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise error("B604", f"{folder} is there already, and no folder of a sweep")
    except OSError as cause:
        raise unwritable(folder, cause) from cause


def _told(plan: Plan) -> str:
    return json.dumps(plan.about(), indent=1) + "\n"


def _differing(about: Path, plan: Plan) -> str:
    """The differing parts of two plans, in words."""
    try:
        old = json.loads(about.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "its sweep.json is damaged"
    parts = [name for name, value in plan.about().items() if not isinstance(old, dict) or old.get(name) != value]
    return f"it has another {', '.join(parts) or 'form'}; take a new folder"
