"""SWC files: samples of a traced cell, read as Arbor does or as NEURON does.

Arbor's reading: each sample but the first makes a frustum from its parent sample, with the parent's radius at its beginning.
NEURON's (as 9.0.2 reads files): a soma of one sample, or of the three that stand for a sphere, is a cylinder as long as it is
thick, along y; a dendrite that begins there begins with its own first sample and its own radius, and hangs on the soma's
middle. Behind an end of a soma of more samples it reaches from the soma to its first sample, with the radius of that.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from bioasm.morphology.faults import Line
from bioasm.morphology.tree import LARGEST, ROOT, SMALLEST, Point, Segment, Tree, is_sensible, parents_first

READINGS = ("arbor", "neuron")
SOMA = 1
_UM = 1e-6
_ROW = "a sample is seven numbers: id, tag, x, y, z, radius (um) and the id of its parent, -1 for the first"


class Sample(NamedTuple):
    """One row: its tag, point, parent by its id (negative for none), and its line."""

    id: int
    tag: int
    point: Point
    parent: int
    line: Line


def read_samples(lines: Iterable[Line]) -> list[Sample]:
    """The samples of an SWC file, parents first. Lines that start with `#` are passed over.

    Raises:
        BioasmError: B141 for a line that is no sample, B142 where the samples are no single tree.
    """
    samples: dict[int, Sample] = {}
    for line in lines:
        content = line.text.partition("#")[0].split()
        if content:
            sample = _sample(line, content)
            if sample.id in samples:
                raise line.fault("B141", f"there are two samples {sample.id}")
            samples[sample.id] = sample
    return _sorted(samples)


def _sample(line: Line, content: list[str]) -> Sample:
    try:
        number, tag, parent = (int(content[k]) for k in (0, 1, 6))
        x, y, z, radius = (float(word) for word in content[2:6])
    except (ValueError, IndexError):
        raise line.fault("B141", "this is no sample of an SWC file", hint=_ROW) from None
    if len(content) != 7 or number < 0 or not all(map(math.isfinite, (x, y, z))):
        raise line.fault("B141", "this is no sample of an SWC file", hint=_ROW)
    if not 0.0 < radius < math.inf:
        raise line.fault("B141", f"the radius of sample {number} is {radius:g}; it must be more than 0")
    point = Point(x * _UM, y * _UM, z * _UM, radius * _UM)
    if not is_sensible(point.radius) or max(map(abs, point)) > LARGEST:
        raise line.fault("B141", f"sample {number} has numbers that no cell has: radii are from {SMALLEST:g} to {LARGEST:g} m")
    return Sample(number, tag, point, parent, line)


def _sorted(samples: dict[int, Sample]) -> list[Sample]:
    """The samples in the order of their ids, but parents first."""

    def loop(number: int) -> Exception:
        return samples[number].line.fault("B142", f"sample {number} is among its own parents: the samples make a loop")

    def parent(number: int) -> int | None:
        return _parent(samples[number], samples)

    done = [samples[number] for number in parents_first(sorted(samples), parent, loop)]
    roots = [sample for sample in done if sample.parent < 0]
    if len(roots) > 1:
        raise roots[1].line.fault("B142", f"samples {roots[0].id} and {roots[1].id} both have no parent: a cell is one tree")
    return done


def _parent(sample: Sample, samples: dict[int, Sample]) -> int | None:
    if sample.parent >= 0 and sample.parent not in samples:
        raise sample.line.fault("B142", f"the parent {sample.parent} of sample {sample.id} does not exist")
    return sample.parent if sample.parent >= 0 else None


def tree_of(samples: list[Sample], reading: str, line: Line) -> Tree:
    """The tree that samples make in a reading; `line` is told where there is none.

    Raises:
        BioasmError: B141 where the samples can't be read so.
    """
    if not samples:
        raise line.fault("B141", "there are no samples")
    tree = _as_arbor(samples) if reading == "arbor" else _as_neuron(samples)
    if not all(branch.pieces for branch in tree.branches):
        raise line.fault("B141", "the samples of a branch all stand in one point")
    return tree


def _as_arbor(samples: list[Sample]) -> Tree:
    root = samples[0]
    if not any(sample.parent == root.id and sample.tag == root.tag for sample in samples):
        hint = "in NEURON's reading (`as neuron`) a soma of one sample is a cylinder as long as it is thick"
        raise root.line.fault("B141", f"sample {root.id} has no neighbour of its tag, and makes no cable alone", hint=hint)
    return Tree(tuple(_frusta(samples[1:], {root.id: (ROOT, root.point)})))


def _frusta(samples: list[Sample], ends: dict[int, tuple[int, Point]]) -> list[Segment]:
    """A segment from the parent's point for each sample; `ends` is the segment and the point of each sample before."""
    made: list[Segment] = []
    for sample in samples:
        parent, near = ends[sample.parent]
        made.append(Segment(parent, sample.tag, near, sample.point))
        ends[sample.id] = (len(made) - 1, sample.point)
    return made


def _as_neuron(samples: list[Sample]) -> Tree:
    root = samples[0]
    soma = [sample for sample in samples if sample.tag == SOMA]
    if root.tag != SOMA:
        raise root.line.fault("B141", f"sample {root.id} is no soma; NEURON's reading begins at one (tag 1)")
    sphere = len(soma) == 3 and all(sample.parent == root.id for sample in soma[1:])
    made: list[Segment] = []
    ends: dict[int, tuple[int, Point]] = {}
    if len(soma) == 1 or sphere:
        x, y, z, r = root.point
        made += [Segment(ROOT, SOMA, root.point, Point(x, y + side * r, z, r)) for side in (-1, 1)]
        ends = {sample.id: (ROOT, root.point) for sample in soma}
    else:
        made += _frusta(soma[1:], {root.id: (ROOT, root.point)})
        ends = {sample.id: (number, sample.point) for number, sample in enumerate(soma[1:])} | {root.id: (ROOT, root.point)}
    wired = set() if len(soma) == 1 or sphere else _ends_of_soma(samples)
    _hang(made, samples, ends, wired)
    return Tree(tuple(made))


def _ends_of_soma(samples: list[Sample]) -> set[int]:
    """The soma's samples that a section of it begins or ends with and no other section begins at: from them a dendrite reaches
    to its first sample. NEURON ends a section also where the next sample is not the next of the file."""
    soma = {sample.id for sample in samples if sample.tag == SOMA}
    behind: dict[int, list[int]] = {number: [] for number in soma}
    for before, sample in pairwise(samples):
        if sample.tag == SOMA and sample.parent in soma:
            behind[sample.parent].append(before.id)
    root = samples[0].id
    return {one for one, several in behind.items() if len(several) < 2 and (one == root or several != [one])}


def _hang(made: list[Segment], samples: list[Sample], ends: dict[int, tuple[int, Point]], wired: set[int]) -> None:
    """Add the segments of all but the soma. A dendrite that goes on behind its first sample begins there, except from those of
    the soma's samples in `wired`; one that forks there and is the second sample of the file has a section up to it."""
    soma = {sample.id for sample in samples if sample.tag == SOMA}
    children = Counter(sample.parent for sample in samples)
    for sample in (one for one in samples if one.tag != SOMA):
        parent, near = ends[sample.parent]
        forks_at_once = sample is samples[1] and children[sample.id] > 1
        if sample.parent in soma - wired and children[sample.id] and not forks_at_once:
            ends[sample.id] = (parent, sample.point)
            continue
        start = near._replace(radius=sample.point.radius) if sample.parent in soma else near
        made.append(Segment(parent, sample.tag, start, sample.point))
        ends[sample.id] = (len(made) - 1, sample.point)
