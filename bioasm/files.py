"""Atomic file writing, and errors of reading and writing."""

from __future__ import annotations

import codecs
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from bioasm.diagnostics import BioasmError, did_you_mean, error

_PREFIX = 64  # bytes that suffice to find most files nonempty
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def unreadable(path: Path | str, cause: OSError) -> BioasmError:
    """The error B301 for a file that could not be opened or read, with the nearest name of its folder as a hint."""
    hint = _similar(Path(path)) if isinstance(cause, FileNotFoundError) else None
    return error("B301", f"can't read {path}: {reason(cause)}", hint=hint)


def unwritable(path: Path | str, cause: OSError) -> BioasmError:
    """The error B302 for a file that could not be created or written."""
    return error("B302", f"can't write {path}: {reason(cause)}")


def reason(cause: OSError) -> str:
    """The system's error message, without number and file name."""
    words = cause.strerror or str(cause) or type(cause).__name__
    return words[:1].lower() + words[1:]


def _similar(path: Path) -> str | None:
    try:
        names = os.listdir(path.parent)
    except OSError:
        return None
    return did_you_mean(path.name, names)


def refuse_empty(content: bytes, source: Path | str) -> None:
    """Raise BioasmError B016 for input of blanks at most, which a failed command or a full disk leaves behind."""
    if not content[:_PREFIX].removeprefix(codecs.BOM_UTF8).strip() and not content.removeprefix(codecs.BOM_UTF8).strip():
        raise error("B016", f"{source} is empty", hint="did the command that should write it fail?")


@contextmanager
def whole(path: Path | str) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file at `path` when the block ends well, and are dropped when it does not.

    The file keeps its permissions where it existed. Pipes and devices (/dev/null) are written directly.
    Raises BioasmError B302.
    """
    target = Path(os.path.realpath(path))
    try:
        with _opened(target) as stream:
            yield stream
    except OSError as cause:
        raise unwritable(path, cause) from cause


def _opened(target: Path) -> _Whole | BinaryIO:
    if target.exists() and not target.is_file():
        return cast(BinaryIO, _Straight(io.FileIO(target, "wb")))
    return _Whole(target)


class _Straight(io.BufferedWriter):
    """A pipe or device as an unseekable stream: /dev/null reports position 0 for ever, and archive writers believe it."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation("tell")

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise io.UnsupportedOperation("seek")


class _Whole:
    """Atomic replacement: a temporary file in the folder of `target`, renamed to it on success."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None

    def __enter__(self) -> BinaryIO:
        self.name = self.target.with_name(f".bioasm.{os.getpid()}.{os.urandom(4).hex()}.part")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self.stream = os.fdopen(os.open(self.name, flags, 0o666 if self.mode is None else 0o600), "w+b")
        return self.stream

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.stream.close()
            if kind is None:
                self._take_its_place()
        finally:
            with suppress(FileNotFoundError):
                os.unlink(self.name)

    def _take_its_place(self) -> None:
        if self.mode is not None:
            os.chmod(self.name, self.mode)
        os.replace(self.name, self.target)


@contextmanager
def whole_folder(path: Path | str, mark: str) -> Iterator[Path]:
    """A new folder that takes the place of `path` when the block ends well, and is removed when it does not.

    Raises BioasmError B302; a file at `path` is left alone, as is a folder without a file called `mark`.
    """
    import shutil

    target = Path(os.path.realpath(path))
    beside = target.with_name(f".bioasm.{os.getpid()}.{os.urandom(4).hex()}.part")
    try:
        if target.exists() and not target.is_dir():
            raise NotADirectoryError(0, "is a file, and a folder is to be written")
        _refuse_folder(target, mark)
        yield beside
        if target.exists():
            shutil.rmtree(target)
        os.replace(beside, target)
    except OSError as cause:
        raise unwritable(path, cause) from cause
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_replaceable(path: Path | str) -> None:
    """Refuse a device, pipe or socket where a file is rewritten and read back. Raises BioasmError B302."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # what is not there can be made, or `check_writable` says why not
        return
    if not stat.S_ISREG(mode):
        kind = next((words for is_kind, words in _KINDS if is_kind(mode)), "no file")
        raise error("B302", f"can't write {path}: it is {kind}", hint="a checkpoint needs a regular file")


def check_writable(path: Path | str, mark: str = "") -> None:
    """Check before a long run that `path` can be written at its end; an existing folder must have a file called `mark`.

    Raises BioasmError B302.
    """
    target = Path(os.path.realpath(path))
    try:
        _check_target(target, mark)
    except OSError as cause:
        raise unwritable(path, cause) from cause


def _refuse_folder(target: Path, mark: str) -> None:
    if target.is_dir() and not (mark and (target / mark).is_file()):
        raise IsADirectoryError(0, f"is a directory{f' without a {mark}' if mark else ''}")


def _check_target(target: Path, mark: str) -> None:
    exists = False
    with suppress(FileNotFoundError, NotADirectoryError):
        exists = bool(os.stat(target))
    _refuse_folder(target, mark)
    if not exists and not target.parent.is_dir():
        raise FileNotFoundError(0, f"there is no folder {target.parent}")
    if exists and not os.access(target, os.W_OK):
        raise PermissionError(0, "permission denied")
    if (not exists or target.is_file()) and not os.access(target.parent, os.W_OK):  # a new file takes the old one's place
        raise PermissionError(0, f"permission denied in {target.parent}, where a new file is made")
