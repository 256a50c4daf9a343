"""Stimulation of an RHS2116: arming, triggers, charge, the supply's limits, recovery; what came out can be proved."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.hardware.chips import open_chip, sequences, settings, steps
from bioasm.hardware.chips.charge import Phase, pulses
from bioasm.hardware.chips.electrodes import Electrode
from bioasm.hardware.chips.rhs import Rhs2116
from bioasm.hardware.chips.scaling import dc_V
from bioasm.hardware.chips.words import rhs
from tests.chips.support import STEADY, ask, spent, stimulator

FIRM = Electrode(10e3, 1e-9, 1e15)  # hardly leaks, so that charges can be added up


def saline(**wanted: object) -> Rhs2116:
    """An armed chip whose electrodes hardly leak."""
    chip = stimulator(**wanted)  # type: ignore[arg-type]
    for channel in range(16):
        chip.set_electrode(channel, FIRM)
    return chip


def amplitudes(negative: int, positive: int, channel: int = 0) -> list[int]:
    """Writes of both amplitudes of a channel."""
    return [rhs.write(64 + channel, 0x8000 | negative), rhs.write(96 + channel, 0x8000 | positive)]


def biphasic(chip: Rhs2116, steps_each: int = 10, words: int = 6, channel: int = 0, second: int | None = None) -> None:
    """A negative phase and a positive one, `words` words each, `second` words if the second differs."""
    chip.transfer_all([*amplitudes(steps_each, steps_each, channel), rhs.write(44, 0), rhs.write(42, 1 << channel, u=True)])
    spent(chip, words - 1)
    chip.transfer(rhs.write(44, 1 << channel, u=True))
    spent(chip, (second or words) - 1)
    chip.transfer(rhs.write(42, 0, u=True))


# --- arming -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "armed"),
    [
        (0xAAAA, 0x00FF, True),
        (0xAAAA, 0x0000, False),
        (0x0000, 0x00FF, False),
        (0xAAAB, 0x00FF, False),
        (0xAAAA, 0xFFFF, False),
        (0x00FF, 0xAAAA, False),
        (0xFFFF, 0xFFFF, False),
    ],
)
def test_only_the_two_magic_words_arm(first: int, second: int, armed: bool) -> None:
    chip = stimulator(armed=False)
    chip.transfer_all([rhs.write(32, first), rhs.write(33, second)])
    assert chip.armed is armed
    biphasic(chip)
    assert bool(chip.drain_events()) is armed


def test_arming_commands() -> None:
    assert sequences.arm() == [0x8020AAAA, 0x802100FF]
    assert sequences.disarm() == [0x80200000, 0x80210000]


@pytest.mark.parametrize("word", sequences.disarm())
def test_either_disarming_word_stops_a_current_at_once(word: int) -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(10, 10), rhs.write(42, 1, u=True)])
    assert chip.stim_current[0] == pytest.approx(-10e-6)
    chip.transfer(word)
    assert chip.stim_current[0] == 0
    assert len(chip.drain_events()) == 1


def test_power_cycle_disarms() -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(10, 10), rhs.write(42, 1, u=True)])
    chip.power_cycle()
    assert not chip.armed
    assert not chip.stim_current.any()
    assert not chip.delivered.any()


@pytest.mark.parametrize("seed", range(8))
def test_nothing_flows_at_power_up(seed: int) -> None:
    chip = open_chip("rhs2116", 30000, seed=seed)
    chip.transfer_all([rhs.read(255, u=True)] * 20)
    assert not chip.armed
    assert not chip.stim_current.any()
    assert chip.drain_events() == []


def test_arming_waits_with_currents_until_they_are_set() -> None:
    chip = stimulator()
    assert chip.armed
    assert not chip.stim_current.any()


# --- triggers ---------------------------------------------------------------------------------------


def test_current_begins_with_the_trigger() -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(7, 7), rhs.write(44, 1), rhs.write(42, 1)])
    spent(chip, 10)
    assert chip.stim_current[0] == 0
    chip.transfer(rhs.read(255, u=True))
    assert chip.stim_current[0] == pytest.approx(7e-6)


@pytest.mark.parametrize("word", [rhs.convert(0, u=True), rhs.read(255, u=True), rhs.write(0, 0xC5, u=True)])
def test_every_command_can_trigger(word: int) -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(7, 7), rhs.write(42, 1), word])
    assert chip.stim_current[0] == pytest.approx(-7e-6)


@pytest.mark.parametrize("word", [rhs.CLEAR | rhs.UPDATE, rhs.CALIBRATE | rhs.UPDATE])
def test_special_words_do_not_trigger(word: int) -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(7, 7), rhs.write(42, 1), word])
    assert chip.stim_current[0] == 0


def test_all_waiting_writes_take_effect_at_once() -> None:
    chip = saline()
    writes = [w for c in range(16) for w in amplitudes(c + 1, 2 * c + 1, c)]
    chip.transfer_all([*writes, rhs.write(44, 0xFF00), rhs.write(42, 0xFFFF)])
    assert not chip.stim_current.any()
    chip.transfer(rhs.read(255, u=True))
    expected = [-(c + 1) * 1e-6 for c in range(8)] + [(2 * c + 1) * 1e-6 for c in range(8, 16)]
    assert chip.stim_current == pytest.approx(expected)


def test_later_write_replaces_one_that_waits() -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(7, 7), *amplitudes(9, 9), rhs.write(42, 1, u=True)])
    assert chip.stim_current[0] == pytest.approx(-9e-6)


def test_trigger_without_waiting_writes_changes_nothing() -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(7, 7), rhs.write(42, 1, u=True)])
    chip.transfer_all([rhs.read(255, u=True)] * 5)
    assert len(chip.open_phases()) == 1
    assert chip.drain_events() == []


def test_amplitude_of_the_other_polarity_does_not_interrupt() -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(7, 7), rhs.write(42, 1, u=True), rhs.write(96, 0x8020, u=True)])
    assert chip.drain_events() == []
    assert chip.stim_current[0] == pytest.approx(-7e-6)


# --- currents and charge ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", steps.STEPS)
@pytest.mark.parametrize(("magnitude", "positive"), [(1, 0), (255, 1)])
def test_current_of_every_step(name: str, magnitude: int, positive: int) -> None:
    chip = stimulator(step=name)
    chip.set_electrode(0, Electrode(100.0, 1e-6, 1e15))
    chip.transfer_all([*amplitudes(magnitude, magnitude), rhs.write(44, positive), rhs.write(42, 1, u=True)])
    sign = 1 if positive else -1
    assert chip.stim_current[0] == pytest.approx(sign * magnitude * steps.STEPS[name].amperes)


@pytest.mark.parametrize(("trim", "share"), [(0, 1.0), (127, 1 + 127 / 512), (-128, 0.75), (1, 1 + 1 / 512)])
def test_trim(trim: int, share: float) -> None:
    chip = saline()
    chip.transfer_all([rhs.write(64, steps.amplitude_word(100, trim)), rhs.write(42, 1, u=True)])
    assert chip.stim_current[0] == pytest.approx(-100e-6 * share)


@pytest.mark.parametrize("words", [1, 5, 20, 100])
@pytest.mark.parametrize("magnitude", [1, 10])
def test_charge_of_a_phase_is_current_times_time(words: int, magnitude: int) -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(magnitude, magnitude), rhs.write(42, 1, u=True)])
    spent(chip, words - 1)
    chip.transfer(rhs.write(42, 0, u=True))
    (phase,) = chip.drain_events()
    assert phase.stop - phase.start == pytest.approx(words * chip.word_period)
    assert phase.coulombs == pytest.approx(-magnitude * 1e-6 * words / 600e3)
    assert (phase.channel, phase.amperes, phase.limited) == (0, pytest.approx(-magnitude * 1e-6), False)


def test_balanced_pulse_leaves_nothing() -> None:
    chip = saline()
    biphasic(chip, 50, 12)
    (pulse,) = pulses(chip.drain_events())
    assert len(pulse.phases) == 2
    assert pulse.net_coulombs == pytest.approx(0, abs=1e-20)
    assert pulse.largest_coulombs == pytest.approx(50e-6 * 12 / 600e3)
    assert chip.electrode_V[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("second", "net"), [(11, -1), (13, 1), (24, 12)])
def test_unbalanced_pulse_is_seen(second: int, net: int) -> None:
    chip = saline()
    biphasic(chip, 50, 12, second=second)
    (pulse,) = pulses(chip.drain_events())
    assert pulse.net_coulombs == pytest.approx(net * 50e-6 / 600e3)
    assert chip.electrode_V[0] == pytest.approx(net * 50e-6 / 600e3 / 1e-9, rel=1e-3)


def test_electrode_voltage_is_access_and_double_layer() -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(10, 10), rhs.write(44, 1), rhs.write(42, 1, u=True)])
    assert chip.electrode_V[0] == pytest.approx(10e-6 * 10e3)
    spent(chip, 60)
    assert chip.electrode_V[0] == pytest.approx(0.1 + 10e-6 * 60 / 600e3 / 1e-9, rel=1e-6)
    chip.transfer(rhs.write(42, 0, u=True))
    assert chip.electrode_V[0] == pytest.approx(10e-6 * 61 / 600e3 / 1e-9, rel=1e-6)


def test_charge_leaks() -> None:
    chip = stimulator()
    chip.set_electrode(0, Electrode(10e3, 1e-9, 1e6))
    chip.transfer_all([*amplitudes(1, 1), rhs.write(42, 1, u=True)])
    spent(chip, 60)
    chip.transfer(rhs.write(42, 0, u=True))
    before = chip.electrode_V[0]
    spent(chip, 600)
    assert chip.electrode_V[0] == pytest.approx(before * np.exp(-1.0), rel=1e-6)


def test_delivered_counts_open_phases_too() -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(10, 10, 3), rhs.write(42, 8, u=True)])
    spent(chip, 30)
    assert chip.delivered[3] == pytest.approx(-10e-6 * 30 / 600e3)
    (flowing,) = chip.open_phases()
    assert flowing.channel == 3
    assert flowing.coulombs == chip.delivered[3]
    chip.transfer(rhs.write(42, 0, u=True))
    assert chip.delivered[3] == pytest.approx(-10e-6 * 31 / 600e3)
    assert chip.open_phases() == []


def test_events_come_in_order_and_once() -> None:
    chip = saline()
    for channel in (5, 2, 9):
        biphasic(chip, channel=channel)
    events = chip.drain_events()
    assert [phase.channel for phase in events] == [5, 5, 2, 2, 9, 9]
    assert [phase.stop for phase in events] == sorted(phase.stop for phase in events)
    assert chip.drain_events() == []


def test_change_of_the_step_ends_a_phase() -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(10, 10), rhs.write(42, 1, u=True), rhs.write(34, steps.STEPS["2uA"].selection.word)])
    assert chip.stim_current[0] == pytest.approx(-20e-6)
    assert chip.drain_events()[0].amperes == pytest.approx(-10e-6)


def test_every_word_sent_in_blocks_counts() -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(1, 1), rhs.write(42, 1, u=True)])
    chip.convert_block(np.zeros((16, 50)))
    chip.transfer(rhs.write(42, 0, u=True))
    assert chip.drain_events()[0].coulombs == pytest.approx(-1e-6 * 1001 / 600e3)


def test_no_word_but_a_trigger_starts_a_current() -> None:
    random = np.random.default_rng(9)
    chip = stimulator(armed=False)
    for word in random.integers(0, 1 << 32, 3000).tolist():
        harmless = word & ~(0xFF << 16) | 5 << 16 if (word >> 16 & 0xFF) in (32, 33) else word
        chip.transfer(harmless)
    assert not chip.armed
    assert chip.drain_events() == []
    assert not chip.delivered.any()


def test_whatever_flows_is_accounted_for() -> None:
    random = np.random.default_rng(10)
    chip = saline()
    numbers = (42, 44, 46, 48, 36, 37, 34, *range(64, 80), *range(96, 112))
    for _ in range(600):
        value = int(random.integers(0, 1 << 16))
        chip.transfer(rhs.write(int(random.choice(numbers)), value, u=bool(random.integers(2)), m=bool(random.integers(2))))
        spent(chip, int(random.integers(0, 4)))
    phases = [*chip.drain_events(), *chip.open_phases()]
    sums = np.zeros(16)
    for phase in phases:
        sums[phase.channel] += phase.coulombs
        assert phase.stop >= phase.start
        assert phase.coulombs * phase.amperes >= 0
        assert abs(phase.coulombs) <= abs(phase.amperes) * (phase.stop - phase.start) * (1 + 1e-9)
    assert len(phases) > 100
    assert sums == pytest.approx(chip.delivered, abs=1e-18)
    assert (abs(chip.electrode_V) <= 7.0 + 1e-6).all()


# --- the supply -------------------------------------------------------------------------------------


def test_output_within_the_supply_keeps_the_monitor_clear() -> None:
    chip = saline()
    biphasic(chip, 100, 10)
    assert chip.compliance == 0
    assert ask(chip, rhs.read(40)) == [0]


def driven_to_the_rail(channel: int = 0, positive: bool = False) -> Rhs2116:
    """A chip that drives a channel with 100 uA until nothing more goes in."""
    chip = saline()
    chip.transfer_all([*amplitudes(100, 100, channel), rhs.write(44, 0xFFFF * positive), rhs.write(42, 1 << channel, u=True)])
    spent(chip, 200)
    return chip


@pytest.mark.parametrize("channel", [0, 6, 15])
@pytest.mark.parametrize("positive", [False, True])
def test_output_at_the_supply_sets_its_bit(channel: int, positive: bool) -> None:
    chip = driven_to_the_rail(channel, positive)
    assert chip.compliance == 1 << channel
    assert ask(chip, rhs.read(40)) == [1 << channel]
    assert chip.electrode_V[channel] == pytest.approx(7.0 if positive else -7.0)


def test_monitor_is_sticky_until_m() -> None:
    chip = driven_to_the_rail()
    chip.transfer_all([rhs.write(42, 0, u=True), rhs.write(46, 1, u=True)])
    spent(chip, 1000)
    assert ask(chip, rhs.read(40)) == [1]
    chip.transfer(rhs.RESET_COMPLIANCE)
    assert ask(chip, rhs.read(40)) == [0]


@pytest.mark.parametrize("word", [rhs.convert(0, m=True), rhs.write(0, 0xC5, m=True), rhs.read(40, m=True)])
def test_every_command_can_clear_the_monitor(word: int) -> None:
    chip = driven_to_the_rail()
    chip.transfer_all([rhs.write(42, 0, u=True), word])
    assert chip.compliance == 0


def test_read_of_the_monitor_with_m_shows_it_first() -> None:
    chip = driven_to_the_rail()
    chip.transfer(rhs.write(42, 0, u=True))
    assert ask(chip, rhs.read(40, m=True)) == [1]


def test_monitor_comes_back_while_the_output_is_at_the_supply() -> None:
    chip = driven_to_the_rail()
    chip.transfer(rhs.RESET_COMPLIANCE)
    assert chip.compliance == 1


def test_supply_limits_what_is_delivered() -> None:
    chip = driven_to_the_rail()
    assert abs(chip.stim_current[0]) < 1e-9
    chip.transfer(rhs.write(42, 0, u=True))
    (phase,) = chip.drain_events()
    assert phase.limited
    assert phase.amperes == pytest.approx(-100e-6)
    assert phase.coulombs == pytest.approx(-7e-9, rel=1e-6)
    assert chip.electrode_V[0] == pytest.approx(-7.0, rel=1e-6)


def test_current_that_the_supply_can_not_drive_at_all() -> None:
    chip = saline(step="10uA")
    chip.transfer_all([*amplitudes(255, 255), rhs.write(42, 1, u=True)])
    assert chip.compliance == 1
    assert chip.stim_current[0] == pytest.approx(-7.0 / 10e3)


def test_the_other_polarity_leaves_the_rail() -> None:
    chip = driven_to_the_rail()
    chip.transfer_all([rhs.write(44, 1, u=True), rhs.RESET_COMPLIANCE])
    assert chip.compliance == 0
    assert chip.stim_current[0] == pytest.approx(100e-6)


@pytest.mark.parametrize("words", [28, 40, 41, 60])
def test_charge_at_the_rail_follows_the_circuit(words: int) -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(100, 100), rhs.write(44, 1), rhs.write(42, 1, u=True)])
    spent(chip, words)
    charge, step = 0.0, chip.word_period / 2000
    for _ in range(words * 2000):
        charge += step * min(100e-6, (7 - charge / 1e-9) / 10e3)
    assert chip.delivered[0] == pytest.approx(charge, rel=2e-3)


# --- recovery, DC amplifier, faults -----------------------------------------------------------------


def charged() -> Rhs2116:
    """A chip with -1 V on the double layer of channel 0 and no current."""
    chip = saline()
    chip.transfer_all([*amplitudes(10, 10), rhs.write(42, 1, u=True)])
    spent(chip, 59)
    chip.transfer(rhs.write(42, 0, u=True))
    assert chip.electrode_V[0] == pytest.approx(-1.0, rel=1e-6)
    return chip


def test_recovery_switch_discharges_the_electrode() -> None:
    chip = charged()
    chip.transfer(rhs.write(46, 1, u=True))
    spent(chip, 66)  # ten times 11 kohm and 1 nF
    assert abs(chip.electrode_V[0]) == pytest.approx(np.exp(-10) / 11, rel=1e-3)


def test_limited_recovery_takes_its_time() -> None:
    chip = charged()
    chip.transfer_all([rhs.write(37, steps.RECOVERY["1uA"][1].word), rhs.write(48, 1, u=True)])
    spent(chip, 300)
    assert chip.electrode_V[0] == pytest.approx(-1.0 + 1e-6 * 300 / 600e3 / 1e-9 + 0.01, rel=1e-3)
    spent(chip, 600)
    assert chip.electrode_V[0] == pytest.approx(0, abs=1e-6)


def test_limited_recovery_aims_at_its_target() -> None:
    chip = saline()
    chip.transfer_all([rhs.write(37, steps.RECOVERY["1uA"][1].word), rhs.write(36, 128 + 40), rhs.write(48, 1, u=True)])
    spent(chip, 1000)
    assert chip.electrode_V[0] == pytest.approx(40 * 1.225 / 128, rel=1e-4)


def test_recovery_is_no_stimulation() -> None:
    chip = charged()
    chip.drain_events()
    chip.transfer(rhs.write(46, 1, u=True))
    spent(chip, 50)
    assert chip.open_phases() == chip.drain_events() == []
    assert not chip.stim_current.any()


def test_stimulus_into_a_closed_switch_leaves_the_electrode_low() -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(10, 10), rhs.write(46, 1), rhs.write(42, 1, u=True)])
    spent(chip, 1000)
    assert abs(chip.electrode_V[0]) <= 10e-6 * 1e3 * 1.001
    assert len(chip.open_phases()) == 1


@pytest.mark.parametrize("volts", [-1.0, 0.0])
def test_dc_amplifier_sees_the_electrode(volts: float) -> None:
    chip = charged() if volts else saline()
    word = ask(chip, rhs.convert(0, d=True))[0]
    assert dc_V(word & 0x3FF) == pytest.approx(volts, abs=0.01)
    assert word & 0xFC00 == 0


def test_dc_sample_needs_its_flag_and_its_power() -> None:
    chip = saline()
    assert ask(chip, rhs.convert(0))[0] & 0xFFFF == 0
    chip.transfer(rhs.write(38, 0xFFFE))
    assert [word & 0x3FF for word in ask(chip, rhs.convert(0, d=True), rhs.convert(1, d=True))] == [0, 512]


def test_stimulation_saturates_its_own_amplifier_only() -> None:
    chip = saline(lower_Hz=0.1, **STEADY)
    chip.transfer_all([*amplitudes(10, 10), rhs.write(44, 1), rhs.write(42, 1, u=True)])
    codes = chip.convert_block(np.zeros((16, 5)))
    assert codes[0].max() == 58409
    assert (codes[1:] == 32768).all()


@pytest.mark.parametrize(("amperes", "fault"), [(0.0, 0), (19e-6, 0), (21e-6, 1), (-30e-6, 1)])
def test_fault_current(amperes: float, fault: int) -> None:
    chip = stimulator()
    chip.set_fault_current(amperes)
    assert chip.fault == fault
    assert ask(chip, rhs.read(50)) == [fault]


def test_electrode_can_not_be_changed_under_current() -> None:
    chip = saline()
    chip.transfer_all([*amplitudes(10, 10), rhs.write(42, 1, u=True)])
    with pytest.raises(ValueError, match="stimulates"):
        chip.set_electrode(0, FIRM)


# --- the ADC's start --------------------------------------------------------------------------------


def test_rhs_needs_clear() -> None:
    chip = open_chip("rhs2116", 30000, seed=3)
    image = settings.rhs_image(30000, **STEADY)
    chip.transfer_all([w for w in sequences.rhs_power_up(image) if w != rhs.CLEAR])
    off = chip.convert_block(np.zeros((16, 1)))[0, 0]
    assert off == 32768 + chip.offset_error
    chip.transfer(rhs.CALIBRATE)
    assert not chip.calibrated
    chip.transfer(rhs.CLEAR)
    assert chip.calibrated
    assert chip.convert_block(np.zeros((16, 1)))[0, 0] == 32768


def test_rhs_does_not_swallow_commands() -> None:
    chip = stimulator()
    assert ask(chip, rhs.CALIBRATE, rhs.read(255)) == [0x80000000, 32]


def test_twoscomp_of_an_rhs2116() -> None:
    chip = stimulator(lower_Hz=0.1, upper_Hz=20000, **STEADY)
    chip.transfer(rhs.write(1, chip.register(1) | 0x40))
    chip.inputs[0] = -195.0
    assert ask(chip, rhs.convert(0), rhs.CLEAR) == [0xFC180000, 0]


@pytest.mark.parametrize("d", [False, True])
def test_cycle_of_an_rhs2116(d: bool) -> None:
    chip = stimulator(lower_Hz=0.1, **STEADY)
    chip.inputs[:] = 50.0 * np.arange(16)
    chip.convert_block(np.tile(chip.inputs[:, None], 40))
    words = ask(chip, rhs.convert(0, d=d), *[rhs.convert(63, d=d)] * 16)
    assert [word >> 16 for word in words[:16]] == sorted(word >> 16 for word in words[:16])
    assert words[16] == words[0]


# --- grouping ---------------------------------------------------------------------------------------


def phase(channel: int, start: float, stop: float, coulombs: float = 1e-9) -> Phase:
    """A phase whose current does not matter."""
    return Phase(channel, start, stop, 1e-6, coulombs, False)


def test_pauses_part_pulses() -> None:
    found = pulses([phase(0, 0.0, 1e-4), phase(0, 1e-4, 2e-4, -1e-9), phase(0, 5e-4, 6e-4)])
    assert [len(pulse.phases) for pulse in found] == [2, 1]
    assert [pulse.net_coulombs for pulse in found] == [0.0, 1e-9]


def test_channels_are_apart() -> None:
    found = pulses([phase(1, 0.0, 1e-4), phase(0, 1e-4, 2e-4), phase(1, 1e-4, 3e-4)])
    assert [(pulse.channel, len(pulse.phases)) for pulse in found] == [(1, 2), (0, 1)]
    assert (found[0].start, found[0].stop) == (0.0, 3e-4)


def test_shorter_gap_parts_more() -> None:
    both = [phase(0, 0.0, 1e-4), phase(0, 1.5e-4, 2e-4)]
    assert len(pulses(both)) == 1
    assert len(pulses(both, gap=20e-6)) == 2


def test_no_phases_no_pulses() -> None:
    assert pulses([]) == []


def test_next_phase_is_not_called_limited() -> None:
    chip = driven_to_the_rail()
    chip.transfer(rhs.write(44, 1, u=True))
    spent(chip, 3)
    chip.transfer(rhs.write(42, 0, u=True))
    assert [phase.limited for phase in chip.drain_events()] == [True, False]
