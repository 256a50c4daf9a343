"""Syntax tree of a model text: what its statements say, before names and units are resolved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from bioasm.models.expression import NOWHERE, Expression, Place
from bioasm.units import NO_UNIT, Exponents


class Word(NamedTuple):
    """A name and where it stands."""

    text: str
    at: Place = NOWHERE


class Bound(NamedTuple):
    """One side of a parameter's range: `operator` is one of >= > <=."""

    operator: str
    value: Expression
    at: Place


class RawParameter(NamedTuple):
    """A line of `parameters:`; `words` are names for values, and then `default` is one of them."""

    name: Word
    default: Expression | Word
    words: tuple[tuple[Word, Expression], ...]
    bounds: tuple[Bound, ...]
    fixed: bool
    summary: str


class RawValue(NamedTuple):
    """A name that an expression is given to, with its summary: a state, a definition or the noise."""

    name: Word
    value: Expression
    summary: str = ""


class RawInput(NamedTuple):
    """A line of `inputs:` or `uses:`; `unit` is None where it could not be read."""

    name: Word
    unit: Exponents | None
    default: Expression | None = None
    summary: str = ""


class RawEquation(NamedTuple):
    """d name/dt = rate. `method` is empty where none is named."""

    name: Word
    rate: Expression
    method: Word
    frozen: bool


class RawAssignment(NamedTuple):
    """name := value, or name += value."""

    name: Word
    value: Expression


@dataclass
class RawPort:
    """A section `receive:`. `weighed` is whether a line says the unit of a weight."""

    name: Word
    unit: Exponents | None = NO_UNIT
    weighed: bool = False
    jumps: list[RawAssignment] = field(default_factory=list)
    summary: str = ""


class RawObservable(NamedTuple):
    """A line of `observe:`."""

    name: Word
    variable: Word
    summary: str


class RawFeedback(NamedTuple):
    """target = J source + h every `every` within `within`."""

    target: Word
    source: Word
    every: Word
    within: Word


@dataclass
class RawModel:
    """All statements of one text. `lost` are the words of statements that could not be read."""

    kind: str
    name: Word
    strings: list[str] = field(default_factory=list)
    source: str = ""
    parameters: list[RawParameter] = field(default_factory=list)
    noise: RawValue | None = None
    states: list[RawValue] = field(default_factory=list)
    inputs: list[RawInput] = field(default_factory=list)
    uses: list[RawInput] = field(default_factory=list)
    definitions: list[RawValue] = field(default_factory=list)
    stages: list[list[RawEquation | RawAssignment]] = field(default_factory=list)
    spike: tuple[Expression, bool, Place] | None = None
    reset: list[RawAssignment] = field(default_factory=list)
    refractory: tuple[Expression, bool, Place] | None = None
    ports: list[RawPort] = field(default_factory=list)
    observables: list[RawObservable] = field(default_factory=list)
    clamp: tuple[Word, list[Expression]] | None = None
    feedback: RawFeedback | None = None
    order: list[Word] = field(default_factory=list)
    adds: list[RawAssignment] = field(default_factory=list)
    spins: tuple[Word, str] | None = None
    clock: Word | None = None
    sections: dict[str, Place] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
