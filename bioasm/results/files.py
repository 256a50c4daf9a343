"""A Result as a file: .npz by default, .json, or .h5 where h5py is installed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from bioasm.diagnostics import EXIT_USAGE, error
from bioasm.diagnostics.jsontext import dumps
from bioasm.files import whole

if TYPE_CHECKING:
    from bioasm.results.result import Result

PROVENANCE = "provenance"
Writer = Callable[["Result", BinaryIO], None]


def save(result: Result, path: str | Path) -> None:
    """Write `result` to `path`; the file is whole or absent. Raises BioasmError B306 (suffix), B302 (writing)."""
    writer = writer_for(path)
    with whole(path) as stream:
        writer(result, stream)


def writer_for(path: str | Path) -> Writer:
    """What writes the format that the suffix of `path` names; npz without a suffix.

    Raises BioasmError B306 where there is no such format or its library is not installed.
    """
    suffix = Path(path).suffix.lower() or ".npz"
    if suffix not in WRITERS:
        text = f"results can't be written as {suffix}"
        raise error("B306", text, hint=f"the suffix may be {', '.join(WRITERS)}", exit_code=EXIT_USAGE)
    if WRITERS[suffix] is write_hdf5:
        _require_h5py()
    return WRITERS[suffix]


def write_npz(result: Result, stream: BinaryIO) -> None:
    """Arrays by their path in the JSON object (`energy_trace`, `spikes/t`), all else as JSON text `provenance`."""
    import numpy as np

    arrays, rest = _split(result)
    arrays[PROVENANCE] = np.array(dumps(rest))
    np.savez(stream, **cast(Any, arrays))


def write_json(result: Result, stream: BinaryIO) -> None:
    """The object that `bioasm run --json` prints."""
    from bioasm.results.json import to_text

    stream.write(to_text(result).encode())


def write_hdf5(result: Result, stream: BinaryIO) -> None:
    """The same names as in npz as groups and datasets; all else as JSON text in the attribute `provenance`."""
    import h5py

    arrays, rest = _split(result)
    made = io.BytesIO()  # HDF5 goes back and forth in its file, which pipes and devices can't
    with h5py.File(made, "w") as file:
        file.attrs[PROVENANCE] = dumps(rest)
        for name, array in arrays.items():
            file[name] = array
    stream.write(made.getbuffer())


WRITERS: dict[str, Writer] = {".npz": write_npz, ".json": write_json, ".h5": write_hdf5, ".hdf5": write_hdf5}


def _require_h5py() -> None:
    from importlib.util import find_spec

    if find_spec("h5py") is None:
        hint = "pip install 'bioasm[hdf5]', or save as .npz"
        raise error("B306", "writing HDF5 needs h5py, which is not installed", hint=hint, exit_code=EXIT_USAGE)


def _split(result: Result) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays of a Result's tree by path, such as `results/0/value`, and the rest of the tree without them."""
    from bioasm.results.content import content
    from bioasm.results.json import to_plain

    tree = content(result)
    arrays = dict(_arrays(tree, ""))
    return arrays, to_plain(_without_arrays(tree))


def _arrays(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if _is_array(value):
        yield path, value
    elif isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _arrays(item, f"{path}/{name}" if path else str(name))


def _without_arrays(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: _without_arrays(item) for name, item in value.items() if not _is_array(item)}
        return {name: item for name, item in kept.items() if item != {} or not value[name]}
    if isinstance(value, list):
        return [_without_arrays(item) for item in value]
    return value


def _is_array(value: Any) -> bool:
    import numpy as np

    return isinstance(value, np.ndarray | np.generic)
