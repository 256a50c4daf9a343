"""Parsers from Lark grammars, whose tables are kept on disk between runs."""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path
from typing import Any

from lark import Lark
from lark import __version__ as lark_version

from bioasm.cachedir import cache_dir, write_atomically


def kept_parser(grammar: Path, start: tuple[str, ...] = ("start",)) -> Lark:
    """The LALR parser of a grammar file, from the cache folder where it stands there already."""
    text = grammar.read_text(encoding="utf-8")
    folder = cache_dir()
    path = folder / f"grammar-{_key(text, start)}.tables" if folder else None
    return (_stored(path) if path else None) or _built(text, start, path)


def _key(grammar: str, start: tuple[str, ...]) -> str:
    said = f"{grammar}\0{start}\0{lark_version}\0{sys.version}"
    return hashlib.sha256(said.encode()).hexdigest()[:24]


def _stored(path: Path) -> Lark | None:
    """The parser whose tables lie in `path`; None where there are none or they are damaged."""
    try:
        with path.open("rb") as stream:
            return Lark.load(stream)
    except Exception:  # damaged tables can fail in any way; the parser is then built anew
        return None


def _built(grammar: str, start: tuple[str, ...], path: Path | None) -> Lark:
    options: dict[str, Any] = {"parser": "lalr", "lexer": "contextual", "maybe_placeholders": False}
    parser = Lark(grammar, start=list(start), **options)
    if path:
        content = io.BytesIO()
        parser.save(content)
        write_atomically(path, content.getvalue())
    return parser
