"""Connection rules of CON: their words, and the candidate pairs of a source and a target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bioasm.isa.findings import Finding, Found, unknown
from bioasm.models.expression import Expression
from bioasm.network.layout import AXES, Layout
from bioasm.units import EXPONENTS, NO_UNIT, Dimension, Exponents, spell_number

AUTAPSES, MULTAPSES = "autapses", "multapses"
CONDITION = "condition"
POSITIONS_HINT = "POS above this line gives a population positions; for `d` both have them, in the same box"


class RuleKind(NamedTuple):
    """A kind of rule: its argument (None where it has none), and the choices that a program may state."""

    takes: str | None
    choices: tuple[str, ...] = ()


RULES: dict[str, RuleKind] = {
    "all": RuleKind(None, (AUTAPSES,)),
    "others": RuleKind(None),
    "one_to_one": RuleKind(None),
    "probability": RuleKind("a probability from 0 to 1", (AUTAPSES,)),
    "indegree": RuleKind("a whole number of sources for each target", (AUTAPSES, MULTAPSES)),
    "outdegree": RuleKind("a whole number of targets for each source", (AUTAPSES, MULTAPSES)),
    "total": RuleKind("a whole number of connections", (AUTAPSES, MULTAPSES)),
}


class Rule(NamedTuple):
    """A rule of CON: its word, whether a neuron may connect to itself, and whether a pair may be connected several times.

    Of the kind `condition` it has the condition, and its `text`.
    """

    kind: str = ""
    autapses: bool = True
    multapses: bool = False
    condition: Expression | None = None
    text: str = ""

    def __str__(self) -> str:
        """The program's spelling, without the words for defaults."""
        if self.condition is not None:
            return self.text
        said = [" with multapses"] * self.multapses + [" without autapses"] * (not self.autapses and self.kind != "others")
        return self.kind + "".join(said)


def read_connection(text: str, names: Mapping[str, Exponents]) -> Rule | Finding:
    """Parse a rule in words, or a condition over `names`; returns the fault of a text that is neither."""
    if all(part.isidentifier() for part in text.split()):
        return read_rule(text)
    from bioasm.models.condition import ExpressionFault, read_condition  # imports the parser

    found = read_condition(text, names)
    if not isinstance(found, ExpressionFault):
        return Rule(CONDITION, condition=found, text=text)
    return Finding(found.code, found.message, POSITIONS_HINT if found.code == "B021" and "d" not in names else found.hint)


def condition_names(pre: Layout | None, post: Layout | None) -> dict[str, Exponents]:
    """The names that a condition may read, with their units: positions of ends that have them, and distances where both do."""
    metre = EXPONENTS[Dimension.LENGTH]
    found = dict.fromkeys(("i", "j", "N_pre", "N_post", "u"), NO_UNIT)
    for side, layout in (("pre", pre), ("post", post)):
        found |= {f"{axis}_{side}": metre for axis in AXES[: layout.dimensions if layout else 0]}
    if pre and post and pre.dimensions == post.dimensions and pre.periods == post.periods:
        found["d"] = metre
    return found


def read_rule(text: str) -> Rule | Finding:
    """Parse a rule such as `indegree with multapses without autapses`, or return its fault."""
    kind, *words = text.split() or [text]
    if kind not in RULES:
        return unknown("B126", "rule of connection", kind, RULES)
    said: dict[str, bool] = {}
    while words:
        choice = words[1] if len(words) > 1 else ""
        if words[0] not in ("with", "without") or choice not in RULES[kind].choices or choice in said:
            return _bad_choice(kind, " ".join(words[:2]))
        said[choice] = words[0] == "with"
        words = words[2:]
    return Rule(kind, said.get(AUTAPSES, kind != "others"), said.get(MULTAPSES, False))


def _bad_choice(kind: str, words: str) -> Finding:
    choices = RULES[kind].choices
    allowed = " and ".join(f"`with {one}` or `without {one}`" for one in choices)
    hint = f"it can be followed by {allowed}, each once" if choices else f"write `{kind}` alone"
    return Finding("B126", f"`{words}` says nothing after `{kind}`", hint)


class Candidates(NamedTuple):
    """Candidate pairs of a rule: all of `pre` sources and `post` targets.

    Source i is the same neuron as target i + `shift`; where that is None, no source is a target. Without `autapses` pairs of
    a neuron with itself are left out.
    """

    pre: int
    post: int
    shift: int | None = None
    autapses: bool = True

    @property
    def transposed(self) -> Candidates:
        """The same pairs seen from the targets."""
        return Candidates(self.post, self.pre, None if self.shift is None else -self.shift, self.autapses)

    def rows(self) -> Iterator[tuple[range, int]]:
        """Ranges of sources with the same number of candidates, and that number."""
        first, end = self.own.start, self.own.stop
        for rows, lacking in ((range(first), 0), (range(first, end), 1), (range(end, self.pre), 0)):
            if rows:
                yield rows, self.post - lacking

    @property
    def own(self) -> range:
        """The sources that are a target themselves and may not connect to it."""
        if self.shift is None or self.autapses:
            return range(0)
        first = min(max(0, -self.shift), self.pre)
        return range(first, max(first, min(self.pre, self.post - self.shift)))

    @property
    def pairs(self) -> int:
        """The number of candidate pairs."""
        return sum(len(rows) * width for rows, width in self.rows())

    @property
    def fewest(self) -> int:
        """The least number of candidates of a source."""
        return min((width for _, width in self.rows()), default=0)


def check_count(rule: Rule, number: float, among: Candidates) -> Found:
    """The finding that a rule can't make `number` connections of these candidates."""
    if rule.kind == "probability":
        if number > 1:
            yield Finding("B126", f"a probability is 0 to 1, not {spell_number(number)}")
        return
    if number != int(number):
        yield Finding("B126", f"`{rule.kind}` takes {RULES[rule.kind].takes}, not {spell_number(number)}")
        return
    most, what = _most(rule, among)
    known = among.pre and among.post
    if known and number > most and (not rule.multapses or most == 0):
        more = f"`{rule}` of {spell_number(number)} is more than the {most} {what}"
        hint = None if rule.multapses or most == 0 else "`with multapses` a pair may be connected several times"
        yield Finding("B126", more, hint)


def _most(rule: Rule, among: Candidates) -> tuple[int, str]:
    """The most connections of a target, a source or all without multapses, and the noun of the candidates in messages."""
    other = "" if among.autapses else "other "
    if rule.kind == "total":
        return among.pairs, "pairs of neurons" if among.autapses else "pairs of different neurons"
    if rule.kind == "indegree":
        return among.transposed.fewest, f"{other}sources that there are"
    return among.fewest, f"{other}targets that there are"
