"""Codec of lists of strings in bytecode: a count, a size, the end of each string, and the UTF-8 bytes of all."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from struct import pack, unpack_from

from bioasm.binary.container import Part
from bioasm.binary.layout import STRINGS
from bioasm.diagnostics import error


def encode(strings: Iterable[str]) -> bytes:
    """Encode strings. Raises BioasmError B209 where one has no UTF-8 form."""
    encoded = [_utf8(text) for text in strings]
    ends, total = [], 0
    for one in encoded:
        total += len(one)
        ends.append(total)
    return STRINGS.pack(len(encoded), total) + pack(f"<{len(ends)}I", *ends) + b"".join(encoded)


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise error("B209", f"{text!r} can't be written as UTF-8") from None


def decode(part: Part, most: int, longest: int) -> tuple[list[str], int]:
    """Decode at most `most` strings of at most `longest` bytes at the start of `part`; returns them and their total size."""
    if len(part.view) < STRINGS.size:
        raise part.fault("it is too short for a list of strings")
    count, total = STRINGS.unpack_from(part.view)
    start = STRINGS.size + 4 * count
    if start + total > len(part.view):
        raise part.fault(f"{count} strings of {total} bytes do not fit into it")
    if count > most:
        raise part.fault(f"it holds {count} strings; the limit is {most}", "B111")
    ends = (0, *unpack_from(f"<{count}I", part.view, STRINGS.size))
    if ends[-1] != total:
        raise part.fault("the last string does not end where the strings end")
    content = bytes(part.view[start : start + total])
    return [_one(part, content, a, b, longest) for a, b in pairwise(ends)], start + total


def _one(part: Part, content: bytes, start: int, end: int, longest: int) -> str:
    if not 0 <= end - start <= longest:
        raise part.fault(f"a string of {end - start} bytes stands in it; 0 to {longest} are possible")
    try:
        return content[start:end].decode("utf-8")
    except UnicodeDecodeError:
        raise part.fault("a string is not valid UTF-8") from None
