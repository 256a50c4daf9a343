"""The body of a loop in another order: exponentials that need not wait for each other are worked out together.

Of one cell alone a processor would compute one exponential after another, each a chain of operations that wait for each other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

MOST = 8  # numbers that are worked out together at most
TOGETHER = ("exp", "exprelr", "growth")

_NAME = re.compile(r"[A-Za-z_]\w*")


class Exponential(NamedTuple):
    """A line that sets a local to a function of TOGETHER."""

    function: str
    argument: str


def side_by_side(lines: list[str], exponentials: Mapping[str, Exponential], memory: Mapping[str, str]) -> list[str]:
    """The lines with calls of `together` in them, or as they were where no two exponentials come together.

    Each line sets a local, or a place of an array; `exponentials` are those of the locals, and `memory` says which field a
    local array belongs to, because two of them may be the same place.
    """
    waves = _waves(lines, exponentials, memory)
    order = sorted(range(len(lines)), key=lambda at: (waves[at], _target(lines[at]) in exponentials))
    result: list[str] = []
    for (_, together), group in groupby(order, key=lambda at: (waves[at], _target(lines[at]) in exponentials)):
        found = [lines[at] for at in group]
        result += _calls([_target(line) for line in found], exponentials) if together else found
    return result if any("together_" in line for line in result) else lines


def definitions(lines: Iterable[str]) -> list[str]:
    """The lines that make the functions that the lines call."""
    names = sorted({name for line in lines for name in _NAME.findall(line) if name.startswith("together_")})
    return [f"{name} = together({', '.join(map(repr, name.split('_')[1:]))})" for name in names]


def _calls(targets: list[str], exponentials: Mapping[str, Exponential]) -> list[str]:
    found = []
    for first in range(0, len(targets), MOST):
        names = targets[first : first + MOST]
        calls = [exponentials[name] for name in names]
        if len(calls) == 1:
            found.append(f"{names[0]} = {calls[0].function}({calls[0].argument})")
        else:
            function = "_".join(["together", *(call.function for call in calls)])
            found.append(f"{', '.join(names)} = {function}(({', '.join(call.argument for call in calls)}))")
    return found


def _target(line: str) -> str:
    return line.partition(" ")[0]


def _waves(lines: list[str], exponentials: Mapping[str, Exponential], memory: Mapping[str, str]) -> list[int]:
    """How many exponentials each line has to wait for, one after another."""
    written: dict[str, int] = defaultdict(int)  # the wave in which a name's value is there
    read: dict[str, int] = defaultdict(int)  # the last wave that reads it
    waves = []
    for line in lines:
        target = _target(line)
        names = {memory.get(name, name) for name in _NAME.findall(line)}
        changed = memory.get(target.partition("[")[0], target.partition("[")[0])
        wave = max(read[changed], *(written[name] for name in names))
        waves.append(wave)
        written[changed] = wave + (target in exponentials)
        for name in names - {changed}:
            read[name] = max(read[name], wave)
    return waves
