"""Readers of statements: from the parse tree of a section's line to its node of the abstract syntax tree."""

from __future__ import annotations

from typing import Any

from lark import Token, Tree

from bioasm.models.base import EVENT_DRIVEN, Addition, Assignment, Feedback, Refractory, Send, Threshold
from bioasm.models.expression import Binary, Symbol, is_condition
from bioasm.models.syntax_tree import (
    Bound,
    RawClamp,
    RawDeclaration,
    RawEquation,
    RawObservable,
    RawParameter,
    RawValue,
    RawWeight,
    Word,
    place_of,
)
from bioasm.models.tree_reader import TreeReader, span
from bioasm.units import NO_UNIT


class Unreadable(Exception):
    """A statement that can't be read, after a finding about it."""


# --- parts of statements ----------------------------------------------------------------------------


def _text(token: Token) -> str:
    """The content of a text in quotes: its lines without the indentation that they have in the model."""
    lines = token[1:-1].replace('\\"', '"').replace("\\\\", "\\").split("\n")
    return "\n".join([lines[0].rstrip(), *(line.strip() for line in lines[1:])]).strip()


def _summary(children: list[Any]) -> str:
    last = children[-1]
    return _text(last) if isinstance(last, Token) and last.type == "STRING" else ""


def _has(children: list[Any], kind: str) -> bool:
    return any(isinstance(child, Token) and child.type == kind for child in children)


def _trees(children: list[Any]) -> list[Any]:
    return [child for child in children if isinstance(child, Tree)]


# --- statements -------------------------------------------------------------------------------------


def text(reader: TreeReader, children: list[Any]) -> str:
    """A text in quotes."""
    return _text(children[0])


def name(reader: TreeReader, children: list[Any]) -> Word:
    """One word."""
    return reader.word(children[0])


def names(reader: TreeReader, children: list[Any]) -> list[Word]:
    """Words with commas between them."""
    return [reader.word(token) for token in children]


def parameter(reader: TreeReader, children: list[Any]) -> RawParameter:
    """NAME = value, its range, `fixed` and summary."""
    default, *bounds = _trees(children)
    ranges = tuple(Bound(str(b.children[0]), reader.expression(b.children[1]), reader.at(b.children[0])) for b in bounds)
    value = reader.expression(default)
    return RawParameter(reader.word(children[0]), value, (), ranges, _has(children, "FIXED"), _summary(children))


def choice(reader: TreeReader, children: list[Any]) -> RawParameter:
    """NAME = WORD of WORD = value, ..., `fixed` and summary."""
    first, *words = children[1].children
    values = tuple((reader.word(w.children[0]), reader.expression(w.children[1])) for w in words)
    fixed = _has(children, "FIXED")
    return RawParameter(reader.word(children[0]), reader.word(first), values, (), fixed, _summary(children))


def value(reader: TreeReader, children: list[Any]) -> RawValue:
    """NAME = expression and summary."""
    return RawValue(reader.word(children[0]), reader.expression(children[1]), _summary(children))


def declaration(reader: TreeReader, children: list[Any]) -> RawDeclaration:
    """NAME : unit, with a default and summary."""
    unit, *default = _trees(children)
    given = reader.expression(default[0]) if default else None
    return RawDeclaration(reader.word(children[0]), reader.unit(unit), given, _summary(children))


def spins(reader: TreeReader, children: list[Any]) -> RawDeclaration:
    """NAME of the spins, which have no unit, and summary."""
    return RawDeclaration(reader.word(children[0]), NO_UNIT, None, _summary(children))


def equation(reader: TreeReader, children: list[Any]) -> RawEquation:
    """dNAME/dt = expression, its method and `unless refractory`."""
    variable, clock = children[0], children[1]
    if not variable.startswith("d") or len(variable) < 2 or clock != "dt":
        at = span(reader.at(variable), reader.at(clock))
        reader.findings.add("B020", "an equation starts with `dNAME/dt =`", at)
        raise Unreadable
    method = next((c for c in children[2:] if isinstance(c, Token) and c.type in ("NAME", "EVENT_DRIVEN")), None)
    line, column, end = reader.at(variable)
    return RawEquation(
        Word(str(variable)[1:], (line, column + 1, end)),
        reader.expression(_trees(children)[0]),
        _method(reader, method) if method else Word(""),
        _has(children, "UNLESS"),
    )


def _method(reader: TreeReader, token: Token) -> Word:
    return Word(EVENT_DRIVEN if token.type == "EVENT_DRIVEN" else str(token), reader.at(token))


def assignment(reader: TreeReader, children: list[Any]) -> Assignment:
    """NAME := expression, or NAME += expression."""
    return Assignment(reader.word(children[0]), reader.expression(children[1]))


def increase(reader: TreeReader, children: list[Any]) -> Assignment:
    """NAME += expression, as an assignment of the sum."""
    variable, by = reader.word(children[0]), reader.expression(children[1])
    return Assignment(variable, Binary("+", Symbol(variable, variable.at), by, span(variable.at, place_of(by))))


def sending(reader: TreeReader, children: list[Any]) -> Send:
    """The word `send` and an expression."""
    return Send(reader.expression(children[0]))


def addition(reader: TreeReader, children: list[Any]) -> Addition:
    """NAME += expression, to an input of another."""
    return Addition(reader.word(children[0]), reader.expression(children[1]))


def condition(reader: TreeReader, children: list[Any]) -> Threshold:
    """A condition."""
    return Threshold(reader.expression(children[0]))


def crossing(reader: TreeReader, children: list[Any]) -> Threshold:
    """Value crosses level, upwards."""
    one, level = reader.expression(children[0]), reader.expression(children[1])
    return Threshold(Binary(">=", one, level, span(place_of(one), place_of(level))), crossing=True)


def refractory(reader: TreeReader, children: list[Any]) -> Refractory:
    """A duration, and whether its end is inclusive."""
    duration, inclusive = reader.expression(children[0]), _has(children, "INCLUSIVE")
    if is_condition(duration) and inclusive:
        reader.findings.add("B031", "`inclusive` belongs to a time, and this is a condition", place_of(duration))
    return Refractory(duration, inclusive, is_condition(duration))


def lasting(reader: TreeReader, children: list[Any]) -> Refractory:
    """A condition that lets a neuron stay refractory."""
    return Refractory(reader.expression(children[0]), lasting=True)


def weight(reader: TreeReader, children: list[Any]) -> RawWeight:
    """The word `weight` and a unit."""
    word = reader.word(children[0])
    if word != "weight":
        reader.findings.add("B020", "the unit of a weight is written `weight : unit`", word.at)
    return RawWeight(word, reader.unit(children[1]))


def observable(reader: TreeReader, children: list[Any]) -> RawObservable:
    """NAME = VARIABLE, or a variable under its own name, and summary."""
    words = [reader.word(c) for c in children if c.type == "NAME"]
    return RawObservable(words[0], words[-1], _summary(children))


def clamp(reader: TreeReader, children: list[Any]) -> RawClamp:
    """NAME in values."""
    return RawClamp(reader.word(children[0]), [reader.expression(child) for child in children[1:]])


def feedback(reader: TreeReader, children: list[Any]) -> Feedback:
    """NAME = J NAME + h every NAME within NAME."""
    target, couplings, source, sign, biases, every, within = (reader.word(token) for token in children)
    if (sign, couplings, biases) != ("+", "J", "h"):
        reader.findings.add("B020", "the feedback is written NAME = J NAME + h every NAME within NAME", couplings.at)
        raise Unreadable
    return Feedback(source, target, every, within)
