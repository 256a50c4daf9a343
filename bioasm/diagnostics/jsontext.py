"""JSON as text that can be written as UTF-8, whatever names of files stand in it."""

from __future__ import annotations

import json
import re
from typing import Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def dumps(value: Any, indent: int | None = None) -> str:
    """`value` as JSON without a line's end. ValueError where it holds NaN or an infinity, which JSON does not have.

    Letters stay as they are. Python stands for a byte of a file's name that is no UTF-8 with a surrogate alone, which can't
    be written: it is escaped.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, indent=indent)
    return text if text.isascii() else _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
