"""Edge lists in .csv and .tsv files: what is read, and what is wrong with it at which line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.isa.program import Sparse
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.connectivity import connect
from bioasm.text.assemble import assemble
from bioasm.text.files import read_file
from bioasm.verifier.gate import verify


def read(path: Path, text: str, sizes: str | None = "4 x 3") -> Sparse:
    path.write_text(text, encoding="utf-8")
    found = read_file(path, sizes)
    assert isinstance(found, Sparse)
    return found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("e.csv", "0,1,0.5\n3,2,-1\n1,0,2e3\n"),
        ("e.csv", "\ufeffsource,target,weight\r\n# two more\r\n 3 , 2 , -1\r\n\r\n0;1;0.5\r\n1,0,2000\r\n"),
        ("E.TSV", "pre\tpost\tw\n1\t0\t2000\n0\t1\t0.25\n3\t2\t-1\n0\t1\t0.25"),
    ],
)
def test_edges_are_entries_of_a_matrix(name: str, text: str, tmp_path: Path) -> None:
    found = read(tmp_path / name, text)
    assert found.shape == (4, 3)
    assert [*zip(found.row.tolist(), found.column.tolist(), found.value.tolist(), strict=True)] == [
        (0, 1, 0.5), (1, 0, 2000.0), (3, 2, -1.0)
    ]  # fmt: skip


def test_without_a_third_column_the_value_is_1(tmp_path: Path) -> None:
    found = read(tmp_path / "e.csv", "0,1\n2,2\n", "3")
    assert (found.shape, found.value.tolist(), found.value.dtype.str[1:]) == ((3, 3), [1, 1], "i1")


def test_an_empty_list_has_no_entries(tmp_path: Path) -> None:
    assert read(tmp_path / "e.csv", "source,target\n").value.size == 0


@pytest.mark.parametrize(
    ("text", "sizes", "words"),
    [
        ("0,1,1\n", None, "does not say the size"),
        ("0,1,1\n", "4 by 3", "does not say the size"),
        ("0,1,1\n", "0 x 3", "a side is 1 to"),
        ("0,1,1\n0,1\n", "4 x 3", "e.csv:2: a source, a target and a weight are wanted"),
        ("a,b\n\n0,1,2,3\n", "4 x 3", "e.csv:3: a source and a target"),
        ("0,1,1\n4,1,1\n", "4 x 3", "e.csv:2: `4` is no source: they are counted from 0 to 3"),
        ("0,1,1\n0,3,1\n", "4 x 3", "e.csv:2: `3` is no target"),
        ("0,1,1\n0,-1,1\n", "4 x 3", "e.csv:2: `-1` is no target"),
        ("0,1.5,1\n", "4 x 3", "e.csv:1: `1.5` is no target"),
        ("0,1,1\n#\n0,2,x\n", "4 x 3", "e.csv:3: `x` is no number that fits"),
        ("0,1,1\n\u00b2,2,1\n", "4 x 3", "e.csv:2"),
        (f"0,1,1\n{'9' * 5000},2,1\n", "4 x 3", "e.csv:2"),
        ("0,1,1e999\n", "4 x 3", "e.csv:1"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, sizes: str | None, words: str, tmp_path: Path) -> None:
    with pytest.raises(BioasmError) as caught:
        read(tmp_path / "e.csv", text, sizes)
    assert words in str(caught.value)


def test_a_projection_reads_its_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("e.csv").write_text("0,2,0.5\n3,0,2\n")
    text = 'POP a, lif, 4\nPOP b, lif, 3\nSYN s, a, b\nCON s, file "e.csv" "4 x 3"\nSET s.weight, 2 mV\nRUN 1 ms\n'
    verified = verify(assemble(text))
    start, reached, weight = connect(verified, verified.network.projections[0], ConnectionValues(2e-3), 1)
    assert (start.tolist(), reached.tolist(), weight.tolist()) == ([0, 1, 1, 1, 2], [2, 0], [1e-3, 4e-3])
