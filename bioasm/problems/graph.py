"""Weighted graphs: the rudy or G-set text format, and max-cut as an energy of spins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bioasm.isa.limits import limit
from bioasm.problems.numbers import Faults, Floats, Integers, NumberLines, read_numbers, whole, without_comments
from bioasm.problems.polynomial import SPIN, Monomials, Polynomial, check_neurons, collect, pair_keys

COMMENT_MARKS = b"#%c"


@dataclass(frozen=True, eq=False, slots=True)
class Graph:
    """A weighted graph without loops: edge k joins u[k] < v[k] (from 0) with weight[k]. Edges keep their order."""

    n: int
    u: Integers
    v: Integers
    weight: Floats


@dataclass(frozen=True, eq=False, slots=True)
class Entries:
    """The lines `i j value` below a header `n m`, with i, j from 0 and the line each was read from."""

    n: int
    i: Integers
    j: Integers
    value: Floats
    line: Integers


def read_gset(content: bytes, source: str) -> Graph:
    """A graph in rudy's format: `n m`, then m lines `i j` or `i j weight`, vertices counted from 1.

    Lines that begin with #, % or c are comments. Raises BioasmError: B304 with the lines that are wrong, B111.
    """
    faults = Faults(source, content)
    entries = read_entries(content, faults, "vertices", "edges")
    faults.add_each(
        entries.i == entries.j,
        entries.line,
        lambda k: f"the edge joins vertex {entries.i[k] + 1} with itself",
        "a loop is never cut; leave it out. A QUBO in this form is --from bq",
    )
    u, v = np.minimum(entries.i, entries.j), np.maximum(entries.i, entries.j)
    report_repeats(u, v, entries.line, faults, "edge", first=1)
    faults.stop()
    return Graph(entries.n, u, v, entries.value)


def read_entries(content: bytes, faults: Faults, things: str, rows: str, *, needs_value: bool = False) -> Entries:
    """The header `n m` and the m lines below it. Raises BioasmError B304, B111.

    `things` are what n counts and `rows` what m counts, for messages. A line without a value has the value 1, unless
    each line needs one.
    """
    lines = read_numbers(without_comments(content, COMMENT_MARKS), faults)
    n, m = _header(lines, faults, things, rows)
    check_neurons(n, things)
    body = _body(lines, faults, n, things, needs_value)
    if len(body.i) != m:
        faults.add(int(lines.line[0]), f"the header announces {m:,} {rows}, but {len(body.i):,} follow")
        faults.stop()
    return body


def _header(lines: NumberLines, faults: Faults, things: str, rows: str) -> tuple[int, int]:
    if not len(lines.line):
        faults.add(1, f"the file is empty; it should begin with the numbers of {things} and {rows}")
        faults.stop()
    numbers = lines.values[: lines.count[0]]
    if len(numbers) != 2 or not whole(numbers, 0, 1 << 53).all() or numbers[0] < 1:
        text = f"the first line should be two whole numbers: how many {things} and how many {rows}"
        faults.add(int(lines.line[0]), text)
        faults.stop()
    return int(numbers[0]), int(numbers[1])


def _body(lines: NumberLines, faults: Faults, n: int, things: str, needs_value: bool) -> Entries:
    """All lines but the first as entries; raises for those that are none."""
    line, count = lines.line[1:], lines.count[1:]
    form = "`i j value`" if needs_value else "`i j` or `i j weight`"
    wrong = (count != 3) & ((count != 2) | needs_value)
    faults.add_each(wrong, line, lambda k: f"the line has {count[k]} numbers; it should be {form}")
    faults.stop()
    i, j, value = _columns(lines.values, lines.start[1:], count)
    outside = ~(whole(i, 1, n) & whole(j, 1, n))
    faults.add_each(outside, line, lambda k: _outside(i[k], j[k], n, things))
    faults.stop()
    return Entries(n, i.astype(np.int64) - 1, j.astype(np.int64) - 1, value, line)


def _columns(values: Floats, start: Integers, count: Integers) -> tuple[Floats, Floats, Floats]:
    """The columns of lines of two or three numbers; the third is 1 where there are two. Lines that are alike are not copied."""
    if len(count) and (count == count[0]).all():
        table = values[start[0] :].reshape(-1, int(count[0]))
        return table[:, 0], table[:, 1], table[:, 2].copy() if count[0] == 3 else np.ones(len(table))
    padded = np.append(values, 1.0)
    return values[start], values[start + 1], np.where(count == 3, padded[start + 2], 1.0)


def _outside(i: float, j: float, n: int, things: str) -> str:
    wrong = next(x for x in (i, j) if not (x == int(x) and 1 <= x <= n))
    return f"{wrong:.15g} is none of the {things}, which are 1 to {n}"


def report_repeats(i: Integers, j: Integers, line: Integers, faults: Faults, what: str, first: int) -> None:
    """Report duplicate edges (i, j) with both lines. `first` is the file's index base."""
    if not _has_repeats(i, j):
        return
    order = np.lexsort((line, j, i))
    same = np.zeros(len(order), dtype=np.bool_)
    same[1:] = (i[order][1:] == i[order][:-1]) & (j[order][1:] == j[order][:-1])
    hint = "values of one pair are not added up; keep one line"
    for k in np.flatnonzero(same)[: limit("diagnostics")].tolist():
        here, before = order[k], order[k - 1]
        text = f"the {what} {i[here] + first} {j[here] + first} stands on line {line[before]} already"
        faults.add(int(line[here]), text, hint)


def _has_repeats(i: Integers, j: Integers) -> bool:
    """Whether some pair (i, j) stands twice."""
    keys = pair_keys(i, j)
    if keys is None or (keys[1:] > keys[:-1]).all():
        return keys is None
    keys.sort()
    return bool((keys[1:] == keys[:-1]).any())


def max_cut(graph: Graph) -> Polynomial:
    """The energy over spins that is minus the cut: E(s) = -W/2 + 1/2 sum of w s_u s_v, with W the sum of weights."""
    half = graph.weight / 2
    edges = Monomials(np.stack([graph.u, graph.v], axis=1), half)
    return collect(graph.n, SPIN, [edges], (-half).tolist())
