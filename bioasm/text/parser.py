"""Parser from text to Document: the text is split into statements, which are parsed separately (LALR).

So an error in one statement hides none in others, and equal statements are parsed once.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lark import Lark, Token, Tree, UnexpectedInput

from bioasm.diagnostics import Diagnostic, error
from bioasm.isa.limits import limit
from bioasm.isa.modeltext import BLOCK
from bioasm.text.document import Document, Item, Line, Statement
from bioasm.text.syntax_errors import complaint, too_long, unclosed
from bioasm.text.tables import statement_parser

# Possessive quantifiers: no backtracking, so that the time is linear in the text.
_STRING = r'"(?:[^"\\\n]|\\.)*+"'
_BRACKETS = r"\[(?:[^][;]++|;[^\n]*+|\[(?:[^][;]++|;[^\n]*+)*+\])*+\]"
_BRACES = BLOCK
_SAID = rf'(?:[^\n;"\[{{]++|{_STRING}|{_BRACKETS}|{_BRACES})*+'
_CUT = re.compile(r"([ \t\n]*+)(" + _SAID + r")(;[^\n]*+)?(?=\n|\Z)")
_SPACE = re.compile(r"[ \t\n]*+")
_UP_TO_FAULT = re.compile(_SAID)
_WORD = re.compile(r"[^\W\d][\w.]*")
_QUOTED_OR_DATA = re.compile(f"{_STRING}|{_BRACKETS}|{_BRACES}")
_LOST = 2000


def parse(text: str, source: str = "<text>") -> Document:
    """Parse `text` into a Document. Errors are in its `diagnostics`; parsing stops at `limit("diagnostics")` of them.

    Raises BioasmError B013 for a lone surrogate, B111 for a text over the limit of length.
    """
    document = Document(source, _plain(text, source), [], [], set())
    _Reader(document).read()
    return document


def _plain(text: str, source: str) -> str:
    """Normalise line ends to line feeds, and drop a byte order mark."""
    if len(text) > limit("text_bytes"):
        raise error("B111", f"{source} holds more than {limit('text_bytes')} characters, the limit for a text")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as fault:
            raise error("B013", f"{source} holds half a character (U+{ord(text[fault.start]):04X})") from None
        text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


class _Reader:
    """Splitter of one text into the statements of its Document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.text = document.text
        self.parser: Lark | None = None
        self.known: dict[str, Statement] = {}
        self.at = 0
        self.number = 1

    def read(self) -> None:
        text, end = self.text, len(self.text)
        while self.at < end and len(self.document.diagnostics) < limit("diagnostics"):
            cut = _CUT.match(text, self.at)
            if cut is None:
                self._skip_unclosed()
            else:
                self._take(cut)

    def _take(self, cut: re.Match[str]) -> None:
        """Parse one statement, whose literals may span several lines."""
        space, said, comment = cut.groups()
        newlines = space.count("\n")
        blank_before = newlines > (self.at > 0)
        self.number += newlines
        column = len(space) - space.rfind("\n")
        line = Line(None, (comment or "").rstrip(), cut.start(2), self.number, column, blank_before)
        said = said.rstrip(" \t")
        if said:
            statement = self.known.get(said) or self._parsed(said, line)
            line = line._replace(statement=statement)
        if said or comment:
            self.document.lines.append(line)
        self.number += said.count("\n")
        self.at = cut.end()

    def _parsed(self, said: str, line: Line) -> Statement | None:
        if len(said) > limit("statement") and _beside_data(said) > limit("statement"):
            self._lose(too_long(self.document, line), said)
            return None
        self.parser = self.parser or statement_parser()
        try:
            self.known[said] = statement = _statement(self.parser.parse(said))
        except UnexpectedInput as fault:
            self._lose(complaint(self.document, line, said, fault), said)
            return None
        return statement

    def _skip_unclosed(self) -> None:
        """Error recovery: report an unclosed quote or bracket, and resume where the next statement seems to start."""
        start = _matched(_SPACE, self.text, self.at)
        fault = _matched(_UP_TO_FAULT, self.text, start)
        self.number += self.text.count("\n", self.at, start)
        line = Line(None, "", start, self.number, start - self.text.rfind("\n", 0, start))
        finding, self.at = unclosed(self.document, line, fault)
        self._lose(finding, self.text[start : min(self.at, start + _LOST)])
        self.number += self.text.count("\n", start, self.at)

    def _lose(self, finding: Diagnostic, said: str) -> None:
        self.document.diagnostics.append(finding)
        self.document.lost_words.update(_WORD.findall(said[:_LOST]))


def _beside_data(said: str) -> int:
    """The length of a statement with each quote and literal counted as one letter; one sparse literal is not searched for."""
    opened, closed = said.find("{"), said.rfind("}")
    before = said[: max(0, opened)]
    if opened < closed and said.count("{") == said.count("}") == 1 and '"' not in before and "[" not in before:
        said = before + said[closed:]
    return len(_QUOTED_OR_DATA.sub('"', said))


def _matched(pattern: re.Pattern[str], text: str, start: int) -> int:
    """The end of the match of a pattern that always matches, perhaps the empty string."""
    found = pattern.match(text, start)
    return found.end() if found else start


# --- from Lark's tree to a Statement ----------------------------------------------------------------


def _statement(tree: Tree[Token]) -> Statement:
    labels: list[Item] = []
    head, operands, value = None, list[Item](), None
    for child in tree.children:
        if isinstance(child, Token):
            labels.append(_item("label", child, str(child)[:-1].rstrip()))
        else:
            head, operands, value = _body(child)
    return Statement(tuple(labels), head, tuple(operands), value)


def _body(tree: Tree[Token]) -> tuple[Item, list[Item], Item | None]:
    head, *rest = tree.children
    assert isinstance(head, Token)
    operands = [_operand(child) for child in rest if isinstance(child, Tree)]
    has_value = any(isinstance(child, Token) for child in rest) or any(item.form == "block" for item in operands[-1:])
    value = operands.pop() if has_value else None
    return _item(str(tree.data), head, str(head)), operands, value


def _operand(tree: Tree[Token]) -> Item:
    return _OPERANDS[str(tree.data)]([child for child in tree.children if isinstance(child, Token)])


def _item(form: str, token: Token, text: str, last: Token | None = None, extra: str = "") -> Item:
    end = (last or token).end_pos
    return Item(form, text, token.start_pos or 0, end or 0, extra)


def _number(tokens: list[Token]) -> Item:
    return _item("number", tokens[0], str(tokens[0]), tokens[-1], str(tokens[1]) if len(tokens) > 1 else "")


def _literal(tokens: list[Token]) -> Item:
    literal = tokens[-1]
    kind = str(tokens[0]).lower() if len(tokens) > 1 else ""
    return _item(literal.type.lower(), tokens[0], str(literal), literal, kind)


def _file(tokens: list[Token]) -> Item:
    return _item("file", tokens[0], str(tokens[1]), tokens[-1], str(tokens[2]) if len(tokens) > 2 else "")


_OPERANDS: dict[str, Callable[[list[Token]], Item]] = {
    "number": _number,
    "word": lambda tokens: _item("word", tokens[0], str(tokens[0])),
    "string": lambda tokens: _item("string", tokens[0], str(tokens[0])),
    "literal": _literal,
    "file": _file,
    "block": lambda tokens: _item("block", tokens[0], str(tokens[0])),
}
