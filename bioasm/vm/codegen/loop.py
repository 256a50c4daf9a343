"""The body of one loop over cells in Python source: loads, expressions, and what can be computed before the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from itertools import accumulate, count

from bioasm.models.expression import COMPARISONS, Binary, Call, Expression, Negation, Number, Symbol
from bioasm.vm.codegen.beside import TOGETHER, Exponential, side_by_side
from bioasm.vm.codegen.layout import Field, Layout
from bioasm.vm.codegen.system import ALIKE, HELD, MOVING, System

_CALLS = {
    "exp": "exp({0})",
    "log": "math.log({0})",
    "sqrt": "math.sqrt({0})",
    "abs": "abs({0})",
    "sin": "math.sin({0})",
    "cos": "math.cos({0})",
    "tanh": "math.tanh({0})",
    "floor": "np.floor({0})",
    "ceil": "np.ceil({0})",
    "exprelr": "exprelr({0})",
    "growth": "growth({0})",
    "clip": "min(max({0}, {1}), {2})",
    "where": "({1} if {0} else {2})",
}
_OPERATORS = {"and": "&", "or": "|"}
_UNROLLED_POWER = 8
_NESTED = 50


@dataclass
class Moment:
    """What names stand for at one moment of a step: locals of the states, and what was computed from them."""

    states: dict[str, str]
    time: str = "now"
    words: dict[str, str] = field(default_factory=dict)
    memo: dict[Expression, str] = field(default_factory=dict)

    def after(self, changed: dict[str, str], time: str | None = None) -> Moment:
        """The moment at which some states have other values."""
        return Moment(self.states | changed, time or self.time, self.words)


class Loop:
    """Source of one loop over the cells of a population, and of what must stand before it.

    What does not change from step to step is not computed in the loop: `hoists` collects the expressions that differ between
    cells, each with the field that somebody must fill with it (None: nobody does), `prepared` those that are alike for all
    cells, each with the number that somebody must set.
    """

    def __init__(
        self,
        system: System,
        population: int,
        layout: Layout,
        hoists: dict[Expression, str] | None,
        prepared: dict[Expression, str],
    ) -> None:
        self.system, self.population, self.layout, self.hoists, self.prepared = system, population, layout, hoists, prepared
        self.before: list[str] = []
        self.body: list[str] = []
        self._names = count()
        self._arrays: dict[str, str] = {}
        self._loaded: dict[str, str] = {}
        self._alike: dict[Expression, str] = {}
        self._exponentials: dict[str, Exponential] = {}
        self.start = Moment({})
        self.kept: dict[Expression, str] | None = None  # in a later loop of the step: fields with what `held` calls were

    # --- lines --------------------------------------------------------------------------------------

    def local(self, text: str, prefix: str = "x") -> str:
        """A new local with the value of `text`."""
        name = f"{prefix}{next(self._names)}"
        self.body.append(f"{name} = {text}")
        return name

    def array(self, name: str, made: Field | None = None, slot: str | None = None) -> str:
        """The local that holds the array of a field, from the loop's first cell on; of a ring the part of one slot."""
        key = name if slot is None else f"{name}@{slot}"
        if key not in self._arrays:
            made = made or Field(self.population)
            place = self.layout.field(name, made)
            at = "off"
            if slot is not None:
                at = f"whole[{self.layout.whole('slots:' + name)}] * base + {slot} * block_cells + first"
            local = f"a{len(self._arrays)}"
            self.before.append(f"{local} = {made.dtype}(field[{place}], {at}, count)")
            self._arrays[key] = local
        return self._arrays[key]

    def load(self, name: str, made: Field | None = None) -> str:
        """The value of a field at the present cell."""
        if name not in self._loaded:
            self._loaded[name] = self.local(f"{self.array(name, made)}[k]")
        return self._loaded[name]

    def loaded(self, name: str) -> str | None:
        """The local with a field's value as it was before the loop's body, None where it was not loaded."""
        return self._loaded.get(name)

    def store(self, name: str, text: str, made: Field | None = None) -> None:
        """Set a field at the present cell."""
        self.body.append(f"{self.array(name, made)}[k] = {text}")

    def over(self, single: bool) -> list[str]:
        """The loop over the cells; where there is a single one, its body for that one."""
        if single:
            memory = {local: name.partition("@")[0] for name, local in self._arrays.items()}
            lines = side_by_side(self.body, self._exponentials, memory)
            if lines is not self.body:
                return ["k = 0", *lines]
        return ["for k in range(count):", *(f"    {line}" for line in self.body or ["pass"])]

    # --- expressions --------------------------------------------------------------------------------

    def value(self, expression: Expression, moment: Moment) -> str:
        """Source of an expression's value at a moment; what is nested deeply is a local, because Python reads 200 levels."""
        text = self._written(expression, moment)
        return self.local(text) if text.count("(") > _NESTED and _nesting(text) > _NESTED else text

    def _written(self, expression: Expression, moment: Moment) -> str:
        if isinstance(expression, Number):
            return repr(float(expression.value))
        if self.hoists is not None and not self._plain(expression):
            often = self.system.constancy(expression)
            if often == ALIKE:
                return self.alike(expression)
            if often == HELD:
                return self._hoisted(expression)
        if isinstance(expression, Symbol):
            return self._symbol(expression.name, moment)
        if isinstance(expression, Call):
            if expression not in moment.memo:
                moment.memo[expression] = self._call(expression, moment)
            return moment.memo[expression]
        if self.hoists is None:
            return _operation(expression, lambda part: self.value(part, moment))
        if isinstance(expression, Binary) and expression.operator in ("*", "/"):
            expression = self._collected(expression)
        if isinstance(expression, Binary) and expression.operator in ("+", "-"):
            return self._sum(expression, moment)
        return _operation(expression, lambda part: self.value(part, moment))

    def _collected(self, expression: Binary) -> Expression:
        """A product with all its factors that do not change from step to step in one, computed before the loop."""
        still: list[Expression] = []
        moving: list[Expression] = []
        for factor in _factors(expression):
            (moving if self.system.constancy(factor) == MOVING else still).append(factor)
        if not still or not moving or (len(still) == 1 and expression.operator == "*"):
            return self._multiplied(expression)
        return Binary("*", _product(still), _product(moving))

    def _multiplied(self, expression: Binary) -> Expression:
        """A division by what does not change from step to step, as a product with its inverse."""
        if expression.operator != "/" or self.system.constancy(expression.right) == MOVING:
            return expression
        return Binary("*", expression.left, Binary("/", Number(1.0), expression.right))

    def _sum(self, expression: Binary, moment: Moment) -> str:
        """A sum; a product in it is added with one rounding."""
        left, right = self._term(expression.left, moment), self._term(expression.right, moment)
        sign = "-" if expression.operator == "-" else ""
        if isinstance(right, tuple):
            one = left if isinstance(left, str) else f"({left[0]} * {left[1]})"
            return f"fma({sign}{right[0]}, {right[1]}, {one})"
        if isinstance(left, tuple):
            return f"fma({left[0]}, {left[1]}, {sign}{right})"
        return f"({left} {expression.operator} {right})"

    def _term(self, expression: Expression, moment: Moment) -> str | tuple[str, str]:
        """A summand, as two factors where it is a product that moves."""
        if isinstance(expression, Binary) and expression.operator in ("*", "/") and self.system.constancy(expression) == MOVING:
            product = self._collected(expression)
            if isinstance(product, Binary) and product.operator == "*":
                return self.value(product.left, moment), self.value(product.right, moment)
        return self.value(expression, moment)

    def _plain(self, expression: Expression) -> bool:
        """Whether an expression is a name that stands for itself, for which nothing is to be computed."""
        return isinstance(expression, Symbol) and expression.name not in self.system.definitions

    def _symbol(self, name: str, moment: Moment) -> str:
        if name in moment.states:
            return moment.states[name]
        if name in moment.words:
            return moment.words[name]
        if name in self.system.definitions:
            key = Symbol(name)
            if key not in moment.memo:
                text = self.value(self.system.definitions[name], moment)
                moment.memo[key] = text if text.isidentifier() else self.local(text)
            return moment.memo[key]
        if name in self.system.parameters and name not in self.system.own:
            return self.alike(Symbol(name))
        if name == "t":
            return moment.time
        return name if name in ("dt", "noise") else self.load(name)

    def _call(self, call: Call, moment: Moment) -> str:
        if call.function == "held":
            kept = (self.kept or {}).get(call)
            return self.value(call.arguments[0], self.start) if kept is None else self.load(kept)
        if call.function == "delayed":
            return self.delayed(call)
        arguments = [self.value(part, moment) for part in call.arguments]
        local = self.local(_applied(call.function, arguments))
        if call.function in TOGETHER:
            self._exponentials[local] = Exponential(call.function, *arguments)
        return local

    def delayed(self, call: Call) -> str:
        """The argument as it was a delay ago; the first loop of a step keeps the value of now for later."""
        if call not in self.start.memo:
            ring, made = delayed_ring(call), Field(self.population, per="slot")
            slots = f"whole[{self.layout.whole('slots:' + ring)}]"
            now = self.value(call.arguments[0], self.start)
            before = f"{self.array(ring, made, f'(step + 1) % {slots}')}[k]"  # a ring has a slot more than the delay has steps
            if self.hoists is None:  # somebody looks at the value between two steps
                self.start.memo[call] = self.local(f"({now} if {slots} == 1 else {before})")
            else:
                if self.kept is None:
                    self.body.append(f"{self.array(ring, made, f'step % {slots}')}[k] = {now}")
                self.start.memo[call] = self.local(before)
        return self.start.memo[call]

    # --- before the loop ------------------------------------------------------------------------------

    def alike(self, expression: Expression) -> str:
        """A local, loaded before the loop, for what is the same in all cells."""
        if expression not in self._alike:
            text = self._alike_text(expression)
            if not isinstance(expression, Number) and not self._plain(expression):
                text = _as_written(expression, f"number[{self.layout.number(self._prepared(expression))}]")
            self._alike[expression] = f"c{len(self._alike)}"
            self.before.append(f"{self._alike[expression]} = {text}")
        return self._alike[expression]

    def _prepared(self, expression: Expression) -> str:
        """The number that holds what is alike for all cells, worked out once for many steps."""
        return self.prepared.setdefault(expression, f"prepared:{self.population}:{len(self.prepared)}")

    def preparations(self) -> list[str]:
        """Lines that set the numbers of what is alike for all cells."""
        return [f"number[{self.layout.number(name)}] = {self._alike_text(e)}" for e, name in self.prepared.items()]

    def _alike_text(self, expression: Expression) -> str:
        if isinstance(expression, Number):
            return repr(float(expression.value))
        if isinstance(expression, Symbol):
            if expression.name in self.system.definitions:
                return self._alike_text(self.system.definitions[expression.name])
            if expression.name in ("dt", "noise"):
                return expression.name
            return f"number[{self.layout.number(expression.name)}]"
        if isinstance(expression, Call):
            if expression.function == "held":
                return self._alike_text(expression.arguments[0])
            return _function(expression, self._alike_text)
        return _operation(expression, self._alike_text)

    def _hoisted(self, expression: Expression) -> str:
        assert self.hoists is not None
        if expression not in self.hoists:
            self.hoists[expression] = f"hoisted:{self.population}:{len(self.hoists)}"
        return _as_written(expression, self.load(self.hoists[expression]))


def _as_written(expression: Expression, number: str) -> str:
    """The value of an expression that was kept as a number: a condition is kept as 0 or 1."""
    negated = isinstance(expression, Negation) and expression.operator == "not"
    compared = isinstance(expression, Binary) and expression.operator in (*COMPARISONS, *_OPERATORS)
    return f"({number} != 0.0)" if negated or compared else number


def _nesting(text: str) -> int:
    """How many parentheses stand in each other."""
    return max(accumulate({"(": 1, ")": -1}.get(c, 0) for c in text))


def _function(call: Call, value: Callable[[Expression], str]) -> str:
    return _applied(call.function, [value(part) for part in call.arguments])


def _applied(function: str, arguments: list[str]) -> str:
    """A function of the model language in Python."""
    if function in ("min", "max"):
        return reduce(lambda text, part: f"{function}({text}, {part})", arguments)
    return _CALLS[function].format(*arguments)


def _operation(expression: Expression, value: Callable[[Expression], str]) -> str:
    if isinstance(expression, Negation):
        return f"(-{value(expression.operand)})" if expression.operator == "-" else f"(not {value(expression.operand)})"
    assert isinstance(expression, Binary)
    if expression.operator == "^":
        return _power(value(expression.left), expression.right, value)
    left, right = value(expression.left), value(expression.right)
    return f"({left} {_OPERATORS.get(expression.operator, expression.operator)} {right})"


def _factors(expression: Expression) -> list[Expression]:
    """The factors of a product; a division by x is a factor 1/x."""
    if isinstance(expression, Negation) and expression.operator == "-":
        return [Number(-1.0), *_factors(expression.operand)]
    if isinstance(expression, Binary) and expression.operator == "*":
        return _factors(expression.left) + _factors(expression.right)
    if isinstance(expression, Binary) and expression.operator == "/":
        return [*_factors(expression.left), Binary("/", Number(1.0), expression.right)]
    return [] if expression == Number(1.0) else [expression]


def _product(factors: list[Expression]) -> Expression:
    """The product; what is divided by comes last, in one division."""
    above = [f for f in factors if not _is_inverse(f)]
    below = [f.right for f in factors if isinstance(f, Binary) and _is_inverse(f)]
    result = reduce(lambda a, b: Binary("*", a, b), above) if above else Number(1.0)
    return Binary("/", result, reduce(lambda a, b: Binary("*", a, b), below)) if below else result


def _is_inverse(expression: Expression) -> bool:
    return isinstance(expression, Binary) and expression.operator == "/" and expression.left == Number(1.0)


def _power(base: str, exponent: Expression, value: Callable[[Expression], str]) -> str:
    """Small whole powers as products: pow takes as long as an exponential."""
    if isinstance(exponent, Number) and exponent.value == int(exponent.value) and 1 <= exponent.value <= _UNROLLED_POWER:
        return f"power{int(exponent.value)}({base})" if exponent.value > 1 else base
    return f"math.pow({base}, {value(exponent)})"


def delayed_ring(call: Call) -> str:
    """The field in which past values of a delayed expression are kept; it belongs to the mechanism that delays it."""
    value, owner = (_spelled(part) for part in call.arguments)
    return f"delayed:{owner}:{value}"


def _spelled(expression: Expression) -> str:
    """A name for an expression: the same for the same one."""
    if isinstance(expression, Symbol):
        return expression.name
    if isinstance(expression, Number):
        return repr(expression.value)
    label = getattr(expression, "operator", "") or getattr(expression, "function", "")
    return f"{label}({','.join(_spelled(part) for part in expression.parts())})"
