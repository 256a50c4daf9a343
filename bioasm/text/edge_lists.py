"""Edge lists: .csv or .tsv files with a source, a target and an optional weight on each line, as a sparse matrix."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bioasm.diagnostics import BioasmError, Span, error
from bioasm.isa.limits import limit
from bioasm.isa.program import Sparse
from bioasm.isa.storage import narrow
from bioasm.plain import plain_text
from bioasm.text.numbers import to_array
from bioasm.wholes import Rounded

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

_SIZES = re.compile(r"[ \t]*(\d{1,9})[ \t]*(?:x[ \t]*(\d{1,9})[ \t]*)?")
_MARKS = {".csv": ",;", ".tsv": "\t"}


class _Line(NamedTuple):
    number: int
    words: list[str]


def read_edge_list(path: Path, sizes: str | None) -> Sparse:
    """Sparse matrix of `sizes` ("80 x 60", or "80") from lines `source, target[, weight]`; indices count from 0.

    Empty lines, lines that start with #, and a heading are skipped. Duplicate edges are summed.
    Raises BioasmError B303, at the line at fault.
    """
    import numpy as np

    from bioasm.text.files import sparse_from_file

    shape = _shape(path, sizes)
    lines = _lines(path)
    row, column = (_indices(path, lines, k, side) for k, side in enumerate(shape))
    weighted = bool(lines) and len(lines[0].words) == 3
    value = narrow(_numbers(path, lines, 2)) if weighted else np.ones(len(lines), np.int8)
    return sparse_from_file(path, shape, row, column, value)


def _shape(path: Path, sizes: str | None) -> tuple[int, int]:
    found = _SIZES.fullmatch(sizes or "")
    if found is None:
        hint = f'write how many sources and targets there are: file "{path.name}" "80 x 60"'
        raise error("B303", f"{path} does not say the size of its matrix", hint=hint)
    rows, columns = int(found[1]), int(found[2] or found[1])
    if not (1 <= rows <= limit("neurons") and 1 <= columns <= limit("neurons")):
        raise error("B111", f"{path}: the matrix is {rows} x {columns}; a side is 1 to {limit('neurons')}")
    return rows, columns


def _lines(path: Path) -> list[_Line]:
    """The lines with entries, which have the same number of words, without a heading."""
    text = plain_text(path.read_bytes(), str(path), "B303").decode("utf-8", "replace").removeprefix("\ufeff")
    marks = str.maketrans(dict.fromkeys(_MARKS[path.suffix.lower()], " "))
    numbered = ((number, said.translate(marks).split()) for number, said in enumerate(text.splitlines(), 1))
    entries = [_Line(number, words) for number, words in numbered if words and not words[0].startswith("#")]
    if entries and not _is_number(entries[0].words[0]):
        del entries[0]
    width = len(entries[0].words) if entries else 2
    for line in entries:
        if len(line.words) != width or width not in (2, 3):
            wanted = "a source, a target and a weight" if width == 3 else "a source and a target, and a weight or none,"
            raise _fault(path, line.number, f"{wanted} are wanted here, and {len(line.words)} words stand here")
    return entries


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _fits(word: str) -> bool:
    try:
        to_array([word])
    except (ValueError, OverflowError):
        return False
    return True


def _is_index(word: str, side: int) -> bool:
    return word.isascii() and word.isdigit() and len(word.lstrip("0")) < 10 and int(word) < side


def _fault(path: Path, line: int, message: str) -> BioasmError:
    return error("B303", f"{path}:{line}: {message}", span=Span(str(path), line))


def _numbers(path: Path, lines: list[_Line], place: int) -> NDArray[Any]:
    words = [line.words[place] for line in lines]
    try:
        return to_array(words)
    except Rounded as fault:
        raise error("B115", f"{path}: {fault}", span=Span(str(path), 1), hint=fault.hint) from None
    except (ValueError, OverflowError):
        at = next((line for line in lines if not _fits(line.words[place])), lines[0])
        raise _fault(path, at.number, f"`{at.words[place][:30]}` is no number that fits a 64-bit float") from None


def _indices(path: Path, lines: list[_Line], place: int, side: int) -> NDArray[Any]:
    import numpy as np

    if not lines:
        return np.zeros(0, np.int64)
    found = _numbers(path, lines, place)
    if found.dtype.kind != "i" or found.min() < 0 or found.max() >= side:
        at = next(line for line in lines if not _is_index(line.words[place], side))
        what = "source" if place == 0 else "target"
        raise _fault(path, at.number, f"`{at.words[place][:30]}` is no {what}: they are counted from 0 to {side - 1}")
    return found
