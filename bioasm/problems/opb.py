"""Pseudo-boolean problems (OPB): a sum of products of literals to be minimised, constraints as exact penalties."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from bioasm.diagnostics import BioasmError, Diagnostic, Span
from bioasm.problems.accounts import Problem
from bioasm.problems.polynomial import BIT, check_size
from bioasm.problems.terms import polynomial_of

Sum = list[tuple[int, tuple[str, ...]]]  # weights of products of literals
Terms = dict[tuple[str, ...], int]  # the same over variables alone, the constant by ()

_LITERAL = re.compile(r"~?[A-Za-z_][\w\[\]]*\Z")
_NUMBER = re.compile(r"[+-]?\d+\Z")
_SOFT = re.compile(r"soft\s*:|\[")
_LARGEST = 1 << 53
_COMPARED = re.compile(r"(>=|<=|=)")
# A product of so many negated literals has 2^k terms.
MOST_LITERALS = 12


def read_opb(content: bytes, source: str, maximize: bool) -> Problem:
    """`min: +2 x1 -3 x2 ~x3 ;` and constraints `+1 x1 +1 x2 >= 1 ;`, with comments that begin with *.

    A constraint costs more than the objective can gain, so that the least energy is that of the best state that keeps all of
    them, if there is one; inequalities get bits of slack. Raises BioasmError B304, B111.
    """
    objective: Terms = {}
    constraints: list[tuple[Terms, str, int]] = []
    for line, statement in _statements(content):
        try:
            head = re.match(r"(min|max)\s*:", statement)
            if head:
                maximize = maximize or head[1] == "max"
                objective = _expanded(_sum(statement[head.end() :]))
            else:
                constraints.append(_constraint(statement))
        except ValueError as cause:
            excerpt = statement.split("\n")[0][:200]
            raise BioasmError(Diagnostic("B304", str(cause), Span(source, line, 1, len(excerpt) + 1), None, excerpt)) from None
    return _problem(objective, constraints, source, maximize)


def _statements(content: bytes) -> Iterator[tuple[int, str]]:
    """The statements, each ended by a semicolon, with the lines that they begin on."""
    text = re.sub(r"(?m)^\s*\*[^\n]*", "", content.decode("utf-8", "replace"))
    at = 0
    for piece in text.split(";"):
        if piece.strip():
            yield text.count("\n", 0, at + len(piece) - len(piece.lstrip())) + 1, piece.strip()
        at += len(piece) + 1


def _sum(text: str) -> Sum:
    """Weights and literals. Raises ValueError."""
    found: Sum = []
    for word in text.split():
        if _NUMBER.match(word):
            found.append((_whole(word), ()))
        elif _LITERAL.match(word):
            if not found:
                raise ValueError(f"a whole number should stand before {word}")
            found[-1] = found[-1][0], (*found[-1][1], word)
        else:
            raise ValueError(f"'{word[:40]}' is neither a whole number nor a variable")
    return found


def _whole(word: str) -> int:
    """A whole number that a float holds. Raises ValueError."""
    if len(word) > 20 or abs(int(word)) > _LARGEST:
        raise ValueError(f"{word[:40]} is larger than 2^53, up to which all whole numbers are 64-bit floats")
    return int(word)


def _constraint(text: str) -> tuple[Terms, str, int]:
    if _SOFT.match(text):
        raise ValueError("soft constraints are not read: WCNF has them, as clauses with weights")
    parts = _COMPARED.split(text)
    if len(parts) != 3 or not _NUMBER.match(parts[2].strip()):
        raise ValueError("a constraint is a sum, then >=, <= or =, and a whole number")
    terms, bound = _expanded(_sum(parts[0])), _whole(parts[2].strip())
    _check_possible(terms, parts[1], bound)
    return terms, parts[1], bound


def _check_possible(terms: Terms, relation: str, bound: int) -> None:
    """Refuse a constraint that its sum never meets, as no penalty would tell it from one that is missed. Raises ValueError."""
    low, high = (terms.get((), 0) + sum(w for key, w in terms.items() if key and sign * w > 0) for sign in (-1, 1))
    if (relation != "<=" and high < bound) or (relation != ">=" and low > bound):
        raise ValueError(f"no state keeps the constraint: the sum lies between {low:,} and {high:,}")


def _expanded(said: Sum) -> Terms:
    """The sum over variables: ~x is 1 - x."""
    terms: Terms = {}
    for weight, literals in said:
        plain = {word for word in literals if word[0] != "~"}
        negated = {word[1:] for word in literals if word[0] == "~"}
        if plain & negated:
            continue
        if len(negated) > MOST_LITERALS:
            raise ValueError(f"a product has more than {MOST_LITERALS} negated literals")
        for size in range(len(negated) + 1):
            for chosen in combinations(sorted(negated), size):
                key = tuple(sorted(plain | set(chosen)))
                terms[key] = terms.get(key, 0) + weight * (-1) ** size
    return terms


# --- penalties --------------------------------------------------------------------------------------


def _problem(objective: Terms, constraints: list[tuple[Terms, str, int]], source: str, maximize: bool) -> Problem:
    """The objective and, for each constraint, weight times the square of what it misses."""
    variables = dict.fromkeys(v for terms in (objective, *(c[0] for c in constraints)) for key in terms for v in key)
    weight = 1 + sum(abs(w) for key, w in objective.items() if key)
    sign = -1 if maximize else 1
    total = {key: sign * w for key, w in objective.items()}
    slack: list[str] = []
    for number, (terms, relation, bound) in enumerate(constraints):
        _add_penalty(total, weight, _missed(terms, relation, bound, f"slack{number}", slack, variables))
        check_size(len(total))
    names = [*variables, *slack]
    said = f"{len(constraints):,} constraints are penalties of {weight:,}, more than the objective can gain: energies"
    notes = (f"{said} of {weight:,} above the objective's least value break one.",) if constraints else ()
    if maximize:
        return polynomial_of([(key, -w) for key, w in total.items()], BIT, True, names, source, notes)
    return polynomial_of(list(total.items()), BIT, False, names, source, notes)


def _missed(terms: Terms, relation: str, bound: int, name: str, slack: list[str], taken: dict[str, None]) -> Terms:
    """A sum that is 0 where a constraint holds, for some values of new slack bits."""
    sign = -1 if relation == "<=" else 1
    found = {key: sign * w for key, w in terms.items()}
    found[()] = found.get((), 0) - sign * bound
    if relation == "=":
        return found
    room = found[()] + sum(w for key, w in found.items() if key and w > 0)
    for k, share in enumerate(_shares(max(room, 0))):
        while f"{name}_{k}" in taken:
            name += "_"
        slack.append(f"{name}_{k}")
        found[(f"{name}_{k}",)] = -share
    return found


def _shares(room: int) -> Iterator[int]:
    """Weights of bits whose sums are all whole numbers from 0 to `room` (binary, the last one cut)."""
    share = 1
    while room > 0:
        yield min(share, room)
        room -= share
        share *= 2


def _add_penalty(total: Terms, weight: int, missed: Terms) -> None:
    items = list(missed.items())
    check_size(len(items) ** 2)
    for a, wa in items:
        for b, wb in items:
            key = tuple(sorted({*a, *b}))
            total[key] = total.get(key, 0) + weight * wa * wb
