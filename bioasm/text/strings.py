"""Texts in double quotes: what stands between the quotes is a JSON string."""

from __future__ import annotations

import re

_CONTROL = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def unquote(spelled: str) -> str:
    """The text that a quoted string says. Raises ValueError where an escape is none or names half a character."""
    if "\\" not in spelled:
        return spelled[1:-1]
    import json

    text = json.loads(spelled, strict=False)
    if not isinstance(text, str) or any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("half a character")
    return text


def quote(text: str) -> str:
    """The quoted string that says `text`; control characters are escaped."""
    return '"' + _CONTROL.sub(_escaped, text) + '"'


def _escaped(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"
