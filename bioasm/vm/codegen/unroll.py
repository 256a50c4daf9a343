"""Loop unrolling and vectorisation: exponentials of several connections of a spike are computed in one vector.

A connection's exponentials depend on its last event, and a vector has room for those of several connections. Locals of the
unrolled iterations have suffixes; all other reads and effects stay in the order of the iterations, so that every number is the
same as without unrolling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bioasm.vm.codegen.operations import EXPONENTIALS
from bioasm.vm.codegen.schedule import MOST_TOGETHER, batch_exponentials
from bioasm.vm.codegen.statements import Assign, Do, For, Let, LetTogether, Statement, Store
from bioasm.vm.codegen.types import Type
from bioasm.vm.codegen.values import Value, as_value, named

_STOP = named("stop", Type.I64)
_LONGEST = 256  # statements of all iterations: compile time grows with them, the gain does not


def unrolled(loop: For, alone: list[Statement], apart: frozenset[str]) -> list[Statement]:
    """Loop unrolling: several iterations at a time, then a loop over the rest (`alone`); else the loop unchanged.

    Different iterations must access different entries of all arrays, except those at the indices `apart` (names of locals):
    where an exponential depends on one of these, or there is none, the loop is unchanged.
    """
    early = _before_exponentials(loop.body)
    count = sum(_is_exponential(let) for let in early)
    times = min(MOST_TOGETHER // count, _LONGEST // len(loop.body)) if count else 1
    plain = all(isinstance(statement, Let | Assign | Store | Do) for statement in loop.body)
    if times < 2 or not plain or any(str(let.local.data) in apart for let in early):
        return [replace(loop, body=tuple(batch_exponentials([*loop.body])))]
    whole = (loop.stop - loop.start) - (loop.stop - loop.start) % as_value(times)
    turns = [_turn(loop, early, at) for at in range(times)]
    body: list[Statement] = [let for first, _ in turns for let in first if not _is_exponential(let)]
    found = [let for first, _ in turns for let in first if _is_exponential(let)]
    body.append(LetTogether(tuple(let.local for let in found), tuple(let.value for let in found)))
    body += [statement for _, rest in turns for statement in batch_exponentials(rest)]
    several = replace(loop, stop=_STOP, step=times, body=tuple(body))
    left = replace(loop, start=_STOP, body=tuple(batch_exponentials(alone)))
    return [Let(_STOP, loop.start + whole), several, left]


def _is_exponential(statement: Statement) -> bool:
    return isinstance(statement, Let) and statement.value.op in EXPONENTIALS


def _before_exponentials(turn: tuple[Statement, ...]) -> list[Let]:
    """The exponentials that depend on no other, and all locals that they depend on, in order."""
    lets = {str(s.local.data): s for s in turn if isinstance(s, Let) and not s.mutable}
    found: dict[str, None] = {}
    for name, needs in _needs(lets).items():
        if _is_exponential(lets[name]) and not any(_is_exponential(lets[word]) for word in needs):
            found |= dict.fromkeys([*needs, name])
    return [let for name, let in lets.items() if name in found]


def _needs(lets: Mapping[str, Let]) -> dict[str, set[str]]:
    """Transitive dependencies of each local of an iteration, in one pass, because a local follows its reads."""
    found: dict[str, set[str]] = {}
    for name, let in lets.items():
        direct = _names(let.value) & found.keys()
        found[name] = direct.union(*(found[word] for word in direct))
    return found


def _names(value: Value) -> set[str]:
    """The locals in a value, a DAG whose shared parts are visited once."""
    names, seen, waiting = set[str](), set[int](), [value]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            waiting += one.arguments
            names |= {str(one.data)} if one.op == "name" else set()
    return names


def _turn(loop: For, early: list[Let], at: int) -> tuple[list[Let], list[Statement]]:
    """An iteration with renamed locals: the exponentials and their dependencies, and the rest."""
    own = {str(let.local.data): let.local for let in loop.body if isinstance(let, Let)}
    meant = {word: replace(local, data=f"{word}_{at}") for word, local in own.items()}
    meant[str(loop.index.data)] = loop.index + at
    first = [_let(let, meant) for let in early]
    gone = set(map(id, early))
    rest: list[Statement] = [_renamed(s, meant) for s in loop.body if id(s) not in gone]
    return first, rest


def _let(let: Let, meant: Mapping[str, Value]) -> Let:
    return replace(let, local=_value(let.local, meant), value=_value(let.value, meant))


def _value(value: Value, meant: Mapping[str, Value]) -> Value:
    if value.op == "name":
        return meant.get(str(value.data), value)
    return value.of(tuple(_value(argument, meant) for argument in value.arguments))


def _renamed(statement: Statement, meant: Mapping[str, Value]) -> Statement:
    match statement:
        case Let():
            return _let(statement, meant)
        case Assign(local, value):
            return Assign(_value(local, meant), _value(value, meant))
        case Store(array, index, value):
            return Store(_value(array, meant), _value(index, meant), _value(value, meant))
        case Do(function, arguments):
            return Do(function, tuple(_value(argument, meant) for argument in arguments))
    raise AssertionError(statement)
