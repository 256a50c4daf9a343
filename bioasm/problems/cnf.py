"""Clauses in DIMACS form: the number, or weight, of unsatisfied clauses as an energy of spins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import fsum, inf, isfinite, nextafter

import numpy as np

from bioasm.isa.limits import limit
from bioasm.problems.numbers import Faults, Floats, Integers
from bioasm.problems.polynomial import SPIN, Monomials, Polynomial, check_neurons, check_size, collect
from bioasm.wholes import rounded

# A clause of k literals becomes 2^k products.
MAX_CLAUSE = 12

_LITERAL = re.compile(r"-?\d{1,15}\Z")
_P_FORM = "`p cnf variables clauses` or `p wcnf variables clauses [top]`"
HARD = "h"


@dataclass(frozen=True, eq=False, slots=True)
class Clauses:
    """Clauses over variables 1 to n: `literals[k]` are signed variable numbers, `weight[k]` what it costs to leave
    clause k unsatisfied. `hard` is the weight that hard clauses were given, 0 where the file marks none."""

    n: int
    literals: list[tuple[int, ...]]
    weight: list[float]
    hard: float = 0.0


@dataclass(frozen=True, slots=True)
class Header:
    """The p line: its line number, how many variables and clauses it announces, and whether clauses have weights.

    The form of 2022 has no such line, and counts nothing: it is line 0.
    """

    line: int
    n: int
    clauses: int
    weighted: bool


FORM_2022 = Header(0, limit("neurons"), 0, True)


def read_cnf(content: bytes, source: str) -> Clauses:
    """A DIMACS file `p cnf n m` or `p wcnf n m [top]`, or the form of the MaxSAT evaluations since 2022, without a p line.

    Clauses end with 0 and may go over several lines. Lines that begin with c are comments, wherever they stand; a line
    that begins with % ends the file, as in SATLIB's. In a wcnf file the first number of a clause is its weight. Without a
    p line it may be h for a hard clause, whose weight becomes one that exceeds all others together.
    Raises BioasmError: B304 with the lines that are wrong, B111.
    """
    faults = Faults(source, content)
    headers: list[tuple[int, str]] = []
    words: list[tuple[int, str]] = []
    for number, text in enumerate(content.decode("latin-1").split("\n"), 1):
        line = text.strip()
        if line.startswith("%"):
            break
        if line.startswith("p"):
            headers.append((number, line))
        elif line and not line.startswith("c"):
            words.extend((number, word) for word in line.split())
    header = _header(headers, faults) if headers or not _is_form_2022(words, source) else FORM_2022
    check_neurons(header.n, "variables")
    return _clauses(header, words, faults)


def _is_form_2022(words: list[tuple[int, str]], source: str) -> bool:
    """Whether a file without a p line is one of weighted clauses: by its name, or by a clause that is hard."""
    return bool(words) and (source.lower().endswith(".wcnf") or any(word == HARD for _, word in words))


def _header(lines: list[tuple[int, str]], faults: Faults) -> Header:
    """The p line, of which there is one. Raises BioasmError B304."""
    if not lines:
        hint = "without it only weighted clauses are read: FILE.wcnf, or hard clauses that begin with h"
        faults.add(1, f"there is no line {_P_FORM}", hint)
        faults.stop()
    (number, line), *others = lines
    for again, _ in others:
        faults.add(again, f"the p line stands on line {number} already")
    words = line.split()
    kind = words[1] if len(words) > 1 else ""
    longest = {"cnf": 4, "wcnf": 5}.get(kind, 0)
    if not 4 <= len(words) <= longest or not all(word.isdecimal() and len(word) < 16 for word in words[2:4]):
        faults.add(number, f"the line should be {_P_FORM}")
    elif int(words[2]) < 1:
        faults.add(number, "a problem has at least one variable")
    faults.stop()
    return Header(number, int(words[2]), int(words[3]), kind == "wcnf")


def _clauses(header: Header, words: list[tuple[int, str]], faults: Faults) -> Clauses:
    """The words of all lines but the p line as clauses."""
    literals: list[tuple[int, ...]] = []
    weights: list[float] = []
    for line, weight, spelled in _divided(header, words, faults):
        numbers = [_literal(word, header, line, faults) for word in spelled]
        distinct = tuple(dict.fromkeys(numbers))
        if len(distinct) > MAX_CLAUSE:
            text = f"the clause has {len(distinct)} literals; clauses may have up to {MAX_CLAUSE}"
            faults.add(line, text, "split it with auxiliary variables")
        literals.append(distinct)
        weights.append(weight)
    if header.line and not faults.found and len(literals) != header.clauses:
        text = f"the p line announces {header.clauses:,} clauses, but the file has {len(literals):,}"
        faults.add(header.line, text)
    faults.stop()
    n = header.n if header.line else max((abs(x) for clause in literals for x in clause), default=1)
    hard = _hard_weight([weight for weight in weights if weight < inf]) if inf in weights else 0.0
    return Clauses(n, literals, [min(weight, hard) if hard else weight for weight in weights], hard)


def _hard_weight(soft: list[float]) -> float:
    """A weight above that of all soft clauses together, and no larger than it must be: the sum and the least of them."""
    total = fsum(soft)
    return max(total + min((weight for weight in soft if weight > 0), default=1.0), nextafter(total, inf))


def _divided(header: Header, words: list[tuple[int, str]], faults: Faults) -> Iterator[tuple[int, float, list[str]]]:
    """Each clause: the line it begins on, its weight, and its literals as they are spelled."""
    line = 0
    clause: list[str] = []
    for number, word in words:
        line = line or number
        if word != "0" or (header.weighted and not clause):
            clause.append(word)
            continue
        weight = _weight(clause.pop(0), header, line, faults) if header.weighted else 1.0
        yield line, weight, clause
        line, clause = 0, []
    if clause:
        faults.add(line, "the last clause is not ended by 0")


def _literal(word: str, header: Header, line: int, faults: Faults) -> int:
    number = int(word) if _LITERAL.match(word) else 0
    if not 1 <= abs(number) <= header.n:
        faults.add(line, f"'{word}' is no literal: those are 1 to {header.n} and -1 to -{header.n}")
    return number


def _weight(word: str, header: Header, line: int, faults: Faults) -> float:
    """The weight of a clause, infinite for a hard one."""
    if word == HARD and not header.line:
        return inf
    try:
        weight = float(word)
    except ValueError:
        weight = -1.0
    if not (isfinite(weight) and weight >= 0):
        hint = "h is for files without a p line; with one, a hard clause has the weight top" if word == HARD else None
        faults.add(line, f"'{word}' is no weight: those are numbers from 0", hint)
    fault = rounded(word)
    if fault is not None:
        faults.add_fault(line, fault)
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
