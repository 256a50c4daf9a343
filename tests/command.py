"""Runs `bioasm` command lines within the test's own process, as a shell would, pipes included."""

from __future__ import annotations

import io
import json
import shlex
import sys
from dataclasses import dataclass
from unittest import mock

from bioasm.cli.main import main


@dataclass(frozen=True)
class Outcome:
    """What a command line left behind."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.stdout.decode()

    @property
    def json(self):
        """Standard output as one JSON value."""
        return json.loads(self.stdout)


class Stream(io.TextIOWrapper):
    """A text stream over bytes in memory that may claim to be a terminal."""

    def __init__(self, content: bytes = b"", terminal: bool = False) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8", newline="", write_through=True)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def content(self) -> bytes:
        self.flush()
        return self.buffer.getvalue()


def bioasm(*args: object, stdin: bytes | str = b"", terminal: bool = False) -> Outcome:
    """Run one command line. With `terminal`, standard output and error claim to be a terminal."""
    out, err = Stream(terminal=terminal), Stream(terminal=terminal)
    content = stdin.encode() if isinstance(stdin, str) else stdin
    with mock.patch.multiple(sys, stdin=Stream(content), stdout=out, stderr=err):
        code = main([str(a) for a in args])
    return Outcome(code, out.content(), err.content().decode())


def pipeline(line: str) -> Outcome:
    """Run `asm x | disasm -`: the last failing exit code counts, messages are joined.

    `pick NAME ...` after a `--json` keeps those members of the object, one a line.
    """
    code, content, messages = 0, b"", ""
    for stage in line.split(" | "):
        name, *args = shlex.split(stage)
        outcome = _pick(content, args) if name == "pick" else bioasm(name, *args, stdin=content)
        content, messages = outcome.stdout, messages + outcome.stderr
        code = outcome.code or code
    return Outcome(code, content, messages)


def _pick(content: bytes, names: list[str]) -> Outcome:
    if not content:
        return Outcome(0, b"", "")
    members = json.loads(content)
    return Outcome(0, "".join(f"{name}: {json.dumps(members[name])}\n" for name in names).encode(), "")
