"""Loading of programs from a path or standard input; text or bytecode is detected by content."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import BinaryIO, Protocol

from bioasm.binary import looks_like_bytecode
from bioasm.diagnostics import Span, error
from bioasm.files import refuse_empty, unreadable
from bioasm.isa.limits import limit
from bioasm.isa.program import Program


class Readable(Protocol):
    """A stream that bytes can be read from."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, all that remain without a size."""


STDIN = "-"
STDIN_NAME = "<stdin>"
_PREFIX = 64


def load(path: str, stdin: Readable | None = None, *, debug: bool = False) -> Program:
    """The program in the file `path`, or in the stream `stdin` where the path is `-`.

    `debug` keeps source places for writers. Raises BioasmError: B301 where the file can't be read, B013 where it is
    neither bytecode nor text, and whatever is wrong in it.
    """
    if path == STDIN:
        return from_bytes(_content(stdin or io.BytesIO()), source=STDIN_NAME, folder=Path(), debug=debug)
    try:
        with open(path, "rb") as stream:
            content = None if _is_bytecode_file(stream) else _content(stream)
    except OSError as cause:
        raise unreadable(path, cause) from cause
    if content is None:
        from bioasm.binary.reader import read

        return read(Path(path))
    return from_bytes(content, source=path, folder=Path(path).parent, debug=debug)


def _is_bytecode_file(stream: BinaryIO) -> bool:
    """Whether the stream is a regular file of bytecode, which the reader maps into memory; a pipe can't be mapped."""
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return False
    prefix = stream.read(_PREFIX)
    stream.seek(0)
    return looks_like_bytecode(prefix)


def _content(stream: Readable) -> bytes:
    """All bytes of a stream, but no more of an endless one than shows that it is too long for a text."""
    prefix = stream.read(_PREFIX)
    return prefix + stream.read(-1 if looks_like_bytecode(prefix) else limit("text_bytes") + 1)


def read_text(path: str, stdin: Readable | None = None) -> str:
    """The text in a file, or in the stream `stdin` where the path is `-`. Raises BioasmError B301, B013, B111."""
    if path == STDIN:
        return decode((stdin or io.BytesIO()).read(limit("text_bytes") + 1), STDIN_NAME)
    try:
        with open(path, "rb") as stream:
            return decode(stream.read(limit("text_bytes") + 1), path)
    except OSError as cause:
        raise unreadable(path, cause) from cause


def from_bytes(content: bytes, *, source: str, folder: Path, debug: bool = False) -> Program:
    """The program that `content` is: bytecode or text. Data files of a text are looked for from `folder`."""
    if looks_like_bytecode(content[:_PREFIX]):
        from bioasm.binary import reader

        return reader.from_bytes(content, source=source)
    return from_text(decode(content, source), source=source, folder=folder, debug=debug)


def from_text(text: str, *, source: str, folder: Path, debug: bool = False) -> Program:
    """The program that `text` is; the parser is imported here, so that bytecode loads without it."""
    from bioasm.text.assemble import assemble

    return assemble(text, source=source, folder=folder, debug=debug)


def decode(content: bytes, source: str) -> str:
    """Bytes as text. A byte order mark is dropped. Raises BioasmError B013 with the place of the first bad byte, B016, B111."""
    refuse_empty(content, source)
    if len(content) > limit("text_bytes"):
        raise error("B111", f"{source} holds more than {limit('text_bytes'):,} bytes, the limit for a text")
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as cause:
        raise _not_a_text(content, source, cause.start) from None


def _not_a_text(content: bytes, source: str, start: int) -> Exception:
    line = content.count(b"\n", 0, start) + 1
    before = content[content.rfind(b"\n", 0, start) + 1 : start].decode("utf-8", "replace")
    column = len(before) + 1
    text = f"byte 0x{content[start]:02x} is neither UTF-8 text nor the start of bytecode"
    return error("B013", text, span=Span(source, line, column, column + 1), hint="was the file cut or converted?")
