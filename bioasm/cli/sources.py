"""The source lines that messages show below a place, for findings that come without theirs."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from bioasm.binary import looks_like_bytecode
from bioasm.diagnostics import Diagnostic, Span
from bioasm.loading import STDIN_NAME

_TEXT_SUFFIX = ".basm"


class Sources:
    """Remembers which programs were read, standard input included, and finds their lines again.

    Bytecode may name any file as its source. Only lines of texts that were read, or of files whose name says that they
    are program texts, are shown: messages must not carry other files of the user into a log.
    """

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.chunks: list[bytes] = []

    def read(self, size: int = -1) -> bytes:
        """Read standard input, and keep it where it is text."""
        chunk = sys.stdin.buffer.read(size)
        if self.chunks or not looks_like_bytecode(chunk[:64]):
            self.chunks.append(chunk)
        return chunk

    def with_excerpts(self, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
        """The findings, those that have a place with the source line there, if it can be found."""
        return [d if d.excerpt is not None or not d.span else replace(d, excerpt=self.line(d.span)) for d in diagnostics]

    def line(self, span: Span) -> str | None:
        """The source line at a place, or None."""
        if span.source == STDIN_NAME:
            return _nth(b"".join(self.chunks).splitlines(keepends=True), span.line)
        if span.source not in self.paths and not span.source.endswith(_TEXT_SUFFIX):
            return None
        try:
            if not stat.S_ISREG(os.stat(span.source).st_mode):
                return None
            with open(span.source, "rb") as stream:
                return _nth(stream, span.line)
        except (OSError, ValueError):
            return None


def _nth(lines: Iterable[bytes], number: int) -> str | None:
    found = next(islice(lines, number - 1, None), None) if number > 0 else None
    return None if found is None else found.decode("utf-8", "replace").rstrip("\r\n").removeprefix("\ufeff")
