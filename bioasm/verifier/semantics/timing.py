"""Checks of durations and periods: the clock of the program's models, and whole steps."""

from __future__ import annotations

from bioasm.isa.findings import Finding, Found
from bioasm.isa.limits import limit
from bioasm.isa.program import Operand, Quantity
from bioasm.units import Dimension
from bioasm.verifier.context import CheckContext
from bioasm.verifier.operands import spelled


def whole_multiple(period: float, step: float) -> bool:
    """Whether `period` is one or more steps, to within rounding (1e-9 relative)."""
    ratio = period / step
    return ratio < 2**53 and round(ratio) >= 1 and abs(ratio - round(ratio)) <= 1e-9 * ratio


def seconds(value: float) -> str:
    """The spelling of a time."""
    return spelled(Quantity(value, Dimension.TIME))


def _clock(context: CheckContext, operand: Operand) -> Found:
    """Check that a duration is in the unit of the model's clock."""
    number, clock = context.number(operand), context.clock
    if number is None:
        return
    if number.dimension not in (Dimension.NONE, clock):
        counts = "sweeps" if clock is Dimension.SWEEPS else "time"
        yield Finding("B107", f"model {context.first.model.name} counts in {counts}, and {spelled(number)} is not")
    elif clock is Dimension.SWEEPS and number.value != int(number.value):
        yield Finding("B014", f"{spelled(number)}: the number of sweeps must be whole")


def check_run(context: CheckContext, duration: Operand) -> Found:
    """Check the duration of RUN."""
    flawed = list(_clock(context, duration))
    yield from flawed
    number, step = context.number(duration), context.step
    if not flawed and number is not None and step is not None and number.value / step > limit("steps"):
        yield Finding("B111", f"{spelled(number)} are more than {limit('steps')} steps, the limit of a run")


def period(context: CheckContext, operand: Operand) -> Found:
    """Check that a period is one or more whole steps."""
    flawed = list(_clock(context, operand))
    yield from flawed
    number, step = context.number(operand), context.step
    if flawed or number is None:
        return
    if number.value <= 0:
        yield Finding("B014", "the period must be more than 0")
    elif step is not None and not whole_multiple(number.value, step):
        each, steps = (spelled(Quantity(value, context.clock)) for value in (number.value, step))
        yield Finding("B014", f"a period of {each} is no whole multiple of the step, {steps}")
