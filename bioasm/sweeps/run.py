"""Scheduler of a plan on any executor: jobs in flight, retries after dead processes, failures, and resumable shutdown."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import Any, NamedTuple

from bioasm.diagnostics import BioasmError
from bioasm.diagnostics.render import to_object
from bioasm.sweeps.merge import ENDED_ALIKE
from bioasm.sweeps.numbers import numbers
from bioasm.sweeps.plan import Job, Plan, Point, Task
from bioasm.sweeps.store import Store
from bioasm.sweeps.worker import pack, run_task, unpacked

_IN_FLIGHT = 64  # most tasks submitted at a time, which bounds memory
_DEATHS = 3  # deaths of a process that ran a job alone after which the job counts as failed
_LOOK = 0.1  # s between checks whether the user asked to stop


class State(NamedTuple):
    """Progress of a sweep: jobs in all, done before, done now and failed, and seconds since it began."""

    jobs: int
    before: int
    done: int
    failed: int
    seconds: float


Observer = Callable[[State], bool]  # False asks the sweep to stop


class Sweeper:
    """Runs the missing jobs of a plan. `make` creates an executor, and another after a process died."""

    def __init__(
        self, plan: Plan, points: Sequence[Point], store: Store, make: Callable[[], Executor], observer: Observer | None = None
    ) -> None:
        self.plan, self.points, self.store, self.make, self.observer = plan, points, store, make, observer
        self.point_of: dict[str, Point] = {job.name: point for point in points for job in point.jobs}
        self.todo = deque(plan.tasks(points, store.missing, getattr(make, "workers", 1)))
        self.before = len(self.point_of) - sum(map(len, self.todo))
        # Suspects: in flight when a process died; they run alone, to find the culprit.
        self.suspects: deque[Job] = deque()
        self.deaths: dict[str, int] = {}
        self.done, self.failed, self.began = 0, 0, time.monotonic()
        self.rows: dict[str, dict[str, Any]] = {}  # the table's numbers of this run's results, by the names of points

    def run(self) -> bool:
        """Run all missing jobs; False where the observer stopped it. Ctrl-C shuts the executor down, and is raised again.

        The folder is created after the executor.
        """
        for point in self.points:
            self._join(point)  # an earlier process may have ended between the last piece and the merge
        while self.todo or self.suspects:
            executor = self.make()
            try:
                self.store.begin()
                if not self._on(executor):
                    self._leave(executor)
                    return False
            except BrokenExecutor:
                _end(executor, wait=False)
            except BaseException:
                self._leave(executor)
                raise
            else:
                executor.shutdown()
        return True

    def _leave(self, executor: Executor) -> None:
        stop = getattr(self.make, "stop", None)
        if stop is not None:
            stop.set()
        _end(executor, wait=stop is not None)

    def _on(self, executor: Executor) -> bool:
        """Run all jobs on one executor. Raises BrokenExecutor where a process of it died."""
        flight: dict[Future[bytes], Task] = {}
        if not self._warm(executor):
            return False
        while flight or self.todo or self.suspects:
            self._submit(executor, flight)
            ended, _ = wait(flight, _LOOK, FIRST_COMPLETED)
            broken = [future for future in ended if isinstance(_fault(future), BrokenExecutor)]
            for future in ended:
                if future not in broken:
                    self._take(flight.pop(future), future)
            if broken:
                self._blame(job for task in flight.values() for job in task)
                raise BrokenExecutor
            if not self._goes_on():
                return False
        return True

    def _warm(self, executor: Executor) -> bool:
        """Warm-up: one worker compiles the kernels that most jobs share."""
        task = (self.suspects[0],) if self.suspects else self.todo[0]
        future = executor.submit(run_task, pack(self.plan, task, warm=True))
        while not wait([future], _LOOK).done:
            if not self._goes_on():
                return False
        return True

    def _submit(self, executor: Executor, flight: dict[Future[bytes], Task]) -> None:
        if self.suspects:
            if not flight:
                self._send(executor, flight, (self.suspects.popleft(),))
            return
        while self.todo and len(flight) < _IN_FLIGHT:
            self._send(executor, flight, self.todo.popleft())

    def _send(self, executor: Executor, flight: dict[Future[bytes], Task], task: Task) -> None:
        try:
            flight[executor.submit(run_task, pack(self.plan, task))] = task
        except BrokenExecutor:
            self._blame(job for one in (*flight.values(), task) for job in one)
            raise

    def _blame(self, jobs: Iterable[Job]) -> None:
        """After a process died: queue the jobs in flight as suspects; a job that ran on its own is charged with the death.

        A job that is charged `_DEATHS` times has failed.
        """
        found = list(jobs)
        for job in found:
            self.deaths[job.name] = self.deaths.get(job.name, 0) + (len(found) == 1)
            if self.deaths[job.name] >= _DEATHS:
                text = f"the process that ran it died {_DEATHS} times; perhaps the memory did not suffice"
                self._fail(job, [{"code": "B605", "severity": "error", "message": text}])
            else:
                self.suspects.append(job)

    # --- what comes back ------------------------------------------------------------------------------

    def _take(self, task: Task, future: Future[bytes]) -> None:
        fault = _fault(future)
        if fault is not None:
            text = f"the executor lost it: {type(fault).__name__}: {fault}"
            for job in task:
                self._fail(job, [{"code": "B605", "severity": "error", "message": text}])
            return
        for job, (told, npz) in zip(task, unpacked(future.result()), strict=True):
            if told["status"] in ENDED_ALIKE:
                self._keep(job, npz, told)
            elif told["status"] != "interrupted":
                self._fail(job, told["findings"], npz)

    def _keep(self, job: Job, npz: bytes, told: dict[str, Any]) -> None:
        self.store.keep(job, npz)
        self.store.log(job, told["seconds"])
        self.done += 1
        if not job.is_piece:
            self.rows[job.name] = told["numbers"]
        self._join(self.point_of[job.name])

    def _join(self, point: Point) -> None:
        """Merge a point that is complete; pieces that don't fit together, as of other versions of packages, are a failure."""
        try:
            whole = self.store.join(point)
            if whole is not None:
                self.rows[point.name] = numbers(whole)
        except BioasmError as refused:
            self._fail(point.jobs[0], [to_object(one) for one in refused.diagnostics])

    def _fail(self, job: Job, findings: list[dict[str, Any]], npz: bytes = b"") -> None:
        self.failed += 1
        self.store.fail(job, findings, npz)

    def _goes_on(self) -> bool:
        seconds = time.monotonic() - self.began
        state = State(len(self.point_of), self.before, self.done, self.failed, seconds)
        return self.observer is None or self.observer(state)


def _end(executor: Executor, *, wait: bool) -> None:
    """Shut an executor down while jobs are running."""
    try:
        executor.shutdown(wait=wait, cancel_futures=True)
    except TypeError:  # Dask's has no such option, and cancels jobs where it does not wait for them
        executor.shutdown(wait=False)


def _fault(future: Future[bytes]) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError as cancelled:
        return cancelled
