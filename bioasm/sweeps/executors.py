"""Executors of a sweep: processes of this machine, Dask, Slurm and MPI, each as a `concurrent.futures.Executor`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from bioasm.diagnostics import EXIT_USAGE, error
from bioasm.extras import installed, require
from bioasm.sweeps.pool import Processes

FORMS = "processes, dask:ADDRESS, slurm, submitit-local or mpi"
_RETRIES = 3
_POLL = 0.2  # s between polls of a queue's jobs


class Submitit(Executor):
    """Jobs of submitit, a library for Slurm, as futures."""

    def __init__(self, cluster: str, folder: Path) -> None:
        """An executor whose queue keeps its files in a folder. Raises BioasmError B406 for an unavailable queue."""
        with _takes_jobs():
            self.jobs = import_module("submitit").AutoExecutor(str(folder), cluster=cluster)
        self.waiting: dict[Future[Any], Any] = {}
        self.closed, self.lock = False, threading.Lock()
        threading.Thread(target=self._follow, daemon=True).start()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a job to the queue. Raises BioasmError B406 where it is refused."""
        future: Future[Any] = Future()
        with self.lock, _takes_jobs():
            self.waiting[future] = self.jobs.submit(function, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shut down; unfinished jobs are removed from the queue."""
        self.closed = True
        with self.lock:
            for job in self.waiting.values():
                job.cancel(check=False)

    def _follow(self) -> None:
        while not self.closed:
            with self.lock:
                ended = [future for future, job in self.waiting.items() if job.done()]
                jobs = [(future, self.waiting.pop(future)) for future in ended]
            for future, job in jobs:
                if future.set_running_or_notify_cancel():
                    fault = job.exception()
                    future.set_result(job.result()) if fault is None else future.set_exception(fault)
            time.sleep(_POLL)


@contextmanager
def _takes_jobs() -> Iterator[None]:
    """Context manager: errors of submission as a one-line BioasmError."""
    try:
        yield
    except (OSError, RuntimeError) as cause:
        raise error("B406", f"the queue takes no jobs: {cause}", hint="is Slurm set up on this machine?") from cause


class Dask(Executor):
    """Executor on the workers of a Dask scheduler, with a client that is closed at the end."""

    def __init__(self, address: str) -> None:
        """Connect. Raises BioasmError B406 where no scheduler answers."""
        try:
            self.client = import_module("distributed").Client(address, timeout=10)
        except (OSError, ValueError) as cause:
            raise error("B406", f"no Dask scheduler answers at {address}: {cause}") from None
        self.jobs: Executor = self.client.get_executor(retries=_RETRIES)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a job to the scheduler."""
        return self.jobs.submit(function, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Close the client, after jobs that run with `wait`; the scheduler then cancels those whose futures are gone."""
        if wait:
            self.jobs.shutdown()
        self.client.close()


def factory(name: str, workers: int | None, folder: Path) -> Callable[[], Executor]:
    """The factory of the executor with that name, for a sweep into a folder. Raises BioasmError B406, B312."""
    kind, _, where = name.partition(":")
    if name == "processes":
        return Processes(workers)
    if kind == "dask" and where:
        require("distributed", "dask", "the executor dask")
        return lambda: Dask(where)
    if name in ("slurm", "submitit-local"):
        require("submitit", "slurm", "the executor slurm")
        return lambda: Submitit("slurm" if name == "slurm" else "local", folder / "queue")
    if name == "mpi":
        if not installed("mpi4py"):
            text, hint = "the executor mpi needs mpi4py, which is not installed", "pip install mpi4py"
            raise error("B312", text, hint=hint, exit_code=EXIT_USAGE)
        return _mpi
    raise error("B406", f"there is no executor {name!r}", hint=f"it is {FORMS}", exit_code=EXIT_USAGE)


def _mpi() -> Executor:
    made: Executor = import_module("mpi4py.futures").MPIPoolExecutor()
    return made
