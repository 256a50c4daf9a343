"""JSON that is valid UTF-8, also with undecodable bytes (surrogates) in file names."""

from __future__ import annotations

import json
import re
from typing import Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def dumps(value: Any, indent: int | None = None) -> str:
    """`value` as JSON without a line's end. ValueError where it holds NaN or an infinity, which JSON does not have.

    A zero has no sign. Letters stay as they are. Python stands for a byte of a file's name that is no UTF-8 with a surrogate
    alone, which can't be written: it is escaped.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, indent=indent)
    if "-0.0" in text:
        text = json.dumps(_without_sign_of_zero(value), allow_nan=False, ensure_ascii=False, indent=indent)
    return text if text.isascii() else _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _without_sign_of_zero(value: Any) -> Any:
    """The same tree with 0.0 for each -0.0, which readers of results take for a number of its own."""
    if isinstance(value, dict):
        return {name: _without_sign_of_zero(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_sign_of_zero(item) for item in value]
    return value + 0.0 if isinstance(value, float) else value
