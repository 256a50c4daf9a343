"""The control flow of a program in plain Python: registers, jumps and results. What concerns neurons is the world's.

It follows the compiled machine of `bioasm.vm` instruction by instruction, so that a program takes the same path on both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum, auto

import numpy as np

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, Instruction, Name, Operand, Quantity, Register, Target
from bioasm.isa.verify import Verified
from bioasm.results.result import Reading
from bioasm.runtime.arithmetic import COMPUTED, HOLDS


class Stop(Enum):
    """Why the interpreter came back."""

    RUN = auto()  # a RUN has begun, and the world has to go on to its end
    HALT = auto()
    FUEL = auto()
    MORE = auto()  # it did as many instructions as it was asked for


class World(ABC):
    """What a program acts on."""

    @abstractmethod
    def do(self, mnemonic: str, instruction: Instruction) -> None:
        """Do an instruction that concerns neurons. Raises BioasmError."""

    @abstractmethod
    def run(self, duration: float, instruction: Instruction) -> None:
        """Begin a RUN. Raises BioasmError."""

    @abstractmethod
    def scalar(self, what: str) -> float:
        """What GET reads."""

    @abstractmethod
    def peek(self, variable: str, neuron: int) -> float:
        """What PEEK reads."""


class Interpreter:
    """A verified program at some point of its run. `fuel` bounds instructions; the world takes its steps from it as well."""

    def __init__(self, verified: Verified, world: World, fuel: int) -> None:
        self.program, self.world, self.fuel = verified.program, world, fuel
        self.pc = 0
        self.registers = np.zeros(limit("registers"))
        self.readings: list[Reading] = []

    def proceed(self, most: int) -> Stop:
        """Do instructions until a RUN begins, the program or its fuel ends, or `most` are done. Raises BioasmError."""
        for _ in range(most):
            if self.pc >= len(self.program.instructions):
                return Stop.HALT
            if self.fuel <= 0:
                return Stop.FUEL
            instruction = self.program.instructions[self.pc]
            if instruction.mnemonic == "HLT":
                return Stop.HALT
            self.fuel -= 1
            self.pc += 1
            self._do(instruction)
            if instruction.mnemonic == "RUN":
                return Stop.RUN
        return Stop.MORE

    def value(self, operand: Operand) -> float:
        """The number that an operand stands for now."""
        if isinstance(operand, Register):
            return float(self.registers[operand.index])
        assert isinstance(operand, Quantity | ConstantRef)
        return self.program.quantity(operand).value

    def emit(self, what: str, value: object) -> None:
        """Append one result. Raises BioasmError B111."""
        if len(self.readings) >= limit("results"):
            raise BioasmError(Diagnostic("B111", f"the program emits more than {limit('results')} results"))
        self.readings.append(Reading(what, value))  # type: ignore[arg-type]

    def _do(self, instruction: Instruction) -> None:
        mnemonic, operands = instruction.mnemonic, instruction.operands
        if mnemonic in COMPUTED:
            a, b = (*map(self.value, operands[1:]), 0.0)[:2]
            self._write(operands[0], COMPUTED[mnemonic](a, b))
        elif mnemonic in HOLDS:
            if HOLDS[mnemonic](self.value(operands[0]), self.value(operands[1])):
                self._jump(operands[2])
        elif mnemonic in _OTHERS:
            _OTHERS[mnemonic](self, instruction)
        else:
            self.world.do(mnemonic, instruction)

    def _write(self, operand: Operand, value: float) -> None:
        assert isinstance(operand, Register)
        self.registers[operand.index] = value

    def _jump(self, operand: Operand) -> None:
        assert isinstance(operand, Target)
        self.pc = operand.index

    def _loop(self, instruction: Instruction) -> None:
        counter, target = instruction.operands
        left = self.value(counter) - 1.0
        self._write(counter, left)
        if left > 0:
            self._jump(target)

    def _out(self, instruction: Instruction) -> None:
        value, *named = instruction.operands
        self.emit(named[0].text if named and isinstance(named[0], Name) else "value", self.value(value))

    def _get(self, instruction: Instruction) -> None:
        to, what = instruction.operands
        assert isinstance(what, Name)
        self._write(to, self.world.scalar(what.text))

    def _peek(self, instruction: Instruction) -> None:
        to, variable, neuron = instruction.operands
        assert isinstance(variable, Name)
        self._write(to, self.world.peek(variable.text, self.index(neuron, instruction)))

    def index(self, operand: Operand, instruction: Instruction) -> int:
        """The index of a neuron. Raises BioasmError B402 where there is no such neuron."""
        value, n = self.value(operand), self.world_size
        if not (0 <= value < n and value == np.floor(value)):
            text = f"neuron {value:g} does not exist; indices go from 0 to {n - 1}"
            raise BioasmError(Diagnostic("B402", text, instruction.span))
        return int(value)

    world_size = 0  # neurons; set by the world at ALC


_OTHERS: dict[str, Callable[[Interpreter, Instruction], None]] = {
    "JMP": lambda i, instruction: i._jump(instruction.operands[0]),
    "LOOP": Interpreter._loop,
    "OUT": Interpreter._out,
    "GET": Interpreter._get,
    "PEEK": Interpreter._peek,
    "RUN": lambda i, instruction: i.world.run(i.value(instruction.operands[0]), instruction),
}
