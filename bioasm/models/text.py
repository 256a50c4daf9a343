"""Memoised parsing: the Model of a text is kept in memory and, as JSON, in the cache folder."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from bioasm.cachedir import place, read_kept, write_kept
from bioasm.models.base import Model
from bioasm.models.store import from_json, to_json

_MOST = 256
_known: dict[str, Model] = {}


def parse_model(text: str, *, source: str = "<model>", line: int = 1) -> Model:
    """Parse a block `.model NAME { ... }` or of another kind, which starts on `line` of `source`.

    Raises BioasmError with all findings at their places. A text that was parsed before is not parsed again.
    """
    if text not in _known:
        if len(_known) >= _MOST:
            _known.clear()
        _known[text] = _kept(text) or _read(text, source, line)
    return _known[text]


def _read(text: str, source: str, line: int) -> Model:
    from bioasm.models.parse import read_model  # importing Lark takes longer than most commands

    model = read_model(text, source, line)
    path = _path(text)
    if path:
        write_kept(path, _key(text), to_json(model))
    return model


# --- the cache folder -------------------------------------------------------------------------------


def _kept(text: str) -> Model | None:
    """The model from the cache folder; None where its file is missing or damaged."""
    path = _path(text)
    content = read_kept(path, _key(text)) if path else None
    try:
        return None if content is None else from_json(content)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None


def _path(text: str) -> Path | None:
    return place("model", _key(text), ".json")


def _key(text: str) -> bytes:
    """The cache key. A lone surrogate in the text must not fail here; the parser reports it."""
    return f"{_edition()}\0{text}".encode("utf-8", "surrogatepass")


@cache
def _edition() -> str:
    """The version of the parser for the cache key: its source files and Python's version."""
    here = Path(__file__).parent
    code = sorted(path for path in (*here.iterdir(), here.parent / "units.py") if path.suffix in (".py", ".lark"))
    found = ((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in code)
    return f"{sys.version} {list(found)}"
