"""Translation of expressions: each returns a constant of Python or a typed value in LLVM."""

from __future__ import annotations

import ast
from typing import Any

from bioasm.vm.jit.arithmetic import binary, compared, unary
from bioasm.vm.jit.calls import WRITERS, caster
from bioasm.vm.jit.functions import Device, Intrinsic
from bioasm.vm.jit.module import Module
from bioasm.vm.jit.types import WORD, Array, Tuple, Type, Void, boolean, int64, joined, uint64, void
from bioasm.vm.jit.values import Const, Typed, Value, cast, packed, pointer_of, truth, type_of, typed, unpacked

NOTHING = Typed(void, ())


class Expressions:
    """What an expression means in a function that is being translated."""

    module: Module
    device: Device
    b: Any

    def variable(self, name: str) -> Value:
        """The present value of a variable."""
        raise NotImplementedError

    def expression(self, node: ast.expr) -> Value:
        """The value of an expression."""
        value: Value = getattr(self, f"_{type(node).__name__}")(node)
        return value

    def _Constant(self, node: ast.Constant) -> Value:
        return Const(node.value)

    def _Name(self, node: ast.Name) -> Value:
        return self.variable(node.id) if node.id in self.device.locals else Const(self.device.known[node.id])

    def _Tuple(self, node: ast.Tuple) -> Value:
        items: list[Value] = []
        for one in node.elts:
            items += unpacked(self.expression(one.value)) if isinstance(one, ast.Starred) else [self.expression(one)]
        if all(isinstance(item, Const) for item in items):
            return Const(tuple(item.data for item in items if isinstance(item, Const)))
        return packed(items)

    def _Attribute(self, node: ast.Attribute) -> Value:
        if node.attr == "data" and isinstance(node.value, ast.Attribute) and node.value.attr == "ctypes":
            array = typed(self.expression(node.value.value))
            return Typed(int64, (self.b.ptrtoint(pointer_of(array), WORD),))
        value = self.expression(node.value)
        assert isinstance(value, Const), "values of kernels have no attributes"
        return Const(getattr(value.data, node.attr))

    # --- operators ------------------------------------------------------------------------------------

    def _BinOp(self, node: ast.BinOp) -> Value:
        return binary(self.b, node.op, self.expression(node.left), self.expression(node.right))

    def _UnaryOp(self, node: ast.UnaryOp) -> Value:
        return unary(self.b, node.op, self.expression(node.operand))

    def _Compare(self, node: ast.Compare) -> Value:
        result, left = None, self.expression(node.left)
        for op, right in zip(node.ops, map(self.expression, node.comparators), strict=True):
            one = self._among(left, right) if isinstance(op, ast.In) else compared(self.b, op, left, right)
            result, left = one if result is None else binary(self.b, ast.BitAnd(), result, one), right
        assert result is not None
        return result

    def _among(self, value: Value, items: Value) -> Value:
        """Whether a number is one of several."""
        found: Value = Const(False)
        for item in unpacked(items):
            found = binary(self.b, ast.BitOr(), found, compared(self.b, ast.Eq(), value, item))
        return found

    def _BoolOp(self, node: ast.BoolOp) -> Value:
        """Short-circuit evaluation: the first operand that decides, in a block of its own for each that may not be reached."""
        decides = isinstance(node.op, ast.Or)
        b, known = self.b, [Const(not decides)]
        reached: list[tuple[Value, Any, Any]] = []  # the value, where it is known, and where the next operand stands
        for at, operand in enumerate(node.values):
            value = self.expression(operand)
            if isinstance(value, Const):
                known = [value]
                if bool(value.data) == decides:
                    break
                continue
            last = at == len(node.values) - 1
            following = None if last else b.append_basic_block("next")
            reached.append((value, b.block, following))
            if following is not None:
                b.position_at_end(following)
        else:
            known = [] if reached and reached[-1][2] is None else known
        return self._decided(reached, known, decides)

    def _decided(self, reached: list[tuple[Value, Any, Any]], known: list[Const], decides: bool) -> Value:
        """The value of the operand that decided; `known` is a constant that stands behind all others."""
        if not reached:
            return known[0]
        ends = [(value, block, following) for value, block, following in reached]
        if known:
            ends.append((known[0], self.b.block, None))
        kind, end = joined(*(type_of(value) for value, _, _ in ends)), self.b.append_basic_block("decided")
        incoming = []
        for value, block, following in ends:
            self.b.position_at_end(block)
            result, on = cast(self.b, value, kind), truth(self.b, value)
            incoming.append((result, self.b.block))
            if following is None:
                self.b.branch(end)
            elif decides:
                self.b.cbranch(on, end, following)
            else:
                self.b.cbranch(on, following, end)
        return self._merged(kind, incoming, end)

    def _merged(self, kind: Type, incoming: list[tuple[Typed, Any]], end: Any) -> Value:
        """The value of whichever block was left for `end` (phi)."""
        self.b.position_at_end(end)
        parts = []
        for k, leaf in enumerate(kind.leaves):
            phi = self.b.phi(leaf)
            for value, block in incoming:
                phi.add_incoming(value.parts[k], block)
            parts.append(phi)
        return Typed(kind, tuple(parts))

    def _IfExp(self, node: ast.IfExp) -> Value:
        condition = self.expression(node.test)
        if isinstance(condition, Const):
            return self.expression(node.body if condition.data else node.orelse)
        b = self.b
        then, otherwise, end = (b.append_basic_block(name) for name in ("then", "else", "end"))
        b.cbranch(truth(b, condition), then, otherwise)
        values = []
        for block, part in ((then, node.body), (otherwise, node.orelse)):
            b.position_at_end(block)
            values.append((self.expression(part), b.block))
        kind, incoming = joined(*(type_of(value) for value, _ in values)), []
        for value, block in values:
            b.position_at_end(block)
            incoming.append((cast(b, value, kind), b.block))
            b.branch(end)
        return self._merged(kind, incoming, end)

    # --- arrays ---------------------------------------------------------------------------------------

    def _Subscript(self, node: ast.Subscript) -> Value:
        whole = self.expression(node.value)
        if isinstance(node.slice, ast.Slice):
            return self._part(typed(whole), node.slice)
        index = self.expression(node.slice)
        if isinstance(whole, Const) or not isinstance(whole.type, Array):
            assert isinstance(index, Const), "items of tuples are counted when they are written"
            item: Value = unpacked(whole)[index.data]
            return item
        return self.load(whole, index)

    def load(self, array: Typed, index: Value) -> Value:
        """An item of an array."""
        assert isinstance(array.type, Array)
        return Typed(array.type.item, (self.b.load(self._place(array, index)),))

    def store(self, array: Typed, index: Value, value: Value) -> None:
        """Put a number into an array."""
        assert isinstance(array.type, Array)
        self.b.store(cast(self.b, value, array.type.item).only, self._place(array, index))

    def _place(self, array: Typed, index: Value) -> Any:
        assert not isinstance(index, Const) or index.data >= 0, "items are counted from the first"
        return self.b.gep(pointer_of(array), [cast(self.b, index, int64).only], inbounds=True)

    def _part(self, array: Typed, bounds: ast.Slice) -> Value:
        """The part of an array between two bounds that are not negative, as far as the array goes."""
        assert bounds.step is None, "parts of arrays have no steps"
        b, count = self.b, Typed(int64, array.parts[1:])
        least, lesser = WRITERS[max], WRITERS[min]
        start = Const(0) if bounds.lower is None else lesser(b, cast(b, self.expression(bounds.lower), int64), count)
        stop = count if bounds.upper is None else lesser(b, cast(b, self.expression(bounds.upper), int64), count)
        length = stop if start == Const(0) else least(b, Const(0), binary(b, ast.Sub(), stop, start))
        at = pointer_of(array) if start == Const(0) else self._place(array, start)
        return Typed(array.type, (at, typed(length).only))

    # --- calls ----------------------------------------------------------------------------------------

    def _Call(self, node: ast.Call) -> Value:
        callee = self.expression(node.func)
        assert isinstance(callee, Const) and not node.keywords, "kernels call functions that are known, without keywords"
        arguments = [self.expression(argument) for argument in node.args]
        if isinstance(callee.data, Device):
            return self._called(callee.data, [typed(value) for value in arguments])
        if isinstance(callee.data, Intrinsic):
            return self._written(callee.data, [typed(value) for value in arguments])
        writer = caster(callee.data) if isinstance(callee.data, Type) else WRITERS[callee.data]  # type: ignore[arg-type]
        return writer(self.b, *arguments)

    def _called(self, device: Device, arguments: list[Typed]) -> Value:
        made = self.module.function(device, tuple(value.type for value in arguments))
        result = self.b.call(made.function, [part for value in arguments for part in value.parts])
        if isinstance(made.result, Void):
            return NOTHING
        count = len(made.result.leaves)
        parts = [result] if count == 1 else [self.b.extract_value(result, k) for k in range(count)]
        return Typed(made.result, tuple(parts))

    def _written(self, writer: Intrinsic, arguments: list[Typed]) -> Value:
        """The instructions of a writer. A tuple or array is handed to it, and taken, as the list of its parts."""
        signature, write = writer.write(*(value.type for value in arguments))
        given = [cast(self.b, value, kind) for value, kind in zip(arguments, signature.args, strict=True)]
        parts = write(self.b, [value.only if len(value.parts) == 1 else value.parts for value in given])
        kind = signature.return_type
        if isinstance(kind, Void):
            return NOTHING
        return Typed(kind, tuple(parts) if isinstance(kind, Tuple) else (parts,))


def is_unsigned(*values: Value) -> bool:
    """Whether all numbers but constants are unsigned, of 64 bits one at least."""
    kinds = {type_of(value) for value in values if not isinstance(value, Const)}
    return uint64 in kinds and all(not getattr(kind, "signed", True) and kind != boolean for kind in kinds)
