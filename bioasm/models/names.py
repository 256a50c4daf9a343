"""Symbol table of a model: the kind of each name, and findings for names that are not allowed or not defined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bioasm.diagnostics import did_you_mean
from bioasm.models.base import NEURON, POST, PRE, SYNAPSE, common_observables
from bioasm.models.expression import FUNCTIONS, Call, Expression, Place, Symbol
from bioasm.models.findings import Findings
from bioasm.models.grammar import KEYWORDS
from bioasm.models.sections import NAMES, ROWS, evaluated
from bioasm.models.syntax_tree import RawDeclaration, RawEvent, RawModel, RawParameter, RawValue, Word, place_of
from bioasm.models.tree_reader import UNKNOWN
from bioasm.units import MEASURES, Dimension

BUILT_IN = ("dt", "t")
_SECTIONS = {name for name in NAMES if name not in ("on", "event")}  # which always have a suffix
_WORDS = KEYWORDS | {"dt", "t", "xi", "pi", "weight"} | _SECTIONS
# Members of every model that can be read.
TAKEN = frozenset({"state", "spikes", "spike_count", *(o.name for o in common_observables(Dimension.TIME))})
_LONGEST = 64
# The ways to declare an undefined name.
_READABLE = ("parameter", "input", "definition", "use")
Raw = RawParameter | RawValue | RawDeclaration | RawEvent


class Scope:
    """The symbol table of one text: `kinds[name]` is parameter, noise, input, use, state, definition or event."""

    def __init__(self, parsed: RawModel, findings: Findings) -> None:
        self.parsed, self.findings = parsed, findings
        self.kinds: dict[str, str] = {}
        self.excused = {UNKNOWN, *parsed.lost}
        self.dropped: set[Place] = set()
        for kind, word in sorted(_declared(parsed), key=lambda declared: declared[1].at):
            self._declare(kind, word)
        self._drop()

    def _drop(self) -> None:
        """Remove declarations of names that are not allowed, and all but the first of each name."""
        for row in ROWS:
            declared = self.parsed[row.field] if row.declares and self.dropped else None
            if isinstance(declared, list):
                self.parsed[row.field] = [raw for raw in declared if raw.name.at not in self.dropped]

    def _declare(self, kind: str, word: Word) -> None:
        fault = self._fault(kind, word)
        if fault:
            self.findings.add("B025", f"{kind} `{word}`: {fault[0]}", word.at, fault[1])
            self.dropped.add(word.at)
            self.excused.add(word)
            return
        if word in self.kinds:
            self.findings.add("B026", f"`{word}` is {_article(self.kinds[word])} already", word.at)
            self.dropped.add(word.at)
            return
        self.kinds[word] = kind

    def _fault(self, kind: str, name: str) -> tuple[str, str] | None:
        """Why a name is not allowed, and a hint; None where it is."""
        other = f"take another name, such as {name}_ or {name}0"
        if name == "dt" and kind == "parameter" and self.parsed.kind == NEURON:
            return None
        if name in FUNCTIONS:
            return "that is a function", other
        if name in _WORDS or name.startswith("xi_") or name in TAKEN:
            return "that is a word of the language", other
        if len(name) > 1 and name in MEASURES:
            return "that is a unit", other
        return ("a name has at most 64 characters", "shorten it") if len(name) > _LONGEST else None

    # --- reading ------------------------------------------------------------------------------------

    def check(self, expression: Expression, extra: Iterable[str] = (), functions: Iterable[str] = ("held",)) -> None:
        """Findings for undefined names of an expression; `extra` are defined in it alone."""
        allowed = {*extra}
        for node in expression.walk():
            if isinstance(node, Symbol) and not self._is_known(node.name, allowed):
                self._undefined(node)
            elif isinstance(node, Call) and node.function == "delayed" and "delayed" not in functions:
                text = "delayed stands in `adds:` of a mechanism, where the delay of its spikes is known"
                self.findings.add("B027", text, node.at)
            elif isinstance(node, Call) and node.function == "held" and "held" not in functions:
                self.findings.add("B027", "held stands in models and mechanisms; a synapse has no stages", node.at)

    def _is_known(self, name: str, allowed: set[str]) -> bool:
        if name.partition("_")[0] == "xi" and (name == "xi" or name.startswith("xi_")):
            return "xi" in allowed
        declared = self.kinds.get(name, "event") != "event"  # an event has no value
        return declared or name in BUILT_IN or name in allowed or name in self.excused

    def _undefined(self, node: Symbol) -> None:
        name, at = node.name, node.at
        if name == "xi" or name.startswith("xi_"):
            self.findings.add("B030", f"white noise {name} can stand in equations of a neuron only", at)
            self.excused.add(name)
        elif name == "weight":
            self.findings.add("B021", "`weight` is known in `receive:` only", at)
        elif self.kinds.get(name) == "event":
            hint = "let a state count it: `n += 1` among the lines of the event"
            self.findings.add("B021", f"`{name}` is an event, which has no value", at, hint)
        else:
            self.findings.add("B021", f"`{name}` is not defined in this {self.parsed.kind}", at, self._hint(name))

    def _hint(self, name: str) -> str | None:
        if name in FUNCTIONS:
            return f"{name} is a function: {name}(...)"
        sections = [f"{row.name}:" for row in ROWS if row.declares in _READABLE and self.parsed.kind in row.kinds]
        where = f"{', '.join(sections[:-1])} or {sections[-1]}"
        unit = f"; the unit is written (1 {name})" if name in MEASURES else ""
        near = self._at_end(name) or did_you_mean(name, [*self.kinds, *BUILT_IN])
        return near or f"declare it under {where}{unit}"

    def _at_end(self, name: str) -> str | None:
        """A hint for a synapse that leaves out at which end a neuron's variable is."""
        ends = [f"{name}_{end}" for end in (POST, PRE) if self.kinds.get(f"{name}_{end}") == "use"]
        return f"did you mean {ends[0]}?" if ends and self.parsed.kind == SYNAPSE else None

    def is_state(self, word: str) -> bool:
        """Whether a changed variable is a state; each other variable gives one finding."""
        kind = self.kinds.get(word)
        if kind == "state" or (kind == "use" and self.parsed.kind == SYNAPSE):
            return True
        if word in self.excused:
            return False
        if kind is None:
            hint = f"give it one under `state:`, such as {word} = 0 mV"
            if self.parsed.kind == SYNAPSE and word.endswith((f"_{PRE}", f"_{POST}")):
                hint = f"a variable of a neuron is named under `uses:`, such as {word} : V"
            self.findings.add("B024", f"`{word}` changes and has no initial value", place_of(word), hint)
            self.excused.add(word)
        else:
            hint = "only states change; inputs, parameters and definitions are set from outside or computed"
            self.findings.add("B024", f"`{word}` is {_article(kind)} and can't be changed", place_of(word), hint)
        return False


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aei" else f"a {kind}"


def _declared(parsed: RawModel) -> Iterator[tuple[str, Word]]:
    """The declared names and their kinds."""
    for row in ROWS:
        said = parsed[row.field] if row.declares else None
        listed: list[Raw] = said if isinstance(said, list) else [said] if said else []
        yield from ((row.declares, raw.name) for raw in listed if raw.name)


def check_names(parsed: RawModel, scope: Scope) -> None:
    """Findings for undefined names, and for assignments to anything but a state."""
    expressions = list(evaluated(parsed))
    for one in expressions:
        if one.changes:
            scope.is_state(one.changes)
    for one in expressions:
        scope.check(one.value, dict(one.names), one.functions)
    for raw in (*parsed.definitions, *parsed.states):
        scope.check(raw.value)


def twice(words: Iterable[str]) -> Iterator[str]:
    """The words that repeat an earlier one."""
    seen: set[str] = set()
    for word in words:
        if word in seen:
            yield word
        seen.add(word)
