"""Abstract syntax tree of a model text, before names and units are resolved.

A statement that needs no lowering (an assignment, a threshold) has the node of the Model already, with Words, which have
a place, as names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bioasm.models.base import Addition, Assignment, Feedback, Refractory, Send, Threshold
from bioasm.models.expression import NOWHERE, Expression, Place
from bioasm.units import NO_UNIT, Exponents


class Word(str):
    """A name or keyword of the text, with its place."""

    __slots__ = ("at",)
    at: Place

    def __new__(cls, text: str, at: Place = NOWHERE) -> Word:
        """The word `text` at a place."""
        word = super().__new__(cls, text)
        word.at = at
        return word


def place_of(node: Expression | str) -> Place:
    """The place of an expression or a name; NOWHERE for a generated one."""
    at: Place = getattr(node, "at", NOWHERE)
    return at


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
    """A name with an expression and a summary: a state, a definition or the noise."""

    name: Word
    value: Expression
    summary: str = ""


class RawDeclaration(NamedTuple):
    """A name with a unit: a line of `inputs:`, `uses:` or `spins:`; `unit` is None where it could not be read."""

    name: Word
    unit: Exponents | None
    default: Expression | None = None
    summary: str = ""


class RawEquation(NamedTuple):
    """d name/dt = rate, noise included. `method` is empty where none is named, EVENT_DRIVEN where it is marked so."""

    name: Word
    rate: Expression
    method: Word
    frozen: bool


class RawWeight(NamedTuple):
    """A line `weight : unit` of a port."""

    name: Word
    unit: Exponents | None


@dataclass
class RawPort:
    """A section `receive:`."""

    name: Word
    weights: list[RawWeight] = field(default_factory=list)
    jumps: list[Assignment] = field(default_factory=list)
    summary: str = ""

    @property
    def unit(self) -> Exponents | None:
        """The unit of a weight: a pure number where no line says it, None where it could not be read."""
        return self.weights[-1].unit if self.weights else NO_UNIT


@dataclass
class RawEvent:
    """A section `event NAME:`."""

    name: Word
    conditions: list[Threshold] = field(default_factory=list)
    statements: list[Assignment] = field(default_factory=list)
    summary: str = ""


@dataclass
class RawHandler:
    """A section `on pre:` or `on post:`; `name` is the second word of `on pre effect:`."""

    event: Word
    name: Word
    statements: list[Assignment | Send] = field(default_factory=list)


class RawObservable(NamedTuple):
    """A line of `observe:`."""

    name: Word
    variable: Word
    summary: str


class RawClamp(NamedTuple):
    """The variable that CLAMP holds, and the values that it may have (any where empty)."""

    variable: Word
    values: list[Expression]


@dataclass
class RawModel:
    """All statements of one text, in the fields that the table of sections names.

    `others` has the statements of sections without checks, which become the Model's field of that name unchanged. `sections`
    are the places of headers, `lost` the words of statements that could not be parsed.
    """

    kind: str
    name: Word
    strings: list[str] = field(default_factory=list)
    parameters: list[RawParameter] = field(default_factory=list)
    noise: RawValue | None = None
    states: list[RawValue] = field(default_factory=list)
    inputs: list[RawDeclaration] = field(default_factory=list)
    uses: list[RawDeclaration] = field(default_factory=list)
    definitions: list[RawValue] = field(default_factory=list)
    stages: list[list[RawEquation | Assignment]] = field(default_factory=list)
    threshold: Threshold | None = None
    reset: list[Assignment] = field(default_factory=list)
    refractory: Refractory | None = None
    events: list[RawEvent] = field(default_factory=list)
    ports: list[RawPort] = field(default_factory=list)
    observables: list[RawObservable] = field(default_factory=list)
    clamp: RawClamp | None = None
    feedback: Feedback | None = None
    order: list[Word] = field(default_factory=list)
    adds: list[Addition] = field(default_factory=list)
    handlers: list[RawHandler] = field(default_factory=list)
    spins: RawDeclaration | None = None
    clock: Word | None = None
    others: dict[str, Any] = field(default_factory=dict)
    sections: dict[str, Place] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> Any:
        """The value of a field of the table of sections; None where nothing was said."""
        return getattr(self, name) if name in self.__dataclass_fields__ else self.others.get(name)

    def __setitem__(self, name: str, said: Any) -> None:
        """Set a field of the table of sections."""
        if name in self.__dataclass_fields__:
            setattr(self, name, said)
        else:
            self.others[name] = said

    def step(self) -> Iterator[RawEquation | Assignment]:
        """The equations and assignments of all stages."""
        return (item for stage in self.stages for item in stage)


class Evaluated(NamedTuple):
    """An expression that is evaluated while the model runs, with its constraints.

    `changes` is the state that it changes, whose unit it has (with `rate`: that unit per second); else it has `unit`, or is a
    `condition`. `names` are local to it, with their units. `what` is its noun in messages.
    """

    what: str
    value: Expression
    changes: str = ""
    rate: bool = False
    unit: Exponents | None = None
    condition: bool = False
    names: tuple[tuple[str, Exponents | None], ...] = ()
    functions: tuple[str, ...] = ("held",)
