"""A run of some of all lanes: which lanes its Result holds, and a trace of the numbers that it read over lanes.

The trace is a straight-line program of single assignments: readings over lanes with a value for each lane of the piece, the
register arithmetic that was done with them, and the results that OUT made of it. `sweeps/merge.py` carries it out for all
lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.control_rows import ARITHMETIC_ROWS
from bioasm.isa.table import OPCODES

LOWEST, SUM, MEAN = range(3)  # how a reading makes one number of all lanes; below every opcode of arithmetic
OUT = OPCODES["OUT"]
_OPERATIONS = frozenset(row.opcode for row in ARITHMETIC_ROWS)
_READINGS = frozenset((LOWEST, SUM, MEAN))


@dataclass(frozen=True, eq=False, slots=True)
class Trace:
    """`steps` int64 (steps, 3): what is done, and of what.

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
    """Lanes `first_lane` up to that and the Result's `lanes`, of `all_lanes`. The lanes of the Result are counted from 0.

    `parameters` are those that the run was given, by their whole names: the program's hash does not tell them.
    """

    first_lane: int
    all_lanes: int
    trace: Trace = field(default_factory=Trace)
    parameters: Mapping[str, float] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """The tree that files hold of it; constants as hexadecimal floats, which JSON keeps exactly, infinities too."""
        tree: dict[str, Any] = {"first_lane": self.first_lane, "all_lanes": self.all_lanes}
        if self.parameters:
            tree["parameters"] = dict(self.parameters)
        if len(self.trace.steps):
            constants = [value.hex() for value in self.trace.constants]
            tree["trace"] = {"steps": self.trace.steps, "values": self.trace.values, "constants": constants}
        return tree


def piece_of(tree: dict[str, Any], lanes: int, results: int) -> Piece:
    """The piece in a tree that a file held. Raises ValueError and its kin where there is none."""
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
