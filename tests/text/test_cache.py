"""The folder of cached tables: where it is, that it is private, and that nothing depends on it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bioasm import grammars
from bioasm.cachedir import cache_dir, place, read_kept, write_atomically, write_kept
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
    assert [f.suffix for f in files] == [".json"]
    monkeypatch.setattr(grammars, "_built", lambda *_: pytest.fail("built again"))
    assert built_anew().parse("a: RUN 5 ms") == first.parse("a: RUN 5 ms")


@pytest.mark.parametrize("content", [b"", b"\x80", b"no tables", b"{}", b'{"data":{},"memo":{}}'])
@pytest.mark.parametrize("sound", [True, False], ids=["checksum", "none"])
def test_damaged_tables_are_built_anew(home: Path, content: bytes, sound: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []
    monkeypatch.setattr(grammars, "write_kept", lambda path, key, kept: keys.append(key) or write_kept(path, key, kept))
    built_anew()
    (path,) = (home / ".cache" / "bioasm").iterdir()
    if sound:
        write_kept(path, keys[0], content)
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    assert built_anew().parse("RST") is not None
    assert path.read_bytes() != before


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    assert not write_atomically(tmp_path / "x", b"1")
    assert not write_atomically(tmp_path / "none" / "x", b"1")
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


# --- what is believed -------------------------------------------------------------------------------

KEY = b"a key"


@pytest.fixture
def kept(home: Path) -> Path:
    """A file of the cache that holds `content` for KEY."""
    path = place("thing", KEY, ".x")
    assert path is not None
    assert write_kept(path, KEY, b"content")
    assert read_kept(path, KEY) == b"content"
    return path


def test_a_file_belongs_to_its_key(kept: Path) -> None:
    assert read_kept(kept, b"another key") is None
    other = place("thing", b"another key", ".x")
    assert other is not None
    assert other != kept
    kept.rename(other)
    assert read_kept(other, b"another key") is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_believed(kept: Path, mode: int) -> None:
    kept.chmod(mode)
    assert read_kept(kept, KEY) is None


def test_a_file_of_another_user_is_not_believed(kept: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(kept, 65534, 65534)
    assert read_kept(kept, KEY) is None


@pytest.mark.parametrize("made", ["link", "pipe", "folder"])
def test_what_is_no_file_is_not_believed(kept: Path, made: str) -> None:
    content = kept.rename(kept.with_name("elsewhere"))
    if made == "link":
        kept.symlink_to(content)
    elif made == "pipe":
        os.mkfifo(kept)
    else:
        kept.mkdir()
    assert read_kept(kept, KEY) is None


@pytest.mark.parametrize("at", [0, 31, 32, -1])
def test_a_changed_byte_is_seen(kept: Path, at: int) -> None:
    content = bytearray(kept.read_bytes())
    content[at] ^= 1
    kept.write_bytes(content)
    assert read_kept(kept, KEY) is None


def test_files_are_made_private_whatever_the_umask(home: Path) -> None:
    before = os.umask(0)
    try:
        path = place("thing", KEY, ".x")
        assert path is not None
        assert write_kept(path, KEY, b"content")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("mode", "believed"), [(0o755, True), (0o1777, True), (0o777, False), (0o757, False)])
@pytest.mark.parametrize("above", [1, 2])
def test_parents_that_others_may_write_are_not_believed(home: Path, mode: int, believed: bool, above: int) -> None:
    folder = cache_dir()
    assert folder is not None
    parent = folder.parents[above - 1]
    parent.chmod(mode)
    assert (cache_dir() is not None) is believed


def test_a_parent_of_another_user_is_not_believed(home: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give folders away")
    assert cache_dir() is not None
    os.chown(home / ".cache", 65534, 65534)
    assert cache_dir() is None


def test_a_link_to_a_folder_is_judged_by_where_it_leads(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "open" / "private").mkdir(parents=True)
    (home / "link").symlink_to(home / "open" / "private")
    monkeypatch.setenv("BIOASM_CACHE_DIR", str(home / "link"))
    assert cache_dir() == home / "open" / "private"
    (home / "open").chmod(0o777)
    assert cache_dir() is None
