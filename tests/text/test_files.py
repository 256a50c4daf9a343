"""Data that stand in files: npy, npz (also of scipy.sparse) and Matrix Market, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from bioasm.diagnostics import BioasmError
from bioasm.isa.program import Dense, Sparse
from bioasm.text.assemble import assemble
from bioasm.text.files import read_file
from bioasm.verifier.gate import verify


def as_dense(value: object) -> np.ndarray:
    assert isinstance(value, Dense | Sparse)
    if isinstance(value, Dense):
        return np.asarray(value.array)
    matrix = np.zeros(value.shape)
    matrix[value.row, value.column] = value.value
    if value.symmetric:
        matrix[value.column, value.row] = value.value
    return matrix


def refused(path: Path, key: str | None = None) -> tuple[str, str]:
    with pytest.raises(BioasmError) as caught:
        read_file(path, key)
    found = caught.value.diagnostics[0]
    return found.code, found.message + (found.hint or "")


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "i8", "f4", "f8"])
def test_npy_keeps_its_type(tmp_path: Path, kind: str) -> None:
    np.save(tmp_path / "j.npy", np.arange(6, dtype=kind).reshape(2, 3))
    value = read_file(tmp_path / "j.npy")
    assert isinstance(value, Dense)
    assert value.array.dtype == np.dtype(kind)
    assert value.array.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.array([True, False]), "i1"),
        (np.array([1, 255], dtype="u1"), "i2"),
        (np.array([1, 2**32 - 1], dtype="u4"), "i8"),
        (np.array([1, 2**40], dtype="u8"), "i8"),
        (np.array([1.5, 2], dtype="f2"), "f4"),
        (np.array([1.5, 0.1], dtype=">f8"), "f8"),
        (np.array([1, 2], dtype=">i4"), "i1"),
    ],
    ids=lambda x: str(getattr(x, "dtype", x)),
)
def test_other_types_become_the_narrowest_exact_one(tmp_path: Path, array: np.ndarray, kind: str) -> None:
    np.save(tmp_path / "h.npy", array)
    value = read_file(tmp_path / "h.npy")
    assert isinstance(value, Dense)
    assert value.array.dtype == np.dtype(kind)
    assert value.array.tolist() == array.tolist()


@pytest.mark.parametrize(
    "array",
    [
        np.array([1j]),
        np.array(["a"]),
        np.array([{}], dtype=object),
        np.array(3),
        np.zeros((2, 2, 2)),
        np.array([2**64 - 1], dtype="u8"),
        np.array([1], dtype="M8[s]"),
    ],
    ids=["complex", "words", "objects", "scalar", "cube", "u8", "dates"],
)
def test_npy_that_is_no_data(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    assert refused(tmp_path / "x.npy")[0] == "B303"


def test_npy_without_entries(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(0))
    assert as_dense(read_file(tmp_path / "x.npy")).shape == (0,)


@pytest.mark.parametrize("content", [b"", b"x", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), bytes(1000)])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mtx"])
def test_damaged_files(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    assert refused(path)[0] == "B303"


@pytest.mark.parametrize("cut", range(1, 200, 13))
def test_files_cut_short(tmp_path: Path, cut: int) -> None:
    np.save(tmp_path / "x.npy", np.arange(12.0))
    scipy.sparse.save_npz(tmp_path / "x.npz", scipy.sparse.csr_array(np.eye(3)))
    for name in ("x.npy", "x.npz"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-cut])
        assert refused(tmp_path / name)[0] == "B303"


def test_header_that_promises_more_than_memory(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(4.0))
    content = (tmp_path / "x.npy").read_bytes().replace(b"(4,)", b"(9999999999999,)")
    (tmp_path / "x.npy").write_bytes(content)
    assert refused(tmp_path / "x.npy")[0] == "B303"


@pytest.mark.parametrize("name", ["x.txt", "x", "x.npy.gz"])
def test_suffix_that_is_not_known(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("1")
    assert refused(tmp_path / name)[0] == "B303"


def test_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    np.save(tmp_path / "couplings.npy", np.eye(2))
    assert refused(tmp_path / "coupling.npy") == (
        "B301",
        f"there is no file {tmp_path / 'coupling.npy'}did you mean couplings.npy?",
    )


def test_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "x.npy").mkdir()
    assert refused(tmp_path / "x.npy")[0] == "B301"


def test_npz_with_one_array_needs_no_key(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", J=np.eye(2))
    assert as_dense(read_file(tmp_path / "x.npz")).tolist() == [[1, 0], [0, 1]]


def test_npz_with_several_arrays_needs_a_key(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", J=np.eye(2), h=np.arange(2))
    assert as_dense(read_file(tmp_path / "x.npz", "h")).tolist() == [0, 1]
    code, said = refused(tmp_path / "x.npz")
    assert code == "B303"
    assert "J, h" in said
    assert refused(tmp_path / "x.npz", "H")[1].endswith("did you mean h?")


def test_key_for_a_file_of_one_array(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.eye(2))
    assert refused(tmp_path / "x.npy", "J")[0] == "B303"


@pytest.mark.parametrize("layout", ["csr", "csc", "coo"])
@pytest.mark.parametrize("kind", ["i1", "f4", "f8"])
def test_npz_of_scipy(tmp_path: Path, layout: str, kind: str) -> None:
    matrix = np.array([[0, 2, 0], [3, 0, 0], [0, -1, 4], [0, 0, 0]], dtype=kind)
    scipy.sparse.save_npz(tmp_path / "x.npz", scipy.sparse.coo_array(matrix).asformat(layout))
    value = read_file(tmp_path / "x.npz")
    assert isinstance(value, Sparse)
    assert value.value.dtype == np.dtype(kind)
    assert as_dense(value).tolist() == matrix.tolist()
    assert (np.diff(value.row.astype(int) * 3 + value.column) > 0).all()


def test_npz_of_scipy_adds_up_entries_of_one_place(tmp_path: Path) -> None:
    matrix = scipy.sparse.coo_array(([1.5, 2.5, 7.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    scipy.sparse.save_npz(tmp_path / "x.npz", matrix)
    value = read_file(tmp_path / "x.npz")
    assert isinstance(value, Sparse)
    assert value.value.size == 2
    assert as_dense(value).tolist() == [[0, 4], [7, 0]]


@pytest.mark.parametrize("layout", ["dia", "bsr"])
def test_npz_of_scipy_in_other_layouts(tmp_path: Path, layout: str) -> None:
    scipy.sparse.save_npz(tmp_path / "x.npz", scipy.sparse.eye_array(4).asformat(layout))
    code, said = refused(tmp_path / "x.npz")
    assert code == "B303"
    assert "csr, csc or coo" in said


@pytest.mark.parametrize(
    "wrong",
    [
        {"indptr": np.array([0, 5, 1])},
        {"indptr": np.array([0, 1])},
        {"indices": np.array([0, 9])},
        {"indices": np.array([0, -1])},
        {"indices": np.array([0.0, 1.0])},
        {"indices": np.array([0])},
        {"shape": np.array([2])},
        {"shape": np.array([2, 1 << 40])},
        {"shape": np.array([0, 0])},
        {"data": np.array([1j, 1])},
        {"data": np.array([[1.0, 1]])},
        {"format": np.array([1, 2])},
    ],
    ids=str,
)
def test_npz_of_scipy_that_is_damaged(tmp_path: Path, wrong: dict[str, np.ndarray]) -> None:
    parts = {"format": np.array(b"csr"), "shape": np.array([2, 2]), "data": np.ones(2), "indices": np.array([0, 1]),
             "indptr": np.array([0, 1, 2])}  # fmt: skip
    np.savez(tmp_path / "x.npz", **(parts | wrong))
    assert refused(tmp_path / "x.npz")[0] in ("B303", "B111")


MATRIX = np.array([[1.0, 0.0, -2.5], [0.0, 3.0, 1e-9]])
SQUARE = np.array([[0.0, 2.0, -1.0], [2.0, 0.0, 0.5], [-1.0, 0.5, 3.0]])


@pytest.mark.parametrize("matrix", [MATRIX, SQUARE, MATRIX.T, SQUARE * 2], ids=["wide", "square", "high", "whole"])
@pytest.mark.parametrize("layout", ["coordinate", "array"])
def test_matrix_market_as_scipy_writes_it(tmp_path: Path, matrix: np.ndarray, layout: str) -> None:
    scipy.io.mmwrite(tmp_path / "x.mtx", scipy.sparse.coo_array(matrix) if layout == "coordinate" else matrix)
    value = read_file(tmp_path / "x.mtx")
    assert isinstance(value, Sparse if layout == "coordinate" else Dense)
    assert as_dense(value).tolist() == matrix.tolist()
    if isinstance(value, Sparse):
        assert value.symmetric == (matrix.shape == (3, 3))


def market(tmp_path: Path, text: str) -> Path:
    (tmp_path / "x.mtx").write_text(text)
    return tmp_path / "x.mtx"


def test_matrix_market_pattern(tmp_path: Path) -> None:
    path = market(tmp_path, "%%MatrixMarket matrix coordinate pattern symmetric\n% a\n\n%\n3 3 2\n2 1\n3 1\n")
    value = read_file(path)
    assert isinstance(value, Sparse)
    assert value.value.dtype == np.int8
    assert as_dense(value).tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]


def test_matrix_market_integers_are_exact(tmp_path: Path) -> None:
    path = market(tmp_path, "%%MatrixMarket matrix coordinate integer general\r\n2 2 1\r\n1 2 9007199254740993\r\n")
    value = read_file(path)
    assert isinstance(value, Sparse)
    assert value.value.tolist() == [2**53 + 1]


def test_matrix_market_adds_up_entries_of_one_place(tmp_path: Path) -> None:
    path = market(tmp_path, "%%MatrixMarket matrix coordinate integer general\n2 2 3\n1 2 100\n1 2 100\n2 2 1\n")
    assert as_dense(read_file(path)).tolist() == [[0, 200], [0, 1]]


def test_matrix_market_column_is_a_vector(tmp_path: Path) -> None:
    path = market(tmp_path, "%%MatrixMarket matrix array real general\n3 1\n1\n2.5\n-1\n")
    assert as_dense(read_file(path)).tolist() == [1, 2.5, -1]


def test_matrix_market_symmetric_array_is_a_lower_triangle(tmp_path: Path) -> None:
    path = market(tmp_path, "%%MatrixMarket matrix array integer symmetric\n3 3\n1 2 3 4 5 6\n")
    assert as_dense(read_file(path)).tolist() == [[1, 2, 3], [2, 4, 5], [3, 5, 6]]


@pytest.mark.parametrize(
    "text",
    [
        "1 1 1\n",
        "%%MatrixMarket matrix coordinate real general",
        "%%MatrixMarket matrix coordinate real general\n",
        "%%MatrixMarket vector coordinate real general\n1 1 0\n",
        "%%MatrixMarket matrix coordinate complex general\n1 1 0\n",
        "%%MatrixMarket matrix coordinate real hermitian\n1 1 0\n",
        "%%MatrixMarket matrix array pattern general\n1 1\n",
        "%%MatrixMarket matrix coordinate real general\n1 1\n",
        "%%MatrixMarket matrix coordinate real general\n1 1 x\n",
        "%%MatrixMarket matrix coordinate real general\n0 1 0\n",
        "%%MatrixMarket matrix coordinate real general\n99999999 1 0\n",
        "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 1\n",
        "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 1\n2 2 1\n",
        "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 3 1\n",
        "%%MatrixMarket matrix coordinate real general\n2 2 1\n0 1 1\n",
        "%%MatrixMarket matrix coordinate real general\n2 2 1\n1.5 1 1\n",
        "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 x\n",
        "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 1e999\n",
        "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 1-1\n",
        "%%MatrixMarket matrix coordinate real symmetric\n2 3 0\n",
        "%%MatrixMarket matrix array real general\n2 2\n1 2 3\n",
        "%%MatrixMarket matrix coordinate real general\n2 2 999999999999999999\n",
    ],
)
def test_matrix_market_that_is_wrong(tmp_path: Path, text: str) -> None:
    assert refused(market(tmp_path, text))[0] in ("B303", "B111")


def test_files_of_a_program_are_found_beside_it(tmp_path: Path) -> None:
    np.save(tmp_path / "j.npy", np.eye(2, dtype="f8"))
    program = assemble('.data J = file "j.npy"\nALC 2\nLDJ J\nLDJ file "j.npy"', folder=tmp_path)
    assert [block.name for block in program.data] == ["J", None]
    assert as_dense(program.data[1].value).tolist() == [[1, 0], [0, 1]]


def test_fault_of_a_file_points_at_its_use(tmp_path: Path) -> None:
    with pytest.raises(BioasmError) as caught:
        assemble('ALC 2\n  LDJ file "j.npy" ; x', folder=tmp_path)
    span = caught.value.diagnostics[0].span
    assert span is not None
    assert (span.line, span.column, span.end_column) == (2, 7, 19)


def test_assembling_text_without_data_does_not_import_numpy() -> None:
    import subprocess
    import sys

    code = "import sys; from bioasm.text.assemble import assemble; assemble('ALC 3\\nRD'); print('numpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(BioasmError, match="B301"):
        read_file(tmp_path / ("x" * 5000 + ".npy"))


def test_a_file_with_numbers_that_are_none_is_told_where_it_is_used(tmp_path: Path) -> None:
    np.save(tmp_path / "gap.npy", np.array([1.0, np.nan]))
    program = assemble('POP p, lif, 2\nINP p.I, file "gap.npy"\nRUN 1 ms\n', folder=tmp_path)
    with pytest.raises(BioasmError) as caught:
        verify(program)
    (found,) = caught.value.diagnostics
    assert (found.code, found.span and found.span.line) == ("B109", 2)
