"""C printer of the elementary functions: each operation of `bioasm.runtime.elementary` becomes one line."""

from __future__ import annotations

import math
from typing import Any

from bioasm.runtime import elementary


class _Real:
    """A float64 as C text, with the operators of Python."""

    def __init__(self, m: CArithmetic, text: str) -> None:
        self.m, self.text = m, text

    def __add__(self, other: Any) -> _Real:
        return self.m.combined("+", self, other)

    def __radd__(self, other: Any) -> _Real:
        return self.m.combined("+", other, self)

    def __sub__(self, other: Any) -> _Real:
        return self.m.combined("-", self, other)

    def __rsub__(self, other: Any) -> _Real:
        return self.m.combined("-", other, self)

    def __mul__(self, other: Any) -> _Real:
        return self.m.combined("*", self, other)

    def __rmul__(self, other: Any) -> _Real:
        return self.m.combined("*", other, self)

    def __neg__(self) -> _Real:
        return self.m.real(f"-{self.text}")


class CArithmetic:
    """`elementary.Arithmetic` in C: operations are appended to `lines`; bits and conditions are the names of locals."""

    def __init__(self, name: str) -> None:
        self.name, self.lines = name, list[str]()
        self.tables: dict[tuple[float, ...], str] = {}

    def _local(self, kind: str, text: str) -> str:
        name = f"t{len(self.lines)}"
        self.lines.append(f"const {kind} {name} = {text};")
        return name

    def real(self, text: str) -> _Real:
        """A new local of double."""
        return _Real(self, self._local("double", text))

    def combined(self, operator: str, x: Any, y: Any) -> _Real:
        """An operation on two reals."""
        return self.real(f"{_text(x)} {operator} {_text(y)}")

    def fma(self, x: Any, y: Any, z: Any) -> _Real:
        """x * y + z with one rounding."""
        return self.real(f"bio_fma({_text(x)}, {_text(y)}, {_text(z)})")

    def divide(self, x: Any, y: Any) -> _Real:
        """x / y."""
        return self.combined("/", x, y)

    def less(self, x: Any, y: Any) -> str:
        """x < y."""
        return self._local("int", f"{_text(x)} < {_text(y)}")

    def equal(self, x: Any, y: Any) -> str:
        """x == y."""
        return self._local("int", f"{_text(x)} == {_text(y)}")

    def both(self, a: str, b: str) -> str:
        """a and b."""
        return self._local("int", f"{a} & {b}")

    def negated(self, a: str) -> str:
        """not a."""
        return self._local("int", f"!{a}")

    def select(self, condition: str, x: Any, y: Any) -> _Real:
        """x where the condition holds, else y."""
        return self.real(f"{condition} ? {_text(x)} : {_text(y)}")

    def bits(self, x: Any) -> str:
        """The bits of a number."""
        return self._local("uint64_t", f"bio_bits({_text(x)})")

    def number(self, bits: str) -> _Real:
        """The number with these bits."""
        return self.real(f"bio_number({bits})")

    def _whole(self, operator: str, a: str | int, b: str | int) -> str:
        return self._local("uint64_t", f"{_whole(a)} {operator} {_whole(b)}")

    def plus(self, a: str | int, b: str | int) -> str:
        """a + b modulo 2^64."""
        return self._whole("+", a, b)

    def minus(self, a: str | int, b: str | int) -> str:
        """a - b modulo 2^64."""
        return self._whole("-", a, b)

    def left(self, a: str, by: int) -> str:
        """Shifted to higher places."""
        return self._local("uint64_t", f"{a} << {by}")

    def right(self, a: str, by: int) -> str:
        """Shifted to lower places."""
        return self._local("uint64_t", f"{a} >> {by}")

    def masked(self, a: str | int, mask: str | int) -> str:
        """Bitwise and."""
        return self._whole("&", a, mask)

    def toggled(self, a: str | int, b: str | int) -> str:
        """Bitwise exclusive or."""
        return self._whole("^", a, b)

    def is_set(self, a: str) -> str:
        """Whether any bit is set."""
        return self._local("int", f"{a} != 0")

    def lookup(self, table: tuple[float, ...], index: str) -> _Real:
        """The entry of a table, an array of the function's own."""
        name = self.tables.setdefault(table, f"{self.name}_table{len(self.tables)}")
        return self.real(f"{name}[{index}]")


def c_number(x: float) -> str:
    """A float64 as a C literal that reads back bit for bit."""
    if math.isfinite(x):
        return repr(float(x)) if x >= 0 and math.copysign(1.0, x) > 0 else f"({float(x)!r})"
    return "BIO_NAN" if x != x else "BIO_INFINITY" if x > 0 else "(-BIO_INFINITY)"


def _text(x: Any) -> str:
    return x.text if isinstance(x, _Real) else c_number(x)


def _whole(x: str | int) -> str:
    return f"UINT64_C({x % (1 << 64)})" if isinstance(x, int) else x


def print_elementary() -> str:
    """All elementary functions, as functions of double with names that begin with `bio_`."""
    return "\n".join(_function(*of) for of in _all())


def declare_elementary() -> str:
    """Declarations of the elementary functions, for files that link against another's definitions."""
    return "\n".join(f"{_signature(name, parameters)};" for name, parameters, _ in _all())


def _all() -> list[tuple[str, tuple[str, ...], Any]]:
    return [*((name, ("x",), function) for name, function in elementary.UNARY.items()), ("pow", ("x", "y"), elementary.power)]


def _signature(name: str, parameters: tuple[str, ...]) -> str:
    return f"double bio_{name}({', '.join(f'double {p}' for p in parameters)})"


def _function(name: str, parameters: tuple[str, ...], function: Any) -> str:
    m = CArithmetic(f"bio_{name}")
    result = function(m, *(_Real(m, parameter) for parameter in parameters))
    tables = [_table(name, values) for values, name in m.tables.items()]
    head = f"LINKAGE {_signature(name, parameters)} {{"
    return "\n".join([*tables, head, *(f"    {line}" for line in [*m.lines, f"return {result.text};"]), "}", ""])


def _table(name: str, values: tuple[float, ...]) -> str:
    return f"TABLE double {name}[{len(values)}] = {{{', '.join(map(c_number, values))}}};"
