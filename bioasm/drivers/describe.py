"""Metadata of a Result: units and thresholds of recorded variables, and the noise schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bioasm.demand.schedule import schedule
from bioasm.isa.program import ConstantRef, Quantity, Register
from bioasm.isa.rows import Trait
from bioasm.isa.table import SINGLE
from bioasm.models.base import Model
from bioasm.models.expression import Binary, Expression, Negation, Number, Symbol
from bioasm.network.network import Instance, variables_of
from bioasm.network.references import ParameterRef, VariableRef
from bioasm.results import Result
from bioasm.runtime.options import LaneValues, RunOptions
from bioasm.runtime.outcome import without_repeat
from bioasm.runtime.setup import initial_parameters
from bioasm.units import dimension_of
from bioasm.verifier.gate import Verified
from bioasm.verifier.lane_places import names_one


def described(result: Result, verified: Verified, options: RunOptions) -> Result:
    """The Result with `about` filled in."""
    by_lane = _by_lane(verified, options.lane_values)
    values = {n: v for n, v in parameters_in_force(verified, options.parameters).items() if n not in by_lane}
    units: dict[str, str] = {}
    thresholds: dict[str, float] = {}
    known = _by_word(verified) if result.recordings else {}
    for name in result.recordings:
        instance, variable = known.get(without_repeat(name), (None, ""))
        if instance is not None:
            units[name] = unit_in_model(instance.model, variable)
            level = threshold(instance, variable, values)
            thresholds |= {name: level} if level is not None else {}
    connections = dict(connection_states(verified))
    units |= {name: unit for name, unit in connections.items() if name in result.recordings}
    feedback = verified.model.feedback
    every = values.get(f"{verified.network.populations[0].name}.{feedback.every}") if feedback is not None else None
    told = {
        "trace_every": every,
        "units": units,
        "thresholds": thresholds,
        "noise": noise_schedule(result, verified, options),
        "connections": connections,
        "cells": dict(cell_shapes(verified)),
        "precision": "single" if any(i.mnemonic == SINGLE for i in verified.instructions) else None,
        "optimisers": list(dict.fromkeys(i.mnemonic for i in verified.instructions if Trait.OPTIMISES in i.row.traits)),
    }
    return replace(result, about={**{key: value for key, value in told.items() if value}, **result.about})


# --- variables ---------------------------------------------------------------------------------------


def unit_of(verified: Verified, name: str) -> str:
    """The symbol of a recorded variable's unit."""
    instance, variable = _by_word(verified).get(without_repeat(name), (None, ""))
    return unit_in_model(instance.model, variable) if instance is not None else ""


def _by_word(verified: Verified) -> dict[str, tuple[Instance, str]]:
    """The variables of neurons, with the owner, by each possible name of a recording: qualified, bare, as written."""
    network, found = verified.network, dict[str, tuple[Instance, str]]()
    for instance in network.instances():
        for variable in variables_of(instance.model):
            found.setdefault(variable.name, (instance, variable.name))
            found[f"{instance.name}.{variable.name}"] = instance, variable.name
    owners = ((ref, network.instance(ref.owner)) for ref in _seen(verified))
    return found | {ref.word: (owner, ref.name) for ref, owner in owners if owner is not None}


def connection_states(verified: Verified) -> Iterator[tuple[str, str]]:
    """The states of connections that the program reads or records, by its spelling, with the symbols of their units."""
    for ref in _seen(verified):
        projection = verified.network.projection(ref.owner)
        states = projection.synapse.states if projection and projection.synapse else ()
        yield from ((ref.word, dimension_of(state.unit).symbol) for state in states if state.name == ref.name)


def cell_shapes(verified: Verified) -> Iterator[tuple[str, dict[str, Any]]]:
    """The variables of CVs that the program reads or records, by its spelling: numbers of CVs and cells, the unit, and the
    shape of a cell as a flat list of strokes (x, y, x, y, diameter in um, CV)."""
    network = verified.network
    if network.cables:  # most programs have no cells that are trees
        from bioasm.morphology.picture import strokes
    for cables in network.cables:
        cells = network.populations[cables.cells].n
        for ref in dict.fromkeys(_seen(verified)):
            instance = network.instance(ref.owner)
            if ref.part is None and instance is not None and instance.population == cables.volumes:
                shape = [number for stroke in strokes(cables.cell.volumes) for number in stroke]
                unit = unit_in_model(instance.model, ref.name)
                yield ref.word, {"cvs": cables.cell.volumes.n, "cells": cells, "unit": unit, "strokes": shape}


def _seen(verified: Verified) -> Iterator[VariableRef]:
    """The variables of RD and REC."""
    for instruction in verified.instructions:
        ref = (*instruction.operands, None)[0]
        if instruction.mnemonic in ("RD", "REC") and isinstance(ref, VariableRef):
            yield ref


def unit_in_model(model: Model, word: str) -> str:
    """The symbol of a variable's unit."""
    return next((v.dimension.symbol for v in variables_of(model) if v.name == word), "")


def threshold(instance: Instance, word: str, values: Mapping[str, float]) -> float | None:
    """The spike threshold, where the model's condition compares the variable with one number."""
    rule = instance.model.threshold
    if rule is None or not isinstance(rule.condition, Binary) or rule.condition.operator not in (">", ">="):
        return None
    left, right = rule.condition.left, rule.condition.right
    return _level(right, instance, values) if isinstance(left, Symbol) and left.name == word else None


def _level(node: Expression, instance: Instance, values: Mapping[str, float]) -> float | None:
    """The value of a number, a scalar parameter, or the negation of one."""
    if isinstance(node, Negation):
        inner = _level(node.operand, instance, values)
        return None if inner is None else -inner
    if isinstance(node, Symbol):
        return values.get(f"{instance.name}.{node.name}")
    return node.value if isinstance(node, Number) else None


def parameters_in_force(verified: Verified, given: Mapping[str, float]) -> dict[str, float]:
    """Parameters that are constant scalars in the run, by `owner.name`; those set to an array or a register are omitted."""
    values = initial_parameters(verified, given)
    for instruction in verified.instructions:
        ref, value = (*instruction.operands, None, None)[:2]
        if instruction.mnemonic != "SET" or not isinstance(ref, ParameterRef):
            continue
        values.pop(ref.key, None)
        if isinstance(value, Quantity | ConstantRef) and ref.part is None:
            values[ref.key] = verified.program.quantity(value).value
    return values


def _by_lane(verified: Verified, own: LaneValues) -> frozenset[str]:
    """The parameters with values of the lanes' own, by `owner.name`."""
    named = [ref.key for ref in map(verified.parameter, own.parameters) if isinstance(ref, ParameterRef)]
    pairs = [(*i.operands, None)[:2] for i in verified.instructions if i.mnemonic == "SET"]
    found = [ref.key for ref, value in pairs if isinstance(ref, ParameterRef) and names_one(value, own.constants)]
    return frozenset(named + found)


# --- noise -------------------------------------------------------------------------------------------


def noise_schedule(result: Result, verified: Verified, options: RunOptions) -> dict[str, Any]:
    """The noise schedule: the level from each time `t` on, where it changes and follows from the program alone."""
    levels_set = [i.operands[0] for i in verified.instructions if i.mnemonic == "SIG"]
    if any(names_one(level, options.lane_constants) for level in levels_set):
        return {}  # lanes have their own levels
    if len(levels_set) < 2 and not any(isinstance(level, Register) for level in levels_set):
        return {}  # it is constant, and interpreting the program takes time
    found = schedule(verified, options.parameters, options.fuel)
    levels = [*_changes(found.noise or [], result.steps)]
    if len(levels) < 2:
        return {}
    steps, values = zip(*levels, strict=True)
    unit = verified.model.noise.symbol
    return {"t": np.array(steps) * result.seconds_per_step, "level": np.array(values), "unit": unit}


def _changes(levels: list[tuple[int, float]], steps: int) -> Iterator[tuple[int, float]]:
    """The last level of each step, up to the number of steps done."""
    last = dict(levels)
    yield from ((step, level) for step, level in last.items() if step < steps)
