"""The folder of cached tables: where it is, that it is private, and that nothing depends on it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bioasm import grammars
from bioasm.cachedir import cache_dir, write_atomically
from bioasm.text import tables

VARIABLES = ("BIOASM_CACHE_DIR", "XDG_CACHE_HOME")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_where_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_dir() == home / ".cache" / "bioasm"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "xdg"))
    assert cache_dir() == home / "xdg" / "bioasm"
    monkeypatch.setenv("BIOASM_CACHE_DIR", str(home / "own"))
    assert cache_dir() == home / "own"


def test_it_is_private(home: Path) -> None:
    folder = cache_dir()
    assert folder is not None
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    assert cache_dir() is None


def test_a_folder_of_somebody_else_is_not_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_dir() is not None
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    assert cache_dir() is None


@pytest.mark.parametrize("place", ["/dev/null", "/dev/null/x", "a\0b", "/proc/nowhere"])
def test_without_a_folder(home: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, "BIOASM_CACHE_DIR": place})
    assert cache_dir() is None
    assert built_anew().parse("RST") is not None


def built_anew():  # type: ignore[no-untyped-def]
    tables.statement_parser.cache_clear()
    return tables.statement_parser()


def test_tables_are_written_once_and_read_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = built_anew()
    files = list((home / ".cache" / "bioasm").iterdir())
    assert [f.suffix for f in files] == [".tables"]
    monkeypatch.setattr(grammars, "_built", lambda *_: pytest.fail("built again"))
    assert built_anew().parse("a: RUN 5 ms") == first.parse("a: RUN 5 ms")


@pytest.mark.parametrize("content", [b"", b"\x80", b"not a pickle", b"\x80\x04N."])
def test_damaged_tables_are_built_anew(home: Path, content: bytes) -> None:
    built_anew()
    (path,) = (home / ".cache" / "bioasm").iterdir()
    path.write_bytes(content)
    assert built_anew().parse("RST") is not None
    assert path.read_bytes() != content


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    assert not write_atomically(tmp_path / "x", b"1")
    assert not write_atomically(tmp_path / "none" / "x", b"1")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
