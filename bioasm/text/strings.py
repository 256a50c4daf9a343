"""Quoted strings: the escapes are those of JSON."""

from __future__ import annotations

import re

_CONTROL = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def unquote(spelled: str) -> str:
    """Decode a quoted string. Raises ValueError for an invalid escape or a lone surrogate."""
    if "\\" not in spelled:
        return spelled[1:-1]
    import json

    text = json.loads(spelled, strict=False)
    if not isinstance(text, str) or any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("half a character")
    return text


def quote(text: str) -> str:
    """Quote `text`; control characters are escaped."""
    return '"' + _CONTROL.sub(_escaped, text) + '"'


def _escaped(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"
