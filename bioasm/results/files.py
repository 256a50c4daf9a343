"""Writers of Results to files: .npz by default, other formats by suffix."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from bioasm.diagnostics import EXIT_USAGE, error
from bioasm.diagnostics.jsontext import dumps
from bioasm.extras import require
from bioasm.files import check_writable, whole, whole_folder

if TYPE_CHECKING:
    from bioasm.results.result import Result

PROVENANCE = "provenance"
Writer = Callable[["Result", BinaryIO], None]


def save(result: Result, path: str | Path) -> None:
    """Write `result` to `path` atomically.

    Raises BioasmError B306 (suffix), B312 (library), B302 (writing).
    """
    suffix = suffix_of(path)
    if suffix in AT_PATH:
        AT_PATH[suffix](result, Path(path))
        return
    with whole(path) as stream:
        WRITERS[suffix](result, stream)


def check_place(path: str | Path) -> None:
    """Check before a long run that its Result can be saved there, replacing an older one. Raises BioasmError B302."""
    check_writable(path, MARKS.get(Path(path).suffix.lower(), ""))


def suffix_of(path: str | Path) -> str:
    """The suffix that names the format of `path`, .npz where it has none.

    Raises BioasmError B306 for an unknown format, B312 for a missing library.
    """
    suffix = Path(path).suffix.lower() or ".npz"
    if suffix not in WRITERS and suffix not in AT_PATH:
        text = f"results can't be written as {suffix}"
        raise error("B306", text, hint=f"the suffix may be {', '.join([*WRITERS, *AT_PATH])}", exit_code=EXIT_USAGE)
    if suffix in NEEDS:
        require(*NEEDS[suffix], f"writing {suffix}", "save as .npz")
    return suffix


def provenance(result: Result) -> dict[str, Any]:
    """The parts of the JSON object other than arrays, as plain dicts, lists and numbers."""
    plain: dict[str, Any] = split(result)[1]
    return plain


def write_npz(result: Result, stream: BinaryIO) -> None:
    """Arrays by their path in the JSON object (`energy_trace`, `spikes/t`), all else as JSON text `provenance`.

    Independent of the memory layout of arrays: equal Results are equal bytes.
    """
    import numpy as np

    arrays, rest = split(result)
    arrays[PROVENANCE] = np.array(dumps(rest))
    np.savez(stream, **cast(Any, {name: np.asarray(array, order="C") for name, array in arrays.items()}))


def write_json(result: Result, stream: BinaryIO) -> None:
    """The object that `bioasm run --json` prints."""
    from bioasm.results.json import to_text

    stream.write(to_text(result).encode())


def write_hdf5(result: Result, stream: BinaryIO) -> None:
    """HDF5: the names of npz as groups and datasets with `units`; all else as JSON text in the attribute `provenance`."""
    import h5py

    arrays, rest = split(result)
    with seekable(stream) as made, h5py.File(made, "w") as file:
        file.attrs[PROVENANCE] = dumps(rest)
        for name, array in arrays.items():
            file[name] = array
            file[name].attrs.update(_units(result, name))


@contextmanager
def seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream, or a buffer in memory that is copied to it at the end: HDF5 needs seeking, which pipes and devices lack."""
    if stream.seekable():
        yield stream
        return
    made = io.BytesIO()
    yield made
    stream.write(made.getbuffer())


def write_zarr(result: Result, path: Path) -> None:
    """Zarr: the names of HDF5 as groups and arrays of a folder, which replaces an older one."""
    import numpy as np
    import zarr

    arrays, rest = split(result)
    with whole_folder(path, MARKS[".zarr"]) as folder:
        group = zarr.create_group(str(folder), attributes={PROVENANCE: dumps(rest)})
        for name, array in arrays.items():
            group.create_array(name, data=np.asarray(array), attributes=_units(result, name))


def _write_table(name: str) -> Writer:
    """A writer of `results/tables.py`, imported lazily."""

    def write(result: Result, stream: BinaryIO) -> None:
        from bioasm.results import tables

        getattr(tables, name)(result, stream)

    return write


def _write_nwb(result: Result, stream: BinaryIO) -> None:
    from bioasm.results.to_nwb import write_nwb

    write_nwb(result, stream)


WRITERS: dict[str, Writer] = {
    ".npz": write_npz,
    ".json": write_json,
    ".h5": write_hdf5,
    ".hdf5": write_hdf5,
    ".csv": _write_table("write_csv"),
    ".parquet": _write_table("write_parquet"),
    ".nwb": _write_nwb,
}
AT_PATH: dict[str, Callable[[Result, Path], None]] = {".zarr": write_zarr}
NEEDS = {  # package and extra
    ".h5": ("h5py", "hdf5"),
    ".hdf5": ("h5py", "hdf5"),
    ".parquet": ("pyarrow", "table"),
    ".zarr": ("zarr", "zarr"),
    ".nwb": ("pynwb", "nwb"),
}


MARKS = {".zarr": "zarr.json"}  # a file of a folder that is a result, and may be replaced
STREAMED = (".npz", ".h5", ".hdf5", ".zarr")  # written piece by piece from arrays that lie in files themselves


def _units(result: Result, path: str) -> dict[str, Any]:
    """The attribute `units` of an array, if it has a unit: times in the clock of the run, recordings in their own."""
    head, _, name = path.rpartition("/")
    if name == "t":
        return {"units": result.clock_unit}
    unit = result.about.get("units", {}).get(head.removeprefix("recordings/"), "") if name == "values" else ""
    return {"units": unit} if unit else {}


def split(result: Result) -> tuple[dict[str, Any], dict[str, Any]]:
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
