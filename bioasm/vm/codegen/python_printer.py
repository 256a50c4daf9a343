"""Python printer: a step's functions as source of the kernel language (`bioasm.vm.jit`)."""

from __future__ import annotations

import math
import textwrap

from bioasm.vm.codegen.layout import Layout
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
    walk,
)
from bioasm.vm.codegen.types import Type
from bioasm.vm.codegen.values import Place, Value
from bioasm.vm.layout import Ctx

_SAME = ("+", "-", "*", "/", "//", "%", ">>", "&", "<", "<=", ">", ">=", "==", "!=")
_INFIX = {op: op for op in _SAME} | {"and": "&", "or": "|"}
_CALLS = {"sqrt": "math.sqrt", "pow": "power", "floor": "np.floor", "ceil": "np.ceil"}
_TABLES = "whole, number, field = tables(ctx, WHOLES, NUMBERS, FIELDS)"


def print_python(program: Program, layout: Layout, printer: type[PythonPrinter] | None = None) -> str:
    """The source of a module: constants, and functions with the decorator `@device`."""
    functions = [_function(function, (printer or PythonPrinter)(layout)) for function in program.functions]
    together = {_together(s) for f in program.functions for s in walk(f.body) if isinstance(s, LetTogether)}
    header = [f"{name} = {number}" for name, number in program.constants.items()]
    header += [f"{name} = together({', '.join(map(repr, name.split('_')[1:]))})" for name in sorted(together)]
    return "\n".join(header) + "\n\n\n" + "\n\n".join(functions) + "\n"


def _function(function: Function, printer: PythonPrinter) -> str:
    tables = {value.data.table for value in values_of(function) if isinstance(value.data, Place)}
    names = {value.data for value in values_of(function) if value.op == "name"}
    lines = ["block = block_row(ctx, b)"] if "block" in names or "block" in tables else []
    lines += [_TABLES] if tables & {"whole", "number", "field"} else []
    lines += printer.statements(function.body)
    if not (function.body and isinstance(function.body[-1], Return)):
        lines.append("return 0")
    head = f"def {function.name}({', '.join(str(p.data) for p in function.parameters)}):"
    return "@device\n" + head + "\n" + textwrap.indent("\n".join(lines), "    ")


def _together(statement: LetTogether) -> str:
    return "_".join(["together", *(value.op for value in statement.values)])


class PythonPrinter:
    """Printer of statements and values; `layout` has the indices of tables. Other back ends override parts of it."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def statements(self, statements: tuple[Statement, ...]) -> list[str]:
        """The lines of statements."""
        return [line for statement in statements for line in self.statement(statement)]

    def statement(self, statement: Statement) -> list[str]:
        """The lines of one statement."""
        value = self.value
        match statement:
            case Let(local, new) | Assign(local, new):
                return [f"{local.data} = {value(new)}"]
            case LetTogether(locals_, values):
                arguments = ", ".join(value(v.arguments[0]) for v in values)
                return [f"{', '.join(str(x.data) for x in locals_)} = {_together(statement)}(({arguments}))"]
            case Put(place, new):
                return [f"{value(place)} = {value(new)}"]
            case Store(array, index, new):
                return [f"{value(array)}[{value(index)}] = {value(new)}"]
            case Fire(flags, index, counted, condition):
                over = value(condition)
                return [f"{value(flags)}[{value(index)}] = {over}", f"{counted.data} += {over}"]
            case Do(function, arguments):
                return [f"{function}({', '.join(map(value, arguments))})"]
            case Break():
                return ["break"]
            case Return(new):
                return [f"return {value(new)}"]
        return self._nested(statement)

    def _nested(self, statement: Statement) -> list[str]:
        match statement:
            case If(condition, then, otherwise):
                lines = [f"if {self.value(condition)}:", *self._indented(then)]
                return lines + (["else:", *self._indented(otherwise)] if otherwise else [])
            case For(index, start, stop, step, body):
                limits = [self.value(start), self.value(stop), str(step)]
                limits = limits[1:2] if limits[0] == "0" and step == 1 else limits
                return [f"for {index.data} in range({', '.join(limits)}):", *self._indented(body)]
            case While(condition, body):
                return [f"while {self.value(condition)}:", *self._indented(body)]
        raise AssertionError(statement)

    def _indented(self, body: tuple[Statement, ...]) -> list[str]:
        return [f"    {line}" for line in self.statements(body) or ["pass"]]

    def value(self, value: Value) -> str:
        """A value as an expression."""
        parts = [self.value(argument) for argument in value.arguments]
        if value.op in _INFIX:
            return f"({parts[0]} {_INFIX[value.op]} {parts[1]})"
        match value.op:
            case "const":
                return _number(value.data)
            case "name":
                return str(value.data)
            case "read":
                return self._read(value.data)
            case "entry":
                return self._entry(value, parts[0])
            case "item":
                item = f"{parts[0]}[{parts[1]}]"
                return f"np.float64({item})" if value.arguments[0].type is Type.F4 else item
            case "view":
                return f"{value.type.value}({', '.join(parts)})"
            case "from":
                return f"{parts[0]}[{parts[1]}:]"
        return self.operation(value, parts)

    def operation(self, value: Value, parts: list[str]) -> str:
        """A function call with printed arguments."""
        match value.op:
            case "select":
                return f"({parts[1]} if {parts[0]} else {parts[2]})"
            case "neg":
                return f"(-{parts[0]})"
            case "not":
                return f"(not {parts[0]})"
            case "number":
                return f"(1.0 if {parts[0]} else 0.0)"
            case "truncated":
                return f"int({parts[0]})"
            case "flag":
                return f"(1 if {parts[0]} else 0)"
            case "listed_at":  # spike lists are per block
                return f"({parts[0]} + {parts[1]})"
        return f"{_CALLS.get(value.op, value.op)}({', '.join(parts)})"

    def _entry(self, value: Value, index: str) -> str:
        """An entry of a table, as that of an array that begins there: a computed index would be looked at for its sign."""
        assert isinstance(value.data, Place)
        table = {"number": Ctx.NUMBER_AT, "whole": Ctx.WHOLE_AT, "field": Ctx.ADDRESS_AT}[value.data.table]
        return f"{'f8' if value.type is Type.F64 else 'i8'}(ctx[{int(table)}], {index}, 1)[0]"

    def _read(self, place: object) -> str:
        assert isinstance(place, Place)
        return f"{place.table}[{self.layout.place(place.table, place.name, place.made)}]"


def _number(data: object) -> str:
    """A number as a Python literal."""
    if isinstance(data, float) and not math.isfinite(data):
        return f"math.{str(data).strip('-')}" if data > 0 or data != data else "-math.inf"
    return repr(data)
