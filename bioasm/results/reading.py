"""Readers of saved results: .npz, .json, .h5 and .zarr files to a Result."""

from __future__ import annotations

import json
import math
import struct
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import EXIT_USAGE, BioasmError, Diagnostic, Span, error
from bioasm.extras import require
from bioasm.files import unreadable
from bioasm.isa.labels import NAMES
from bioasm.mapped import IN_MEMORY, content
from bioasm.npz import read_header
from bioasm.results.files import PROVENANCE
from bioasm.results.piece import piece_of
from bioasm.results.result import Reading, Recording, Result, Spikes
from bioasm.units import Dimension

Array = NDArray[Any]
_SEEN = ".npz, .json, .h5 or .zarr"


def load_npz(stream: BinaryIO) -> Result:
    """The Result in the bytes of an .npz file. Raises BioasmError B313 for invalid content."""
    try:
        return result_of(_from_npz(stream))
    except Exception as cause:  # noqa: BLE001  (whatever damaged bytes lead to)
        raise _no_result("standard input", cause) from None


def load(path: str | Path) -> Result:
    """The Result in a file. Raises BioasmError B301, B306, B312, or B313 for invalid content."""
    suffix = Path(path).suffix.lower() or ".npz"  # as they are written
    if suffix not in _READERS:
        text = f"{path}: results are read from {_SEEN}"
        raise error("B306", text, hint="run the program first: bioasm run P -o r.npz", exit_code=EXIT_USAGE)
    try:
        return result_of(_READERS[suffix](Path(path)))
    except BioasmError:
        raise
    except OSError as cause:
        if cause.errno is None:  # h5py and zarr raise various exceptions for invalid content
            raise _no_result(path, cause) from None
        raise unreadable(path, cause) from None
    except Exception as cause:  # noqa: BLE001  (readers of damaged files raise whatever they meet)
        if isinstance(cause.__context__, OSError):  # zipfile reports a failing disk as an invalid archive
            raise unreadable(path, cause.__context__) from None
        raise _no_result(path, cause) from None


def _no_result(path: str | Path, cause: Exception) -> BioasmError:
    """The error (B313) of a file without a valid result.

    NumPy mistakes a file that is no archive for a pickled object, and its message recommends to load it. That advice is
    omitted: unpickling would execute code of the file.
    """
    why = "it is no archive of plain arrays" if "pickle" in str(cause) else f"{type(cause).__name__}: {cause}"
    return error("B313", f"{path} holds no result of a run ({why})")


# --- files to one tree -------------------------------------------------------------------------------


def _from_npz(path: Path | BinaryIO) -> dict[str, Any]:
    """The tree of an .npz file; large uncompressed arrays are memory-mapped."""
    with np.load(path, allow_pickle=False) as file:
        found = dict(_mapped_members(path, file.zip)) if isinstance(path, Path) else {}
        arrays = {name: found[name] if name in found else file[name] for name in file.files if name != PROVENANCE}
        return _joined(json.loads(str(file[PROVENANCE])), arrays.items())


def _mapped_members(path: Path, archive: zipfile.ZipFile) -> Iterator[tuple[str, Array]]:
    for info in archive.infolist():
        if info.file_size > IN_MEMORY and info.compress_type == zipfile.ZIP_STORED:
            with open(path, "rb") as stream:
                stream.seek(info.header_offset + 26)  # fields of the local header: the lengths of its name and extra field
                name, extra = struct.unpack("<HH", stream.read(4))
                start = info.header_offset + 30 + name + extra
                stream.seek(start)
                header = read_header(stream)
            if not header.fortran_order:
                yield info.filename.removesuffix(".npy"), _mapped(path, header.dtype, header.shape, start + header.start)


def _mapped(path: Path, dtype: Any, shape: tuple[int, ...], start: int) -> Array:
    """Memory-map an array in a file. Raises ValueError where the file is too short."""
    with open(path, "rb") as stream:
        return np.frombuffer(content(stream, path), dtype, int(np.prod(shape)), start).reshape(shape)


def _from_json(path: Path) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if tree.get("file"):
        raise error("B313", f"the arrays of {path} are in {tree['file']}", hint=f"read {tree['file']} instead")
    return tree


def _from_hdf5(path: Path) -> dict[str, Any]:
    require("h5py", "hdf5", "reading .h5")
    import h5py

    found: list[tuple[str, Array]] = []

    def take(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            lies = node.chunks is None and node.nbytes > IN_MEMORY and node.id.get_offset() is not None
            found.append((name, _mapped(path, node.dtype, node.shape, node.id.get_offset()) if lies else node[()]))

    with h5py.File(path) as file:
        file.visititems(take)
        return _joined(json.loads(file.attrs[PROVENANCE]), found)


def _from_zarr(path: Path) -> dict[str, Any]:
    require("zarr", "zarr", "reading .zarr")
    import zarr

    if not path.exists():
        raise FileNotFoundError(2, "no such file or directory")
    group = zarr.open_group(str(path), mode="r")
    members: Any = group.members(max_depth=None)
    arrays = [(name, np.asarray(node[...])) for name, node in members if isinstance(node, zarr.Array)]
    return _joined(json.loads(str(group.attrs[PROVENANCE])), arrays)


_READERS = {".npz": _from_npz, ".json": _from_json, ".h5": _from_hdf5, ".hdf5": _from_hdf5, ".zarr": _from_zarr}


def _joined(tree: dict[str, Any], arrays: Iterable[tuple[str, Array]]) -> dict[str, Any]:
    """The tree with its arrays at their paths."""
    for path, array in arrays:
        *way, last = path.split("/")
        node: Any = tree
        for word in way:
            node = node[int(word)] if isinstance(node, list) else node.setdefault(word, {})
        node[last] = array
    return tree


# --- the tree to a Result ----------------------------------------------------------------------------


def result_of(tree: dict[str, Any]) -> Result:
    """The Result of a tree (inverse of `content`). Raises various exceptions for an invalid tree."""
    lanes, n, steps = int(tree["lanes"]), int(tree["n"]), int(tree["steps"])
    piece = piece_of(tree["piece"], lanes, len(tree["results"])) if "piece" in tree else None
    alone = lanes == 1 and piece is None
    words: dict[str, Any] = {name: tree[name] for name in _WORDS}
    arrays: dict[str, Any] = {name: _lanes(tree[name], alone, dtype) for name, dtype in _ARRAYS.items()}
    return Result(
        **words,
        **arrays,
        n=n,
        lanes=lanes,
        steps=steps,
        seconds_per_step=_step_length(float(tree["time"]), steps),
        clock=Dimension.SWEEPS if tree.get("clock") == "sweeps" else Dimension.TIME,
        results=tuple(_reading(item, alone) for item in tree["results"]),
        spikes=_spikes(tree["spikes"]),
        recordings={name: _recording(item, alone) for name, item in tree.get("recordings", {}).items()},
        events={name: _spikes(item) for name, item in tree.get("events", {}).items()},
        diagnostics=tuple(_diagnostic(item) for item in tree.get("diagnostics", ())),
        extras=tree.get("extras", {}),
        about=_about(tree.get("about", {})),
        piece=piece,
        metadata={**tree.get("metadata", {}), **({NAMES: json.dumps(tree["names"])} if "names" in tree else {})},
    )


def _step_length(time: float, steps: int) -> float:
    """The length of a step: time / steps, or the adjacent float64 whose product with `steps` is exactly `time`."""
    near = time / steps if steps else 1.0
    return next((x for x in (near, math.nextafter(near, 0.0), math.nextafter(near, math.inf)) if steps * x == time), near)


_WORDS = ("driver", "model", "seed", "program_sha256", "versions", "timing", "status")
_ARRAYS = {
    "energy": np.float64,
    "best_energy": np.float64,
    "best_state": np.int8,
    "state": np.float64,
    "energy_trace": np.float64,
    "spike_count": np.int64,
}


def _lanes(value: Any, alone: bool, dtype: Any) -> Array:
    """An array with its lane axis; null of JSON becomes NaN."""
    array = np.asarray(value, np.float64).astype(dtype, copy=False)
    return array[None] if alone else array


def _reading(item: dict[str, Any], alone: bool) -> Reading:
    value = item.get("value")
    if isinstance(value, dict):
        return Reading(item["what"], _spikes(value))
    array = _as_run(item["what"], np.asarray(value))
    # A reading of OUT is a number; one of RD has a lane axis, dropped for one lane.
    if array.ndim == 0 and not isinstance(value, np.ndarray | np.generic):
        return Reading(item["what"], float(array))
    return Reading(item["what"], array[None] if alone else array)


def _as_run(what: str, array: Array) -> Array:
    """A reading in the dtype of the run."""
    return array.astype(_ARRAYS.get(what, np.int8 if what == "spins" else np.float64))


def _spikes(item: dict[str, Any]) -> Spikes:
    t = np.asarray(item["t"], np.float64)
    return Spikes(t, np.asarray(item["i"], np.int64), np.asarray(item.get("lane", np.zeros(len(t))), np.int64))


def _recording(item: dict[str, Any], alone: bool) -> Recording:
    neurons = np.asarray(item["neurons"], np.int64)
    return Recording(np.asarray(item["t"], np.float64), neurons, _lanes(item["values"], alone, np.float64))


def _diagnostic(item: dict[str, Any]) -> Diagnostic:
    place: list[Any] = [item.get(name) for name in ("source", "line", "column", "end_column")]
    span = None if None in place else Span(*place)
    return Diagnostic(item["code"], item["message"], span, item.get("hint"), severity=item["severity"])


def _about(found: dict[str, Any]) -> dict[str, Any]:
    noise = found.get("noise")
    if noise is None:
        return found
    in_order = {"t": np.asarray(noise["t"]), "level": np.asarray(noise["level"])}  # as runs tell it
    return {**found, "noise": {**in_order, **{name: value for name, value in noise.items() if name not in in_order}}}
