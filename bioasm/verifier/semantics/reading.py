"""Checks of recording, clamping, states and readings: REC, UNREC, CLAMP, FREE, LDS, RD, GET and PEEK."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bioasm.isa.findings import Finding, Found, unknown
from bioasm.isa.program import DataRef, Dense, Name, Operand, Quantity, Register
from bioasm.models.base import SPINS, Event, Model, Observable
from bioasm.network.namespace import OBSERVABLE, READABLE, RECORDABLE, VARIABLE, Member
from bioasm.network.subgroup import whole_word
from bioasm.units import spell_number
from bioasm.verifier.blocks import check_plan
from bioasm.verifier.context import CheckContext
from bioasm.verifier.operands import check_quantity, spelled
from bioasm.verifier.semantics.shapes import neurons, shape
from bioasm.verifier.semantics.timing import period

EXCHANGES = ("components", "mirrored", "whole")  # the modes of CXCH

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _check_record(context: CheckContext, variable: Name, *options: Operand) -> Found:
    found = context.resolve(RECORDABLE, variable.text)
    if isinstance(found, Finding):
        yield found
    elif found is not None and isinstance(found.thing, Event):
        yield from _without_options(variable, options, found)
        return
    yield from period(context, options[0]) if options else ()
    if len(options) > 1 and found is not None:
        yield from neurons(context, options[1], context.count(found) if isinstance(found, Member) else None)


def _without_options(event: Name, options: Sequence[Operand], found: Member) -> Found:
    if options or found.part is not None:
        text = f"{event.text} is an event: all of it is recorded, whenever it happens and in whichever neuron"
        yield Finding("B003", text, f"write REC {whole_word(event.text)}")


def _check_unrecord(context: CheckContext, variable: Name) -> Found:
    found = context.resolve(RECORDABLE, variable.text)
    if isinstance(found, Finding):
        yield found


def _check_peek(context: CheckContext, to: Register, variable: Name, neuron: Operand) -> Found:
    found = context.resolve(VARIABLE, variable.text)
    if isinstance(found, Finding):
        yield found
    elif found is not None:
        yield from neurons(context, neuron, context.count(found))


def _check_read(context: CheckContext, what: Name | None = None) -> Found:
    if what is None or context.names.joint(what.text) is not None:
        return
    found = context.resolve(READABLE, what.text)
    if isinstance(found, Finding):
        yield found
    elif found is not None and _is_of_the_run(found.thing):
        yield _of_the_run(found)
    elif found is not None and isinstance(found.thing, Event):
        yield from _check_event(context, found, what.text, part=found.part is not None)


def _check_event(context: CheckContext, event: Member, word: str, *, part: bool) -> Found:
    """Check that RD of an event is of the whole population, and that the program records the event."""
    name = f"{event.instance.name}.{event.thing.name}"
    if part:
        yield Finding("B108", f"{word}: an event is read of all neurons", f"write RD {name}")
    elif (event.instance.name, event.thing.name) not in context.recorded:
        yield Finding("B108", f"{word} is an event that the program does not record", f"write REC {word} before it")


def _is_of_the_run(thing: object) -> bool:
    return isinstance(thing, Observable) and (thing.shape != "neurons" or thing.name == "best_state")


def _of_the_run(member: Member) -> Finding:
    name = member.thing.name
    return Finding("B108", f"{name} is read of the whole run, not of {member.instance.name}", f"write {name}")


def _check_get(context: CheckContext, to: Register, what: Name) -> Found:
    found = context.names.joint(what.text) or context.resolve(OBSERVABLE, what.text)
    if isinstance(found, Member):
        if _is_of_the_run(found.thing):
            yield _of_the_run(found)
            return
        found = found.thing
    if isinstance(found, Finding):
        yield found
    elif isinstance(found, Observable) and not found.register:
        text = f"{what.text} does not fit a register; what does are {', '.join(_registers(context))}"
        yield Finding("B108", text, f"RD {what.text} emits it as a result")


def _registers(context: CheckContext) -> list[str]:
    """Names of the observables that are scalars."""
    listed = (o.name for p in context.network.populations for o in p.model.observables if o.register)
    return list(dict.fromkeys(listed))


# --- clamping ---------------------------------------------------------------------------------------


def _check_clamp(context: CheckContext, held: Operand, value: Operand) -> Found:
    flawed = list(neurons(context, held, context.n))
    yield from flawed
    number = context.number(value)
    if flawed:
        return
    for model in {model.name: model for model in _held(context, held)}.values():
        if not model.clamp or "clamp" not in model.abilities:
            yield Finding("B114", f"model {model.name} can't do CLAMP (it has no variable to hold)")
        elif number is not None:
            yield from _check_level(model, number)
    if not isinstance(value, DataRef) or context.is_drawn(value):
        return
    count = context.dense(held).size if isinstance(held, DataRef) else len(_named(context, held))
    flawed = list(shape(context, "the vector of values, one for each clamped neuron,", value, (count,)))
    yield from flawed or context.cached_check(_check_levels, value)


def _named(context: CheckContext, held: Operand) -> range:
    """The neurons of a population or part by its name; one neuron for a number or register."""
    found = context.names.cells(held.text) if isinstance(held, Name) else None
    return found if isinstance(found, range) else range(1)


def _held(context: CheckContext, held: Operand) -> Iterator[Model]:
    """The models of the clamped neurons, where they are known."""
    import numpy as np

    populations, number = context.network.populations, context.number(held)
    if len(populations) == 1:
        yield populations[0].model
    elif isinstance(held, Name):
        yield context.network.of_neuron(_named(context, held).start).model
    elif number is not None:
        yield context.network.of_neuron(int(number.value)).model
    elif isinstance(held, DataRef):
        ends = np.cumsum([population.n for population in populations])
        places = np.unique(np.searchsorted(ends, context.dense(held), side="right"))
        yield from (populations[place].model for place in places)


def _check_level(model: Model, value: Quantity) -> Found:
    variable = VARIABLE.of(model, model.clamp)
    flawed = list(check_quantity("value", (variable.dimension,), value)) if variable else []
    yield from flawed
    if not flawed and model.clamp_values and value.value not in model.clamp_values:
        yield _bad_level(model, spelled(value))


def _check_levels(context: CheckContext, operand: DataRef) -> Found:
    import numpy as np

    model, array = context.first.model, context.dense(operand)
    if len(context.network.populations) == 1 and model.clamp_values and not np.isin(array, model.clamp_values).all():
        yield _bad_level(model, spell_number(float(array[~np.isin(array, model.clamp_values)][0])))


def _check_states(context: CheckContext, states: Operand) -> Found:
    value = context.program.data[states.index].value if isinstance(states, DataRef) else None
    rows = len(value.shape) == 2 if isinstance(value, Dense) else False
    flawed = list(shape(context, "what LDS loads", states, (None, context.n) if rows else (context.n,)))
    for model in {p.model.name: p.model for p in context.network.populations}.values():
        if not model.clamp:
            flawed.append(Finding("B114", f"model {model.name} can't do LDS (it has no variable to set)"))
    yield from flawed
    if not flawed and isinstance(value, Dense) and isinstance(states, DataRef):
        yield from context.cached_check(_check_all_states, states)


def _check_all_states(context: CheckContext, states: DataRef) -> Found:
    array = context.dense(states)
    if not array.size:
        yield Finding("B106", "the matrix that LDS loads has no rows")
    for p in context.network.populations:
        mine = array[..., p.first : p.first + p.n]
        if p.model.clamp_values and not _all_in(mine, p.model.clamp_values):
            allowed = " or ".join(spell_number(level) for level in p.model.clamp_values)
            yield Finding("B116", f"LDS can set {p.model.clamp} of model {p.model.name} to {allowed} alone")


def _all_in(array: NDArray[Any], allowed: tuple[float, ...]) -> bool:
    import numpy as np

    return bool(np.isin(array, allowed).all())


def _bad_level(model: Model, value: str) -> Finding:
    allowed = " or ".join(spell_number(level) for level in model.clamp_values)
    return Finding("B116", f"model {model.name} can hold {model.clamp} at {allowed}, not at {value}")


def _check_free(context: CheckContext, freed: Operand | None = None) -> Found:
    if freed is not None:
        yield from neurons(context, freed, context.n)


def _check_spins(context: CheckContext, mnemonic: str) -> Found:
    if context.first.model.kind != SPINS:
        yield Finding("B114", f"model {context.first.model.name} can't do {mnemonic} (its state is no spins)")


def _check_merge(context: CheckContext, shift: Operand | None = None) -> Found:
    yield from _check_spins(context, "MERGE")


def _check_exchange(context: CheckContext, phase: Operand, how: Operand | None = None) -> Found:
    yield from _check_spins(context, "CXCH")
    if isinstance(how, Name) and how.text not in EXCHANGES:
        yield unknown("B004", "way of exchanging", how.text, EXCHANGES)


def _check_copy(context: CheckContext, shift: Operand) -> Found:
    yield from _check_spins(context, "COPY")


def _check_blocks(context: CheckContext, plan: Operand, block: Operand | None = None) -> Found:
    yield from _check_spins(context, "BLK")
    if context.first.model.kind != SPINS:
        return
    if any(i.mnemonic == "LDT" for i in context.program.instructions):
        yield Finding("B114", "BLK can't draw blocks of spins that have terms (LDT), only of those coupled in pairs")
    elif isinstance(plan, DataRef):
        yield from context.cached_check(_check_plan, plan)


def _check_plan(context: CheckContext, plan: DataRef) -> Found:
    yield from check_plan(context.program.data[plan.index].value, context.n)


CHECKERS: dict[str, Callable[..., Found]] = {
    "REC": _check_record,
    "UNREC": _check_unrecord,
    "CLAMP": _check_clamp,
    "LDS": _check_states,
    "FREE": _check_free,
    "MERGE": _check_merge,
    "CXCH": _check_exchange,
    "COPY": _check_copy,
    "BLK": _check_blocks,
    "RD": _check_read,
    "GET": _check_get,
    "PEEK": _check_peek,
}
