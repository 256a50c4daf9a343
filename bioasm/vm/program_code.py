"""A program as the compiled loop executes it: a row of numbers an instruction, and a table of the numbers that it names."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, Operand, Quantity, Register, Target
from bioasm.isa.table import ROWS, Trait
from bioasm.network.references import Reference, RunRef, VariableRef
from bioasm.runtime.interpreter import output_name
from bioasm.verifier.gate import Verified
from bioasm.vm.dynamics import CompiledDynamics
from bioasm.vm.layout import OF_POPULATION, Ctx, Scalar

HOST = frozenset(row.mnemonic for row in ROWS if Trait.HOST in row.traits)  # what the compiled loop hands over


class ProgramCode:
    """Encodes a verified program for the compiled loop."""

    def __init__(self, verified: Verified) -> None:
        self.verified = verified

    def bind(self, model: CompiledDynamics) -> None:
        """Put the program and its numbers into the State of some neurons: CODE (length + 1, 4) and VALUES."""
        numbers: list[float] = [0.0] * limit("registers")
        code = np.zeros((len(self.verified.instructions) + 1, 4), np.int64)
        for row, instruction in zip(code, self.verified.instructions, strict=False):
            row[0] = instruction.row.opcode
            for at, operand in enumerate(instruction.operands, 1) if instruction.mnemonic not in HOST else ():
                row[at] = self._operand(model, instruction.mnemonic, operand, numbers)
        model.state.bind("CODE", code)
        model.state.bind("VALUES", np.array(numbers))
        model.state.ctx[Ctx.CODE_LENGTH] = len(self.verified.instructions)

    def _operand(self, model: CompiledDynamics, mnemonic: str, operand: Operand | Reference, numbers: list[float]) -> int:
        """An operand as a number: a place in the values, a target, or the code of what GET and PEEK read."""
        if isinstance(operand, Register | Target):
            return operand.index
        if isinstance(operand, Quantity | ConstantRef):
            numbers.append(self.verified.program.quantity(operand).value)
            return len(numbers) - 1
        if isinstance(operand, VariableRef) and mnemonic == "PEEK":
            return model.variable(operand)
        if isinstance(operand, VariableRef) and operand.owner:  # the spikes of one population
            return OF_POPULATION + self.verified.network.by_name[operand.owner].population
        return int(Scalar[operand.name.upper()]) if isinstance(operand, RunRef | VariableRef) else 0

    @cached_property
    def output_names(self) -> dict[int, str]:
        """What each OUT calls its number, by its place in the program."""
        return {pc: output_name(i) for pc, i in enumerate(self.verified.instructions) if i.mnemonic == "OUT"}

    def reading_names(self) -> frozenset[str]:
        """What results of RD and OUT can be called."""
        read = (i.operands[0] for i in self.verified.instructions if i.mnemonic == "RD")
        return frozenset(self.output_names.values()) | {ref.word for ref in read if isinstance(ref, RunRef | VariableRef)}
