"""Serialisation of messages: fields in order, little endian, packed without padding.

A field's type says its form: `clock: U64` is an int to Python and eight bytes on the wire.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import fields
from enum import IntEnum, IntFlag
from struct import Struct
from struct import error as struct_error
from typing import Annotated, Any, TypeVar, get_type_hints

M = TypeVar("M")


class WireError(ValueError):
    """A payload that does not hold the fields of its message, or a value that its field can't hold."""


class Form(ABC):
    """Wire format of one value in a payload; `name` is the word for it in the specification."""

    name: str

    @abstractmethod
    def pack(self, value: Any) -> bytes:
        """The bytes of a value. Raises WireError or struct.error where it does not fit."""

    @abstractmethod
    def unpack(self, data: bytes, at: int) -> tuple[Any, int]:
        """The value that starts at `at`, and where the next one starts. Raises WireError or struct.error."""


class Scalar(Form):
    """A number of fixed size."""

    def __init__(self, name: str, code: str) -> None:
        self.name = name
        self._struct = Struct("<" + code)

    def pack(self, value: Any) -> bytes:
        """The number's bytes."""
        return self._struct.pack(value)

    def unpack(self, data: bytes, at: int) -> tuple[Any, int]:
        """The number."""
        return self._struct.unpack_from(data, at)[0], at + self._struct.size


class Choice(Scalar):
    """An enumeration encoded as a number; flags may be combined."""

    def __init__(self, kind: type[IntEnum] | type[IntFlag], name: str = "u8", code: str = "B") -> None:
        super().__init__(name, code)
        self.kind = kind

    def unpack(self, data: bytes, at: int) -> tuple[Any, int]:
        """The member."""
        number, after = super().unpack(data, at)
        try:
            return self.kind(number), after
        except ValueError as cause:
            raise WireError(f"{number} is no {self.kind.__name__}") from cause


class Fixed(Form):
    """So many bytes."""

    def __init__(self, size: int) -> None:
        self.size, self.name = size, f"{size} bytes"

    def pack(self, value: Any) -> bytes:
        """The bytes themselves."""
        if len(value) != self.size:
            raise WireError(f"{len(value)} bytes where {self.size} belong")
        return bytes(value)

    def unpack(self, data: bytes, at: int) -> tuple[Any, int]:
        """The bytes themselves."""
        return _take(data, at, self.size), at + self.size


class TextForm(Form):
    """At most 255 bytes of UTF-8 behind their number in a byte; what is longer is cut."""

    name = "text"

    def pack(self, value: Any) -> bytes:
        """The number of bytes, then the bytes."""
        text = str(value).encode()[:255].decode(errors="ignore").encode()
        return bytes([len(text)]) + text

    def unpack(self, data: bytes, at: int) -> tuple[Any, int]:
        """The text."""
        size = _take(data, at, 1)[0]
        try:
            return _take(data, at + 1, size).decode(), at + 1 + size
        except UnicodeDecodeError as cause:
            raise WireError("text that is no UTF-8") from cause


class ListOf(Form):
    """At most 255 values behind their number in a byte."""

    def __init__(self, item: Form) -> None:
        self.item, self.name = item, f"list of {item.name}"

    def pack(self, value: Any) -> bytes:
        """The number of values, then the values."""
        if len(value) > 255:
            raise WireError(f"{len(value)} values in a list that counts to 255")
        return bytes([len(value)]) + b"".join(self.item.pack(each) for each in value)

    def unpack(self, data: bytes, at: int) -> tuple[Any, int]:
        """The values, as a tuple."""
        found = []
        count, at = _take(data, at, 1)[0], at + 1
        for _ in range(count):
            value, at = self.item.unpack(data, at)
            found.append(value)
        return tuple(found), at


class Record(Form):
    """The fields of another class, one after the other."""

    def __init__(self, kind: type[Any]) -> None:
        self.kind, self.name = kind, kind.__name__

    def pack(self, value: Any) -> bytes:
        """The fields' bytes."""
        return _pack_fields(value)

    def unpack(self, data: bytes, at: int) -> tuple[Any, int]:
        """The record."""
        return _unpack_fields(self.kind, data, at)


class Rest(Form):
    """All bytes to the payload's end."""

    name = "bytes to the end"

    def pack(self, value: Any) -> bytes:
        """The bytes themselves."""
        return bytes(value)

    def unpack(self, data: bytes, at: int) -> tuple[Any, int]:
        """The bytes themselves."""
        return data[at:], len(data)


class Rows(Form):
    """Rows of numbers to the payload's end; `make` turns the numbers of a row into a value."""

    def __init__(self, name: str, code: str, make: Callable[..., Any], numbers: Callable[[Any], tuple[Any, ...]]) -> None:
        self.name = f"{name} to the end"
        self._struct, self._make, self._numbers = Struct("<" + code), make, numbers

    def pack(self, value: Any) -> bytes:
        """The rows' bytes."""
        return b"".join(self._struct.pack(*self._numbers(row)) for row in value)

    def unpack(self, data: bytes, at: int) -> tuple[Any, int]:
        """The rows, as a tuple."""
        if (len(data) - at) % self._struct.size:
            raise WireError("ends within a row")
        return tuple(self._make(*row) for row in self._struct.iter_unpack(data[at:])), len(data)


U8 = Annotated[int, Scalar("u8", "B")]
U16 = Annotated[int, Scalar("u16", "H")]
U32 = Annotated[int, Scalar("u32", "I")]
U64 = Annotated[int, Scalar("u64", "Q")]
I32 = Annotated[int, Scalar("i32", "i")]
F32 = Annotated[float, Scalar("f32", "f")]
F64 = Annotated[float, Scalar("f64", "d")]
Bool = Annotated[bool, Scalar("bool", "?")]
Digest = Annotated[bytes, Fixed(32)]
Text = Annotated[str, TextForm()]
Bytes = Annotated[bytes, Rest()]

_FORMS: dict[type[Any], tuple[tuple[str, Form], ...]] = {}  # asking for type hints is slow


def _take(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise WireError("ends within a field")
    return data[at : at + size]


def forms(kind: type[Any]) -> tuple[tuple[str, Form], ...]:
    """The names and forms of a class's fields, in their order on the wire."""
    if kind not in _FORMS:
        hints = get_type_hints(kind, include_extras=True)
        _FORMS[kind] = tuple((field.name, hints[field.name].__metadata__[0]) for field in fields(kind))
    return _FORMS[kind]


def pack(value: Any) -> bytes:
    """The payload of a message. Raises WireError where a value does not fit its field."""
    try:
        return _pack_fields(value)
    except struct_error as cause:
        raise WireError(f"{type(value).__name__}: {cause}") from cause


def unpack(kind: type[M], data: bytes) -> M:
    """The message in a payload. Raises WireError where the payload is shorter, longer, or holds what can't be."""
    try:
        value, after = _unpack_fields(kind, data, 0)
    except struct_error as cause:
        raise WireError(f"{kind.__name__}: {cause}") from cause
    if after != len(data):
        raise WireError(f"{kind.__name__}: {len(data) - after} bytes too many")
    return value


def _pack_fields(value: Any) -> bytes:
    return b"".join([form.pack(getattr(value, name)) for name, form in forms(type(value))])


def _unpack_fields(kind: type[M], data: bytes, at: int) -> tuple[M, int]:
    values = []
    for _, form in forms(kind):
        value, at = form.unpack(data, at)
        values.append(value)
    return kind(*values), at
