"""The context of a run that instructions act on: neurons, registers, values of operands, and results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, Data, DataRef, Dense, Operand, Quantity, Random, Register
from bioasm.network.references import ParameterRef, ProjectionRef, Reference
from bioasm.results import Reading
from bioasm.runtime.blocks import blocks_of
from bioasm.runtime.drawing import Values, values_of
from bioasm.runtime.dynamics import Driven, Dynamics
from bioasm.runtime.elimination import Elimination, elimination
from bioasm.runtime.energy import Couplings
from bioasm.runtime.options import ALIKE, ONE_LANE, LaneSpan, LaneValues
from bioasm.runtime.setup import initial_parameters
from bioasm.verifier.gate import Verified

Array = NDArray[Any]


class Run(ABC):
    """Context of a run, which instructions act on. `parameters` are by their keys.

    The lanes are those of `span`, which may be a piece of all, or copies; `own` are values of the lanes' own.
    """

    def __init__(
        self, verified: Verified, parameters: Mapping[str, float], seed: int, span: LaneSpan = ONE_LANE, own: LaneValues = ALIKE
    ) -> None:
        self.seed, self.span, self.lane_values = seed, span, own
        self._numbers_of_lanes = span.first + np.arange(span.lanes)
        self.verified, self.program, self.network = verified, verified.program, verified.network
        self.parameters = initial_parameters(verified, parameters)
        # By their keys, kept until neurons are allocated.
        self.parameters_by_lane: dict[str, tuple[ParameterRef | ProjectionRef, Array]] = {}
        for name, values in self.lane_values.parameters.items():
            ref = verified.parameter(name)
            assert isinstance(ref, ParameterRef | ProjectionRef)
            self.parameters_by_lane[ref.key] = ref, self._of_lanes(values)
        self.couplings = Couplings()
        self._blocks: dict[int, list[Array]] = {}

    @property
    @abstractmethod
    def dynamics(self) -> Dynamics:
        """The neurons. The gate ensures that ALC or POP came first."""

    @property
    def driven(self) -> Driven:
        """The neurons, of a back end with the ability `inputs`, which its driver declares."""
        return cast(Driven, self.dynamics)

    @property
    @abstractmethod
    def allocated(self) -> bool:
        """Whether there are neurons."""

    @abstractmethod
    def allocate(self) -> None:
        """Make the neurons that the network asks for."""

    @property
    @abstractmethod
    def noise(self) -> float:
        """The noise that SIG set last, or the model's default."""

    @property
    @abstractmethod
    def offset(self) -> float:
        """The offset that LDO set last."""

    @property
    @abstractmethod
    def readings(self) -> list[Reading]:
        """The readings put out so far."""

    @abstractmethod
    def register(self, index: int) -> float:
        """The value of a register."""

    @abstractmethod
    def set_register(self, index: int, value: float) -> None:
        """Write a number into a register."""

    @cached_property
    def elimination(self) -> Elimination | None:
        """The eliminated spins of the program's problem, None where there are none."""
        return elimination(self.verified)

    def of_all_spins(self, states: Array) -> Array:
        """Back substitution: states (lanes, n) of all spins from those of the remaining; unchanged without an elimination."""
        return states if self.elimination is None else self.elimination.whole(states)

    def value(self, operand: Operand | Reference) -> float:
        """The present value of an operand."""
        if isinstance(operand, Register):
            return self.register(operand.index)
        assert isinstance(operand, Quantity | ConstantRef)
        return float(self.program.quantity(operand).value)

    def data(self, operand: Operand | Reference) -> Data:
        """The datum of an operand."""
        assert isinstance(operand, DataRef)
        return self.program.data[operand.index].value

    def blocks(self, operand: Operand | Reference) -> list[Array]:
        """The blocks of the plan in an operand, memoised: the same arrays each time."""
        assert isinstance(operand, DataRef)
        if operand.index not in self._blocks:
            value = self.data(operand)
            assert isinstance(value, Dense)
            self._blocks[operand.index] = blocks_of(value.array)
        return self._blocks[operand.index]

    def by_lane(self, operand: Operand | Reference) -> Array | None:
        """The values (lanes, 1) of an operand that is a constant with values of the lanes' own; else None."""
        values = self.lane_values.constants.get(operand.name) if isinstance(operand, ConstantRef) else None
        return None if values is None else self._of_lanes(values)

    def _of_lanes(self, values: tuple[float, ...]) -> Array:
        return np.array(values, np.float64)[self._numbers_of_lanes % len(values), None]

    def drawn(self, operand: Operand | Reference) -> Values | None:
        """The random values in an operand, None where it is something else."""
        value = self.program.data[operand.index].value if isinstance(operand, DataRef) else None
        return values_of(self.program, value, self.seed, operand.index) if isinstance(value, Random) else None  # type: ignore[union-attr]

    def drawn_of_lanes(self, drawn: Values, of: range) -> Array:
        """Random values, one for each of these neurons (n,), or a row for each lane (lanes, n)."""
        found = drawn.of_neurons(of, min(self.span.lanes, self.span.each), self.span.first)
        return np.tile(found, (self.span.copies, 1)) if found.ndim == 2 else found

    def emit(self, what: str, value: Any) -> None:
        """Append one result. Raises BioasmError B111."""
        self.emit_all([Reading(what, value)])

    def emit_all(self, readings: list[Reading]) -> None:
        """Append results, as many as the limit allows. Raises BioasmError B111 where there are more."""
        room = limit("results") - len(self.readings)
        self.readings.extend(readings[: max(0, room)])
        if len(readings) > room:
            raise BioasmError(Diagnostic("B111", f"the program emits more than {limit('results')} results"))

    def load(self, mnemonic: str, data: Data) -> None:
        """LDJ, LDH, LDT: replace one part of the couplings."""
        self.couplings = self.couplings.with_part(mnemonic, data)
        self.dynamics.load(self.couplings)
