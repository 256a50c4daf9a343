"""XML elements with line numbers; DOCTYPE and entities (expansion, external files) are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from bioasm.diagnostics import BioasmError, Span, error

_DEEPEST = 64  # elements within each other


@dataclass(eq=False)
class Element:
    """One element: its name without a prefix, its attributes, and its place."""

    name: str
    attributes: dict[str, str]
    source: str
    line: int
    inner: list[Element] = field(default_factory=list)

    def all(self, *names: str) -> Iterator[Element]:
        """The elements of these names within it, at any depth, in their order."""
        waiting = self.inner[::-1]
        while waiting:
            one = waiting.pop()
            if one.name in names:
                yield one
            waiting += one.inner[::-1]

    def first(self, name: str) -> Element | None:
        """The first element of a name right within it, or None."""
        return next((one for one in self.inner if one.name == name), None)

    def get(self, attribute: str) -> str:
        """An attribute that it must have."""
        if attribute not in self.attributes:
            raise self.fault(f"<{self.name}> has no attribute {attribute}")
        return self.attributes[attribute]

    def fault(self, text: str, hint: str | None = None) -> BioasmError:
        """The error that something is wrong with it."""
        return error("B304", text, span=Span(self.source, self.line), hint=hint)


def read_document(content: bytes, source: str) -> Element:
    """The outermost element. Raises BioasmError B304 for what is no XML, or uses what is refused."""
    parser, root = expat.ParserCreate(), Element("", {}, source, 1)
    open_ = [root]

    def begin(name: str, attributes: dict[str, str]) -> None:
        if len(open_) > _DEEPEST:
            refuse(f"elements stand more than {_DEEPEST} deep within each other")
        made = Element(name.rpartition(":")[2], attributes, source, parser.CurrentLineNumber)
        open_[-1].inner.append(made)
        open_.append(made)

    def refuse(text: str) -> NoReturn:
        raise error("B304", text, span=Span(source, parser.CurrentLineNumber))

    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda _: open_.pop()
    parser.StartDoctypeDeclHandler = lambda *_: refuse("a document with a DOCTYPE is not read: entities are refused")
    parser.EntityDeclHandler = lambda *_: refuse("entities are refused")
    try:
        parser.Parse(content, True)
    except expat.ExpatError as fault:
        text = f"this is no XML: {expat.errors.messages[fault.code]}"
        raise error("B304", text, span=Span(source, fault.lineno, fault.offset + 1, fault.offset + 2)) from None
    return root.inner[0]
