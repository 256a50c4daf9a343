"""Instruction scheduling: the values of a loop body become statements in dependency order.

All reads of an iteration come before its effects, so that stored values depend on the state before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby

from bioasm.vm.codegen.operations import EXPONENTIALS, FUNCTIONS, KERNELS
from bioasm.vm.codegen.statements import Assign, Fire, Let, LetTogether, Put, Return, Statement, Store, operands
from bioasm.vm.codegen.types import Rate, Space, Type
from bioasm.vm.codegen.values import Place, Value, made_of, named, read

MOST_TOGETHER = 8  # the most numbers computed in one vector
K = named("k", Type.I64, Space.CELL)
FIRST, COUNT = (named(word, Type.I64, rate=Rate.UNIFORM) for word in ("first", "count"))
LANE0, WIDTH = (read("block", word, Rate.UNIFORM) for word in ("LANE0", "WIDTH"))
_NESTED = 50  # the deepest nesting of operations in a statement; Python's parser accepts 200 levels
_INLINE = ("fma", "abs")

Effect = Put | Store | Fire | Return | Assign


@dataclass
class Scheduled:
    """Preheader statements of a loop over cells, per call and per step; and the loop body."""

    before: list[Statement] = field(default_factory=list)
    each_step: list[Statement] = field(default_factory=list)
    turn: list[Statement] = field(default_factory=list)


def schedule(effects: Iterable[Effect], neurons: Value) -> Scheduled:
    """The statements of a loop with these effects of its body, which come last and in their order.

    `neurons` is the size of the population, which gives the offset of its arrays. Values must be numbered: one object is
    computed once.
    """
    return _Scheduler(list(effects), neurons).scheduled


class _Scheduler:
    def __init__(self, effects: list[Effect], neurons: Value) -> None:
        self.scheduled = Scheduled()
        self._base, self._block_cells = neurons * LANE0, neurons * WIDTH
        self._begin = self._base + FIRST
        self._locals: dict[Value, Value] = {}
        self._views: dict[tuple[str, Value | None], Value] = {}
        self._depth: Counter[Value] = Counter()
        self._named: Counter[str] = Counter()
        self._uses = _uses(effects)
        written = [self._effect(effect) for effect in effects]
        self.scheduled.turn += written

    def _effect(self, effect: Effect) -> Statement:
        if isinstance(effect, Put):
            return replace(effect, value=self._written(effect.value, Space.NONE))
        if isinstance(effect, Store):
            array = self._view(effect.array) if effect.array.op == "cell" else effect.array
            return replace(effect, array=array, value=self._written(effect.value))
        if isinstance(effect, Fire):
            return replace(effect, condition=self._local("x", self._written(effect.condition), effect.condition))
        return replace(effect, value=self._written(effect.value))

    def _written(self, value: Value, reader: Space = Space.CELL) -> Value:
        """A value in terms of locals, which hold reads, calls, values used twice, and values too deep for one statement.

        Values common to all cells are computed before the loop.
        """
        if value in self._locals:
            return self._locals[value]
        if value.op in ("const", "name") or value.type.is_array:
            return value
        if value.op == "read":
            return self._local("c", value, value) if reader is not Space.NONE else value
        if value.op == "cell":
            return self._local("x", made_of("item", value.type, (self._view(value), K)), value)
        written = value.of(tuple(self._written(a, value.space) for a in value.arguments))
        self._depth[written] = 1 + max(self._depth[a] for a in written.arguments)
        called = value.op in ("item", *FUNCTIONS, *KERNELS) and value.op not in _INLINE
        alike = value.space is Space.NONE
        hoisted = alike and reader is not Space.NONE
        if called or hoisted or self._uses[value] > 1 or self._depth[written] > _NESTED:
            return self._local("c" if alike else "x", written, value)
        return written

    def _local(self, prefix: str, written: Value, value: Value) -> Value:
        """A local for a value, set at the level of the loop nest where it changes."""
        if written.op in ("name", "const"):
            return written
        local = named(f"{prefix}{self._named[prefix]}", written.type, value.space, value.rate)
        self._named[prefix] += 1
        if value.space is not Space.NONE:
            self.scheduled.turn.append(Let(local, written))
        elif value.rate is Rate.VARYING:
            self.scheduled.each_step.append(Let(local, written))
        else:
            self.scheduled.before.append(Let(local, written))
        self._locals[value] = local
        return local

    def _view(self, cell: Value) -> Value:
        """The local with a view of a cell's field from the loop's first cell on; of a ring buffer, of one slot."""
        assert isinstance(cell.data, Place) and cell.data.made is not None
        slot = cell.arguments[0] if cell.arguments else None
        key = (cell.data.name, slot)
        if key not in self._views:
            first = self._written(self._begin if slot is None else self._begin_of_slot(cell.data.name, slot))
            address = read("field", cell.data.name, Rate.UNIFORM, cell.data.made)
            view = made_of("view", Type(cell.data.made.dtype), (address, first, COUNT))
            local = named(f"a{len(self._views)}", view.type, Space.CELL, view.rate)
            place = self.scheduled.each_step if view.rate is Rate.VARYING else self.scheduled.before
            place.append(Let(local, view))
            self._views[key] = local
        return self._views[key]

    def _begin_of_slot(self, ring: str, slot: Value) -> Value:
        """The loop's first cell in a slot of a ring buffer: a block's slots follow each other."""
        return read("whole", f"slots:{ring}", Rate.UNIFORM) * self._base + slot * self._block_cells + FIRST


def _uses(effects: Iterable[Effect]) -> Counter[Value]:
    """Use counts of values, in other values and in effects."""
    uses: Counter[Value] = Counter()
    waiting = [value for effect in effects for value in operands(effect)]
    while waiting:
        value = waiting.pop()
        uses[value] += 1
        if uses[value] == 1:
            waiting += value.arguments
    return uses


# --- exponentials side by side ------------------------------------------------------------------------


def batch_exponentials(turn: list[Statement]) -> list[Statement]:
    """Superword-level parallelism: independent exponentials of a loop body are computed in one vector.

    For a single cell a processor would compute exponentials in sequence, each a chain of dependent operations. Locals are
    sorted by their depth in exponentials; the list is unchanged where no two are independent.
    """
    lets = [s for s in turn if isinstance(s, Let)]
    waves = _waves(lets)
    order = sorted(lets, key=lambda let: (waves[let.local], _is_exponential(let)))
    result: list[Statement] = []
    for (_, together), group in groupby(order, key=lambda let: (waves[let.local], _is_exponential(let))):
        found = list(group)
        size = MOST_TOGETHER if together else 1
        result += [_together(found[at : at + size]) for at in range(0, len(found), size)]
    rest = [s for s in turn if not isinstance(s, Let)]
    return [*result, *rest] if any(isinstance(s, LetTogether) for s in result) else turn


def _together(lets: list[Let]) -> Let | LetTogether:
    if len(lets) == 1:
        return lets[0]
    return LetTogether(tuple(let.local for let in lets), tuple(let.value for let in lets))


def _is_exponential(let: Let) -> bool:
    return let.value.op in EXPONENTIALS


def _waves(lets: list[Let]) -> dict[Value, int]:
    """The depth of each local: the longest chain of exponentials that it depends on."""
    waves: dict[Value, int] = {}
    ready: dict[object, int] = {}  # by the name of a local

    def wait(value: Value) -> int:
        return ready.get(value.data, 0) if value.op == "name" else max(map(wait, value.arguments), default=0)

    for let in lets:
        waves[let.local] = wait(let.value)
        ready[let.local.data] = waves[let.local] + _is_exponential(let)
    return waves
