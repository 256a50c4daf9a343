"""A Result as the JSON object that `bioasm run --json` prints."""

from __future__ import annotations

from typing import Any

import numpy as np

from bioasm.diagnostics.jsontext import dumps
from bioasm.results.content import content
from bioasm.results.result import Result

# Larger arrays are replaced by a reference in the JSON object where a file has them.
LARGE = 10_000


def to_object(result: Result, file: str | None = None) -> dict[str, Any]:
    """The Result as plain dicts, lists and numbers; NaN and infinities become None.

    Where the arrays were saved in `file`, the object names it, and an array of more than `LARGE` entries is replaced by
    `{"file": name of the array in the file, "shape": [...]}`.
    """
    tree = content(result)
    return {**to_plain(tree, filed=file is not None), **({"file": file} if file is not None else {})}


def to_text(result: Result, file: str | None = None) -> str:
    """The JSON object on one line."""
    return dumps(to_object(result, file)) + "\n"


def to_plain(value: Any, path: str = "", *, filed: bool = False) -> Any:
    """A tree with its arrays as lists. Where they are `filed`, large ones are replaced by their `path` in the tree."""
    if isinstance(value, dict):
        return {name: to_plain(item, _below(path, name), filed=filed) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item, _below(path, str(k)), filed=filed) for k, item in enumerate(value)]
    if isinstance(value, np.ndarray) and filed and value.size > LARGE:
        return {"file": path, "shape": list(value.shape)}
    if isinstance(value, np.ndarray | np.generic | float):
        return _numbers(np.asarray(value))
    return value


def _below(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _numbers(array: np.ndarray[Any, Any]) -> Any:
    """Nested lists of numbers, with null for non-finite ones; tolist alone in the usual case."""
    if array.dtype.kind != "f":
        return array.tolist()
    finite = np.isfinite(array)
    if finite.all():
        return array.tolist()
    objects = array.astype(object)
    objects[~finite] = None
    return objects.tolist()
