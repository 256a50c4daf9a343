"""Archives of arrays (.npz) that lie: sizes are compared with the program, the limits and the memory before inflating."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import bioasm.npz
from bioasm.diagnostics import BioasmError
from bioasm.frameworks import read_network
from bioasm.isa.deferred import DeferredDense, DeferredSparse, is_unread
from bioasm.npz import Archive
from bioasm.text import files
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.command import bioasm as run_command

HUGE = 1 << 20  # a side; no test would survive 8 TB


def member(shape: tuple[int, ...], content: bytes = b"", kind: str = "<f8", length: int | None = None) -> bytes:
    """The bytes of an .npy array whose header says `shape`."""
    made = io.BytesIO()
    np.lib.format.write_array_header_2_0(made, {"descr": kind, "fortran_order": False, "shape": shape})
    head = bytearray(made.getvalue())
    if length is not None:
        head[8:12] = length.to_bytes(4, "little")
    return bytes(head) + content


def archive(path: Path, said: dict[str, int] | None = None, **members: bytes) -> Path:
    """An archive of members; `said` are sizes that its directory claims instead of the true ones."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(f"{name}.npy", content)
        for info in made.infolist():
            info.file_size = (said or {}).get(info.filename.removesuffix(".npy"), info.file_size)
    return path


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No array is inflated in this test, whatever it is."""

    def refuse(*_: object) -> None:
        raise AssertionError("an array was inflated")

    monkeypatch.setattr(bioasm.npz, "_fill", refuse)


def claim(shape: tuple[int, ...]) -> dict[str, int]:
    return {"a": len(member(shape)) + 8 * int(np.prod(shape, dtype=object))}


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize(
    ("text", "shape", "code"),
    [
        ('ALC 4\nLDJ file "x.npz"', (30000, 30000), "B106"),
        ('ALC 4\nLDH file "x.npz"', (10**9,), "B106"),
        ('.data a = file "x.npz"\nALC 4\nLDJ a', (30000, 30000), "B106"),
        ('POP a, lif_critical, 3\nSYN s, a, a\nCON s, file "x.npz"', (30000, 30000), "B106"),
        ('ALC 4\nREC v, 1 ms, file "x.npz"', (30000, 30000), "B106"),
        ('ALC 4\nLDJ file "x.npz"', (HUGE, HUGE), "B111"),
        ('ALC 4\nLDJ file "x.npz"', (1 << 18, 1 << 18), "B403"),
        ('ALC 4\nLDJ file "x.npz"', (2, 2, 2), "B303"),
        ('ALC 4\nLDH file "x.npz"', (1 << 40,), "B111"),
    ],
)
def test_a_size_that_does_not_fit_is_refused_before_inflating(
    tmp_path: Path, text: str, shape: tuple[int, ...], code: str
) -> None:
    archive(tmp_path / "x.npz", claim(shape), a=member(shape))
    with pytest.raises(BioasmError) as caught:
        verify(assemble(text, folder=tmp_path))
    assert caught.value.diagnostics[0].code == code


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize("change", [{}, {"a": 1000}])
def test_a_header_that_its_archive_does_not_hold(tmp_path: Path, change: dict[str, int]) -> None:
    path = archive(tmp_path / "x.npz", change, a=member((300, 300)))
    with pytest.raises(BioasmError, match="B303.*is said to hold"):
        files.read_file(path)


def test_a_header_that_never_ends(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", a=member((3,), bytes(1 << 20), length=1 << 31))
    with pytest.raises(BioasmError, match="B303.*the header of an array has 2147483648 bytes"):
        files.read_file(path)


def test_an_archive_that_holds_less_than_it_says(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", claim((40, 40)), a=member((40, 40)))
    with pytest.raises(BioasmError, match="B303"):
        files.read_file(path)


@pytest.mark.parametrize("layout", ["csr", "csc", "coo"])
def test_a_sparse_matrix_of_more_entries_than_places(tmp_path: Path, layout: str) -> None:
    count = 1 << 32
    names = ("row", "col") if layout == "coo" else ("indptr", "indices")
    said = {name: len(member((count,))) + 8 * count for name in (*names, "data")}
    arrays = {name: member((count,)) for name in said}
    small = {"format": np.array(layout.encode()), "shape": np.array([4, 4])}
    for name, array in small.items():
        made = io.BytesIO()
        np.save(made, array)
        arrays[name] = made.getvalue()
    archive(tmp_path / "x.npz", said, **arrays)
    with pytest.raises(BioasmError, match="B303.*4294967296|B303.*4,294,967,296"):
        files.read_file(tmp_path / "x.npz")


def test_a_large_sparse_matrix_waits_until_its_shape_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_INFLATED_AT_ONCE", 100)
    matrix = scipy.sparse.random_array((50, 50), density=0.2, rng=1).tocsr()
    scipy.sparse.save_npz(tmp_path / "x.npz", matrix)
    value = files.read_file(tmp_path / "x.npz")
    assert isinstance(value, DeferredSparse)
    with pytest.raises(BioasmError, match="B106"):
        verify(assemble('ALC 4\nLDJ file "x.npz"', folder=tmp_path))
    assert is_unread(value)
    verify(assemble('MODEL ising\nALC 50\nLDJ file "x.npz"', folder=tmp_path))
    again = np.zeros((50, 50))
    again[value.row, value.column] = value.value
    assert (again == matrix.toarray()).all()
    assert not is_unread(value)


@pytest.mark.parametrize("kind", ["i1", "i4", "f4", "f8", ">f8", "u2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_array_is_the_same_read_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, order: str) -> None:
    array = np.asarray(np.random.default_rng(1).integers(0, 100, (40, 40)), kind, order=order)
    np.savez_compressed(tmp_path / "x.npz", array)
    at_once = files.read_file(tmp_path / "x.npz")
    monkeypatch.setattr(files, "_INFLATED_AT_ONCE", 100)
    late = files.read_file(tmp_path / "x.npz")
    assert isinstance(late, DeferredDense)
    assert late.array.dtype == at_once.array.dtype
    assert (late.array == array).all()


def test_what_is_wrong_in_an_array_read_late_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_INFLATED_AT_ONCE", 100)
    array = np.zeros((40, 40))
    array[3, 4] = np.nan
    np.savez(tmp_path / "x.npz", array)
    with pytest.raises(BioasmError) as caught:
        verify(assemble('ALC 40\nLDJ file "x.npz"', folder=tmp_path))
    found = caught.value.diagnostics[0]
    assert (found.code, found.span.line) == ("B109", 2)


def test_an_archive_that_is_exchanged_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_INFLATED_AT_ONCE", 100)
    np.savez(tmp_path / "x.npz", np.zeros((40, 40)))
    program = assemble('ALC 40\nLDJ file "x.npz"', folder=tmp_path)
    np.savez(tmp_path / "x.npz", np.zeros((41, 41)))
    with pytest.raises(BioasmError, match="B310"):
        verify(program)


@pytest.mark.usefixtures("sealed")
def test_a_layer_of_rockpool(tmp_path: Path) -> None:
    content = archive(tmp_path / "x.npz", claim((30000, 30000)), a=member((30000, 30000))).read_bytes()
    with pytest.raises(BioasmError, match="B111.*7,200,000,000 bytes"):
        read_network(content, "x.npz", "rockpool")


@pytest.mark.parametrize("name", ["h", "offset"])
def test_fields_and_offset_of_an_import_are_of_the_size_of_its_couplings(tmp_path: Path, name: str) -> None:
    made = io.BytesIO()
    np.save(made, np.eye(3))
    shape = (1 << 28,)
    archive(tmp_path / "x.npz", {name: claim(shape)["a"]}, **{"J": made.getvalue(), name: member(shape)})
    told = run_command("import", tmp_path / "x.npz", "--from", "ising")
    assert (told.code, "error[B303]" in told.stderr) == (1, True)
    assert "would take" in told.stderr


def test_objects_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", np.array([{}], object))
    with pytest.raises(ValueError, match="objects"), Archive(tmp_path / "x.npz") as made:
        made.header("arr_0")
