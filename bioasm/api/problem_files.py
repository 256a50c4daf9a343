"""Readers of problem files: content from a path or a stream, decompression, and detection of the format."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, cast

from bioasm.diagnostics import error
from bioasm.files import refuse_empty, unreadable
from bioasm.frameworks import FORMATS as NETWORKS
from bioasm.frameworks import SUFFIXES
from bioasm.isa.limits import limit
from bioasm.loading import STDIN, STDIN_NAME, Readable

if TYPE_CHECKING:
    from bioasm.isa.program import Data
    from bioasm.problems.accounts import Problem

_LARGEST_NUMBER = 16  # bytes
_START = 1 << 10  # bytes in which JSON begins
_INFLATED: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}

_MAGIC = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": lzma.open, b"BZh": bz2.open}


def read_problem_file(path: str, maximize: bool = False, form: str | None = None) -> Problem:
    """The problem in a file. Raises BioasmError."""
    if is_array(path, form):
        return read_arrays(path, form, maximize)
    content = content_of(path)
    form, content = (form, content) if form else told_format(path, content)
    if form in NETWORKS:
        raise error("B305", f"{path} is a network ({form}), no problem", hint="`bioasm import` makes a program of it")
    return read_content(content, path, form, maximize)


def shown(path: str) -> str:
    """The name of a path in messages."""
    return STDIN_NAME if path == STDIN else path


def bare(path: str) -> str:
    """The name without the suffix of a compressed file."""
    return str(Path(path).with_suffix("")) if Path(path).suffix.lower() in _INFLATED else path


def is_array(path: str, form: str | None) -> bool:
    """Whether the library's readers of data files read a file (npy, npz, Matrix Market), not a parser of problem texts."""
    return Path(path).suffix.lower() in (".npy", ".npz", ".mtx") and form in (None, "matrix", "ising")


def read_content(content: bytes, path: str, form: str, maximize: bool) -> Problem:
    """The problem in the content of a file or of standard input. Raises BioasmError."""
    from bioasm.plain import plain_text
    from bioasm.problems import BINARY
    from bioasm.problems.formats import read_problem

    text = content if form in BINARY else plain_text(content, shown(path))
    return read_problem(text, shown(bare(path)), form, maximize)


def told_format(path: str, content: bytes) -> tuple[str, bytes]:
    """Detect the format by file name or content; returns it with the content, and its value for JSON.

    Raises BioasmError B115, B304, B305.
    """
    from bioasm.plain import plain_text
    from bioasm.problems.formats import find_binary, find_format

    name = bare(path)
    suffix = Path(name).suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix], content
    if binary := find_binary(content):
        return binary, content
    text = plain_text(content, shown(path))
    is_json = suffix == ".json" or text[:_START].lstrip()[:1] in (b"{", b"[")
    return _told_by_json(text, path) if is_json else (find_format(name, text), content)


def _told_by_json(text: bytes, path: str) -> tuple[str, bytes]:
    """Detect the format of a JSON file from its content; returns it with the text and its value."""
    from bioasm.frameworks.rockpool import is_layer
    from bioasm.plain import Json, read_json
    from bioasm.problems.formats import find_json

    said = read_json(text, shown(bare(path)))
    found = "rockpool" if is_layer(said) else find_json(said)
    if found:
        return found, Json(text, said)
    hint = "a layer of Rockpool has tau_mem, a model of dimod the type BinaryQuadraticModel; --from names the format"
    raise error("B305", f"{path} is JSON, but of no form that is known", hint=hint)


def content_of(path: str, stdin: Readable | None = None) -> bytes:
    """All bytes of a file or of a stream, inflated where it is compressed. Raises BioasmError B016, B111, B301, B304."""
    most = limit("text_bytes") + 1
    try:
        if path == STDIN:
            content = (stdin or io.BytesIO()).read(most)
        else:
            with open(path, "rb") as stream:
                content = stream.read(limit("inflated_bytes") if bare(path) != path else most)
    except OSError as cause:
        raise unreadable(path, cause) from cause
    opener = _INFLATED.get(PurePath(path).suffix.lower()) or _squeezed(content)
    if opener is not None:
        content = _inflated(content, path, opener)
    elif len(content) == most:
        raise error("B111", f"{path} holds more than {most - 1:,} bytes, the limit for a text")
    refuse_empty(content, shown(path))
    return content


def _squeezed(content: bytes) -> Any:
    """The decompressor of content by its magic number, or None."""
    return next((opener for magic, opener in _MAGIC.items() if content.startswith(magic)), None)


def _inflated(content: bytes, path: str, opener: Any) -> bytes:
    """Decompress content up to a limit, against decompression bombs. Raises BioasmError B304 or B111."""
    most = limit("inflated_bytes")
    try:
        with opener(io.BytesIO(content)) as inside:
            found = cast(bytes, inside.read(most + 1))
    except (OSError, EOFError, lzma.LZMAError, ValueError) as cause:
        raise error("B304", f"{path} is damaged: {cause}") from None
    if len(found) > most:
        raise error("B111", f"{path} holds more than {most:,} bytes when it is inflated", hint="inflate it first")
    return found


# --- arrays -----------------------------------------------------------------------------------------


def read_arrays(path: str, form: str | None, maximize: bool) -> Problem:
    """A matrix as a QUBO, or the arrays J, h and offset of an .npz file as Ising couplings. Raises BioasmError."""
    from bioasm.problems.accounts import arrays_problem, matrix_problem
    from bioasm.text.files import read_file

    names = _array_names(path)
    if form == "ising" or (form is None and "J" in names):
        couplings = read_file(Path(path), "J")
        h, offset = _array(path, names, "h", couplings.shape[0]), _array(path, names, "offset", 1)  # type: ignore[union-attr]
        return arrays_problem(couplings, h, offset, path)
    return matrix_problem(read_file(Path(path), "Q" if "Q" in names else None), path, maximize)


def holds_couplings(path: str, form: str | None) -> bool:
    """Whether the arrays are those of a spin glass, which can't be maximised."""
    return form == "ising" or (form is None and "J" in _array_names(path))


def _array_names(path: str) -> list[str]:
    """The names of the arrays in an .npz file; none where it is another file or damaged, which `read_file` reports."""
    from bioasm.npz import Archive

    if not path.lower().endswith(".npz"):
        return []
    try:
        with Archive(path) as archive:
            return archive.names
    except Exception:  # noqa: BLE001  (a damaged file can fail in any way)
        return []


def _array(path: str, names: list[str], name: str, most: int) -> Data | None:
    return None if name not in names else _as_data(path, name, most)


def _as_data(path: str, name: str, most: int) -> Data:
    """One array of an .npz file, of at most so many entries, as data; a single number as a vector of one."""
    import numpy as np

    from bioasm.isa.program import Dense
    from bioasm.npz import Archive

    try:
        with Archive(path) as archive:
            array: Any = archive.read(name, most * _LARGEST_NUMBER)
    except Exception as fault:  # noqa: BLE001  (a damaged file can fail in any way)
        raise error("B303", f"{name} of {path} can't be read: {fault}") from fault
    if array.dtype.kind not in "biuf":
        raise error("B303", f"{name} of {path} holds no real numbers")
    return Dense(np.atleast_1d(array))
