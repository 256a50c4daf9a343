"""Symbol table of a model: what each name is, and findings for names that are not allowed or not defined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from bioasm.diagnostics import did_you_mean
from bioasm.models.base import NEURON, common_observables
from bioasm.models.expression import FUNCTIONS, Call, Expression, Place, Symbol
from bioasm.models.findings import Findings
from bioasm.models.scanner import SECTIONS
from bioasm.models.statements import UNKNOWN
from bioasm.models.syntax_tree import RawAssignment, RawEquation, RawInput, RawModel, RawParameter, RawValue, Word
from bioasm.units import MEASURES, Dimension

BUILT_IN = ("dt", "t")
_WORDS = frozenset(
    {"dt", "t", "xi", "pi", "weight", "and", "or", "not", "fixed", "using", "unless", "of", "in", "every", "within"}
    | {"inclusive", "crosses", *SECTIONS}
)
# What can be read of every model.
TAKEN = frozenset({"state", "spikes", "spike_count", *(o.name for o in common_observables(Dimension.TIME))})
_LONGEST = 64
Raw = TypeVar("Raw", RawParameter, RawValue, RawInput)


class Scope:
    """What the names of one text are: `kinds[name]` is parameter, noise, input, use, state or definition."""

    def __init__(self, parsed: RawModel, findings: Findings) -> None:
        self.parsed, self.findings = parsed, findings
        self.kinds: dict[str, str] = {}
        self.excused = {UNKNOWN, *parsed.lost}
        self.dropped: set[Place] = set()
        for kind, words in _declared(parsed):
            for word in words:
                self._declare(kind, word)
        parsed.parameters = self._first(parsed.parameters)
        parsed.states, parsed.definitions = self._first(parsed.states), self._first(parsed.definitions)
        parsed.inputs, parsed.uses = self._first(parsed.inputs), self._first(parsed.uses)

    def _first(self, declared: list[Raw]) -> list[Raw]:
        """The declarations that count: those of names that are allowed, and the first of each."""
        return [raw for raw in declared if raw.name.at not in self.dropped]

    def _declare(self, kind: str, word: Word) -> None:
        fault = self._fault(kind, word.text)
        if fault:
            self.findings.add("B025", f"{kind} `{word.text}`: {fault[0]}", word.at, fault[1])
            self.dropped.add(word.at)
            self.excused.add(word.text)
            return
        if word.text in self.kinds:
            self.findings.add("B026", f"`{word.text}` is {_article(self.kinds[word.text])} already", word.at)
            self.dropped.add(word.at)
            return
        self.kinds[word.text] = kind

    def _fault(self, kind: str, name: str) -> tuple[str, str] | None:
        """Why something can't be called so, and what to do."""
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
        """Note every name of an expression that does not exist or can't stand here; `extra` names may."""
        allowed = {*extra}
        for node in expression.walk():
            if isinstance(node, Symbol) and not self._is_known(node.name, allowed):
                self._undefined(node)
            elif isinstance(node, Call) and node.function == "delayed" and "delayed" not in functions:
                text = "delayed stands in `adds:` of a mechanism, where the delay of its spikes is known"
                self.findings.add("B027", text, node.at)

    def _is_known(self, name: str, allowed: set[str]) -> bool:
        if name.partition("_")[0] == "xi" and (name == "xi" or name.startswith("xi_")):
            return "xi" in allowed
        return name in self.kinds or name in BUILT_IN or name in allowed or name in self.excused

    def _undefined(self, node: Symbol) -> None:
        name, at = node.name, node.at
        if name == "xi" or name.startswith("xi_"):
            self.findings.add("B030", f"white noise {name} can stand in equations of a neuron only", at)
            self.excused.add(name)
        elif name == "weight":
            self.findings.add("B021", "`weight` is known in `receive:` only", at)
        else:
            self.findings.add("B021", f"`{name}` is not defined in this {self.parsed.kind}", at, self._hint(name))

    def _hint(self, name: str) -> str | None:
        if name in FUNCTIONS:
            return f"{name} is a function: {name}(...)"
        where = "parameters:, inputs: or definitions:" if self.parsed.kind == NEURON else "parameters:, definitions: or uses:"
        unit = f"; the unit is written (1 {name})" if name in MEASURES else ""
        return did_you_mean(name, [*self.kinds, *BUILT_IN]) or f"declare it under {where}{unit}"

    def is_state(self, word: Word) -> bool:
        """Whether a variable that is changed is a state; what is wrong is noted once for each variable."""
        kind = self.kinds.get(word.text)
        if kind == "state":
            return True
        if word.text in self.excused:
            return False
        if kind is None:
            hint = f"give it one under `state:`, such as {word.text} = 0 mV"
            self.findings.add("B024", f"`{word.text}` changes and has no initial value", word.at, hint)
            self.excused.add(word.text)
        else:
            hint = "only states change; inputs, parameters and definitions are set from outside or computed"
            self.findings.add("B024", f"`{word.text}` is {_article(kind)} and can't be changed", word.at, hint)
        return False


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _declared(parsed: RawModel) -> Iterator[tuple[str, list[Word]]]:
    yield "parameter", [p.name for p in parsed.parameters]
    yield "noise", [parsed.noise.name] if parsed.noise else []
    yield "input", [i.name for i in parsed.inputs]
    yield "use", [u.name for u in parsed.uses]
    yield "state", [s.name for s in parsed.states] + ([parsed.spins[0]] if parsed.spins else [])
    yield "definition", [d.name for d in parsed.definitions]


def check_names(parsed: RawModel, scope: Scope) -> None:
    """Note every name that does not exist, and every change of something that is no state."""
    noisy = ("xi",) if parsed.kind == NEURON else ()
    for stage in parsed.stages:
        for item in stage:
            scope.is_state(item.name)
    for changed in (*parsed.reset, *(jump for port in parsed.ports for jump in port.jumps)):
        scope.is_state(changed.name)
    for stage in parsed.stages:
        for item in stage:
            scope.check(_right(item), noisy if isinstance(item, RawEquation) else ())
    for raw in (*parsed.definitions, *parsed.states):
        scope.check(raw.value)
    for assignment in parsed.reset:
        scope.check(assignment.value)
    for port in parsed.ports:
        for jump in port.jumps:
            scope.check(jump.value, ("weight",))
    for addition in parsed.adds:
        scope.check(addition.value, functions=("held", "delayed"))
    for event in filter(None, (parsed.spike, parsed.refractory)):
        scope.check(event[0])


def _right(item: RawEquation | RawAssignment) -> Expression:
    return item.rate if isinstance(item, RawEquation) else item.value


def twice(words: Iterable[Word]) -> Iterator[Word]:
    """The words that stood before."""
    seen: dict[str, Place] = {}
    for word in words:
        if word.text in seen:
            yield word
        seen[word.text] = word.at
