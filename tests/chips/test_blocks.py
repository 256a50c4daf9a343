"""A block of samples gives what words give, to the bit, and leaves the chip as words leave it."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.hardware.chips import CHIPS
from bioasm.hardware.chips.rhd import Rhd
from bioasm.hardware.chips.rhs import Rhs2116
from bioasm.hardware.chips.words import rhd, rhs
from tests.chips.support import assign, noise, ready, recorder, stimulator

VARIANTS = {
    "defaults": {},
    "no offset removal": {"dsp_enable": 0},
    "fast offset removal": {"dsp_enable": 1, "dsp_cutoff": 2},
    "twoscomp": {"twoscomp": 1},
    "rectified": {"absmode": 1},
    "low-pass at a quarter of the rate": {"rh1_dac1": 33, "rh1_dac2": 0, "rh2_dac1": 37, "rh2_dac2": 0},
    "low-pass at 100 Hz": {"rh1_dac1": 38, "rh1_dac2": 26, "rh2_dac1": 5, "rh2_dac2": 31},
    "low-pass above half the rate": {"rh1_dac1": 8, "rh1_dac2": 0, "rh2_dac1": 4, "rh2_dac2": 0},
}


def by_words(chip: Rhd | Rhs2116, samples: np.ndarray) -> np.ndarray:
    """Codes of samples that are sent word by word."""
    codes = []
    for row in samples.T:
        chip.inputs[:] = row
        results = [chip.run(word) for word in chip.sampling_period()]
        del chip.pipeline[:-2]
        codes.append(chip.codes_of(results[: chip.converts]))
    return np.array(codes).T


def assert_alike(one: Rhd | Rhs2116, other: Rhd | Rhs2116) -> None:
    """Both chips stand in the same state and answer the same from here on."""
    assert one.clock == other.clock
    assert one.pipeline == other.pipeline
    assert one.cycle == other.cycle
    for name in ("high_pass", "offset"):
        assert getattr(one.chain, name).base.tobytes() == getattr(other.chain, name).base.tobytes()
    assert one.chain.low_pass.state.tobytes() == other.chain.low_pass.state.tobytes()
    assert by_words(one, noise(one.amplifiers, 3)).tolist() == by_words(other, noise(one.amplifiers, 3)).tolist()


@pytest.mark.parametrize("name", CHIPS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_block_is_words(name: str, variant: str) -> None:
    one, other = ready(name), ready(name)
    for chip in (one, other):
        assign(chip, **VARIANTS[variant])
    samples = noise(one.amplifiers, 40, 3000.0)
    assert one.convert_block(samples).tolist() == by_words(other, samples).tolist()
    assert_alike(one, other)


@pytest.mark.parametrize("name", CHIPS)
@pytest.mark.parametrize("cuts", [(1, 2, 3), (20,), (39,)])
def test_block_can_be_cut(name: str, cuts: tuple[int, ...]) -> None:
    one, other = ready(name), ready(name)
    samples = noise(one.amplifiers, 40)
    parts = [one.convert_block(part) for part in np.split(samples, cuts, axis=1)]
    assert np.concatenate(parts, axis=1).tolist() == other.convert_block(samples).tolist()
    assert_alike(one, other)


@pytest.mark.parametrize("name", ["rhd2132", "rhd2216", "rhd2164"])
def test_block_within_a_calibration(name: str) -> None:
    one, other = recorder(name), recorder(name)
    for chip in (one, other):
        chip.transfer_all([rhd.CLEAR, rhd.CALIBRATE, rhd.read(40)])
    samples = noise(one.amplifiers, 5)
    assert one.convert_block(samples).tolist() == by_words(other, samples).tolist()
    assert one.calibrated
    assert_alike(one, other)


@pytest.mark.parametrize("name", ["rhd2132", "rhd2216", "rhd2164"])
def test_block_without_calibration(name: str) -> None:
    one, other = recorder(name), recorder(name)
    for chip in (one, other):
        chip.transfer(rhd.CLEAR)
    samples = noise(one.amplifiers, 5)
    assert one.convert_block(samples).tolist() == by_words(other, samples).tolist()
    assert_alike(one, other)


@pytest.mark.parametrize("values", [{"amp_power_0": 0x5A}, {"amp_fast_settle": 1}, {"zcheck_enable": 1, "zcheck_scale": 3}])
def test_block_with_amplifiers_off_settled_or_checked(values: dict[str, int]) -> None:
    one, other = recorder(), recorder()
    for chip in (one, other):
        chip.transfer(rhd.write(6, 200))
        assign(chip, **values)
    samples = noise(32, 12)
    assert one.convert_block(samples).tolist() == by_words(other, samples).tolist()
    assert_alike(one, other)


@pytest.mark.parametrize("words_per_sample", [32, 33, 34, 40])
def test_block_with_other_numbers_of_words(words_per_sample: int) -> None:
    one, other = recorder(), recorder()
    one.words_per_sample = other.words_per_sample = words_per_sample
    samples = noise(32, 5)
    assert one.convert_block(samples).tolist() == by_words(other, samples).tolist()
    assert_alike(one, other)


@pytest.mark.parametrize(
    "values", [{"amp_fast_settle": 0x00F0}, {"amp_lower_select": 0xAAAA}, {"amp_power": 0x0FFF}, {"zcheck_enable": 1}]
)
def test_block_of_an_rhs2116_with_channels_that_differ(values: dict[str, int]) -> None:
    one, other = stimulator(), stimulator()
    for chip in (one, other):
        assign(chip, **values)
        chip.transfer(rhs.read(255, u=True))
    samples = noise(16, 20)
    assert one.convert_block(samples).tolist() == by_words(other, samples).tolist()
    assert_alike(one, other)


@pytest.mark.parametrize(("magnitude", "positive"), [(3, 0), (60, 0xFFFF), (255, 0x00FF)])
def test_block_while_currents_flow(magnitude: int, positive: int) -> None:
    one, other = stimulator(), stimulator()
    for chip in (one, other):
        currents = [rhs.write(r, 0x8000 | magnitude) for r in (*range(64, 80), *range(96, 112))]
        chip.transfer_all([*currents, rhs.write(44, positive), rhs.write(42, 0x0FF1, u=True)])
    samples = noise(16, 30)
    assert one.convert_block(samples).tolist() == by_words(other, samples).tolist()
    assert one.compliance == other.compliance
    assert one.electrode_V == pytest.approx(other.electrode_V, rel=1e-9)
    assert one.delivered == pytest.approx(other.delivered, rel=1e-9)
    assert_alike(one, other)


@pytest.mark.parametrize("recovery", [46, 48])
def test_block_while_charge_is_recovered(recovery: int) -> None:
    one, other = stimulator(), stimulator()
    for chip in (one, other):
        chip.transfer_all([rhs.write(64, 0x8030), rhs.write(42, 1, u=True)])
        chip.transfer_all([rhs.read(255)] * 60)
        chip.transfer_all([rhs.write(37, 0x001A), rhs.write(42, 0), rhs.write(recovery, 1, u=True)])
    samples = noise(16, 30)
    assert one.convert_block(samples).tolist() == by_words(other, samples).tolist()
    assert one.electrode_V == pytest.approx(other.electrode_V, rel=1e-9)
    assert_alike(one, other)


@pytest.mark.parametrize("name", CHIPS)
def test_empty_block(name: str) -> None:
    chip = ready(name)
    clock = chip.clock
    assert chip.convert_block(np.empty((chip.amplifiers, 0))).shape == (chip.amplifiers, 0)
    assert chip.clock == clock


@pytest.mark.parametrize("shape", [(31, 5), (5, 32), (32,), (32, 2, 2)])
def test_block_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="takes samples of 32 channels"):
        recorder().convert_block(np.zeros(shape))


def test_block_leaves_its_argument_alone() -> None:
    samples = noise(32, 10).copy()
    recorder().convert_block(samples)
    assert (samples == noise(32, 10)).all()


def test_block_gives_codes_of_16_bits() -> None:
    codes = recorder().convert_block(noise(32, 10))
    assert codes.dtype == np.uint16
    assert codes.flags.c_contiguous


@pytest.mark.parametrize("name", CHIPS)
def test_block_leaves_the_cycle_at_its_start(name: str) -> None:
    chip = ready(name)
    chip.transfer(rhs.convert(5) if name == "rhs2116" else rhd.convert(5))
    assert chip.cycle == 6
    chip.convert_block(noise(chip.amplifiers, 2))
    assert chip.cycle == 0


def test_block_ends_where_its_words_end() -> None:
    tripped = []
    for spent in range(20):
        one, other = stimulator(), stimulator()
        for chip in (one, other):
            chip.transfer_all([rhs.write(64, 0x8070), rhs.write(42, 1, u=True)] + [rhs.read(255)] * (2 + spent))
        one.convert_block(np.zeros((16, 1)))
        by_words(other, np.zeros((16, 1)))
        assert one.compliance == other.compliance
        assert one.stim_current == pytest.approx(other.stim_current, rel=1e-9)
        tripped.append(one.compliance)
    assert set(tripped) == {0, 1}


@pytest.mark.parametrize("name", CHIPS)
@pytest.mark.parametrize("seed", range(12))
def test_block_is_words_after_whatever_was_sent(name: str, seed: int) -> None:
    random = np.random.default_rng([seed, CHIPS.index(name)])
    one, other = ready(name), ready(name)
    words = random.integers(0, 1 << one.word_bits, 400).tolist()
    for chip in (one, other):
        chip.transfer_all(words)
    samples = noise(one.amplifiers, 15, 2000.0)
    assert one.convert_block(samples).tolist() == by_words(other, samples).tolist()
    assert_alike(one, other)


@pytest.mark.parametrize("seed", range(12))
def test_block_is_words_with_whatever_flows(seed: int) -> None:
    random = np.random.default_rng(seed)
    numbers = (42, 44, 46, 48, 36, 37, 34, *range(64, 80), *range(96, 112))
    words = [
        rhs.write(int(random.choice(numbers)), int(random.integers(1 << 16)), u=bool(random.integers(2))) for _ in range(300)
    ]
    one, other = stimulator(), stimulator()
    for chip in (one, other):
        chip.transfer_all(words)
    samples = noise(16, 15, 2000.0)
    assert one.convert_block(samples).tolist() == by_words(other, samples).tolist()
    assert one.compliance == other.compliance
    assert one.electrode_V == pytest.approx(other.electrode_V, rel=1e-9, abs=1e-12)
    assert one.delivered == pytest.approx(other.delivered, rel=1e-9, abs=1e-18)
    assert_alike(one, other)
