"""Random functions of the kernel language, and numbers of Python that behave as those of compiled functions.

A function is executed by Python with `Number` in place of numbers: what it computes follows from the rules of fixed width,
written here once more from their definition.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

REALS = ("float32", "float64")
TYPES = (*REALS, "int8", "int32", "int64", "uint8", "uint32", "uint64")
NARROW = ("float32", "int8", "uint8", "bool")  # what is float32 beside a float32
ARRAYS = {"whole": "int64", "real": "float64", "single": "float32", "small": "int8", "byte": "uint8"}
SIZE = 8
VARIABLES = {"i": "int64", "j": "int64", "n": "int64", "u": "uint64", "x": "float64", "y": "float64", "s": "float32"}


# --- numbers of fixed width ---------------------------------------------------------------------------------


def wrapped(value: int, kind: str) -> int:
    """A whole number as the bits of a type hold it."""
    bits = int(kind.lstrip("uint"))
    value &= (1 << bits) - 1
    return value - (1 << bits) if not kind.startswith("u") and value >> (bits - 1) else value


def joined(a: str, b: str) -> str:
    """The type of a sum."""
    if a in REALS or b in REALS:
        return "float32" if a in NARROW and b in NARROW else "float64"
    return "uint64" if a.startswith("u") and b.startswith("u") else "int64"


class Number:
    """A number of a type by its name in numpy."""

    def __init__(self, kind: str, value: Any) -> None:
        self.kind, self.value = kind, value

    def to(self, kind: str) -> Number:
        """Cast as C does."""
        if kind in REALS:
            dtype = np.dtype("uint64" if self.kind == "uint64" else self.kind if self.kind in REALS else "int64")
            return Number(kind, dtype.type(self.value).astype(kind))
        if kind == "bool":
            return Number(kind, bool(self))
        return Number(kind, wrapped(int(self.value), kind))

    def __bool__(self) -> bool:
        return bool(self.value != 0)

    def __index__(self) -> int:
        return int(self.value)

    def _both(self, other: Any) -> tuple[str, Any, Any]:
        other = number(other)
        kind = joined(self.kind, other.kind)
        return kind, self.to(kind).value, other.to(kind).value

    def __abs__(self) -> Number:
        if self.kind in REALS:
            return Number(self.kind, abs(self.value))
        return Number("int64", wrapped(abs(int(self.value)), "int64"))

    def __neg__(self) -> Number:
        kind = joined(self.kind, self.kind)
        return Number(kind, -self.value if kind in REALS else wrapped(-int(self.value), kind))

    def __invert__(self) -> Number:
        kind = joined(self.kind, self.kind)
        return Number(kind, wrapped(~int(self.value), kind))


def number(value: Any) -> Number:
    """A number of Python in the type of a constant."""
    if isinstance(value, Number):
        return value
    if isinstance(value, bool | np.bool_):
        return Number("bool", bool(value))
    return Number("int64", value) if isinstance(value, int) else Number("float64", np.float64(value))


def _divided(p: int, q: int) -> tuple[int, int]:
    return divmod(p, q) if q and not (q == -1 and p == -(1 << 63)) else (0, 0)


def _remainder(p: Any, q: Any) -> Any:
    if math.isnan(p) or math.isnan(q) or math.isinf(p) or q == 0:
        return math.nan
    return type(p)(float(p) % float(q)) if type(p) is np.float64 else np.remainder(p, q)


_WHOLE = {
    "add": lambda p, q: p + q,
    "sub": lambda p, q: p - q,
    "mul": lambda p, q: p * q,
    "and": lambda p, q: p & q,
    "or": lambda p, q: p | q,
    "xor": lambda p, q: p ^ q,
    "floordiv": lambda p, q: _divided(p, q)[0],
    "mod": lambda p, q: _divided(p, q)[1],
}
_REAL = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "mod": _remainder}


def _arithmetic(name: str, a: Any, b: Any) -> Number:
    kind, p, q = number(a)._both(b)
    return Number(kind, _REAL[name](p, q)) if kind in REALS else Number(kind, wrapped(_WHOLE[name](int(p), int(q)), kind))


def _quotient(a: Any, b: Any) -> Number:
    kind = number(a)._both(b)[0]
    kind = kind if kind == "float32" else "float64"
    return Number(kind, np.divide(number(a).to(kind).value, number(b).to(kind).value))


def _shifted(name: str, a: Any, b: Any) -> Number:
    kind, by = ("uint64" if number(a).kind.startswith("u") else "int64"), int(number(b).value)
    value = int(number(a).value)
    return Number(kind, wrapped(value << by if name == "lshift" else value >> by, kind))


def _compared(name: str, a: Any, b: Any) -> bool:
    _, p, q = number(a)._both(b)
    return bool({"lt": p < q, "le": p <= q, "gt": p > q, "ge": p >= q, "eq": p == q, "ne": p != q}[name])


def _give_operators() -> None:
    for names, operator in ((_WHOLE, _arithmetic), (("lshift", "rshift"), _shifted)):
        for name in names:
            setattr(Number, f"__{name}__", lambda a, b, name=name, operator=operator: operator(name, a, b))
            setattr(Number, f"__r{name}__", lambda a, b, name=name, operator=operator: operator(name, b, a))
    Number.__truediv__, Number.__rtruediv__ = _quotient, lambda a, b: _quotient(b, a)  # type: ignore[attr-defined]
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Number, f"__{name}__", lambda a, b, name=name: _compared(name, a, b))


_give_operators()


class Items:
    """An array whose items are numbers of its type."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getitem__(self, at: Any) -> Number:
        item = self.array[int(at)]
        return Number(self.array.dtype.name, item if self.array.dtype.name in REALS else int(item))

    def __setitem__(self, at: Any, value: Any) -> None:
        self.array[int(at)] = number(value).to(self.array.dtype.name).value


def _numbers(*bounds: Any) -> Iterator[Number]:
    return (Number("int64", k) for k in range(*map(int, bounds)))


def _extreme(name: str, a: Any, b: Any) -> Number:
    kind = number(a)._both(b)[0]
    return (number(b) if _compared(name, b, a) else number(a)).to(kind)


MEANINGS = {kind: lambda x, kind=kind: number(x).to(kind) for kind in TYPES} | {
    "range": _numbers,
    "min": lambda a, b: _extreme("lt", a, b),
    "max": lambda a, b: _extreme("gt", a, b),
}


# --- random functions ---------------------------------------------------------------------------------------

HELPERS = """
def mixed(a, b):
    return a * b - a


def limited(a, b):
    total = a
    for k in range(3):
        if b < total:
            break
        total = total + b
    return total
"""


class Writer:
    """Writes a function. An expression is its text and its type; what has no meaning in C, as 1 << 64, is not written."""

    def __init__(self, seed: int) -> None:
        self.chance, self.lines, self.within = random.Random(seed), list[str](), 0

    def function(self, name: str) -> str:
        """The source of a function of all variables and arrays."""
        self.lines = [f"def {name}({', '.join((*VARIABLES, *ARRAYS))}):"]
        self.block(1, 6)
        for at, variable in enumerate("ijnu"):
            self.put(1, f"whole[{at}] = whole[{at}] ^ int64({variable})")
        self.put(1, "real[0], real[1], single[2] = x, y, s")
        return "\n".join(self.lines)

    def put(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def block(self, depth: int, count: int) -> None:
        for _ in range(self.chance.randint(1, count)):
            kinds = [self.assignment, self.assignment, self.item, self.augmented, self.pair]
            self.chance.choice([*kinds, self.choice, self.loop, self.loop] if depth < 4 else kinds)(depth)
        if self.within and self.chance.random() < 0.3:
            self.put(depth, f"if {self.condition(1)}:")
            self.put(depth + 1, self.chance.choice(["break", "continue"]))

    # --- statements

    def assignment(self, depth: int) -> None:
        name = self.chance.choice(list(VARIABLES))
        self.put(depth, f"{name} = {self.cast(self.any(3), VARIABLES[name])}")

    def pair(self, depth: int) -> None:
        one, other = self.chance.choice([("i", "j"), ("x", "y"), ("j", "n")])
        kind = VARIABLES[one]
        self.put(depth, f"{one}, {other} = {self.cast(self.any(2), kind)}, {one} if {self.condition(1)} else {other}")

    def item(self, depth: int) -> None:
        name = self.chance.choice(list(ARRAYS))
        kind = ARRAYS[name]
        value = self.any(3) if kind in REALS else self.whole(3)
        sign = self.chance.choice(["=", "=", "+=", "-=", "*="] if kind in REALS else ["=", "+=", "*=", "^=", "|="])
        self.put(depth, f"{name}[{self.index()}] {sign} {value[0]}")

    def augmented(self, depth: int) -> None:
        name = self.chance.choice(["i", "j", "x", "y", "s"])
        kind = VARIABLES[name]
        value = self.cast(self.any(2), self.chance.choice(["int64", "int8", "uint8"]) if kind == "int64" else kind)
        self.put(depth, f"{name} {self.chance.choice(['+=', '-=', '*='])} {value}")

    def choice(self, depth: int) -> None:
        self.put(depth, f"if {self.condition(2)}:")
        self.block(depth + 1, 3)
        if self.chance.random() < 0.6:
            self.put(depth, self.chance.choice(["else:", f"elif {self.condition(1)}:"]))
            self.block(depth + 1, 3)

    def loop(self, depth: int) -> None:
        counter = f"k{depth}"
        self.put(depth, f"{counter} = int64({self.whole(1)[0]}) & 7")
        self.within += 1
        if self.chance.random() < 0.3:
            self.put(depth, f"while {counter} > 0 and {self.condition(1)}:")
            self.put(depth + 1, f"{counter} -= 1")
        else:
            low, high = f"int64({self.whole(1)[0]}) & 3", f"int64({self.whole(1)[0]}) & 7"
            bounds = [high, f"{low}, {high}", f"{high}, {low}, -1", f"{low}, {high}, 2"]
            self.put(depth, f"for {counter} in range({self.chance.choice(bounds)}):")
        self.block(depth + 1, 3)
        self.within -= 1
        self.put(depth, f"n = n + {counter}")

    # --- expressions

    def any(self, depth: int) -> tuple[str, str]:
        return self.chance.choice([self.whole, self.real])(depth)

    def index(self) -> str:
        return f"int64({self.whole(1)[0]}) & 7"

    def cast(self, value: tuple[str, str], kind: str) -> str:
        text, given = value
        if given in REALS and kind not in REALS:
            text = f"min(max(-1e9, {text}), 1e9)" if kind.startswith("i") else f"min(max(0.0, {text}), 1e9)"
            return f"{kind}(int64({text}))" if kind not in ("int64", "uint64") else f"{kind}({text})"
        return f"{kind}({text})"

    def whole(self, depth: int) -> tuple[str, str]:
        """A whole number."""
        if depth == 0:
            at = f"{self.chance.randint(0, 7)}"
            known = [("i", "int64"), ("j", "int64"), ("n", "int64"), ("u", "uint64"), (f"small[{at}]", "int8")]
            known += [(f"byte[{at}]", "uint8"), (f"whole[{at}]", "int64"), (f"int32({self.literal()})", "int32")]
            return self.chance.choice(known)
        (a, one), (b, other), how = self.whole(depth - 1), self.whole(depth - 1), self.chance.randint(0, 9)
        kind = joined(one, other)
        if how < 5:
            return f"({a} {self.chance.choice(['+', '-', '*', '&', '|', '^', '//', '%'])} {b})", kind
        if how == 5:
            sign = self.chance.choice(["<<", ">>"])
            return f"({a} {sign} (int64({b}) & 63))", "uint64" if one.startswith("u") else "int64"
        if how == 6:
            return f"({self.chance.choice('-~')}{a})", joined(one, one)
        if how == 7:
            to = self.chance.choice(["int8", "uint8", "int32", "uint32", "int64", "uint64"])
            return self.cast(self.any(depth - 1), to), to
        if how == 8:
            a, b = f"int64({a})", f"int64({b})"
            return self.chance.choice([f"{f}({a}, {b})" for f in ("min", "max", "mixed", "limited")] + [f"abs({a})"]), "int64"
        return f"int64({a} if {self.condition(depth - 1)} else {b})", "int64"

    def literal(self) -> str:
        return str(self.chance.choice([0, 1, -1, 3, 127, -128, 1 << 31, self.chance.randint(-1000, 1000)]))

    def real(self, depth: int) -> tuple[str, str]:
        """A real number."""
        if depth == 0:
            at = self.chance.randint(0, 7)
            known = [("x", "float64"), ("y", "float64"), ("s", "float32")]
            known += [(f"real[{at}]", "float64"), (f"single[{at}]", "float32")]
            return self.chance.choice([*known, (f"float64({self.chance.choice([0.0, -0.5, 1.0, 3.25, 1e-3])})", "float64")])
        (a, one), how = self.real(depth - 1), self.chance.randint(0, 7)
        b, other = self.any(depth - 1)
        kind = joined(one, other)
        if how < 4:
            return f"({a} {self.chance.choice('+-*/')} {b})", kind
        if how == 4:
            return self.chance.choice([(f"(-{a})", one), (f"abs({a})", one), (f"float64({a} % {self.real(0)[0]})", "float64")])
        if how == 5:
            return f"{self.chance.choice(['min', 'max', 'mixed', 'limited'])}({a}, {self.cast((b, other), one)})", one
        if how == 6:
            to = self.chance.choice(REALS)
            return self.cast((b, other), to), to
        return f"float64({a} if {self.condition(depth - 1)} else {b})", "float64"

    def condition(self, depth: int) -> str:
        """A truth value; unsigned numbers of 64 bits are compared with their like alone."""
        if depth > 0 and self.chance.random() < 0.4:
            a, b = self.condition(depth - 1), self.condition(depth - 1)
            return self.chance.choice([f"({a} and {b})", f"({a} or {b})", f"(not {a})"])
        (a, one), (b, other) = self.any(1), self.any(1)
        if "uint64" in (one, other):
            a, b = self.cast((a, one), "uint64"), self.cast((b, other), "uint64")
        signs = ["<", "<=", ">", ">=", "==", "!="]
        if self.chance.random() < 0.2 and "uint64" not in (one, other):
            a, b = self.cast((a, one), "int64"), self.cast((b, other), "int64")
            return f"({a} {self.chance.choice(signs)} i {self.chance.choice(signs)} {b})"
        return f"({a} {self.chance.choice(signs)} {b})"


def functions(seeds: range) -> str:
    """The source of the functions of some seeds, and of `all_of_them`, which calls the one of a number."""
    arguments = ", ".join((*VARIABLES, *ARRAYS))
    parts = [HELPERS, *(Writer(seed).function(f"f{seed}") for seed in seeds)]
    calls = "\n".join(f"    if which == {seed}:\n        f{seed}({arguments})" for seed in seeds)
    return "\n\n".join([*parts, f"def all_of_them(which, {arguments}):\n{calls}"]) + "\n"


def arguments(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Numbers and arrays that a function is called with."""
    chance = np.random.default_rng(seed)
    edges, hard = [0, 1, -1, (1 << 63) - 1, -(1 << 63), 1 << 32], [0.0, -0.0, math.inf, math.nan, 1e300]
    whole = [int(chance.choice(edges) if chance.random() < 0.3 else chance.integers(-(1 << 40), 1 << 40)) for _ in range(3)]
    reals = [float(chance.choice(hard)) if chance.random() < 0.2 else chance.normal() * 50 for _ in range(3)]
    with np.errstate(over="ignore"):
        numbers = [*whole, int(chance.integers(0, 1 << 63)) * 2 + 1, *map(float, reals[:2]), float(np.float32(reals[2]))]
    arrays = {
        name: (chance.normal(size=SIZE) * 9).astype(kind) if kind in REALS else chance.integers(-100, 100, SIZE).astype(kind)
        for name, kind in ARRAYS.items()
    }
    return dict(zip(VARIABLES, numbers, strict=True)), arrays


def by_definition(names: dict[str, Any], seed: int, numbers: dict[str, Any], arrays: dict[str, Any]) -> None:
    """What the function of a number does to arrays, by the rules above; `names` is what its source defines."""
    kinds = VARIABLES.items()
    given = [Number(kind, np.dtype(kind).type(numbers[name]) if kind in REALS else numbers[name]) for name, kind in kinds]
    with np.errstate(all="ignore"):
        names[f"f{seed}"](*given, *(Items(array) for array in arrays.values()))
