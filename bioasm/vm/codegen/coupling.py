"""Code of sums over connections in every step: each connection adds a term to an input at one end.

Sums use the values at the beginning of a step, and are constant during its integration. The order of summation is that of
projections in the program, then of connections by source and target.
"""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.vm.codegen.connections import ConnectionSteps
from bioasm.vm.codegen.frame import CTX, REAL, B, Frame, cells, neurons
from bioasm.vm.codegen.handlers import over_connections
from bioasm.vm.codegen.lower import STEP
from bioasm.vm.codegen.plan import Summand
from bioasm.vm.codegen.schedule import LANE0, K
from bioasm.vm.codegen.statements import Do, For, Function, Let, Return, Statement, Store
from bioasm.vm.codegen.system import coupled_field
from bioasm.vm.codegen.types import Space, Type
from bioasm.vm.codegen.values import as_value, field, made_of, named


class Couplings:
    """Builder of the functions of sums, and of the statements that call them at the beginning of a step."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def add_functions(self) -> None:
        """Add the function that clears all sums, and for each a loop over connections."""
        functions = [over_connections(name, steps.summing(one)) for name, steps, one in self._sums()]
        self.frame.functions += [self._clearing(), *functions] if functions else []

    def statements(self) -> list[Statement]:
        """The calls at the beginning of a step: sums are cleared, then added up."""
        names = [name for name, *_ in self._sums()]
        return [Do(name, (CTX, REAL, B, STEP)) for name in (["clear_sums", *names] if names else [])]

    def _sums(self) -> Iterator[tuple[str, ConnectionSteps, Summand]]:
        """The name of each sum's function, with its link and term."""
        found = [(steps, one) for steps in self.frame.wires for one in steps.link.sums]
        return ((f"sum_{at}", *one) for at, one in enumerate(found))

    def _clearing(self) -> Function:
        """The function that sets all sums to zero."""
        body: list[Statement] = []
        cleared = dict.fromkeys((steps.link.population_at(one.end), one.target) for _, steps, one in self._sums())
        for at, (p, target) in enumerate(cleared):
            local, address = named(f"sum_{at}", Type.F8, Space.CELL), field(coupled_field(target), p, "f8", "cell")
            body.append(Let(local, made_of("view", Type.F8, (address, neurons(p) * LANE0, cells(p)))))
            body.append(For(K, as_value(0), cells(p), 1, (Store(local, K, as_value(0.0)),), Space.CELL))
        return Function("clear_sums", (CTX, REAL, B, STEP), (*body, Return(as_value(0))))
