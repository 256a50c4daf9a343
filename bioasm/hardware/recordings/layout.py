"""Field tables of the .rhd header, shared by encoder and decoder. All numbers are little endian."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

MAGIC = 0xC6912702
MAGIC_RHS = 0xD69127AC
BLOCK = 128
BLOCK_BEFORE_2 = 60
NULL_STRING = 0xFFFFFFFF
FORMATS = {"u32": struct.Struct("<I"), "i16": struct.Struct("<h"), "f32": struct.Struct("<f")}


class Item(NamedTuple):
    """A field of the header, its format (`str` is a text with its length before it), and the version that brought it."""

    name: str
    form: str
    since: tuple[int, int] = (1, 0)


HEADER = (
    Item("magic", "u32"),
    Item("major", "i16"),
    Item("minor", "i16"),
    Item("sample_rate", "f32"),
    Item("dsp_enabled", "i16"),
    Item("dsp_Hz", "f32"),
    Item("lower_Hz", "f32"),
    Item("upper_Hz", "f32"),
    Item("wanted_dsp_Hz", "f32"),
    Item("wanted_lower_Hz", "f32"),
    Item("wanted_upper_Hz", "f32"),
    Item("notch", "i16"),
    Item("wanted_impedance_Hz", "f32"),
    Item("impedance_Hz", "f32"),
    Item("note1", "str"),
    Item("note2", "str"),
    Item("note3", "str"),
    Item("temperatures", "i16", (1, 1)),
    Item("board_mode", "i16", (1, 3)),
    Item("reference", "str", (2, 0)),
    Item("groups", "i16"),
)

GROUP = (
    Item("name", "str"),
    Item("prefix", "str"),
    Item("enabled", "i16"),
    Item("channels", "i16"),
    Item("amplifiers", "i16"),
)

CHANNEL = (
    Item("native", "str"),
    Item("custom", "str"),
    Item("native_order", "i16"),
    Item("custom_order", "i16"),
    Item("kind", "i16"),
    Item("enabled", "i16"),
    Item("chip_channel", "i16"),
    Item("stream", "i16"),
    Item("trigger_mode", "i16"),
    Item("threshold_uV", "i16"),
    Item("trigger_channel", "i16"),
    Item("trigger_polarity", "i16"),
    Item("impedance_ohm", "f32"),
    Item("phase_deg", "f32"),
)


def encoded(items: tuple[Item, ...], values: Mapping[str, Any]) -> bytes:
    """The bytes of fields in order."""
    return b"".join(string(values[i.name]) if i.form == "str" else FORMATS[i.form].pack(values[i.name]) for i in items)


def string(text: str) -> bytes:
    """A text as its length in bytes and UTF-16; an empty one has the length 0."""
    content = text.encode("utf-16-le")
    return FORMATS["u32"].pack(len(content)) + content


class Cursor:
    """Reads fields from the start of a file's bytes; `struct.error` where they end too soon."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0
        self.version = (0, 0)

    def items(self, items: tuple[Item, ...]) -> dict[str, Any]:
        """Fields in order, without those that the file's version does not have yet."""
        values: dict[str, Any] = {}
        for item in items:
            self.version = (values["major"], values["minor"]) if "minor" in values else self.version
            if item.since <= self.version or item.since == (1, 0):
                values[item.name] = self.string() if item.form == "str" else self.number(item.form)
        return values

    def number(self, form: str) -> Any:
        """One number."""
        (value,) = FORMATS[form].unpack_from(self.content, self.at)
        self.at += FORMATS[form].size
        return value

    def string(self) -> str:
        """One text."""
        length = self.number("u32")
        if length in (0, NULL_STRING):
            return ""
        if length > len(self.content) - self.at:
            raise struct.error("a text goes on after the end")
        self.at += length
        return self.content[self.at - length : self.at].decode("utf-16-le")
