"""Formulas of constants, such as `-g*J`, which are evaluated again when `--set` changes constants that they read.

A formula may read `lane` and `lanes`, the number of a lane and how many there are, where no constant above it has such a name.
Each lane then has a value of its own, and the program holds that of a run of one lane.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bioasm.diagnostics import error
from bioasm.isa.findings import Finding
from bioasm.isa.limits import limit
from bioasm.isa.program import Program, Quantity
from bioasm.units import Dimension, Exponents, dimension_of, exponents_of

_LANE, _LANES = "lane", "lanes"


def work_out(text: str, above: Mapping[str, Quantity], lane: int = 0, lanes: int = 1) -> Quantity | Finding:
    """Evaluate a formula in a lane over constants defined above it; returns the Quantity or the fault."""
    from bioasm.models.condition import ExpressionFault, formula_value  # imports the parser

    of_lanes = {_LANE: Quantity(lane, Dimension.NONE), _LANES: Quantity(lanes, Dimension.NONE)}
    known = {**of_lanes, **above}

    def constant(name: str) -> tuple[float, Exponents]:
        return known[name].value, exponents_of(known[name].dimension)

    found = formula_value(text, known, constant)
    if isinstance(found, ExpressionFault):
        return Finding(found.code, found.message, found.hint)
    value, unit = found
    return Quantity(value, dimension_of(unit))


def with_constants(program: Program, values: Mapping[str, Quantity]) -> Program:
    """The program with some constants replaced (as `--set` does), and those whose formulas depend on them.

    All others keep their numbers: of a program that another machine assembled, those may differ from its formulas in the last
    digit. A constant that is given a value loses its formula. Raises BioasmError where a formula has no value then.
    """
    if not values:
        return program
    formulas = {name: text for name, text in program.formulas.items() if name not in values}
    again = _following(formulas, values)
    done: dict[str, Quantity] = {}
    for name, quantity in {**program.constants, **values}.items():
        found = work_out(formulas[name], done) if name in again else quantity
        if isinstance(found, Finding):
            raise error(found.code, f"the constant {name}: {found.message}", hint=found.hint)
        done[name] = found
    return replace(program, constants=done, formulas=formulas)


def followers(program: Program, name: str) -> list[str]:
    """Transitive closure: the constants whose formulas depend on `name`, directly or through others, in program order."""
    return list(_following(program.formulas, (name,)))


def _following(formulas: Mapping[str, str], changed: Iterable[str]) -> dict[str, None]:
    """Transitive closure: the formulas that depend on a changed constant, and those that can't be parsed."""
    from bioasm.models.condition import formula_names

    reached, found = set(changed), dict[str, None]()
    for name, text in formulas.items():
        read = formula_names(text)
        if read is None or not reached.isdisjoint(read):
            reached.add(name)
            found[name] = None
    return found


# --- formulas of the lane -----------------------------------------------------------------------------


def lane_constants(program: Program) -> dict[str, set[str]]:
    """The constants with values of the lanes' own, in program order, with the constants that their formulas read."""
    if not program.formulas:
        return {}
    from bioasm.models.condition import formula_names

    found, above = dict[str, set[str]](), set[str]()
    for name in program.constants:
        read = formula_names(program.formulas[name]) or set() if name in program.formulas else set()
        if not read.isdisjoint(found.keys() | {_LANE, _LANES} - above):
            found[name] = read & above
        above.add(name)
    return found


def values_of_lanes(program: Program, lanes: int) -> dict[str, tuple[float, ...]]:
    """The values of formulas of the lane, in SI units: for each such constant one value a lane.

    Raises BioasmError where a lane has no value, and B111 for more lanes than one run has.
    """
    constants = lane_constants(program)
    if not constants:
        return {}
    if lanes > limit("lanes"):
        text = f"{next(iter(constants))} has a value for each lane, which are at most {limit('lanes')}, pieces together"
        raise error("B111", text)
    rows = [_of_lane(program, constants, lane, lanes) for lane in range(lanes)]
    return {name: tuple(row[name].value for row in rows) for name in constants}


def _of_lane(program: Program, constants: Mapping[str, set[str]], lane: int, lanes: int) -> dict[str, Quantity]:
    """All constants of a program, with the values of formulas in one lane."""
    done = dict(program.constants)
    for name, read in constants.items():
        found = work_out(program.formulas[name], {other: done[other] for other in read}, lane, lanes)
        if isinstance(found, Finding):
            raise error(found.code, f"the constant {name} in lane {lane} of {lanes}: {found.message}", hint=found.hint)
        done[name] = found
    return done
