"""Abstract interpretation of a program's control flow without neurons: its schedule of steps, readings and recordings.

A register holds a number, or None where it depends on the run. Where a jump or a duration depends on it, the rest of the
program is not known, and all counts are lower bounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import WeakKeyDictionary

from bioasm.demand.connections import connections
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, DataRef, Dense, Instruction, Name, Operand, Quantity, Register, Target
from bioasm.isa.rows import Trait
from bioasm.network.network import Projection
from bioasm.network.references import ALL, DT, ParameterRef, Reference, RunRef, VariableRef
from bioasm.runtime.arithmetic import COMPUTED, HOLDS
from bioasm.verifier.gate import Verified

MOST_EXECUTED = 100_000  # instructions after which the execution ends, and counts are lower bounds
_WHOLE_STEP = 1e-4  # steps: a time this close to the end of a step counts as that end
_JUMPS = frozenset({*HOLDS, "JMP", "LOOP"})
_PLAIN = frozenset({*COMPUTED, "OUT"})
_SCALARS = frozenset({"energy", "best_energy", "noise", "time", "steps"})


@dataclass
class Recorder:
    """The REC at instruction `at` while it is active: its samples are those of steps `start`, `start + every`, ..."""

    at: int
    start: int
    every: int
    neurons: int


class _Round(NamedTuple):
    """State at the last visit of a LOOP: its register, all others, the counts so far, and their last increments."""

    left: float
    others: list[float | None]
    counts: tuple[int, ...]
    done: tuple[int, ...] | None


@dataclass
class Schedule:
    """Schedule of a program. Numbers are per lane; `unknown` is the reason why they are lower bounds, None if exact.

    `recorded` and `read` count the 8-byte numbers in recordings and results; `largest` is the REC that records most.
    `noise` has the step and the level of each SIG; None where these depend on the run, or were not followed.
    `moved` counts spins visited by moves over lanes (MERGE, COPY, CXCH), `resampled` those of the blocks of BLK.
    `rates` are, by target, the data blocks of Poisson rates, and the time steps.
    """

    steps: int = 0
    executed: int = 0
    recorded: int = 0
    read: int = 0
    results: int = 0
    moved: int = 0
    resampled: int = 0
    largest: Instruction | None = None
    unknown: str | None = None
    noise: list[tuple[int, float]] | None = field(default_factory=list)
    by_recorder: dict[int, int] = field(default_factory=dict)
    rates: dict[str, set[tuple[int, float]]] = field(default_factory=dict)


_LAST: WeakKeyDictionary[Verified, tuple[tuple[dict[str, float], int | None], Schedule]] = WeakKeyDictionary()


def schedule(verified: Verified, parameters: Mapping[str, float] | None = None, fuel: int | None = None) -> Schedule:
    """The schedule of a program with `parameters` replaced, for `fuel` instructions plus steps.

    The last one of each program is memoised, because a run needs it before it begins and again for the noise in its result.
    """
    asked = (dict(parameters or {}), fuel)
    known = _LAST.get(verified)
    if known is None or known[0] != asked:
        known = _LAST[verified] = (asked, _Execution(verified, parameters or {}, fuel).run())
    return known[1]


class _Execution:
    """One abstract execution of a program."""

    def __init__(self, verified: Verified, parameters: Mapping[str, float], fuel: int | None) -> None:
        self.verified, self.program, self.fuel = verified, verified.program, fuel
        step = verified.model.parameter("dt")
        self.dt: float | None = parameters.get("dt", step.default if step else 1.0)
        self.registers: list[float | None] = [None] * limit("registers")
        self.recorders: dict[tuple[VariableRef, range | None], Recorder] = {}
        self.counts: dict[str, int] = {}  # memoised numbers of connections, whose estimates are slow
        self.rounds: dict[int, _Round] = {}
        self.clock = 0.0
        self.pc = 0
        self.found = Schedule()

    def run(self) -> Schedule:
        """Execute to the end, to an unknown jump or duration, or until the fuel is used up."""
        instructions, found, walked = self.program.instructions, self.found, 0
        while self.pc < len(instructions) and found.unknown is None and self._fuel_left() > 0:
            if walked >= MOST_EXECUTED:
                found.unknown = f"it executes more than {MOST_EXECUTED:,} instructions"
                break
            instruction = instructions[self.pc]
            found.executed += 1
            walked += 1
            self.pc += 1
            if instruction.mnemonic == "HLT":
                break
            self._execute(instruction)
        if found.by_recorder:
            found.largest = instructions[max(found.by_recorder, key=lambda at: found.by_recorder[at])]
        return found

    def _fuel_left(self) -> int:
        return 1 << 62 if self.fuel is None else self.fuel - self.found.executed - self.found.steps

    def _execute(self, instruction: Instruction) -> None:
        mnemonic = instruction.mnemonic
        if mnemonic in COMPUTED:
            self._compute(instruction)
        elif mnemonic in _JUMPS:
            self._jump(instruction)
        elif Trait.WRITES in instruction.row.traits:
            self._write(instruction.operands[0], self._observed(instruction))
        elif mnemonic in _ACTIONS:
            _ACTIONS[mnemonic](self, instruction)

    # --- registers ----------------------------------------------------------------------------------

    def _value(self, operand: Operand) -> float | None:
        if isinstance(operand, Register):
            return self.registers[operand.index]
        return self.program.quantity(operand).value if isinstance(operand, Quantity | ConstantRef) else None

    def _write(self, register: Operand, value: float | None) -> None:
        assert isinstance(register, Register)
        self.registers[register.index] = value

    def _compute(self, instruction: Instruction) -> None:
        to, *sources = instruction.operands
        values = [self._value(source) for source in sources]
        known = [value for value in values if value is not None]
        a, b = (*known, 0.0, 0.0)[:2]
        self._write(to, COMPUTED[instruction.mnemonic](a, b) if len(known) == len(values) else None)

    def _observed(self, instruction: Instruction) -> float | None:
        """The value of a GET of steps or time; None for all values that depend on the run."""
        ref = self.verified.instructions[self.pc - 1].operands[1] if instruction.mnemonic == "GET" else None
        name = ref.name if isinstance(ref, RunRef) else ""
        if name == "steps":
            return float(self.found.steps)
        return self.found.steps * self.dt if name == "time" and self.dt is not None else None

    def _jump(self, instruction: Instruction) -> None:
        taken = self._is_taken(instruction)
        if taken is None:
            self.found.unknown = f"a {instruction.mnemonic} depends on what it computes"
        elif taken:
            target = instruction.operands[-1]
            assert isinstance(target, Target)
            self.pc = target.index

    def _is_taken(self, instruction: Instruction) -> bool | None:
        if instruction.mnemonic == "JMP":
            return True
        if instruction.mnemonic == "LOOP":
            left = self._value(instruction.operands[0])
            if left is None:
                return None
            left = self._without_arithmetic(instruction, self._without_repeats(instruction, left))
            self._write(instruction.operands[0], left - 1)
            return left - 1 > 0
        a, b = (self._value(operand) for operand in instruction.operands[:2])
        return None if a is None or b is None else HOLDS[instruction.mnemonic](a, b)

    def _without_repeats(self, loop: Instruction, left: float) -> float:
        """Loop acceleration: count the rounds of a LOOP at once where two had the same effect and changed no other register.

        Returns what its register holds after them.
        """
        counter, found, before = loop.operands[0], self.found, self.rounds.get(self.pc)
        assert isinstance(counter, Register)
        others = [value for place, value in enumerate(self.registers) if place != counter.index]
        others += [recorder.start for recorder in self.recorders.values()]
        counts = (found.steps, found.executed, found.read, found.results, found.moved, found.resampled)
        done = tuple(now - then for now, then in zip(counts, before.counts, strict=True)) if before is not None else None
        self.rounds[self.pc] = _Round(left, others, counts, done)
        if before is None or done is None or (left, others, done) != (before.left - 1, before.others, before.done):
            return left
        fuel, steps = self._fuel_left() // (done[0] + done[1]), limit("steps") // max(1, done[0])
        rounds = math.ceil(left) - 2 if left < math.inf else fuel
        repeats = max(0, min(rounds, fuel, steps))
        self._repeat(repeats, done)
        return left - repeats

    def _without_arithmetic(self, loop: Instruction, left: float) -> float:
        """Skip the rounds of a long LOOP over arithmetic and OUT, counting their steps; registers it writes become unknown.

        Returns what its register holds after them.
        """
        counter, target = loop.operands
        assert isinstance(counter, Register) and isinstance(target, Target)
        body = self.program.instructions[target.index : self.pc - 1]
        written = {i.operands[0] for i in body if i.mnemonic in COMPUTED}
        if not MOST_EXECUTED < left * len(body) < math.inf or counter in written or {i.mnemonic for i in body} - _PLAIN:
            return left
        outs = sum(i.mnemonic == "OUT" for i in body)
        repeats = max(0, min(math.ceil(left) - 2, self._fuel_left() // (len(body) + 1)))
        self._repeat(repeats, (0, len(body) + 1, outs, outs, 0, 0))
        for register in written:
            self._write(register, None)
        return left - repeats

    def _repeat(self, times: int, done: tuple[int, ...]) -> None:
        """Add the counts `done` of a round `times` more times."""
        found = self.found
        if times and found.noise and len({level for step, level in found.noise if step >= found.steps - done[0]}) > 1:
            found.noise = None  # each round changes it, and rounds are skipped
        self._advance(found.steps + times * done[0])
        self.clock += times * done[0] * (self.dt or 0.0)
        found.executed += times * done[1]
        found.read += times * done[2]
        found.results += times * done[3]
        found.moved += times * done[4]
        found.resampled += times * done[5]

    # --- the neurons --------------------------------------------------------------------------------

    def _run(self, instruction: Instruction) -> None:
        duration = self._value(instruction.operands[0])
        if duration is None or self.dt is None:
            what = "dt" if self.dt is None else "the duration of a RUN"
            self.found.unknown = f"{what} depends on what it computes"
            return
        if not 0 <= duration < math.inf:
            return  # the run ends here with a fault
        self.clock += duration
        nearest = round(self.clock / self.dt)
        whole = abs(nearest - self.clock / self.dt) <= _WHOLE_STEP
        end = max(nearest if whole else math.ceil(self.clock / self.dt), self.found.steps)
        self._advance(min(end, self.found.steps + self._fuel_left(), limit("steps")))

    def _advance(self, end: int) -> None:
        """Count the steps up to `end`, and their samples."""
        for recorder in self.recorders.values():
            self._sample(recorder, end)
        self.found.steps = end

    def _sample(self, recorder: Recorder, end: int) -> None:
        """Count the samples of the steps up to `end`."""
        before, after = (max(0, -(-(step - recorder.start) // recorder.every)) for step in (self.found.steps, end))
        numbers = (after - before) * recorder.neurons
        self.found.recorded += numbers
        self.found.by_recorder[recorder.at] = self.found.by_recorder.get(recorder.at, 0) + numbers

    def _record(self, instruction: Instruction) -> None:
        ref, (_, every, neurons) = self._meant(), (*instruction.operands, None, None)[:3]
        if not isinstance(ref, VariableRef):
            return  # the number of events is not known before the run
        period = self._value(every) if every is not None else self.dt
        steps = 1 if period is None or self.dt is None else max(1, round(period / self.dt))
        count = self._size(ref)
        if isinstance(neurons, DataRef):
            value = self.program.data[neurons.index].value
            count = value.shape[0] if isinstance(value, Dense) else count
        elif neurons is not None:
            count = 1
        self.recorders[ref, ref.part] = Recorder(self.pc - 1, self.found.steps, steps, count)

    def _meant(self) -> Operand | Reference:
        """The resolved first operand of the current instruction."""
        return self.verified.instructions[self.pc - 1].operands[0]

    def _size(self, ref: VariableRef) -> int:
        """The number of values of a variable: of a part, a population or mechanism, connections, or all neurons."""
        if ref.part is not None:
            return len(ref.part)
        if ref.owner == ALL:
            return self.verified.n
        projection = self.verified.network.projection(ref.owner)
        return self._connections(projection) if projection is not None else self._neurons(ref.owner)

    def _connections(self, projection: Projection) -> int:
        if projection.name not in self.counts:
            self.counts[projection.name] = connections(self.verified, projection)
        return self.counts[projection.name]

    def _neurons(self, owner: str) -> int:
        network = self.verified.network
        return network.populations[network.by_name[owner].population].n

    def _stop(self, _: Instruction) -> None:
        ref = self._meant()
        if isinstance(ref, VariableRef):
            self.recorders.pop((ref, ref.part), None)

    def _read(self, _: Instruction) -> None:
        ref = self._meant()
        self.found.results += 1
        if isinstance(ref, VariableRef):
            self.found.read += self._size(ref)
        else:
            self.found.read += 1 if isinstance(ref, RunRef) and ref.name in _SCALARS else self.verified.n

    def _emit(self, _: Instruction) -> None:
        self.found.results += 1
        self.found.read += 1

    def _sig(self, instruction: Instruction) -> None:
        level = self._value(instruction.operands[0])
        if level is None:
            self.found.noise = None
        elif self.found.noise is not None:
            self.found.noise.append((self.found.steps, level))

    def _move(self, _: Instruction) -> None:
        self.found.moved += self.verified.n

    def _resample(self, instruction: Instruction) -> None:
        plan, *one = instruction.operands
        value = self.program.data[plan.index].value if isinstance(plan, DataRef) else None
        if isinstance(value, Dense):
            ends = int((value.array < 0).sum())
            spins = int(value.array.size) - ends
            self.found.resampled += round(spins / max(ends, 1)) if one else spins

    def _bombard(self, instruction: Instruction) -> None:
        *named, rate, _ = instruction.operands
        target = named[0].text if named and isinstance(named[0], Name) else ""
        if isinstance(rate, DataRef) and self.dt is not None:
            self.found.rates.setdefault(target, set()).add((rate.index, self.dt))

    def _set(self, instruction: Instruction) -> None:
        ref = self._meant()
        if isinstance(ref, ParameterRef) and ref.key == DT:
            self.dt = self._value(instruction.operands[1])


_ACTIONS = {
    "RUN": _Execution._run,
    "REC": _Execution._record,
    "UNREC": _Execution._stop,
    "RD": _Execution._read,
    "OUT": _Execution._emit,
    "SET": _Execution._set,
    "SIG": _Execution._sig,
    "POI": _Execution._bombard,
    "RATE": _Execution._bombard,
    "MERGE": _Execution._move,
    "COPY": _Execution._move,
    "CXCH": _Execution._move,
    "BLK": _Execution._resample,
}
