"""The grammar of one statement: a rule for each section from the table, and those of expressions from grammar.lark."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from lark import Lark

from bioasm.grammars import kept_parser
from bioasm.models.sections import ROWS, Form

# Sections whose lines have the same forms share a rule.
_RULES = {row.forms: f"line_{row.name}" for row in reversed(ROWS)}
START = {row.name: _RULES[row.forms] for row in ROWS}
FORMS: dict[str, Form] = {f"{rule}_{i}": form for forms, rule in _RULES.items() for i, form in enumerate(forms)}


def _rule(forms: tuple[Form, ...], rule: str) -> str:
    return f"{rule}: " + " | ".join(f"{form.production} -> {rule}_{i}" for i, form in enumerate(forms))


_EXPRESSIONS = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
_TEXT = "\n".join([*(_rule(forms, rule) for forms, rule in _RULES.items()), _EXPRESSIONS])
# Keywords of the grammar, which are neither names nor units: in double quotes, or the first word of a pattern.
KEYWORDS = frozenset(re.findall(r'["/]([a-z]{2,})\b', re.sub(r"(?m)^//.*", "", _TEXT)))


@cache
def parser() -> Lark:
    """The LALR parser of a statement; START has the rule of each section, FORMS the meaning of the trees' names."""
    text = _TEXT.replace("KEYWORD", "|".join(sorted(KEYWORDS)))
    return kept_parser(text, tuple(_RULES.values()))
