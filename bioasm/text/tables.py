"""LALR parser of one statement of a program, with cached parse tables."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lark import Lark

from bioasm.grammars import kept_parser


@cache
def statement_parser() -> Lark:
    """The LALR parser of one statement, with tables from the cache folder if possible."""
    return kept_parser(Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8"))
