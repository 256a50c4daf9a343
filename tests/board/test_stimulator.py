"""The stimulator: what is admitted flows exactly as asked, and what is not admitted never flows."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.hardware.board.rig import Rig
from bioasm.hardware.board.stimulator import Done
from bioasm.hardware.chips.charge import pulses
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import Accepted, State, StimOutcome
from bioasm.safety import DEFAULT_LIMITS, Electrode, Limits, LimitsTable, QuantisedPulse, biphasic, quantise
from tests.board.support import Bench, armed, table

STEP, PERIOD = 50e-9, 1 / 20000.0


def rig(limits: LimitsTable | None = None) -> Rig:
    """An armed rig that keeps what its chip delivers."""
    made = Rig("rhs2116", 20000.0, 1)
    made.start()
    made.arm(limits or table())
    made.phases = []  # type: ignore[attr-defined]
    drain = made.chip.drain_events

    def kept() -> list[object]:
        found = drain()
        made.phases.extend(found)  # type: ignore[attr-defined]
        return found

    made.chip.drain_events = kept  # type: ignore[method-assign]
    return made


def pulse(amperes: float = 5e-6, seconds: float = 200e-6) -> QuantisedPulse:
    """A biphasic pulse in steps and samples."""
    return quantise(biphasic(amperes, seconds), STEP, PERIOD)


def give(made: Rig, start: int, channels: list[int], shape: QuantisedPulse, ms: int = 10) -> list[Done]:
    """Ask for a pulse on channels, and let time pass."""
    assert made.stimulator is not None
    for channel in channels:
        made.stimulator.request(made.clock + start, channel, shape)
    done: list[Done] = []
    for _ in range(ms):
        done += made.run(1).done
    return done


@pytest.mark.parametrize("channel", range(16))
def test_each_channel_gives_its_pulse(channel: int) -> None:
    made = rig()
    done = give(made, 30, [channel], pulse())
    assert [(d.channel, d.outcome) for d in done] == [(channel, StimOutcome.DELIVERED)]
    assert {p.channel for p in made.phases} == {channel}


@pytest.mark.parametrize(
    ("amperes", "seconds"), [(50e-9, 1e-3), (1e-6, 50e-6), (3.3e-6, 150e-6), (10e-6, 250e-6), (2e-6, 1e-3)]
)
def test_pulse_flows_as_asked(amperes: float, seconds: float) -> None:
    made = rig()
    give(made, 30, [3], pulse(amperes, seconds))
    first, second = made.phases
    level = round(amperes / STEP) * STEP
    assert (first.amperes, second.amperes) == (pytest.approx(-level), pytest.approx(level))
    assert first.stop - first.start == pytest.approx(round(seconds / PERIOD) * PERIOD)
    assert second.stop - second.start == pytest.approx(first.stop - first.start)
    assert abs(made.chip.delivered[3]) < 1e-18


def test_pulse_starts_at_its_sample() -> None:
    made = rig()
    begun = made.chip.clock
    give(made, 40, [0], pulse())
    words = made.phases[0].start / made.chip.word_period - begun
    assert 40 * 20 < words <= 41 * 20


def test_anodic_first_is_possible() -> None:
    made = rig()
    give(made, 30, [0], QuantisedPulse((100, -100), (4, 4), STEP, PERIOD))
    assert [np.sign(p.amperes) for p in made.phases] == [1, -1]


def test_asymmetric_pulse_keeps_its_balance() -> None:
    made = rig()
    give(made, 30, [0], QuantisedPulse((-100, 50), (2, 4), STEP, PERIOD))
    assert abs(made.chip.delivered[0]) < 1e-18


def test_eight_channels_at_a_time() -> None:
    made = rig()
    done = give(made, 30, list(range(8)), pulse())
    assert [d.outcome for d in done] == [StimOutcome.DELIVERED] * 8
    assert len({p.start for p in made.phases if p.amperes < 0}) == 1


def test_overlapping_pulses_keep_their_widths() -> None:
    made = rig()
    assert made.stimulator is not None
    for k, channel in enumerate((0, 1, 2)):
        made.stimulator.request(made.clock + 30 + 3 * k, channel, pulse(4e-6, 300e-6))
    made.run(5)
    assert len(made.phases) == 6
    for phase in made.phases:
        assert phase.stop - phase.start == pytest.approx(300e-6)
        assert abs(phase.amperes) == pytest.approx(4e-6)


def test_achieved_charge_is_told() -> None:
    made = rig()
    done = give(made, 30, [5], pulse(5e-6, 200e-6))
    assert done[0].charges == pytest.approx((-1e-9, 1e-9))


REFUSED = {
    "too strong": (QuantisedPulse((-250, 250), (4, 4), STEP, PERIOD), "current"),
    "too much charge": (QuantisedPulse((-190, 190), (10, 10), STEP, PERIOD), "charge per phase"),
    "unbalanced": (QuantisedPulse((-100, 90), (4, 4), STEP, PERIOD), "net charge"),
    "one phase": (QuantisedPulse((-100,), (4,), STEP, PERIOD), "phases"),
    "same sign": (QuantisedPulse((-100, -100), (4, 4), STEP, PERIOD), "opposite sign"),
    "too long": (QuantisedPulse((-10, 10), (30, 30), STEP, PERIOD), "width"),
    "over the range": (QuantisedPulse((-256, 256), (1, 1), STEP, PERIOD), "steps"),
    "no current": (QuantisedPulse((0, 0), (4, 4), STEP, PERIOD), "half a step"),
    "no width": (QuantisedPulse((-10, 10), (0, 0), STEP, PERIOD), "width"),
    "two amplitudes of one sign": (QuantisedPulse((-100, 100, -50, 50), (2, 2, 2, 2), STEP, PERIOD), "same sign"),
    "no phases": (QuantisedPulse((), (), STEP, PERIOD), "phases"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_pulse_never_flows(name: str) -> None:
    shape, why = REFUSED[name]
    made = rig()
    done = give(made, 30, [0], shape)
    assert [d.outcome for d in done] == [StimOutcome.REFUSED]
    assert why in done[0].limit
    assert not made.phases
    assert not made.chip.delivered.any()


def test_channel_without_an_electrode_is_refused() -> None:
    made = rig(table(channels=4))
    assert give(made, 30, [4], pulse())[0].outcome is StimOutcome.REFUSED
    assert not made.phases


def test_forbidden_electrode_is_refused() -> None:
    made = rig(LimitsTable(DEFAULT_LIMITS, {0: Electrode(1e-8, allowed=False)}))
    assert "not allowed" in give(made, 30, [0], pulse())[0].limit


def test_small_electrode_is_refused_by_density() -> None:
    assert "density" in give(rig(table(diameter=30e-6)), 30, [0], pulse())[0].limit


def test_ninth_electrode_at_a_time_is_refused() -> None:
    made = rig()
    done = give(made, 60, list(range(9)), pulse(1e-6))
    assert [d.outcome for d in done].count(StimOutcome.REFUSED) == 1


def test_total_current_is_bounded() -> None:
    made = rig()
    done = give(made, 60, list(range(8)), pulse(8e-6, 100e-6))
    assert [d.outcome for d in done].count(StimOutcome.DELIVERED) == 6


def test_rate_is_bounded() -> None:
    made = rig()
    assert made.stimulator is not None
    for k in range(5):
        made.stimulator.request(made.clock + 30 + 40 * k, 0, pulse())  # 500 a second
    done = [d for _ in range(12) for d in made.run(1).done]
    assert [d.outcome for d in done].count(StimOutcome.DELIVERED) == 2


def test_tighter_limits_hold() -> None:
    made = rig(table(Limits(max_current=1e-6)))
    assert give(made, 30, [0], pulse(2e-6))[0].outcome is StimOutcome.REFUSED


def test_pulse_that_comes_too_late_is_told_so() -> None:
    made = rig()
    made.run(5)
    assert made.stimulator is not None
    made.stimulator.request(made.clock, 0, pulse())
    assert [d.outcome for d in made.run(1).done] == [StimOutcome.LATE]
    assert not made.phases


def test_nothing_flows_before_arming() -> None:
    made = Rig("rhs2116", 20000.0, 1)
    made.start()
    assert made.stimulator is not None
    made.stimulator.request(30, 0, pulse())
    assert [d.outcome for d in made.run(5).done] == [StimOutcome.REFUSED]
    assert not made.chip.armed


def test_disarming_forgets_what_waits() -> None:
    made = rig()
    assert made.stimulator is not None
    made.stimulator.request(made.clock + 300, 0, pulse())
    made.disarm()
    made.run(30)
    assert not made.phases
    assert not made.chip.armed


@pytest.mark.parametrize("ms", [1, 2, 3])
def test_disarming_completes_a_pulse_that_has_begun(ms: int) -> None:
    made = rig()
    assert made.stimulator is not None
    made.stimulator.request(made.clock + 15, 0, pulse(1e-6, 1e-3))
    made.run(ms)
    made.disarm()
    assert [p.coulombs for p in pulses(made.phases)[0].phases] == pytest.approx([-1e-9, 1e-9])
    assert not made.chip.stim_current.any()
    assert not made.chip.armed


@pytest.mark.parametrize("value", [0x0000, 0xFFFF])
@pytest.mark.parametrize("ms", [1, 2])
def test_disarming_a_chip_that_answers_no_more_completes_its_pulses(value: int, ms: int) -> None:
    made = rig()
    assert made.stimulator is not None
    made.stimulator.request(made.clock + 15, 0, pulse(1e-6, 1e-3))
    made.stimulator.request(made.clock + 400, 1, pulse())
    made.run(ms)
    made.front.bus.stuck = value
    made.disarm()
    assert not made.chip.armed
    assert not made.chip.stim_current.any()
    assert [p.coulombs for p in made.phases] == pytest.approx([-1e-9, 1e-9])
    assert made.front.checking


def test_disarming_grounds_the_electrodes() -> None:
    made = rig()
    made.disarm()
    assert made.chip.register(46) == 0xFFFF
    assert made.chip.register(42) == 0


def test_arming_again_counts_what_was_given_before() -> None:
    made = rig()
    give(made, 30, [0], pulse(), ms=3)
    made.disarm()
    made.arm(table())
    assert give(made, 20, [0], pulse(), ms=3)[0].outcome is StimOutcome.REFUSED


def test_only_the_stimulated_channel_is_settled() -> None:
    made = rig()
    assert made.stimulator is not None
    made.stimulator.request(made.clock + 18, 2, pulse(1e-6, 1e-3))
    made.run(1)
    assert made.chip.register(10) == 1 << 2
    made.run(3)
    assert made.chip.register(10) == 0


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_asked_for_what_flows_is_harmless(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = rig()
    assert made.stimulator is not None
    for _ in range(60):
        count = int(rng.integers(0, 5))
        levels = tuple(int(x) for x in rng.integers(-300, 300, count))
        samples = tuple(int(x) for x in rng.integers(-2, 40, count))
        if rng.random() < 0.5:
            level = int(rng.integers(1, 256))
            levels, samples = (-level, level), (int(rng.integers(1, 25)),) * 2
        shape = QuantisedPulse(levels, samples, STEP, PERIOD)
        made.stimulator.request(made.clock + int(rng.integers(-5, 200)), int(rng.integers(0, 17)), shape)
        if rng.random() < 0.3:
            made.run(int(rng.integers(1, 4)))
        if rng.random() < 0.05:
            made.disarm()
            made.arm(table())
    made.disarm()
    assert len(made.phases) >= 4  # something flows
    for each in pulses(made.phases):
        assert abs(each.net_coulombs) < 0.011 * each.largest_coulombs
        assert each.largest_coulombs <= 3e-9 * (1 + 1e-9)
    assert all(abs(p.amperes) <= 10e-6 * (1 + 1e-9) for p in made.phases)
    assert np.abs(made.chip.delivered).max() < 1e-11


# --- while a program computes -------------------------------------------------------------------------

QUICK = (m.Parameter("culture.baseline", 0.05),)


def test_no_current_stays_on_while_a_program_computes() -> None:
    bench = armed("emu:rhs2116?seed=1&time=wall")
    reply = bench.start("ALC 4\nSTIM 0, 1 uA, 1 ms\nRUN 1 ms\nagain:\nJMP again\n", parameters=QUICK)
    assert isinstance(reply, Accepted)
    bench.run(0.3)
    assert bench.firmware.run.steps == 1
    assert not np.any(bench.chip.stim_current)
    assert [phase.amperes for phase in bench.phases if phase.channel == 0] == [-1e-6, 1e-6]


def test_each_run_tells_of_its_own_pulses() -> None:
    bench = armed()
    for number in (1, 2):
        bench.events.clear()
        result = bench.result("ALC 4\nSTIM 0, 1 uA, 0.2 ms\nRUN 20 ms\n", number=number, parameters=QUICK)
        assert result.extras["stimulation"] == {"pulses": 4, "refused": 0, "charge_nc": pytest.approx(0.8)}


def test_program_that_asks_for_pulses_without_end_fills_no_queue() -> None:
    bench = armed("emu:rhs2116?seed=1")
    reply = bench.start("ALC 4\nagain:\nSTIM [0, 1, 2, 3], 1 uA, 0.2 ms\nJMP again\n", parameters=QUICK)
    assert isinstance(reply, Accepted)
    waiting = []
    for _ in range(20):
        bench.step()
        waiting.append(bench.rig.stimulator.waiting)
    assert bench.rig.stimulator.refused > 1000
    assert max(waiting) <= 4096
    bench.assert_harmless()


# --- what is dropped ----------------------------------------------------------------------------------

LEFT = QuantisedPulse((-100, 101), (4, 4), STEP, PERIOD)  # leaves 4 steps times samples, of 12


def bounds(made: Rig, channel: int) -> tuple[int, int]:
    """What the history says of a channel's charge."""
    assert made.stimulator is not None
    mine = made.stimulator.guard.history.channels[channel]
    return mine.low, mine.high


def test_cancelling_gives_back_the_charge_of_what_has_not_begun_and_of_nothing_else() -> None:
    made = rig()
    told: list[Done] = []
    made.watch = lambda block: told.extend(block.done)
    assert made.stimulator is not None
    for start, channel in ((18, 0), (30, 1), (200, 2), (300, 2)):  # under way, admitted, waiting
        made.stimulator.request(made.clock + start, channel, LEFT)
    made.run(1)
    assert [bounds(made, channel) for channel in range(3)] == [(4, 4), (4, 4), (0, 0)]
    made.settle()
    assert [bounds(made, channel) for channel in range(3)] == [(4, 4), (0, 0), (0, 0)]
    assert {phase.channel for phase in made.phases} == {0}
    dropped = [(done.channel, done.limit) for done in told if done.outcome is StimOutcome.DROPPED]
    assert dropped == [(1, ""), (2, "with 1 after it")]
    assert all(channel.flying == 0 for channel in made.stimulator.guard.history.channels)


def test_dropped_pulses_are_told_to_the_host() -> None:
    bench = armed()
    phases = (m.Phase(-5000, 200_000), m.Phase(5000, 200_000))
    assert isinstance(bench.ask(m.Stimulate((3,), 5, 10_000_000, m.NOW, phases)), Accepted)
    bench.ask(m.Disarm())
    bench.run(0.05)
    outcomes = [told.outcome for told in bench.of(m.Stim) if told.channel == 3]
    assert outcomes.count(StimOutcome.DROPPED) >= 1
    assert StimOutcome.REFUSED not in outcomes


@pytest.mark.parametrize("url", ["emu:rhs2116", "emu:rhd2132"])
def test_stimulate_is_refused_where_nothing_is_armed(url: str) -> None:
    bench = Bench(url).open()
    phases = (m.Phase(-5000, 200_000), m.Phase(5000, 200_000))
    refused = bench.ask(m.Stimulate((0,), 1, 0, m.NOW, phases))
    assert (refused.reason, refused.subject) == (m.Refusal.STATE, "state")
    assert bench.firmware.state() is State.DISARMED


def test_stimulate_is_refused_while_a_program_runs_that_observes() -> None:
    bench = Bench("emu:rhs2116").open()
    assert isinstance(bench.start("ALC 4\nRUN 2 s\n", parameters=QUICK), Accepted)
    phases = (m.Phase(-5000, 200_000), m.Phase(5000, 200_000))
    assert bench.ask(m.Stimulate((0,), 1, 0, m.NOW, phases)).reason is m.Refusal.STATE
    assert bench.firmware.state() is State.RUNNING
