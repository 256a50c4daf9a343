"""Execution tracing of numbers read over lanes: what a piece of a run reports so that OUT can be computed for all lanes.

The verifier says which instructions write or read a register that may hold such a number. Those are executed here, in Python,
and recorded as a program in static single assignment form (`results/piece.py`); all others run as usual.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import error
from bioasm.isa.limits import limit
from bioasm.isa.program import Operand, Register
from bioasm.isa.table import OPCODES
from bioasm.memory import memory
from bioasm.network.references import Reference, Resolved
from bioasm.results.piece import OUT, Piece, Trace
from bioasm.runtime.arithmetic import COMPUTED
from bioasm.runtime.options import RunOptions
from bioasm.runtime.readings import COMBINED, alike, destination, output_name, per_lane
from bioasm.runtime.run import Run
from bioasm.verifier.lanes import is_over_lanes

Array = NDArray[Any]
_STEP_BYTES = 200  # per step, in Python's lists
_COPIES = 3  # of the trace, while a result is composed


class LaneTrace:
    """The trace so far. `held` maps registers to the step whose value they hold; others hold numbers common to all pieces."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, int]] = []
        self.values: list[Array] = []
        self.constants: dict[str, int] = {}  # by their hexadecimal form, which distinguishes 0 from -0
        self.held: dict[int, int] = {}
        self.bytes, self.most = 0, min(limit("record_bytes"), memory() // _COPIES)

    def read(self, register: int, way: int, values: Array) -> None:
        """Record that a register got a reading over lanes; `values` (lanes,) are those of each lane."""
        self.values.append(np.array(values, np.float64))
        self.bytes += self.values[-1].nbytes
        self.held[register] = self._step(way, len(self.values) - 1, 0)

    def forget(self, register: int) -> None:
        """Record that a register got a number common to all pieces."""
        self.held.pop(register, None)

    def compute(self, mnemonic: str, register: int, operands: list[int | float]) -> None:
        """Record that a register got the result of arithmetic on steps (ints, at least one) and constants (floats)."""
        a, b = (self._operand(o) for o in (*operands, 0.0)[:2])
        self.held[register] = self._step(OPCODES[mnemonic], a, b)

    def emit(self, register: int, at: int) -> None:
        """Record that result `at` is the value of a register."""
        if register in self.held:
            self._step(OUT, self.held[register], at)

    def taken(self) -> Trace:
        """The trace as arrays."""
        values = np.array(self.values) if self.values else np.zeros((0, 0))
        return Trace(np.array(self.steps, np.int64).reshape(-1, 3), values, tuple(map(float.fromhex, self.constants)))

    def restore(self, trace: Trace, held: dict[int, int]) -> None:
        """Continue from a saved trace."""
        self.steps, self.values = [(a, b, c) for a, b, c in trace.steps.tolist()], list(trace.values)
        self.constants = {value.hex(): k for k, value in enumerate(trace.constants)}
        self.held, self.bytes = held, trace.values.nbytes + _STEP_BYTES * len(self.steps)

    def _operand(self, operand: int | float) -> int:
        if isinstance(operand, int):
            return operand
        return -1 - self.constants.setdefault(operand.hex(), len(self.constants))

    def _step(self, what: int, a: int, b: int) -> int:
        self.steps.append((what, a, b))
        self.bytes += _STEP_BYTES
        if self.bytes > self.most:
            hint = "read less often, or cut smaller pieces"
            raise error("B403", f"readings over lanes take {self.bytes / 1e9:.1f} GB", hint=hint)
        return len(self.steps) - 1


def execute_traced(run: Run, trace: LaneTrace, instruction: Resolved) -> None:
    """Execute an instruction that may read or write a number over lanes, and record it."""
    if instruction.mnemonic == "OUT":
        _emit(run, trace, instruction)
    elif instruction.mnemonic in COMPUTED:
        _compute(run, trace, instruction)
    elif is_over_lanes(instruction):
        way, values = per_lane(run, instruction)
        run.set_register(destination(instruction), COMBINED[way](values))
        trace.read(destination(instruction), way, values)
    else:
        run.set_register(destination(instruction), alike(run, instruction))
        trace.forget(destination(instruction))


def _emit(run: Run, trace: LaneTrace, instruction: Resolved) -> None:
    (value, *_) = instruction.operands
    run.emit(output_name(instruction), run.value(value))
    if isinstance(value, Register):
        trace.emit(value.index, len(run.readings) - 1)


def _compute(run: Run, trace: LaneTrace, instruction: Resolved) -> None:
    to, given = destination(instruction), instruction.operands[1:]
    values = [run.value(operand) for operand in given]
    sources = [_source(trace, operand, value) for operand, value in zip(given, values, strict=True)]
    run.set_register(to, COMPUTED[instruction.mnemonic](*(*values, 0.0)[:2]))
    if any(isinstance(one, int) for one in sources):
        trace.compute(instruction.mnemonic, to, sources)
    else:
        trace.forget(to)


def _source(trace: LaneTrace, operand: Operand | Reference, value: float) -> int | float:
    """An operand of arithmetic in the trace: the step that its register holds, or its value."""
    return trace.held.get(operand.index, value) if isinstance(operand, Register) else value


def piece_of_run(options: RunOptions, trace: LaneTrace) -> Piece | None:
    """The Piece of a Result, for a run of a part of all lanes or of copies; None for a run of all lanes."""
    span = options.span
    if not span.is_traced:
        return None
    return Piece(span.first, span.everyone, trace.taken(), dict(options.parameters))
