"""Nothing that the interlock accepts breaks a rule, whatever it is asked; the rules are computed once more in fractions."""

from __future__ import annotations

from fractions import Fraction as F
from math import isfinite

from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from bioasm.safety import (
    DEFAULT_LIMITS,
    MATERIALS,
    Electrode,
    Guard,
    History,
    Limits,
    Phase,
    Pulse,
    QuantisedPulse,
    biphasic,
    check,
    check_quantised,
    quantise,
)
from tests.safety.rules import broken, broken_in_steps

MANY = settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))

ANY = st.floats(allow_nan=True, allow_infinity=True)
CURRENTS = st.floats(-12e-6, 12e-6) | st.sampled_from([1e-6, -1e-6, 3.01e-6, 0.0]) | ANY
WIDTHS = st.floats(15e-6, 1.1e-3) | st.sampled_from([1e-4, 2e-4]) | ANY
PULSES = st.lists(st.builds(Phase, CURRENTS, WIDTHS), max_size=5).map(lambda phases: Pulse(tuple(phases)))
NEAR = st.builds(
    lambda a, w, f: Pulse((Phase(-a, w), Phase(a * f, w))),
    st.floats(1e-9, 11e-6),
    st.floats(15e-6, 1.1e-3),
    st.floats(0.97, 1.03),
)
ELECTRODES = st.none() | st.builds(
    Electrode,
    st.floats(1e-12, 1e-6),
    st.sampled_from(sorted(MATERIALS)),
    st.sampled_from([float("inf"), 5e-6]),
    st.sampled_from([float("inf"), 1e-10]),
    st.sampled_from([True, True, True, False]),
)
STEPS = st.sampled_from([0.0, 10e-9, 100e-9, 1e-6])
LEVELS = st.integers(-300, 300) | st.integers()
SAMPLES = st.integers(-2, 25) | st.integers()
WIRE = st.builds(
    QuantisedPulse,
    st.lists(LEVELS, max_size=4).map(tuple),
    st.lists(SAMPLES, max_size=4).map(tuple),
    st.sampled_from([10e-9, 100e-9, 1e-6]) | ANY,
    st.sampled_from([1 / 30000, 1 / 20000]) | ANY,
)
NEAR_WIRE = st.builds(
    lambda a, b, n, m: QuantisedPulse((-a, b), (n, m), 1e-7, 50e-6),
    st.integers(-120, 120),
    st.integers(-120, 120),
    st.integers(0, 22),
    st.integers(0, 22),
)


@given(PULSES | NEAR, ELECTRODES, STEPS)
@MANY
def test_accepted_pulse_breaks_no_rule(pulse: Pulse, electrode: Electrode | None, step: float) -> None:
    refusals = check(pulse, DEFAULT_LIMITS, electrode, step)
    if not refusals:
        assert all(isfinite(number) for phase in pulse.phases for number in phase)
        assert broken(pulse, DEFAULT_LIMITS, electrode, step) == set()
    else:
        assert all(refusal.message for refusal in refusals)


def test_what_is_asked_is_at_times_accepted() -> None:
    electrode = Electrode.disk(50e-6, "platinum")
    assert find(NEAR, lambda pulse: check(pulse, DEFAULT_LIMITS, electrode) == [])
    assert find(NEAR_WIRE, lambda pulse: check_quantised(pulse, DEFAULT_LIMITS, electrode) == [])


@given(NEAR, ELECTRODES)
@MANY
def test_what_breaks_no_rule_by_far_is_accepted(pulse: Pulse, electrode: Electrode | None) -> None:
    tighter = Limits(max_current=9.9e-6, max_charge=2.9e-9, unknown_density=0.49, cic_fraction=0.49, shannon_k=1.4,
                     min_width=21e-6, max_width=0.9e-3, net_fraction=0.009)  # fmt: skip
    if not broken(pulse, tighter, electrode):
        assert check(pulse, DEFAULT_LIMITS, electrode) == []


@given(WIRE | NEAR_WIRE, ELECTRODES)
@MANY
def test_accepted_words_from_a_link_break_no_rule(pulse: QuantisedPulse, electrode: Electrode | None) -> None:
    if not check_quantised(pulse, DEFAULT_LIMITS, electrode):
        assert broken_in_steps(pulse, DEFAULT_LIMITS, electrode) == set()
        charges = [abs(a * n) for a, n in zip(pulse.levels, pulse.samples, strict=True)]
        assert F(abs(pulse.net)) <= F(1, 10) * min(charges) * (1 + F(1, 10**8))


@given(st.floats(1e-9, 20e-6), st.floats(1e-6, 2e-3), st.sampled_from([10e-9, 1e-7, 1e-6]), st.floats(20e3, 30e3))
@MANY
def test_quantised_pulse_of_stim_is_exactly_balanced(amplitude: float, width: float, step: float, rate: float) -> None:
    found = quantise(biphasic(amplitude, width), step, 1 / rate)
    assert found.net == 0
    assert abs(found.levels[1] * step - amplitude) <= step * 0.5000001
    assert found.samples[0] == found.samples[1] >= 1


@given(st.lists(st.tuples(st.integers(0, 400), st.sets(st.integers(0, 11), min_size=1, max_size=9), st.integers(1, 20),
                          st.integers(1, 90)), max_size=40))  # fmt: skip
@MANY
def test_admitted_pulses_keep_rate_duty_pauses_and_sums(asked: list[tuple[int, set[int], int, int]]) -> None:
    period = 50e-6
    guard = Guard(DEFAULT_LIMITS, 100e-9, period, bytearray(History.empty(12).to_bytes()), 12)
    admitted: list[tuple[int, int, int, float]] = []  # start, end, channel, peak
    now = 0
    for later, channels, width, level in asked:
        now += later
        pulse = QuantisedPulse((-level, level), (width, width), 100e-9, period)
        if not guard.admit(now, sorted(channels), pulse):
            admitted += [(now, now + 2 * width, channel, level * 100e-9) for channel in channels]
    _assert_channels(admitted, period)
    for start, _, _, _ in admitted:
        active = [entry for entry in admitted if entry[0] <= start < entry[1]]
        assert len({entry[2] for entry in active}) == len(active) <= 8
        assert sum(entry[3] for entry in active) <= 50e-6 * (1 + 1e-6)


def _assert_channels(admitted: list[tuple[int, int, int, float]], period: float) -> None:
    """Every stretch of time between two starts of a channel keeps rate and duty, and pauses separate its pulses."""
    for channel in {entry[2] for entry in admitted}:
        mine = [(start, end) for start, end, own, _ in admitted if own == channel]
        for (_, end), (following, _) in zip(mine, mine[1:], strict=False):
            assert (following - end) * period >= 200e-6 * (1 - 1e-9)
        for k, (start, _) in enumerate(mine):
            for m, (stop, _) in enumerate(mine[k + 1 :], 1):
                span = (stop - start) * period
                assert m <= span * 200 * (1 + 1e-9)
                busy = sum(end - begin for begin, end in mine[k : k + m])
                assert busy * period <= 0.2 * span * (1 + 1e-9)
