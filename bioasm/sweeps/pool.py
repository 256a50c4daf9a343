"""Process pool of a sweep: forked, where that is safe, from a server process that has imported the modules of jobs.

Imports take a worker longer than a short job. So workers are forked from a process without threads (the fork server of
`multiprocessing`), which imports once, while this process still reads and checks the program. On macOS, whose libraries may
start threads when they are loaded, and on Windows, each worker starts anew. None imports the main module of this process:
jobs need nothing of it, and a script without a guard would begin its sweep again in each.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from bioasm.memory import processors

_FORKS = "forkserver" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"
_IMPORTED = (
    "bioasm.sweeps.worker",
    "bioasm.binary.reader",
    "bioasm.drivers.cpu",
    "bioasm.models.store",
    "bioasm.morphology.volumes",
    "bioasm.results.content",
    "bioasm.results.files",
    "bioasm.results.json",
    "bioasm.vm.kernel_cache",
    "llvmlite.binding",
)

_stop: Any = None  # event by which the parent process asks runs to end


class Processes:
    """Factory of process pools; a new one replaces a pool with a dead process."""

    def __init__(self, workers: int | None) -> None:
        self.workers = workers or processors()
        self.context = multiprocessing.get_context("forkserver" if _FORKS else "spawn")
        self.stop = self.context.Event()
        if _FORKS:
            self._start_server()

    def __call__(self) -> Executor:
        """Start the pool."""
        return _Pool(self.workers, self.context, begin, (self.stop, dict(os.environ)))

    def _start_server(self) -> None:
        """Start the fork server with its imports, unless it runs already."""
        from multiprocessing import forkserver

        self.context.set_forkserver_preload(list(_IMPORTED))
        with _no_interrupt(), _path_of_this_process():
            forkserver.ensure_running()


class _Pool(ProcessPoolExecutor):
    """A process pool shielded from Ctrl-C of the terminal, also while processes start."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a job, and start a process for it if needed."""
        with _no_interrupt(), _no_main_module():
            return super().submit(function, *args, **kwargs)


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Context manager: block SIGINT, which processes started meanwhile inherit."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _no_main_module() -> Iterator[None]:
    """Context manager: hide the main module from processes started meanwhile."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _path_of_this_process() -> Iterator[None]:
    """Context manager: pass this process's module search path to processes started meanwhile.

    It would look into the present folder first, where a file of the user may have the name of a module that is imported.
    """
    path = os.pathsep.join(part or os.getcwd() for part in sys.path)
    before = {name: os.environ.get(name) for name in ("PYTHONSAFEPATH", "PYTHONPATH")}
    os.environ.update(PYTHONSAFEPATH="1", PYTHONPATH=path)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


# --- in a process of the pool -------------------------------------------------------------------------


def begin(stop: Any, environment: dict[str, str]) -> None:
    """Initialiser of a pool process: SIGINT is ignored, and the parent asks runs to end by an event.

    A watchdog ends the process after its parent was killed. The environment is set, because a forked process has that of its
    server, perhaps of an earlier sweep.
    """
    global _stop
    _stop = stop
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def asked_to_stop() -> bool:
    """Whether the parent process asked runs to end."""
    return _stop is not None and bool(_stop.is_set())


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
