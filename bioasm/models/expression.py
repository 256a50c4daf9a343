"""Abstract syntax of expressions: immutable trees with numbers in SI units and unresolved names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from bioasm.units import NO_UNIT, Exponents

# Number of arguments of each function; None: two or more. `held(x)` is x at the start of the step, kept through all
# stages of an integration; `delayed(x)` is x as it was the projection's delay ago.
FUNCTIONS: dict[str, int | None] = {
    **dict.fromkeys(("exp", "log", "sqrt", "abs", "sin", "cos", "tanh", "floor", "ceil", "exprelr", "held", "delayed"), 1),
    **dict.fromkeys(("min", "max"), None),
    **dict.fromkeys(("clip", "where"), 3),
}
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class Expression:
    """One node. `at` is its place in the text, (line, column, end column); zeros for a node that was computed."""

    __slots__ = ()

    def parts(self) -> tuple[Expression, ...]:
        """The child nodes."""
        return ()

    def walk(self) -> Iterator[Expression]:
        """Preorder traversal: this node and all descendants."""
        yield self
        for part in self.parts():
            yield from part.walk()


Place = tuple[int, int, int]
NOWHERE: Place = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Number(Expression):
    """A number in SI units."""

    value: float
    unit: Exponents = NO_UNIT
    at: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Symbol(Expression):
    """A parameter, state, input, definition, `dt`, `t`, `xi` (or `xi_...`), `weight`, or a name that a mechanism uses."""

    name: str
    at: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Negation(Expression):
    """-operand, or `not` operand."""

    operator: str
    operand: Expression
    at: Place = field(default=NOWHERE, compare=False)

    def parts(self) -> tuple[Expression, ...]:
        """The operand."""
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    """Two operands and + - * / ^, a comparison, `and` or `or`."""

    operator: str
    left: Expression
    right: Expression
    at: Place = field(default=NOWHERE, compare=False)

    def parts(self) -> tuple[Expression, ...]:
        """Both operands."""
        return self.left, self.right


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """A function of FUNCTIONS and its arguments. `where(c, a, b)` is a where c holds, else b; `clip(x, low, high)`."""

    function: str
    arguments: tuple[Expression, ...]
    at: Place = field(default=NOWHERE, compare=False)

    def parts(self) -> tuple[Expression, ...]:
        """The arguments."""
        return self.arguments


def is_condition(node: Expression) -> bool:
    """Whether an expression is Boolean and no number."""
    if isinstance(node, Negation):
        return node.operator == "not"
    return isinstance(node, Binary) and node.operator in (*COMPARISONS, "and", "or")


def symbols(expression: Expression) -> set[str]:
    """The free symbols of an expression."""
    return {node.name for node in expression.walk() if isinstance(node, Symbol)}


def rebuilt(node: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The node with `change` mapped over its parts; the same object where no part changes."""
    parts = node.parts()
    changed = tuple(map(change, parts))
    if all(new is old for new, old in zip(changed, parts, strict=True)):
        return node
    if isinstance(node, Negation):
        return Negation(node.operator, changed[0], node.at)
    if isinstance(node, Binary):
        return Binary(node.operator, changed[0], changed[1], node.at)
    assert isinstance(node, Call)
    return Call(node.function, changed, node.at)


def substitute(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """Simultaneous substitution of `values` for names."""
    if isinstance(expression, Symbol):
        return values.get(expression.name, expression)
    return rebuilt(expression, lambda part: substitute(part, values))


def expanded(expression: Expression, definitions: Mapping[str, Expression]) -> Expression:
    """The expression with all definitions substituted; they contain no cycle."""
    while found := symbols(expression) & definitions.keys():
        expression = substitute(expression, {name: definitions[name] for name in found})
    return expression
