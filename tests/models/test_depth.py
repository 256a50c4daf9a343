"""Texts as deep as they may be: what is made of them can still be read by Python, and mechanisms count with what they add."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.models.expression import Binary, Expression, Symbol
from bioasm.models.text import parse_model
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm.codegen.layout import Layout
from bioasm.vm.codegen.observables import S
from bioasm.vm.codegen.passes import Numbering
from bioasm.vm.codegen.plan import Plan
from bioasm.vm.codegen.python_printer import print_python
from bioasm.vm.codegen.schedule import K
from bioasm.vm.codegen.source import generate
from bioasm.vm.codegen.statements import Function, Let, Program
from bioasm.vm.codegen.steps import StepBuilder
from bioasm.vm.codegen.system import Instance, System
from bioasm.vm.codegen.values import as_value


def system(rate: str) -> System:
    """A population with one equation."""
    text = f'.model cell {{\n "a cell"\n state:\n  x = 0.5\n step:\n  dx/dt = ({rate} - x)/(1 ms) using implicit\n}}'
    return System(Instance("p", parse_model(text), "p0"), ())


@contextmanager
def recursion_limit(calls: int) -> Iterator[None]:
    """Leave for so many calls within each other, from here on."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + calls)
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


def test_what_is_nested_more_deeply_than_python_reads_is_written_in_pieces() -> None:
    loop = StepBuilder(system("x"), 0, Numbering(), clamped=False).loop(hoisting=False)
    x: Expression = Symbol("p0.x")
    deep = reduce(lambda inner, _: Binary("/", x, Binary("+", x, inner)), range(130), x)
    with recursion_limit(5000):
        loop.put(S, loop.value(deep, loop.start))
        made = loop.scheduled()
        body = Function("body", (S,), (*made.before, Let(K, as_value(0)), *made.turn))
        source = print_python(Program({}, (body,)), Layout())
    tables = {name: [0] * 99 for name in ("whole", "number", "field")}
    names: dict[str, Any] = dict.fromkeys(("first", "count", "WHOLES", "NUMBERS", "FIELDS", "ctx", "b"), 1)
    names |= {"f8": lambda *_: [0.5], "device": lambda f: f, "tables": lambda *_: tables.values()}
    names["block_row"] = lambda *_: [0] * 99
    exec(source, names)
    s = [0.0]
    names["body"](s)
    assert s[0] == reduce(lambda inner, _: 0.5 / (0.5 + inner), range(130), 0.5)


def test_derivatives_may_be_deeper_than_python_usually_calls() -> None:
    plan = Plan((system("sqrt(" * 40 + "x" + ")" * 40),))
    with recursion_limit(180):
        made = generate(plan)
        assert sys.getrecursionlimit() < 1000
    assert made.source.count("math.sqrt") >= 40


def leaks(count: int) -> str:
    """A membrane with so many leaks."""
    leak = '.mechanism leak {\n "a leak"\n uses:\n  v : V\n adds:\n  I += -0.1 mS/cm2*v\n}\n'
    return leak + "POP p, membrane, 1\n" + "".join(f"MECH m{k}, leak, p\n" for k in range(count)) + "RUN 1 ms\n"


def test_what_many_mechanisms_add_to_one_input_has_a_limit() -> None:
    verify(assemble(leaks(140)))
    with pytest.raises(BioasmError) as caught:
        verify(assemble(leaks(250)))
    assert [d.code for d in caught.value.diagnostics] == ["B111"]


def chained(name: str, first: str, used: str) -> str:
    """A mechanism with 60 definitions, each of the one before."""
    chain = "\n".join(f"  {name}{k + 1} = sin({name}{k} + 1)" for k in range(60))
    return f'.mechanism {name} {{\n "a chain"\n uses:\n  {used}\n definitions:\n  {name}0 = {first}\n{chain}\n}}\n'


def test_definitions_of_other_texts_count() -> None:
    texts = chained("a", "v/mV", "v : V") + chained("b", "a60", "a60 : 1")
    with pytest.raises(BioasmError) as caught:
        verify(assemble(f"{texts}POP p, membrane, 1\nMECH m, a, p\nMECH n, b, p\nRUN 1 ms\n"))
    assert [(d.code, d.message[:4]) for d in caught.value.diagnostics] == [("B111", "n.b1")]
