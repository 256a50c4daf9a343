"""Reader of Matrix Market files: coordinate and array, real, integer and pattern, general and symmetric."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioasm.diagnostics import BioasmError, Span, error
from bioasm.isa.limits import limit
from bioasm.isa.program import Data, Dense
from bioasm.isa.storage import narrow
from bioasm.plain import plain_text
from bioasm.text.numbers import to_array
from bioasm.wholes import Rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PARTS = re.compile(r"([^\n]*+)\n(?:[ \t\r]*+\n|[ \t]*+%[^\n]*+\n)*+([^\n]*+)")
_ALLOWED = b"0123456789+-.eE \t\r\n"


def read_matrix_market(path: Path) -> Data:
    """The matrix in a Matrix Market file, in the narrowest type that is exact.

    `coordinate` files are sparse (duplicates are summed), `array` files dense; an array of one column is a vector. Raises
    BioasmError B303.
    """
    header, size, body = _parts(path)
    layout, field, symmetry = _said(path, header)
    words = _words(path, body)
    sides = _sizes(path, size, 3 if layout == "coordinate" else 2)
    if symmetry == "symmetric" and sides[0] != sides[1]:
        raise _fault(path, f"a matrix of {sides[0]} x {sides[1]} can't be symmetric")
    if layout == "array":
        return _array(path, words, (sides[0], sides[1]), symmetry == "symmetric")
    return _coordinates(path, words, sides, field == "pattern", symmetry == "symmetric")


def _fault(path: Path, message: str) -> BioasmError:
    return error("B303", f"{path}: {message}", span=Span(str(path), 1))


def _parts(path: Path) -> tuple[str, str, str]:
    """The header line, the line of sizes and the entries."""
    text = plain_text(path.read_bytes(), str(path), "B303").decode("latin-1")
    found = _PARTS.match(text)
    if found is None:
        raise _fault(path, "the file ends before its line of sizes")
    return found[1], found[2], text[found.end() :]


def _said(path: Path, header: str) -> tuple[str, str, str]:
    words = header.lower().split()
    if len(words) != 5 or words[:2] != ["%%matrixmarket", "matrix"]:
        raise _fault(path, "the first line is not `%%MatrixMarket matrix LAYOUT FIELD SYMMETRY`")
    layout, field, symmetry = words[2:]
    known = {
        "layout": (layout, ("coordinate", "array")),
        "field": (field, ("real", "integer", "pattern") if layout == "coordinate" else ("real", "integer")),
        "symmetry": (symmetry, ("general", "symmetric")),
    }
    for what, (word, choices) in known.items():
        if word not in choices:
            raise _fault(path, f"the {what} {word!r} can't be read; known are {', '.join(choices)}")
    return layout, field, symmetry


def _sizes(path: Path, line: str, count: int) -> list[int]:
    words = line.split()
    if len(words) != count or not all(word.isascii() and word.isdigit() and len(word) < 19 for word in words):
        raise _fault(path, f"the line of sizes has not {count} whole numbers")
    sides = [int(word) for word in words]
    if not all(1 <= side <= limit("neurons") for side in sides[:2]):
        raise error("B111", f"{path}: the matrix is {sides[0]} x {sides[1]}; a side is 1 to {limit('neurons')}")
    return sides


def _words(path: Path, body: str) -> list[str]:
    if not body.isascii() or body.encode("ascii").translate(None, _ALLOWED):
        raise _fault(path, "an entry is no number")
    return body.split()


def _numbers(path: Path, words: list[str]) -> NDArray[Any]:
    try:
        return to_array(words)
    except Rounded as fault:
        raise error("B115", f"{path}: {fault}", span=Span(str(path), 1), hint=fault.hint) from None
    except (ValueError, OverflowError):
        raise _fault(path, "an entry is no number, or too large for a 64-bit float") from None


def _coordinates(path: Path, words: list[str], sides: list[int], pattern: bool, symmetric: bool) -> Data:
    import numpy as np

    from bioasm.text.files import sparse_from_file

    rows, columns, count = sides
    width = 2 if pattern else 3
    if len(words) != count * width:
        raise _fault(path, f"{count} entries are announced and {len(words) / width:g} are there")
    row, column = _numbers(path, words[0::width]), _numbers(path, words[1::width])
    value = np.ones(count, dtype=np.int8) if pattern else narrow(_numbers(path, words[2::width]))
    if not row.dtype.kind == column.dtype.kind == "i":
        raise _fault(path, "an index is no whole number")
    return sparse_from_file(path, (rows, columns), row - 1, column - 1, value, symmetric=symmetric)


def _array(path: Path, words: list[str], shape: tuple[int, int], symmetric: bool) -> Dense:
    """A dense matrix (rows, columns) from column-major values, or from its lower triangle alone."""
    import numpy as np

    rows, columns = shape
    wanted = rows * (rows + 1) // 2 if symmetric else rows * columns
    if len(words) != wanted:
        raise _fault(path, f"{wanted} entries are announced and {len(words)} are there")
    values = narrow(_numbers(path, words))
    if symmetric:
        matrix = np.empty(shape, dtype=values.dtype)
        upper = np.triu_indices(rows)  # row-major order of the upper triangle is column-major order of the lower one
        matrix[upper] = values
        matrix.T[upper] = values
        return Dense(matrix)
    matrix = np.ascontiguousarray(values.reshape((columns, rows)).T)
    return Dense(matrix[:, 0].copy() if columns == 1 and rows > 1 else matrix)
