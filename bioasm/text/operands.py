"""Resolution of operands: parsing by the kind of the slot, and name lookup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bioasm.diagnostics import did_you_mean
from bioasm.isa.kinds import Kind
from bioasm.isa.limits import limit
from bioasm.isa.names import register_index
from bioasm.isa.program import ConstantRef, DataRef, Name, Operand, Quantity, Register, Target
from bioasm.isa.table import Row, Slot
from bioasm.text.document import Item
from bioasm.text.strings import unquote
from bioasm.units import UNITS, Dimension, Measured, find_unit, to_si
from bioasm.verifier.operands import in_range, range_words, spelled
from bioasm.wholes import Rounded

DATA_FORMS = frozenset({"dense", "sparse", "terms", "random", "file"})
_UNITS = "a unit is an SI prefix and a symbol, such as ms, mV, pA or Hz, products and ratios of these, or the word sweeps"
_LETTERS = frozenset("sVAFSC")
_ARTICLES = {"register": "a register", "number": "a number", "data": "data", "label": "a label", "name": "a name"}


class Fault(Exception):
    """A fault of a statement, at its `item` if known."""

    def __init__(self, code: str, message: str, hint: str | None = None, item: Item | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.item = code, message, hint, item


@dataclass(slots=True)
class Names:
    """Symbol table of a program: labels, constants and data. Names that start with `@` are local to the text."""

    constants: dict[str, Quantity] = field(default_factory=dict)
    data: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)

    def what(self, name: str) -> str | None:
        """The kind of symbol that `name` is, or None."""
        known: Iterable[tuple[str, Mapping[str, object]]] = (
            ("constant", self.constants),
            ("datum", self.data),
            ("label", self.labels),
        )
        return next((what for what, names in known if name in names), None)


def read_number(item: Item) -> Quantity:
    """Parse a number with its unit. Raises Fault B005, B009."""
    unit = find_unit(item.extra) if item.extra else None
    if item.extra and unit is None:
        raise Fault("B005", f"there is no unit `{item.extra}`", did_you_mean(item.extra, _likely_units(item.extra)) or _UNITS)
    try:
        value = to_si(item.text, unit)
    except Rounded as fault:
        raise Fault("B115", str(fault), fault.hint, item) from None
    except (ValueError, ArithmeticError):
        shown = item.text[:30] + ("..." if len(item.text) > 30 else "")
        raise Fault("B009", f"`{shown}` is no decimal number that fits a 64-bit float") from None
    return Quantity(value, unit.dimension if unit else Dimension.NONE)


def _likely_units(word: str) -> list[str]:
    """Candidates for a misspelled unit, without symbols of one letter, which resemble almost anything."""
    return [symbol for symbol in UNITS if len(symbol) > 1 or (symbol == word[0] and symbol in _LETTERS)]


def read_string(item: Item) -> str:
    """Decode a quoted string. Raises Fault B001."""
    try:
        return unquote(item.text)
    except ValueError:
        hint = 'the escapes are \\" \\\\ \\n \\t \\r and \\u with four hexadecimal digits'
        raise Fault("B001", "the text holds a backslash that starts no escape", hint, item) from None


def resolve(row: Row, slot: Slot, item: Item, names: Names) -> Operand:
    """Resolve `item` as the operand of `slot`; data literals and files are read elsewhere. Raises Fault."""
    if item.form == "number":
        return _quantity(row, slot, item)
    if item.form == "string":
        return _name(row, slot, item, read_string(item))
    register = register_index(item.text)
    if register is not None:
        _demand(row, slot, item, "register")
        return Register(register)
    return _word(row, slot, item, names)


def _quantity(row: Row, slot: Slot, item: Item) -> Quantity:
    _demand(row, slot, item, "number")
    quantity = read_number(item)
    check_quantity(slot, quantity, item)
    return quantity


def _name(row: Row, slot: Slot, item: Item, text: str) -> Name:
    _demand(row, slot, item, "name")
    if not 1 <= len(text.encode()) <= limit("name_bytes"):
        raise Fault("B111", f"a name has 1 to {limit('name_bytes')} bytes")
    return Name(text)


def _word(row: Row, slot: Slot, item: Item, names: Names) -> Operand:
    """Resolve a word: to a label for a label operand; else to a constant, a datum or a name, in this order."""
    word, forms = item.text, slot.kind.forms
    if "label" in forms and word in names.labels:
        return Target(names.labels[word])
    if "number" in forms and word in names.constants:
        check_quantity(slot, names.constants[word], item)
        return ConstantRef(word)
    if "data" in forms and word in names.data:
        return DataRef(names.data[word])
    if "name" in forms:
        return _name(row, slot, item, word)
    raise _unknown(row, slot, word, names)


def _unknown(row: Row, slot: Slot, word: str, names: Names) -> Fault:
    what = names.what(word)
    if what is not None:
        return Fault("B004", f"{_wants(row, slot)}; `{word}` is a {what}", f"its form is {row.form}")
    if slot.kind.forms == ("register",):
        return Fault("B004", f"{_wants(row, slot)}; `{word}` is none", "registers are r0 to r31")
    known: dict[str, Iterable[str]] = {"label": names.labels, "number": names.constants, "data": names.data}
    fitting = [name for form in slot.kind.forms for name in known.get(form, ())]
    kinds = {"label": "label", "number": "constant", "data": "datum"}
    kind = " or ".join(what for form, what in kinds.items() if form in slot.kind.forms)
    return Fault("B007", f"there is no {kind} `{word}`", did_you_mean(word, fitting))


def _demand(row: Row, slot: Slot, item: Item, form: str) -> None:
    if form not in slot.kind.forms:
        raise wrong_form(row, slot, item, form)


def wrong_form(row: Row, slot: Slot, item: Item, form: str) -> Fault:
    """The fault for an `item` whose form its slot does not accept."""
    shown = item.text if item.form in ("number", "word", "string") and len(item.text) <= 30 else None
    found = f"`{shown}` is {_ARTICLES[form]}" if shown else f"here {'stands' if form == 'name' else 'stand'} {form}"
    return Fault("B004", f"{_wants(row, slot)}; {found}", f"its form is {row.form}")


def _wants(row: Row, slot: Slot) -> str:
    return f"{row.mnemonic} takes {' or '.join(_ARTICLES[form] for form in slot.kind.forms)} as `{slot.name}`"


def check_quantity(slot: Slot, quantity: Quantity, item: Item) -> None:
    """Check a number's dimension and range against its slot. Raises Fault B006, B014."""
    kind = slot.kind
    if quantity.dimension not in kind.dimensions and quantity.dimension is not Dimension.NONE:
        hint = _same_letters(item.extra, kind) or f"without a unit a number is in SI units; {_units_of(kind)}"
        raise Fault("B006", f"`{slot.name}` is {kind.summary}, and {spelled(quantity)} is {_measure(quantity)}", hint)
    if not in_range(quantity.value, kind.low, kind.high):
        raise Fault("B014", f"`{slot.name}` is {spelled(quantity)}; it must be {range_words(kind.low, kind.high)}")
    if kind.whole and quantity.value != int(quantity.value):
        raise Fault("B014", f"`{slot.name}` is {spelled(quantity)}; it must be a whole number")


def _same_letters(unit: str, kind: Kind) -> str | None:
    """The unit of the right dimension that differs in case only: `ms` for `MS`, megasiemens."""
    fitting = (s for s, u in UNITS.items() if s.lower() == unit.lower() and u.dimension in kind.dimensions)
    found = next(fitting, None)
    return f"did you mean {found}?" if unit and found else None


def _measure(quantity: Quantity) -> str:
    words: dict[Measured, str] = {Dimension.SWEEPS: "a number of sweeps"}
    return words.get(quantity.dimension, f"a {quantity.dimension}")


def _units_of(kind: Kind) -> str:
    symbols = [dimension.symbol for dimension in kind.dimensions if dimension.symbol]
    return f"units here are those of {' and '.join(symbols)}" if symbols else "no unit fits here"
