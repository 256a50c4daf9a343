"""Parser: from the text of a model to the Model that it says, statement by statement."""

from __future__ import annotations

from bioasm.diagnostics import error
from bioasm.models.base import Model
from bioasm.models.findings import Findings
from bioasm.models.limits import LONGEST
from bioasm.models.lower import lower
from bioasm.models.scanner import Header, Places, Statement, read_block
from bioasm.models.statements import Reader, Unreadable
from bioasm.models.syntax_tree import RawModel, RawPort

_LISTS = {
    "parameter": "parameters",
    "state": "states",
    "inputs": "inputs",
    "uses": "uses",
    "definitions": "definitions",
    "observe": "observables",
    "adds": "adds",
}
_SINGLES = {
    "noise": "noise",
    "condition": "spike",
    "crossing": "spike",
    "refractory": "refractory",
    "clamp": "clamp",
    "feedback": "feedback",
    "order": "order",
    "spins": "spins",
    "clock": "clock",
}


def read_model(text: str, source: str, line: int) -> Model:
    """The model that `text` says. Raises BioasmError with all that is wrong with it."""
    if len(text) > LONGEST:
        raise error("B111", f"{source}: the text of a model has at most {LONGEST} characters")
    plain = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    findings, places = Findings(plain, source, line), Places(plain)
    block = read_block(plain, places, findings)
    if block is None:
        findings.stop()
    assert block is not None
    parser = _Parser(RawModel("neuron" if block.kind == "model" else block.kind, block.name), places, findings)
    for part in block.parts:
        parser.take(part)
    return lower(parser.parsed, block.text, findings)


class _Parser:
    """Puts the statements of a text where they belong."""

    def __init__(self, parsed: RawModel, places: Places, findings: Findings) -> None:
        self.parsed, self.findings = parsed, findings
        self.reader = Reader(places, findings)
        self.repeated: set[str] = set()

    def take(self, part: Header | Statement) -> None:
        """The next part of the block."""
        if isinstance(part, Header):
            self.begin(part)
        elif part.section == "?":
            self.parsed.lost |= part.words()
        else:
            try:
                self.add(part, *self.reader.read(part))
            except Unreadable:
                self.parsed.lost |= part.words()

    def begin(self, header: Header) -> None:
        """The beginning of a section."""
        section, parsed = header.section, self.parsed
        if section in parsed.sections and section not in ("then", "receive", "?"):
            self.repeated.add(section)
            self.findings.add("B026", f"the section `{section}:` stands twice", header.at)
        parsed.sections.setdefault(section, header.at)
        if section == "receive":
            parsed.ports.append(RawPort(header.label))
        elif header.label.text:
            self.findings.add("B020", f"nothing stands between `{section}` and its colon", header.label.at)
        if section == "then" and not parsed.stages:
            parsed.stages.append([])  # nothing happens in the first stage
        if section in ("step", "then"):
            parsed.stages.append([])

    def add(self, statement: Statement, rule: str, said: object) -> None:
        """What a statement says."""
        parsed = self.parsed
        if rule in _LISTS:
            getattr(parsed, _LISTS[rule]).append(said)
        elif rule in _SINGLES:
            self.set(_SINGLES[rule], said, statement)
        elif rule in ("equation", "assignment"):
            self.change(statement.section, said)
        elif rule in ("weight", "jump"):
            self.receive(rule, said)
        else:
            self.say(statement.section, str(said))

    def set(self, name: str, said: object, statement: Statement) -> None:
        """What can stand once."""
        if not getattr(self.parsed, name):
            setattr(self.parsed, name, said)
        elif statement.section not in self.repeated:
            at = self.reader.places.of(statement.start, statement.start + len(statement.text))
            self.findings.add("B026", f"`{statement.section}:` says one thing", at)

    def change(self, section: str, said: object) -> None:
        """An equation or an assignment."""
        (self.parsed.reset if section == "reset" else self.parsed.stages[-1]).append(said)  # type: ignore[arg-type]

    def receive(self, rule: str, said: object) -> None:
        """A line of a port."""
        port = self.parsed.ports[-1]
        if rule == "jump":
            port.jumps.append(said)  # type: ignore[arg-type]
            return
        assert isinstance(said, tuple)
        if said[0].text != "weight":
            self.findings.add("B020", "the unit of a weight is written `weight : unit`", said[0].at)
        if port.weighed:
            self.findings.add("B026", "the unit of a weight stands twice in one port", said[0].at)
        port.unit, port.weighed = said[1], True

    def say(self, section: str, text: str) -> None:
        """A text in quotes."""
        if section == "receive":
            self.parsed.ports[-1].summary = text
        elif section == "source":
            self.parsed.source = text
        else:
            self.parsed.strings.append(text)
