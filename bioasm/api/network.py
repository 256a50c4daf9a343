"""Programs built by calls: one method for each instruction of the table, arrays as operands, printed as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from bioasm.api.arrays import as_data
from bioasm.diagnostics import did_you_mean, error
from bioasm.isa.program import Data, Program
from bioasm.isa.table import BY_MNEMONIC
from bioasm.network.subgroup import is_subgroup
from bioasm.units import spell_number

_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')  # a condition or formula


class Network:
    """A program built by method calls, mainly for networks.

    Every instruction is a method, named after its mnemonic in lower case: `net.pop("cells", "lif", 100)`,
    `net.run("1 s")`. It appends the instruction and returns the network. Operands are numbers, words and quantities as in
    a text (`"20 ms"`), and arrays, nested lists, matrices of scipy.sparse, graphs of networkx (weights by edge, in the order
    of their nodes) or dicts of terms for data. `Network(text)` begins with the lines of a text, such as model
    definitions; `label` and `const` add labels and constants. `print(net)` prints the program as a text that gives the
    same bytes, `net.program()` the Program, and `bioasm.run(net)` runs it.
    """

    def __init__(self, text: str = "") -> None:
        if not isinstance(text, str):
            raise TypeError(f"a Network begins with a text, not with {type(text).__name__}")
        self._lines: list[str] = text.splitlines()
        self._data: dict[str, Data] = {}

    def __getattr__(self, name: str) -> Callable[..., Network]:
        row = BY_MNEMONIC.get(name.upper()) if name.islower() else None
        if row is None:
            hint = did_you_mean(name, dir(self))
            raise AttributeError(f"there is no instruction {name!r}{f'; {hint}' if hint else ''}")
        return lambda *operands: self._append(row.mnemonic, operands)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(mnemonic.lower() for mnemonic in BY_MNEMONIC)]

    def __str__(self) -> str:
        from bioasm.text.disassemble import disassemble

        return disassemble(self.program())

    def __repr__(self) -> str:
        return f"<Network: {len(self._lines)} lines, {len(self._data)} data>"

    def label(self, name: str) -> Network:
        """A jump target: the instruction appended next."""
        self._lines.append(f"{_word(name)}:")
        return self

    def const(self, name: str, value: float | str) -> Network:
        """A named constant, which `set=` of `bioasm.run` can replace."""
        self._lines.append(f".const {_word(name)} = {_operand(value)}")
        return self

    def program(self) -> Program:
        """The program so far. Raises BioasmError with every error found."""
        from bioasm.text.assemble import assemble

        return assemble("\n".join([*self._lines, ""]), source="<network>", data=self._data)

    def _append(self, mnemonic: str, operands: tuple[Any, ...]) -> Network:
        written = ", ".join(self._datum(mnemonic, o) if _is_data(o) else _operand(o) for o in operands)
        self._lines.append(f"    {mnemonic} {written}".rstrip())
        return self

    def _datum(self, mnemonic: str, value: Any) -> str:
        """Keep an array, and return the name that the program has for it."""
        name = f"{mnemonic.lower()}_{len(self._data)}"
        self._data[name] = as_data(value, name)
        return name


def _is_data(value: Any) -> bool:
    return not isinstance(value, str | int | float | np.generic) or isinstance(value, np.ndarray)


def _operand(value: Any) -> str:
    """A number or a word as a text has it. Raises BioasmError B001 for a text that would be more than one operand."""
    if isinstance(value, str):
        return _word(value)
    number = value.item() if isinstance(value, np.generic) else value
    if not isinstance(number, int | float):
        raise error("B001", f"{value!r:.40} is not one operand", hint="a number, a word or a quantity is wanted")
    return spell_number(float(number))


def _word(text: str) -> str:
    if not isinstance(text, str):
        raise error("B001", f"{text!r:.40} is no word")
    several = any(c in text for c in "\n;,{}[]") and not (is_subgroup(text) or _QUOTED.fullmatch(text))
    if several or not text.strip():
        raise error("B001", f"{text[:40]!r} is not one operand")
    return text
