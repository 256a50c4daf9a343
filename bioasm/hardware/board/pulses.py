"""Conversion of requested pulses from nanoamperes and nanoseconds to whole steps and samples, or a refusal."""

from __future__ import annotations

from bioasm.hardware.board.admission import refusal
from bioasm.hardware.board.stimulator import QUEUE, Stimulator
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import NOW, Refusal
from bioasm.safety import QuantisedPulse

LEAD = 40  # samples from asking to the earliest start: the slice in progress does not change any more


def request_pulses(request: m.Stimulate, stimulator: Stimulator, clock: int, sample_rate: float) -> m.Reply:
    """Queue the pulses of a request where its limits allow them; each is judged again when its time comes."""
    pulse = quantised(request.phases, stimulator)
    if isinstance(pulse, m.Refused):
        return pulse
    start = clock + LEAD if request.at == NOW else request.at
    period = round(request.period * 1e-9 * sample_rate)
    flaw = _timing(request, start, clock, stimulator)
    if flaw is not None:
        return flaw
    refusals = stimulator.refusals(request.channels, pulse)
    if refusals:
        first = refusals[0]
        return refusal(Refusal.UNSAFE, first.message, subject=first.rule.title, value=first.value, allowed=first.limit)
    for k in range(request.count):
        for channel in request.channels:
            stimulator.request(start + k * period, channel, pulse)
    return m.Accepted(value=start)


def quantised(phases: tuple[m.Phase, ...], stimulator: Stimulator) -> QuantisedPulse | m.Refused:
    """The phases in whole steps and samples. What is not a whole number of them is refused and not rounded."""
    step, tick = stimulator.step * 1e9, stimulator.period * 1e9
    levels = [round(phase.current / step) for phase in phases]
    samples = [round(phase.width / tick) for phase in phases]
    for phase, level, count in zip(phases, levels, samples, strict=True):
        if abs(level * step - phase.current) > 1e-6 * step or abs(count * tick - phase.width) > max(1.0, 1e-6 * phase.width):
            text = f"{phase.current} nA for {phase.width} ns is not in whole steps of {step:g} nA and samples of {tick:g} ns"
            return refusal(Refusal.UNSAFE, text, subject="quantisation")
    return QuantisedPulse(tuple(levels), tuple(samples), stimulator.step, stimulator.period)


def _timing(request: m.Stimulate, start: int, clock: int, stimulator: Stimulator) -> m.Refused | None:
    """The refusal of a request for its channels, count, period or start, or None."""
    if not request.channels or len(set(request.channels)) != len(request.channels):
        return refusal(Refusal.MALFORMED, "channels are named once each, at least one", subject="channels")
    if request.count < 1 or (request.count > 1 and not request.period):
        return refusal(Refusal.MALFORMED, "a train has a count of at least 1 and a period", subject="count")
    if not clock + LEAD <= start < 1 << 62:
        text = f"the pulse would start at {start}; the earliest is {clock + LEAD}"
        return refusal(Refusal.UNABLE, text, subject="at", value=float(start), allowed=float(clock + LEAD))
    waiting = stimulator.waiting + request.count * len(request.channels)
    if waiting > QUEUE:
        text = f"{waiting} pulses would wait for their time, and the queue takes {QUEUE}"
        return refusal(Refusal.TOO_LARGE, text, subject="queue", value=waiting, allowed=QUEUE)
    return None
