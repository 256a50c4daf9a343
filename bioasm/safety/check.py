"""Safety rules of a single pulse at one electrode: shape, current, charge, charge density, Shannon's k and balance."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isfinite, log10

from bioasm.safety.limits import DEFAULT_LIMITS, Electrode, Limits
from bioasm.safety.materials import MICROCOULOMB_PER_CM2
from bioasm.safety.pulse import Pulse, QuantisedPulse
from bioasm.safety.refusal import Refusal, Rule

# Products of decimal numbers carry rounding errors of a few units in the last place; a limit is met to within these.
ROUNDING = 1e-9
MOST_PHASES = 16


def check(
    pulse: Pulse, limits: Limits = DEFAULT_LIMITS, electrode: Electrode | None = None, step: float = 0.0
) -> list[Refusal]:
    """Every rule that a pulse breaks; empty where it may pass.

    Without an electrode its area is unknown, and density and Shannon's k are left to whoever knows it. `step` is the
    stimulator's step of current in amperes, 0 where the pulse is not yet in steps. Any number at all may be given.
    """
    sound = list(_soundness(pulse, step))
    if sound:
        return sound
    found = list(_shape(pulse, limits))
    for number, (current, duration) in enumerate(pulse.phases, 1):
        found += _phase(f"phase {number}", current, duration, limits, electrode)
    return found + list(_accumulated_charge(pulse, limits, electrode)) + list(_balance(pulse, limits, step))


def check_quantised(
    quantised: QuantisedPulse,
    limits: Limits = DEFAULT_LIMITS,
    electrode: Electrode | None = None,
    range_steps: int = 255,
) -> list[Refusal]:
    """Every rule that a pulse in whole steps and samples breaks; its balance is that of the whole numbers.

    `range_steps` is the largest level of the stimulator.
    """
    flaws = list(_whole(quantised, range_steps))
    return flaws or check(quantised.pulse, limits, electrode, quantised.step)


def _refuse(rule: Rule, value: float, limit: float, unit: str, what: str) -> Refusal:
    return Refusal(rule, float(value), float(limit), unit, what)


def _finite(value: object) -> bool:
    try:
        return isinstance(value, int | float) and isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def _soundness(pulse: Pulse, step: float) -> Iterator[Refusal]:
    """Whether the numbers are numbers; other rules would make nonsense of NaN and infinity."""
    numbers = [("the step of current", step, "A")]
    for number, (current, duration) in enumerate(pulse.phases[:MOST_PHASES], 1):
        numbers += [(f"the current of phase {number}", current, "A"), (f"the width of phase {number}", duration, "s")]
    for what, value, unit in numbers:
        if not _finite(value) or (what == "the step of current" and value < 0):
            shown = value if isinstance(value, float) else inf  # a whole number beyond all floats, or no number at all
            yield _refuse(Rule.NUMBERS, shown, 0.0, unit, f"{what} is no number that can be used")
    if len(pulse.phases) > MOST_PHASES:
        yield _refuse(Rule.PHASES, len(pulse.phases), MOST_PHASES, "", "phases of the pulse")


def _shape(pulse: Pulse, limits: Limits) -> Iterator[Refusal]:
    phases = pulse.phases
    if len(phases) < limits.min_phases:
        yield _refuse(Rule.PHASES, len(phases), limits.min_phases, "", "phases of the pulse")
    for number, (before, after) in enumerate(zip(phases, phases[1:], strict=False), 2):
        if not (before.current < 0 < after.current or after.current < 0 < before.current):
            yield _refuse(
                Rule.ALTERNATION, after.current, 0.0, "A", f"phase {number} has not the opposite sign of the one before"
            )


def _phase(what: str, current: float, duration: float, limits: Limits, electrode: Electrode | None) -> Iterator[Refusal]:
    if duration < limits.min_width * (1 - ROUNDING):
        yield _refuse(Rule.WIDTH_LOW, duration, limits.min_width, "s", f"width of {what}")
    if not duration <= limits.max_width * (1 + ROUNDING):
        yield _refuse(Rule.WIDTH_HIGH, duration, limits.max_width, "s", f"width of {what}")
    own = electrode.max_current if electrode else inf
    yield from _at_most(Rule.CURRENT, abs(current), min(limits.max_current, own), "A", f"current of {what}")
    if electrode is not None and not electrode.allowed:
        yield _refuse(Rule.ELECTRODE, 1, 0, "", "this electrode is marked as not allowed to stimulate")
    yield from _charge(what, abs(current) * duration, limits, electrode)


def _accumulated_charge(pulse: Pulse, limits: Limits, electrode: Electrode | None) -> Iterator[Refusal]:
    """Check that an electrode never holds more charge after a phase than one phase may bring.

    Otherwise phases of one sign, with short ones of the other between them, would add up to any charge.
    """
    held = 0.0
    for number, (current, duration) in enumerate(pulse.phases, 1):
        held += current * duration
        if number > 1:  # after the first it is what that one brought
            yield from _charge(f"phases 1 to {number} together", abs(held), limits, electrode)


def _charge(what: str, charge: float, limits: Limits, electrode: Electrode | None) -> Iterator[Refusal]:
    """The rules for a charge on an electrode: its amount, and where the area is known its density and Shannon's k."""
    own = electrode.max_charge if electrode else inf
    yield from _at_most(Rule.CHARGE, charge, min(limits.max_charge, own), "C", f"charge of {what}")
    if electrode is not None:
        yield from _surface(what, charge, limits, electrode)


def _at_most(rule: Rule, value: float, limit: float, unit: str, what: str) -> Iterator[Refusal]:
    """A refusal where the value is over the limit, or where it is NaN."""
    if not value <= limit * (1 + ROUNDING):
        yield _refuse(rule, value, limit, unit, what)


def _surface(what: str, charge: float, limits: Limits, electrode: Electrode) -> Iterator[Refusal]:
    """The rules that ask for the electrode's area: charge density, and Shannon's k = log10 D + log10 Q."""
    density = charge / electrode.area / MICROCOULOMB_PER_CM2
    yield from _at_most(
        Rule.DENSITY, density, limits.density(electrode) / MICROCOULOMB_PER_CM2, "uC/cm2", f"charge density of {what}"
    )
    if density > 0 and charge > 0:
        k = log10(density) + log10(charge * 1e6)
        yield from _at_most(Rule.SHANNON, k, limits.shannon_k, "", f"k of {what}")


def _balance(pulse: Pulse, limits: Limits, step: float) -> Iterator[Refusal]:
    if not pulse.phases:
        return
    smallest = min(abs(current) * duration for current, duration in pulse.phases)
    shortest = min(duration for _, duration in pulse.phases)
    allowed = min(max(limits.net_fraction * smallest, step * shortest), limits.net_cap * smallest)
    net = abs(sum(current * duration for current, duration in pulse.phases))
    if not net <= allowed + ROUNDING * smallest:
        yield _refuse(Rule.BALANCE, net, allowed, "C", "net charge of the pulse")


def _whole(quantised: QuantisedPulse, range_steps: int) -> Iterator[Refusal]:
    """Whether a pulse from anywhere is one that a stimulator can give at all."""
    if len(quantised.levels) != len(quantised.samples) or len(quantised.levels) > MOST_PHASES:
        yield _refuse(
            Rule.PHASES,
            min(len(quantised.levels), 1 << 30),
            MOST_PHASES,
            "",
            "levels and widths of the pulse, one each a phase",
        )
        return
    for number, (level, samples) in enumerate(zip(quantised.levels, quantised.samples, strict=True), 1):
        if type(level) is not int or type(samples) is not int or abs(samples) > 1 << 32:
            yield _refuse(Rule.NUMBERS, 0.0, 0.0, "", f"phase {number} is not of whole numbers below 2**32")
        elif level == 0:
            yield _refuse(Rule.RESOLUTION, 0, quantised.step, "A", f"phase {number} is less than half a step of current")
        elif abs(level) > range_steps:
            yield _refuse(Rule.RANGE, min(abs(level), 1 << 62), range_steps, "steps", f"current of phase {number}")
        elif samples < 1:
            yield _refuse(Rule.WIDTH_LOW, samples, 1, "samples", f"width of phase {number}")
    if not (_finite(quantised.period) and quantised.period > 0 and _finite(quantised.step) and quantised.step > 0):
        yield _refuse(Rule.NUMBERS, 0.0, 0.0, "", "the step of current and the sample period must be more than 0")
