"""Checks of external inputs and spikes: CUR, WAVE, SPK, POI, INP, PLAY, EVT, RATE and STIM."""

from __future__ import annotations

import math
from collections.abc import Callable

from bioasm.isa.findings import Finding, Found, unknown
from bioasm.isa.limits import limit
from bioasm.isa.program import DataRef, Name, Operand, Quantity
from bioasm.models.base import Model
from bioasm.network.namespace import INPUT, Member
from bioasm.network.network import HOW, SCALE, Instance, current_input
from bioasm.network.subgroup import whole_word
from bioasm.units import Dimension, dimension_of
from bioasm.verifier.context import CheckContext
from bioasm.verifier.network_builder import check_port
from bioasm.verifier.operands import check_quantity, spelled
from bioasm.verifier.semantics.shapes import at_least, neurons, shape, whole_below
from bioasm.verifier.semantics.timing import period, seconds
from bioasm.verifier.stimulation import check_pulse

_LOST_UNTOLD = 0.05  # share of random spikes that a relay may lose without a warning


def _one_a_neuron(context: CheckContext, what: str, operand: Operand, n: int | None) -> Found:
    yield from shape(context, what, operand, (n,))


# --- instructions that name no population -----------------------------------------------------------


def _alone(mnemonic: str, instead: str, check: Callable[..., Found]) -> Callable[..., Found]:
    """A checker of an instruction without an owner, which needs a single population."""

    def checked(context: CheckContext, *operands: Operand) -> Found:
        if len(context.network.populations) > 1:
            text = f"{mnemonic} does not say which of the {len(context.network.populations)} populations it means"
            yield Finding("B121", text, f"write {instead}")
        else:
            yield from check(context, *operands)

    return checked


def _lacks_current(context: CheckContext, mnemonic: str) -> Found:
    model = context.first.model
    if current_input(model) is None:
        hint = "INP and PLAY go into inputs of any unit" if model.inputs else None
        yield Finding("B114", f"model {model.name} can't do {mnemonic} (it has no input that is a current)", hint)


def _lacks_port(context: CheckContext, mnemonic: str, jump: Operand) -> Found:
    """Findings that spikes can't arrive at the unnamed port, or not with this weight."""
    model, number = context.first.model, context.number(jump)
    if model.port("") is None:
        hint = "EVT and RATE go to ports with a name" if model.ports else None
        yield Finding("B114", f"model {model.name} can't do {mnemonic} (it has no port without a name)", hint)
    elif number is not None:
        yield from check_quantity("jump", (context.names.port_dimension(context.first.name, ""),), number)


def _into_default_port(mnemonic: str, check: Callable[..., Found]) -> Callable[..., Found]:
    """A checker of spikes to the unnamed port: `check` checks the spikes and their weight."""

    def checked(context: CheckContext, spikes: Operand, jump: Operand) -> Found:
        wrong = list(_lacks_port(context, mnemonic, jump))
        only = Member(Instance(context.first.name, context.first.model, 0), "")
        yield from wrong or check(context, "the vector of jumps", spikes, jump, only)

    return checked


def _check_current(context: CheckContext, current: Operand) -> Found:
    lacking = list(_lacks_current(context, "CUR"))
    yield from lacking or _one_a_neuron(context, "the vector of currents", current, context.n)


def _check_wave(context: CheckContext, currents: DataRef, every: Operand) -> Found:
    lacking = list(_lacks_current(context, "WAVE"))
    yield from lacking
    if not lacking:
        yield from _check_table(context, "the matrix of currents", currents, every, context.n)


def _check_table(context: CheckContext, what: str, table: DataRef, every: Operand, n: int | None) -> Found:
    yield from period(context, every)
    flawed = list(shape(context, what, table, (None, None)))
    yield from flawed
    if flawed or n is None:
        return
    rows, columns = context.dense(table).shape
    if rows < 1 or columns not in (1, n):
        yield Finding("B106", f"{what} must have at least one row and 1 or {n} columns; it is {rows} x {columns}")


def _check_train(context: CheckContext, what: str, train: DataRef, weight: Operand, to: Member) -> Found:
    """Check a spike train, and its weights: one, or one a neuron."""
    n = context.count(to)
    flaws = [*_one_a_neuron(context, what, weight, n)]
    flawed = list(shape(context, "the train of spikes (time, neuron)", train, (None, 2)))
    flaws += flawed or context.cached_check(_check_times, train, n)
    yield from flaws or _merged_events(context, to.instance.model, train)


def _check_times(context: CheckContext, train: DataRef, n: int | None) -> Found:
    array = context.dense(train)
    if array.shape[0] and array[:, 0].min() < 0:
        yield Finding("B014", "the time of a spike must be at least 0")
    yield from whole_below(array[:, 1], n)


def _check_rate(context: CheckContext, what: str, rate: Operand, weight: Operand, to: Member) -> Found:
    """Check rates of Poisson spikes and their weights, each one, or one a neuron."""
    n = context.count(to)
    flaws = [*_one_a_neuron(context, what, weight, n)]
    flawed = list(_one_a_neuron(context, "the vector of rates", rate, n))
    if not flawed and isinstance(rate, DataRef) and not context.is_drawn(rate):
        flawed = context.cached_check(at_least, rate, "a rate", 0.0) or context.cached_check(_check_rates, rate)
    number = context.number(rate)
    flaws += flawed + ([] if number is None else [*_expected(context, number.value)])
    yield from flaws or _merged_rate(context, to.instance.model, rate)


def _check_rates(context: CheckContext, rate: DataRef) -> Found:
    array = context.dense(rate)
    if array.size:
        yield from _expected(context, float(array.max()))


def _expected(context: CheckContext, rate: float) -> Found:
    """Check the expected Poisson count of a step, rate * dt, against the limit."""
    most = limit("drawn_spikes")
    if context.step is not None and rate * context.step > most:
        text = f"a rate of {spelled(Quantity(rate, Dimension.FREQUENCY))} asks for more than {most} spikes a step"
        yield Finding("B116", f"{text} of {seconds(context.step)}")


# --- spikes that a relay can't tell apart ------------------------------------------------------------


def _merged_events(context: CheckContext, model: Model, train: DataRef) -> Found:
    """The warning that a relay merges several spikes of a train in a step into one."""
    import numpy as np

    array, step = context.dense(train), context.step
    if not model.is_relay or step is None or array.ndim != 2 or array.shape[1:] != (2,):
        return
    with np.errstate(over="ignore"):
        places, times = np.unique(np.stack([np.rint(array[:, 0] / step), array[:, 1]]), axis=1, return_counts=True)
    lost, most = len(array) - len(times), int(times.max(initial=0))
    if lost:
        at, neuron = places[:, times.argmax()]
        text = f"neuron {neuron:g} gets {most} spikes in the step at {seconds(float(at) * step)}"
        text += f", and {model.name} sends one a step"
        told = f"{lost} of the train's {len(array)} spikes are lost in this way"
        yield Finding("B130", f"{text}: {told}", "a smaller dt keeps them apart", "warning")


def _merged_rate(context: CheckContext, model: Model, rate: Operand) -> Found:
    """The warning that a relay passes on only 1 - exp(-rate * dt) of rate * dt random spikes a step."""
    highest = _highest(context, rate)
    if not model.is_relay or context.step is None or highest is None:
        return
    passed = -math.expm1(-highest * context.step) / context.step
    if passed < (1 - _LOST_UNTOLD) * highest:
        asked, kept = (spelled(Quantity(float(value), Dimension.FREQUENCY)) for value in (highest, round(passed)))
        text = f"{model.name} sends one spike a step: of random spikes at {asked} it sends on about {kept}"
        yield Finding("B130", text, "a smaller dt loses fewer, and a port that adds weights loses none", "warning")


def _highest(context: CheckContext, rate: Operand) -> float | None:
    """The largest of the rates; None for a register and for random values."""
    if context.is_drawn(rate):
        return None
    if isinstance(rate, DataRef):
        return float(context.dense(rate).max(initial=0.0))
    number = context.number(rate)
    return None if number is None else number.value


# --- instructions that name an input or a port ------------------------------------------------------


def _check_input(context: CheckContext, name: Name, value: Operand, how: Operand | None = None) -> Found:
    found = context.resolve(INPUT, name.text)
    if isinstance(found, Finding):
        yield found
    if isinstance(how, Name) and how.text not in HOW:
        yield unknown("B004", "way of setting an input", how.text, HOW)
    if found is None or isinstance(found, Finding):
        return
    scales = isinstance(how, Name) and how.text == SCALE
    number = context.number(value)
    if number is not None and scales and number.dimension is not Dimension.NONE:
        yield Finding("B006", f"`scale` multiplies by a number without unit; {spelled(number)} has one")
    elif number is not None and not scales:
        yield from check_quantity(name.text, (dimension_of(found.thing.unit),), number)
    yield from _one_a_neuron(context, f"the vector for {name.text}", value, context.count(found))


def _check_play(context: CheckContext, name: Name, table: DataRef, every: Operand) -> Found:
    found = context.resolve(INPUT, name.text)
    if isinstance(found, Finding):
        yield found
    elif found is not None:
        yield from _check_table(context, f"the table for {name.text}", table, every, context.count(found))


def _port(context: CheckContext, target: Name, weight: Operand) -> tuple[Member | None, list[Finding]]:
    """Resolve the port of EVT and RATE, or return the findings about it or the weight."""
    head, _, port = whole_word(target.text).partition(".")
    wrong, found = list(check_port(context.network.by_name, context.lost, head, port)), context.names.port(target.text)
    if isinstance(found, Finding):
        return None, [*wrong, found]
    number = context.number(weight)
    if not wrong and found is not None and number is not None:
        wrong += check_quantity("weight", (context.names.port_dimension(head, port),), number)
    return (None if wrong else found), wrong


def _into_port(check: Callable[..., Found]) -> Callable[..., Found]:
    """A checker of spikes to a named port: `check` checks the spikes and their weight."""

    def checked(context: CheckContext, target: Name, spikes: Operand, weight: Operand) -> Found:
        to, wrong = _port(context, target, weight)
        yield from wrong
        if to is not None:
            yield from check(context, "the vector of weights", spikes, weight, to)

    return checked


def _check_stimulation(context: CheckContext, stimulated: Operand, amplitude: Operand, width: Operand) -> Found:
    yield from neurons(context, stimulated, context.n)
    yield from check_pulse(context.number(amplitude), context.number(width))


CHECKERS: dict[str, Callable[..., Found]] = {
    "CUR": _alone("CUR", "`INP population.input, value`", _check_current),
    "WAVE": _alone("WAVE", "`PLAY population.input, table, period`", _check_wave),
    "SPK": _alone("SPK", "`EVT population, train, weight`", _into_default_port("SPK", _check_train)),
    "POI": _alone("POI", "`RATE population, rate, weight`", _into_default_port("POI", _check_rate)),
    "INP": _check_input,
    "PLAY": _check_play,
    "EVT": _into_port(_check_train),
    "RATE": _into_port(_check_rate),
    "STIM": _check_stimulation,
}
