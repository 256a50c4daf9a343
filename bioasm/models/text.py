"""The models that texts say: read once, then kept in memory and in the cache folder."""

from __future__ import annotations

import hashlib
import pickle
import sys
from functools import cache
from pathlib import Path

from bioasm.cachedir import cache_dir, write_atomically
from bioasm.models.base import Model

_MOST = 256
_known: dict[str, Model] = {}


def parse_model(text: str, *, source: str = "<model>", line: int = 1) -> Model:
    """The model or mechanism that `text` says, a block `.model NAME { ... }`; it starts on `line` of `source`.

    Raises BioasmError with all that is wrong with it, at its places. A text that was read before is not read again.
    """
    if text not in _known:
        if len(_known) >= _MOST:
            _known.clear()
        _known[text] = _kept(text) or _read(text, source, line)
    return _known[text]


def _read(text: str, source: str, line: int) -> Model:
    from bioasm.models.reading import read_model  # Lark takes longer to import than most commands run

    model = read_model(text, source, line)
    path = _path(text)
    if path:
        write_atomically(path, pickle.dumps(model, protocol=5))
    return model


# --- the cache folder -------------------------------------------------------------------------------


def _kept(text: str) -> Model | None:
    """The model as an earlier process read it; None where there is none or its file is damaged."""
    path = _path(text)
    try:
        model = pickle.loads(path.read_bytes()) if path else None
    except Exception:  # a damaged file can fail in any way; the text is then read
        return None
    return model if isinstance(model, Model) else None


def _path(text: str) -> Path | None:
    folder = cache_dir()
    try:
        key = hashlib.sha256(f"{_edition()}\0{text}".encode()).hexdigest()[:32]
    except UnicodeEncodeError:  # half a character; reading tells
        return None
    return folder / f"model-{key}.pickle" if folder else None


@cache
def _edition() -> str:
    """What a kept model depends on beside its text: the code that read it."""
    here = Path(__file__).parent
    code = sorted(path for path in (*here.iterdir(), here.parent / "units.py") if path.suffix in (".py", ".lark"))
    found = ((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in code)
    return f"{sys.version} {list(found)}"
