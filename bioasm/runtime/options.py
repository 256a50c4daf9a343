"""The options of a run, the progress that an observer gets, and the check of options before anything is allocated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bioasm.diagnostics import error
from bioasm.isa.formulas import values_of_lanes
from bioasm.isa.limits import limit

if TYPE_CHECKING:
    from bioasm.isa.program import Program
    from bioasm.runtime.dynamics import Guide
    from bioasm.runtime.news import News

DEFAULT_FUEL = 10**12


class LaneSpan(NamedTuple):
    """Half-open range of lanes: `first` to `first` + `lanes`, of `everyone`. A run of fewer than all lanes is a piece.

    The lanes may be `copies` runs of `lanes` / `copies` lanes side by side: each has the noise and the initial states of
    lanes 0, 1, ...
    """

    first: int
    lanes: int
    everyone: int
    copies: int = 1

    @property
    def is_piece(self) -> bool:
        """Whether the run has only some of all lanes."""
        return self.lanes != self.everyone

    @property
    def is_traced(self) -> bool:
        """Whether readings over lanes must be traced lane by lane: of a piece, and of copies."""
        return self.is_piece or self.copies > 1

    @property
    def each(self) -> int:
        """The number of lanes of a copy."""
        return self.everyone // self.copies

    @property
    def options(self) -> dict[str, Any]:
        """The fields of RunOptions that ask for these lanes."""
        return {"lanes": self.lanes, "first_lane": self.first, "all_lanes": self.everyone}


ONE_LANE = LaneSpan(0, 1, 1)


class LaneValues(NamedTuple):
    """Values of the lanes' own: of constants of the program and of parameters, by name."""

    constants: Mapping[str, tuple[float, ...]] = {}
    parameters: Mapping[str, tuple[float, ...]] = {}

    @property
    def told(self) -> dict[str, list[float]]:
        """All values by name, in the form of a Result and a checkpoint."""
        return {name: list(values) for name, values in (*self.constants.items(), *self.parameters.items())}


ALIKE = LaneValues()  # no lane has a value of its own


def with_formulas(program: Program, span: LaneSpan, given: LaneValues = ALIKE) -> LaneValues:
    """The given values, and those of formulas of the lane; a single lane has the values in the program.

    Raises BioasmError where a lane has none.
    """
    lanes = span.each if span.copies else 1
    own = values_of_lanes(program, lanes) if lanes > 1 else {}
    return LaneValues({**own, **given.constants}, given.parameters)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a run, besides the program.

    `seed` is any whole number from 0 to 2**64 - 1. `threads` of None takes as many as are useful. `fuel` bounds
    instructions plus steps. `parameters` replace defaults of parameters, in SI units, by their whole names: `tau` for the
    population that ALC makes, else `cells.tau`; `dt` for the whole program.
    A run ends between two slices when `time_limit` seconds have passed (without compilation) or an energy of at most
    `target` was seen; its status is then `time limit` or `target reached`.
    `lane_constants` (by names of constants) and `lane_parameters` (by whole names of parameters) are values of the lanes' own,
    SI units: lane k of all lanes takes value k, and begins again at the first where there are fewer. Only drivers that declare
    `by_lane` take them; `bioasm.verifier.lane_values` says where a program may.
    With `copies` all lanes are that many runs side by side, each of lanes 0, 1, ... with the noise of these: several points of
    a sweep, which differ in values of the lanes' own. Only such drivers take it, of a program that is separable.
    `lanes` are those from `first_lane` on of `all_lanes` (None: there are no others). A piece of all lanes has the noise, the
    starts and the order of sums of the whole; only drivers that declare `pieces` run one, of a program that is separable.
    Without `trace` the cpu driver keeps no energies of single sweeps or feedbacks, which in a long run fill the memory.
    A checkpoint is written every `checkpoint_every` seconds and when the run is interrupted. A `guide` are states of another
    run that this one is set back to as it goes; only drivers that declare `follows` take one.
    A `spool` is a new folder: spikes, energies and recordings are written to it as the run goes on, so that they may be larger
    than the memory, and the Result has arrays that are read from it where they are looked at. Only drivers that declare
    `spools` take one, and not together with a checkpoint, which holds all that was put out.
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
    spool: Path | None = None
    first_lane: int = 0
    all_lanes: int | None = None
    lane_constants: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    lane_parameters: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    copies: int = 1

    @property
    def lane_values(self) -> LaneValues:
        """The values of the lanes' own."""
        return LaneValues(self.lane_constants, self.lane_parameters)

    @property
    def span(self) -> LaneSpan:
        """Which lanes of how many."""
        everyone = self.lanes if self.all_lanes is None else self.all_lanes
        return LaneSpan(self.first_lane, self.lanes, everyone, self.copies)


class Progress(NamedTuple):
    """Where a run is: steps done, the end of the present RUN in steps, the best energy so far (NaN: none), a message.

    `look` returns the News since the last call, where the back end can report during a run.
    """

    steps: int
    run_end: int
    best_energy: float
    message: str = ""
    look: Callable[[], News] | None = None


# Called between slices. Returning False asks the run to stop; it then ends with status `interrupted`.
Observer = Callable[[Progress], bool]


class Capacity(NamedTuple):
    """The capacity of a back end: the most lanes, and whether it keeps checkpoints (`without` is the message if not)."""

    lanes: int = limit("lanes")
    who: str = "there can be"
    without: str | None = None


def check_options(options: RunOptions, n: int, capacity: Capacity = Capacity()) -> None:  # noqa: B008  (immutable)
    """Check the options of a run of n neurons against the capacity of a back end. Raises BioasmError B406, B111."""
    if not 1 <= options.lanes <= capacity.lanes:
        raise error("B406", f"{options.lanes} lanes; {capacity.who} 1 to {capacity.lanes}")
    first, count, everyone, copies = options.span
    if copies < 1 or everyone % copies or (copies > 1 and options.span.is_piece):
        raise error("B406", f"{everyone} lanes are not {copies} copies of as many lanes each")
    if not 0 <= first <= first + count <= everyone <= limit("all_lanes"):
        text = f"{count} lanes from {first} on of {everyone}; a piece lies within all lanes, at most {limit('all_lanes')}"
        raise error("B406", text, hint="--lanes 1000:2000/4096 runs lanes 1000 to 1999 of 4096")
    for name, values in options.lane_values.told.items():
        if not 1 <= len(values) <= everyone or not all(map(isfinite, values)):
            text = f"{name} has {len(values)} values for {everyone} lanes; there are 1 to {everyone}, all finite"
            raise error("B406", text, hint="without --lanes there are as many lanes as values")
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
    if options.spool is not None and (options.checkpoint is not None or options.resume):
        raise error("B406", "a run with a checkpoint keeps no spool: the checkpoint holds all that was put out")
    if n * options.lanes > limit("cells"):
        raise error("B111", f"{n} neurons in {options.lanes} lanes are more than {limit('cells')} cells")
