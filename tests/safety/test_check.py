"""Tests of the rules for one pulse: each limit from both sides, hostile numbers, and what the refusals say."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from bioasm.safety import (
    DEFAULT_LIMITS,
    Electrode,
    Limits,
    Phase,
    Pulse,
    QuantisedPulse,
    Rule,
    biphasic,
    check,
    check_quantised,
    quantise,
)

DISK = Electrode.disk(30e-6)
LARGE = Electrode(1e-6, "titanium nitride")  # 1 mm2


def rules(pulse: Pulse, limits: Limits = DEFAULT_LIMITS, electrode: Electrode | None = None, step: float = 0.0) -> set[Rule]:
    return {refusal.rule for refusal in check(pulse, limits, electrode, step)}


def phases(*pairs: tuple[float, float]) -> Pulse:
    return Pulse(tuple(Phase(current, width) for current, width in pairs))


# --- each limit from both sides ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "outside", "rule"),
    [
        (biphasic(10e-6, 100e-6), biphasic(10.01e-6, 100e-6), Rule.CURRENT),
        (biphasic(10e-6, 300e-6), biphasic(10e-6, 301e-6), Rule.CHARGE),
        (biphasic(1e-6, 20e-6), biphasic(1e-6, 19.9e-6), Rule.WIDTH_LOW),
        (biphasic(1e-6, 1e-3), biphasic(1e-6, 1.001e-3), Rule.WIDTH_HIGH),
        (phases((-1e-6, 1e-4), (1.009e-6, 1e-4)), phases((-1e-6, 1e-4), (1.011e-6, 1e-4)), Rule.BALANCE),
        (phases((-1e-6, 1e-4), (0.992e-6, 1e-4)), phases((-1e-6, 1e-4), (0.98e-6, 1e-4)), Rule.BALANCE),
        (phases((-1e-6, 2e-4), (2e-6, 1e-4)), phases((-1e-6, 2e-4), (2e-6, 1.1e-4)), Rule.BALANCE),
        (biphasic(1e-6, 1e-4), phases((-1e-6, 1e-4)), Rule.PHASES),
        (biphasic(1e-6, 1e-4), phases((1e-6, 1e-4), (1e-6, 1e-4)), Rule.ALTERNATION),
        (biphasic(1e-6, 1e-4), phases((-1e-6, 1e-4), (0.0, 1e-4), (1e-6, 1e-4)), Rule.ALTERNATION),
    ],
)
def test_limit_from_both_sides(inside: Pulse, outside: Pulse, rule: Rule) -> None:
    assert not check(inside)
    assert rule in rules(outside)


@pytest.mark.parametrize(
    ("inside", "outside", "electrode", "rule"),
    [
        # 50 uC/cm2 on 7.07e-6 cm2 are 0.353 nC
        (biphasic(3.5e-6, 100e-6), biphasic(3.6e-6, 100e-6), DISK, Rule.DENSITY),
        (biphasic(5e-6, 600e-6), biphasic(5.1e-6, 600e-6), LARGE, Rule.CHARGE),
        (biphasic(1e-6, 1e-4), biphasic(1.1e-6, 1e-4), replace(LARGE, max_current=1e-6), Rule.CURRENT),
        (biphasic(1e-6, 1e-4), biphasic(1.1e-6, 1e-4), replace(LARGE, max_charge=1e-10), Rule.CHARGE),
    ],
)
def test_limit_of_an_electrode_from_both_sides(inside: Pulse, outside: Pulse, electrode: Electrode, rule: Rule) -> None:
    assert not check(inside, electrode=electrode)
    assert rules(outside, electrode=electrode) == {rule}


def test_shannon_binds_where_charge_is_large() -> None:
    # k = log10(D [uC/cm2]) + log10(Q [uC]): 10 uC on 1 cm2 have k = 2, 5.6 uC have k = 1.5
    wide = Limits(max_current=1.0, max_charge=1.0, unknown_density=1e9)
    assert not check(biphasic(5.6e-3, 1e-3), wide, Electrode(1e-4))
    assert rules(biphasic(5.7e-3, 1e-3), wide, Electrode(1e-4)) == {Rule.SHANNON}


def test_worked_example_of_a_30_micrometre_disk() -> None:
    # 1 uA for 160 us are 0.16 nC and 23 uC/cm2; 3 nC are 424 uC/cm2 at k = 0.10
    tight = Limits(unknown_density=0.0, shannon_k=0.0)
    (density,) = [r for r in check(biphasic(1e-6, 160e-6), tight, DISK) if r.what == "charge density of phase 1"]
    assert density.value == pytest.approx(22.6, abs=0.1)
    found = check(biphasic(10e-6, 300e-6), tight, DISK)
    assert next(r.value for r in found if r.rule is Rule.DENSITY) == pytest.approx(424, abs=1)
    assert next(r.value for r in found if r.rule is Rule.SHANNON) == pytest.approx(0.10, abs=0.005)


def test_electrode_that_may_not_stimulate() -> None:
    assert rules(biphasic(1e-6, 1e-4), electrode=replace(LARGE, allowed=False)) == {Rule.ELECTRODE}


def test_three_phases_are_allowed() -> None:
    assert not check(phases((-1e-6, 1e-4), (1e-6, 2e-4), (-1e-6, 1e-4)))


def test_phases_of_one_sign_do_not_add_up_behind_short_ones_of_the_other() -> None:
    long, short = 300e-6, 50e-6  # 3 nC and 0.5 nC at 10 uA: each phase is allowed, and all of them together are balanced
    pulse = phases(*[(-10e-6, long), (10e-6, short)] * 4, *[(-10e-6, short), (10e-6, long)] * 4)
    found = check(pulse)
    assert {refusal.rule for refusal in found} == {Rule.CHARGE}
    largest = max(found, key=lambda refusal: refusal.value)
    assert largest.value == pytest.approx(10.5e-9)
    assert largest.what == "charge of phases 1 to 7 together"


def test_what_phases_gather_counts_against_the_electrode_too() -> None:
    widths = (100e-6, 20e-6, 100e-6, 100e-6, 20e-6, 100e-6)  # at most 0.3 nC a phase, and 0.54 nC after the third
    pulse = phases(*((3e-6 * sign, width) for sign, width in zip((-1, 1) * 3, widths, strict=True)))
    assert rules(pulse, electrode=DISK) == {Rule.DENSITY}
    assert rules(pulse, electrode=replace(LARGE, max_charge=0.53e-9)) == {Rule.CHARGE}
    assert not check(pulse, electrode=replace(LARGE, max_charge=0.541e-9))


def test_one_step_of_imbalance_is_allowed_over_the_shortest_phase() -> None:
    pulse = phases((-20e-6, 1e-4), (21e-6, 1e-4))
    wide = Limits(max_current=1e-4)
    assert rules(pulse, wide, step=0.5e-6) == {Rule.BALANCE}
    assert not check(pulse, wide, step=1e-6)


def test_a_coarse_step_is_no_excuse_for_a_large_imbalance() -> None:
    assert rules(phases((-1e-6, 1e-4), (2e-6, 1e-4)), step=1e-6) == {Rule.BALANCE}


def test_charge_is_summed_with_signs() -> None:
    pulse = phases((-1e-6, 1e-4), (1e-6, 1e-4), (-1e-6, 1e-4))
    assert rules(pulse) == {Rule.BALANCE}


# --- hostile numbers --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [nan, inf, -inf, 10**400, "1e-6", None])
def test_what_is_no_number_is_refused(number: float) -> None:
    for pulse in (phases((number, 1e-4), (1e-6, 1e-4)), phases((-1e-6, 1e-4), (1e-6, number))):
        assert rules(pulse) == {Rule.NUMBERS}
    assert rules(biphasic(1e-6, 1e-4), step=number) == {Rule.NUMBERS}


@pytest.mark.parametrize("width", [0.0, -1e-4, -0.0, 1e-320, -1e300])
def test_widths_that_are_none_are_refused(width: float) -> None:
    assert Rule.WIDTH_LOW in rules(biphasic(1e-6, width))


@pytest.mark.parametrize("amplitude", [0.0, -0.0])
def test_pulse_without_current_is_refused(amplitude: float) -> None:
    assert rules(biphasic(amplitude, 1e-4)) == {Rule.ALTERNATION}


def test_product_beyond_all_floats_is_refused() -> None:
    assert {Rule.CURRENT, Rule.CHARGE, Rule.WIDTH_HIGH} <= rules(biphasic(1e300, 1e300), electrode=DISK)


def test_negative_step_is_refused() -> None:
    assert rules(biphasic(1e-6, 1e-4), step=-1e-6) == {Rule.NUMBERS}


def test_no_phases_are_too_few() -> None:
    assert rules(Pulse(())) == {Rule.PHASES}


def test_very_many_phases_are_refused() -> None:
    pulse = Pulse(biphasic(1e-6, 1e-4).phases * 500)
    assert Rule.PHASES in rules(pulse)


def test_negative_amplitude_is_anodic_first_and_held_to_the_same() -> None:
    assert not check(biphasic(-5e-6, 1e-4))
    assert rules(biphasic(-11e-6, 1e-4)) == {Rule.CURRENT}


# --- steps and samples ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "samples", "rule"),
    [
        ((-3, 3), (2, 3), Rule.BALANCE),
        ((-3, 4), (2, 2), Rule.BALANCE),
        ((-300, 300), (1, 1), Rule.RANGE),
        ((-(10**400), 10**400), (1, 1), Rule.RANGE),
        ((0, 0), (2, 2), Rule.RESOLUTION),
        ((-3, 3), (0, 0), Rule.WIDTH_LOW),
        ((-3, 3), (-2, -2), Rule.WIDTH_LOW),
        ((-3, 3), (21, 21), Rule.WIDTH_HIGH),
        ((-3, 3), (10**400, 10**400), Rule.NUMBERS),
        ((-3, 3), (2,), Rule.PHASES),
        ((), (), Rule.PHASES),
        ((-3,), (2,), Rule.PHASES),
        ((-3.0, 3.0), (2, 2), Rule.NUMBERS),
        ((True, -1), (2, 2), Rule.NUMBERS),
        ((-1, 1) * 50, (2, 2) * 50, Rule.PHASES),
        ((-11, 11), (2, 2), Rule.CURRENT),
        ((3, 3), (2, 2), Rule.ALTERNATION),
    ],
)
def test_what_a_stimulator_is_not_given(levels: tuple[int, ...], samples: tuple[int, ...], rule: Rule) -> None:
    pulse = QuantisedPulse(levels, samples, 1e-6, 50e-6)
    assert rule in {refusal.rule for refusal in check_quantised(pulse)}


@pytest.mark.parametrize("wrong", [0.0, -1e-6, nan, inf])
def test_step_and_period_must_be_positive(wrong: float) -> None:
    good = QuantisedPulse((-3, 3), (2, 2), 1e-6, 50e-6)
    assert not check_quantised(good)
    assert check_quantised(replace(good, step=wrong))
    assert check_quantised(replace(good, period=wrong))


def test_range_is_that_of_the_stimulator() -> None:
    pulse = QuantisedPulse((-9, 9), (2, 2), 1e-6, 50e-6)
    assert not check_quantised(pulse, range_steps=9)
    assert {r.rule for r in check_quantised(pulse, range_steps=8)} == {Rule.RANGE}


@pytest.mark.parametrize(
    ("amplitude", "width", "levels", "samples"),
    [
        (3e-6, 100e-6, (-3, 3), (2, 2)),
        (3.4e-6, 120e-6, (-3, 3), (2, 2)),
        (3.6e-6, 130e-6, (-4, 4), (3, 3)),
        (3e-6, 20e-6, (-3, 3), (1, 1)),
        (0.4e-6, 100e-6, (0, 0), (2, 2)),
        (-2e-6, 100e-6, (2, -2), (2, 2)),
    ],
)
def test_quantised_to_the_nearest(amplitude: float, width: float, levels: tuple[int, ...], samples: tuple[int, ...]) -> None:
    found = quantise(biphasic(amplitude, width), 1e-6, 50e-6)
    assert (found.levels, found.samples) == (levels, samples)


def test_last_phase_balances_what_rounding_left() -> None:
    # 10 steps for 3 samples, then a phase twice as long: 30 = 5 * 6
    found = quantise(phases((-10e-6, 150e-6), (5.4e-6, 300e-6)), 1e-6, 50e-6)
    assert (found.levels, found.samples, found.net) == ((-10, 5), (3, 6), 0)


def test_net_charge_is_a_whole_number() -> None:
    assert QuantisedPulse((-3, 2), (2, 3), 0.1, 0.1).net == 0
    assert QuantisedPulse((-3, 2), (2, 4), 0.1, 0.1).net == 2


def test_quantised_pulse_in_amperes_and_seconds() -> None:
    found = quantise(biphasic(3e-6, 100e-6), 1e-6, 50e-6)
    assert found.pulse == biphasic(3 * 1e-6, 2 * 50e-6)
    assert found.duration_samples == 4


@pytest.mark.parametrize(("step", "period"), [(0.0, 1e-5), (1e-6, 0.0), (-1e-6, 1e-5), (nan, 1e-5), (1e-6, nan)])
def test_quantise_needs_steps(step: float, period: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        quantise(biphasic(1e-6, 1e-4), step, period)


@pytest.mark.parametrize("pulse", [biphasic(inf, 1e-4), biphasic(1e-6, inf), biphasic(nan, 1e-4)])
def test_quantise_needs_finite_numbers(pulse: Pulse) -> None:
    with pytest.raises(ValueError, match="made of finite numbers"):
        quantise(pulse, 1e-6, 1e-5)


# --- what a refusal says ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pulse", "words"),
    [
        (biphasic(20e-6, 100e-6), "current of phase 1: 20 uA; the limit is 10 uA (current of an electrode)"),
        (biphasic(5e-6, 800e-6), "charge of phase 1: 4 nC; the limit is 3 nC (charge per phase)"),
        (biphasic(1e-6, 2e-3), "width of phase 1: 2 ms; the limit is 1 ms (greatest width of a phase)"),
        (biphasic(1e-6, 10e-6), "width of phase 1: 10 us; the limit is 20 us (least width of a phase)"),
        (phases((-1e-6, 1e-4)), "phases of the pulse: 1; the limit is 2 (phases of a pulse)"),
        (phases((-1e-6, 1e-4), (2e-6, 1e-4)), "net charge of the pulse: 100 pC; the limit is 1 pC (net charge of a pulse)"),
    ],
)
def test_refusal_names_limit_and_value(pulse: Pulse, words: str) -> None:
    assert check(pulse)[0].message == words
    assert str(check(pulse)[0]) == words


def test_refusal_of_a_density_is_told_in_the_unit_of_the_field() -> None:
    (first, _) = check(biphasic(10e-6, 100e-6), electrode=DISK)
    assert first.message == "charge density of phase 1: 141.5 uC/cm2; the limit is 50 uC/cm2 (charge density per phase)"


def test_every_rule_has_a_title_and_keeps_its_number() -> None:
    assert [rule.value for rule in Rule] == list(range(1, 22))
    assert len({rule.title for rule in Rule}) == len(Rule)


def test_defaults_are_the_documented_ones() -> None:
    assert Limits() == Limits(10e-6, 3e-9, 0.5, 0.5, 1.5, 20e-6, 1e-3, 2, 0.01, 0.1, 200.0, 0.2, 8, 50e-6, 200e-6)
