"""The options of a run, what an observer is told, and the one check of options before anything is allocated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bioasm.diagnostics import error
from bioasm.isa.limits import limit

if TYPE_CHECKING:
    from bioasm.runtime.dynamics import Guide
    from bioasm.runtime.news import News

DEFAULT_FUEL = 10**12


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a run is asked for beside the program.

    `seed` is any whole number from 0 to 2**64 - 1. `threads` of None takes as many as are useful. `fuel` bounds
    instructions plus steps. `parameters` replace defaults of parameters, in SI units, by their whole names: `tau` for the
    population that ALC makes, else `cells.tau`; `dt` for the whole program.
    A run ends between two slices when `time_limit` seconds have passed (without compilation) or an energy of at most
    `target` was seen; its status is then `time limit` or `target reached`.
    Without `trace` the cpu driver keeps no energies of single sweeps or feedbacks, which in a long run fill the memory.
    A checkpoint is written every `checkpoint_every` seconds and when the run is interrupted. A `guide` are states of another
    run that this one is set back to as it goes; only drivers that declare `follows` take one.
    """

    seed: int = 0
    lanes: int = 1
    threads: int | None = None
    fuel: int = DEFAULT_FUEL
    parameters: Mapping[str, float] = field(default_factory=dict)
    checkpoint: Path | None = None
    checkpoint_every: float = 60.0
    resume: bool = False
    time_limit: float | None = None
    target: float | None = None
    trace: bool = True
    guide: Guide | None = None


class Progress(NamedTuple):
    """Where a run is: steps done, the end of the present RUN in steps, the best energy so far (NaN: none), a message.

    `look` gives what is new to who wants to see it, where the back end can tell while it runs.
    """

    steps: int
    run_end: int
    best_energy: float
    message: str = ""
    look: Callable[[], News] | None = None


# Called between slices. Returning False asks the run to stop; it then ends with status `interrupted`.
Observer = Callable[[Progress], bool]


class Capacity(NamedTuple):
    """What a back end can be asked for: how many lanes, and whether it keeps checkpoints (if not, `without` says so)."""

    lanes: int = limit("lanes")
    who: str = "there can be"
    without: str | None = None


def check_options(options: RunOptions, n: int, capacity: Capacity = Capacity()) -> None:  # noqa: B008  (immutable)
    """Refuse options that a back end can't follow for n neurons. Raises BioasmError B406, B111."""
    if not 1 <= options.lanes <= capacity.lanes:
        raise error("B406", f"{options.lanes} lanes; {capacity.who} 1 to {capacity.lanes}")
    if not 0 <= options.seed < 1 << 64:
        raise error("B406", f"the seed is {options.seed}; it is a whole number from 0 to 2**64 - 1")
    if options.threads is not None and options.threads < 1:
        raise error("B406", f"{options.threads} threads; there is at least 1")
    if options.time_limit is not None and not options.time_limit > 0:
        raise error("B406", f"a time limit of {options.time_limit:g} s; it is above 0")
    if options.target is not None and not isfinite(options.target):
        raise error("B406", f"the target is {options.target:g}; it is a finite energy")
    if capacity.without is not None and (options.checkpoint is not None or options.resume):
        raise error("B406", capacity.without)
    if options.resume and options.checkpoint is None:
        raise error("B406", "a run is resumed from a checkpoint, and none is named")
    if n * options.lanes > limit("cells"):
        raise error("B111", f"{n} neurons in {options.lanes} lanes are more than {limit('cells')} cells")
