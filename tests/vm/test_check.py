"""The verifier of generated functions finds what no printer may be given."""

from __future__ import annotations

import pytest

from bioasm.vm.codegen.check import check
from bioasm.vm.codegen.operations import IllTypedError
from bioasm.vm.codegen.statements import Assign, Do, Fire, For, Function, If, Let, Program, Put, Return, Statement, Store
from bioasm.vm.codegen.types import Space, Type
from bioasm.vm.codegen.values import Value, apply, as_value, call, named, read

X, N, C = named("x", Type.F64), named("n", Type.I64), named("c", Type.COND)
ARRAY, FLAGS = named("a", Type.F8), named("f", Type.U1)
K = named("k", Type.I64, Space.CELL)
WEIGHT = named("w", Type.F8, Space.CONNECTION)


def checked(*body: Statement, parameters: tuple[Value, ...] = (ARRAY, FLAGS)) -> None:
    check(Program({}, (Function("step", parameters, body),)))


def test_a_well_formed_function_passes() -> None:
    turn = (Let(X, ARRAY.item(K)), Fire(FLAGS, K, N, X > 1.0), Store(ARRAY, K, X))
    checked(Let(N, as_value(0), mutable=True), For(K, as_value(0), N, 1, turn, Space.CELL), Return(N))


@pytest.mark.parametrize(
    "body",
    [
        (Return(N),),
        (Let(N, as_value(1.0)),),
        (Let(N, as_value(1)), Let(N, as_value(2))),
        (Let(N, as_value(1)), Assign(N, as_value(2))),
        (If(as_value(1), ()),),
        (If(as_value(1) > 0, (Let(X, as_value(1.0)),)), Store(ARRAY, as_value(0), X)),
        (Store(ARRAY, as_value(0), as_value(1)),),
        (Store(ARRAY, as_value(0.0), as_value(1.0)),),
        (Put(read("block", "STEP"), as_value(1.0)),),
        (Let(N, as_value(0)), Fire(FLAGS, as_value(0), N, as_value(1.0) > 0.0)),
        (Do("note_spikes", (FLAGS,)),),
        (Do("somewhere", ()),),
        (Return(call("somewhere", Type.I64)),),
        (Return(as_value(1.0)),),
        (For(K, as_value(0), as_value(9), 1, (Let(X, WEIGHT.item(as_value(0))),), Space.CELL),),
    ],
)  # fmt: skip
def test_what_is_ill_formed_is_found(body: tuple[Statement, ...]) -> None:
    with pytest.raises(IllTypedError, match="step: "):
        checked(*body, parameters=(ARRAY, FLAGS, WEIGHT))


@pytest.mark.parametrize("operands", [(1, 1.0), (1.0, ARRAY), (1.0 > 0,)])
def test_operations_of_other_types_cannot_be_made(operands: tuple[object, ...]) -> None:
    with pytest.raises(IllTypedError):
        apply("+", *operands)  # type: ignore[arg-type]


def test_a_value_belongs_to_one_index_space() -> None:
    with pytest.raises(IllTypedError, match="cell and connection"):
        named("x", Type.F64, Space.CELL) + named("w", Type.F64, Space.CONNECTION)
