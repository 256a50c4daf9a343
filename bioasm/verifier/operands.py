"""Type check of operands against the instruction table: forms, dimensions and ranges."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite
from typing import Any

from bioasm.isa.findings import Finding, Found
from bioasm.isa.kinds import FORMS, Kind
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, DataRef, Instruction, Name, Program, Quantity, Random, Register, Target
from bioasm.isa.table import BY_MNEMONIC
from bioasm.units import Dimension, Measured, spell, spell_number


def check_operands(program: Program, instruction: Instruction) -> Found:
    """Check the operands of one instruction against the instruction table."""
    row, operands = instruction.row, instruction.operands
    if BY_MNEMONIC.get(row.mnemonic) is not row:
        yield Finding("B002", f"{row.mnemonic} is not in the instruction table")
    elif not row.required <= len(operands) <= len(row.slots):
        yield Finding("B003", f"{row.mnemonic} takes {_how_many(row.required, len(row.slots))}, not {len(operands)}",
                      f"its form is: {row.form}")  # fmt: skip
    else:
        for k, (slot, operand) in enumerate(zip(row.slots, operands, strict=False)):
            yield from (finding._replace(operand=k) for finding in _check(program, slot.name, slot.kind, operand))


def _how_many(least: int, most: int) -> str:
    if least == most:
        return "no operands" if most == 0 else f"{most} operand{'s' if most > 1 else ''}"
    return f"{least} to {most} operands"


def _check(program: Program, name: str, kind: Kind, operand: Any) -> Found:
    form = FORMS.get(type(operand))
    if form is None or form not in kind.forms:
        wanted = " or ".join(kind.forms)
        yield Finding("B004", f"`{name}` is {kind.summary}: it takes a {wanted}, not a {form or 'thing'}")
    else:
        yield from _BY_TYPE[type(operand)](program, name, kind, operand)


def _check_register(program: Program, name: str, kind: Kind, operand: Register) -> Found:
    if not (_is_index(operand.index) and operand.index < limit("registers")):
        yield Finding("B208", f"`{name}`: there is no register {operand.index}, only r0 to r{limit('registers') - 1}")


def _check_data(program: Program, name: str, kind: Kind, operand: DataRef) -> Found:
    if not (_is_index(operand.index) and operand.index < len(program.data)):
        yield Finding("B208", f"`{name}`: there is no data block {operand.index}; the program has {len(program.data)}")
    elif isinstance(program.data[operand.index].value, Random) and not kind.drawn:
        yield Finding("B004", f"`{name}` is {kind.summary}; it can't be random values")


def _check_target(program: Program, name: str, kind: Kind, operand: Target) -> Found:
    if not (_is_index(operand.index) and operand.index <= len(program.instructions)):
        text = f"`{name}`: the jump goes to instruction {operand.index}; the program has {len(program.instructions)}"
        yield Finding("B112", text)


def _check_name(program: Program, name: str, kind: Kind, operand: Name) -> Found:
    yield from check_word(f"`{name}`", operand.text)


def _check_constant(program: Program, name: str, kind: Kind, operand: ConstantRef) -> Found:
    if operand.name not in program.constants:
        yield Finding("B007", f"`{name}`: no constant is called {operand.name!r}")
    else:
        yield from _check_quantity(program, f"{name} = {operand.name}", kind, program.constants[operand.name])


def _check_quantity(program: Program, name: str, kind: Kind, operand: Quantity) -> Found:
    flawed = list(check_quantity(name, kind.dimensions, operand))
    yield from flawed
    if flawed:
        return
    value = operand.value
    if not in_range(value, kind.low, kind.high):
        yield Finding("B014", f"`{name}` is {spelled(operand)}; it must be {range_words(kind.low, kind.high)}")
    elif kind.whole and value != int(value):
        yield Finding("B014", f"`{name}` is {spelled(operand)}; it must be a whole number")


def check_quantity(name: str, dimensions: tuple[Measured, ...], operand: Quantity) -> Found:
    """Check that a number is finite and in one of `dimensions` or bare."""
    if not is_number(operand.value):
        yield Finding("B109", f"`{name}` is {operand.value}; it must be a finite number")
    elif operand.dimension is not Dimension.NONE and operand.dimension not in dimensions:
        wanted = " or ".join(str(dimension) for dimension in dimensions)
        yield Finding("B006", f"`{name}` is a {wanted}, and {spelled(operand)} is a {operand.dimension}")


_BY_TYPE: dict[type, Callable[[Program, str, Kind, Any], Found]] = {
    Register: _check_register,
    Quantity: _check_quantity,
    ConstantRef: _check_constant,
    DataRef: _check_data,
    Target: _check_target,
    Name: _check_name,
}


def _is_index(value: object) -> bool:
    return type(value) is int and value >= 0


def is_number(value: object) -> bool:
    """Whether `value` is a finite number."""
    return isinstance(value, int | float) and isfinite(value)


def check_word(what: str, text: str) -> Found:
    """Check that a name is not empty and within the limit on names."""
    if not text:
        yield Finding("B004", f"{what} is empty")
    elif len(text.encode("utf-8", "surrogatepass")) > limit("name_bytes"):
        yield Finding("B111", f"{what} is longer than {limit('name_bytes')} bytes")


def spelled(quantity: Quantity) -> str:
    """The shortest spelling of a number with its unit."""
    return " ".join(spell(quantity.value, quantity.dimension)).strip()


def in_range(value: float, low: float, high: float, open_low: bool = False) -> bool:
    """Whether `value` lies in [low, high], or in (low, high] with `open_low`."""
    return low <= value <= high and not (open_low and value == low)


def range_words(low: float, high: float, open_low: bool = False) -> str:
    """A range in words."""
    least = f"more than {spell_number(low)}" if open_low else f"at least {spell_number(low)}"
    if high == inf:
        return least
    return f"at most {spell_number(high)}" if low == -inf else f"{least} and at most {spell_number(high)}"
