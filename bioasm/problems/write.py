"""The text of a program that minimises a problem: data, constants, schedule and results, explained by comments."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bioasm.diagnostics import Diagnostic, error
from bioasm.isa.labels import BITS, MAXIMIZE, NAMES, SENSE, VALUES, names_to_text
from bioasm.problems import ANNEAL, AUTO, BIFURCATION, MERGE, RESTARTS, STRIPS, TEMPER
from bioasm.problems.numbers import Floats, Integers
from bioasm.problems.plans import joined_plan
from bioasm.problems.polynomial import BIT, Monomials, Polynomial
from bioasm.problems.reduction import reduce
from bioasm.problems.rows import spelled_rows
from bioasm.problems.schedule import TEMPERATURES, Schedule, schedule_for
from bioasm.problems.solvers import (
    bifurcating,
    chosen_solver,
    cooling_loop,
    geometric_fall,
    merge_annealing,
    plan_of,
    restarted,
    strip_solving,
    tempering,
)
from bioasm.units import spell_number
from bioasm.verifier.landscape import too_wide

_PER_LINE = 20
_LEAST_REDUCED = 0.05  # of all spins have to go, for less it is not worth a table
# Another fall, twice as long as the last, then stays below the limit of steps of a run.
_STEPS_FOR_ANOTHER = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """A program's description of its problem: a title, where it came from, lines that explain the energy, the name under
    which minus the best energy is emitted where that is the user's objective, and what the variables are called."""

    title: str
    source: str
    notes: tuple[str, ...] = ()
    emits_negated: str | None = None
    names: tuple[Hashable, ...] = ()


class Written(NamedTuple):
    """The text of a program, and what its user should know before running it."""

    text: str
    warnings: tuple[Diagnostic, ...]


class Code(NamedTuple):
    """The lines of a program without its data, the polynomial that the data are made of, warnings, the table E of spins that
    were eliminated, (m, 8), and the plan P of blocks, where there are any."""

    lines: list[str]
    variables: Polynomial
    warnings: tuple[Diagnostic, ...]
    eliminated: Floats | None = None
    plan: Integers | None = None


class Effort(NamedTuple):
    """How long spins are annealed: once, or `again` and again, each time twice as long; from states S where they `start` so;
    with MERGE or BLK where the `solver` is `merge` or `strips`, or `auto` and the problem suits them, on a ladder of lanes
    where it is `temper`, by particles where it is `bifurcation` (`solvers.py`). What can be is eliminated before where it
    says `reduce`, or the solver is `auto` and many spins go (`reduction.py`)."""

    again: bool = False
    start: bool = False
    solver: str = ANNEAL
    reduce: bool = False


def write_program(problem: Polynomial, account: Account, model: str, effort: Effort = Effort()) -> Written:  # noqa: B008
    """A program on `model`, `ising` or `lif`, whose energy is the problem."""
    code = write_code(problem, account, model, effort)
    return Written(
        "\n".join([*code.lines, *_data(code.variables), *_table(code.eliminated), *_plan(code.plan), ""]), code.warnings
    )


def write_code(problem: Polynomial, account: Account, model: str, effort: Effort = Effort()) -> Code:  # noqa: B008  (immutable)
    """The same without the data J, h, T and E, which the program names where the polynomial has such parts."""
    spins, eliminated = _reduced(problem.in_spins(), effort)
    schedule = schedule_for(spins)
    form = BIFURCATION if effort.solver == BIFURCATION else model
    variables = spins if form == "ising" else problem.in_bits()
    warnings = tuple(_too_wide(problem)) or ((_wide_range(schedule, model),) if schedule.is_wide else ())
    gone = () if eliminated is None else (f"Of {problem.n:,} spins {len(eliminated):,} with few neighbours were eliminated.",)
    notes = (*account.notes, *gone, *(f"{warning.message[0].upper()}{warning.message[1:]}." for warning in warnings))
    words = _words(problem, account)
    wanted = effort._replace(reduce=eliminated is not None, solver=chosen_solver(spins, effort.solver))
    plan = plan_of(variables) if wanted.solver == STRIPS and model == "ising" else []
    lines = [*_head(account, notes, words), *_MODELS[form](variables, schedule, wanted, plan), *_results(account)]
    return Code(lines, variables, warnings, eliminated, joined_plan(plan) if plan else None)


def _reduced(spins: Polynomial, effort: Effort) -> tuple[Polynomial, Floats | None]:
    """The reduced problem, and the spins that were eliminated; the problem as it is where nothing, or not enough, would go."""
    if not effort.reduce and effort.solver != AUTO:
        return spins, None
    if effort.solver == BIFURCATION:
        raise error("B315", "--reduce eliminates spins, and --solver bifurcation has particles", hint="leave --reduce out")
    left, eliminated = reduce(spins)
    least = 1 if effort.reduce else _LEAST_REDUCED * spins.n
    return (left, eliminated) if len(eliminated) >= least else (spins, None)


def _words(problem: Polynomial, account: Account) -> dict[str, str]:
    """Metadata that bring a result back into the user's terms: names, bits, and whether more is better."""
    names = names_to_text(account.names)
    plain = account.names in ((), tuple(range(problem.n)))
    found = {NAMES: "" if plain else names or "", VALUES: BITS if problem.domain == BIT else ""}
    return {key: text for key, text in (found | {SENSE: MAXIMIZE if account.emits_negated else ""}).items() if text}


def _too_wide(problem: Polynomial) -> Iterator[Diagnostic]:
    """The warning that sums of the coefficients lose the small ones."""
    sizes = [np.abs(part.value) for part in problem.parts.values()]
    finding = too_wide(min((float(s.min()) for s in sizes), default=1.0), max((float(s.max()) for s in sizes), default=1.0))
    if finding is not None:
        yield Diagnostic(finding.code, finding.message, None, finding.hint, None, "warning")


def _wide_range(schedule: Schedule, model: str) -> Diagnostic:
    """The warning for an unusually wide range of energies, with its consequence for the model."""
    found = f"the energies that decide a variable range from {schedule.hot:g} down to {schedule.cold:g}"
    if model == "lif":
        hint = "spins under an annealing schedule resolve them: --model ising"
        return Diagnostic("B311", f"{found}, and the noise of the neurons hides the small ones", None, hint, None, "warning")
    effort = f"so there are {schedule.steps} temperatures instead of {TEMPERATURES}"
    hint = "smaller penalties leave more sweeps to the rest of the problem"
    return Diagnostic("B311", f"{found}, {effort}", None, hint, None, "warning")


def _head(account: Account, notes: tuple[str, ...], words: dict[str, str]) -> Iterator[str]:
    for line in (account.title, *notes):
        yield "; " + "".join(c if c.isprintable() else "?" for c in line)
    yield f".title {json.dumps(account.title, ensure_ascii=False)}"
    yield f".source {json.dumps(account.source, ensure_ascii=False)}"
    for key, text in words.items():
        yield f".meta {key} {json.dumps(text, ensure_ascii=False)}"
    yield ""


def _ising(problem: Polynomial, schedule: Schedule, effort: Effort, plan: list[Integers]) -> Iterator[str]:
    yield "; Each variable is a spin s, -1 or +1; where the problem speaks of bits, x = (1 + s)/2."
    if effort.solver == MERGE:
        yield from merge_annealing(schedule, _load(problem, effort))
        return
    if effort.solver == TEMPER:
        yield from tempering(schedule, _load(problem, effort))
        return
    if effort.solver == STRIPS:
        yield from strip_solving(schedule, plan, _load(problem, effort))
        return
    if effort.solver == RESTARTS:
        yield from restarted(schedule, _load(problem, effort))
        return
    yield "; The annealing schedule: at each of `steps` temperatures, which fall geometrically from T0 towards T1, the"
    yield "; spins are swept `sweeps` times; at the end `descent` sweeps at temperature zero, where no flip raises the"
    yield "; energy. More sweeps find better states: bioasm run FILE --set sweeps=..."
    yield f".const T0 = {spell_number(schedule.hot)}"
    yield f".const T1 = {spell_number(schedule.cold)}"
    yield f".const steps = {schedule.steps}"
    yield f".const sweeps = {schedule.sweeps}"
    yield f".const descent = {schedule.descent}"
    yield ""
    yield "    MODEL ising"
    yield "    SET rule, metropolis"
    yield from _load(problem, effort)
    if effort.again:
        yield from _annealed_again()
    else:
        yield from geometric_fall("T0", "steps", "sweeps", "anneal", "the temperature")
    yield "    SIG 0"
    yield "    RUN descent"
    if effort.again:
        yield "    MUL r3, r3, 2"
        yield "    GET r4, steps"
        yield f"    JLT r4, {_STEPS_FOR_ANOTHER}, again"


def _annealed_again() -> Iterator[str]:
    yield "    MOV r3, sweeps          ; doubled after each fall of the temperature"
    yield "    DIV r1, T1, T0"
    yield "    DIV r2, 1, steps"
    yield "    POW r1, r1, r2"
    yield "again:"
    yield "    MOV r0, T0"
    yield "    MOV r2, steps"
    yield from cooling_loop("r3", "anneal")


def _lif(problem: Polynomial, _: Schedule, effort: Effort, plan: list[Integers]) -> Iterator[str]:
    yield "; Each variable is a neuron: 0 at rest, 1 at threshold; where the problem speaks of spins, s = 2x - 1."
    yield "; The noise falls in three stages."
    yield ".const hot = 10 mV"
    yield ".const warm = 5 mV"
    yield ".const cold = 2 mV"
    yield ".const stage = 333 ms"
    yield ""
    yield "    MODEL lif_critical"
    yield from _load(problem, Effort())
    for level in ("hot", "warm", "cold"):
        yield f"    SIG {level}"
        yield "    RUN stage"


def _bifurcation(problem: Polynomial, _: Schedule, effort: Effort, plan: list[Integers]) -> Iterator[str]:
    yield "; Each variable is a particle at x; its bit is 1 where x >= 0. Where the problem speaks of spins, s = 2 bit - 1."
    yield from bifurcating(problem, _load(problem, Effort()))


_MODELS: dict[str, Callable[[Polynomial, Schedule, Effort, list[Integers]], Iterator[str]]] = {
    "ising": _ising,
    "lif": _lif,
    BIFURCATION: _bifurcation,
}


def _load(problem: Polynomial, effort: Effort) -> Iterator[str]:
    """Loads the landscape; start states before it, for the random ones that they replace would count for the best."""
    yield f"    ALC {problem.n}"
    if effort.reduce:
        yield "    LDE E                   ; states are told with the spins that were eliminated"
    if effort.start:
        yield "    LDS S"
    if 2 in problem.parts:
        yield "    LDJ J"
    if 1 in problem.parts:
        yield "    LDH h"
    if any(order > 2 for order in problem.parts):
        yield "    LDT T"
    if problem.constant:
        yield f"    LDO {spell_number(problem.constant)}"


def _results(account: Account) -> Iterator[str]:
    yield "    RD best_energy"
    yield "    RD best_state"
    if account.emits_negated:
        yield "    GET r0, best_energy"
        yield "    NEG r0, r0"
        yield f"    OUT r0, {account.emits_negated}"
    yield "    HLT"


# --- data -------------------------------------------------------------------------------------------


def _data(problem: Polynomial) -> Iterator[str]:
    """The coefficients with the sign that E(s) = -1/2 s'Js - h's - terms gives them."""
    if 2 in problem.parts:
        yield ""
        yield from _couplings(problem)
    if 1 in problem.parts:
        yield ""
        biases = _biases(problem)
        yield ".data h = ["
        yield ",\n".join(", ".join(biases[k : k + _PER_LINE]) for k in range(0, problem.n, _PER_LINE))
        yield "]"
    higher = [part for order, part in problem.parts.items() if order > 2]
    if higher:
        yield ""
        yield f".data T = terms({problem.n}) {{"
        for part in higher:
            yield from _rows(part)
        yield "}"


def _table(eliminated: Floats | None) -> Iterator[str]:
    """The rows of LDE."""
    if eliminated is not None:
        yield ""
        yield "; A row is a spin z, its bias, and three pairs of a neighbour and their coupling: z has the sign of its field."
        yield ".data E = ["
        yield ",\n".join(f"[{', '.join(map(spell_number, row))}]" for row in eliminated.tolist())
        yield "]"


def _plan(plan: Integers | None) -> Iterator[str]:
    """The plan of BLK, a line for each block."""
    if plan is not None:
        yield ""
        yield "; The spins of each block in the order of their visits, and -1."
        yield ".data P = ["
        yield ",\n".join(", ".join(map(str, block.tolist())) for block in np.split(plan, np.flatnonzero(plan < 0)[:-1] + 1))
        yield "]"


def _couplings(problem: Polynomial) -> Iterator[str]:
    """J as a sparse literal, or as a dense one where that is the shorter text."""
    pairs = problem.part(2)
    if problem.is_dense:
        yield ".data J = ["
        yield ",\n".join(_dense_rows(problem.n, pairs))
        yield "]"
        return
    yield f".data J = sparse({problem.n}) symmetric {{"
    yield from _rows(pairs)
    yield "}"


def _dense_rows(n: int, pairs: Monomials) -> Iterator[str]:
    values, which = np.unique(pairs.value, return_inverse=True)
    spelled = np.array([spell_number(-value) for value in values.tolist()] + ["0"], dtype=object)
    table = np.full((n, n), len(values), dtype=np.int32)
    i, j = pairs.index.T
    table[i, j] = table[j, i] = which
    return (f"[{', '.join(spelled[row])}]" for row in table)


def _rows(part: Monomials) -> Iterable[str]:
    return spelled_rows(part.index, part.value, lambda value: spell_number(-value))


def _biases(problem: Polynomial) -> list[str]:
    biases = ["0"] * problem.n
    part = problem.part(1)
    for index, value in zip(part.index[:, 0].tolist(), part.value.tolist(), strict=True):
        biases[index] = spell_number(-value)
    return biases
