"""Literals of random values: `normal(10 mV, 2 mV) per lane`. Their arguments are numbers or names of constants."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bioasm.diagnostics import did_you_mean
from bioasm.isa.distributions import DISTRIBUTIONS, count_fault
from bioasm.isa.names import register_index
from bioasm.isa.program import ConstantRef, Quantity, Random
from bioasm.text.document import Item
from bioasm.text.operands import Fault, Names, read_number

_FORM = re.compile(r"(\w+)[ \t]*\((.*)\)(?:[ \t]+(per)[ \t]+lane)?", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"([+-]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)[ \t]*(.*)")
_WORD = re.compile(r"[^\W\d][\w.]*")


def read_random(item: Item) -> Random:
    """Parse random values; constants are not resolved here. Raises Fault at an argument."""
    found = _FORM.fullmatch(item.text)
    assert found is not None  # as in the grammar
    name, arguments = found[1].lower(), list(_arguments(item, found.start(2), found[2]))
    wrong = count_fault(name, len(arguments))
    if wrong is not None:
        raise Fault("B010", f"`{name}` has {len(arguments)} argument{'s' if len(arguments) != 1 else ''}; {wrong}", None, item)
    return Random(name, tuple(_argument(argument) for argument in arguments), found[3] is not None)


def check_constants(item: Item, names: Names) -> Iterator[Fault]:
    """The faults of arguments that name no constant."""
    found = _FORM.fullmatch(item.text)
    assert found is not None
    for argument in _arguments(item, found.start(2), found[2]):
        if _WORD.fullmatch(argument.text) and argument.text not in names.constants:
            what = names.what(argument.text)
            hint = f"`{argument.text}` is a {what}" if what else did_you_mean(argument.text, names.constants)
            yield Fault("B007", f"there is no constant `{argument.text}`", hint, argument)


def _arguments(item: Item, start: int, inner: str) -> Iterator[Item]:
    """The arguments as Items; none for empty brackets."""
    at = item.start + start
    for piece in inner.split(",") if inner.strip() else ():
        text = piece.strip()
        first = at + len(piece) - len(piece.lstrip())
        yield Item("word" if _WORD.fullmatch(text) else "number", text, first, first + max(1, len(text)))
        at += len(piece) + 1


def _argument(item: Item) -> Quantity | ConstantRef:
    if item.form == "word":
        if register_index(item.text) is not None:
            hint = f"distributions are {', '.join(DISTRIBUTIONS)} of numbers and constants"
            raise Fault("B004", f"`{item.text}` is a register, whose value only the run knows", hint, item)
        return ConstantRef(item.text)
    found = _NUMBER.fullmatch(item.text)
    if found is None:
        raise Fault("B010", f"`{item.text[:30]}` is neither a number nor the name of a constant", None, item)
    try:
        return read_number(item._replace(text=found[1], extra=found[2].strip()))
    except Fault as fault:
        raise Fault(fault.code, fault.message, fault.hint, item) from None
