"""The interpreter: executes a verified program instruction by instruction and lets the neurons run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.drivers.base import Observer, Progress, RunOptions
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, Instruction, Name, Operand, Quantity, Register, Target
from bioasm.isa.verify import Verified
from bioasm.results import Reading
from bioasm.runtime.arithmetic import COMPUTED, HOLDS
from bioasm.runtime.dynamics import Driven, Dynamics
from bioasm.runtime.energy import Landscape

Make = Callable[["Interpreter", Instruction], Dynamics]
Deed = Callable[["Interpreter", Instruction], None]

_BETWEEN_REPORTS = 0.1  # seconds
_INSTRUCTIONS_BETWEEN_LOOKS = 256
APART = frozenset({"SPK", "POI", "EVT", "RATE"})  # they make objects of the simulator
_WHOLE_STEP = 1e-4  # a time this close to a step boundary, in steps, is that boundary


class Interpreter:
    """One run: registers, the place in the program, the clock, and what was put out.

    `make` makes the neurons that ALC asks for; `deeds` is what each instruction that is no arithmetic does.
    """

    def __init__(
        self, verified: Verified, options: RunOptions, observer: Observer | None, make: Make, deeds: Mapping[str, Deed]
    ) -> None:
        self.verified, self.program, self.options, self.observer = verified, verified.program, options, observer
        self.make, self.deeds = make, deeds
        self.network = verified.network
        self.parameters = self._defaults() | {self.whole_name(n): v for n, v in options.parameters.items()}
        self.registers = [0.0] * limit("registers")
        self.place, self.fuel = 0, options.fuel
        self.clock, self.run_end = 0.0, 0
        self.noise, self.offset = verified.model.noise_default, 0.0
        self.noise_is_set = False
        self.landscape = Landscape(0)
        self.neurons: Dynamics | None = None
        self.readings: list[Reading] = []
        self.recorded: list[Any] = []
        self.status: str | None = None
        self.stopped, self._reported = False, time.monotonic()
        self._executed, self._asked, self._settled = 0, 0, 0
        self._acts = [self._act(i) for i in self.program.instructions]

    # --- parameters -----------------------------------------------------------------------------------

    def _defaults(self) -> dict[str, float]:
        """All parameters by `part.name`, and `dt`, of which there is one."""
        every = {f"{one.name}.{p.name}": p.default for one in self.network.instances() for p in one.model.parameters}
        step = self.verified.model.parameter("dt")
        return every | ({"dt": step.default} if step else {})

    def whole_name(self, word: str) -> str:
        """A parameter's name with its part's; a bare one belongs to the first part that has it."""
        if word == "dt" or "." in word:
            return word
        owner = next((one for one in self.network.instances() if one.model.parameter(word) is not None), None)
        return f"{owner.name}.{word}" if owner else word

    # --- the program ----------------------------------------------------------------------------------

    def run(self) -> str:
        """Execute until the end, the end of the fuel, or until the observer asks to stop; returns the status."""
        while self.status is None:
            piece = self._next()
            if piece:
                self.alive.advance(piece, self.watch, lambda: self._next(within=True))
        return self.status

    def _next(self, within: bool = False) -> int:
        """Execute up to the next RUN; returns how many steps it takes, 0 where the program ended.

        `within` a run of the simulator, whose objects can't be changed then, also 0 before an instruction that changes them.
        """
        self._settle()
        while self.status is None and not (within and self._stands_apart()):
            if self.place >= len(self._acts):
                self.status = "finished"
            elif self.fuel <= 0:
                self.status = "out of fuel"
            else:
                piece = self._execute()
                if piece:
                    return piece
        return 0

    def _stands_apart(self) -> bool:
        return self.place < len(self._acts) and self.program.instructions[self.place].mnemonic in APART

    def _execute(self) -> int:
        """One instruction; returns how many steps it asks for."""
        self.fuel -= 1
        here = self.place
        self.place += 1
        self._acts[here]()
        self._executed += 1
        if self._executed % _INSTRUCTIONS_BETWEEN_LOOKS == 0 and not self.watch(self.step):
            self.status = "interrupted"
        piece, self._asked = self._asked, 0
        return piece

    def _settle(self) -> None:
        """What steps that were run change: fuel, and whether the run ended in their midst."""
        if self.step == self._settled:
            return
        self.fuel -= self.step - self._settled
        self._settled = self.step
        self._check_finite()
        if self.stopped:
            self.status = "interrupted"
        elif self.step < self.run_end:  # a program that imported Brian2 itself lets it stop on Ctrl-C
            self.status = "out of fuel" if self.fuel <= 0 else "interrupted"

    def _act(self, instruction: Instruction) -> Callable[[], None]:
        """An instruction as a function without arguments, its operands looked up once."""
        mnemonic = instruction.mnemonic
        if mnemonic in COMPUTED:
            return self._compute(instruction)
        if mnemonic in HOLDS or mnemonic in ("JMP", "LOOP"):
            return self._jump(instruction)
        if mnemonic == "HLT":
            return self._halt
        deed = self.deeds[mnemonic]
        return lambda: deed(self, instruction)

    def _compute(self, instruction: Instruction) -> Callable[[], None]:
        to, *given = instruction.operands
        assert isinstance(to, Register)
        a, b = (*map(self.reader, given), _zero)[:2]
        compute, registers, at = COMPUTED[instruction.mnemonic], self.registers, to.index

        def act() -> None:
            registers[at] = compute(a(), b())

        return act

    def _jump(self, instruction: Instruction) -> Callable[[], None]:
        *given, target = instruction.operands
        assert isinstance(target, Target)
        to, mnemonic = target.index, instruction.mnemonic
        if mnemonic == "LOOP":
            (counter,) = given
            assert isinstance(counter, Register)
            taken = self._counting(counter.index)
        elif mnemonic == "JMP":
            taken = _always
        else:
            holds, (a, b) = HOLDS[mnemonic], map(self.reader, given)
            taken = lambda: holds(a(), b())  # noqa: E731

        def act() -> None:
            if taken():
                self.place = to

        return act

    def _counting(self, at: int) -> Callable[[], bool]:
        def taken() -> bool:
            self.registers[at] -= 1.0
            return self.registers[at] > 0.0

        return taken

    def _halt(self) -> None:
        self.fuel += 1  # the end of a program costs nothing, however it is reached
        self.place = len(self._acts)

    # --- operands -------------------------------------------------------------------------------------

    def reader(self, operand: Operand) -> Callable[[], float]:
        """A function that gives the number that an operand stands for when it is called."""
        if isinstance(operand, Register):
            registers, at = self.registers, operand.index
            return lambda: registers[at]
        assert isinstance(operand, Quantity | ConstantRef)
        value = float(self.program.quantity(operand).value)
        return lambda: value

    def fault(self, text: str, instruction: Instruction, code: str = "B402") -> BioasmError:
        """An error at an instruction."""
        return BioasmError(Diagnostic(code, text, instruction.span))

    def emit(self, what: str, value: Any) -> None:
        """Append one result."""
        if len(self.readings) >= limit("results"):
            raise BioasmError(Diagnostic("B111", f"the program emits more than {limit('results')} results"))
        self.readings.append(Reading(what, value))

    # --- time -----------------------------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Steps done."""
        return self.neurons.step if self.neurons else 0

    @property
    def alive(self) -> Dynamics:
        """The neurons. The gate has seen to it that ALC or POP came first."""
        assert self.neurons is not None
        return self.neurons

    @property
    def driven(self) -> Driven:
        """The neurons, of a model that has inputs; the gate has seen to that."""
        return cast(Driven, self.alive)

    def run_for(self, duration: float, instruction: Instruction) -> None:
        """Ask for steps until the first step boundary that is not before the time asked for."""
        neurons = self.alive
        if not 0.0 <= duration < math.inf:
            raise self.fault(f"RUN got {duration:g}; a duration is a finite number of at least 0", instruction)
        if (self.clock + duration) / neurons.step_length > limit("steps"):
            raise self.fault(f"RUN asks for more than {limit('steps')} steps in all", instruction)
        self.clock += duration
        self.run_end = max(boundary(self.clock, neurons.step_length), neurons.step)
        neurons.look()
        self._asked = min(self.run_end - neurons.step, self.fuel)
        if self._asked < self.run_end - neurons.step and not self._asked:
            self.status = "out of fuel"

    def _check_finite(self) -> None:
        neurons = self.alive
        flaw = neurons.fault()
        if flaw is not None:
            unit = "s" if neurons.has_spikes else "sweeps"
            when = f"{neurons.step * neurons.step_length:g} {unit}"
            raise BioasmError(Diagnostic("B407", f"{flaw} left the finite range before {when}"))

    def watch(self, steps: int) -> bool:
        """Tell the observer now and then how far the run is; False where it is to end."""
        if self.observer is None:
            return True
        now = time.monotonic()
        if now - self._reported >= _BETWEEN_REPORTS and not self.stopped:
            self._reported = now
            lowest = float(self.neurons.best.energy.min()) if self.neurons else math.inf
            best = lowest + self.offset if lowest < math.inf else math.nan
            self.stopped = not self.observer(Progress(steps, self.run_end, best))
        return not self.stopped


def _zero() -> float:
    return 0.0


def _always() -> bool:
    return True


def boundary(time: float, step: float) -> int:
    """The number of steps until `time`: the first step boundary that is not before it."""
    nearest = math.floor(time / step + 0.5)
    return nearest if abs(nearest * step - time) / step <= _WHOLE_STEP else math.ceil(time / step)


def output_name(instruction: Instruction) -> str:
    """What an OUT calls its number."""
    word = instruction.operands[1] if len(instruction.operands) > 1 else None
    return word.text if isinstance(word, Name) else "value"
