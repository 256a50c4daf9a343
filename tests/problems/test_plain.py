"""One reader of text for all files of problems and layers: byte order marks, UTF-16, line ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.plain import plain_text
from tests.command import bioasm
from tests.frameworks.test_rockpool import EXAMPLE
from tests.problems.test_bqm import MODEL
from tests.problems.test_write import TEXTS

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]
MARKS = {"utf-16-be": b"\xfe\xff"}
ENDS = ["\n", "\r\n", "\r"]
MTX = "% a comment\n%%MatrixMarket matrix coordinate real general\n%c\n2 2 2\n1 1 -1\n1 2 2\n".partition("\n")[2]
JSON = {"rockpool.json": EXAMPLE, "bqm.json": MODEL}
FILES = {f"problem.{form}": text.decode() for form, text in TEXTS.items()}
FILES |= {name: json.dumps(said, indent=1) + "\n" for name, said in JSON.items()}
FILES |= {"q.mtx": MTX, "new.wcnf": "c comment\nh 1 2 0\nc\n3 -1 0\n1.5 -2 0\n", "sat.cnf": "c x\np cnf 2 1\nc y\n1 -2 0\n"}


def encoded(text: str, encoding: str, end: str) -> bytes:
    return MARKS.get(encoding, b"") + text.replace("\n", end).encode(encoding)


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_file_reads_the_same_in_every_encoding_and_with_every_line_end(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(FILES[name])
    told = bioasm("import", name)
    assert (told.code, told.stderr) == (0, "")
    for encoding, end in zip(ENCODINGS, ["\r", "\r\n", "\n", "\r", "\r\n"], strict=True):
        Path(name).write_bytes(encoded(FILES[name], encoding, end))
        again = bioasm("import", name)
        assert (again.code, again.stdout) == (0, told.stdout), (encoding, end, again.stderr)


@pytest.mark.parametrize("name", ["problem.gset", "problem.qubo", "sat.cnf", "new.wcnf", "bqm.json", "rockpool.json"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_format_is_told_from_the_content_in_every_encoding(name, encoding):
    plain = bioasm("import", "-", stdin=FILES[name].encode())
    assert plain.code == 0
    assert bioasm("import", "-", stdin=encoded(FILES[name], encoding, "\r")).stdout == plain.stdout


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("end", ENDS)
def test_what_is_wrong_keeps_its_place(encoding, end):
    told = bioasm("import", "-", "--from", "gset", stdin=encoded("3 2\n1 2 1\n1 7 1\n", encoding, end))
    assert told.code == 1
    assert "<stdin>:3:1: error[B304]: 7 is none of the vertices" in told.stderr
    assert "\n  1 7 1\n" in told.stderr


@pytest.mark.parametrize("form", sorted(TEXTS))
def test_utf_16_without_a_mark_is_told(form):
    told = bioasm("import", "-", "--from", form, stdin=TEXTS[form].decode().encode("utf-16-le"))
    assert told.code == 1
    assert "<stdin>:1:1: error[B304]: the line holds a NUL byte" in told.stderr
    assert "UTF-16" in told.stderr


@pytest.mark.parametrize("content", [b"\xff\xfe3\x00 \x001\x00\n", b"\xfe\xff\xdc\x00", b"\xff\xfe\x00\x00\x00\x00\x11\x00"])
def test_a_mark_that_does_not_fit_is_told(content):
    with pytest.raises(BioasmError, match=r"B304\]: f begins as UTF-(16|32) and is none"):
        plain_text(content, "f")


def test_other_bytes_stay_as_they_are():
    assert plain_text(b"c M\xfcnchen\r1 2\n", "f") == b"c M\xfcnchen\n1 2\n"
