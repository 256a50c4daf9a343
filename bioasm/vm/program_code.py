"""Encoding of a program for the compiled loop: a row of integers per instruction, and a table of values."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

import numpy as np

from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, Operand, Quantity, Register, Target
from bioasm.isa.table import ROWS, Trait
from bioasm.network.references import Reference, RunRef, VariableRef
from bioasm.runtime.readings import output_name
from bioasm.verifier.gate import Verified
from bioasm.vm.dynamics import CompiledDynamics
from bioasm.vm.layout import OF_POPULATION, Ctx, Scalar

HOST = frozenset(row.mnemonic for row in ROWS if Trait.HOST in row.traits)  # instructions that the host executes
HANDED_OVER = 0  # no instruction's opcode


class ProgramCode:
    """Encoder of a verified program for the compiled loop.

    The loop returns to the host also for the instructions in `traced`, and those with mnemonics in `handed`."""

    def __init__(self, verified: Verified, traced: Collection[int] = (), handed: Collection[str] = ()) -> None:
        self.verified, self.traced, self.handed = verified, traced, HOST.union(handed)

    @cached_property
    def of_parts(self) -> frozenset[int]:
        """The GETs and PEEKs of a part of a population, which the host executes."""
        read = [(pc, i.operands[1]) for pc, i in enumerate(self.verified.instructions) if i.mnemonic in ("GET", "PEEK")]
        return frozenset(pc for pc, what in read if isinstance(what, VariableRef) and what.part is not None)

    def is_host(self, pc: int) -> bool:
        """Whether the host executes an instruction."""
        return pc in self.traced or pc in self.of_parts or self.verified.instructions[pc].mnemonic in self.handed

    def bind(self, model: CompiledDynamics) -> None:
        """Bind the encoded program to a State: CODE (length + 1, 4) and VALUES."""
        numbers: list[float] = [0.0] * limit("registers")
        code = np.zeros((len(self.verified.instructions) + 1, 4), np.int64)
        for pc, instruction in enumerate(self.verified.instructions):
            code[pc, 0] = HANDED_OVER if self.is_host(pc) else instruction.row.opcode
            for at, operand in enumerate(instruction.operands, 1) if not self.is_host(pc) else ():
                code[pc, at] = self._operand(model, instruction.mnemonic, operand, numbers)
        model.state.bind("CODE", code)
        model.state.bind("VALUES", np.array(numbers))
        model.state.ctx[Ctx.CODE_LENGTH] = len(self.verified.instructions)

    def _operand(self, model: CompiledDynamics, mnemonic: str, operand: Operand | Reference, numbers: list[float]) -> int:
        """Encode an operand: an index of the values, a target, or the code of a reading of GET and PEEK."""
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
        """The name of each OUT by its index in the program."""
        return {pc: output_name(i) for pc, i in enumerate(self.verified.instructions) if i.mnemonic == "OUT"}

    def reading_names(self) -> frozenset[str]:
        """The possible names of results of RD and OUT."""
        read = (i.operands[0] for i in self.verified.instructions if i.mnemonic == "RD")
        return frozenset(self.output_names.values()) | {ref.word for ref in read if isinstance(ref, RunRef | VariableRef)}
