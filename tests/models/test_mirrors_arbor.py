"""Mirrors of Arbor, arbor_pycat and the olive cell against recorded outputs, and against what is known of them exactly."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.models.mirrors import arbor, olive
from tests.models.support import AREA, recorded, worst

SEED_IONS = {"na": (10.0, 140.0, 55.0), "k": (54.4, 2.5, -77.0)}


# --- Arbor ------------------------------------------------------------------------------------------


@cache
def arbor_hh() -> arbor.Run:
    """The recorded HH cell: 10 uA/cm2 on [10, 60) ms."""
    paints, clamps = [arbor.Paint(arbor.Hh(el=-65.0))], [arbor.Clamp(10, 50, AREA * 1e-4)]
    return arbor.simulate(arbor.Cable.single(AREA), paints, 4000, clamps=clamps, ions=SEED_IONS)


@pytest.mark.parametrize("library", ["builtin", "nmodl"])
def test_arbor_hh_against_recording(library: str) -> None:
    ref, run = recorded("arbor.npz"), arbor_hh()
    assert worst(run.v[:, 0], ref[f"hh_{library}_v"]) < 1e-9
    assert all(worst(run.states["hh"][x][:, 0], ref[f"hh_{library}_{x}"]) < 1e-12 for x in "mhn")
    assert worst(run.spike_times, ref[f"hh_{library}_spikes_ms"]) < 1e-9


def test_arbor_spike_times_are_interpolated() -> None:
    run = arbor_hh()
    for (k, _), t in zip(run.spikes, run.spike_times, strict=True):
        before, after = run.v[k, 0], run.v[k + 1, 0]
        assert before < 0 <= after
        assert t == pytest.approx(k * 0.025 - 0.025 * before / (after - before), abs=1e-12)


def test_arbor_lif_against_recording() -> None:
    ref = recorded("arbor.npz")
    assert ref["lif_defaults"].tolist() == [10, 10, 20, 0, 0, 0, 2]
    v, spikes = arbor.lif_cell(ref["lif_events"], ref["lif_t"])
    assert worst(v, ref["lif_v"]) < 1e-12
    assert spikes.tolist() == ref["lif_spikes_ms"].tolist()


@pytest.mark.parametrize(
    ("events", "spikes"),
    [
        ([(1, 200)], [1]),
        ([(1, 199.9)], []),
        ([(1, 100), (1, 100)], [1]),
        ([(1, 300), (1, -200)], []),
        ([(1, 200), (2.9, 1000)], [1]),
        ([(1, 200), (3, 200)], [1, 3]),
        ([(1, 150), (11, 100)], []),
        ([(1, 150), (11, 145)], [11]),
    ],
)
def test_arbor_lif_spikes_by_its_rules(events: list[tuple[float, float]], spikes: list[float]) -> None:
    assert arbor.lif_cell(np.array(events), np.array([20.0]))[1].tolist() == spikes


def test_arbor_lif_decays_from_the_end_of_its_refractory_time() -> None:
    cell = arbor.LifCell(E_L=-60.0, E_R=-70.0, V_m=-60.0, V_th=-50.0)
    v, _ = arbor.lif_cell(np.array([(1.0, 200.0)]), np.array([2.0, 2.999, 3.0, 13.0]), cell)
    assert v == pytest.approx([-70.0, -70.0, -70.0, -60.0 - 10.0 * np.exp(-1)], rel=1e-12)


# Potentials before a step, recorded from the real Arbor 0.12.2, with arbor_pycat built for it where mechanisms are its.
ALONE: dict[str, tuple[list[arbor.Mechanism], float, float, int, list[arbor.Clamp], dict[int, float]]] = {
    "passive": ([arbor.Passive()], -65, 0.025, 200, [], {28: -31.992088771236944, 199: -0.421533292464703}),
    "passive with a clamp": (
        [arbor.Passive()],
        -65,
        0.01,
        500,
        [arbor.Clamp(1, 2, 0.05)],
        {71: -31.842867745273352, 166: 9.179450754061271, 333: 25.191513583035906, 499: 4.75003232620838},
    ),
    "example": (
        [arbor.Example()],
        -65,
        0.025,
        800,
        [],
        {114: 0.952956898151561, 533: -0.931230710982816, 799: -0.6666600279223766},
    ),
    "example and passive": (
        [arbor.Example(), arbor.Passive()],
        -65,
        0.025,
        200,
        [],
        {28: 4.921859810959529, 199: 0.06485127576380033},
    ),
    "example and hh": ([arbor.Example(), arbor.Hh()], -65, 0.025, 200, [], {28: -52.10173714510316, 199: -35.66562751013123}),
    "hh and passive": ([arbor.Passive(), arbor.Hh()], -65, 0.025, 200, [], {28: -32.69232791395144, 199: -1.5336692662347557}),
    "custom_hh": (
        [arbor.CustomHh()],
        -65,
        0.025,
        12000,
        [],
        {3870: -60.08228352667257, 4000: 14.556882203038214, 8000: 14.65180576456234, 11999: 12.841637741475017},
    ),
    "custom_hh with a clamp": (
        [arbor.CustomHh()],
        -60,
        0.05,
        2400,
        [arbor.Clamp(5, 1, 0.02)],
        {342: -74.1137861190306, 800: -70.46255026466903, 2399: -72.49976394111681},
    ),
    "soma": ([olive.Soma()], -60, 0.1, 5000, [], {714: -23.01897730259656, 4999: -30.981167362252247}),
    "dendrite": ([olive.Dendrite()], -60, 0.1, 5000, [], {714: -66.5244590744177, 4999: -48.604179292749706}),
    "axon": ([olive.Axon()], -60, 0.1, 5000, [], {714: -54.57626377813296, 4999: -51.152305788418}),
}


@pytest.mark.parametrize("case", ALONE)
def test_arbor_pycat_against_numbers_of_the_real_one(case: str) -> None:
    mechanisms, v0, dt, steps, clamps, expected = ALONE[case]
    paints = [arbor.Paint(mechanism) for mechanism in mechanisms]
    run = arbor.simulate(arbor.Cable.single(AREA, v0=v0), paints, steps, dt, clamps, original=True, accumulated=True)
    assert run.v[list(expected), 0] == pytest.approx(list(expected.values()), abs=1e-10)


def test_a_reader_of_calcium_against_numbers_of_the_real_one() -> None:
    reader = arbor.CalciumLeak(1e-2, 0.05)
    reader.name = "zreader"
    run = arbor.simulate(arbor.Cable.single(AREA), [arbor.Paint(reader), arbor.Paint(arbor.Example())], 200, original=True)
    assert run.v[[28, 66, 199], 0] == pytest.approx([19.02924304931812, 19.950643230509186, 19.999998451856804], abs=1e-12)


@pytest.mark.parametrize(
    ("paints", "celsius", "dt", "threshold", "spikes"),
    [
        ([arbor.Pas()], 6.3, 0.025, 0.0, [6.596993548931106]),
        (
            [],
            16.3,
            0.01,
            -10.0,
            [5.785094146020222, 10.193776470536934, 14.451862844713215, 18.699538415794873, 22.946025735536722],
        ),
    ],
)
def test_arbor_spike_times_against_numbers_of_the_real_one(
    paints: list[arbor.Mechanism], celsius: float, dt: float, threshold: float, spikes: list[float]
) -> None:
    cell = [arbor.Paint(mechanism) for mechanism in [arbor.Hh(celsius=celsius), *paints]]
    run = arbor.simulate(arbor.Cable.single(AREA), cell, round(50 / dt), dt, [arbor.Clamp(5, 20, 0.03)], threshold)
    assert run.spike_times == pytest.approx(spikes, abs=1e-9)


def test_cable_against_numbers_of_the_real_one() -> None:
    cable = arbor.Cable.cylinder(10, 1.0, 1000.0, 100.0)
    run = arbor.simulate(cable, [arbor.Paint(arbor.Hh())], 1200, clamps=[arbor.Clamp(2, 3, 0.5)])
    assert run.v[120, [0, 4, 9]] == pytest.approx([23.051323951635453, -61.12296946026029, -64.89159959030975], abs=1e-9)
    assert run.v[1199, [0, 4, 9]] == pytest.approx([-65.05154261766448, -65.04762287548037, -65.04360411355856], abs=1e-9)
    assert run.spike_times[run.spikes[:, 1] == 0] == pytest.approx([2.898919850860786], abs=1e-9)


def test_coupled_olive_against_numbers_of_the_real_one() -> None:
    radius, length = np.array([2.0, 10.0, 1.0]), np.array([50.0, 20.0, 30.0])  # dendrite, soma, axon in a row; rL 100 ohm cm
    half = length / 2 / (np.pi * radius**2)
    axial = np.array([0.0, 1 / (half[0] + half[1]), 1 / (half[1] + half[2])])
    cable = arbor.Cable(2 * np.pi * radius * length, np.array([-1, 0, 1]), axial, v0=-60.0)
    paints = [arbor.Paint(olive.Soma(), [1]), arbor.Paint(olive.Dendrite(), [0]), arbor.Paint(olive.Axon(), [2])]
    run = arbor.simulate(cable, paints, 4000, clamps=[arbor.Clamp(20, 10, 0.05, 1)], original=True, accumulated=True)
    assert run.v[500] == pytest.approx([-19.732602208267398, -19.661231217420575, -20.462317504462916], abs=1e-9)
    assert run.v[3999] == pytest.approx([-36.00859560636017, -35.94499380729779, -35.99317288423776], abs=1e-9)


def test_single_compartment_is_the_linearly_implicit_formula() -> None:
    new = arbor.solve_cable(arbor.Cable.single(77.0), np.array([-50.0]), np.array([0.3]), np.array([0.2]), 0.025)
    assert new[0] == pytest.approx(-50.0 - 0.3 / (0.01 / 0.025 + 0.2), rel=1e-14)


def test_hines_solves_the_whole_system() -> None:
    rng = np.random.default_rng(5)
    n, dt = 12, 0.05
    parent = np.array([-1, *(int(rng.integers(0, j)) for j in range(1, n))])
    axial = np.array([0.0, *rng.uniform(0.01, 1.0, n - 1)])
    cable = arbor.Cable(rng.uniform(50, 500, n), parent, axial)
    v, i, g = rng.uniform(-80, 40, n), rng.uniform(-1, 1, n), rng.uniform(0, 2, n)
    own = 1e-3 * cable.area * (0.01 / dt + g)
    matrix = np.diag(own)
    for j in range(1, n):
        matrix[np.ix_([j, parent[j]], [j, parent[j]])] += axial[j] * np.array([[1, -1], [-1, 1]])
    expected = np.linalg.solve(matrix, own * v - 1e-3 * cable.area * i)
    assert worst(arbor.solve_cable(cable, v, i, g, dt), expected) < 1e-10


def test_axial_current_alone_keeps_the_charge() -> None:
    cable = arbor.Cable(np.array([100.0, 300.0, 50.0]), np.array([-1, 0, 1]), np.array([0.0, 0.02, 0.5]))
    v = np.array([-70.0, 0.0, 30.0])
    new = arbor.solve_cable(cable, v, np.zeros(3), np.zeros(3), 0.1)
    assert (cable.area * new).sum() == pytest.approx((cable.area * v).sum(), rel=1e-12)
    assert np.ptp(new) < np.ptp(v)


def test_currents_of_mechanisms_add() -> None:
    def slope(*mechanisms: arbor.Mechanism) -> float:
        paints = [arbor.Paint(mechanism) for mechanism in mechanisms]
        run = arbor.simulate(arbor.Cable.single(AREA, v0=-40.0), paints, 2, 1e-3)
        return float(run.v[1, 0] - run.v[0, 0])

    both = slope(arbor.Pas(), arbor.Passive())
    assert both == pytest.approx(slope(arbor.Pas()) + slope(arbor.Passive()), rel=2e-3)
    assert both == pytest.approx(-1e-3 * (1.0 * (-40 + 70) + 10.0 * -40), rel=2e-3)  # mS/cm2 times mV over uF/cm2


def test_missing_factor_of_the_original_is_ten() -> None:
    slopes = []
    for original in (False, True):
        run = arbor.simulate(arbor.Cable.single(AREA), [arbor.Paint(arbor.Passive())], 2, 1e-3, original=original)
        slopes.append(run.v[1, 0] - run.v[0, 0])
    assert slopes[0] / slopes[1] == pytest.approx(10.0, rel=1e-12)
    assert slopes[0] == pytest.approx(65 * 10 * 1e-3, rel=1e-12)  # 10 mS/cm2, 65 mV, 1 uF/cm2, 1 us, explicit


@pytest.mark.parametrize(("implicit", "stable"), [(False, False), (True, True)])
def test_the_right_example_needs_an_implicit_voltage_at_long_steps(implicit: bool, stable: bool) -> None:
    run = arbor.simulate(arbor.Cable.single(AREA), [arbor.Paint(arbor.Example())], 100, 0.025, implicit=implicit)
    assert (np.abs(run.v).max() < 11) == stable


def test_example_rotates_and_writes_calcium() -> None:
    run = arbor.simulate(arbor.Cable.single(AREA), [arbor.Paint(arbor.Example())], 800, original=True)
    turn = np.array([[1.0, 0.025], [-0.025, 1.0]])
    state = np.linalg.matrix_power(turn, 799) @ [1.0, 0.0]
    found = [run.states["example"][x][799, 0] for x in "xy"]
    assert found == pytest.approx(state, rel=1e-11)
    assert found[0] == pytest.approx(0.5577248491630745, rel=1e-11)
    assert worst(run.ions["ca.internal"], -run.v) == 0
    assert (run.v[0, 0], run.ions["ca.reversal"][0, 0]) == (10.0, 80.0)


def test_ions_keep_their_values_where_nobody_writes_them() -> None:
    cable = arbor.Cable(np.full(2, AREA), np.array([-1, 0]), np.array([0.0, 0.0]))
    run = arbor.simulate(cable, [arbor.Paint(arbor.Example(), [1])], 3)
    assert run.ions["ca.reversal"].tolist() == [[132.5, 80.0]] * 3
    assert (run.ions["ca.internal"][:, 0] == 5e-5).all()


def test_custom_hh_pulses_in_the_last_five_ms_of_each_hundred() -> None:
    mechanism = arbor.CustomHh()
    x = mechanism.initial(np.full(4, -65.0), {})
    x["t"] = np.array([95.0, 95.025, 99.975, 200.0])
    i, _ = mechanism.current(np.full(4, -65.0), x, {})
    assert i - i[0] == pytest.approx([0.0, -0.05, -0.05, 0.0])


def test_custom_hh_needs_the_steps_of_arbor_at_the_edge_of_its_pulse() -> None:
    runs = [
        arbor.simulate(arbor.Cable.single(AREA), [arbor.Paint(arbor.CustomHh())], 4100, original=True, accumulated=accumulated)
        for accumulated in (False, True)
    ]
    assert worst(runs[0].v[:3800], runs[1].v[:3800]) < 1e-9
    assert worst(runs[0].v, runs[1].v) > 1.0


def test_gates_start_steady_and_clamped_cells_stay() -> None:
    hh = arbor.Hh()
    v = np.linspace(-90, 40, 14)
    x = hh.initial(v, {})
    assert all(worst(hh.advance(v, x, 0.025, {})[gate], x[gate]) < 1e-15 for gate in "mhn")


def test_cnexp_is_the_exponential_to_third_order() -> None:
    errors = [abs(arbor.cnexp(np.ones(1), np.ones(1), np.zeros(1), dt)[0] - np.exp(-dt)) for dt in (0.2, 0.1)]
    assert errors[0] / errors[1] == pytest.approx(8.0, rel=0.1)


def test_a_cell_that_starts_above_threshold_does_not_fire() -> None:
    run = arbor.simulate(arbor.Cable.single(AREA, v0=20.0), [arbor.Paint(arbor.Pas())], 50)
    assert not run.spikes.size


# --- inferior olive ---------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [olive.Soma(), olive.Dendrite(), olive.Axon()])
@pytest.mark.parametrize("v", [-25.0, -8.5])
def test_olive_is_finite_where_its_rates_are_0_by_0(part: olive.Compartment, v: float) -> None:
    at, near = (part.slopes(np.array([v + off]), part.initial(np.array([-60.0]), {})) for off in (0.0, 1e-7))
    assert all(np.isfinite(at[name]).all() and at[name] == pytest.approx(near[name], rel=1e-5) for name in at)


@pytest.mark.parametrize("part", [olive.Soma(), olive.Dendrite(), olive.Axon()])
def test_olive_gates_start_steady(part: olive.Compartment) -> None:
    v = np.array([-60.0])
    slopes = part.slopes(v, part.initial(v, {}))
    assert all(np.abs(slope[0]) < 1e-15 for name, slope in slopes.items() if name != "ca")


@pytest.mark.parametrize("part", [olive.Soma(), olive.Dendrite(), olive.Axon()])
def test_olive_conductance_is_the_slope_of_the_current_of_linear_parts(part: olive.Compartment) -> None:
    x = part.initial(np.array([-60.0]), {})
    lo, hi = (part.current(np.array([v]), x, {}) for v in (-120.0, -120.01))  # where sodium's own gate is shut
    assert (hi[0] - lo[0]) / -0.01 == pytest.approx(lo[1], rel=1e-4)


def test_dendrite_calcium_is_filled_by_a_current_that_is_not_in_the_membrane() -> None:
    v, dendrite = np.array([-20.0]), olive.Dendrite()
    x = dendrite.initial(v, {})
    Icah = 0.010 * x["r"] ** 2 * (v - 120)
    assert dendrite.slopes(v, x)["ca"] == pytest.approx(-3 * Icah - 0.075 * 3.715, rel=1e-14)
    with_it = olive.Dendrite(calcium_in_current=1.0).current(v, x, {})[0]
    assert with_it - dendrite.current(v, x, {})[0] == pytest.approx(Icah, rel=1e-9)


@pytest.mark.parametrize("original", [False, True])
def test_olive_uncoupled_equals_each_alone(original: bool) -> None:
    run = olive.coupled(800, axial=(0.0, 0.0), original=original)
    for cv, part in enumerate((olive.Soma(), olive.Dendrite(), olive.Axon())):
        assert worst(run.v[:, cv], olive.alone(part, 800, 0.025, original=original).v[:, 0]) < 1e-10


def test_olive_strongly_coupled_is_one_potential() -> None:
    run = olive.coupled(400, axial=(1e3, 1e3))
    assert np.ptp(run.v[-1]) < 1e-2
    assert np.ptp(olive.coupled(400).v[-1]) > 1.0
