"""IR verifier of the step program: types and index spaces after each pass, and locals of the final functions."""

from __future__ import annotations

from collections.abc import Iterable

from bioasm.vm.codegen.operations import KERNELS, IllTypedError, Signature, result_type
from bioasm.vm.codegen.statements import (
    Assign,
    Do,
    Fire,
    For,
    Function,
    If,
    Let,
    LetTogether,
    Program,
    Put,
    Return,
    Statement,
    Store,
    While,
    bodies,
    operands,
)
from bioasm.vm.codegen.types import Space, Type
from bioasm.vm.codegen.values import Value

# Leaves, whose types do not follow from an operation.
LEAVES = ("const", "name", "read", "entry", "item", "view", "from", "cell")


def check_pass(name: str, effects: Iterable[Statement], space: Space = Space.CELL) -> None:
    """Check the effects of a loop body over a space after the pass `name`: types of operations, and one index space.

    Raises:
        IllTypedError: the pass has left an ill-typed value, or one of another index space.
    """
    seen: set[Value] = set()
    for effect in effects:
        waiting = [*operands(effect)]
        while waiting:
            value = waiting.pop()
            if value not in seen:
                seen.add(value)
                waiting += value.arguments
                _check_value(name, value, space)
        _check_effect(name, effect)


def _check_value(name: str, value: Value, space: Space) -> None:
    if value.space not in (Space.NONE, space):
        raise IllTypedError(
            f"after {name}: {value.op} belongs to each {value.space.value} and stands in a loop over {space.value}s"
        )
    if value.op in LEAVES or value.op in KERNELS:
        return
    try:
        made = result_type(value.op, [argument.type for argument in value.arguments])
    except IllTypedError as wrong:
        raise IllTypedError(f"after {name}: {wrong}") from None
    if made is not value.type:
        raise IllTypedError(f"after {name}: {value.op} is {value.type.value} and makes {made.value}")


def _check_effect(name: str, effect: Statement) -> None:
    match effect:
        case Store(array, _, value):
            wanted, found = array.type.element if array.type.is_array else array.type, value.type
        case Fire(condition=value):
            wanted, found = Type.COND, value.type
        case _:
            return
    if wanted is not found:
        raise IllTypedError(f"after {name}: {found.value} where {wanted.value} belongs")


def check(program: Program) -> None:
    """Check every function of a step, after all passes.

    Raises:
        IllTypedError: a local is read before it is set or set twice, an operation has arguments of wrong types, or a loop over
            one index space reads a value of another.
    """
    known = dict(KERNELS)
    for function in program.functions:
        known[function.name] = Signature(tuple(p.type for p in function.parameters), function.result)
        _Checker(known, function, function.name)


def check_loop(name: str, function: Function) -> None:
    """Check a function over cells after the pass `name`. Raises IllTypedError as `check` does."""
    _Checker(dict(KERNELS), function, f"after {name}: {function.name}")


class _Checker:
    def __init__(self, known: dict[str, Signature], function: Function, where: str) -> None:
        self.known, self.function, self.where = known, function, where
        self.spaces: frozenset[Space] = frozenset()  # of the enclosing loops
        names = {str(p.data): p.type for p in function.parameters} | {"block": Type.I8}  # the printers set it
        self._block(function.body, names, set())

    def _fail(self, what: str) -> IllTypedError:
        return IllTypedError(f"{self.where}: {what}")

    def _block(self, statements: tuple[Statement, ...], names: dict[str, Type], mutable: set[str]) -> None:
        """Check statements in the scope of `names`; locals that they set are in scope until their end."""
        names = dict(names)
        for statement in statements:
            for value in operands(statement):
                self._value(value, names)
            self._statement(statement, names, mutable)

    def _statement(self, statement: Statement, names: dict[str, Type], mutable: set[str]) -> None:
        match statement:
            case Let(local, value, changes):
                self._new(local, value, names)
                if changes:
                    mutable.add(str(local.data))
            case LetTogether(locals_, values):
                for local, value in zip(locals_, values, strict=True):
                    self._new(local, value, names)
            case Assign(local, value):
                self._same(local.type, value.type, f"{local.data} =")
                if str(local.data) not in mutable:
                    raise self._fail(f"{local.data} is assigned to and not mutable")
            case Put(place, value):
                self._same(place.type, value.type, "entry")
            case Store(array, index, value):
                self._same(array.type.element, value.type, "store")
                self._same(index.type, Type.I64, "index")
            case Fire(flags, _, count, condition):
                self._same(flags.type, Type.U1, "flags")
                self._same(condition.type, Type.COND, "fire")
                if str(count.data) not in mutable:
                    raise self._fail(f"{count.data} counts and is not mutable")
            case Do(function, arguments):
                self._call(function, tuple(a.type for a in arguments))
            case If(condition) | While(condition):
                self._same(condition.type, Type.COND, "condition")
            case Return(value):
                self._same(value.type, self.function.result, "return")
        self._within(statement, names, mutable)

    def _within(self, statement: Statement, names: dict[str, Type], mutable: set[str]) -> None:
        outer = self.spaces
        if isinstance(statement, For):
            names = names | {str(statement.index.data): Type.I64}
            self.spaces = outer | ({statement.space} - {Space.NONE})
        for body in bodies(statement):
            self._block(body, names, mutable)
        self.spaces = outer

    def _new(self, local: Value, value: Value, names: dict[str, Type]) -> None:
        word = str(local.data)
        if word in names:
            raise self._fail(f"{word} is set twice")
        self._same(local.type, value.type, word)
        names[word] = value.type

    def _same(self, one: Type, other: Type | None, what: str) -> None:
        if one is not other:
            raise self._fail(f"{what}: {one.value} and {other.value if other else 'nothing'}")

    def _call(self, function: str, types: tuple[Type, ...]) -> Type | None:
        if function not in self.known or self.known[function].arguments != types:
            raise self._fail(f"{function} does not take {', '.join(t.value for t in types)}")
        return self.known[function].result

    def _value(self, value: Value, names: dict[str, Type]) -> None:
        if value.op == "name" and names.get(str(value.data)) is not value.type:
            raise self._fail(f"{value.data} of {value.type.value} is not set")
        if value.op == "cell":
            raise self._fail(f"{value.data} was not given a place")
        if self.spaces and not value.type.is_array and value.space not in {Space.NONE, *self.spaces}:
            loops = " and ".join(sorted(space.value for space in self.spaces))
            raise self._fail(f"a loop over each {loops} reads what belongs to each {value.space.value}")
        for argument in value.arguments:
            self._value(argument, names)
        if value.op == "entry":
            self._same(value.arguments[0].type, Type.I64, "index")
        if value.op not in LEAVES:
            self._same(value.type, self._result(value), value.op)

    def _result(self, value: Value) -> Type | None:
        types = tuple(a.type for a in value.arguments)
        if value.op in self.known:
            return self._call(value.op, types)
        try:
            return result_type(value.op, types)
        except IllTypedError as wrong:
            raise self._fail(str(wrong)) from None
