"""Lexical check of the text of a program's own model: it is one block, so that it can be written and read back exactly."""

from __future__ import annotations

import re

from bioasm.isa.findings import Finding, Found
from bioasm.isa.limits import limit
from bioasm.isa.names import name_fault
from bioasm.isa.program import ModelText
from bioasm.models.heads import HEADS

CELL = "cell"  # the keyword of a block that describes a multicompartment cell
KINDS = (*HEADS, CELL)
# A block without nested braces, except in comments and quotes. Possessive quantifiers keep the time linear in the text.
BLOCK = r'\{(?:[^{};"]++|;[^\n]*+|"(?:[^"\\]|\\[\s\S])*+")*+\}'
_BLOCK = re.compile(BLOCK)
_UNKEPT = re.compile(r"[ \t]\n|\r")


def tidied(block: str) -> str:
    """The block without blanks at the ends of its lines."""
    return "\n".join(line.rstrip(" \t") for line in block.split("\n"))


def model_text(kind: str, name: str, block: str) -> str:
    """The whole text of a model, from its block in braces."""
    return f".{kind} {name} {tidied(block)}"


def check_model_text(model: ModelText) -> Found:
    """The faults in the form of one block; its meaning is not checked."""
    what = f"{model.kind} {model.name!r}"
    fault = instance_fault(model.name)
    if model.kind not in KINDS or not model.text.startswith(f".{model.kind} {model.name} "):
        yield Finding("B128", f"{what} does not start with `.model NAME` or another such word")
    elif fault:
        yield Finding("B015", f"{what}: {fault}")
    elif len(model.text.encode("utf-8", "replace")) > limit("model_bytes"):
        yield Finding("B111", f"{what} is longer than {limit('model_bytes')} bytes")
    elif not _BLOCK.fullmatch(model.body):
        yield Finding("B128", f"{what}: its text is not between one pair of braces")
    elif _UNKEPT.search(model.body) or not _is_utf8(model.body):
        yield Finding("B128", f"{what}: a line ends in blanks or a carriage return, or holds half a character")


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def instance_fault(name: str) -> str | None:
    """Why a word can't name a model, mechanism, population or projection; None where it can. They have no dots."""
    dotted = "a dot stands between the name of a population and that of its variable" if "." in name else None
    return name_fault(name) or dotted
