"""Parser of the model language: from text to Model, statement by statement.

Error recovery: an error in one statement hides none in others; words of a statement that can't be parsed are `lost`, and
give no findings.
"""

from __future__ import annotations

from typing import Any

from lark import Token, Tree, UnexpectedInput

from bioasm.diagnostics import error
from bioasm.models.base import Model
from bioasm.models.findings import Findings
from bioasm.models.grammar import FORMS, START, parser
from bioasm.models.limits import DEEPEST, LONGEST
from bioasm.models.lower import lower
from bioasm.models.scanner import UNKNOWN_SECTION, Header, Statement, read_block
from bioasm.models.sections import SECTIONS
from bioasm.models.statements import Unreadable
from bioasm.models.syntax_errors import describe
from bioasm.models.syntax_tree import RawModel
from bioasm.models.tree_reader import TreeReader, is_too_deep


def read_model(text: str, source: str, line: int) -> Model:
    """Parse, check and lower a model. Raises BioasmError with all findings."""
    if len(text) > LONGEST:
        raise error("B111", f"{source}: the text of a model has at most {LONGEST} characters")
    plain = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    findings = Findings(plain, source, line)
    block = read_block(plain, findings)
    if block is None:
        findings.stop()
    assert block is not None
    parsed = _Parser(RawModel(block.kind, block.name), findings)
    for part in block.parts:
        parsed.take(part)
    return lower(parsed.model, block.text, findings)


class _Parser:
    """Parses the statements of a text and puts them into its RawModel."""

    def __init__(self, model: RawModel, findings: Findings) -> None:
        self.model, self.findings = model, findings
        self.reader = TreeReader(findings)
        self.repeated: set[str] = set()

    def take(self, part: Header | Statement) -> None:
        """Process the next part of the block, a header or a statement."""
        if isinstance(part, Header):
            self.begin(part)
        elif part.section == UNKNOWN_SECTION:
            self.model.lost |= part.words()
        else:
            try:
                self.add(part, self.parse(part))
            except Unreadable:
                self.model.lost |= part.words()

    def begin(self, header: Header) -> None:
        """Begin a section."""
        if header.section == UNKNOWN_SECTION:
            return
        section, model = SECTIONS[header.section], self.model
        if section.name in model.sections and not section.repeats:
            self.repeated.add(section.name)
            self.findings.add("B026", f"the section `{section.name}:` stands twice", header.at, section.several)
        model.sections.setdefault(section.name, header.at)
        beyond = header.labels[section.labels :]
        if beyond:
            before = " ".join((section.name, *header.labels[: section.labels]))
            self.findings.add("B020", f"nothing stands between `{before}` and its colon", beyond[0].at)
        if section.begin:
            section.begin(model, header.labels)

    def parse(self, statement: Statement) -> Any:
        """The syntax node of a statement. Raises Unreadable."""
        self.reader.begin(statement.start)
        try:
            tree = parser().parse(statement.text, start=START[statement.section])
        except UnexpectedInput as fault:
            describe(statement, fault, self.findings)
            raise Unreadable from None
        self._check_depth(tree, statement)
        return FORMS[tree.data].reader(self.reader, tree.children)

    def _check_depth(self, tree: Tree[Token], statement: Statement) -> None:
        if is_too_deep(tree):
            message = f"an expression is nested more than {DEEPEST} levels deep"
            self.findings.add("B111", message, self.findings.places.of(*statement.span()))
            raise Unreadable

    def add(self, statement: Statement, said: Any) -> None:
        """Add a parsed statement to the model; of sections that may occur once, the first is kept."""
        section = SECTIONS[statement.section]
        if not section.once or not self.model[section.field]:
            section.add(self.model, said)
        elif section.name not in self.repeated:
            at = self.findings.places.of(*statement.span())
            self.findings.add("B026", f"`{section.name}:` says one thing", at, section.several)
