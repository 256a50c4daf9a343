"""The culture: the same data from the same seed, spikes on noise, and what stimulation does to both."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.hardware.board.culture import Culture, CultureParameters
from bioasm.hardware.board.culture.geometry import electrode_grid, make_geometry
from bioasm.hardware.board.culture.neurons import Neurons
from bioasm.hardware.board.culture.tissue import spike_template

PER_MS = 20
STILL = CultureParameters(noise_uv=0.0, field_uv=0.0, threshold_mv=1e9)  # no noise, no field, no spikes


def pulse(amplitude: float, electrode: int = 0, electrodes: int = 16) -> np.ndarray:
    """One millisecond with a balanced pulse of 200 us a phase, cathodic first where the amplitude is positive."""
    currents = np.zeros((PER_MS, electrodes))
    currents[4:8, electrode], currents[8:12, electrode] = -amplitude, amplitude
    return currents


def driven(amplitude: float, seconds: float = 0.5) -> float:
    """Spikes per neuron and second of a culture that gets a pulse on all electrodes 100 times a second."""
    culture = Culture(16, PER_MS, 3)
    for _ in range(round(seconds * 100)):
        culture.advance(2 * PER_MS)
        culture.stimulated(sum(pulse(amplitude, electrode) for electrode in range(16)))
        culture.advance(8 * PER_MS)
    return culture.spike_count.sum() / culture.units / seconds


def test_same_seed_gives_the_same_data() -> None:
    assert np.array_equal(Culture(8, PER_MS, 5).advance(400), Culture(8, PER_MS, 5).advance(400))


def test_other_seed_gives_other_data() -> None:
    assert not np.array_equal(Culture(8, PER_MS, 5).advance(400), Culture(8, PER_MS, 6).advance(400))


@pytest.mark.parametrize("cut", [1, 3, 10])
def test_how_time_is_cut_changes_nothing(cut: int) -> None:
    whole = Culture(8, PER_MS, 5).advance(30 * PER_MS)
    culture = Culture(8, PER_MS, 5)
    parts = [culture.advance(cut * PER_MS) for _ in range(30 // cut)]
    assert np.allclose(np.concatenate(parts), whole, atol=1e-3)


def test_time_goes_by_whole_milliseconds() -> None:
    with pytest.raises(ValueError, match="whole number of milliseconds"):
        Culture(4, PER_MS, 0).advance(PER_MS + 1)


@pytest.mark.parametrize("rms", [2.4, 5.0])
def test_noise_has_the_strength_it_is_given(rms: float) -> None:
    quiet = CultureParameters(noise_uv=rms, field_uv=0.0, threshold_mv=1e9)
    assert np.std(Culture(8, PER_MS, 1, quiet).advance(2000)) == pytest.approx(rms, rel=0.02)


def test_field_is_slow_and_has_its_strength() -> None:
    field = Culture(16, PER_MS, 1, CultureParameters(noise_uv=0.0, threshold_mv=1e9)).advance(20000)
    assert np.std(field) == pytest.approx(20.0, rel=0.35)
    assert np.abs(np.diff(field, axis=0)).max() < 2.0


def test_spikes_stand_out_of_the_noise() -> None:
    trace = Culture(16, PER_MS, 2, CultureParameters(field_uv=0.0)).advance(20000)
    troughs = trace.min(axis=0)
    assert (troughs < -40).all()
    assert (troughs > -400).all()


def test_neurons_fire_by_themselves() -> None:
    culture = Culture(16, PER_MS, 4)
    culture.advance(4000)
    assert 0.3 < culture.spike_count.sum() / culture.units / 0.2 < 6.0


def test_template_is_biphasic() -> None:
    template = spike_template(PER_MS)
    assert template.min() == -1
    assert 0.2 < template.max() < 0.5
    assert template.argmin() < template.argmax()


def test_template_starts_and_ends_at_rest() -> None:
    template = spike_template(30)
    assert abs(template[0]) < 0.01
    assert abs(template[-1]) < 0.01


def test_weights_fall_as_one_over_distance() -> None:
    p = CultureParameters()
    weight = make_geometry(16, p, np.random.default_rng(0)).weight
    own = weight[np.arange(64), np.arange(64) // p.units_per_electrode]
    assert weight.max() <= 1.0
    assert (own >= p.nearest_um / p.farthest_um - 1e-12).all()
    assert (own == weight.max(axis=1)).all()


def test_crosstalk_is_none_with_itself() -> None:
    crosstalk = make_geometry(9, CultureParameters(), np.random.default_rng(0)).crosstalk
    assert not np.diag(crosstalk).any()
    assert crosstalk[0, 1] == pytest.approx(0.02)
    assert crosstalk[0, 2] == pytest.approx(0.01)


@pytest.mark.parametrize(("electrodes", "side"), [(1, 1), (4, 2), (16, 4), (32, 6), (64, 8)])
def test_electrodes_stand_on_a_square(electrodes: int, side: int) -> None:
    grid = electrode_grid(electrodes, 200.0)
    assert len(np.unique(grid, axis=0)) == electrodes
    assert grid.max() <= 200.0 * (side - 1)


def test_stimulation_makes_neurons_fire_more_the_stronger_it_is() -> None:
    rates = [driven(amplitude) for amplitude in (0.0, 2.0, 4.0, 6.0)]
    assert rates == sorted(rates)
    assert rates[1] > 3 * rates[0]
    assert 50 < rates[-1] < 200


def test_only_cathodic_charge_excites() -> None:
    culture = Culture(4, PER_MS, 1)
    anodic = np.zeros((PER_MS, 4))
    anodic[4:8] = 5.0
    culture.stimulated(anodic)
    assert not culture._drive.any()
    culture.stimulated(-anodic)
    assert (culture._drive > 0).all()


def test_stimulation_excites_the_near_more_than_the_far() -> None:
    culture = Culture(16, PER_MS, 1)
    culture.stimulated(pulse(5.0))
    assert culture._drive[:4].min() > 2 * culture._drive[4:].max()


def test_artefact_decays_within_milliseconds() -> None:
    culture = Culture(4, PER_MS, 1, STILL)
    culture.stimulated(pulse(5.0, electrodes=4))
    trace = culture.advance(10 * PER_MS)[:, 0]
    assert 80 < trace[0] < 300
    assert trace[PER_MS * 5] < 0.05 * trace[0]
    assert abs(trace[-1]) < 1.0


def test_neighbours_see_a_share_of_the_artefact() -> None:
    culture = Culture(4, PER_MS, 1, STILL)
    culture.stimulated(pulse(5.0, electrodes=4))
    own, other = culture.advance(PER_MS)[0, :2]
    assert other == pytest.approx(0.02 * own, rel=0.01)


def test_a_current_is_seen_by_neighbours_while_it_flows() -> None:
    culture = Culture(4, PER_MS, 1)
    seen = culture.seen_by_neighbours(np.array([-5.0, 0, 0, 0]))
    assert seen[0] == 0
    assert seen[1] == pytest.approx(-5.0 * 10e3 * 0.02)


def test_a_silent_stimulator_changes_nothing() -> None:
    plain, told = Culture(4, PER_MS, 1), Culture(4, PER_MS, 1)
    told.stimulated(np.zeros((PER_MS, 4)))
    assert np.array_equal(plain.advance(400), told.advance(400))


def test_no_spike_within_the_refractory_time() -> None:
    neurons = Neurons(50, CultureParameters(noise_mv=30.0), 1)
    last = np.full(50, -100)
    for step in range(300):
        fired, _ = neurons.step(np.zeros(50))
        assert (step - last[fired] >= 3).all()
        last[fired] = step


def test_spikes_reach_their_partners() -> None:
    p = CultureParameters(noise_mv=0.0, excitatory_share=1.0, partners=2)
    neurons = Neurons(5, p, 1)
    neurons.v[:] = [50.0, 0, 0, 0, 0]
    neurons.step(np.zeros(5))
    neurons.step(np.zeros(5))
    assert (neurons.v[1:] > 0).sum() == 2
