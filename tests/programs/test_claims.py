"""What each program's comments promise, held against answers that were not reached by the machine."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from bioasm.isa.program import Sparse
from tests.programs.exact import boltzmann, energies, ising_minimum, matrix, max_cut, states
from tests.programs.support import FOLDER, array, datum, emitted, execute, only, program, ran, text

SEEDS = (1, 2, 3)
each_seed = pytest.mark.parametrize("seed", SEEDS)


def edges(name: str, weight: float) -> list[tuple[int, int, float]]:
    """The edges of a program's graph, each of weight 1, from couplings that are all `weight`."""
    couplings = datum(name, "J")
    assert isinstance(couplings, Sparse) and couplings.symmetric
    assert set(np.asarray(couplings.value, dtype=float)) == {weight}
    return [(int(i), int(j), 1.0) for i, j in zip(couplings.row, couplings.column, strict=True)]


def cut_of(sides: NDArray[np.float64], graph: list[tuple[int, int, float]]) -> float:
    return sum(w for i, j, w in graph if sides[i] != sides[j])


# --- max-cut ------------------------------------------------------------------------------------------


def test_the_petersen_graph_is_the_petersen_graph() -> None:
    graph = edges("maxcut_petersen", -0.5)
    degree = np.bincount(np.array([e[:2] for e in graph]).ravel(), minlength=10)
    adjacent = np.zeros((10, 10))
    for i, j, _ in graph:
        adjacent[i, j] = adjacent[j, i] = 1
    # the one graph in which neighbours share no neighbour and all other pairs share one
    assert degree.tolist() == [3] * 10
    assert np.array_equal(adjacent @ adjacent, 2 * np.eye(10) + 1 - adjacent)


def test_twelve_is_the_best_cut_of_the_petersen_graph() -> None:
    assert max_cut(edges("maxcut_petersen", -0.5)) == 12
    assert energies(program("maxcut_petersen"), states(10)).min() == -12


@each_seed
def test_petersen_reaches_its_best_cut(seed: int) -> None:
    result = ran("maxcut_petersen", seed)
    assert only(result, "cut") == 12
    assert cut_of(array(result, "best_state"), edges("maxcut_petersen", -0.5)) == 12


def test_the_club_has_78_friendships_and_a_best_cut_of_61() -> None:
    graph = edges("maxcut_karate", -0.5)
    degree = np.bincount(np.array([e[:2] for e in graph]).ravel(), minlength=34)
    assert len(graph) == 78
    assert (degree[0], degree[33], degree[32]) == (16, 17, 12)  # teacher, officer and the officer's closest
    assert max_cut(graph) == 61


@each_seed
def test_karate_reaches_its_best_cut(seed: int) -> None:
    result = ran("maxcut_karate", seed)
    assert only(result, "cut") == 61
    assert cut_of(array(result, "best_state"), edges("maxcut_karate", -0.5)) == 61


def test_an_elimination_finds_what_enumeration_finds() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        graph = [(i, j, float(rng.integers(-3, 4))) for i, j in itertools.combinations(range(7), 2)]
        assert max_cut(graph) == max(cut_of(sides, graph) for sides in states(7))


@each_seed
def test_spiking_neurons_cut_the_cube(seed: int) -> None:
    result = ran("lif_maxcut", seed)
    assert only(result, "cut") == 12
    assert cut_of(array(result, "best_state"), edges("lif_maxcut", -2)) == 12


def test_on_bits_the_energy_of_the_cube_is_minus_the_cut() -> None:
    graph = edges("lif_maxcut", -2)
    x = states(8, (0.0, 1.0))
    assert energies(program("lif_maxcut"), x).tolist() == [-cut_of(row, graph) for row in x]


# --- other problems -----------------------------------------------------------------------------------


def test_the_lowest_energy_of_the_glass_is_what_the_comments_say() -> None:
    couplings = matrix(datum("anneal_loop", "J"))
    assert np.array_equal(np.count_nonzero(couplings, axis=1), [4] * 36)
    assert np.abs(couplings).sum() / 2 == 211
    assert ising_minimum(couplings) == -159


@each_seed
def test_annealing_ends_lower_than_the_quench(seed: int) -> None:
    result = ran("anneal_loop", seed)
    assert -159 <= only(result, "quenched") <= -120
    assert only(result, "annealed") in (-159, -157, -155)
    assert only(result, "annealed") <= only(result, "quenched")
    assert only(result, "sweeps") == 100 + 55 * 100 + 10
    spins = array(result, "spins")
    assert -0.5 * spins @ matrix(datum("anneal_loop", "J")) @ spins == only(result, "annealed")


def test_annealing_nearly_always_ends_in_the_ground_state() -> None:
    result = execute(program("anneal_loop"), lanes=200)
    assert (result.energy == -159).mean() > 0.9


def clauses() -> list[list[tuple[int, int]]]:
    """The clauses in the comments of sat3: (variable, +1 or -1) for each literal."""
    found = re.findall(r"\((-?x\d or -?x\d or -?x\d)\)", text("sat3"))
    return [[(int(w[-1]), -1 if w[0] == "-" else 1) for w in clause.split(" or ")] for clause in found]


def unsatisfied(s: NDArray[np.float64]) -> NDArray[np.float64]:
    return sum(np.prod([s[:, v] != sign for v, sign in clause], axis=0) for clause in clauses())


def test_the_energy_of_sat3_counts_false_clauses() -> None:
    assert len(clauses()) == 42
    s = states(10)
    assert energies(program("sat3"), s).tolist() == unsatisfied(s).tolist()
    assert (unsatisfied(s) == 0).sum() == 2


@each_seed
def test_sat3_finds_a_solution(seed: int) -> None:
    result = ran("sat3", seed)
    assert only(result, "unsatisfied") == 0
    assert unsatisfied(array(result, "best_state")[None, :])[0] == 0


NUMBERS = np.array([31, 10, 17, 28, 8, 43, 9, 22, 14, 5, 37, 26])


def test_the_energy_of_number_partition_is_the_squared_difference() -> None:
    s = states(12)
    assert energies(program("number_partition"), s).tolist() == ((s @ NUMBERS) ** 2).tolist()
    assert (s @ NUMBERS == 0).sum() == 38


@each_seed
def test_the_heaps_weigh_the_same(seed: int) -> None:
    result = ran("number_partition", seed)
    assert only(result, "difference") == 0
    assert array(result, "best_state") @ NUMBERS == 0


def test_the_energy_of_the_knapsack_is_minus_the_value_where_the_rule_holds() -> None:
    bits = states(10, (0.0, 1.0))
    value = bits[:, :6] @ [10, 7, 12, 8, 15, 6]
    left = 15 - bits[:, :6] @ [4, 3, 6, 4, 8, 2] - bits[:, 6:] @ [1, 2, 4, 8]
    energy = energies(program("knapsack"), 2 * bits - 1)
    assert energy.tolist() == (-value + 4 * left**2).tolist()
    assert energy.min() == -35
    assert energy[left != 0].min() > -35
    assert sorted(set(value[left == 0]))[-2:] == [33, 35]


@each_seed
def test_the_best_knapsack_is_packed(seed: int) -> None:
    result = ran("knapsack", seed)
    assert only(result, "value") == 35
    assert array(result, "best_state")[:6].tolist() == [1, 1, 1, -1, -1, 1]


DISTANCES = [[0, 3, 4, 2, 7], [3, 0, 4, 6, 3], [4, 4, 0, 5, 8], [2, 6, 5, 0, 6], [7, 3, 8, 6, 0]]


def length(trip: tuple[int, ...]) -> int:
    stops = (0, *trip, 0)
    return sum(DISTANCES[a][b] for a, b in itertools.pairwise(stops))


def test_the_energy_of_a_trip_is_its_length() -> None:
    trips = list(itertools.permutations(range(1, 5)))
    s = -np.ones((len(trips), 16))
    for row, trip in zip(s, trips, strict=True):
        row[[4 * (city - 1) + t for t, city in enumerate(trip)]] = 1
    assert energies(program("tsp5"), s).tolist() == [length(trip) for trip in trips]
    assert (min(map(length, trips)), max(map(length, trips))) == (19, 29)


def test_no_broken_rule_is_shorter_than_the_shortest_trip() -> None:
    s = states(16)
    energy = energies(program("tsp5"), s)
    table = s.reshape(-1, 4, 4) > 0
    trips = (table.sum(axis=1) == 1).all(axis=1) & (table.sum(axis=2) == 1).all(axis=1)
    assert trips.sum() == 24
    assert energy[~trips].min() > energy[trips].min() == 19


@each_seed
def test_the_shortest_trip_is_found(seed: int) -> None:
    result = ran("tsp5", seed)
    table = array(result, "best_state").reshape(4, 4) > 0
    trip = tuple(int(city) + 1 for city in table.argmax(axis=0))
    assert only(result, "length") == length(trip) == 19


# --- gates and memory ---------------------------------------------------------------------------------


def test_the_and_gate_has_its_truth_table_as_ground_states() -> None:
    s = states(3)
    right = s[:, 2] == np.where((s[:, 0] > 0) & (s[:, 1] > 0), 1, -1)
    energy = energies(program("invertible_and"), s)
    assert set(energy[right]) == {0}
    assert sorted(energy[~right]) == [4, 4, 4, 12]


@each_seed
def test_the_and_gate_answers_in_both_directions(seed: int) -> None:
    result, e = ran("invertible_and", seed), np.exp(-4)
    assert only(result, "C_given_11") == pytest.approx(1 / (1 + e), abs=0.005)
    for row in ("00", "01", "10"):
        assert only(result, f"AB_{row}_given_0") == pytest.approx(1 / (3 + e), abs=0.02)
    assert only(result, "AB_11_given_0") == pytest.approx(e / (3 + e), abs=0.004)
    assert sum(only(result, f"AB_{row}_given_0") for row in ("00", "01", "10", "11")) == pytest.approx(1)


def number(bits: NDArray[np.float64]) -> NDArray[np.float64]:
    return (bits > 0) @ 2.0 ** np.arange(bits.shape[1])


def test_the_ground_states_of_the_multiplier_are_the_32_products() -> None:
    s = states(17)
    energy = energies(program("factor_15"), s)
    ground = s[energy == 0]
    assert energy.min() == 0 and np.unique(energy)[1] == 4
    p, q, m = number(ground[:, :3]), number(ground[:, 3:5]), number(ground[:, 5:10])
    assert (p * q).tolist() == m.tolist()
    assert len(ground) == len(set(zip(p, q, strict=True))) == 32


@each_seed
def test_the_multiplier_multiplies_divides_and_factors(seed: int) -> None:
    result = ran("factor_15", seed)
    assert emitted(result, "product") == [15, 15, 15]
    assert emitted(result, "p") == [5, 5, 5]
    assert emitted(result, "q") == [3, 3, 3]


LETTERS = {
    "C": "#####" + "#...." * 3 + "#####",
    "X": "#...#" + ".#.#." + "..#.." + ".#.#." + "#...#",
    "T": "#####" + "..#.." * 4,
}


def pixels(letter: str) -> NDArray[np.float64]:
    return np.array([1.0 if c == "#" else -1.0 for c in LETTERS[letter]])


def test_the_network_stores_three_letters() -> None:
    couplings = matrix(datum("hopfield", "J"))
    expected = sum(np.outer(pixels(letter), pixels(letter)) for letter in LETTERS) - 3 * np.eye(25)
    assert np.array_equal(couplings, expected)
    found = {letter: energies(program("hopfield"), pixels(letter)[None, :])[0] for letter in LETTERS}
    assert found == {"C": -292, "X": -280, "T": -288}


@each_seed
def test_the_network_recalls_the_letter(seed: int) -> None:
    result = ran("hopfield", seed)
    cue = np.asarray(datum("hopfield", "cue").array)
    assert (cue != pixels("T")).sum() == 5
    assert only(result, "shown") == energies(program("hopfield"), cue[None, :])[0] == -100
    assert only(result, "recalled") == -288
    assert array(result, "spins").tolist() == pixels("T").tolist()


# --- distributions ------------------------------------------------------------------------------------


def table_of_probabilities() -> NDArray[np.float64]:
    """The probabilities in the comments of boltzmann, in the order of the states."""
    entry = re.compile(r"(\d)\s+[-+] [-+] [-+]\s+\S+\s+(0\.\d+)")  # number, spins, energy, probability
    found = {int(k): float(p) for k, p in entry.findall(text("boltzmann"))}
    return np.array([found[k] for k in range(8)])


def test_the_table_in_the_comments_is_boltzmanns() -> None:
    exact = boltzmann(energies(program("boltzmann"), states(3)), 1.5)
    assert np.abs(exact - table_of_probabilities()).max() < 5.1e-5


def correlation_inflation() -> float:
    """How much the correlation of samples three sweeps apart can inflate their chi-square: (1 + r)/(1 - r).

    r is the second largest absolute eigenvalue of three heat-bath sweeps, from the exact transition matrix.
    """
    s, energy = states(3), energies(program("boltzmann"), states(3))
    sweep = np.eye(8)
    for i in range(3):
        flipped = np.arange(8) ^ (1 << i)
        chance = 1 / (1 + np.exp((energy[flipped] - energy) / 1.5))
        visit = np.diag(1 - chance)
        visit[np.arange(8), flipped] = chance
        sweep = sweep @ visit
    r = np.sort(np.abs(np.linalg.eigvals(np.linalg.matrix_power(sweep, 3))))[-2]
    assert len(s) == 8 and r < 0.6
    return (1 + r) / (1 - r)


@each_seed
def test_the_histogram_is_boltzmanns(seed: int) -> None:
    exact = boltzmann(energies(program("boltzmann"), states(3)), 1.5)
    found = np.array([only(ran("boltzmann", seed), f"p{k}") for k in range(8)])
    assert found.sum() == pytest.approx(1)
    assert np.abs(found - exact).max() < 0.01
    statistic = 40000 * ((found - exact) ** 2 / exact).sum() / correlation_inflation()
    assert statistic < chi2.ppf(0.9999, df=7)


def exact_magnetisation(size: int, temperature: float) -> float:
    """The mean of |m| on a torus of size x size, from the transfer matrix with a counting variable for spins up."""
    rows = states(size)
    inside = np.exp((rows * np.roll(rows, 1, axis=1)).sum(axis=1) / temperature)
    transfer = np.exp(rows @ rows.T / temperature) * inside
    ups, total = (rows > 0).sum(axis=1), size * size
    roots = np.exp(2j * np.pi * np.arange(total + 1) / (total + 1))
    sums = [np.trace(np.linalg.matrix_power(transfer * root**ups, size)) for root in roots]
    weight = np.fft.fft(sums).real
    return float((weight / weight.sum()) @ np.abs(2 * np.arange(total + 1) - total) / total)


@pytest.mark.parametrize(("temperature", "stated"), [(1.5, 0.9865), (2.269, 0.7775), (4, 0.2087)])
def test_the_magnetisation_in_the_comments_is_exact(temperature: float, stated: float) -> None:
    assert exact_magnetisation(8, temperature) == pytest.approx(stated, abs=6e-5)


def test_the_transfer_matrix_agrees_with_enumeration() -> None:
    rows = states(9)
    s = rows.reshape(-1, 3, 3)
    energy = -(s * np.roll(s, 1, axis=1)).sum(axis=(1, 2)) - (s * np.roll(s, 1, axis=2)).sum(axis=(1, 2))
    assert exact_magnetisation(3, 2.5) == pytest.approx(boltzmann(energy, 2.5) @ np.abs(rows.mean(axis=1)))


def test_the_file_holds_the_bonds_of_a_torus() -> None:
    site = np.arange(64).reshape(8, 8)
    expected = np.zeros((64, 64))
    for axis in (0, 1):
        expected[site, np.roll(site, 1, axis=axis)] = expected[np.roll(site, 1, axis=axis), site] = 1
    assert np.array_equal(matrix(datum("ferromagnet_2d", "J")), expected)


@each_seed
def test_the_ferromagnet_is_magnetised_as_it_should(seed: int) -> None:
    cold, critical, hot = emitted(ran("ferromagnet_2d", seed), "magnetisation")
    assert cold == pytest.approx(0.9865, abs=0.003)
    assert critical == pytest.approx(0.7775, abs=0.06)
    assert hot == pytest.approx(0.2087, abs=0.02)


# --- neurons ------------------------------------------------------------------------------------------


@each_seed
def test_the_twin_is_quiet_and_then_fires(seed: int) -> None:
    result = ran("lif_twin", seed)
    assert only(result, "quiet") == 0
    assert 25 <= only(result, "firing") <= 65
    assert result.spikes.t.min() > 0.1
    assert len(result.spikes.t) == only(result, "firing")


def test_the_twin_is_recorded() -> None:
    recording = ran("lif_twin").recordings["v"]
    assert recording.values.shape == (1, 1000, 2)
    assert recording.neurons.tolist() == [0, 1]
    assert recording.t == pytest.approx(np.arange(1000) * 0.5e-3, abs=1e-12)
    assert recording.values[0, 0].tolist() == [-0.07, -0.07]
    assert recording.values.max() <= -0.05


def steps_between_spikes(current: float) -> int | None:
    """How many Euler steps of 0.1 ms a neuron without noise takes from reset to threshold; None where it never does."""
    drive = 50e6 * current
    if drive <= 20e-3:
        return None
    v, steps = 0.0, 0
    while v <= 20e-3:
        v += (drive - v) * 0.1 / 20
        steps += 1
    return steps


def test_the_rates_follow_from_the_euler_steps() -> None:
    result = ran("lif_fi_curve")
    currents, rates = emitted(result, "current"), emitted(result, "rate")
    assert currents == pytest.approx([0.3, 0.45, 0.6, 0.75, 0.9, 1.05])
    for current, rate in zip(currents, rates, strict=True):
        steps = steps_between_spikes(current * 1e-9)
        assert rate == pytest.approx(1e4 / steps if steps else 0, abs=0.5)


def test_the_rates_are_within_one_hertz_of_theory() -> None:
    stated = [float(word) for word in re.search(r"rate in Hz (.*)", text("lif_fi_curve"))[1].split()]
    theory = [0.0] + [1 / (20e-3 * np.log(50 * i / (50 * i - 20))) for i in (0.45, 0.6, 0.75, 0.9, 1.05)]
    assert stated == pytest.approx(theory, abs=0.051)
    assert emitted(ran("lif_fi_curve"), "rate") == pytest.approx(theory, abs=1)


@each_seed
def test_the_bombarded_membrane_has_the_moments_of_shot_noise(seed: int) -> None:
    result = ran("poisson_input", seed)
    leak, expected, jump = 0.1 / 20, 0.1, 0.4
    deviation = jump * np.sqrt(expected / (1 - (1 - leak) ** 2))
    assert deviation == pytest.approx(1.26, abs=0.01)
    assert only(result, "mean") == pytest.approx(-62, abs=0.1)
    assert only(result, "deviation") == pytest.approx(deviation, abs=0.08)
    assert only(result, "spikes") == 0


def test_the_file_holds_two_sines() -> None:
    t = np.arange(400) * 1e-3
    expected = 0.1e-9 * np.stack([np.sin(2 * np.pi * 5 * t), np.sin(2 * np.pi * 50 * t)], axis=1)
    assert np.load(FOLDER / "data/sines.npy") == pytest.approx(expected, abs=1e-24)


def test_the_membrane_is_a_low_pass_filter() -> None:
    result = ran("waveform")
    for frequency in (5, 50):
        theory = 1 / np.sqrt(1 + (2 * np.pi * frequency * 20e-3) ** 2)
        assert only(result, f"gain_{frequency}Hz") == pytest.approx(theory, abs=0.005)


def test_the_waveform_is_what_the_recording_follows() -> None:
    recording = ran("waveform").recordings["v"].values[0]
    drive = np.repeat(np.load(FOLDER / "data/sines.npy"), 10, axis=0)
    v = np.full(2, -70e-3)
    for k, current in enumerate(drive):
        if k % 10 == 0:
            assert recording[k // 10] == pytest.approx(v, abs=1e-12)
        v = v + 1e-4 * (-(v + 70e-3) + 50e6 * current) / 20e-3


def test_only_spikes_that_come_together_fire() -> None:
    result = ran("coincidence")
    assert array(result, "spike_count").tolist() == [1, 1, 0]
    assert result.spikes.i.tolist() == [0, 1]
    assert result.spikes.t == pytest.approx([0.412, 0.43], abs=3e-4)


@each_seed
def test_the_loop_reaches_its_target_rate(seed: int) -> None:
    result = ran("closed_loop", seed)
    assert only(result, "first_rate") > 40
    assert only(result, "rate") == pytest.approx(20, abs=1)
    assert only(result, "drive") == pytest.approx(0.05, abs=0.03)


def test_pykoppus_lines_are_as_pykoppu_prints_them() -> None:
    lines = [line for line in text("schedule_pykoppu").splitlines() if not line.startswith(";")]
    assert lines[0] == "ALC 4"
    assert lines[-1] == "RD "
    assert "RUN 0.3333333333333333" in lines


@each_seed
def test_pykoppus_program_runs_unmodified(seed: int) -> None:
    result = ran("schedule_pykoppu", seed)
    state = array(result, "state")
    assert state.shape == (4,) and state.min() >= 0 and state.max() <= 1
    assert result.energy_trace.shape == (1, 1000)
    assert result.best_energy[0] == 0
    assert result.steps == 10000


def test_a_gap_junction_divides_the_drive_and_silences_its_neuron() -> None:
    result, g = ran("gap_junction"), 10e-9 * 50e6
    assert only(result, "driven") == pytest.approx(10 * (1 + g) / (1 + 2 * g), abs=1e-9)
    assert only(result, "follower") == pytest.approx(10 * g / (1 + 2 * g), abs=1e-9)
    assert only(result, "coefficient") == pytest.approx(g / (1 + g), abs=1e-9)
    assert only(result, "coupled") == 0
    v, fired, quiet = 22 * (1 + g) / (1 + 2 * g), 0, 0
    for _ in range(2000):
        if quiet:
            quiet -= 1
        elif (v := v + 0.01 * (22 - v)) >= 20:
            v, fired, quiet = 0.0, fired + 1, 10
    assert only(result, "alone") == fired


def test_bursts_begin_and_end_where_calcium_that_spikes_add_to_says() -> None:
    result = ran("bursts")
    fired = {(round(t / 1e-4), int(i)) for t, i in zip(result.spikes.t, result.spikes.i, strict=True)}
    found: dict[str, set[tuple[int, int]]] = {"cells.begins": set(), "cells.ends": set()}
    for neuron in range(3):
        calcium, bursting = 0.0, False
        for step in range(5000):
            calcium *= np.exp(-0.1 / 30)
            if calcium > 1.5 and not bursting or calcium < 0.5 and bursting:
                found["cells.ends" if bursting else "cells.begins"].add((step, neuron))
                bursting = not bursting
            calcium += (step, neuron) in fired
    for name, wanted in found.items():
        times = result.events[name]
        assert {(round(t / 1e-4), int(i)) for t, i in zip(times.t, times.i, strict=True)} == wanted
    assert len(found["cells.begins"]) == 12


# --- cells that are trees -----------------------------------------------------------------------------


def test_the_painted_cell_against_a_dense_solution() -> None:
    """Eleven CVs by hand: areas pi d l, axial conductances from middle to middle, in um, mS and mV."""
    area = np.pi * np.array([36.0] + [10.0] * 10) * 1e-12
    face = np.array([1 / (3 / (9 * np.pi) + 5 / (0.25 * np.pi))] + [0.025 * np.pi] * 9) * 1e-6
    axial = np.diag(np.append(face, 0) + np.append(0, face)) - np.diag(face, 1) - np.diag(face, -1)
    leak, capacity, dt = np.array([1000.0] + [100.0] * 10) * area, 0.01 * area, 0.025e-3
    v, x, y = np.array([10.0] + [-65.0] * 10), 1.0, 0.0
    for _ in range(200):
        driven = np.array([-leak[0] * x] + [0.0] * 10)
        v = np.linalg.solve(np.diag(capacity / dt + leak) + axial, capacity / dt * v + driven)
        x, y = x + 0.025 * y, y - 0.025 * x
    result = ran("painted_cell")
    assert only(result, "x") == pytest.approx(x, rel=1e-12)
    assert array(result, "cells_cv.v") * 1e3 == pytest.approx(v, rel=1e-11)


def test_the_ball_and_stick_fires_when_arbors_does() -> None:
    result = ran("ball_and_stick")
    assert only(result, "second") == pytest.approx(15.24806820, abs=1e-7)
    assert only(result, "last") == pytest.approx(32.21302685, abs=1e-7)
    assert only(result, "count") == 4


# --- a spin glass over lanes ----------------------------------------------------------------------------


def transfer(j: NDArray[np.float64], row: int) -> NDArray[np.float64]:
    """Energy of the bonds within a row of the 8 x 8 lattice, and of those to the next one, by both rows' states (256, 256)."""
    s, here = states(8), np.arange(8 * row, 8 * row + 8)
    within = np.einsum("ay,y,ay->a", s, j[here, 8 * row + (np.arange(8) + 1) % 8], np.roll(s, -1, axis=1))
    return -(within[:, None] + (s * j[here, (here + 8) % 64]) @ s.T)


def glass() -> NDArray[np.float64]:
    couplings = datum("tempering", "J")
    assert isinstance(couplings, Sparse) and couplings.symmetric and len(couplings.value) == 128
    return matrix(couplings)


def mean_energy(rows: list[NDArray[np.float64]], temperature: float) -> float:
    """Of the Boltzmann distribution: minus the derivative of ln Z by 1/T, Z the trace of the product of transfer matrices."""
    logs = []
    for beta in (1 / temperature - 1e-4, 1 / temperature + 1e-4):
        shift = [row.min() for row in rows]
        product = np.linalg.multi_dot([np.exp(-beta * (row - low)) for row, low in zip(rows, shift, strict=True)])
        logs.append(np.log(np.trace(product)) - beta * sum(shift))
    return float((logs[0] - logs[1]) / 2e-4)


def test_the_ladder_has_the_exact_mean_energies_of_its_temperatures() -> None:
    rows = [transfer(glass(), row) for row in range(8)]
    result = execute(program("tempering"), 1, 8)
    found = result.energy_trace[:, 200:].mean(axis=1)
    ladder = result.extras["lane_values"]["T"]
    due = np.array([mean_energy(rows, t) for t in ladder])
    assert np.allclose(found, due, atol=1.0), (found, due)
    assert np.round(due[[0, 7]]).tolist() == [-86, -57]


@each_seed
@pytest.mark.parametrize(("name", "lanes"), [("population", 8), ("reheat", 1)])
def test_heated_and_merged_states_reach_the_ground_state(name: str, lanes: int, seed: int) -> None:
    lowest, *others = [transfer(glass(), row) for row in range(8)]
    for other in others:  # the least sum over a path through all rows, (min, +) in place of (+, *)
        lowest = np.array([(line[:, None] + other).min(axis=0) for line in lowest])
    result = execute(program(name), seed, lanes)
    assert result.best_energy.tolist() == [np.diag(lowest).min()] * lanes == [-86] * lanes
