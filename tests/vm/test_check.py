"""The verifier of generated functions finds what no printer may be given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bioasm.drivers import RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm import network_arrays
from bioasm.vm.codegen import loop
from bioasm.vm.codegen.check import check
from bioasm.vm.codegen.operations import IllTypedError
from bioasm.vm.codegen.passes import Hoisting, Numbering
from bioasm.vm.codegen.source import Generated, generate
from bioasm.vm.codegen.statements import Assign, Do, Fire, For, Function, If, Let, Program, Put, Return, Statement, Store
from bioasm.vm.codegen.types import Space, Type
from bioasm.vm.codegen.values import Value, apply, as_value, call, named, read
from bioasm.vm.names import NameTable

X, N, C = named("x", Type.F64), named("n", Type.I64), named("c", Type.COND)
ARRAY, FLAGS = named("a", Type.F8), named("f", Type.U1)
K = named("k", Type.I64, Space.CELL)
WEIGHT = named("w", Type.F8, Space.CONNECTION)


def flaw(*body: Statement, parameters: tuple[Value, ...] = (ARRAY, FLAGS)) -> str | None:
    """What the check says of a function; None where it is well formed."""
    try:
        check(Program({}, (Function("step", parameters, body),)))
    except IllTypedError as found:
        return str(found)
    return None


def test_a_well_formed_function_passes() -> None:
    turn = (Let(X, ARRAY.item(K)), Fire(FLAGS, K, N, X > 1.0), Store(ARRAY, K, X))
    assert flaw(Let(N, as_value(0), mutable=True), For(K, as_value(0), N, 1, turn, Space.CELL), Return(N)) is None


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
    assert (flaw(*body, parameters=(ARRAY, FLAGS, WEIGHT)) or "").startswith("step: ")


@pytest.mark.parametrize("operands", [(1, 1.0), (1.0, ARRAY), (1.0 > 0,)])
def test_operations_of_other_types_cannot_be_made(operands: tuple[object, ...]) -> None:
    with pytest.raises(IllTypedError):
        apply("+", *operands)  # type: ignore[arg-type]


def test_a_value_belongs_to_one_index_space() -> None:
    with pytest.raises(IllTypedError, match="cell and connection"):
        named("x", Type.F64, Space.CELL) + named("w", Type.F64, Space.CONNECTION)


# --- between passes -------------------------------------------------------------------------------------


def whole_for_sum(self: Numbering, value: Value) -> Value:
    return as_value(1) if value.op == "+" and value.type is Type.F64 else value


def of_a_connection(self: Hoisting, value: Value) -> Value:
    return named("w", value.type, Space.CONNECTION)


def without_its_first(made: Any) -> Any:
    del made.turn[0]
    return made


BROKEN = {
    "value numbering": lambda m: m.setattr(Numbering, "__call__", whole_for_sum),
    "loop-invariant code motion": lambda m: m.setattr(Hoisting, "_moved", of_a_connection),
    "scheduling": lambda m: m.setattr(loop, "schedule", lambda *a, real=loop.schedule: without_its_first(real(*a))),
    "batching of exponentials": lambda m: m.setattr(loop, "batch_exponentials", lambda turn: turn[::-1]),
}


def hodgkin_huxley() -> None:
    verified = verify(assemble("MODEL hh\nALC 1\nPOI 100 Hz, 1 mV\nRUN 1 ms\n"))
    generate(NameTable(verified.network, verified).plan(frozenset(), False, 1))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_pass_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hodgkin_huxley()
    BROKEN[name](monkeypatch)
    with pytest.raises(IllTypedError, match=f"after {name}: "):
        hodgkin_huxley()


def test_runs_of_one_program_share_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def noted(*arguments: Any) -> Generated:
        written.append(arguments)
        return generate(*arguments)

    monkeypatch.setattr(network_arrays, "generate", noted)
    verified = verify(assemble("ALC 3\nSIG 1 mV\nRUN 1 ms\n"))
    first, again = (CpuDriver().run(verified, RunOptions(seed=1)) for _ in range(2))
    assert len(written) == 1
    assert np.array_equal(first.spike_count, again.spike_count)
