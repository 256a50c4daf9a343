"""Lexical rules for the names of labels, constants and data."""

from __future__ import annotations

import re

from bioasm.isa.limits import limit
from bioasm.isa.table import BY_MNEMONIC

RESERVED = frozenset({"sparse", "symmetric", "terms", "file"})
_NAME = re.compile(r"[^\W\d][\w.]*")
_REGISTER = re.compile(r"[rR]([0-9]|[12][0-9]|3[01])")


def register_index(word: str) -> int | None:
    """The number of the register that `word` names (`r0` to `r31`, in either case), or None."""
    found = _REGISTER.fullmatch(word)
    return int(found[1]) if found else None


def name_fault(word: str) -> str | None:
    """The fault of `word` as the name of a label, a constant or a datum, for messages; None where it is valid.

    A name is a letter or underscore and then letters, digits, underscores and dots. Letters of all alphabets count.
    """
    if not _NAME.fullmatch(word):
        return "a name is a letter or _ and then letters, digits, _ and dots"
    if len(word.encode("utf-8", "replace")) > limit("name_bytes"):
        return f"it is longer than {limit('name_bytes')} bytes"
    if register_index(word) is not None:
        return "it is a register"
    if word in BY_MNEMONIC:
        return "it is an instruction; in lower case it could be a name"
    return "it is a word of the language" if word.lower() in RESERVED else None
