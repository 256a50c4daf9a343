"""The words of a line of a cell's text: names, numbers with units and signs, read one after another."""

from __future__ import annotations

import re
from typing import NamedTuple

from bioasm.morphology.faults import Line
from bioasm.morphology.tree import LARGEST, SMALLEST, is_sensible
from bioasm.units import EXPONENTS, Dimension, Exponents, Unit, exponents_of, spell_unit, to_si, unit_as_written

_TOKEN = re.compile(r"[ \t]*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([^\W\d]\w*)|(\S))")
_UNIT = re.compile(r"[ \t]*([^\W\d]+[23]?(?:[*/][^\W\d]+[23]?)*)")
_QUOTED = re.compile(r'"([^"]*)"')
_END = ""
LENGTH, FREQUENCY = EXPONENTS[Dimension.LENGTH], EXPONENTS[Dimension.FREQUENCY]


class Token(NamedTuple):
    """A word, a number or a sign, and where it begins; without text at the end of the line."""

    text: str
    start: int
    kind: str


class Scanner:
    """Reads a line from left to right. What does not fit raises BioasmError B140 at its place."""

    def __init__(self, line: Line) -> None:
        self.line, self.end = line, 0
        self.next = self._token()

    def _token(self) -> Token:
        found = _TOKEN.match(self.line.text, self.end)
        if found is None or found[3] == ";":
            return Token(_END, len(self.line.text.partition(";")[0].rstrip()), "end")
        self.end = found.end()
        group = next(k for k in (1, 2, 3) if found[k])
        return Token(found[group], found.start(group), ("number", "word", "sign")[group - 1])

    def take(self) -> Token:
        """The next word, which is then passed."""
        taken, self.next = self.next, self._token()
        return taken

    def takes(self, *texts: str) -> bool:
        """Whether these words come next; they are then passed."""
        before = self.end, self.next
        for text in texts:
            if self.next.text != text:
                self.end, self.next = before
                return False
            self.take()
        return True

    def demand(self, text: str) -> None:
        """Pass a word that must come next."""
        if not self.takes(text):
            raise self.wrong(f"`{text}`")

    def name(self, what: str = "a name") -> Token:
        """The next word, which must be a name."""
        if self.next.kind != "word":
            raise self.wrong(what)
        return self.take()

    def whole(self, what: str) -> int:
        """The next word, which must be a whole number."""
        if self.next.kind != "number" or not self.next.text.isdigit() or len(self.next.text) > 9:
            raise self.wrong(what)
        return int(self.take().text)

    def number(self, what: str) -> float:
        """The next word, which must be a number without a unit."""
        if self.next.kind != "number":
            raise self.wrong(what)
        value = self._value(self.next)
        self.take()
        return value

    def positive(self, what: str) -> float:
        """The next word, which must be a number without a unit of a sensible size, more than 0."""
        start, value = self.next.start, self.number(what)
        self._check_size(value, what, start)
        return value

    def _value(self, number: Token, unit: Unit | None = None) -> float:
        try:
            return to_si(number.text, unit)
        except ValueError as fault:
            raise self.line.fault("B140", str(fault), number.start) from None

    def _check_size(self, value: float, what: str, start: int) -> None:
        """Refuse what is not more than 0, or so small or large that areas and resistances would not be finite."""
        if value <= 0.0:
            raise self.line.fault("B140", f"{what} must be more than 0", start)
        if not is_sensible(value):
            raise self.line.fault("B140", f"{what} of {value:g} in SI units; sizes are from {SMALLEST:g} to {LARGEST:g}", start)

    def quantity(self, what: str, unit: Exponents) -> float:
        """A number with a unit of this kind, in SI units, which must be more than 0."""
        if self.next.kind != "number":
            raise self.wrong(f"{what} with its unit")
        number, written = self.next, _UNIT.match(self.line.text, self.end)
        try:
            found = unit_as_written(written[1]) if written else None
        except ValueError:
            found = None
        if found is None or exponents_of(found.dimension) != unit:
            raise self.line.fault("B140", f"{what} is in {spell_unit(unit)}", number.start, "write the unit behind the number")
        assert written is not None
        value = self._value(number, found)
        self._check_size(value, what, number.start)
        self.end = written.end()
        self.next = self._token()
        return value

    def quoted(self) -> str | None:
        """The text in double quotes that comes next, which is then passed; None where none does."""
        found = _QUOTED.match(self.line.text, self.next.start) if self.next.text == '"' else None
        if found is None:
            return None
        self.end = found.end()
        self.next = self._token()
        return found[1]

    def finish(self) -> None:
        """Nothing may follow."""
        if self.next.kind != "end":
            raise self.wrong("the end of the line")

    def wrong(self, wanted: str) -> Exception:
        """The error that something else is wanted here."""
        found = f"not `{self.next.text}`" if self.next.text else "and the line ends"
        return self.line.fault("B140", f"{wanted} is wanted here, {found}", self.next.start)
