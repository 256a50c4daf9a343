"""The text of a `.cell` block: branches or SWC samples, names of regions and places, the membrane, boundaries of CVs."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from bioasm.diagnostics import BioasmError, Diagnostic, did_you_mean
from bioasm.morphology.conventions import METHODS, RESERVED
from bioasm.morphology.faults import Line
from bioasm.morphology.policies import EXTENT, FIXED, LAMBDA, SEGMENTS, Policy, cut_count, cuts_of, merged
from bioasm.morphology.profile import Along, has_profile, read_profile
from bioasm.morphology.regions import Location, Region, by_branch, whole
from bioasm.morphology.scanner import FREQUENCY, LENGTH, Scanner, Token
from bioasm.morphology.swc import READINGS, read_samples, tree_of
from bioasm.morphology.tree import ROOT, Point, Segment, Tree, parents_first
from bioasm.morphology.words import TAGS, Words, taken
from bioasm.units import EXPONENTS, Dimension, Exponents, product

if TYPE_CHECKING:
    from bioasm.morphology.patches import Patches
    from bioasm.morphology.volumes import Volumes  # numpy, which most commands do not need

_HEAD = re.compile(r"\s*\.cell[ \t]+(\w+)\s*\{")
_SUMMARY = re.compile(r'[ \t]*"([^"]*)"')
CM, RA = 0.01, 1.0  # F/m2 and ohm m: 1 uF/cm2, and NEURON's and Arbor's usual 100 ohm cm
_CAPACITANCE = EXPONENTS[Dimension.CAPACITANCE_DENSITY]
_RESISTIVITY = product(EXPONENTS[Dimension.RESISTANCE], LENGTH)


@dataclass
class _Branch:
    """A branch as a text names it: what it begins at, and its frusta as (length, diameter, diameter)."""

    name: str
    parent: str
    at: float
    frusta: list[tuple[float, float, float]]
    line: Line


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell. `cm` (F/m2) and `ra` (ohm m) are numbers or formulas, one a segment; `detector` is where spikes are seen or None.

    `detectors` are the places that see spikes besides, by name; `method` is one of METHODS.
    """

    name: str
    summary: str
    tree: Tree
    regions: dict[str, Region]
    places: dict[str, Location]
    policies: tuple[Policy, ...]
    cm: tuple[Along, ...]
    ra: tuple[Along, ...]
    detector: Location | None
    detectors: dict[str, Location]
    method: str
    line: Line

    @property
    def most_volumes(self) -> float:
        """Upper bound of the number of CVs, from the policies alone."""
        return 1.0 + sum(cut_count(self.tree, policy, self.ra, self.cm) for policy in self.policies)

    @cached_property
    def volumes(self) -> Volumes:
        """Its CVs, computed lazily."""
        from bioasm.morphology.volumes import cut

        cuts = (place for policy in self.policies for place in cuts_of(self.tree, policy, self.ra, self.cm))
        return cut(self.tree, merged(self.tree, cuts), self.ra)

    @cached_property
    def _patches(self) -> dict[str, Patches]:
        return {}

    def patches(self, where: str) -> Patches:
        """The patches of a region, of the whole cell for an empty name, memoised for all formulas on it."""
        from bioasm.morphology.patches import patches_of

        if where not in self._patches:
            self._patches[where] = patches_of(self.volumes, self.region(where or "all") or ())
        return self._patches[where]

    def fault(self, most: float) -> Diagnostic | None:
        """The fault of a formula of the membrane in some CV, or None; not checked where there may be more than `most` CVs."""
        try:
            if has_profile((*self.cm, *self.ra)) and self.most_volumes <= most:
                _ = self.volumes.conductances, self.volumes.capacities(self.cm)
        except BioasmError as found:
            return found.diagnostics[0]
        return None

    def region(self, name: str) -> Region | None:
        """Look up a region by its name, or None."""
        return self._words.named(name)

    @property
    def region_names(self) -> list[str]:
        """The names of all regions."""
        return self._words.region_names

    @cached_property
    def _words(self) -> Words:
        return Words(self.tree, self.regions)


def read_cell(text: str, source: str, line: int = 1) -> Cell:
    """Parse a block of a cell, which starts on `line` of `source`.

    Raises:
        BioasmError: B140 to B143 with its errors.
    """
    head = _HEAD.match(text)
    assert head is not None
    before = text[: head.end()].count("\n")
    body = text[head.end() : text.rindex("}")].split("\n")
    shift = head.end() - (text.rfind("\n", 0, head.end()) + 1)
    lines = [Line(content, source, line + before + k, 1 + (shift if k == 0 else 0)) for k, content in enumerate(body)]
    return _Reader(head[1], Line(text.split("\n")[0], source, line)).read(lines)


@dataclass
class _Reader:
    """Parser of the lines of a cell: those that build the tree first, then those that refer to it."""

    name: str
    head: Line
    summary: str = ""
    branches: dict[str, _Branch] = field(default_factory=dict)
    samples: list[Line] = field(default_factory=list)
    reading: str = ""
    later: list[tuple[Callable[[_Reader, Scanner], None], Scanner]] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    detector: Location | None = None
    detectors: dict[str, Location] = field(default_factory=dict)
    method: str = METHODS[0]

    def read(self, lines: list[Line]) -> Cell:
        for line in lines:
            self._line(line)
        tree = self._tree()
        self.words = Words(tree)
        self.cm, self.ra = [CM] * len(tree.segments), [RA] * len(tree.segments)
        for take, scanner in self.later:
            take(self, scanner)
        policies = tuple(self.policies) or (Policy(FIXED, whole(tree)),)
        words = self.words
        return Cell(
            self.name, self.summary, tree, words.regions, words.places, policies, tuple(self.cm), tuple(self.ra),
            self.detector, self.detectors, self.method, self.head,
        )  # fmt: skip

    def _line(self, line: Line) -> None:
        if summary := _SUMMARY.fullmatch(line.text.partition(";")[0].rstrip() if '"' in line.text else ""):
            self.summary = self.summary or summary[1]
            return
        scanner = Scanner(line)
        first = scanner.next
        if first.kind == "end":
            return
        if first.kind == "number" and self.reading:
            self.samples.append(line._replace(text=line.text.partition(";")[0]))
            return
        if first.text not in self._statements:
            hint = did_you_mean(first.text, self._statements) or f"a line begins with {', '.join(self._statements)}"
            raise line.fault("B140", f"`{first.text}` begins no line of a cell", first.start, hint)
        scanner.take()
        now, take = self._statements[first.text]
        if now:
            take(self, scanner)
            scanner.finish()
        else:
            self.later.append((take, scanner))

    # --- lines that make the tree -------------------------------------------------------------------

    def _swc(self, scanner: Scanner) -> None:
        scanner.demand("as")
        if scanner.next.text not in READINGS:
            raise scanner.wrong("`arbor` or `neuron`, whose reading of the file is meant,")
        if self.reading:
            raise scanner.line.fault("B140", "the cell has its samples already")
        self.reading = scanner.take().text

    def _branch(self, scanner: Scanner) -> None:
        name = scanner.name("the name of the branch")
        parent, at = "", 1.0
        if scanner.takes("from"):
            parent = scanner.name("the branch that it begins at").text
            if scanner.takes("("):
                start, at = scanner.next.start, scanner.number("a number from 0 to 1")
                if not 0.0 <= at <= 1.0:
                    raise scanner.line.fault("B140", "a relative place is a number from 0 to 1", start)
                scanner.demand(")")
        self._refuse_taken(scanner, name, "branch", self.branches)
        scanner.demand(":")
        frusta = [self._frustum(scanner, None)]
        while scanner.takes("then"):
            frusta.append(self._frustum(scanner, frusta[-1][2]))
        self.branches[name.text] = _Branch(name.text, parent, at, frusta, scanner.line)

    @staticmethod
    def _refuse_taken(scanner: Scanner, name: Token, what: str, words: Container[str]) -> None:
        if why := taken(name.text, words):
            raise scanner.line.fault("B140", f"{name.text!r} can't be the name of a {what}: {why}", name.start)

    @staticmethod
    def _frustum(scanner: Scanner, before: float | None) -> tuple[float, float, float]:
        scanner.demand("length")
        length = scanner.quantity("a length", LENGTH)
        scanner.demand(",")
        scanner.demand("diameter")
        if scanner.takes("to") and before is not None:
            return length, before, scanner.quantity("a diameter", LENGTH)
        first = scanner.quantity("a diameter", LENGTH)
        return length, first, scanner.quantity("a diameter", LENGTH) if scanner.takes("to") else first

    def _tree(self) -> Tree:
        if bool(self.reading) == bool(self.branches):
            hint = "`branch soma: length 20 um, diameter 20 um`, or `swc as arbor` and the lines of an SWC file"
            text = "a cell has branches or samples, not both" if self.reading else "the cell has no cable"
            raise self.head.fault("B140", text, 0, hint)
        if self.reading:
            return tree_of(read_samples(self.samples), self.reading, self.head)
        return Tree(tuple(self._segments()))

    def _segments(self) -> Iterator[Segment]:
        """The segments of all branches, those of parents first; a branch is cut where others begin."""
        ends: dict[tuple[str, float], tuple[int, float]] = {}  # the segment, and x, at each place where a branch begins
        number, inner = 0, self._inner_places()
        for branch in self._in_order():
            parent, x = ends[branch.parent, branch.at] if branch.parent else (ROOT, 0.0)
            ends[branch.name, 0.0] = parent, x
            for begin, end, at, r0, r1 in self._cut(branch, sorted(inner.get(branch.name, ()))):
                near, far = Point(x + begin, 0.0, 0.0, r0), Point(x + end, 0.0, 0.0, r1)
                yield Segment(parent, TAGS.get(branch.name, 0), near, far, branch.name)
                parent, number = number, number + 1
                ends[branch.name, at] = parent, x + end

    def _inner_places(self) -> dict[str, set[float]]:
        """The points within each branch at which others begin."""
        found: dict[str, set[float]] = {}
        for one in self.branches.values():
            if 0.0 < one.at < 1.0:
                found.setdefault(one.parent, set()).add(one.at)
        return found

    @staticmethod
    def _cut(branch: _Branch, wanted: list[float]) -> Iterator[tuple[float, float, float, float, float]]:
        """The frusta of a branch as (beginning, end, relative place of the end, radius, radius), cut at relative places."""
        total = sum(length for length, *_ in branch.frusta)
        begin = 0.0
        for k, (length, d0, d1) in enumerate(branch.frusta):
            last = k == len(branch.frusta) - 1
            stop = total if last else begin + length
            places = [(at * total, at) for at in wanted if begin < at * total < stop] + [(stop, 1.0 if last else stop / total)]
            at, radius = begin, d0 / 2
            for place, relative in places:
                end = (d0 + (d1 - d0) * (place - begin) / length) / 2 if place < stop else d1 / 2
                yield at, place, relative, radius, end
                at, radius = place, end
            begin = stop

    def _in_order(self) -> list[_Branch]:
        """The branches, parents first. Raises BioasmError B142 where a parent does not exist, or is behind its child."""

        def loop(name: str) -> Exception:
            return self.branches[name].line.fault("B142", f"branch {name} begins at itself: the branches make a loop")

        return [self.branches[name] for name in parents_first(self.branches, self._parent, loop)]

    def _parent(self, name: str) -> str | None:
        branch = self.branches[name]
        first = next(iter(self.branches.values()))
        if branch.parent and branch.parent not in self.branches:
            hint = did_you_mean(branch.parent, self.branches)
            raise branch.line.fault("B142", f"branch {branch.name} begins at {branch.parent}, which does not exist", 0, hint)
        if not branch.parent and branch is not first:
            hint = f"write `branch {branch.name} from {first.name}: ...`"
            raise branch.line.fault("B142", f"branch {branch.name} begins nowhere: a cell is one tree", 0, hint)
        return branch.parent or None

    # --- lines that speak of the tree ---------------------------------------------------------------

    def _region(self, scanner: Scanner) -> None:
        name = self._new_name(scanner, "region")
        self.words.regions[name] = self.words.region(scanner)
        scanner.finish()

    def _place(self, scanner: Scanner) -> None:
        name = self._new_name(scanner, "place")
        self.words.places[name] = self.words.location(scanner)
        scanner.finish()

    def _new_name(self, scanner: Scanner, what: str) -> str:
        """The name before an equals sign; it must be undefined so far."""
        name = scanner.name(f"the name of the {what}")
        self._refuse_taken(scanner, name, what, self.words)
        scanner.demand("=")
        return name.text

    def _cv(self, scanner: Scanner) -> None:
        scanner.demand(":")
        start = scanner.next.start
        kind, number, frequency = self._policy(scanner)
        region = self.words.region(scanner) if scanner.takes("in") else whole(self.words.tree)
        scanner.finish()
        if number <= 0:
            raise scanner.line.fault("B140", "there is at least one CV a branch", start)
        self.policies.append(Policy(kind, region, number, frequency))

    @staticmethod
    def _policy(scanner: Scanner) -> tuple[str, float, float]:
        if scanner.takes("every", "segment"):
            return SEGMENTS, 1.0, 0.0
        if not scanner.takes("at", "most"):
            number = scanner.whole("`every segment`, `10 per branch`, `at most 10 um` or `at most 0.1 lambda at 100 Hz`")
            scanner.demand("per")
            scanner.demand("branch")
            return FIXED, float(number), 0.0
        if not re.match(r"\s*lambda\b", scanner.line.text[scanner.end :]):
            return EXTENT, scanner.quantity("a length", LENGTH), 0.0
        number_of = scanner.positive("a part of lambda")
        scanner.demand("lambda")
        scanner.demand("at")
        return LAMBDA, number_of, scanner.quantity("a frequency", FREQUENCY)

    def _membrane(self, scanner: Scanner, values: list[Along], what: str, unit: Exponents) -> None:
        region = self.words.region(scanner) if scanner.takes("in") else whole(self.words.tree)
        scanner.demand("=")
        value = self._along(scanner, what, unit)
        scanner.finish()
        for number, own in by_branch(region).items():
            branch = self.words.tree.branches[number]
            for piece in branch.pieces:
                middle = (piece.begin + piece.end) / 2 / branch.length
                if any(cable.begin <= middle <= cable.end for cable in own):
                    values[piece.segment] = value

    @staticmethod
    def _along(scanner: Scanner, what: str, unit: Exponents) -> Along:
        """A number with its unit, or a formula in quotes."""
        start, text = scanner.next.start, scanner.quoted()
        if text is None:
            return scanner.quantity(what, unit)
        return read_profile(text, what, unit, scanner.line, start)

    def _cm(self, scanner: Scanner) -> None:
        self._membrane(scanner, self.cm, "a capacitance", _CAPACITANCE)

    def _ra(self, scanner: Scanner) -> None:
        self._membrane(scanner, self.ra, "a resistivity", _RESISTIVITY)

    def _spikes(self, scanner: Scanner) -> None:
        name = scanner.take() if scanner.next.kind == "word" and scanner.next.text != "at" else None
        scanner.demand("at")
        if name is not None and (name.text in self.detectors or name.text == RESERVED):
            why = "another place sees spikes under it" if name.text in self.detectors else "CVs are called so"
            raise scanner.line.fault("B140", f"{name.text!r} can't be the name of these spikes: {why}", name.start)
        if name is None and self.detector is not None:
            hint = "`spikes NAME at PLACE` sees those at a further place"
            raise scanner.line.fault("B140", "the cell has the place of its spikes already", 0, hint)
        place = self.words.location(scanner)
        if name is None:
            self.detector = place
        else:
            self.detectors[name.text] = place
        scanner.finish()

    def _method(self, scanner: Scanner) -> None:
        scanner.demand(":")
        if scanner.next.text not in METHODS:
            raise scanner.wrong("`implicit` or `crank_nicolson`")
        self.method = scanner.take().text
        scanner.finish()

    _statements: ClassVar[dict[str, tuple[bool, Callable[[_Reader, Scanner], None]]]] = {
        "branch": (True, _branch),
        "swc": (True, _swc),
        "region": (False, _region),
        "place": (False, _place),
        "cv": (False, _cv),
        "cm": (False, _cm),
        "ra": (False, _ra),
        "spikes": (False, _spikes),
        "method": (False, _method),
    }
    words: Words = field(init=False)
    cm: list[Along] = field(init=False)
    ra: list[Along] = field(init=False)
