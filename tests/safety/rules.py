"""The rules of stimulation written once more, in exact fractions and without any code of bioasm.safety."""

from __future__ import annotations

from fractions import Fraction as F
from math import log10

from bioasm.safety import Electrode, Limits, Pulse, QuantisedPulse

SLACK = 1 + F(1, 10**9)  # the documented allowance for rounding
# Half of what the materials inject, in C/m2 (1 mC/cm2 is 10 C/m2).
INJECTION = {"platinum": F(1), "titanium nitride": F(10), "iridium oxide": F(10), "PEDOT": F(10)}


def broken(pulse: Pulse, limits: Limits, electrode: Electrode | None, step: float = 0.0) -> set[str]:
    """The names of the rules that a pulse of finite numbers breaks."""
    phases = [(F(current), F(width)) for current, width in pulse.phases]
    found = set()
    if len(phases) < limits.min_phases:
        found.add("PHASES")
    if any(a * b >= 0 for (a, _), (b, _) in zip(phases, phases[1:], strict=False)):
        found.add("ALTERNATION")
    for current, width in phases:
        found |= _phase(abs(current), width, limits, electrode)
    for last in range(2, len(phases) + 1):
        held = abs(sum(current * width for current, width in phases[:last]))
        found |= _charge(held, limits, electrode)
    return found | _balance(phases, limits, F(step))


def _phase(current: F, width: F, limits: Limits, electrode: Electrode | None) -> set[str]:
    found = {
        "WIDTH_LOW": width * SLACK < F(limits.min_width),
        "WIDTH_HIGH": width > F(limits.max_width) * SLACK,
        "CURRENT": current > F(limits.max_current) * SLACK,
    }
    if electrode is not None:
        found["ELECTRODE"] = not electrode.allowed
        if electrode.max_current != float("inf"):
            found["CURRENT"] |= current > F(electrode.max_current) * SLACK
    return {name for name, is_broken in found.items() if is_broken} | _charge(current * width, limits, electrode)


def _charge(charge: F, limits: Limits, electrode: Electrode | None) -> set[str]:
    """What a charge on an electrode breaks, be it of one phase or of all so far."""
    found = {"CHARGE": charge > F(limits.max_charge) * SLACK}
    if electrode is not None:
        density = charge / F(electrode.area)
        most = F(limits.unknown_density)
        if electrode.material != "unknown":
            most = INJECTION[electrode.material] * F(limits.cic_fraction)
        found["DENSITY"] = density > most * SLACK
        if charge:
            found["SHANNON"] = log10(density * 100) + log10(charge * 10**6) > limits.shannon_k + 1e-8
        if electrode.max_charge != float("inf"):
            found["CHARGE"] |= charge > F(electrode.max_charge) * SLACK
    return {name for name, is_broken in found.items() if is_broken}


def _balance(phases: list[tuple[F, F]], limits: Limits, step: F) -> set[str]:
    if not phases:
        return set()
    net = abs(sum(current * width for current, width in phases))
    smallest = min(abs(current) * width for current, width in phases)
    shortest = min(width for _, width in phases)
    allowed = min(max(F(limits.net_fraction) * smallest, step * shortest), F(limits.net_cap) * smallest)
    return {"BALANCE"} if net > allowed + smallest / 10**8 else set()


def broken_in_steps(pulse: QuantisedPulse, limits: Limits, electrode: Electrode | None) -> set[str]:
    """The same for a pulse in steps and samples, its charge taken from the whole numbers."""
    found = {"RANGE"} if any(abs(level) > 255 for level in pulse.levels) else set()
    return found | broken(pulse.pulse, limits, electrode, pulse.step)
