"""Adapter of pykoppu's programs (lists of Instruction objects) and of its drivers' results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bioasm.diagnostics import did_you_mean, error
from bioasm.isa.program import DataBlock, DataRef, Dense, Instruction, Name, Operand, Program, Quantity
from bioasm.isa.storage import narrow
from bioasm.isa.table import BY_MNEMONIC, Row
from bioasm.results import Result


class Outcome(tuple[Any, list[float], tuple[Any, Any]]):
    """The triple (state, energy history, (spike times in ms, indices)) of lane 0; `result` is the whole Result."""

    result: Result

    @classmethod
    def of(cls, result: Result) -> Outcome:
        """The triple of a result."""
        outcome = cls((result.state[0], result.energy_history, result.spike_data))
        outcome.result = result
        return outcome


def program_from_instructions(instructions: Iterable[Any]) -> Program:
    """A Program from objects with an `opcode` (that has a name, or is a mnemonic) and a list `operands`.

    This form has no jumps. Raises BioasmError for an unknown mnemonic (B002) or an invalid operand (B004).
    """
    data: list[DataBlock] = []
    found = []
    for instruction in instructions:
        row = _row(instruction)
        found.append(Instruction(row, tuple(_operand(row, o, data) for o in getattr(instruction, "operands", ()))))
    return Program(tuple(found), data=tuple(data))


def _row(instruction: Any) -> Row:
    opcode = getattr(instruction, "opcode", None)
    name = str(getattr(opcode, "name", opcode)).upper()
    if name not in BY_MNEMONIC:
        raise error("B002", f"no instruction is called {name}", hint=did_you_mean(name, BY_MNEMONIC))
    return BY_MNEMONIC[name]


def _operand(row: Row, value: Any, data: list[DataBlock]) -> Operand:
    import numpy as np

    if isinstance(value, str):
        return Name(value)
    try:
        array = np.asarray(value)
        if array.ndim == 0:
            return Quantity(float(array))
    except (TypeError, ValueError) as cause:
        raise error("B004", f"{row.mnemonic} got an operand that is no number, word or array: {cause}") from cause
    if array.dtype.kind not in "biuf":
        raise error("B010", f"{row.mnemonic} got an array that is not of numbers, or with rows of different length")
    try:
        data.append(DataBlock(Dense(narrow(np.ascontiguousarray(array)))))  # stored as from the printed text
    except ValueError as cause:
        raise error("B010", f"{row.mnemonic} got an array that can't be stored: {cause}") from cause
    return DataRef(len(data) - 1)
