"""Text files decoded in one way: UTF-8 without a byte order mark, line feeds; JSON with whole numbers kept exact."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from bioasm.diagnostics import BioasmError, Span, error
from bioasm.wholes import Rounded, rounded, whole_number

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def plain_text(content: bytes, source: str, code: str = "B304") -> bytes:
    """The text in UTF-8, in which LF, CR LF and a lone CR have become LF.

    UTF-16 and UTF-32 are known by their byte order marks. Other bytes stay as they are, whatever they encode. Raises
    BioasmError `code` for a text that its mark does not fit, and for NUL bytes, which no text has.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            content = _utf8(content[len(mark) :], encoding, source, code)
            break
    nul = content.find(b"\0")
    if nul >= 0:
        line = content.count(b"\n", 0, nul) + 1
        hint = "is it UTF-16 without a byte order mark, or no text at all? Save it as UTF-8"
        raise error(code, "the line holds a NUL byte, which no text does", span=Span(source, line), hint=hint)
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in content else content


def _utf8(content: bytes, encoding: str, source: str, code: str) -> bytes:
    if encoding == "utf-8":
        return content
    try:
        return content.decode(encoding).encode("utf-8")
    except UnicodeDecodeError as fault:
        name = encoding[:6].upper()
        raise error(code, f"{source} begins as {name} and is none: {fault.reason}", hint="save it as UTF-8") from None


def rounded_in(content: bytes, source: str, fault: Rounded) -> BioasmError:
    """The error (B115) that a text holds this number, at its first place."""
    at = max(content.find(str(fault.value).encode()), 0)
    column = at - content.rfind(b"\n", 0, at)
    span = Span(source, content.count(b"\n", 0, at) + 1, column, column + len(str(fault.value)))
    return error("B115", str(fault), span=span, hint=fault.hint)


class Json(bytes):
    """The bytes of a JSON text with its parsed value, which `read_json` returns without parsing them again."""

    def __new__(cls, content: bytes, _: Any) -> Json:
        """The text itself."""
        return super().__new__(cls, content)

    def __init__(self, _: bytes, value: Any) -> None:
        self.value = value


class _Twice(ValueError):
    """A duplicate key in an object of JSON."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Decode a JSON object. Raises _Twice for a duplicate key, of which Python would keep the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise _Twice(f"{next(name for name, count in counts.items() if count > 1)!r:.40}")
    return found


def read_json(content: bytes, source: str) -> Any:
    """A JSON value.

    Raises BioasmError B304 with the place of what is none, or for a name that an object has twice, and B115 for a whole number
    that no float64 is, but for names and numbers of vertices and variables.
    """
    if isinstance(content, Json):
        return content.value
    try:
        return _loads(content, source, whole_number)
    except Rounded:
        return _with_long_names(content, source)


def _loads(content: bytes, source: str, parse_int: Callable[[str], int]) -> Any:
    """A JSON value; raises BioasmError B304 where it is none."""
    try:
        return json.loads(content, parse_int=parse_int, object_pairs_hook=_object)
    except Rounded:
        raise
    except _Twice as fault:
        raise error("B304", f"{source} has an object in which {fault} stands twice", hint="keep one") from None
    except json.JSONDecodeError as fault:
        span = Span(source, fault.lineno, fault.colno, fault.colno + 1)
        raise error("B304", f"this is not JSON: {fault.msg}", span=span) from None
    except (ValueError, RecursionError):  # bytes that are no text, or values too deep in one another
        raise error("B304", f"{source} is not JSON") from None


_NAMES = ("names", "variable_labels", "nodes", "source", "target", "key")  # where JSON of problems and graphs has names


def _with_long_names(content: bytes, source: str) -> Any:
    """The value of a text in which a whole number is no float64. Raises BioasmError B115 where it is no name."""
    value = _loads(content, source, int)
    try:
        numbers = [*_numbers_in(value)]
    except RecursionError:
        raise error("B304", f"{source} has values too deep in one another") from None
    for number in numbers:
        fault = rounded(str(number))
        if fault is not None:
            raise rounded_in(content, source, fault)
    return value


def _numbers_in(value: Any) -> Iterator[int]:
    """The whole numbers of a value that are no names."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in _NAMES:
                yield from _numbers_in(_weights(item) if key == "terms" else item)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers_in(item)
    elif isinstance(value, int):
        yield value


def _weights(terms: Any) -> list[Any]:
    """The weights of rows [names, weight]."""
    rows = terms if isinstance(terms, list) else [terms]
    return [row[-1] if isinstance(row, list) and row else row for row in rows]
