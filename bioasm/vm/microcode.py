"""Microcode: host instructions that only move data become micro-operations of the compiled loop (inline caching).

The host executes such an instruction twice. After that its row of the program lists what it reads and writes, as addresses, and
the loop repeats it. An instruction that may move arrays, or change what a reset restores, drops all microcode.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import ConstantRef, DataRef, Name, Operand, Quantity, Register
from bioasm.network.references import InputRef, Reference, Resolved, VariableRef
from bioasm.runtime.instructions import operand
from bioasm.runtime.run import Run
from bioasm.vm.dynamics import CompiledDynamics
from bioasm.vm.layout import MICRO, Micro
from bioasm.vm.program_code import HANDED_OVER
from bioasm.vm.state import Origin

Array = NDArray[Any]
Row = tuple[int, int, int, int, int]  # the columns of the table of micro-operations: kind, to, from, base, size

_MOST_BYTES = 1 << 18  # of one reading or reset, beyond which a detour through the host does not matter
_MOVED = ("CUR", "INP", "RST", "RD")
# Other instructions of the host that leave all arrays where they are, and what a reset restores as it is.
_HARMLESS = frozenset({*_MOVED, "MERGE", "CXCH", "COPY", "BLK", "REC", "UNREC", "GET", "PEEK", "OUT"})


class Microcode:
    """The micro-operations of a machine's neurons; `settle` tells the host what the loop has done with them."""

    def __init__(self, run: Run, model: CompiledDynamics) -> None:
        self._run, self._model, self._state = run, model, model.state
        self._served: set[int] = set()  # instructions that the host has executed since microcode was dropped
        self._kept: dict[int, list[Array]] = {}  # arrays whose addresses stand in the microcode of an instruction
        self._notes: dict[InputRef, Array] = {}  # by input: the index of the instruction that set it last, and the step
        self._moves: dict[str, Callable[[int, Resolved], tuple[list[Row], list[Array]] | None]] = {
            "CUR": self._of_input,
            "INP": self._of_input,
            "RST": self._of_reset,
            "RD": self._of_reading,
        }

    def note(self, pc: int, instruction: Resolved) -> None:
        """The host has executed an instruction: write its microcode, or drop what it may have made wrong."""
        if instruction.mnemonic not in _HARMLESS:
            if self._served:
                self._drop()
        elif instruction.mnemonic in self._moves:
            if pc in self._served and pc not in self._kept:
                self._write(pc, self._moves[instruction.mnemonic](pc, instruction))
            self._served.add(pc)

    def settle(self) -> None:
        """Let the host's records of inputs tell which instructions the loop has executed."""
        for ref, last in self._notes.items():
            if last[0] >= 0:
                self._model.note_input(ref, Origin(int(last[0]), int(last[1])))
                last[0] = -1

    def _drop(self) -> None:
        for pc in self._kept:
            self._state["CODE"][pc, 0] = HANDED_OVER
        self._served, self._kept = set(), {}

    def _write(self, pc: int, made: tuple[list[Row], list[Array]] | None) -> None:
        if made is None:
            self._kept[pc] = []  # not asked again
            return
        table = np.array(made[0], np.int64)
        self._kept[pc] = [table, *made[1]]
        self._state["CODE"][pc] = MICRO, table.ctypes.data, len(table), 0

    # --- inputs -------------------------------------------------------------------------------------

    def _of_input(self, pc: int, instruction: Resolved) -> tuple[list[Row], list[Array]] | None:
        """CUR, INP of one number for all neurons: the number, if it is finite, and what the default and it add up to."""
        ref = instruction.operands[0]
        if not isinstance(ref, InputRef) or ref not in self._plain_inputs:
            return None
        number, cells = self._place_of(instruction.operands[1]), self._model.input_arrays(ref)
        note = self._notes.setdefault(ref, np.array([-1, 0], np.int64))
        rows: list[Row] = [(Micro.FINITE, 0, _at(number), 0, 0), (Micro.COPY, _at(cells.added), _at(number), 0, 8)]
        rows += [(Micro.ADD, _at(sums), _at(number), _at(cells.default), sums.size) for sums in cells.sums]
        return [*rows, (Micro.NOTE, _at(note), 0, 0, 0)], [number, cells.default]

    @cached_property
    def _plain_inputs(self) -> set[InputRef]:
        """The inputs to which the program only ever adds one number for all neurons and lanes."""
        inputs = [i for i in self._run.verified.instructions if i.mnemonic in ("CUR", "INP")]
        other = {i.operands[0] for i in inputs if not self._is_plain(i)}
        return {i.operands[0] for i in inputs if isinstance(i.operands[0], InputRef)} - other

    def _is_plain(self, instruction: Resolved) -> bool:
        ref, value, how = instruction.operands[0], instruction.operands[1], operand(instruction, 2)
        adds = how is None or (isinstance(how, Name) and how.text == "add")
        alike = isinstance(value, Register | Quantity | ConstantRef) and self._run.by_lane(value) is None
        return adds and alike and isinstance(ref, InputRef) and ref.part is None

    def _place_of(self, value: Operand | Reference) -> Array:
        """Where the number of an operand stands: a register, or an array of its own."""
        if isinstance(value, Register):
            return self._state["VALUES"][value.index : value.index + 1]
        assert not isinstance(value, DataRef)
        return np.full(1, self._run.value(value))

    # --- resets and readings ------------------------------------------------------------------------

    def _of_reset(self, pc: int, instruction: Resolved) -> tuple[list[Row], list[Array]] | None:
        """RST: what the reset that the host has just done wrote."""
        written = self._model.written_by_reset()
        if written is None or not _are_small(written):
            return None
        images = [array.copy() for array in written]
        rows = [(Micro.COPY, _at(a), _at(image), 0, a.nbytes) for a, image in zip(written, images, strict=True)]
        return [*([] if self._model.spiking else [(Micro.LEAVE, 0, 0, 0, 0)]), *rows], images

    def _of_reading(self, pc: int, instruction: Resolved) -> tuple[list[Row], list[Array]] | None:
        """RD of a variable that cells hold: they are put out as they are."""
        ref = instruction.operands[0]
        if not isinstance(ref, VariableRef) or ref.part is not None or self._run.elimination is not None:
            return None
        cells = self._model.cells_read(ref)
        if cells is None or not _are_small([cells]):
            return None
        header = self._model.outputs.reads.add(pc, ref.word, cells, _MOST_BYTES)
        return [(Micro.PUT, _at(header), _at(cells), 0, cells.nbytes)], [header]


def _at(array: Array) -> int:
    return array.ctypes.data


def _are_small(arrays: Iterable[Array]) -> bool:
    """Whether arrays are contiguous, and few enough bytes."""
    listed = list(arrays)
    return all(a.flags.c_contiguous for a in listed) and math.fsum(a.nbytes for a in listed) <= _MOST_BYTES
