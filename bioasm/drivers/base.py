"""The interface of drivers: declared abilities, and the methods that every driver implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from bioasm.diagnostics import BioasmError, Diagnostic, error
from bioasm.drivers.bounds import Bounds
from bioasm.drivers.describe import described
from bioasm.drivers.pykoppu import Outcome, program_from_instructions
from bioasm.isa.program import mapped_files
from bioasm.mapped import MappedFile, changed
from bioasm.results import Result
from bioasm.runtime.options import Observer, Progress, RunOptions, with_formulas
from bioasm.runtime.rounding import rounding
from bioasm.verifier.abilities import ABILITIES, lacking
from bioasm.verifier.gate import Verified, verify
from bioasm.verifier.lane_values import are_levels, check_lane_values
from bioasm.verifier.lanes import check_separable

SIMULATED = ABILITIES - {"stimulation"}  # the abilities of a full simulator: all that need no electrodes
DRIVING = frozenset({"LDJ", "LDJS", "LDH", "LDT", "SIG", "STIM"})  # all mnemonics that drive cells on any device


class _Unchanged:
    """Observer that fails a run whose memory-mapped data changed, before a checkpoint or a Result uses them."""

    def __init__(self, files: list[MappedFile], observer: Observer | None) -> None:
        self.files, self.observer, self.sound = files, observer, 0

    def __call__(self, progress: Progress) -> bool:
        self.check(progress.steps)
        return self.observer is None or self.observer(progress)

    def check(self, steps: int) -> None:
        """Raise BioasmError B310 where a file was changed; else results up to step `steps` are valid."""
        for file in self.files:
            if file.changed:
                raise changed(file.path, f"after step {self.sound:,}")
        self.sound = max(self.sound, steps)


class Driver(ABC):
    """A back end that runs verified programs.

    `abilities` are the `needs` of instruction rows that it can run, with `models` if it runs programs' own models; `models` are
    the library's models that it has. A driver may be used for many runs between `connect` and `disconnect`, and is a context
    manager.

    `options` are the command line options of its constructor, with their meanings. Flags:
    `remote`: the device advances while reports travel. `outlives`: runs continue without the process, so that Ctrl-C leaves
    them. `reproducible`: one seed gives one result, unlike cells and wall clocks. `follows`: a run can be guided by another's
    states (`RunOptions.guide`). `quick`: a program may be run just to count its steps. `pieces`: it runs some of all lanes
    (`RunOptions.span`). `by_lane`: it takes values of the lanes' own (`RunOptions.lane_values`); `levels_by_lane`: of those
    only temperatures of spins. `spools`: it writes output to a folder during the run (`RunOptions.spool`).
    `stimulating` are the mnemonics that drive cells with current.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    abilities: ClassVar[frozenset[str]]
    models: ClassVar[frozenset[str]]
    options: ClassVar[Mapping[str, str]] = {}
    remote: ClassVar[bool] = False
    quick: ClassVar[bool] = False
    outlives: ClassVar[bool] = False
    pieces: ClassVar[bool] = False
    by_lane: ClassVar[bool] = False
    levels_by_lane: ClassVar[bool] = False
    reproducible: bool = True
    follows: bool = False
    spools: ClassVar[bool] = False
    stimulating: frozenset[str] = frozenset({"STIM"})

    def connect(self) -> None:  # noqa: B027  (most drivers have nothing to open)
        """Open what the driver needs; a device driver opens its link here."""

    def disconnect(self) -> None:  # noqa: B027
        """Release what `connect` opened. Calling it twice does no harm."""

    def __enter__(self) -> Driver:
        self.connect()
        return self

    def __exit__(self, *exception: object) -> None:
        self.disconnect()

    def checkpoint_seed(self, path: Path) -> int:
        """The seed of the checkpoint at `path`, the default of a resumed run.

        Raises BioasmError: B502 where the driver has no checkpoints, B301 or B404 for an invalid file.
        """
        raise error("B502", f"driver {self.name} keeps no checkpoints")

    def missing(self, verified: Verified) -> list[Diagnostic]:
        """Capability check: diagnostics of the parts of the program that this driver can't run; empty where it can run all."""
        return list(lacking(self.name, self.abilities, self.models, verified))

    @classmethod
    def check_lanes(cls, verified: Verified, options: RunOptions) -> None:
        """Check that the driver and the program support the options' values of the lanes' own and pieces of lanes.

        Raises BioasmError B502, B601, B603.
        """
        if options.lane_values.told:
            levels = cls.levels_by_lane and are_levels(verified, options.lane_constants, options.lane_parameters)
            if not (cls.by_lane or levels):
                raise error("B502", f"driver {cls.name} gives all lanes the same values, and none of their own")
            check_lane_values(verified, options.lane_values.constants, options.lane_values.parameters)
        if options.span.copies > 1:
            if not cls.by_lane:
                raise error("B502", f"driver {cls.name} runs no copies of lanes side by side")
            check_separable(verified)
        if options.span.is_piece:
            if not cls.pieces:
                raise error("B502", f"driver {cls.name} runs all lanes, and no piece of them")
            check_separable(verified)

    def run(self, verified: Verified, options: RunOptions | None = None, observer: Observer | None = None) -> Result:
        """Run a verified program and return its Result.

        Raises BioasmError: B502 before the run for a missing ability; B4xx for a fault in the run, with the Result so far
        (status `failed`) as its `partial`.
        """
        found = self.missing(verified)
        if found:
            raise BioasmError(*found)
        options = options or RunOptions()
        own = with_formulas(verified.program, options.span, options.lane_values)
        options = replace(options, lane_constants=own.constants)
        if options.guide is not None and not self.follows:
            raise error("B502", f"driver {self.name} can't follow the states of another run")
        if options.spool is not None and not self.spools:
            raise error("B502", f"driver {self.name} keeps what a run puts out in memory, and takes no spool")
        self.check_lanes(verified, options)
        bounds = Bounds(options, observer, 0.0 if options.target is None else rounding(verified, options.target))
        bounded = options.time_limit is not None or options.target is not None
        try:
            result = self._watched(verified, options, bounds if bounded else observer)
        except BioasmError as fault:
            fault.partial = described(fault.partial, verified, options) if fault.partial is not None else None
            raise
        return described(bounds.named(result), verified, options)

    def _watched(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        """Run, and fail where memory-mapped data changed meanwhile."""
        files = [] if self.remote else mapped_files(verified.program)
        if not files:
            return self._run(verified, options, observer)
        watch = _Unchanged(files, observer)
        result = self._run(verified, options, watch)
        try:
            watch.check(result.steps)
        except BioasmError as fault:
            fault.partial = replace(result, status="failed", diagnostics=(*result.diagnostics, *fault.diagnostics))
            raise
        return result

    @abstractmethod
    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        """Run a program that passed the capability check."""

    def execute(self, instructions: list[Any], options: RunOptions | None = None) -> Outcome:
        """Run a list of instructions in pykoppu's calling convention.

        Each item has an `opcode` (with a `name`, or a mnemonic) and `operands`: numbers, words, nested lists or arrays.
        Returns the triple (state, energy history, (spike times in ms, indices)) of lane 0; its `result` is the whole Result.
        """
        if not instructions:
            raise error("B406", "an empty list of instructions has nothing to run")
        return Outcome.of(self.run(verify(program_from_instructions(instructions)), options))
