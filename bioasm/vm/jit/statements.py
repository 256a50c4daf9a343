"""Translation of a function: its statements as basic blocks, its variables as stack slots, which LLVM turns into registers.

A variable has one type, the join of all that is assigned to it. Where a later assignment widens the type of a variable or of
the result, the function is translated anew with the wider one.
"""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from llvmlite import ir

from bioasm.vm.jit.arithmetic import binary, compared
from bioasm.vm.jit.expressions import NOTHING, Expressions, is_unsigned
from bioasm.vm.jit.functions import Device
from bioasm.vm.jit.loops import alloca_once
from bioasm.vm.jit.module import Guess, Module
from bioasm.vm.jit.types import Array, Type, Void, int64, joined, uint64, void
from bioasm.vm.jit.values import Const, Typed, Value, cast, truth, typed, unpacked


class _Around(NamedTuple):
    """The loop around a statement: where `continue` and `break` go."""

    following: Any
    end: Any


class Translation(Expressions):
    """One function that is being translated."""

    def __init__(self, module: Module, device: Device, kinds: tuple[Type, ...], function: Any, guess: Guess) -> None:
        self.module, self.device, self.guess = module, device, guess
        self.function, self.fits = function, True
        self.b = ir.IRBuilder(function.append_basic_block("slots"))
        self._slots: dict[str, tuple[Type, tuple[Any, ...]]] = {}
        self._loops: list[_Around] = []
        self._left = set[Any]()  # blocks that a `break` goes to
        self._returns: list[tuple[Any, Typed]] = []
        self._take_arguments(kinds)

    def _take_arguments(self, kinds: tuple[Type, ...]) -> None:
        first = self.b.block
        self.b.position_at_end(self.function.append_basic_block("begin"))
        parts = iter(self.function.args)
        for parameter, kind in zip(self.device.definition.args.args, kinds, strict=True):
            self.assign_name(parameter.arg, Typed(kind, tuple(next(parts) for _ in kind.leaves)))
        self._first, self._begin = first, self.function.blocks[1]

    def run(self) -> bool:
        """Translate; whether the types that were guessed hold everything."""
        self.block(self.device.definition.body)
        if not (self.b.block.is_terminated or self._ends_here()):
            self._returns.append((self.b.block, NOTHING))
        kinds = [value.type for _, value in self._returns if value is not NOTHING]
        result = joined(*kinds) if kinds else void
        if not self.guess.fixed:
            self.fits = self.fits and result == self.guess.result
            self.guess.result = result
        if self.fits:
            self._finish()
        return self.fits

    def _finish(self) -> None:
        for block, value in self._returns:
            self.b.position_at_end(block)
            self._return(value)
        self.b.position_at_end(self._first)
        self.b.branch(self._begin)

    def _return(self, value: Typed) -> None:
        kind = self.guess.result
        if isinstance(kind, Void):
            self.b.ret_void()
        elif value is NOTHING:
            raise TypeError(f"{self.device.__name__} returns a value at one place and none at another")
        else:
            parts = cast(self.b, value, kind).parts
            whole = ir.Constant(ir.LiteralStructType(kind.leaves), ir.Undefined)
            for k, part in enumerate(parts):
                whole = self.b.insert_value(whole, part, k) if len(parts) > 1 else part
            self.b.ret(whole)

    # --- variables ------------------------------------------------------------------------------------

    def variable(self, name: str) -> Value:
        """The present value of a variable."""
        kind, slots = self._slots[name]
        return Typed(kind, tuple(self.b.load(slot) for slot in slots))

    def assign_name(self, name: str, value: Value) -> None:
        """Assign a value to a variable, whose type may have to become wider."""
        given = typed(value)
        before = self.guess.variables.get(name)
        kind = self.guess.variables[name] = given.type if before is None else joined(before, given.type)
        if name in self._slots and self._slots[name][0] != kind:
            self.fits = False
            del self._slots[name]
        if name not in self._slots:
            self._slots[name] = kind, tuple(alloca_once(self.b, leaf) for leaf in kind.leaves)
        for part, slot in zip(cast(self.b, given, kind).parts, self._slots[name][1], strict=True):
            self.b.store(part, slot)

    def _assign(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self.assign_name(target.id, value)
        elif isinstance(target, ast.Tuple):
            for one, item in zip(target.elts, unpacked(value), strict=True):
                self._assign(one, item)
        else:
            assert isinstance(target, ast.Subscript)
            self._assign_item(typed(self.expression(target.value)), target.slice, value)

    def _assign_item(self, array: Typed, index: ast.expr, value: Value) -> None:
        if not isinstance(index, ast.Slice):
            self.store(array, self.expression(index), value)
            return
        assert index.lower is None and index.upper is None, "arrays are filled as a whole"
        count = Typed(int64, array.parts[1:])
        source = value if isinstance(value, Typed) and isinstance(value.type, Array) else None
        at, done = self._counted(Const(0), count, 1)
        self.store(array, at, self.load(source, at) if source else value)
        done()

    # --- statements -----------------------------------------------------------------------------------

    def block(self, statements: list[ast.stmt]) -> None:
        """Statements one after another; what stands behind a `return`, `break` or `continue` is left out."""
        for statement in statements:
            if self.b.block.is_terminated or self._ends_here():
                break
            getattr(self, f"_{type(statement).__name__}")(statement)

    def _ends_here(self) -> bool:
        return any(block is self.b.block for block, _ in self._returns)

    def _goto(self, block: Any) -> None:
        """Go on at a block, unless the present one ends otherwise."""
        if not (self.b.block.is_terminated or self._ends_here()):
            self.b.branch(block)

    def _Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.expression(node.value)

    def _Pass(self, node: ast.Pass) -> None:
        pass

    def _Assign(self, node: ast.Assign) -> None:
        value = self.expression(node.value)
        for target in node.targets:
            self._assign(target, value)

    def _AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            now = self.variable(node.target.id)
            self.assign_name(node.target.id, binary(self.b, node.op, now, self.expression(node.value)))
            return
        assert isinstance(node.target, ast.Subscript)
        array, index = typed(self.expression(node.target.value)), self.expression(node.target.slice)
        now = self.load(array, index)
        self.store(array, index, binary(self.b, node.op, now, self.expression(node.value)))

    def _Return(self, node: ast.Return) -> None:
        value = NOTHING if node.value is None else typed(self.expression(node.value))
        self._returns.append((self.b.block, value))

    def _If(self, node: ast.If) -> None:
        condition = self.expression(node.test)
        if isinstance(condition, Const):
            self.block(node.body if condition.data else node.orelse)
            return
        then, otherwise, end = (self.b.append_basic_block(name) for name in ("then", "else", "end"))
        self.b.cbranch(truth(self.b, condition), then, otherwise)
        reached = False
        for start, part in ((then, node.body), (otherwise, node.orelse)):
            self.b.position_at_end(start)
            self.block(part)
            reached = reached or not (self.b.block.is_terminated or self._ends_here())
            self._goto(end)
        self.b.position_at_end(end)
        if not reached:
            self.b.unreachable()

    # --- loops ----------------------------------------------------------------------------------------

    def _Break(self, node: ast.Break) -> None:
        self._left.add(self._loops[-1].end)
        self.b.branch(self._loops[-1].end)

    def _Continue(self, node: ast.Continue) -> None:
        self.b.branch(self._loops[-1].following)

    def _While(self, node: ast.While) -> None:
        _without_else(node)
        head, body, end = (self.b.append_basic_block(name) for name in ("head", "body", "end"))
        self.b.branch(head)
        self.b.position_at_end(head)
        condition = self.expression(node.test)
        endless = isinstance(condition, Const) and bool(condition.data)
        if endless:
            self.b.branch(body)
        else:
            self.b.cbranch(truth(self.b, condition), body, end)
        self._body(node.body, body, _Around(head, end))
        self.b.position_at_end(end)
        if endless and end not in self._left:
            self.b.unreachable()

    def _body(self, statements: list[ast.stmt], begin: Any, around: _Around) -> None:
        """The statements of a loop from block `begin` on."""
        self.b.position_at_end(begin)
        self._loops.append(around)
        self.block(statements)
        self._loops.pop()
        self._goto(around.following)

    def _For(self, node: ast.For) -> None:
        _without_else(node)
        if isinstance(node.iter, ast.Call) and self.expression(node.iter.func) == Const(range):
            bounds = [self.expression(argument) for argument in node.iter.args]
            self._over_range(node, [Const(0), *bounds] if len(bounds) == 1 else bounds)
            return
        items = self.expression(node.iter)
        if isinstance(items, Typed) and isinstance(items.type, Array):
            at, following = self._counted(Const(0), Typed(int64, items.parts[1:]), 1, node)
            self._assign(node.target, self.load(items, at))
            following()
        else:
            self._unrolled(node, unpacked(items))

    def _unrolled(self, node: ast.For, items: list[Value]) -> None:
        """A loop over the items of a tuple, one body each."""
        end = self.b.append_basic_block("end")
        for item in items:
            following = self.b.append_basic_block("following")
            self._assign(node.target, item)
            self._body(node.body, self.b.block, _Around(following, end))
            self.b.position_at_end(following)
        self.b.branch(end)
        self.b.position_at_end(end)

    def _over_range(self, node: ast.For, bounds: list[Value]) -> None:
        start, stop, step = bounds if len(bounds) == 3 else (*bounds, Const(1))
        index, following = self._counted(start, stop, step, node)
        self._assign(node.target, index)
        following()

    def _counted(self, start: Value, stop: Value, step: Any, node: ast.For | None = None) -> tuple[Typed, Any]:
        """A loop over numbers: the index within its body, and what ends the body, with the statements of `node` before.

        A step that is no constant is positive.
        """
        b, by = self.b, step if isinstance(step, Const | Typed) else Const(step)
        kind = uint64 if is_unsigned(start, stop, by) else int64
        last, by_part = cast(b, stop, kind), cast(b, by, kind)
        head, body, following, end = (b.append_basic_block(name) for name in ("head", "body", "following", "end"))
        first, before = cast(b, start, kind).only, b.block
        b.branch(head)
        b.position_at_end(head)
        phi = b.phi(kind.leaves[0])
        phi.add_incoming(first, before)
        index = Typed(kind, (phi,))
        down = isinstance(by, Const) and by.data < 0
        b.cbranch(typed(compared(b, ast.Gt() if down else ast.Lt(), index, last)).only, body, end)
        b.position_at_end(body)

        def close() -> None:
            self._body(node.body if node else [], b.block, _Around(following, end))
            b.position_at_end(following)
            phi.add_incoming(b.add(phi, by_part.only, flags=["nsw" if kind.signed else "nuw"]), following)
            b.branch(head)
            b.position_at_end(end)

        return index, close


def _without_else(node: ast.For | ast.While) -> None:
    if node.orelse:
        raise TypeError("a loop of a kernel has no else")


def translate(module: Module, device: Device, kinds: tuple[Type, ...], function: Any, guess: Guess) -> bool:
    """Translate a function into its LLVM one; whether the guessed types hold everything."""
    return Translation(module, device, kinds, function, guess).run()
