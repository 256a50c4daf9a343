"""The elementary functions as LLVM instructions, of one number or of several side by side.

Only arithmetic that vector units have, unlike the C library's, so that loops over cells stay on them. One cell alone waits
for its own exponentials most of the time; `together` works out those that need not wait for each other in one vector.
A number has the same bits whichever way it was worked out.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from bioasm.runtime import elementary
from bioasm.runtime.elementary import LARGEST
from bioasm.vm.jit import loops, types
from bioasm.vm.jit.functions import intrinsic
from bioasm.vm.jit.types import float64

DOUBLE, I64 = ir.DoubleType(), ir.IntType(64)
_BASE = {"exp": "exp", "expm1": "expm1", "exprelr": "expm1", "growth": "expm1"}  # what a function is worked out from


class Real:
    """A number or a vector of numbers as an LLVM value, with the operators of Python."""

    def __init__(self, m: LlvmArithmetic, value: Any) -> None:
        self.m, self.value = m, value

    def __add__(self, other: Any) -> Real:
        return self.m.combined("fadd", self, other)

    def __radd__(self, other: Any) -> Real:
        return self.m.combined("fadd", other, self)

    def __sub__(self, other: Any) -> Real:
        return self.m.combined("fsub", self, other)

    def __rsub__(self, other: Any) -> Real:
        return self.m.combined("fsub", other, self)

    def __mul__(self, other: Any) -> Real:
        return self.m.combined("fmul", self, other)

    def __rmul__(self, other: Any) -> Real:
        return self.m.combined("fmul", other, self)

    def __neg__(self) -> Real:
        return Real(self.m, self.m.builder.fneg(self.value))


class LlvmArithmetic:
    """`elementary.Arithmetic` in LLVM: reals are Real, bits and conditions LLVM values. `count` numbers at a time, or one."""

    def __init__(self, builder: Any, count: int | None = None) -> None:
        self.builder, self.count = builder, count
        self.real_type = DOUBLE if count is None else ir.VectorType(DOUBLE, count)
        self.bits_type = I64 if count is None else ir.VectorType(I64, count)

    def real(self, x: Any) -> Any:
        """The LLVM value of a Real, a number of Python, or one number for each place."""
        if isinstance(x, Real):
            return x.value
        return ir.Constant(self.real_type, x if self.count is None or isinstance(x, list) else [x] * self.count)

    def whole(self, x: Any) -> Any:
        """The LLVM value of bits or of an int."""
        if not isinstance(x, int):
            return x
        return ir.Constant(self.bits_type, x if self.count is None else [x] * self.count)

    def combined(self, instruction: str, x: Any, y: Any) -> Real:
        """An instruction on two reals."""
        return Real(self, getattr(self.builder, instruction)(self.real(x), self.real(y)))

    def fma(self, x: Any, y: Any, z: Any) -> Real:
        """x * y + z with one rounding."""
        suffix = "f64" if self.count is None else f"v{self.count}f64"
        kind = ir.FunctionType(self.real_type, [self.real_type] * 3)
        function = self.builder.module.declare_intrinsic(f"llvm.fma.{suffix}", fnty=kind)
        return Real(self, self.builder.call(function, [self.real(x), self.real(y), self.real(z)]))

    def divide(self, x: Any, y: Any) -> Real:
        """x / y."""
        return self.combined("fdiv", x, y)

    def less(self, x: Any, y: Any) -> Any:
        """x < y."""
        return self.builder.fcmp_ordered("<", self.real(x), self.real(y))

    def equal(self, x: Any, y: Any) -> Any:
        """x == y."""
        return self.builder.fcmp_ordered("==", self.real(x), self.real(y))

    def both(self, a: Any, b: Any) -> Any:
        """a and b."""
        return self.builder.and_(a, b)

    def negated(self, a: Any) -> Any:
        """not a."""
        return self.builder.not_(a)

    def select(self, condition: Any, x: Any, y: Any) -> Real:
        """x where the condition holds, else y."""
        return Real(self, self.builder.select(condition, self.real(x), self.real(y)))

    def bits(self, x: Any) -> Any:
        """The bits of numbers."""
        return self.builder.bitcast(self.real(x), self.bits_type)

    def number(self, bits: Any) -> Real:
        """The numbers with these bits."""
        return Real(self, self.builder.bitcast(self.whole(bits), self.real_type))

    def plus(self, a: Any, b: Any) -> Any:
        """a + b."""
        return self.builder.add(self.whole(a), self.whole(b))

    def minus(self, a: Any, b: Any) -> Any:
        """a - b."""
        return self.builder.sub(self.whole(a), self.whole(b))

    def left(self, a: Any, by: int) -> Any:
        """Shifted to higher places."""
        return self.builder.shl(a, self.whole(by))

    def right(self, a: Any, by: int) -> Any:
        """Shifted to lower places."""
        return self.builder.lshr(a, self.whole(by))

    def masked(self, a: Any, mask: Any) -> Any:
        """Bitwise and."""
        return self.builder.and_(self.whole(a), self.whole(mask))

    def toggled(self, a: Any, b: Any) -> Any:
        """Bitwise exclusive or."""
        return self.builder.xor(self.whole(a), self.whole(b))

    def is_set(self, a: Any) -> Any:
        """Whether any bit is set."""
        return self.builder.icmp_unsigned("!=", a, self.whole(0))

    def lookup(self, table: tuple[float, ...], index: Any) -> Real:
        """The entry of a table, which is a constant of the module."""
        assert self.count is None, "functions of tables are worked out one by one"
        kind = ir.ArrayType(DOUBLE, len(table))
        constant = loops.global_constant(self.builder, "elementary", ir.Constant(kind, list(table)))
        place = self.builder.gep(constant, [I64(0), index], inbounds=True)
        return Real(self, self.builder.load(place))


def _unary(name: str) -> Any:
    """A function of one float64."""
    function = elementary.UNARY[name]

    @intrinsic
    def apply(x):
        def codegen(b, args):
            m = LlvmArithmetic(b)
            return function(m, Real(m, args[0])).value

        return float64(float64), codegen

    return apply


@intrinsic
def power(x, y):
    """x^y."""

    def codegen(b, args):
        m = LlvmArithmetic(b)
        return elementary.power(m, Real(m, args[0]), Real(m, args[1])).value

    return float64(float64, float64), codegen


def together(*names: str) -> Any:
    """A function of a tuple of numbers: the functions `names` of one each, as a tuple, worked out in one vector."""
    count = 1 << (len(names) - 1).bit_length()
    largest = [LARGEST[_BASE[name]] for name in names] + [0.0] * (count - len(names))

    @intrinsic
    def apply(numbers):
        def codegen(b, args):
            parts = args[0]
            m, one = LlvmArithmetic(b, count), LlvmArithmetic(b)
            vector = m.real(0.0)
            for k, x in enumerate(parts):
                vector = b.insert_element(vector, x, ir.Constant(ir.IntType(32), k))
            limits = Real(m, m.real(largest))
            bases = elementary.exponentials(m, Real(m, vector), limits, {_BASE[name] for name in names})
            values = []
            for k, (name, x) in enumerate(zip(names, parts, strict=True)):
                base = Real(one, b.extract_element(bases[_BASE[name]].value, ir.Constant(ir.IntType(32), k)))
                same = name == _BASE[name]
                values.append((base if same else elementary.ratio(one, name, Real(one, x), base)).value)
            return values

        kind = types.Tuple((float64,) * len(names))
        return kind(kind), codegen

    return apply


exp, expm1, exprelr, growth = (_unary(name) for name in ("exp", "expm1", "exprelr", "growth"))
log, tanh, sin, cos, full_exp = (_unary(name) for name in ("log", "tanh", "sin", "cos", "full_exp"))
