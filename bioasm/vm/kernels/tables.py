"""Steps of a transfer matrix on tables of 2^k entries, as vectors in LLVM: one spin is summed out and another takes its place.

An entry x of a table tells of one assignment of spins to k slots, -1 or +1 by the bits of x. An algebra says what an entry is
and how two are joined: bytes are costs above the lowest one, of which the lower stays (the min-plus algebra, T = 0), and
weights are sums of Boltzmann factors in float64. A vector of LLVM has as many places on every processor, which may need several
registers for it. Entries are bound to a common scale one step late: `base` is what the step before found to be extreme.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from bioasm.vm.jit import loops, types
from bioasm.vm.jit.functions import intrinsic
from bioasm.vm.kernels import vectors

I1, I8, I32, I64, F64 = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.DoubleType()


class Algebra:
    """Entries of a table, 2^low of them in a vector."""

    item: Any
    low: int
    number: Any  # the type of a cost and of a base
    extreme: Callable[..., Any]  # the best of each two

    def __init__(self, b: Any) -> None:
        self.b, self.lanes = b, 1 << self.low
        self.vector, self.mask = ir.VectorType(self.item, self.lanes), ir.VectorType(I1, self.lanes)

    def splat(self, scalar: Any) -> Any:
        """A vector with the number in every place."""
        return vectors.splat(self.b, scalar, self.lanes)

    def places(self, table: Any, j: Any) -> Any:
        """The address of vector j of a table."""
        size = self.lanes * (8 if self.item is F64 else 1)
        return self.b.add(table, self.b.mul(j, I64(size)))

    def load(self, table: Any, j: Any, base: Any) -> Any:
        """Vector j of a table, brought to the common scale."""
        return self.rebased(vectors.load(self.b, self.places(table, j), self.vector, 1), base)

    def store(self, value: Any, table: Any, j: Any) -> None:
        """Put vector j into a table."""
        vectors.store(self.b, value, self.places(table, j), 1)

    def plus_in(self, slot: Any) -> Any:
        """In which places of every vector the slot's spin is +1; none for slots that tell vectors apart."""
        bit = self.b.trunc(self.b.shl(I64(1), slot), I8)
        index = ir.Constant(ir.VectorType(I8, self.lanes), list(range(self.lanes)))
        with_bit = self.b.and_(index, self.splat(bit))
        return self.b.icmp_unsigned("!=", with_bit, ir.Constant(with_bit.type, [0] * self.lanes))

    def plus_at(self, slot: Any, j: Any) -> Any:
        """Whether the slot's spin is +1 in all of vector j, where slots tell vectors apart."""
        return self.b.trunc(self.b.lshr(self.b.mul(j, I64(self.lanes)), slot), I1)

    def shuffled(self, value: Any, index: list[int]) -> Any:
        """The vector with its places in another order."""
        return self.b.shuffle_vector(value, value, ir.Constant(ir.VectorType(I32, self.lanes), index))

    def most_extreme(self, value: Any) -> Any:
        """The most extreme of all places, by halves: each place meets the one half of the rest away."""
        by = self.lanes
        while by > 1:
            by //= 2
            value = self.extreme(value, self.shuffled(value, [(i + by) % self.lanes for i in range(self.lanes)]))
        return self.b.extract_element(value, I32(0))

    def called(self, name: str, x: Any, y: Any) -> Any:
        """An intrinsic of LLVM on two vectors."""
        function = self.b.module.declare_intrinsic(name, fnty=ir.FunctionType(self.vector, [self.vector] * 2))
        return self.b.call(function, [x, y])

    def keep_bits(self, mask: Any, choice: Any, j: Any) -> None:
        """Put a bit for each place of vector j into the table of choices."""
        word = ir.IntType(self.lanes)
        at = self.b.add(choice, self.b.mul(j, I64(self.lanes // 8)))
        self.b.store(self.b.bitcast(mask, word), self.b.inttoptr(at, word.as_pointer())).align = 1


class Costs(Algebra):
    """Bytes: costs above the lowest one, which saturate; the lower of two stays."""

    item, low, number = I8, 6, types.int64

    def given(self, number: Any) -> Any:
        """A vector of a cost or base."""
        return self.splat(self.b.trunc(number, I8))

    def rebased(self, value: Any, base: Any) -> Any:
        """Less the lowest one."""
        return self.b.sub(value, base)

    def charged(self, value: Any, cost: Any) -> Any:
        """With a cost added."""
        return self.called(f"llvm.uadd.sat.v{self.lanes}i8", value, cost)

    def joined(self, x: Any, y: Any) -> Any:
        """The lower of each two."""
        return self.called(f"llvm.umin.v{self.lanes}i8", x, y)

    extreme = joined

    def second(self, x: Any, y: Any, number: Any) -> Any:
        """Where the second is lower, or as low and the coin `number` is not 0."""
        strict, wide = self.b.icmp_unsigned("<", y, x), self.b.icmp_unsigned("<=", y, x)
        return self.b.select(self.b.icmp_signed("!=", number, I64(0)), wide, strict)

    def reduced(self, value: Any) -> Any:
        """The lowest of all places."""
        return self.b.zext(self.most_extreme(value), I64)

    @property
    def worst(self) -> Any:
        """Identity of the unsigned minimum: 255 in every byte."""
        return ir.Constant(self.vector, [255] * self.lanes)

    @property
    def neutral(self) -> Any:
        """What adds nothing."""
        return ir.Constant(self.vector, [0] * self.lanes)


class Weights(Algebra):
    """float64: sums of Boltzmann factors, which the reciprocal of the largest one keeps in range."""

    item, low, number = F64, 3, types.float64

    def given(self, number: Any) -> Any:
        """A vector of a factor."""
        return self.splat(number)

    def rebased(self, value: Any, base: Any) -> Any:
        """Times the factor."""
        return self.b.fmul(value, base)

    charged = rebased

    def joined(self, x: Any, y: Any) -> Any:
        """The sum of each two."""
        return self.b.fadd(x, y)

    def extreme(self, x: Any, y: Any) -> Any:
        """The larger of each two."""
        return self.b.select(self.b.fcmp_ordered("<", x, y), y, x)

    def second(self, x: Any, y: Any, number: Any) -> Any:
        """Where the second is drawn: the uniform `number` times their sum is below it."""
        return self.b.fcmp_ordered("<", self.b.fmul(self.splat(number), self.b.fadd(x, y)), y)

    def reduced(self, value: Any) -> Any:
        """The reciprocal of the largest of all places."""
        return self.b.fdiv(F64(1.0), self.most_extreme(value))

    @property
    def worst(self) -> Any:
        """What is not above any entry."""
        return ir.Constant(self.vector, [0.0] * self.lanes)

    @property
    def neutral(self) -> Any:
        """What changes nothing."""
        return ir.Constant(self.vector, [1.0] * self.lanes)


class _Joining:
    """Code that sums the old spin of a slot out and puts a new one there, vector by vector, and keeps which was taken."""

    def __init__(self, m: Algebra, choice: Any, costs: tuple[Any, ...], number: Any) -> None:
        self.m, self.choice, self.number = m, choice, number
        self.minus, self.plus = costs[:2], costs[2:]  # of the old spin -1 and +1, where the new one is -1, and +1
        self.extreme = loops.alloca_once_value(m.b, m.worst)

    def put(self, table: Any, j: Any, old: tuple[Any, Any], costs: Any) -> None:
        """Vector j from the entries of both old spins."""
        first, second = (self.m.charged(value, cost) for value, cost in zip(old, costs, strict=True))
        self.m.keep_bits(self.m.second(first, second, self.number), self.choice, j)
        joined = self.m.joined(first, second)
        self.m.store(joined, table, j)
        self.m.b.store(self.m.extreme(self.m.b.load(self.extreme), joined), self.extreme)

    def within(self, slot: int, table: Any, vectors: Any, base: Any) -> None:
        """For a slot whose spins are in one vector."""
        m, lanes, bit = self.m, range(self.m.lanes), 1 << slot
        plus = ir.Constant(m.mask, [i >> slot & 1 for i in lanes])
        costs = [m.b.select(plus, high, low) for low, high in zip(self.minus, self.plus, strict=True)]
        with loops.for_range(m.b, vectors) as loop:
            value = m.load(table, loop.index, base)
            old = m.shuffled(value, [i & ~bit for i in lanes]), m.shuffled(value, [i | bit for i in lanes])
            self.put(table, loop.index, old, costs)

    def across(self, slot: Any, table: Any, vectors: Any, base: Any) -> None:
        """For a slot whose spins are in two vectors, `half` apart."""
        m = self.m
        half = m.b.lshr(m.b.shl(I64(1), slot), I64(m.low))
        with loops.for_range_slice(m.b, I64(0), vectors, m.b.shl(half, I64(1)), I64) as (start, _):
            end = m.b.add(start, half)
            with loops.for_range_slice(m.b, start, end, I64(1), I64) as (j, _):
                other = m.b.add(j, half)
                old = m.load(table, j, base), m.load(table, other, base)
                self.put(table, j, old, self.minus)
                self.put(table, other, old, self.plus)


def make_join(algebra: type[Algebra]) -> Any:
    """The function (table, choices, vectors, slot, base, four costs, number) that replaces the spin of a slot, in place.

    The costs are of the old spin -1 and +1 beside the new one -1, then beside +1. Returns the base of the next step.
    """

    @intrinsic
    def join(table, choice, vectors, slot, base, a0, b0, a1, b1, number):
        def codegen(b, args):
            table, choice, vectors, slot, base, *costs, number = args
            m = algebra(b)
            joining = _Joining(m, choice, tuple(m.given(cost) for cost in costs), number)
            scale, after = m.given(base), b.append_basic_block("joined")
            across = b.append_basic_block("across")
            switch = b.switch(slot, across)
            for low in range(m.low):
                block = b.append_basic_block(f"within{low}")
                switch.add_case(I64(low), block)
                b.position_at_end(block)
                joining.within(low, table, vectors, scale)
                b.branch(after)
            b.position_at_end(across)
            joining.across(slot, table, vectors, scale)
            b.branch(after)
            b.position_at_end(after)
            return m.reduced(b.load(joining.extreme))

        kind = algebra.number
        return kind(*[types.int64] * 4, *[kind] * 6), codegen

    return join


def make_bond(algebra: type[Algebra]) -> Any:
    """The function (table, vectors, slots, base, antiparallel, cost) that charges the bond of two slots where it is broken.

    `antiparallel` is 1 where equal spins break it, else 0. Afterwards the table is at the common scale.
    """

    @intrinsic
    def bond(table, vectors, one, other, base, antiparallel, cost):
        def codegen(b, args):
            table, vectors, one, other, base, antiparallel, cost = args
            m = algebra(b)
            scale, charge, differ = m.given(base), m.given(cost), b.xor(m.plus_in(one), m.plus_in(other))
            with loops.for_range(b, vectors) as loop:
                turned = b.xor(b.xor(m.plus_at(one, loop.index), m.plus_at(other, loop.index)), b.trunc(antiparallel, I1))
                broken = b.xor(differ, m.splat(turned))
                value = m.load(table, loop.index, scale)
                m.store(m.charged(value, b.select(broken, charge, m.neutral)), table, loop.index)

        kind = algebra.number
        return types.void(*[types.int64] * 4, kind, types.int64, kind), codegen

    return bond
