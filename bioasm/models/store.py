"""A model as JSON: each object is a list of its class's name and its fields. Only the classes of a model are ever made of it."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

from bioasm.models import base, expression
from bioasm.models.base import Model
from bioasm.units import Dimension

_CLASSES = {
    name: cls
    for module in (base, expression)
    for name, cls in vars(module).items()
    if isinstance(cls, type) and cls.__module__ == module.__name__ and (is_dataclass(cls) or hasattr(cls, "_fields"))
}
_TUPLE, _SET, _DIMENSION, _FRACTION = "tuple", "frozenset", "Dimension", "Fraction"


def to_json(model: Model) -> bytes:
    """The model as bytes. Raises TypeError where a part of it is none of the classes of models."""
    return json.dumps(_packed(model), separators=(",", ":")).encode()


def from_json(content: bytes) -> Model:
    """The model that `to_json` wrote. Raises ValueError or TypeError where the bytes are no model."""
    model = _unpacked(json.loads(content))
    if not isinstance(model, Model):
        raise ValueError("no model")
    return model


def _packed(value: Any) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is tuple:
        return [_TUPLE, *map(_packed, value)]
    if type(value) is frozenset:
        return [_SET, *sorted(value)]
    if type(value) is Dimension:
        return [_DIMENSION, value.name]
    if type(value) is Fraction:
        return [_FRACTION, value.numerator, value.denominator]
    name = type(value).__name__
    if _CLASSES.get(name) is not type(value):
        raise TypeError(f"{name} is no part of a model")
    return [name, *map(_packed, _parts(value))]


def _parts(value: Any) -> list[Any]:
    """What an object is made of, in order."""
    return [getattr(value, f.name) for f in fields(value)] if is_dataclass(value) else list(value)


def _unpacked(value: Any) -> Any:
    if type(value) is not list:
        return value
    name, *parts = value
    if name == _DIMENSION:
        return Dimension[parts[0]]
    if name == _FRACTION:
        return Fraction(*parts)
    found = [_unpacked(part) for part in parts]
    if name == _TUPLE:
        return tuple(found)
    return frozenset(found) if name == _SET else _CLASSES[name](*found)
