"""Measurement of the time to target (TTS) of a program over seeds and lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bioasm.isa.program import Instruction, Name, Program
from bioasm.isa.rewrite import with_inserted
from bioasm.isa.table import BY_MNEMONIC
from bioasm.results.success import Tries, first_hits, tolerance

if TYPE_CHECKING:
    from bioasm.drivers import Driver, RunOptions
    from bioasm.results import Result

_MOVES = {"MERGE", "BLK"}  # instructions whose energies are not in the trace
_WATCHED = ("steps", "best_energy")  # readings inserted after each of them


def time_to_target(program: Program, driver: Driver, target: float, seeds: Sequence[int], options: RunOptions) -> Tries:
    """Run a program with each seed, and tell when each lane first had an energy of at most `target`.

    That is the first such entry of the energy trace, or the first MERGE or BLK after which the best state had it; where only
    the final best energy tells that a lane got there, it counts at the end. Raises BioasmError.
    """
    from bioasm.verifier.gate import verify

    verified = verify(watched(program), options.parameters)
    runs = [_tries_of(driver.run(verified, replace(options, seed=seed)), target) for seed in seeds]
    hits = np.concatenate([run.hits for run in runs])
    return Tries(hits, max(run.end for run in runs), runs[0].unit, sum(run.seconds for run in runs) / len(runs))


def _tries_of(result: Result, target: float) -> Tries:
    """The tries of one run, without its possibly large Result."""
    return Tries(hits_of(result, target), result.time, result.clock_unit, result.timing.get("run", 0.0) / result.lanes)


def watched(program: Program) -> Program:
    """The program with readings of the time and the best energy after each MERGE and BLK."""
    reads = [Instruction(BY_MNEMONIC["RD"], (Name(what),)) for what in _WATCHED]
    after = [index + 1 for index, one in enumerate(program.instructions) if one.row.mnemonic in _MOVES]
    return with_inserted(program, after, reads)


def hits_of(result: Result, target: float) -> Any:
    """When each lane of a run first had an energy of at most `target`, (lanes,)."""
    limit = target + float(tolerance(np.asarray(target)))
    hits = first_hits(result, target)
    for one, other in zip(result.results, result.results[1:], strict=False):
        if (one.what, other.what) == _WATCHED:
            seen = np.asarray(other.value) <= limit
            hits = np.where(seen, np.minimum(hits, float(np.asarray(one.value)) * result.seconds_per_step), hits)
    return np.where((result.best_energy <= limit) & np.isinf(hits), result.time, hits)
