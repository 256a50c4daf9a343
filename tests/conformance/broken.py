"""Drivers that are broken on purpose, each in one way: the cpu driver with something between it and its caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bioasm.binary.writer import program_hash
from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.pykoppu import Outcome
from bioasm.isa.program import DataBlock, Dense, Instruction, Quantity, Register, Sparse
from bioasm.isa.table import BY_MNEMONIC
from bioasm.network.references import Resolved, VariableRef
from bioasm.results import Reading, Result, Spikes
from bioasm.runtime.options import Observer, Progress, RunOptions
from bioasm.units import Dimension
from bioasm.verifier.gate import Verified, verify

NOTHING = Instruction(BY_MNEMONIC["MOV"], (Register(31), Quantity(0.0)))
RESOLVED_NOTHING = Resolved(NOTHING.row, NOTHING.operands)


class Broken(CpuDriver):
    """The cpu driver, honest but for what a subclass overrides."""

    def given(self, verified: Verified) -> Verified:
        """The program that is really run."""
        return verified

    def wanted(self, options: RunOptions) -> RunOptions:
        """The options that are really used."""
        return options

    def watched(self, observer: Observer | None) -> Observer | None:
        """The observer that is really asked."""
        return observer

    def told(self, result: Result) -> Result:
        """The result that is really told."""
        return result

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        result = super()._run(self.given(verified), self.wanted(options), self.watched(observer))
        return self.told(replace(result, seed=options.seed, program_sha256=program_hash(verified.program)))


def telling(change: Callable[[Result], dict[str, Any]]) -> type[Broken]:
    """A driver whose results have some fields changed."""

    class Telling(Broken):
        def told(self, result: Result) -> Result:
            return replace(result, **change(result))

    return Telling


def reading(change: Callable[[Reading], Any]) -> type[Broken]:
    """A driver whose readings have other values."""
    return telling(lambda r: {"results": tuple(Reading(one.what, change(one)) for one in r.results)})


def doing(change: Callable[[Any], Any]) -> type[Broken]:
    """A driver that takes some instructions for others, or for nothing where `change` gives None."""

    class Doing(Broken):
        def given(self, verified: Verified) -> Verified:
            program = tuple(change(i) or NOTHING for i in verified.program.instructions)
            resolved = tuple(change(i) or RESOLVED_NOTHING for i in verified.instructions)
            return replace(verified, program=replace(verified.program, instructions=program), instructions=resolved)

    return Doing


def rewriting(old: str, new: str) -> type[Broken]:
    """Reads something else in models that a program brings."""

    class Rewriting(Broken):
        def given(self, verified: Verified) -> Verified:
            program = verified.program
            models = tuple(model._replace(text=model.text.replace(old, new)) for model in program.models)
            return verify(replace(program, models=models))

    return Rewriting


def without_elimination() -> type[Broken]:
    """A driver that tells the states of spins that are left as they are."""

    class Left(Broken):
        def given(self, verified: Verified) -> Verified:
            return replace(verified, network=replace(verified.network, eliminated=None))

    return Left


def ignoring(*mnemonics: str) -> type[Broken]:
    """A driver that does nothing for some instructions."""
    return doing(lambda i: None if i.mnemonic in mnemonics else i)


def confusing(mnemonic: str, other: str) -> type[Broken]:
    """A driver that takes one instruction for another of the same operands."""
    return doing(lambda i: replace(i, row=BY_MNEMONIC[other]) if i.mnemonic == mnemonic else i)


def zeroing(mnemonic: str) -> type[Broken]:
    """A driver that writes 0 where an instruction should write something into a register."""
    moved = BY_MNEMONIC["MOV"]
    return doing(lambda i: replace(i, row=moved, operands=(i.operands[0], Quantity(0.0))) if i.mnemonic == mnemonic else i)


def scaling(mnemonic: str, change: Callable[[float], float]) -> type[Broken]:
    """A driver that takes an instruction's first operand, a number, for another number."""

    def scaled(i: Any) -> Any:
        at = getattr(i, "implied", 0)  # a reference stands before the operands that are written
        if i.mnemonic != mnemonic or not isinstance(i.operands[at], Quantity):
            return i
        number = replace(i.operands[at], value=change(i.operands[at].value))
        return replace(i, operands=(*i.operands[:at], number, *i.operands[at + 1 :]))

    return doing(scaled)


def without_registers(mnemonic: str) -> type[Broken]:
    """A driver that does nothing for an instruction whose operand is a register."""
    return doing(lambda i: None if i.mnemonic == mnemonic and isinstance(i.operands[0], Register) else i)


def without_states() -> type[Broken]:
    """A driver whose SET does nothing for a state."""
    return doing(lambda i: None if i.mnemonic == "SET" and isinstance(i.operands[0], VariableRef) else i)


def holding(change: Callable[[Any], Any]) -> type[Broken]:
    """A driver that holds other data than the program's."""

    class Holding(Broken):
        def given(self, verified: Verified) -> Verified:
            data = tuple(DataBlock(change(block.value), block.name) for block in verified.program.data)
            return replace(verified, program=replace(verified.program, data=data))

    return Holding


def choosing(change: Callable[[RunOptions], dict[str, Any]]) -> type[Broken]:
    """A driver that runs with other options than those it was given."""

    class Choosing(Broken):
        def wanted(self, options: RunOptions) -> RunOptions:
            return replace(options, **change(options))

    return Choosing


def parameters(**values: float) -> type[Broken]:
    """A driver whose model has other defaults, where the program's model has these parameters."""

    class Other(Broken):
        def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
            known = {name: value for name, value in values.items() if verified.model.parameter(name)}
            return super()._run(verified, replace(options, parameters=known), observer)

    return Other


# --- ways to spoil what is told -----------------------------------------------------------------------


def backwards(spikes: Spikes) -> Spikes:
    """The spikes in reverse."""
    return Spikes(spikes.t[::-1], spikes.i[::-1], spikes.lane[::-1])


def events_of_a_population(result: Result) -> dict[str, Any]:
    """Events whose neurons are counted from 0 in each population."""
    counted = {name: Spikes(one.t, one.i - one.i.min(initial=result.n), one.lane) for name, one in result.events.items()}
    return {"events": counted}


def numbers_first(result: Result) -> dict[str, Any]:
    """OUT before RD, whatever the program's order."""
    return {"results": tuple(sorted(result.results, key=lambda r: not isinstance(r.value, float)))}


def finite(one: Reading) -> Any:
    """0 for what is no finite number."""
    return one.value if not isinstance(one.value, float) or np.isfinite(one.value) else 0.0


def latest(result: Result) -> dict[str, Any]:
    """States that are read are those at the end, as if arrays were handed out and not copied."""
    state = lambda r: result.state if r.what == "state" else r.value  # noqa: E731
    return {"results": tuple(Reading(r.what, state(r)) for r in result.results)}


def negated(what: str) -> type[Broken]:
    """A driver that reads something with the wrong sign."""
    return reading(lambda r: -r.value if r.what == what else r.value)


def recorded(change: Callable[[Any], dict[str, Any]]) -> type[Broken]:
    """A driver whose recordings have some fields changed."""
    return telling(lambda r: {"recordings": {name: replace(one, **change(one)) for name, one in r.recordings.items()}})


def like_lane_0(array: np.ndarray) -> np.ndarray:
    """The first lane for all lanes."""
    return np.repeat(array[:1], len(array), axis=0)


def in_pairs(array: np.ndarray) -> np.ndarray:
    """Every second lane for the one after it, too."""
    return np.repeat(array[::2], 2, axis=0)[: len(array)]


def all_a_step(i: Instruction) -> Instruction:
    """A run that rounds its own time up to whole steps of 0.1 ms."""
    number = i.operands[0] if i.mnemonic == "RUN" else None
    if not isinstance(number, Quantity) or number.dimension is Dimension.SWEEPS:
        return i
    return replace(i, operands=(replace(number, value=np.ceil(number.value / 1e-4) * 1e-4),))


def averaged(i: Any) -> Any:
    """A vector that is the same for all neurons."""
    return Dense(np.full_like(i.array, i.array.mean())) if isinstance(i, Dense) and i.array.ndim == 1 else i


def one_sided(value: Any) -> Any:
    """A matrix without what stands below its diagonal."""
    return Dense(np.triu(value.array)) if isinstance(value, Dense) and value.array.ndim == 2 else value


def unmirrored(value: Any) -> Any:
    """A sparse matrix whose entries are not mirrored."""
    return replace(value, symmetric=False) if isinstance(value, Sparse) else value


def an_entry_short(value: Any) -> Any:
    """A sparse matrix without its last entry."""
    if not isinstance(value, Sparse):
        return value
    return replace(value, row=value.row[:-1], column=value.column[:-1], value=value.value[:-1])


# --- drivers with a character of their own --------------------------------------------------------------


class FirstLoad(Broken):
    """Takes the first LDJ and LDH and no later ones."""

    def given(self, verified: Verified) -> Verified:
        seen: set[str] = set()
        changed = []
        for i in verified.instructions:
            changed.append(RESOLVED_NOTHING if i.mnemonic in seen & {"LDJ", "LDH"} else i)
            seen.add(i.mnemonic)
        return replace(verified, instructions=tuple(changed))


class LooksAtPlaces(Broken):
    """Runs bytecode, which knows no places in a text, with another seed."""

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        known = all(i.span for i in verified.program.instructions)
        return super()._run(verified, options if known else replace(options, seed=options.seed + 1), observer)


class Restless(Broken):
    """Draws another seed each time that it is asked."""

    drawn = 0

    def wanted(self, options: RunOptions) -> RunOptions:
        Restless.drawn += 1
        return replace(options, seed=options.seed + Restless.drawn)


class Tiring(Broken):
    """Runs its second program otherwise than its first."""

    runs = 0

    def wanted(self, options: RunOptions) -> RunOptions:
        self.runs += 1
        return replace(options, seed=options.seed + self.runs)


class Lax(Broken):
    """Finds nothing missing."""

    def missing(self, verified: Verified) -> list[Any]:
        return []


class Unguided(Broken):
    """Passes over the states that it is to follow."""

    def run(self, verified: Verified, options: RunOptions | None = None, observer: Observer | None = None) -> Result:
        return super().run(verified, replace(options or RunOptions(), guide=None), observer)


class Brief(Broken):
    """Names only the first thing that is missing."""

    def missing(self, verified: Verified) -> list[Any]:
        return super().missing(verified)[:1]


class Touchy(Broken):
    """Can be disconnected only when it is connected."""

    link: object | None = None

    def connect(self) -> None:
        self.link = object()

    def disconnect(self) -> None:
        if self.link is None:
            raise RuntimeError("not connected")
        self.link = None


class Swallowing(Broken):
    """Lets no error through."""

    def __exit__(self, *exception: object) -> bool:  # type: ignore[override]
        return True


class Deaf(Broken):
    """Asks no observer; stops by itself after 1000 steps, so that tests end."""

    def wanted(self, options: RunOptions) -> RunOptions:
        return replace(options, fuel=min(options.fuel, 1000))

    def watched(self, observer: Observer | None) -> None:
        return None


class Vague(Broken):
    """Tells observers nothing."""

    def watched(self, observer: Observer | None) -> Observer | None:
        return observer and (lambda progress: observer(Progress(0, 0, float("nan"), progress.message)))


class Shy(Broken):
    """Runs otherwise while it is watched."""

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        return super()._run(verified, replace(options, seed=options.seed + (observer is not None)), observer)


class InSeconds(Broken):
    """Gives spike times in seconds where pykoppu has milliseconds."""

    def execute(self, instructions: list[Any], options: RunOptions | None = None) -> Outcome:
        honest = super().execute(instructions, options)
        state, history, (times, index) = honest
        outcome = Outcome((state, history, (times / 1e3, index)))
        outcome.result = honest.result
        return outcome


class Hasty(Broken):
    """Forgets the noise of a list of instructions, and answers an empty one with nothing."""

    def execute(self, instructions: list[Any], options: RunOptions | None = None) -> Any:
        return super().execute([i for i in instructions if i.opcode.name != "SIG"], options) if instructions else None
