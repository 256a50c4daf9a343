"""The language of regions and locations: `dend and radius < 1 um`, `dend(0.5)`, `distal(apic)`."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bioasm.diagnostics import did_you_mean
from bioasm.morphology.regions import (
    Location,
    Region,
    below,
    first_points,
    joined,
    labelled,
    last_points,
    middles,
    outside,
    shared,
    whole,
)
from bioasm.morphology.scanner import LENGTH, Scanner, Token
from bioasm.morphology.tree import Cable, Tree

TAGS = {"soma": 1, "axon": 2, "dend": 3, "apic": 4}
MEASURES = ("radius", "distance")
DEEPEST = 100  # levels of a region, each a recursion
WORDS = frozenset(
    {*TAGS, *MEASURES, "all", "tag", "branch", "cable", "root", "location", "proximal", "distal", "and", "or", "not"}
)


@dataclass
class Words:
    """The meanings of names in one tree: regions and places that the text has named so far."""

    tree: Tree
    regions: dict[str, Region] = field(default_factory=dict)
    places: dict[str, Location] = field(default_factory=dict)
    _depth: int = 0

    @cached_property
    def _labelled(self) -> Mapping[int | str, list[Cable]]:
        return labelled(self.tree)

    @cached_property
    def _shape(self) -> dict[str, int | str]:
        """The names that the tree itself gives, of branches and of the usual tags, by what their frusta are labelled with."""
        tags = {word: tag for word, tag in TAGS.items() if tag in self._labelled}
        return tags | {name: name for name in self._labelled if isinstance(name, str) and name}

    @property
    def region_names(self) -> list[str]:
        """All names of regions: the text's own, its branches, and the usual tags that the tree has."""
        return sorted({"all", *self._shape, *self.regions})

    def named(self, name: str) -> Region | None:
        """Look up a region by its name, or None."""
        if name in self.regions:
            return self.regions[name]
        if name in self._shape:
            return joined(self._labelled[self._shape[name]])
        return whole(self.tree) if name == "all" else None

    def __contains__(self, name: object) -> bool:
        """Whether a name is defined."""
        return name == "all" or name in self.places or name in self.regions or name in self._shape

    # --- regions ------------------------------------------------------------------------------------

    def region(self, scanner: Scanner) -> Region:
        """A region, which must not be empty. Raises BioasmError B140 for other words, B143 where it is empty."""
        start = scanner.next.start
        found = self._union(scanner)
        if not found:
            end = scanner.next.start
            raise scanner.line.fault("B143", f"no cable is in `{scanner.line.text[start:end].strip()}`", start)
        return found

    def _union(self, scanner: Scanner) -> Region:
        found = [*self._intersection(scanner)]
        while scanner.takes("or"):
            found += self._intersection(scanner)
        return joined(found)

    def _intersection(self, scanner: Scanner) -> Region:
        found = self._single(scanner)
        while scanner.takes("and"):
            found = shared(found, self._single(scanner))
        return found

    def _single(self, scanner: Scanner) -> Region:
        self._depth += 1
        if self._depth > DEEPEST:
            raise scanner.line.fault("B140", f"a region has at most {DEEPEST} levels of `(` and `not`", scanner.next.start)
        found = self._operand(scanner)
        self._depth -= 1
        return found

    def _operand(self, scanner: Scanner) -> Region:
        if scanner.takes("not"):
            return outside(self.tree, self._single(scanner))
        if scanner.takes("("):
            found = self._union(scanner)
            scanner.demand(")")
            return found
        word = scanner.name("a region")
        if word.text in MEASURES:
            return self._measured(scanner, word.text)
        if scanner.next.text == "(" and word.text in ("tag", "branch", "cable"):
            return self._numbered(scanner, word)
        return self._by_name(scanner, word)

    def _by_name(self, scanner: Scanner, word: Token) -> Region:
        found = self.named(word.text)
        if found is not None:
            return found
        if word.text in TAGS:
            raise scanner.line.fault("B143", f"the cell has no {word.text}: no cable has the tag {TAGS[word.text]}", word.start)
        hint = did_you_mean(word.text, self.region_names) or f"there are {', '.join(self.region_names)}"
        raise scanner.line.fault("B140", f"there is no region {word.text!r}", word.start, hint)

    def _measured(self, scanner: Scanner, what: str) -> Region:
        if scanner.next.text not in ("<", ">"):
            raise scanner.wrong("`<` or `>`")
        less = scanner.take().text == "<"
        found = below(self.tree, what, scanner.quantity(f"a {what}", LENGTH))
        return found if less else outside(self.tree, found)

    def _numbered(self, scanner: Scanner, word: Token) -> Region:
        scanner.demand("(")
        number = scanner.whole("a whole number")
        begin, end = 0.0, 1.0
        if word.text == "cable":
            scanner.demand(",")
            begin = scanner.number("a number from 0 to 1")
            scanner.demand(",")
            end = scanner.number("a number from 0 to 1")
        scanner.demand(")")
        if word.text == "tag":
            return joined(self._labelled.get(number, ()))
        self._check_branch(scanner, word, number)
        return joined([Cable(number, max(0.0, begin), min(1.0, end))])

    def _check_branch(self, scanner: Scanner, word: Token, number: int) -> None:
        if number >= len(self.tree.branches):
            text = f"there is no branch {number}: the cell has {len(self.tree.branches)}, counted from 0"
            raise scanner.line.fault("B140", text, word.start)

    # --- locations ----------------------------------------------------------------------------------

    def location(self, scanner: Scanner) -> Location:
        """A location: one place of the tree. Raises BioasmError B140 for other words, B143 where it is none or several."""
        word = scanner.name("a location")
        if word.text in self.places and scanner.next.text != "(":
            return self.places[word.text]
        if word.text == "root":
            return Location(0, 0.0)
        if word.text == "location":
            return self._given(scanner, word)
        found = self._points(scanner, word)
        if len(found) != 1:
            text = f"this is {len(found)} places of the cell; one is wanted"
            raise scanner.line.fault("B143", text, word.start, "`location(branch, 0.5)` names a place by its branch")
        return found[0]

    def _points(self, scanner: Scanner, word: Token) -> list[Location]:
        if word.text in ("distal", "proximal"):
            scanner.demand("(")
            region = self.region(scanner)
            scanner.demand(")")
            return (last_points if word.text == "distal" else first_points)(self.tree, region)
        region = self._by_name(scanner, word)
        scanner.demand("(")
        relative = self._relative(scanner)
        scanner.demand(")")
        found = middles(self.tree, region, relative)
        if found is None:
            raise scanner.line.fault("B143", f"{word.text} has a fork: {relative:g} of its length is no one place", word.start)
        return found

    def _given(self, scanner: Scanner, word: Token) -> Location:
        scanner.demand("(")
        branch = scanner.whole("the number of a branch")
        self._check_branch(scanner, word, branch)
        scanner.demand(",")
        place = Location(branch, self._relative(scanner))
        scanner.demand(")")
        return place

    def _relative(self, scanner: Scanner) -> float:
        start, found = scanner.next.start, scanner.number("a number from 0 to 1")
        if not 0.0 <= found <= 1.0:
            raise scanner.line.fault("B140", "a relative place is a number from 0 to 1", start)
        return found


def taken(name: str, words: Container[str]) -> str | None:
    """Why a name can't be given to a region or place; None where it can."""
    if name in WORDS - TAGS.keys():
        return "it is a word of the language"
    return "it stands for something already" if name in words else None
