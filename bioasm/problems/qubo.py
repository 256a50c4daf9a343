"""QUBO: minimise x'Qx over bits, from qbsolv files, from plain entries `i j value` and from matrices."""

from __future__ import annotations

import re

import numpy as np

from bioasm.problems.graph import Entries, report_repeats
from bioasm.problems.numbers import Faults, Floats, Integers, NumberLines, read_numbers, whole, without_comments
from bioasm.problems.polynomial import BIT, SPIN, Monomials, Polynomial, check_neurons, collect

_P_LINE = re.compile(rb"(?m)^[ \t]*p\b[^\n]*")
_SPIN_HEADER = re.compile(rb"(?mi)^[ \t]*#[ \t]*vartype[ \t]*=[ \t]*SPIN[ \t\r]*$")
_P_FORM = "p qubo topology maxNodes nNodes nCouplers"


def from_entries(n: int, i: Integers, j: Integers, value: Floats, domain: str = BIT) -> Polynomial:
    """sum of value[k] z_i z_j over all entries, in bits or spins; entries (i, j) and (j, i) add up, and a bit's square
    is the bit. In spins an entry (i, i) is the weight of the spin itself."""
    linear = i == j
    pair = np.sort(np.stack((i, j), axis=1)[~linear], axis=1)
    pieces = [Monomials(i[linear, None], value[linear]), Monomials(pair, value[~linear])]
    return collect(n, domain, pieces)


# --- qbsolv -----------------------------------------------------------------------------------------


def read_qubo(content: bytes, source: str) -> Polynomial:
    """A file of qbsolv: `p qubo topology maxNodes nNodes nCouplers`, then nodes `i i value` and couplers `i j value`
    with i < j, counted from 0; lines that begin with c are comments.

    Raises BioasmError: B304 with the lines that are wrong, B111.
    """
    faults = Faults(source, content)
    plain = without_comments(content, b"c#")
    n, nodes, couplers, line = _p_line(plain, faults)
    check_neurons(n, "variables")
    entries = _entries(read_numbers(_P_LINE.sub(b"", plain), faults), faults, n)
    wrong = entries.i > entries.j
    text = "a coupler is written with the smaller variable first"
    faults.add_each(wrong, entries.line, lambda k: f"{text}, not {entries.i[k]} {entries.j[k]}")
    report_repeats(entries.i, entries.j, entries.line, faults, "entry", first=0)
    faults.stop()
    _compare_counts(faults, line, nodes, couplers, int((entries.i == entries.j).sum()), len(entries.i))
    faults.stop()
    return from_entries(n, entries.i, entries.j, entries.value)


def _p_line(content: bytes, faults: Faults) -> tuple[int, int, int, int]:
    """The numbers of variables, nodes and couplers that the p line states, and the p line's number."""
    found = list(_P_LINE.finditer(content))
    if not found:
        faults.add(1, f"there is no line `{_P_FORM}`")
        faults.stop()
    line = content.count(b"\n", 0, found[0].start()) + 1
    for again in found[1:]:
        faults.add(content.count(b"\n", 0, again.start()) + 1, f"the p line stands on line {line} already")
    words = found[0][0].decode("latin-1").split()
    if len(words) != 6 or words[1] != "qubo" or not all(word.isdecimal() and len(word) < 16 for word in words[3:]):
        faults.add(line, f"the line should be `{_P_FORM}`, with whole numbers", "it has six fields")
    elif int(words[3]) < 1:
        faults.add(line, "a problem has at least one variable")
    faults.stop()
    return int(words[3]), int(words[4]), int(words[5]), line


def _compare_counts(faults: Faults, line: int, nodes: int, couplers: int, found_nodes: int, found: int) -> None:
    for name, stated, there in (("nodes", nodes, found_nodes), ("couplers", couplers, found - found_nodes)):
        if stated != there:
            faults.add(line, f"the p line announces {stated:,} {name}, but the file has {there:,}")


def _entries(lines: NumberLines, faults: Faults, n: int) -> Entries:
    """Lines `i j value` with i, j below n; raises for lines of another form."""
    form = "it should be `i j value`"
    faults.add_each(lines.count != 3, lines.line, lambda k: f"the line has {lines.count[k]} numbers; {form}")
    faults.stop()
    i, j, value = (lines.values[lines.start + k] for k in range(3))
    outside = ~(whole(i, 0, n - 1) & whole(j, 0, n - 1))
    text = f"variables are whole numbers from 0 to {n - 1}"
    faults.add_each(outside, lines.line, lambda k: f"{text}, not {i[k]:.15g} and {j[k]:.15g}")
    faults.stop()
    return Entries(n, i.astype(np.int64), j.astype(np.int64), value, lines.line)


# --- plain entries ----------------------------------------------------------------------------------


def read_coo(content: bytes, source: str) -> Polynomial:
    """Lines `i j value`, counted from 0, as dimod writes them: the sum of value x_i x_j over bits, or over spins where
    a comment says `# vartype=SPIN`. As many variables as the largest index says.

    Raises BioasmError: B304 with the lines that are wrong, B111.
    """
    faults = Faults(source, content)
    lines = read_numbers(without_comments(content, b"#%c"), faults)
    if not len(lines.line):
        faults.add(1, "the file is empty; it should hold lines `i j value`")
        faults.stop()
    entries = _entries(lines, faults, 1 << 53)
    n = int(max(entries.i.max(), entries.j.max())) + 1
    check_neurons(n, "variables")
    report_repeats(entries.i, entries.j, entries.line, faults, "entry", first=0)
    faults.stop()
    domain = SPIN if _SPIN_HEADER.search(content) else BIT
    return from_entries(n, entries.i, entries.j, entries.value, domain)
