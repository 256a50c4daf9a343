"""Files that are whole or absent."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.files import check_replaceable, check_writable, reason, unreadable, whole


def test_the_file_holds_what_was_written(tmp_path: Path) -> None:
    with whole(tmp_path / "a") as stream:
        stream.write(b"one")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["a"]


def test_nothing_is_there_before_the_end(tmp_path: Path) -> None:
    with whole(tmp_path / "a") as stream:
        stream.write(b"one")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").exists()


@pytest.mark.parametrize("failure", [ValueError("x"), KeyboardInterrupt(), MemoryError()])
def test_a_failure_leaves_nothing(tmp_path: Path, failure: BaseException) -> None:
    with pytest.raises(type(failure)), whole(tmp_path / "a") as stream:
        stream.write(b"one")
        raise failure
    assert os.listdir(tmp_path) == []


def test_a_failure_keeps_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(BioasmError, match="B302.*no space left"), whole(tmp_path / "a") as stream:
        stream.write(b"new")
        raise OSError(28, "No space left on device")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_permissions_are_those_of_a_new_file(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        with whole(tmp_path / "a") as stream:
            stream.write(b"x")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_permissions_of_an_old_file_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a").touch(0o600)
    with whole(tmp_path / "a") as stream:
        stream.write(b"x")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").touch()
    (tmp_path / "link").symlink_to("real")
    with whole(tmp_path / "link") as stream:
        stream.write(b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"x"


def test_a_device_is_written_directly() -> None:
    with whole("/dev/null") as stream:
        assert stream.write(b"x") == 1
    assert not stat.S_ISREG(os.stat("/dev/null").st_mode)


def test_a_full_device_is_told() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with (
        pytest.raises(BioasmError, match=r"B302\]: can't write /dev/full: no space left on device"),
        whole("/dev/full") as s,
    ):
        s.write(b"x" * 100_000)


@pytest.mark.parametrize(
    ("name", "words"),
    [("absent/a", "no such file or directory"), (".", "directory"), ("file/a", "not a directory")],
)
def test_where_nothing_can_be_written(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BioasmError, match="B302") as caught, whole(tmp_path / name):
        pass
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [("absent/a", "there is no folder"), (".", "is a directory"), ("file/a", "there is no folder"), ("x" * 5000, "too long")],
)
def test_it_is_known_before_a_run(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BioasmError, match=f"B302.*{words}"):
        check_writable(tmp_path / name)


def test_what_can_be_written_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"x")
    check_writable(tmp_path / "old")
    check_writable(tmp_path / "new")
    assert os.listdir(tmp_path) == ["old"]


def test_no_permission_is_known_before_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    (tmp_path / "b").touch()
    for name in ("a", "b"):
        with pytest.raises(BioasmError, match="permission denied"):
            check_writable(tmp_path / name)


def test_the_nearest_name_of_the_folder_is_offered(tmp_path: Path) -> None:
    (tmp_path / "problem.basm").touch()
    told = unreadable(tmp_path / "probem.basm", FileNotFoundError(2, "No such file or directory")).diagnostics[0]
    assert told.hint == "did you mean problem.basm?"


@pytest.mark.parametrize("cause", [PermissionError(13, "Permission denied"), FileNotFoundError(2, "No such file")])
def test_no_offer_where_there_is_none(tmp_path: Path, cause: OSError) -> None:
    assert unreadable(tmp_path / "absent" / "x", cause).diagnostics[0].hint is None


@pytest.mark.parametrize(
    ("cause", "words"),
    [(OSError(28, "No space left"), "no space left"), (OSError("odd"), "odd"), (OSError(), "oSError")],
)
def test_reason(cause: OSError, words: str) -> None:
    assert reason(cause) == words


def test_a_folder_that_takes_no_new_file_is_known_before_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b").touch()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path)
    with pytest.raises(BioasmError, match="permission denied in"):
        check_writable(tmp_path / "b")
    check_writable("/dev/null")


def test_only_regular_files_are_replaced_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to-pipe").symlink_to("pipe")
    for name in ("file", "link", "new"):
        check_replaceable(tmp_path / name)
    for name, words in (("pipe", "a pipe"), ("to-pipe", "a pipe"), ("/dev/null", "a device"), (".", "a directory")):
        with pytest.raises(BioasmError, match=f"B302.*it is {words}"):
            check_replaceable(tmp_path / name)
