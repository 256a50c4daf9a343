"""C printer of a step's functions; dialects differ only in macros (`c/plain.h`, `c/opencl.h`, `c/cuda.h`)."""

from __future__ import annotations

from bioasm.vm.codegen.c_functions import c_number
from bioasm.vm.codegen.layout import Layout
from bioasm.vm.codegen.operations import FUNCTIONS
from bioasm.vm.codegen.schedule import FIRST
from bioasm.vm.codegen.statements import (
    Assign,
    Break,
    Do,
    Fire,
    For,
    Function,
    If,
    Let,
    LetTogether,
    Program,
    Put,
    Return,
    Statement,
    Store,
    While,
    values_of,
)
from bioasm.vm.codegen.types import Type
from bioasm.vm.codegen.values import Place, Value

_TYPES = {Type.F64: "double", Type.I64: "int64_t", Type.COND: "int", Type.F8: "GLOBAL double *", Type.F4: "GLOBAL float *"}
_TYPES |= {Type.I8: "GLOBAL int64_t *", Type.I4: "GLOBAL int32_t *", Type.U1: "GLOBAL uint8_t *", Type.U4: "GLOBAL uint32_t *"}
_SAME = ("+", "-", "*", "/", "%", ">>", "&", "<", "<=", ">", ">=", "==", "!=")
_INFIX = {op: op for op in _SAME} | {"//": "/", "and": "&", "or": "|"}
_PREFIX = {"neg": "-", "not": "!", "float": "(double)", "truncated": "(int64_t)"}
_TABLES = {
    "whole": "GLOBAL const int64_t *whole = AT(const int64_t, ctx[WHOLE_AT], 0);",
    "number": "GLOBAL double *number = AT(double, ctx[NUMBER_AT], 0);",
    "field": "GLOBAL const int64_t *field = AT(const int64_t, ctx[ADDRESS_AT], 0);",
    "block": "GLOBAL int64_t *block = block_row(ctx, b);",
}


def print_c(program: Program, layout: Layout) -> str:
    """The functions as C, preceded by their declarations."""
    declarations = [f"{_head(function)};" for function in program.functions]
    return "\n".join(declarations) + "\n\n" + "\n\n".join(_function(f, layout) for f in program.functions) + "\n"


def _head(function: Function) -> str:
    parameters = ", ".join(f"BIO_UNUSED {_declared(p)}" for p in function.parameters)
    return f"BIO_UNUSED static {_TYPES[function.result]} {function.name}({parameters})"


def _declared(local: Value) -> str:
    kind = _TYPES[local.type]
    return f"{kind}{local.data}" if kind.endswith("*") else f"{kind} {local.data}"


def _function(function: Function, layout: Layout) -> str:
    tables = {value.data.table for value in _read(function) if isinstance(value.data, Place)}
    tables |= {"block"} if any(value.op == "name" and value.data == "block" for value in _read(function)) else set()
    lines = [line for table, line in _TABLES.items() if table in tables]
    lines += _Printer(layout, _first_of(function)).statements(function.body)
    if not (function.body and isinstance(function.body[-1], Return)):
        lines.append("return 0;")
    return "\n".join([f"{_head(function)} {{", *(f"    {line}" for line in lines), "}"])


def _first_of(function: Function) -> str:
    """The first cell of a function's loops over cells, from which their index counts."""
    given = [*function.parameters, *(s.local for s in function.body if isinstance(s, Let))]
    return "first" if FIRST in given else "0"


def _read(function: Function) -> list[Value]:
    return [*values_of(function)]


class _Printer:
    def __init__(self, layout: Layout, first: str) -> None:
        self.layout, self.first = layout, first

    def statements(self, statements: tuple[Statement, ...]) -> list[str]:
        """The lines of statements."""
        return [line for statement in statements for line in self._statement(statement)]

    def _statement(self, statement: Statement) -> list[str]:
        value = self.value
        match statement:
            case Let(local, new, changes):
                constant = "" if changes or local.type.is_array else "const "
                return [f"{constant}{_declared(local)} = {value(new)};"]
            case LetTogether(locals_, values):
                return [f"const {_declared(x)} = {value(v)};" for x, v in zip(locals_, values, strict=True)]
            case Assign(local, new) | Put(local, new):
                return [f"{value(local)} = {value(new)};"]
            case Store(array, index, new):
                return [f"{value(array)}[{value(index)}] = {value(new)};"]
            case Fire(flags, index, counted, condition):
                over = value(condition)
                return [f"{value(flags)}[{value(index)}] = (uint8_t){over};", f"{counted.data} += {over};"]
            case Do(function, arguments):
                return [f"{function}({', '.join(map(value, arguments))});"]
            case Break():
                return ["break;"]
            case Return(new):
                return [f"return {value(new)};"]
        return self._nested(statement)

    def _nested(self, statement: Statement) -> list[str]:
        match statement:
            case If(condition, then, otherwise):
                lines = [f"if ({self.value(condition)}) {{", *self._indented(then)]
                return [*lines, *(["} else {", *self._indented(otherwise)] if otherwise else []), "}"]
            case For(index, _, stop, _, body) if statement.is_shared:
                return [f"FOR_CELLS({index.data}, {self.first}, {self.value(stop)}) {{", *self._indented(body), "}"]
            case For(index, _, stop, _, body) if index is FIRST:
                return [f"FOR_CHUNKS({index.data}, {self.value(stop)}) {{", *self._indented(body), "}"]
            case For(index, start, stop, step, body):
                k, first, last = index.data, self.value(start), self.value(stop)
                goes_on = f"{k} {'<' if step > 0 else '>'} {last}"
                return [f"for (int64_t {k} = {first}; {goes_on}; {k} += {step}) {{", *self._indented(body), "}"]
            case While(condition, body):
                return [f"while ({self.value(condition)}) {{", *self._indented(body), "}"]
        raise AssertionError(statement)

    def _indented(self, body: tuple[Statement, ...]) -> list[str]:
        return [f"    {line}" for line in self.statements(body)]

    def value(self, value: Value) -> str:
        """A value as an expression."""
        parts = [self.value(argument) for argument in value.arguments]
        if value.op in _INFIX:
            return f"({parts[0]} {_INFIX[value.op]} {parts[1]})"
        if value.op in _PREFIX:
            return f"({_PREFIX[value.op]}{parts[0]})"
        match value.op:
            case "const":
                return c_number(value.data) if isinstance(value.data, float) else _whole(value.data)
            case "name":
                return str(value.data)
            case "read":
                return self._read(value.data)
            case "entry":
                return f"{_table(value)}[{parts[0]}]"
            case "item":
                item = f"{parts[0]}[{parts[1]}]"
                return f"(double){item}" if value.arguments[0].type is Type.F4 else item
            case "view":
                return f"(({_TYPES[value.type]})(intptr_t){parts[0]} + {parts[1]})"
            case "from":
                return f"({parts[0]} + {parts[1]})"
        return self._call(value, parts)

    def _call(self, value: Value, parts: list[str]) -> str:
        match value.op:
            case "select":
                return f"({parts[0]} ? {parts[1]} : {parts[2]})"
            case "number":
                return f"({parts[0]} ? 1.0 : 0.0)"
            case "flag":
                return f"({parts[0]} ? 1 : 0)"
            case "min" | "max":
                kind = "" if value.type is Type.F64 else "_whole"
                return f"bio_{value.op}{kind}({', '.join(parts)})"
        name = f"bio_{value.op}" if value.op in FUNCTIONS else value.op
        return f"{name}({', '.join(parts)})"

    def _read(self, place: object) -> str:
        assert isinstance(place, Place)
        if place.table in ("block", "ctx", "real"):
            return f"{place.table}[{place.name if place.table == 'ctx' else f'{place.table.upper()}_{place.name}'}]"
        return f"{place.table}[{self.layout.place(place.table, place.name, place.made)}]"


def _table(entry: Value) -> str:
    assert isinstance(entry.data, Place)
    return entry.data.table


def _whole(data: object) -> str:
    assert isinstance(data, int)
    return str(data) if abs(data) < 1 << 31 else f"INT64_C({data})"
