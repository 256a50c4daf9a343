"""`bioasm sweep`: runs a program for many values, seeds and lanes on an executor, into a folder that goes on."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bioasm.cli import common
from bioasm.diagnostics import EXIT_FAULT, EXIT_INTERRUPTED

if TYPE_CHECKING:
    from bioasm.sweeps import Sweep
    from bioasm.sweeps.plan import Plan
    from bioasm.sweeps.run import State

_BETWEEN_LINES = 0.2  # s
_SHOWN = 5  # failures that are told


@common.command(
    "sweep",
    examples="""
        bioasm sweep problem.basm --set T0=1:10:10 --seeds 32 --lanes 64 -o folder
        bioasm sweep lif.basm --set I=0.3nA,0.4nA,0.5nA --set sigma=1:3:5mV -o folder
        bioasm sweep problem.basm --lanes 4096 --pieces 8 --executor slurm -o folder
        bioasm sweep problem.basm --executor dask:tcp://10.0.0.1:8786 -o folder
    """,
    exits={1: "the program is at fault, or a job failed", 130: "interrupted; the same command goes on"},
)
@common.program_argument
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUES", help="Values of a constant or parameter: START:STOP:COUNT, or a list with commas, with units. Several make a grid.")  # noqa: E501  # fmt: skip
@click.option("--seeds", type=click.IntRange(1, 1 << 20), metavar="N", default=1, show_default=True, help="How many seeds each combination is run with, from --seed on.")  # noqa: E501  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**63), metavar="N", default=0, show_default=True, help="The first seed.")
@click.option("--lanes", type=click.IntRange(1, 1 << 24), metavar="L", default=1, show_default=True, help="Lanes of each.")
@click.option("--pieces", type=click.IntRange(1), metavar="K", default=1, show_default=True, help="Cut the lanes of each into so many jobs.")  # noqa: E501  # fmt: skip
@click.option("--driver", metavar="NAME", default="cpu", show_default=True, help="What runs it; see `bioasm drivers`.")
@click.option("--fuel", type=common.FUEL, metavar="N", help="Bound on instructions plus steps of each job.")
@click.option("--executor", metavar="NAME", default="processes", show_default=True, help="processes, dask:ADDRESS, slurm, submitit-local or mpi.")  # noqa: E501  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 1 << 12), metavar="N", help="Processes; by default one for each processor.")
@click.option("-o", "--output", "folder", metavar="FOLDER", required=True, help="Where results go; what is there is not run again.")  # noqa: E501  # fmt: skip
@click.option("--plan", "only_plan", is_flag=True, help="Tell what would be run, and how, and run nothing.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def command(path: str, folder: str, settings: tuple[str, ...], quiet: bool, **wanted: Any) -> int:
    """Run PROGRAM for each combination of values and each seed, a result file each, and a table of all.

    A folder that was left half done goes on with the same command.
    """
    from bioasm.sweeps.executors import factory

    if folder == common.STDIO:
        raise click.UsageError("a sweep is written into a folder")
    # First of all, for workers import what jobs need while the program is read.
    make = None if wanted["only_plan"] else factory(wanted["executor"], wanted["workers"], Path(folder))
    from bioasm.runtime.options import DEFAULT_FUEL
    from bioasm.sweeps import prepared, run_plan
    from bioasm.sweeps.values import axes

    seeds = range(wanted["seed"], wanted["seed"] + wanted["seeds"])
    given = {name: wanted[name] for name in ("lanes", "pieces", "driver")}
    plan = prepared(common.load(path, debug=True), axes(settings), seeds, **given, fuel=wanted["fuel"] or DEFAULT_FUEL)
    if make is None:
        sys.stdout.write(_planned(plan, Path(folder)))
        return 0
    line = _Line(show=not quiet and common.is_terminal(sys.stderr))
    try:
        with _signals():
            made = run_plan(plan, Path(folder), make, line)
    except KeyboardInterrupt:
        sys.stderr.write(f"{line.erased()}interrupted; the same command goes on\n")
        return EXIT_INTERRUPTED
    sys.stderr.write(line.erased())
    return _told(made, Path(folder))


def _planned(plan: Plan, folder: Path) -> str:
    """The plan of a sweep in words: its grid, the points that are there, and how many are lanes of one run."""
    from bioasm.sweeps.store import check_folder, results_in

    check_folder(folder, plan)
    there = results_in(folder)
    done = sum(point.name in there for point in plan.points()) if there else 0
    grid = " x ".join([*(f"{len(values)} {name}" for name, values in plan.axes.items()), _counted(len(plan.seeds), "seed")])
    how = (
        f"a run for each point: {plan.apart}" if plan.apart else f"up to {plan.together} points of a seed are lanes of one run"
    )
    return f"{grid}: {_counted(plan.count, 'point')}, {done} of them in {folder}\n{how}\n"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count != 1 else "")


def _told(made: Sweep, folder: Path) -> int:
    """Print the numbers of points done and failed; returns the exit code."""
    failures, missing = made.failures, len(made.missing)
    sys.stdout.write(f"{len(made) - missing} of {len(made)} points in {folder}, a row each in {folder / 'table.csv'}\n")
    for at, findings in list(failures.items())[:_SHOWN]:
        point = made.points[at]
        where = ", ".join([*(f"{name}={value}" for name, value in point.settings), f"seed {point.seed}"])
        sys.stderr.write(f"{where}: {findings[0]['code']}: {findings[0]['message']}\n")
    if failures:
        sys.stderr.write(f"{len(failures)} of {len(made)} points failed; {folder / 'failed'} tells why\n")
    return EXIT_FAULT if missing else 0


class _Line:
    """A line of progress on a terminal."""

    def __init__(self, show: bool) -> None:
        self.show, self.shown_at = show, 0.0

    def __call__(self, state: State) -> bool:
        now = time.monotonic()
        if self.show and now - self.shown_at >= _BETWEEN_LINES:
            self.shown_at = now
            with suppress(OSError):
                sys.stderr.write(self.erased() + _words(state))
                sys.stderr.flush()
        return True

    def erased(self) -> str:
        """The control sequence that erases the line; empty where none is shown."""
        return "\r\x1b[K" if self.show else ""


def _words(state: State) -> str:
    from bioasm.cli.watch import clock

    ended = state.before + state.done + state.failed
    now = state.done + state.failed
    left = f", {clock(state.seconds / now * (state.jobs - ended))} left" if now else ""
    failed = f", {state.failed} failed" if state.failed else ""
    return f"job {ended} of {state.jobs}{failed}{left}"


@contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end a sweep as Ctrl-C does."""
    from bioasm.cli.signals import heeded

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in heeded()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
