"""Populations of one model share their code: written out again, merged functions and loops are what stood there before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from random import Random

import pytest

from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm.codegen.frame import Frame
from bioasm.vm.codegen.layout import Field, Layout
from bioasm.vm.codegen.merging import Merging
from bioasm.vm.codegen.plan import Plan, variables
from bioasm.vm.codegen.python_printer import PythonPrinter, print_python
from bioasm.vm.codegen.source import built, generate, place_all
from bioasm.vm.codegen.statements import Assign, Do, For, Function, If, Let, Program, Put, Return, Statement, Store
from bioasm.vm.codegen.values import Place, Value, as_value, read
from bioasm.vm.names import NameTable
from tests.vm.random_networks import random_program
from tests.vm.support import everything, finish, machine

LEAKY = """
.model leaky {
parameters: tau = 10 ms
noise: sigma = 1 mV
inputs: I : V = 15 mV
state: v = -70 mV
definitions: u = 2*v
step: dv/dt = (-70 mV - v + I)/tau + sigma*sqrt(2/tau)*xi unless refractory
spike: v > -50 mV
refractory: 2 ms
reset: v := -70 mV
receive:
  weight : V
  v += weight
}
"""


JOINED = """
.synapse rule {
parameters: gain = 0.3 mV
state:
  w = 0.5 mV
  a = 0 mV
step: da/dt = -a/(5 ms) event-driven
on pre:
  send w/(1 mV)
  a += gain
on post: w := clip(w - 0.1*a, 0 mV, 1 mV)
}
.synapse gap {
parameters: share = 0.1
uses:
  v_pre : V
  v_post : V
adds: I_post += share*(v_pre - v_post)
}
"""


def ring(n: int, kinds: tuple[str, ...] = ("leaky",)) -> str:
    """Populations of some kinds in turn, each connected with the next, with inputs, spikes from outside and recordings."""
    lines = [LEAKY]
    for k in range(n):
        lines += [f"POP n{k}, {kinds[k % len(kinds)]}, {k % 3 + 1}"]
    for k in range(n):
        lines += [f"SYN w{k}, n{k}, n{(k + 1) % n}", f"CON w{k}, all"]
        lines += [f"SET w{k}.weight, {k + 1} mV", f"SET w{k}.delay, 0.3 ms"]
    for k in range(n):
        lines += [f"REC n{k}.{'u' if kinds[k % len(kinds)] == 'leaky' else 'v'}"]
        lines += [f"RATE n{k}, {100 * k} Hz, 1 mV"] if kinds[k % len(kinds)] == "leaky" else []
    return "\n".join([*lines, "RUN 5 ms", "RD spike_count"]) + "\n"


def scattered(n: int) -> str:
    """Populations with different numbers of projections to each, in no order."""
    lines, random = [LEAKY, *(f"POP n{k}, leaky, 2" for k in range(n))], Random(1)
    for k in range(2 * n):
        lines += [f"SYN w{k}, n{random.randrange(n)}, n{random.randrange(n)}", f"CON w{k}, all"]
    return "\n".join([*lines, "SIG 3 mV", "RUN 5 ms", "RD spike_count"]) + "\n"


def coupled(n: int) -> str:
    """Populations joined by synapses with states, each with each, and by gap junctions in a ring."""
    lines = [LEAKY, JOINED, *(f"POP n{k}, leaky, {k % 2 + 2}" for k in range(n))]
    for k, (pre, post) in enumerate(product(range(n), repeat=2)):
        lines += [f"SYN w{k}, n{pre}, n{post}", f"CON w{k}, all", f"VIA w{k}, rule", f"SET w{k}.delay, 0.{k % 3 + 1} ms"]
    for k in range(n):
        lines += [f"SYN g{k}, n{k}, n{(k + 1) % n}", f"CON g{k}, all", f"VIA g{k}, gap"]
    return "\n".join([*lines, "RUN 5 ms", "RD spike_count"]) + "\n"


def plan_of(text: str) -> Plan:
    verified = verify(assemble(text))
    return NameTable(verified.network, verified).plan(frozenset(), "CLAMP" in text, 1)


def one_model(seed: int) -> str:
    """A random network whose populations are of one model."""
    return re.sub(r"(POP p\d+), cell\d", r"\1, cell0", random_program(seed))


class MergedFrame(Frame):
    """A frame that merges whatever is alike, in small networks too."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.merged = True


# --- written out again ----------------------------------------------------------------------------------


class Names(Layout):
    """A layout that prints places by their names."""

    def place(self, table: str, name: str, made: Field | None = None) -> int:
        return f"{table} {name}"  # type: ignore[return-value]


FOLDS: dict[str, Callable[[int, int], object]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "//": lambda a, b: a // b,
    "%": lambda a, b: a % b, "==": lambda a, b: a == b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b,
    "and": lambda a, b: a and b,
}  # fmt: skip


class Writer:
    """Partial evaluation: rows become numbers, entries of tables the places there, and calls those of the members."""

    def __init__(self, layout: Layout, merging: Merging, known: dict[str, Value]) -> None:
        fields, wholes = [*layout.fields, *layout.field_columns], [*layout.wholes, *layout.whole_columns]
        self.tables = {"field": fields, "number": [*layout.numbers], "whole": wholes}
        self.merging, self.known = merging, known

    def statements(self, body: tuple[Statement, ...]) -> Iterator[Statement]:
        for statement in body:
            yield from self.statement(statement)

    def statement(self, statement: Statement) -> Iterator[Statement]:
        value = self.value
        match statement:
            case Let(local, new) if re.match(r"(at|case|shape|place)\d", str(local.data)):
                self.known[str(local.data)] = value(new)
            case Let(local, new, mutable):
                yield Let(local, value(new), mutable)
            case Assign(local, new):
                yield Assign(local, value(new))
            case Put(place, new):
                yield Put(value(place), value(new))
            case Store(array, index, new):
                yield Store(value(array), value(index), value(new))
            case Do(function, arguments):
                yield Do(*self.member(function, tuple(map(value, arguments))))
            case Return(new):
                yield Return(value(new))
            case For(index, _, stop, _, body) if re.fullmatch(r"row\d+", str(index.data)):
                for row in range(int(str(stop.data))):
                    self.known[str(index.data)] = as_value(row)
                    yield from self.statements(body)
            case For():
                body = tuple(self.statements(statement.body))
                yield replace(statement, start=value(statement.start), stop=value(statement.stop), body=body)
            case If(condition, then, otherwise):
                found = value(condition)
                if found.op == "const":
                    yield from self.statements(then if found.data else otherwise)
                else:
                    yield If(found, tuple(self.statements(then)), tuple(self.statements(otherwise)))
            case _:
                yield statement

    def value(self, value: Value) -> Value:
        if value.op == "name":
            return self.known.get(str(value.data), value)
        if not value.arguments:
            return value
        arguments = tuple(map(self.value, value.arguments))
        numbers = [a.data for a in arguments if a.op == "const"]
        if value.op == "entry":
            assert isinstance(value.data, Place)
            there = self.tables[value.data.table][int(str(numbers[0]))]
            return as_value(there) if isinstance(there, int) else read(value.data.table, there)
        if value.op in FOLDS and len(numbers) == 2 and all(isinstance(x, int) for x in numbers):
            return replace(as_value(0), data=FOLDS[value.op](*numbers))  # type: ignore[arg-type]
        name, arguments = self.member(value.op, arguments)
        return replace(value, op=name, arguments=arguments)

    def member(self, function: str, arguments: tuple[Value, ...]) -> tuple[str, tuple[Value, ...]]:
        family = self.merging.families.of.get(function)
        if family is None or not family.is_merged or len(arguments) == len(family.first.parameters):
            return function, arguments
        row = int(str(arguments[-1].data))
        return [*family.rows][row], arguments[:-1]


def text_of(function: Function, writer: Writer) -> str:
    """A function's statements as text; a number of `value_of` ends it at the first value that it returns."""
    lines = PythonPrinter(Names()).statements(tuple(writer.statements(function.body)))
    if "variable" in writer.known:
        lines = [line for line in lines if line.startswith("return")][:1]
    return re.sub(r"\b(sum|runs|run)\d*_\d+", r"\1", "\n".join(lines))


def texts(plan: Plan) -> Iterator[tuple[str, str]]:
    """Each function before functions are merged, and written out again; `value_of` for each variable."""
    generate(plan, MergedFrame)  # which checks types and locals
    frame = built(plan, MergedFrame)
    merging, layout = Merging(frame.functions), Layout()
    merging.place(layout)
    place_all(layout, frame)
    made = {function.name: function for function in merging.functions(layout)}
    for function in frame.functions:
        family = merging.families.of[function.name]
        known = {"member": as_value(family.rows[function.name])} if family.is_merged else {}
        numbers = range(len(variables(plan))) if function.name == "value_of" else [None]
        for number in numbers:
            given = known if number is None else {"variable": as_value(number)}
            one, other = (text_of(f, Writer(layout, merging, {**given})) for f in (function, made[family.first.name]))
            yield one, other


NETWORKS = {
    "ring": ring(7),
    "scattered": scattered(20),
    "two kinds": ring(8, ("leaky", "lif")),
    "coupled": coupled(4),
    "blocks": ring(7, ("leaky", "leaky", "lif")),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_merged_code_written_out_is_what_it_was(name: str) -> None:
    for before, after in texts(plan_of(NETWORKS[name])):
        assert before == after


@pytest.mark.parametrize("seed", range(12))
def test_merged_code_of_random_networks_written_out_is_what_it_was(seed: int) -> None:
    for before, after in texts(plan_of(one_model(seed))):
        assert before == after


# --- sizes ----------------------------------------------------------------------------------------------


def test_the_code_does_not_grow_with_populations_of_a_model() -> None:
    few, many = (generate(plan_of(ring(n))) for n in (4, 40))
    assert [f.name for f in few.program.functions] == [f.name for f in many.program.functions]
    assert len(few.source.splitlines()) == len(many.source.splitlines())


def test_few_populations_of_each_model_have_the_code_that_they_had() -> None:
    plan = plan_of(ring(6, ("leaky", "lif")))
    made, frame = generate(plan), built(plan)
    apart = Program(made.program.constants, tuple(frame.functions))
    assert print_python(apart, made.layout) == made.source
    assert not (made.layout.field_columns or made.layout.whole_columns)
    assert "member" not in made.source and "counters" not in made.source


# --- compiled -------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("text", [ring(5), ring(8, ("leaky", "lif")), scattered(20), *map(one_model, range(8))])
def test_merged_code_computes_the_same_bytes(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Frame, "merged", True)
    merged = everything(finish(machine(text, lanes=3)))
    monkeypatch.setattr(Frame, "merged", False)
    assert everything(finish(machine(text, lanes=3))) == merged
