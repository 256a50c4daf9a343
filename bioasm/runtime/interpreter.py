"""Interpreter of control flow in Python: executes a verified program as the compiled loop does.

It computes the same values as the compiled loop, and takes the same path. The neurons are a back end's `Dynamics`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from enum import Enum, auto
from typing import Any, cast

from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import limit
from bioasm.isa.program import Operand, Register, Target
from bioasm.network.references import Reference, Resolved
from bioasm.results import Reading
from bioasm.runtime.arithmetic import COMPUTED, HOLDS
from bioasm.runtime.dynamics import Advancing, Dynamics, Levelled
from bioasm.runtime.instructions import MEANINGS, Meaning, fault
from bioasm.runtime.lane_trace import LaneTrace, execute_traced
from bioasm.runtime.options import ALIKE, DEFAULT_FUEL, ONE_LANE, LaneSpan, LaneValues, Observer, Progress
from bioasm.runtime.readings import alike, destination, output_name, reduce_lanes
from bioasm.runtime.run import Run
from bioasm.runtime.setup import default_noise
from bioasm.verifier.gate import Verified
from bioasm.verifier.lanes import is_over_lanes, lane_flow

Array = NDArray[Any]

Make = Callable[["Interpreter"], Dynamics]

_BETWEEN_REPORTS = 0.1  # seconds
_INSTRUCTIONS_BETWEEN_LOOKS = 256
_WHOLE_STEP = 1e-4  # a time this close to a step boundary, in steps, is that boundary


class Stop(Enum):
    """Reasons for the interpreter to return."""

    RUN = auto()  # a RUN has begun; the neurons have to advance by `due` steps
    HALT = auto()
    FUEL = auto()
    MORE = auto()  # it executed `most` instructions, or the next one is in `before`


STATUS = {Stop.HALT: "finished", Stop.FUEL: "out of fuel"}


class Interpreter(Run):
    """The state of one run: registers, program counter, clock, and output.

    `make` makes the neurons that ALC or the first POP asks for. `meanings` are a back end's own, before the shared ones.
    `fuel` bounds instructions plus steps, `seed` decides random values. Where `span` is a piece, numbers over lanes are traced.
    """

    def __init__(
        self,
        verified: Verified,
        make: Make,
        parameters: Mapping[str, float],
        fuel: int = DEFAULT_FUEL,
        meanings: Mapping[str, Meaning] | None = None,
        span: LaneSpan = ONE_LANE,
        seed: int = 0,
        own: LaneValues = ALIKE,
    ) -> None:
        super().__init__(verified, parameters, seed, span, own)
        self.trace = LaneTrace()
        self.make, self.fuel = make, fuel
        self.registers = [0.0] * limit("registers")
        self.pc, self.run_end, self.clock = 0, 0, 0.0
        self.noise_is_set = False
        self._noise, self._offset = default_noise(verified.network), 0.0
        self._noise_of_lanes: Array | None = None
        self._dynamics: Dynamics | None = None
        self._readings: list[Reading] = []
        self._settled = 0
        table, traced = {**MEANINGS, **_CONTROL, **(meanings or {})}, lane_flow(verified).traced if span.is_traced else ()
        acts = enumerate(verified.instructions)
        self._acts = [self._traced(i) if at in traced else self._act(i, table) for at, i in acts]

    # --- the run as instructions see it ---------------------------------------------------------------

    @property
    def dynamics(self) -> Dynamics:
        """The neurons."""
        assert self._dynamics is not None
        return self._dynamics

    @property
    def allocated(self) -> bool:
        """Whether there are neurons."""
        return self._dynamics is not None

    def allocate(self) -> None:
        """Make the neurons; before any SIG each population has its model's own noise."""
        self._dynamics = self.make(self)
        if self.noise_is_set or len(self.network.populations) == 1:
            self._give_noise(self._dynamics)
        self._dynamics.set_offset(self._offset)

    @property
    def noise(self) -> float:
        """The noise that SIG set last, or the model's default; the first lane's where lanes have their own."""
        return self._noise

    @property
    def offset(self) -> float:
        """The offset that LDO set last."""
        return self._offset

    def set_noise(self, level: float, of_lanes: Array | None = None) -> None:
        """SIG, with one level, or with one for each lane (lanes,)."""
        self._noise, self._noise_of_lanes, self.noise_is_set = level, of_lanes, True
        if self._dynamics is not None:
            self._give_noise(self._dynamics)

    def _give_noise(self, dynamics: Dynamics) -> None:
        if self._noise_of_lanes is None:
            dynamics.set_noise(self._noise)
        else:  # only drivers that declare `by_lane` or `levels_by_lane` get here
            cast(Levelled, dynamics).set_levels(self._noise_of_lanes)

    def set_offset(self, offset: float) -> None:
        """LDO."""
        self._offset = offset
        if self._dynamics is not None:
            self._dynamics.set_offset(offset)

    @property
    def readings(self) -> list[Reading]:
        """The readings put out so far."""
        return self._readings

    def register(self, index: int) -> float:
        """The value of a register."""
        return self.registers[index]

    def set_register(self, index: int, value: float) -> None:
        """Write a number into a register."""
        self.registers[index] = value

    @property
    def step(self) -> int:
        """Steps done."""
        return 0 if self._dynamics is None else self._dynamics.step

    # --- executing ------------------------------------------------------------------------------------

    def proceed(self, most: float = math.inf, before: Collection[str] = ()) -> Stop:
        """Execute until a RUN asks for steps, the end of the program or its fuel, or `most` instructions are done.

        It also stops before an instruction whose mnemonic is in `before`. Raises BioasmError for a fault.
        """
        done = 0
        if self.settle():
            return Stop.RUN if self.due else Stop.FUEL
        while done < most and not (before and self._stands_before(before)):
            if self.pc >= len(self._acts):
                return Stop.HALT
            if self.fuel <= 0:
                return Stop.FUEL
            self.fuel -= 1
            here = self.pc
            self.pc += 1
            self._acts[here]()
            if self.run_end > self.step:
                return Stop.RUN if self.due else Stop.FUEL
            done += 1
        return Stop.MORE

    def _stands_before(self, mnemonics: Collection[str]) -> bool:
        return self.pc < len(self._acts) and self.verified.instructions[self.pc].mnemonic in mnemonics

    def settle(self) -> bool:
        """Take steps that were done from the fuel and see that all is finite; returns whether the present RUN goes on."""
        if self.step != self._settled:
            self.fuel -= self.step - self._settled
            self._settled = self.step
            self._check_finite()
        return self.step < self.run_end

    @property
    def due(self) -> int:
        """How many steps of the present RUN the fuel allows."""
        return max(0, min(self.run_end - self.step, self.fuel - (self.step - self._settled)))

    def _check_finite(self) -> None:
        problem = self.dynamics.non_finite()
        if problem is not None:
            when = f"{self.step * self.dynamics.step_length:g} {self.verified.model.clock.symbol}"
            raise BioasmError(Diagnostic("B407", f"{problem} left the finite range before {when}"))

    def _act(self, instruction: Resolved, table: Mapping[str, Meaning]) -> Callable[[], None]:
        """Closure compilation: an instruction as a function without arguments, its operands resolved once."""
        mnemonic = instruction.mnemonic
        if mnemonic in COMPUTED:
            return self._compute(instruction)
        if mnemonic in HOLDS or mnemonic in ("JMP", "LOOP"):
            return self._jump(instruction)
        meaning = table[mnemonic]
        return lambda: meaning(self, instruction)

    def _traced(self, instruction: Resolved) -> Callable[[], None]:
        return lambda: execute_traced(self, self.trace, instruction)

    def _compute(self, instruction: Resolved) -> Callable[[], None]:
        to, *given = instruction.operands
        assert isinstance(to, Register)
        a, b = (*map(self._reader, given), _zero)[:2]
        compute, registers, at = COMPUTED[instruction.mnemonic], self.registers, to.index

        def act() -> None:
            registers[at] = compute(a(), b())

        return act

    def _jump(self, instruction: Resolved) -> Callable[[], None]:
        *given, target = instruction.operands
        assert isinstance(target, Target)
        to, taken = target.index, self._condition(instruction.mnemonic, given)

        def act() -> None:
            if taken():
                self.pc = to

        return act

    def _condition(self, mnemonic: str, given: list[Operand | Reference]) -> Callable[[], bool]:
        """Whether a jump is taken; LOOP counts its register down."""
        if mnemonic == "JMP":
            return lambda: True
        if mnemonic == "LOOP":
            (counter,) = given
            assert isinstance(counter, Register)
            at = counter.index
            return lambda: self._count_down(at)
        holds, (a, b) = HOLDS[mnemonic], map(self._reader, given)
        return lambda: holds(a(), b())

    def _count_down(self, at: int) -> bool:
        self.registers[at] -= 1.0
        return self.registers[at] > 0.0

    def _reader(self, operand: Operand | Reference) -> Callable[[], float]:
        """Compile an operand to a function that returns its present value."""
        if isinstance(operand, Register):
            registers, at = self.registers, operand.index
            return lambda: registers[at]
        value = self.value(operand)
        return lambda: value

    # --- running to the end ---------------------------------------------------------------------------

    def run(self, observer: Observer | None = None, before: Collection[str] = ()) -> str:
        """Execute to the end on `Advancing` neurons, or until the observer asks to stop; returns the status of the Result.

        No instruction in `before` is executed within a call of the back end: the back end returns first.
        """
        watch = _Watch(self, observer)
        stop = Stop.MORE
        while stop not in STATUS:
            stop = self.proceed(_INSTRUCTIONS_BETWEEN_LOOKS)
            if stop is Stop.RUN and not self._advance(watch, before):
                return "interrupted"
            if stop is Stop.MORE and not watch(self.step):
                return "interrupted"
        return STATUS[stop]

    def _advance(self, watch: _Watch, before: Collection[str]) -> bool:
        """Advance the neurons; false where the observer, or a simulator stopped by Ctrl-C, ended it early."""
        cast(Advancing, self.dynamics).advance(self.due, watch, lambda: self._more(watch, before))
        going = self.settle()
        return not (watch.stopped or (going and self.due))

    def _more(self, watch: _Watch, before: Collection[str]) -> int:
        """Execute the instructions after a RUN from within the back end; returns the steps of the next RUN, 0 to return."""
        stop = Stop.MORE
        while stop is Stop.MORE and watch(self.step) and not self._stands_before(before):
            stop = self.proceed(_INSTRUCTIONS_BETWEEN_LOOKS, before)
        return self.due if stop is Stop.RUN else 0


class _Watch:
    """Periodic progress report to an observer."""

    def __init__(self, run: Interpreter, observer: Observer | None) -> None:
        self.run, self.observer = run, observer
        self.stopped, self.reported = False, time.monotonic()

    def __call__(self, steps: int) -> bool:
        """Whether the run is to go on."""
        if self.observer is None:
            return True
        now = time.monotonic()
        if now - self.reported >= _BETWEEN_REPORTS and not self.stopped:
            self.reported = now
            lowest = float(self.run.dynamics.best().energy.min()) if self.run.allocated else math.inf
            best = lowest + self.run.offset if lowest < math.inf else math.nan
            self.stopped = not self.observer(Progress(steps, self.run.run_end, best))
        return not self.stopped


def _zero() -> float:
    return 0.0


# --- noise, time and registers: what the compiled loop does itself ------------------------------------


def boundary(time: float, step: float) -> int:
    """The number of steps until `time`: the first step boundary that is not before it."""
    nearest = math.floor(time / step + 0.5)
    return nearest if abs(nearest * step - time) / step <= _WHOLE_STEP else math.ceil(time / step)


def _run(run: Interpreter, instruction: Resolved) -> None:
    """RUN: set where it ends. What remains of a step is carried over."""
    duration, length = run.value(instruction.operands[0]), run.dynamics.step_length
    if not 0.0 <= duration < math.inf:
        raise fault(f"RUN got {duration:g}; a duration is a finite number of at least 0", instruction)
    if (run.clock + duration) / length > limit("steps"):
        raise fault(f"RUN asks for more than {limit('steps')} steps in all", instruction)
    run.clock += duration
    run.run_end = max(boundary(run.clock, length), run.step)
    run.dynamics.best()  # the state that a run starts from counts


def _sig(run: Interpreter, instruction: Resolved) -> None:
    own = run.by_lane(instruction.operands[0])
    levels = [run.value(instruction.operands[0])] if own is None else own[:, 0].tolist()
    for level in (min(levels), max(levels)):
        if not 0.0 <= level < math.inf:
            raise fault(f"SIG got {level:g}; noise is a finite number of at least 0", instruction)
    run.set_noise(levels[0], None if own is None else own[:, 0])


def _ldo(run: Interpreter, instruction: Resolved) -> None:
    offset = run.value(instruction.operands[0])
    if not math.isfinite(offset):
        raise fault(f"LDO got {offset:g}; an offset is a finite number", instruction)
    run.set_offset(offset)


def _get(run: Interpreter, instruction: Resolved) -> None:
    """GET: the spike count of all lanes, the lowest energy of all lanes, or a value that is the same in all."""
    if is_over_lanes(instruction):
        reduce_lanes(run, instruction)
    else:
        run.set_register(destination(instruction), alike(run, instruction))


def _out(run: Interpreter, instruction: Resolved) -> None:
    run.emit(output_name(instruction), run.value(instruction.operands[0]))


def _hlt(run: Interpreter, instruction: Resolved) -> None:
    """HLT: jump to the end of the program, which costs no fuel."""
    run.fuel += 1
    run.pc = len(run.verified.instructions)


_CONTROL: dict[str, Meaning] = {
    "RUN": _run,
    "SIG": _sig,
    "LDO": _ldo,
    "GET": _get,
    "PEEK": reduce_lanes,
    "OUT": _out,
    "HLT": _hlt,
}
COVERED = frozenset({*MEANINGS, *_CONTROL, *COMPUTED, *HOLDS, "JMP", "LOOP"})  # every mnemonic that is implemented here
