"""Runs in pieces and sweeps over parameters and seeds: plans of jobs, executors, and merging to the bytes of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bioasm.isa.program import Program
    from bioasm.results import Result
    from bioasm.sweeps.plan import Plan, Point
    from bioasm.sweeps.run import Observer, Sweeper
    from bioasm.sweeps.store import Store
    from bioasm.sweeps.table import Columns


class Sweep:
    """The folder of a sweep: results and failures by point, and the table of all.

    `points` are in the order of the plan: settings in the order they were given, the seed changing fastest.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan, self.store, self.points = plan, store, list(plan.points())

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, at: int) -> Result:
        """The Result of a point, read from its file. Raises BioasmError B301 where it has none."""
        return self.store.load(self.points[at])

    @property
    def failures(self) -> dict[int, list[dict[str, Any]]]:
        """Findings of the jobs that failed, by the index of their point."""
        found = ((at, self.store.failure(job)) for at, point in enumerate(self.points) for job in point.jobs)
        return {at: failure for at, failure in found if failure is not None}

    @property
    def missing(self) -> list[Point]:
        """The points without a result."""
        return [point for point in self.points if not self.store.has(point)]

    @property
    def table(self) -> Columns:
        """Columns by name, a row for each point: settings, seed, status, energies, spikes, what OUT emitted, file."""
        from bioasm.sweeps.table import table

        return table(self.store, self.points)

    def to_pandas(self) -> Any:
        """The table as a pandas DataFrame. Raises BioasmError B312."""
        from bioasm.extras import require

        require("pandas", "table", "a DataFrame")
        import pandas as pd

        return pd.DataFrame(self.table)

    def save_table(self, known: Mapping[str, dict[str, Any]] | None = None) -> Path:
        """Write `table.csv` into the folder; `known` are numbers of results, by the names of points, that need not be read."""
        from bioasm.sweeps.table import table, to_csv

        return self.store.keep_table(to_csv(table(self.store, self.points, known or {})))


def sweep(
    program: Program | Path | str | bytes | Any,
    folder: Path | str,
    *,
    set: Mapping[str, Any] | None = None,
    seeds: int | Iterable[int] = 1,
    lanes: int = 1,
    pieces: int = 1,
    executor: str | Callable[[], Executor] = "processes",
    workers: int | None = None,
    data: Mapping[str, Any] | None = None,
    observer: Observer | None = None,
    **options: Any,
) -> Sweep:
    """Parameter sweep: run a program for each combination of settings and each seed, with results in a folder.

    `set` gives the values of each name: a list, or a text as on the command line (`"1:10:10"`). `seeds` is how many there are
    (0, 1, ...) or which. Each point has `lanes` lanes, split into `pieces` jobs. `executor` is a name (processes, dask:ADDRESS,
    slurm, submitit-local, mpi), or a function that makes a `concurrent.futures.Executor`. What is in the folder is not run
    again. `options` are `driver` and `fuel`. Raises BioasmError B604 if the folder is another sweep's, and for any error in
    the program; a job that fails is listed in `failures`.
    """
    from bioasm.api.arguments import mapping, whole
    from bioasm.sweeps.executors import factory
    from bioasm.sweeps.values import axes_of

    make = factory(executor, workers, Path(folder)) if isinstance(executor, str) else executor
    cut = {"lanes": whole("lanes", lanes), "pieces": whole("pieces", pieces)}
    plan = prepared(program, axes_of(mapping("set", set)), seeds, data, **cut, **options)
    return run_plan(plan, Path(folder), make, observer)


def run_plan(plan: Plan, folder: Path, make: Callable[[], Executor], observer: Observer | None = None) -> Sweep:
    """Run the missing jobs of a plan; the table is written in any case. `make` creates an executor."""
    from bioasm.diagnostics import BioasmError
    from bioasm.sweeps.run import Sweeper
    from bioasm.sweeps.store import Store

    store = Store(folder, plan)
    made = Sweep(plan, store)
    sweeper = Sweeper(plan, made.points, store, make, observer)
    try:
        sweeper.run()
    except BaseException:
        with suppress(BioasmError):  # report the original error, not that a full disk has no space for a table
            _save(made, sweeper)
        raise
    _save(made, sweeper)
    return made


def _save(made: Sweep, sweeper: Sweeper) -> None:
    if made.store.begun:
        made.save_table(sweeper.rows)


def prepared(
    program: Any,
    axes: Mapping[str, tuple[str, ...]],
    seeds: int | Iterable[int],
    data: Mapping[str, Any] | None = None,
    **options: Any,
) -> Plan:
    """The plan of a sweep, after all checks that are possible before its jobs run."""
    from bioasm.api.run import as_program
    from bioasm.binary.writer import to_bytes
    from bioasm.drivers.registry import find_driver
    from bioasm.runtime.options import RunOptions, check_options
    from bioasm.settings import verified_program
    from bioasm.sweeps.plan import Plan
    from bioasm.sweeps.together import apart, side_by_side

    this = as_program(program, data)
    chosen = _seeds(seeds)
    placed = any(instruction.span for instruction in this.instructions)
    plan = Plan(to_bytes(replace(this, has_spans=True) if placed else this), axes, chosen, **options)
    plan.check()
    first = {name: values[0] for name, values in axes.items()}
    verified, _ = verified_program(this, first)
    largest = -(-plan.lanes // plan.pieces)
    job = RunOptions(chosen[0], largest, fuel=plan.fuel, all_lanes=plan.lanes)
    check_options(job, verified.n)
    find_driver(plan.driver).check_lanes(verified, job)
    refusal = side_by_side(this, axes)
    if refusal:  # otherwise all values have been checked there
        for name, values in axes.items():
            for value in values[1:]:
                verified_program(this, {**first, name: value})
    return replace(plan, apart=apart(plan, this, find_driver(plan.driver).by_lane, refusal))


def _seeds(seeds: int | Iterable[int]) -> tuple[int, ...]:
    """Seeds from a count or a list. Raises BioasmError B406."""
    from bioasm.api.arguments import whole
    from bioasm.diagnostics import error
    from bioasm.sweeps.plan import MOST_JOBS

    if not isinstance(seeds, Iterable) and whole("seeds", seeds) > MOST_JOBS:
        raise error("B406", f"{seeds:,} seeds are more jobs than {MOST_JOBS:,}, the most of a sweep", exit_code=2)
    chosen = tuple(whole("a seed", seed) for seed in (seeds if isinstance(seeds, Iterable) else range(seeds)))
    if not chosen or not all(0 <= seed < 1 << 64 for seed in chosen) or len({*chosen}) < len(chosen):
        raise error("B406", "the seeds are whole numbers from 0 to 2**64 - 1, one at least, each once", exit_code=2)
    return chosen
