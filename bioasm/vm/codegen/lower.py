"""Lowering: expressions of model texts to typed values at one moment of a step."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce

from bioasm.models.expression import Binary, Call, Expression, Negation, Number, Symbol
from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.system import System, level_field
from bioasm.vm.codegen.types import Rate, Type
from bioasm.vm.codegen.values import Value, apply, as_value, cell, named, read

STEP = named("step", Type.I64)
DT = read("real", "DT", Rate.UNIFORM)
_UNROLLED_POWER = 8


@dataclass
class Environment:
    """Environment of names at one moment of a step: changed states, and memoised values computed from them."""

    time: Value
    states: dict[str, Value] = field(default_factory=dict)
    noise: dict[str, Value] = field(default_factory=dict)
    memo: dict[Expression, Value] = field(default_factory=dict)

    def after(self, changed: dict[str, Value], time: Value | None = None) -> Environment:
        """The environment after some states have changed."""
        return Environment(time or self.time, self.states | changed, self.noise)


class Lowering:
    """Lowering of a population's expressions in one loop over its cells.

    With `fused`, invariant factors of products are collected, and sums of products use `fma`. `kept` are the fields with the
    values of `held` calls, for later loops of the step. `stores` collects values for later steps: cells of ring buffers, and
    their values.
    """

    def __init__(self, system: System, population: int, fused: bool, kept: dict[Expression, str] | None = None) -> None:
        self.system, self.population, self.fused, self.kept = system, population, fused, kept
        self.start = Environment(apply("float", STEP) * DT)
        self.stores: list[tuple[Value, Value]] = []
        self._constants: dict[Expression, Value] = {}

    def value(self, expression: Expression, at: Environment) -> Value:
        """An expression's value at a moment."""
        if isinstance(expression, Number):
            return as_value(float(expression.value))
        if isinstance(expression, Symbol):
            return self._symbol(expression.name, at)
        if self.fused and self.system.rate_of_change(expression) < Rate.VARYING:
            return self._invariant(expression)
        if isinstance(expression, Call):
            if expression not in at.memo:
                at.memo[expression] = self._call(expression, at)
            return at.memo[expression]
        if not self.fused:
            return self._operation(expression, at)
        if isinstance(expression, Binary) and expression.operator in ("*", "/"):
            expression = self._collected(expression)
        if isinstance(expression, Binary) and expression.operator in ("+", "-"):
            return self._sum(expression, at)
        return self._operation(expression, at)

    def _invariant(self, expression: Expression) -> Value:
        """A value that is constant over steps, computed as written."""
        if expression not in self._constants:
            plain = Lowering(self.system, self.population, fused=False)
            self._constants[expression] = plain.value(expression, plain.start)
        return self._constants[expression]

    # --- names --------------------------------------------------------------------------------------

    def _symbol(self, name: str, at: Environment) -> Value:
        if name in at.states:
            return at.states[name]
        if name in at.noise:
            return at.noise[name]
        if name in self.system.definitions:
            key = Symbol(name)
            if key not in at.memo:
                at.memo[key] = self.value(self.system.definitions[name], at)
            return at.memo[key]
        if name in ("t", "dt", "noise"):
            return {"t": at.time, "dt": DT}.get(name) or self.level
        return self._stored(name)

    def _stored(self, name: str) -> Value:
        """A state, a parameter or a part of an input."""
        if name in self.system.parameters and name not in self.system.own:
            return read("number", name, Rate.UNIFORM)
        varying = self.system.rate_of_change(Symbol(name)) is Rate.VARYING
        return cell(name, Field(self.population), Rate.VARYING if varying else Rate.PER_CELL)

    @property
    def level(self) -> Value:
        """The noise level: that of SIG, before any SIG the model's default."""
        if self.system.noisy_by_lane:
            return cell(level_field(self.system.population.id), Field(self.population), Rate.PER_CELL)
        default = self.system.population.model.noise_default
        known = read("real", "NOISE_SET", Rate.UNIFORM).equals(1.0)
        return apply("select", known, read("real", "NOISE", Rate.UNIFORM), float(default))

    def array(self, name: str, made: Field | None = None) -> Value:
        """The value of a field that changes in the run, for the present cell."""
        return cell(name, made or Field(self.population))

    # --- products and sums --------------------------------------------------------------------------

    def _collected(self, expression: Binary) -> Expression:
        """A product whose invariant factors are collected into one."""
        still: list[Expression] = []
        moving: list[Expression] = []
        for factor in _factors(expression):
            (moving if self.system.rate_of_change(factor) == Rate.VARYING else still).append(factor)
        if not still or not moving or (len(still) == 1 and expression.operator == "*"):
            return self._multiplied(expression)
        return Binary("*", _product(still), _product(moving))

    def _multiplied(self, expression: Binary) -> Expression:
        """A division by an invariant, as a product with its inverse."""
        if expression.operator != "/" or self.system.rate_of_change(expression.right) == Rate.VARYING:
            return expression
        return Binary("*", expression.left, Binary("/", Number(1.0), expression.right))

    def _sum(self, expression: Binary, at: Environment) -> Value:
        """A sum; products in it are added with `fma`."""
        left, right = self._term(expression.left, at), self._term(expression.right, at)
        minus = expression.operator == "-"
        if isinstance(right, tuple):
            one = left if isinstance(left, Value) else left[0] * left[1]
            return apply("fma", -right[0] if minus else right[0], right[1], one)
        if isinstance(left, tuple):
            return apply("fma", *left, -right if minus else right)
        return apply(expression.operator, left, right)

    def _term(self, expression: Expression, at: Environment) -> Value | tuple[Value, Value]:
        """A summand, as two factors where it is a product that is not invariant."""
        varies = self.system.rate_of_change(expression) is Rate.VARYING
        if varies and isinstance(expression, Binary) and expression.operator in ("*", "/"):
            product = self._collected(expression)
            if isinstance(product, Binary) and product.operator == "*":
                return self.value(product.left, at), self.value(product.right, at)
        return self.value(expression, at)

    def _operation(self, expression: Expression, at: Environment) -> Value:
        if isinstance(expression, Negation):
            return apply("neg" if expression.operator == "-" else "not", self.value(expression.operand, at))
        assert isinstance(expression, Binary)
        if expression.operator == "^":
            return self._power(expression, at)
        return apply(expression.operator, self.value(expression.left, at), self.value(expression.right, at))

    def _power(self, expression: Binary, at: Environment) -> Value:
        """Small whole powers as products: `pow` takes as long as two exponentials."""
        base, exponent = self.value(expression.left, at), expression.right
        if isinstance(exponent, Number) and exponent.value == int(exponent.value) and 1 <= exponent.value <= _UNROLLED_POWER:
            return whole_power(base, int(exponent.value))
        return apply("pow", base, self.value(exponent, at))

    # --- functions ----------------------------------------------------------------------------------

    def _call(self, call: Call, at: Environment) -> Value:
        if call.function == "held":
            kept = (self.kept or {}).get(call)
            return self.value(call.arguments[0], self.start) if kept is None else self.array(kept)
        if call.function == "delayed":
            return self.delayed(call)
        arguments = [self.value(part, at) for part in call.arguments]
        if call.function in ("min", "max"):
            return reduce(lambda one, other: apply(call.function, one, other), arguments)
        if call.function == "clip":
            return apply("min", apply("max", arguments[0], arguments[1]), arguments[2])
        return apply("select" if call.function == "where" else call.function, *arguments)

    def delayed(self, call: Call) -> Value:
        """The delayed value of the argument, from a ring buffer; the first loop of a step stores the present value."""
        if call not in self.start.memo:
            ring, made = delayed_ring(call), Field(self.population, per="slot")
            slots = read("whole", f"slots:{ring}")  # the delay in steps, plus one
            value = cell(ring, made, slot=(STEP + 1) % slots)
            if self.kept is None:
                now = self.value(call.arguments[0], self.start)
                value = apply("select", slots.equals(1), now, value)
                self.stores.append((cell(ring, made, slot=STEP % slots), now))
            self.start.memo[call] = value
        return self.start.memo[call]


def whole_power(x: Value, exponent: int) -> Value:
    """x^exponent for exponents 1 to 8, as products of squares and cubes."""
    if exponent <= 2:
        return x if exponent == 1 else x * x
    if exponent in (3, 5, 7):
        return whole_power(x, exponent - 1) * x
    half = whole_power(x, exponent // 2)
    return half * half


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
    """The product of factors; all divisors are collected into one division at the end."""
    above = [f for f in factors if not _is_inverse(f)]
    below = [f.right for f in factors if isinstance(f, Binary) and _is_inverse(f)]
    result = reduce(lambda a, b: Binary("*", a, b), above) if above else Number(1.0)
    return Binary("/", result, reduce(lambda a, b: Binary("*", a, b), below)) if below else result


def _is_inverse(expression: Expression) -> bool:
    return isinstance(expression, Binary) and expression.operator == "/" and expression.left == Number(1.0)


def delayed_ring(call: Call) -> str:
    """The ring buffer of past values of a delayed expression, which belongs to the mechanism that delays it."""
    value, owner = (_spelled(part) for part in call.arguments)
    return f"delayed:{owner}:{value}"


def _spelled(expression: Expression) -> str:
    """A canonical name of an expression."""
    if isinstance(expression, Symbol):
        return expression.name
    if isinstance(expression, Number):
        return repr(expression.value)
    label = getattr(expression, "operator", "") or getattr(expression, "function", "")
    return f"{label}({','.join(_spelled(part) for part in expression.parts())})"
