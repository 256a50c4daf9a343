"""One loop over the cells of a population: the effects of its body go through the passes and become statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from bioasm.models.expression import Expression
from bioasm.vm.codegen.check import check_pass
from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.lower import Environment, Lowering
from bioasm.vm.codegen.passes import Hoisting, Numbering
from bioasm.vm.codegen.schedule import COUNT, Effect, K, Scheduled, batch_exponentials, schedule
from bioasm.vm.codegen.statements import Fire, For, Let, Return, Statement, Store
from bioasm.vm.codegen.system import System
from bioasm.vm.codegen.types import Rate, Space, Type
from bioasm.vm.codegen.values import Value, as_number, as_value, named, read

Rewrite = Callable[[Value], Value]
SPIKES = named("spikes", Type.I64)
FIRED = named("fired", Type.U1, Space.CELL)


class Loop(Lowering):
    """Builder of a loop body: collects stores and spikes, all of which read the fields as they are when an iteration begins."""

    def __init__(
        self,
        system: System,
        population: int,
        numbering: Numbering,
        hoisting: Hoisting | None,
        kept: dict[Expression, str] | None = None,
    ) -> None:
        super().__init__(system, population, hoisting is not None, kept)
        self.numbering, self.hoisting = numbering, hoisting
        self._effects: list[Effect] = []

    def store(self, name: str, value: Value, made: Field | None = None) -> None:
        """Set a field at the present cell."""
        self.stores.append((self.array(name, made), value))

    def save(self, moment: Environment) -> None:
        """Store the states that are changed at a moment."""
        for name, value in moment.states.items():
            self.store(name, value)

    def fire(self, condition: Value) -> None:
        """Add a spike of the cell where a condition holds."""
        self._effects.append(Fire(FIRED, K, SPIKES, condition))

    def put(self, array: Value, value: Value) -> None:
        """Set the present cell's entry of an array that is a parameter of the function."""
        self._effects.append(Store(array, K, as_number(value)))

    def give(self, value: Value) -> None:
        """Return a value of the single cell of a reader function."""
        self._effects.append(Return(as_number(value)))

    def scheduled(self) -> Scheduled:
        """The statements of the loop, after all passes."""
        stores: list[Effect] = [Store(target, K, as_number(value)) for target, value in self.stores]
        neurons = read("whole", f"n:{self.population}", Rate.UNIFORM)
        effects = self._passed([*stores, *self._effects], Space.CELL)
        return schedule([e for e in effects if not (isinstance(e, Store) and e.array is e.value)], neurons)

    def _passed(self, effects: list[Effect], space: Space) -> list[Effect]:
        """The effects after all passes, checked after each."""
        for name, rewrite in self._passes():
            effects = [_rewritten(effect, rewrite) for effect in effects]
            check_pass(name, effects, space)
        return effects

    def _passes(self) -> Iterator[tuple[str, Rewrite]]:
        """The passes by name: loop-invariant code motion, with value numbering before and after."""
        yield "value numbering", self.numbering
        if self.hoisting is not None:
            yield "loop-invariant code motion", self.hoisting
            yield "value numbering", self.numbering


def _rewritten(effect: Effect, rewrite: Rewrite) -> Effect:
    if isinstance(effect, Store):
        return replace(effect, array=rewrite(effect.array), value=rewrite(effect.value))
    if isinstance(effect, Fire):
        return replace(effect, condition=rewrite(effect.condition))
    return replace(effect, value=rewrite(effect.value))


def over_cells(turn: list[Statement], single: bool) -> list[Statement]:
    """A loop over the cells; with `single`, the body for one cell where its exponentials are batched."""
    if single:
        together = batch_exponentials(turn)
        if together is not turn:
            return [Let(K, as_value(0)), *together]
    return [For(K, as_value(0), COUNT, 1, tuple(turn), Space.CELL)] if turn else []
