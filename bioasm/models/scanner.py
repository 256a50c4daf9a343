"""Scanner: splits the text of a block into sections and statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from bioasm.diagnostics import did_you_mean
from bioasm.models.expression import Place
from bioasm.models.findings import Findings
from bioasm.models.heads import HEADS
from bioasm.models.sections import NAMES
from bioasm.models.syntax_tree import Word

# The section of statements below an unknown header.
UNKNOWN_SECTION = "?"
_HEAD = re.compile(r"(?:[ \t\n]|;[^\n]*)*+\.([^\W\d]\w*)[ \t]+([^\W\d]\w*)[ \t\n]*\{")
_SECTION = re.compile(r"([^\W\d]\w*)(?:[ \t]+([^\W\d]\w*))?(?:[ \t]+([^\W\d]\w*))?[ \t]*:(?!=)[ \t]*")
# Possessive quantifiers: no backtracking on any input.
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+"|;[^\n]*+|[^";()\[\]{}\n]++|.|\n', re.DOTALL)
_DEPTH = {"(": 1, "[": 1, ")": -1, "]": -1}
_NEW_SECTION = re.compile(rf"[ \t]*(?:{'|'.join(NAMES)})(?:[ \t]+\w+){{0,2}}[ \t]*:(?!=)")

_INSIDE = re.compile(rf"\n{_NEW_SECTION.pattern}")
_FOLLOWING = re.compile(r"[ \t]*[^\s;}]")


class Statement(NamedTuple):
    """A statement of a section, at `start` of the text; `section` is empty before the first."""

    section: str
    text: str
    start: int

    def span(self) -> tuple[int, int]:
        """Where it starts and ends."""
        return self.start, self.start + len(self.text)

    def words(self) -> set[str]:
        """All identifiers of the statement, with the variables of derivatives (`v` of `dv`)."""
        found = {*re.findall(r"[^\W\d]\w*", self.text)}
        return found | {word[1:] for word in found if word[0] == "d"}


class Header(NamedTuple):
    """The header of a section; `labels` are the words after the first, as in `receive nmda:` and `on pre effect:`."""

    section: str
    at: Place
    labels: tuple[Word, ...] = ()


class Block(NamedTuple):
    """One block of a kind: its parts in their order, and its text up to the closing brace."""

    kind: str
    name: Word
    parts: list[Statement | Header]
    text: str


def read_block(text: str, findings: Findings) -> Block | None:
    """Scan the block of a text, with findings about its form; None without a block."""
    head = _HEAD.match(text)
    if head is None or head[1] not in HEADS:
        first = re.compile(r"(?:\s|;[^\n]*)*+(\S*)").match(text)
        at = findings.places.of(*first.span(1)) if first else (1, 1, 2)
        forms = " or ".join(f"`.{head} NAME {{ ... }}`" for head in HEADS)
        findings.add("B020", f"a model's text is {forms}", at)
        return None
    name = Word(head[2], findings.places.of(*head.span(2)))
    scanner = _Scanner(text, findings)
    parts = list(scanner.parts(head.end()))
    return Block(HEADS[head[1]], name, parts, text[head.start(1) - 1 : scanner.end])


class _Scanner:
    """Lexes a block: quotes, comments and brackets, so that statements end with their line or their last bracket."""

    def __init__(self, text: str, findings: Findings) -> None:
        self.text, self.places, self.findings = text, findings.places, findings
        self.end = len(text)

    def parts(self, start: int) -> Iterator[Statement | Header]:
        section = ""
        for begin, end in self._statements(start):
            found = _SECTION.match(self.text, begin, end)
            if found and self._is_header(found, end):
                section = found[1] if found[1] in NAMES else UNKNOWN_SECTION
                labels = tuple(Word(found[k], self.places.of(*found.span(k))) for k in (2, 3) if found[k])
                yield Header(section, self.places.of(*found.span(1)), labels)
                begin = found.end()
            if begin < end:
                yield Statement(section, self.text[begin:end], begin)

    def _is_header(self, found: re.Match[str], end: int) -> bool:
        """Whether `word:` starts a section: a word of the language does, and so does any other with nothing after it."""
        if found[1] in NAMES:
            return True
        if found.end() < end:
            return False
        hint = did_you_mean(found[1], NAMES) or f"the sections are {', '.join(NAMES)}"
        self.findings.add("B028", f"there is no section `{found[1]}:`", self.places.of(*found.span(1)), hint)
        return True

    def _statements(self, start: int) -> Iterator[tuple[int, int]]:
        """Where statements start and end: with their line, or with the line that closes the last parenthesis."""
        begin, depth, end = start, 0, start
        while piece := _PIECE.match(self.text, end):
            said, here, end = piece[0], piece.start(), piece.end()
            if said == "}":
                self.end = end
                yield from self._stripped(begin, here)
                self._after(end)
                return
            if said == "\n":
                if depth == 0 or _NEW_SECTION.match(self.text, end):
                    yield from self._stripped(begin, here)
                    begin, depth = end, 0
            elif said[0] == ";" and depth == 0:
                yield from self._stripped(begin, here)
                begin = end
            elif said[0] in '"{':
                begin, end = self._quoted_or_stray(piece, begin)
            else:
                depth = max(depth + _DEPTH.get(said, 0), 0)
        self.findings.add("B020", "the block is not closed by a `}`", self.places.of(start - 1, start))

    def _stripped(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        said = self.text[begin:end]
        bare = said.strip()
        if bare:
            first = begin + len(said) - len(said.lstrip())
            yield first, first + len(bare)

    def _quoted_or_stray(self, piece: re.Match[str], begin: int) -> tuple[int, int]:
        """The beginning of the statement and the position to continue at, after a quoted text or a stray quote or brace."""
        if len(piece[0]) > 1 and not self._is_astray(piece):
            return begin, piece.end()
        what = "a text in quotes is not closed" if piece[0][0] == '"' else "braces can't stand in braces"
        line_end = self.text.find("\n", piece.start())
        past = len(self.text) if line_end < 0 else line_end
        self.findings.add("B020", what, self.places.of(piece.start(), past))
        return past, past

    def _is_astray(self, piece: re.Match[str]) -> bool:
        """Whether the closing quote of a multi-line text is probably an opening one: a section or more words follow."""
        several = "\n" in piece[0]
        return several and bool(_INSIDE.search(piece[0]) or _FOLLOWING.match(self.text, piece.end()))

    def _after(self, end: int) -> None:
        """A finding for text after the block other than comments."""
        rest = re.compile(r"(?:\s|;[^\n]*)*+").match(self.text, end)
        if rest and rest.end() < len(self.text):
            at = self.places.of(rest.end(), rest.end() + 1)
            self.findings.add("B020", "a file of a model holds one block, and nothing follows it", at)
