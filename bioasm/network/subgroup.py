"""Subgroups (slices) of populations: `cells[0:800]`, with indices that count from 0 in the population."""

from __future__ import annotations

import re
from typing import NamedTuple

from bioasm.isa.findings import Finding

_SUBGROUP = re.compile(r"([^\W\d]\w*)\[[ \t]*([0-9]{0,9})[ \t]*(?:(:)[ \t]*([0-9]{0,9})[ \t]*)?\]((?:\.\w+)*)")


class Subgroup(NamedTuple):
    """A word without its brackets (`cells.v` of `cells[0:800].v`), and the numbers in them; None where one is left out."""

    word: str
    first: int | None
    last: int | None

    def range(self, name: str, n: int) -> range | Finding:
        """The range of neurons in `name` of n neurons, or the finding that they do not exist."""
        first, last = self.first or 0, n if self.last is None else self.last
        if n and not first < last:
            return Finding("B110", f"{name}[{first}:{last}] has no neuron: the second number is the one after the last neuron")
        if n and last > n:
            return Finding("B110", f"{name}[{first}:{last}] is more than there is: {name} has {n} neurons, counted from 0")
        return range(first, last)


def is_subgroup(word: str) -> bool:
    """Whether a word has the form of a subgroup, or of a member of one."""
    return _SUBGROUP.fullmatch(word) is not None


def split_subgroup(word: str) -> Subgroup | None:
    """The parts of a word such as `cells[0:800].v`, `cells[5]`, `cells[:10]` or `cells[10:]`; None for any other."""
    found = _SUBGROUP.fullmatch(word)
    if found is None or not (found[2] or found[3]):
        return None
    first = int(found[2]) if found[2] else None
    last = (first or 0) + 1 if not found[3] else int(found[4]) if found[4] else None
    return Subgroup(found[1] + found[5], first, last)


def whole_word(word: str) -> str:
    """A word such as `cells[0:800].v` without its brackets, `cells.v`; any other as it is."""
    said = split_subgroup(word)
    return word if said is None else said.word


def whole_wanted(word: str) -> Finding:
    """The finding that an instruction does not accept a part of a population."""
    if split_subgroup(word) is None:
        return Finding("B120", f"{word} says no neurons", "write cells[0:800], cells[:800], cells[800:] or cells[5]")
    return Finding("B120", f"a whole population is wanted here, and {word} is a part of one")


def of_connections(name: str) -> Finding:
    """The finding for brackets after the name of a projection."""
    return Finding(
        "B120", f"{name} is a projection, and connections have no parts", "a vector has one number for each connection"
    )


def spell_subgroup(name: str, part: range | None) -> str:
    """The name of a population, with the brackets where it is a part of it."""
    return name if part is None else f"{name}[{part.start}:{part.stop}]"
