"""A run of some of all lanes: the lanes in its Result, and a trace of the numbers that it read over lanes.

The trace is a straight-line program in static single assignment form: readings over lanes with a value for each lane of the
piece, register arithmetic on them, and the results of OUT. `sweeps/merge.py` evaluates it for all lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.control_rows import ARITHMETIC_ROWS
from bioasm.isa.table import OPCODES

LOWEST, SUM, MEAN = range(3)  # reductions over lanes; lower than every opcode of arithmetic
OUT = OPCODES["OUT"]
_OPERATIONS = frozenset(row.opcode for row in ARITHMETIC_ROWS)
_READINGS = frozenset((LOWEST, SUM, MEAN))


@dataclass(frozen=True, eq=False, slots=True)
class Trace:
    """`steps` int64 (steps, 3): operation and operands.

    A reading is LOWEST, SUM or MEAN, its row in `values` float64 (readings, lanes), and 0. Arithmetic is the instruction's
    opcode and its two operands: the number of an earlier step, or -1 - k for `constants[k]`. OUT is its opcode, a step, and the
    place in the results of the run.
    """

    steps: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    values: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    constants: tuple[float, ...] = ()

    def flaw(self, lanes: int, results: int) -> str | None:
        """The fault of a trace that was read from a file, or None."""
        if self.steps.ndim != 2 or self.steps.shape[1] != 3 or self.values.ndim != 2:
            return "its steps or values have another shape"
        if len(self.values) and self.values.shape[1] != lanes:
            return "its values are of another number of lanes"
        read = 0
        for at, (what, a, b) in enumerate(self.steps.tolist()):
            if what in _READINGS:
                right, read = a == read < len(self.values), read + 1
            elif what in _OPERATIONS:
                right = all(-len(self.constants) <= operand < at for operand in (a, b))
            else:
                right = what == OUT and 0 <= a < at and 0 <= b < results
            if not right:
                return f"step {at} is none"
        return None if read == len(self.values) else "it has values that no step reads"


@dataclass(frozen=True, eq=False, slots=True)
class Piece:
    """Half-open range of lanes: `first_lane` to `first_lane` + the Result's `lanes`, of `all_lanes`; the Result counts from 0.

    `parameters` are those of the run's options, by their whole names, because the program's hash does not include them.
    """

    first_lane: int
    all_lanes: int
    trace: Trace = field(default_factory=Trace)
    parameters: Mapping[str, float] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Its tree in files; constants are hexadecimal floats, which are exact in JSON, including infinities."""
        tree: dict[str, Any] = {"first_lane": self.first_lane, "all_lanes": self.all_lanes}
        if self.parameters:
            tree["parameters"] = dict(self.parameters)
        if len(self.trace.steps):
            constants = [value.hex() for value in self.trace.constants]
            tree["trace"] = {"steps": self.trace.steps, "values": self.trace.values, "constants": constants}
        return tree


def piece_of(tree: dict[str, Any], lanes: int, results: int) -> Piece:
    """Parse the piece in a file's tree. Raises ValueError, TypeError or LookupError for an invalid one."""
    first, everyone = tree["first_lane"], tree["all_lanes"]
    if not (type(first) is int and type(everyone) is int and 0 <= first < first + lanes <= everyone):
        raise ValueError("a piece of lanes that there are not")
    parameters = {str(name): float(value) for name, value in tree.get("parameters", {}).items()}
    return Piece(first, everyone, _trace_of(tree.get("trace"), lanes, results), parameters)


def _trace_of(told: dict[str, Any] | None, lanes: int, results: int) -> Trace:
    if told is None:
        return Trace()
    values = np.asarray(told["values"], np.float64).reshape(-1, lanes)
    trace = Trace(np.asarray(told["steps"], np.int64), values, tuple(float.fromhex(c) for c in told["constants"]))
    flaw = trace.flaw(lanes, results)
    if flaw is not None:
        raise ValueError(f"its trace of readings is damaged: {flaw}")
    return trace
