"""What the programs of shipped models and of models of one's own claim, held against their equations and other systems."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.optimize import fsolve

from bioasm.isa.program import Dense
from tests.models.mirrors import arbor, brainpy, dynapse, olive, rockpool
from tests.models.support import recorded
from tests.programs.support import array, datum, emitted, only, program, ran, text


def dense(name: str, called: str) -> np.ndarray:
    """A named matrix of a program."""
    block = datum(name, called)
    assert isinstance(block, Dense)
    return block.array


def claims(name: str) -> dict[str, float]:
    """The numbers that a program's comments say to expect, by the names under which it emits them."""
    expected = text(name).partition("; Expect:")[2].partition(".title")[0]
    return {word: float(value) for word, value in re.findall(r"(\w+) (?:=|near) (-?[\d.]*\d)", expected)}


@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("brainpy_lif", 1e-9),
        ("brainpy_hh", 0.0),
        ("brainpy_network", 0.0),
        ("arbor_hh", 0.0),
        ("arbor_events", 0.01),
        ("dynapse", 0.01),
        ("rockpool_layer", 1e-9),
        ("olive", 0.01),
        ("own_mechanisms", 0.01),
        ("own_hh", 0.01),
    ],
)
def test_it_emits_what_its_comments_expect(name: str, within: float) -> None:
    said = {word: value for word, value in claims(name).items() if emitted(ran(name), word)}
    assert said
    for word, value in said.items():
        assert only(ran(name), word) == pytest.approx(value, abs=within), word


def test_lif_neurons_spike_as_their_mirror() -> None:
    cells = brainpy.LIF(1)
    train = brainpy.run([cells], 2000, [(cells, "input", 26.0, "+")])[0].spikes[:, 0]
    assert train[:2].tolist() == [163, 337]
    assert only(ran("brainpy_lif"), "first_run") == 100 * len(train)
    assert only(ran("brainpy_lif"), "second_run") == 0
    assert abs(only(ran("brainpy_lif"), "v")) < 1e-9


def test_the_first_spike_of_the_lif_neurons_is_where_the_comment_computes_it() -> None:
    k = next(k for k in range(1, 1000) if 26 - 31 * 0.99**k >= 20)
    assert k - 1 == 163


def test_hh_spikes_in_the_steps_of_its_comment() -> None:
    times = ran("brainpy_hh").spikes.t * 1e3
    assert len(times) == 15
    assert times[:2] == pytest.approx([0.13, 14.78])


def test_network_spikes_as_recorded() -> None:
    result = ran("brainpy_network")
    steps = np.round(result.spikes.t / 1e-5).astype(int)
    assert array(result, "spike_count").tolist() == [16] * 10
    expected = recorded("brainpy.npz")["net_dt01_spike_steps"].tolist()
    assert all(steps[result.spikes.i == i].tolist() == expected for i in range(10))


def test_arbor_hh_crosses_when_arbor_says() -> None:
    found = emitted(ran("arbor_hh"), "crossing")
    assert found == pytest.approx([12.2257707, 29.1210989, 45.7143809], abs=5e-8)
    assert found == pytest.approx(recorded("arbor.npz")["hh_builtin_spikes_ms"].tolist(), abs=1e-9)


def test_arbor_events_by_the_cell_of_the_mirror() -> None:
    rows = dense("arbor_events", "events")
    for neuron, expected in ((0, [13.0]), (1, [5.0])):
        events = np.array([(t * 1e3, 150.0) for t, i in rows if i == neuron])
        v, times = arbor.lif_cell(np.round(events, 6), np.array([26.5]))
        assert times.tolist() == expected
        result = ran("arbor_events")
        assert (result.spikes.t[result.spikes.i == neuron] * 1e3).tolist() == pytest.approx(expected)
        if neuron == 0:
            assert only(result, "highest") == pytest.approx(v[0], abs=1e-9)


def test_dynapse_trains_are_those_of_the_recorded_run() -> None:
    ref = recorded("dynapse.npz")
    for k, port in enumerate(("nmda", "ampa", "gaba_a", "gaba_b")):
        steps = np.round(dense("dynapse", port)[:, 0] / 1e-4).astype(int)
        assert steps.tolist() == np.flatnonzero(ref["in_spikes"][k]).tolist()


def test_dynapse_spikes_and_adapts_as_its_mirror() -> None:
    counts = np.zeros((4, 1000))
    for k, port in enumerate(("nmda", "ampa", "gaba_a", "gaba_b")):
        counts[k, np.round(dense("dynapse", port)[:, 0] / 1e-4).astype(int)] = 1
    expected = dynapse.simulate(counts)
    result = ran("dynapse")
    assert np.round(result.spikes.t / 1e-4).astype(int).tolist() == expected.spikes[:, 0].tolist() == [505, 766, 827, 884]
    assert only(result, "adaptation") == pytest.approx(expected.state["Iahp"][0] * 1e12, rel=1e-9)


def test_rockpool_layer_is_the_conversion_of_its_comment() -> None:
    layer = rockpool.convert(np.array([0.01, 0.02, 0.05]), np.array([0.01, 0.005, 0.02]), np.array([1, 0.5, 2]), np.zeros(3))
    lines = dict(re.findall(r"SET neurons\.(\w+), \[(.*)\]", text("rockpool_layer")))
    assert len(lines) == 5
    for name, values in lines.items():
        assert [float(x) for x in values.split(",")] == pytest.approx(list(layer.currents[name]), rel=1e-12)
    p = rockpool.Parameters(**{k: np.array(v) for k, v in layer.currents.items() if k != "If_nmda"})
    run = rockpool.simulate(np.full((1000, 3), 0.05), p)
    expected = [int((run.spikes[:, 1] == i).sum()) for i in range(3)]
    assert array(ran("rockpool_layer"), "spike_count").tolist() == expected == [38, 43, 27]


@pytest.mark.parametrize(("name", "axial"), [("loose", 1e-3), ("tight", 0.1)])
def test_olive_rests_where_no_current_flows(name: str, axial: float) -> None:
    parts = (olive.Soma(), olive.Dendrite(), olive.Axon())
    areas = np.array([1000.0, 3000.0, 300.0])

    def at_rest(part: olive.Compartment, v: float) -> float:
        at = np.array([v])
        x = part.initial(at, {})
        if isinstance(part, olive.Dendrite):  # its calcium is where its own current takes it
            x["ca"] = -3 * 0.010 * x["r"] ** 2 * (at - 120.0) / 0.075
            alpha = np.minimum(2e-5 * x["ca"], 0.01)
            x["s"] = alpha / (alpha + 0.015)
        return float(part.current(at, x, {})[0][0])

    def flow(v: np.ndarray) -> np.ndarray:
        own = 1e-2 * areas * [at_rest(part, x) for part, x in zip(parts, v, strict=True)]  # mA/cm2 times um2, in nA
        between = axial * (v[0] - v[1:])
        return own + np.array([between.sum(), -between[0], -between[1]])

    rest = fsolve(flow, np.array([-35.0, -44.0, -40.0]), xtol=1e-12)
    assert only(ran("olive"), f"{name}_soma") == pytest.approx(rest[0], abs=0.01)
    assert only(ran("olive"), f"{name}_dend") == pytest.approx(rest[1], abs=0.01)
    assert array(ran("olive"), "spike_count").tolist() == [1, 1]


def test_own_mechanisms_follow_their_equations() -> None:
    paints = [arbor.Paint(arbor.Passive()), arbor.Paint(arbor.Example())]
    run = arbor.simulate(arbor.Cable.single(1000.0), paints, 801, implicit=True)
    result = ran("own_mechanisms")
    v = result.recordings["cell.v"].values[0, :, 0] * 1e3
    assert np.abs(v - run.v[:800, 0]).max() < 1e-4  # the third mechanism's current is as small as that
    assert only(result, "highest") == pytest.approx(run.v[40:, 0].max(), abs=1e-4)
    assert only(result, "calcium") == pytest.approx(only(result, "minus_v"), rel=1e-12)
    assert only(result, "period") == pytest.approx(2 * np.pi, abs=0.025)
    assert pytest.approx((1 + 0.025**2) ** 314, rel=1e-4) == 1.2167


def test_own_hh_fires_once_a_pulse_as_its_mirror() -> None:
    class Counted(arbor.CustomHh):
        def advance(self, v, x, dt, ions):  # type: ignore[no-untyped-def]
            return super().advance(v, x, dt, ions) | {"t": np.round(np.round(x["t"] / dt + 1) * dt, 9)}

    run = arbor.simulate(arbor.Cable.single(1000.0), [arbor.Paint(Counted())], 12000, implicit=True)
    result = ran("own_hh")
    v = result.recordings["cell.v"].values[0, :, 0] * 1e3
    assert np.abs(v - run.v[::40, 0]).max() < 1e-9
    assert np.round(result.spikes.t / 25e-6).astype(int).tolist() == run.spikes[:, 0].tolist()
    assert result.spikes.t * 1e3 == pytest.approx([95.8, 195.8, 295.8], abs=0.05)


@pytest.mark.parametrize("name", ["own_mechanisms", "own_hh"])
def test_own_texts_are_part_of_the_program(name: str) -> None:
    assert {model.name for model in program(name).models} == {
        "own_mechanisms": {"leak", "oscillator", "calcium_reader"},
        "own_hh": {"squid"},
    }[name]
