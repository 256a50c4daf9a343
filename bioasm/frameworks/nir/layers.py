"""Layers of a graph by longest path: how many steps later than in a framework a node computes, so that all paths agree.

A framework computes all layers in one time step, one after another, and what comes back over a loop in the next step. The
machine takes a step from neuron to neuron. So a node of layer L computes in step k + L what a framework computes in step k;
a connection that skips layers is held back by as many steps, and one that comes back can do with fewer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter


@dataclass(frozen=True)
class Layers:
    """The layer of each node, and which connections close a loop."""

    layer: Mapping[str, int]
    back: frozenset[tuple[str, str]]

    @property
    def last(self) -> int:
        """The number of the last layer."""
        return max(self.layer.values(), default=0)

    def waits(self, start: str, end: str) -> int:
        """How many steps more than one a connection takes; below 0 where it should take less than one and can't."""
        needed = self.layer[end] - self.layer[start] + ((start, end) in self.back)
        return needed - 1


def layers_of(sources: Mapping[str, list[str]]) -> Layers:
    """Longest-path layering of a graph given by each node's sources, nodes in the order of a search from the inputs."""
    rank = {name: k for k, name in enumerate(sources)}
    reached = {name: _before(sources, name) for name in sources}
    back = frozenset(
        (start, end)
        for end, starts in sources.items()
        for start in starts
        if end in reached[start] | {start} and rank[end] <= rank[start]
    )
    forward = {end: [start for start in starts if (start, end) not in back] for end, starts in sources.items()}
    layer: dict[str, int] = {}
    for name in TopologicalSorter(forward).static_order():
        layer[name] = max((layer[start] + 1 for start in forward[name]), default=0)
    return Layers(layer, back)


def _before(sources: Mapping[str, list[str]], name: str) -> set[str]:
    """All nodes from which a node can be reached."""
    found: set[str] = set()
    waiting = list(sources[name])
    while waiting:
        start = waiting.pop()
        if start not in found:
            found.add(start)
            waiting += sources[start]
    return found
