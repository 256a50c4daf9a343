"""Parsers from Lark grammars, with parse tables cached on disk as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lark import Lark
from lark import __version__ as lark_version
from lark.grammar import Rule
from lark.lexer import TerminalDef

from bioasm.cachedir import place, read_kept, write_kept


def kept_parser(grammar: str, start: tuple[str, ...] = ("start",)) -> Lark:
    """The LALR parser of a grammar, from the cache folder where it was kept."""
    key = f"{grammar}\0{start}\0{lark_version}\0{sys.version}".encode()
    path = place("grammar", key, ".json")
    return (_stored(path, key) if path else None) or _built(grammar, start, path, key)


def _stored(path: Path, key: bytes) -> Lark | None:
    """The parser with the tables in `path`; None where they are missing or damaged."""
    content = read_kept(path, key)
    if content is None:
        return None
    try:
        parser: Lark = Lark._load_from_dict(**_with_numbers(json.loads(content)))  # type: ignore[no-untyped-call]
        return parser
    except Exception:  # tables that another version wrote can fail in any way; the parser is then built anew
        return None


def _built(grammar: str, start: tuple[str, ...], path: Path | None, key: bytes) -> Lark:
    options: dict[str, Any] = {"parser": "lalr", "lexer": "contextual", "maybe_placeholders": False}
    parser = Lark(grammar, start=list(start), **options)
    if path:
        data, memo = parser.memo_serialize([TerminalDef, Rule])
        write_kept(path, key, json.dumps({"data": data, "memo": memo}, separators=(",", ":")).encode())
    return parser


def _with_numbers(tables: dict[str, Any]) -> dict[str, Any]:
    """Lark's tables with the numbers that are keys of theirs; JSON has made text of them."""
    parser = tables["data"]["parser"]["parser"]
    parser["tokens"] = _numbered(parser["tokens"])
    parser["states"] = {state: _numbered(actions) for state, actions in _numbered(parser["states"]).items()}
    return {"data": tables["data"], "memo": _numbered(tables["memo"])}


def _numbered(table: dict[str, Any]) -> dict[int, Any]:
    return {int(key): value for key, value in table.items()}
