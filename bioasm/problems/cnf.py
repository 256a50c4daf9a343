"""Clauses in DIMACS form: the number, or weight, of unsatisfied clauses as an energy of spins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import isfinite

import numpy as np

from bioasm.problems.numbers import Faults, Floats, Integers
from bioasm.problems.polynomial import SPIN, Monomials, Polynomial, check_neurons, check_size, collect

# A clause of k literals becomes 2^k products.
MAX_CLAUSE = 12

_LITERAL = re.compile(r"-?\d{1,15}\Z")
_P_FORM = "`p cnf variables clauses` or `p wcnf variables clauses [top]`"


@dataclass(frozen=True, eq=False, slots=True)
class Clauses:
    """Clauses over variables 1 to n: `literals[k]` are signed variable numbers, `weight[k]` what it costs to leave
    clause k unsatisfied."""

    n: int
    literals: list[tuple[int, ...]]
    weight: list[float]


@dataclass(frozen=True, slots=True)
class Header:
    """The p line: its line number, how many variables and clauses it announces, and whether clauses have weights."""

    line: int
    n: int
    clauses: int
    weighted: bool


def read_cnf(content: bytes, source: str) -> Clauses:
    """A DIMACS file `p cnf n m` or `p wcnf n m [top]`: clauses that end with 0, which may go over several lines.

    Lines that begin with c are comments; a line that begins with % ends the file, as in SATLIB's. In a wcnf file the
    first number of a clause is its weight. Raises BioasmError: B304 with the lines that are wrong, B111.
    """
    faults = Faults(source, content)
    header = None
    words: list[tuple[int, str]] = []
    for number, text in enumerate(content.decode("latin-1").split("\n"), 1):
        line = text.strip()
        if line.startswith("%"):
            break
        if line.startswith("p"):
            header = _header(line, number, header, faults)
        elif line and not line.startswith("c"):
            words.extend((number, word) for word in line.split())
    if header is None:
        faults.add(1, f"there is no line {_P_FORM}")
    faults.stop()
    assert header is not None
    check_neurons(header.n, "variables")
    return _clauses(header, words, faults)


def _header(line: str, number: int, earlier: Header | None, faults: Faults) -> Header | None:
    words = line.split()
    kind = words[1] if len(words) > 1 else ""
    longest = {"cnf": 4, "wcnf": 5}.get(kind, 0)
    if earlier is not None:
        faults.add(number, f"the p line stands on line {earlier.line} already")
    elif not 4 <= len(words) <= longest or not all(word.isdecimal() and len(word) < 16 for word in words[2:4]):
        faults.add(number, f"the line should be {_P_FORM}")
    elif int(words[2]) < 1:
        faults.add(number, "a problem has at least one variable")
    else:
        return Header(number, int(words[2]), int(words[3]), kind == "wcnf")
    return earlier


def _clauses(header: Header, words: list[tuple[int, str]], faults: Faults) -> Clauses:
    """The words below the p line as clauses."""
    found = Clauses(header.n, [], [])
    for line, weight, literals in _divided(header, words, faults):
        numbers = [_literal(word, header.n, line, faults) for word in literals]
        distinct = tuple(dict.fromkeys(numbers))
        if len(distinct) > MAX_CLAUSE:
            text = f"the clause has {len(distinct)} literals; clauses may have up to {MAX_CLAUSE}"
            faults.add(line, text, "split it with auxiliary variables")
        found.literals.append(distinct)
        found.weight.append(weight)
    if not faults.found and len(found.literals) != header.clauses:
        text = f"the p line announces {header.clauses:,} clauses, but the file has {len(found.literals):,}"
        faults.add(header.line, text)
    faults.stop()
    return found


def _divided(header: Header, words: list[tuple[int, str]], faults: Faults) -> Iterator[tuple[int, float, list[str]]]:
    """Each clause: the line it begins on, its weight, and its literals as they are spelled."""
    line = 0
    clause: list[str] = []
    for number, word in words:
        line = line or number
        if word != "0" or (header.weighted and not clause):
            clause.append(word)
            continue
        weight = _weight(clause.pop(0), line, faults) if header.weighted else 1.0
        yield line, weight, clause
        line, clause = 0, []
    if clause:
        faults.add(line, "the last clause is not ended by 0")


def _literal(word: str, n: int, line: int, faults: Faults) -> int:
    number = int(word) if _LITERAL.match(word) else 0
    if not 1 <= abs(number) <= n:
        faults.add(line, f"'{word}' is no literal: those are 1 to {n} and -1 to -{n}")
    return number


def _weight(word: str, line: int, faults: Faults) -> float:
    try:
        weight = float(word)
    except ValueError:
        weight = -1.0
    if not (isfinite(weight) and weight >= 0):
        faults.add(line, f"'{word}' is no weight: those are numbers from 0")
    return weight


def unsatisfied(clauses: Clauses) -> Polynomial:
    """The weight of the unsatisfied clauses as a polynomial of spins, where a variable is true at +1.

    A clause of literals l is unsatisfied where the product of (1 - l)/2 is 1, with l = s or -s. A clause that holds a
    variable and its negation is always satisfied, an empty one never.
    """
    by_size: dict[int, list[tuple[tuple[int, ...], float]]] = {}
    for literals, weight in zip(clauses.literals, clauses.weight, strict=True):
        if not any(-literal in literals for literal in literals):
            by_size.setdefault(len(literals), []).append((tuple(sorted(literals, key=abs)), weight))
    check_size(sum(len(group) << size for size, group in by_size.items()))
    pieces = [piece for size, group in by_size.items() for piece in _expanded(size, group)]
    return collect(clauses.n, SPIN, pieces)


def _expanded(size: int, group: list[tuple[tuple[int, ...], float]]) -> Iterator[Monomials]:
    literals: Integers = np.array([literals for literals, _ in group], dtype=np.int64).reshape(len(group), size)
    share: Floats = np.array([weight for _, weight in group]) * 0.5**size
    sign = -np.sign(literals).astype(np.float64)
    for order in range(size + 1):
        for chosen in combinations(range(size), order):
            yield Monomials(np.abs(literals[:, chosen]) - 1, share * sign[:, chosen].prod(axis=1))
