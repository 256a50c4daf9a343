"""Solve a problem: one call from an object to a Result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bioasm.api import arguments
from bioasm.api.problem import Problem, build
from bioasm.api.run import named, run
from bioasm.problems.write import Effort

if TYPE_CHECKING:
    from bioasm.drivers import Observer
    from bioasm.results import Result


def solve(
    problem: Any,
    *,
    maximize: bool = False,
    time_limit: float | None = None,
    target: float | None = None,
    lanes: int = 8,
    reduce: bool = False,
    seed: int | None = None,
    set: Mapping[str, str | float] | None = None,
    observer: Observer | None = None,
    **options: Any,
) -> Result:
    """Anneal spins on a problem and return the Result.

    `problem` is anything that `Problem.of` accepts. Without a limit the spins of each of `lanes` lanes are annealed
    once, with the schedule that `bioasm import` writes; its constants (`sweeps`, `T0`, ...) can be `set`. With
    `time_limit` (seconds) or `target` they are annealed repeatedly, each time twice as long, until the time is over or
    the objective is `target` or better: no larger, or, if it is maximised, no smaller. With `reduce`, spins with at
    most three neighbours are eliminated exactly before, as `bioasm import --reduce` does; the Result has all of them.
    In any case `result["best_energy"]`, `["best_state"]` and, if it is maximised, `["objective"]` (for a graph
    `["cut"]`) are present. The Result has the names of the variables; its energies are the problem's, offset included,
    and if it is maximised (also the cut of a graph) minus its objective.
    """
    found = Problem.of(problem, maximize=maximize)
    target = None if target is None else arguments.real("target", target)
    again = time_limit is not None or target is not None
    lowest = -target if target is not None and found.maximizes else target
    program = build(found, "ising", Effort(again=again, reduce=reduce))
    given: dict[str, Any] = {"trace": not again, "time_limit": time_limit, "target": lowest, **options}
    result = run(program, lanes=lanes, seed=seed, set=set, observer=observer, **given)
    return _read(named(result, found.names), found.account.emits_negated)


def _read(result: Result, objective: str | None) -> Result:
    """The Result with what the program reads at its end, where the run was ended before it."""
    from bioasm.results import Reading

    lowest = float(np.fmin.reduce(result.best_energy, initial=np.inf))
    if result.results or not np.isfinite(lowest):
        return result
    own = [Reading(objective, -lowest)] if objective else []
    read = (Reading("best_energy", result.best_energy), Reading("best_state", result.best_state), *own)
    return replace(result, results=read)
