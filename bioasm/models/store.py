"""Serialisation of a Model as JSON, with hash consing: a table of distinct objects, each with its class's name and fields.

A field is a plain value or the index `[k]` of an earlier object; the last object is the model. Only classes of models are
instantiated.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

from bioasm.models import base, expression
from bioasm.models.base import Model
from bioasm.units import Compound, Dimension

_CLASSES = {
    name: cls
    for module in (base, expression)
    for name, cls in vars(module).items()
    if isinstance(cls, type) and cls.__module__ == module.__name__ and (is_dataclass(cls) or hasattr(cls, "_fields"))
} | {Compound.__name__: Compound}
_TUPLE, _SET, _DIMENSION, _FRACTION = "tuple", "frozenset", "Dimension", "Fraction"


def to_json(model: Model) -> bytes:
    """Serialise a model to bytes. Raises TypeError for a part whose class is not one of models."""
    places: dict[str, int] = {}  # objects as JSON, with their indices
    _packed(model, places)
    return f"[{','.join(places)}]".encode()


def from_json(content: bytes) -> Model:
    """Deserialise a model of `to_json`. Raises ValueError, TypeError or LookupError for damaged bytes."""
    made: list[Any] = []
    for name, *fields_ in json.loads(content):
        made.append(_made(name, [made[part[0]] if type(part) is list else part for part in fields_]))
    if not made or not isinstance(made[-1], Model):
        raise ValueError("no model")
    return made[-1]


def _packed(value: Any, places: dict[str, int]) -> Any:
    """The value of a field: itself, or the index of its object in the table."""
    if value is None or isinstance(value, str) or type(value) in (bool, int, float):
        return value
    name, parts = _taken_apart(value)
    text = json.dumps([name, *(_packed(part, places) for part in parts)], separators=(",", ":"))
    return [places.setdefault(text, len(places))]


def _taken_apart(value: Any) -> tuple[str, list[Any]]:
    """Serialise an object: the name of its class, and its fields in order."""
    name = type(value).__name__
    if type(value) is tuple:
        return _TUPLE, list(value)
    if type(value) is frozenset:
        return _SET, sorted(value)
    if type(value) is Dimension:
        return _DIMENSION, [value.name]
    if type(value) is Fraction:
        return _FRACTION, [value.numerator, value.denominator]
    if _CLASSES.get(name) is not type(value):
        raise TypeError(f"{name} is no part of a model")
    return name, [getattr(value, field) for field in _field_names(_CLASSES[name])]


def _field_names(cls: Any) -> list[str]:
    """The fields of a dataclass or named tuple in order."""
    return [f.name for f in fields(cls)] if is_dataclass(cls) else list(cls._fields)


def _made(name: str, parts: list[Any]) -> Any:
    if name == _TUPLE:
        return tuple(parts)
    if name == _SET:
        return frozenset(parts)
    if name == _DIMENSION:
        return Dimension[parts[0]]
    return Fraction(*parts) if name == _FRACTION else _CLASSES[name](*parts)
