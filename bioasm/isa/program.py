"""Intermediate representation of a program: instructions, operands, constants and data, all immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from bioasm.diagnostics import Span
from bioasm.mapped import MappedFile, changed, files_behind
from bioasm.units import Dimension, Measured

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bioasm.isa.table import Row


# --- operands ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Numbered:
    """An operand identified by a number; equal only to one of the same class."""

    index: int


class Register(_Numbered):
    """A scalar register, `r0` to `r31`: one float64, the same for all lanes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in SI units and its dimension. A bare number has dimension NONE and fits anywhere."""

    value: float
    dimension: Measured = Dimension.NONE


@dataclass(frozen=True, slots=True)
class ConstantRef:
    """A use of the named constant `Program.constants[name]`, which `--set` may replace."""

    name: str


class DataRef(_Numbered):
    """A use of the data block `Program.data[index]`."""

    __slots__ = ()


class Target(_Numbered):
    """The index of the instruction that a jump goes to; `len(instructions)` is the end of the program."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Name:
    """A name whose meaning depends on the instruction: a model, a parameter, an observable, an output."""

    text: str


Operand = Register | Quantity | ConstantRef | DataRef | Target | Name


# --- data -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True)
class Dense:
    """A dense vector or matrix of any real dtype, held as given and never rounded. May be memory-mapped."""

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape: (n,) or (rows, columns)."""
        return self.array.shape


@dataclass(frozen=True, eq=False, slots=True)
class Sparse:
    """A sparse matrix in COO form: entries (row[k], column[k]) = value[k], sorted by row and column, without duplicates.

    With `symmetric`, only the upper triangle (row <= column) is stored, and each entry is mirrored.
    """

    shape: tuple[int, int]
    row: NDArray[Any]
    column: NDArray[Any]
    value: NDArray[Any]
    symmetric: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Terms:
    """Polynomial terms over `size` variables in CSR form: term k is value[k] times the product over index[start[k]:start[k+1]].

    Indices of a term are strictly increasing; `start` has one entry more than there are terms.
    """

    size: int
    start: NDArray[np.int64]
    index: NDArray[Any]
    value: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Random:
    """Random values by their distribution, a name in `bioasm.isa.distributions`: one for each neuron or connection.

    The numbers are a function of the seed of the run and the index of the block among the program's data; with
    `per_lane` each lane has its own.
    """

    distribution: str
    arguments: tuple[Quantity | ConstantRef, ...]
    per_lane: bool = False


Stored = Dense | Sparse | Terms
Data = Stored | Random


class DataBlock(NamedTuple):
    """A datum of a program and the name it is used by; None for a literal in an operand."""

    value: Data
    name: str | None = None


# --- program ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its row in the instruction table, its operands, and where it was written.

    `columns` are the half-open ranges of columns of the operands, where a text has just been read.
    """

    row: Row
    operands: tuple[Operand, ...] = ()
    span: Span | None = None
    columns: tuple[tuple[int, int], ...] = field(default=(), compare=False)

    @property
    def mnemonic(self) -> str:
        """The mnemonic of its row."""
        return self.row.mnemonic


class ModelText(NamedTuple):
    """The text of a program's own model (`kind` is `model`, `mechanism`, ...), verbatim.

    `text` is all of `.model NAME { ... }`, from the dot to the closing brace; `span` is the place of that line's head.
    """

    kind: str
    name: str
    text: str
    span: Span | None = None

    @property
    def body(self) -> str:
        """The text after the name: the braces and all between them."""
        return self.text[len(f".{self.kind} {self.name} ") :]


class Section(NamedTuple):
    """A bytecode section unknown to this version, which is preserved unread."""

    kind: int
    flags: int
    content: bytes


def _frozen(mapping: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    return MappingProxyType(dict(mapping or {}))


@dataclass(frozen=True, eq=False)
class Program:
    """A complete program. Text and bytecode both are converted to it; only `bioasm.verifier.gate.verify` makes it runnable.

    `labels` maps a name to an instruction index (at most the number of instructions). `constants` keeps the order of
    their definition; `formulas` are the texts of those that depend on constants above them. `metadata` describes the
    program (title, source, ...). `has_spans` says that the source spans belong to the program (bytecode written with
    them, text with `.loc`) and are preserved by writers. `models` are the texts of its own models and mechanisms.
    """

    instructions: tuple[Instruction, ...]
    constants: Mapping[str, Quantity] = field(default_factory=_frozen)
    data: tuple[DataBlock, ...] = ()
    labels: Mapping[str, int] = field(default_factory=_frozen)
    metadata: Mapping[str, str] = field(default_factory=_frozen)
    sections: tuple[Section, ...] = ()
    has_spans: bool = False
    models: tuple[ModelText, ...] = ()
    formulas: Mapping[str, str] = field(default_factory=_frozen)

    def __post_init__(self) -> None:
        for name in ("constants", "labels", "metadata", "formulas"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))

    def quantity(self, operand: Quantity | ConstantRef) -> Quantity:
        """The Quantity of an operand, a literal or the name of a constant."""
        return self.constants[operand.name] if isinstance(operand, ConstantRef) else operand


def mapped_files(program: Program) -> list[MappedFile]:
    """The files of a program's memory-mapped data."""
    arrays = (getattr(block.value, name, None) for block in program.data for name in ("array", "value"))
    return list(dict.fromkeys(files_behind(arrays)))


def check_unchanged(program: Program) -> None:
    """Raise BioasmError B310 where a memory-mapped file of the program was changed since it was mapped."""
    for file in mapped_files(program):
        if file.changed:
            raise changed(file.path)
