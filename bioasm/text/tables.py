"""The parser of one statement: Lark's tables for grammar.lark, kept on disk between runs."""

from __future__ import annotations

import hashlib
import io
import sys
from functools import cache
from pathlib import Path

from lark import Lark
from lark import __version__ as lark_version

from bioasm.cachedir import cache_dir, write_atomically


@cache
def statement_parser() -> Lark:
    """The parser of one statement, from the cache folder where it stands there already."""
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    folder = cache_dir()
    path = folder / f"grammar-{_key(grammar)}.tables" if folder else None
    return (_stored(path) if path else None) or _built(grammar, path)


def _key(grammar: str) -> str:
    said = f"{grammar}\0{lark_version}\0{sys.version}"
    return hashlib.sha256(said.encode()).hexdigest()[:24]


def _stored(path: Path) -> Lark | None:
    """The parser whose tables lie in `path`; None where there are none or they are damaged."""
    try:
        with path.open("rb") as stream:
            return Lark.load(stream)
    except Exception:  # damaged tables can fail in any way; the parser is then built anew
        return None


def _built(grammar: str, path: Path | None) -> Lark:
    parser = Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=False)
    if path:
        content = io.BytesIO()
        parser.save(content)
        write_atomically(path, content.getvalue())
    return parser
