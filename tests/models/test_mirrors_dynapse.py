"""Mirrors of Rockpool and DynapSE against recorded outputs of those systems, and against what is known of them exactly."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.models.mirrors import dynapse, rockpool
from tests.models.support import of_range, recorded, worst

# --- Rockpool ---------------------------------------------------------------------------------------


@cache
def dynapsim(case: str) -> rockpool.Run:
    """The three recorded scenarios."""
    ref = recorded("rockpool.npz")
    drive = (ref["in_spikes"][:, :2] @ ref["in_weights"][:2])[:, None]
    if case == "dc_ahp":
        return rockpool.simulate(0 * drive, rockpool.Parameters(Idc=2e-9, Iw_ahp=1e-9))
    return rockpool.simulate(drive * (8 if case == "strong" else 1))


@pytest.mark.parametrize("case", ["exc", "strong", "dc_ahp"])
def test_dynapsim_spikes_against_recording(case: str) -> None:
    ref = recorded("rockpool.npz")
    assert dynapsim(case).traces["spikes"][:, 0].tolist() == ref[f"{case}_spikes"].tolist()


@pytest.mark.parametrize("trace", ["iahp", "imem", "isyn", "vmem"])
@pytest.mark.parametrize("case", ["exc", "strong", "dc_ahp"])
def test_dynapsim_traces_against_recording(case: str, trace: str) -> None:
    ref = recorded("rockpool.npz")
    assert of_range(dynapsim(case).traces[trace][:, 0], ref[f"{case}_{trace}"]) < 2e-5


def scenario(name: str) -> rockpool.Run:
    """Five neurons for 600 steps, as they were run in the real Rockpool 3.1.0."""
    rng = np.random.default_rng(7)
    drive = (rng.random((600, 5)) < 0.08) * rng.uniform(-0.3, 3.0, 5)
    w_rec = rng.uniform(-0.2, 0.6, (5, 5))
    P = rockpool.Parameters
    runs = {
        "plain": lambda: rockpool.simulate(drive),
        "rec": lambda: rockpool.simulate(drive, w_rec=w_rec),
        "ahp": lambda: rockpool.simulate(drive, P(Iw_ahp=2e-7, Idc=1e-9, Igain_ahp=1e-9)),
        "dc": lambda: rockpool.simulate(0 * drive, P(Idc=5e-8)),
        "dt": lambda: rockpool.simulate(drive * 5, dt=2e-4),
        "ref": lambda: rockpool.simulate(drive * 5, P(Iref=1.05e-9 / 3.5)),
        "hi": lambda: rockpool.simulate(0 * drive, P(Idc=1e-6, Ispkthr=1e-9)),
    }
    return runs[name]()


@pytest.mark.parametrize(
    ("name", "count", "weighted", "total"),
    [
        ("plain", 108, 105991, 3.184936353093677e-05),
        ("rec", 130, 128662, 3.721288969020758e-05),
        ("ahp", 20, 15038, 1.3454970216029028e-05),
        ("dc", 425, 381225, 6.620468380893086e-05),
        ("dt", 93, 96780, 6.713011097615409e-05),
        ("ref", 161, 155549, 3.853712398636393e-05),
        ("hi", 1500, 1345500, 1.6285544354038839e-09),
    ],
)
def test_dynapsim_against_numbers_of_the_real_one(name: str, count: int, weighted: int, total: float) -> None:
    run = scenario(name)
    assert len(run.spikes) == count
    assert int((run.spikes[:, 0] * (run.spikes[:, 1] + 1)).sum()) == weighted
    assert run.traces["imem"].astype(float).sum() == pytest.approx(total, rel=1e-4)


def test_dynapsim_counts_more_than_one_spike_a_step() -> None:
    assert scenario("hi").traces["spikes"].max() == 2


def test_dynapsim_takes_inhibition_for_nothing() -> None:
    none, inhibited = (rockpool.simulate(np.full((50, 1), drive)) for drive in (0.0, -2.0))
    assert all(worst(none.traces[name], inhibited.traces[name]) == 0 for name in rockpool.RECORDED)


@pytest.mark.parametrize(("widths", "blocked"), [(1.0, 1), (5.0, 5), (3.5, 4)])
def test_dynapsim_blocks_its_input_for_whole_steps(widths: float, blocked: int) -> None:
    Iref = rockpool.pulse(widths * 1e-3, 1.5e-12)
    p = rockpool.Parameters(Iref=Iref, Idc=1e-6, Ispkthr=1e-9)
    c = rockpool.Constants(p.arrays(1, np.float32), np.asarray(1e-3, np.float32))
    state, timers = rockpool.initial(1, c.p["Io"]) | {"imem": np.full(1, 1e-6, np.float32)}, []
    for k in range(10):
        state = rockpool.step(state, np.zeros(1, np.float32), np.zeros((1, 1), np.float32), c)
        timers.append(float(state["timer"][0]))
        if k == 0:
            c.p["Ispkthr"] = np.full(1, 1e3, np.float32)  # one spike is enough
    assert np.count_nonzero(timers) == blocked


def test_dynapsim_continued_equals_one_long_run() -> None:
    drive = np.random.default_rng(2).uniform(0, 4, (300, 2))
    whole = rockpool.simulate(drive)
    first = rockpool.simulate(drive[:150])
    second = rockpool.simulate(drive[150:], start=first.state)
    assert whole.spikes.size > 0
    for name in rockpool.RECORDED:
        assert worst(np.concatenate([first.traces[name], second.traces[name]]), whole.traces[name]) == 0


def test_defaults_are_the_documented_currents() -> None:
    p = rockpool.Parameters()
    found = [p.Itau_mem, p.Itau_syn, p.Itau_ahp, p.Ipulse, p.Ipulse_ahp, p.Iref]
    assert found == pytest.approx([5.3191e-12, 8.6879e-11, 2.8369e-11, 3.5e-8, 3.5e-7, 1.05e-9], rel=1e-4)


@pytest.mark.parametrize("name", rockpool.CURRENTS)
def test_conversion_against_recording(name: str) -> None:
    ref = recorded("rockpool.npz")
    layer = rockpool.convert(*(ref[f"conv_in_{k}"] for k in ("tau_mem", "tau_syn", "threshold", "bias")), float(ref["conv_dt"]))
    assert layer.full()[name] == pytest.approx(ref[f"conv_{name}"].tolist(), rel=1e-6)


def test_conversion_example() -> None:
    layer = rockpool.convert(
        np.array([0.01, 0.02, 0.05]), np.array([0.01, 0.005, 0.02]), np.array([1, 0.5, 2]), np.array([0, 0.01, 0])
    )
    assert layer.currents["Itau_mem"] == pytest.approx([1.0638e-11, 5.3191e-12, 2.1277e-12], rel=1e-4)
    assert layer.currents["Itau_syn"] == pytest.approx([8.8652e-11, 1.7730e-10, 4.4326e-11], rel=1e-4)
    assert layer.currents["Ispkthr"] == pytest.approx([1e-8, 5e-9, 2e-8])
    assert layer.currents["Idc"][1] == pytest.approx(1e-10)


@pytest.mark.parametrize(
    ("tau_mem", "tau_syn", "threshold", "bias"),
    [
        ([0.01, 0.02], [0.01, 0.01], [1.0], [0.0, 0.0]),
        ([0.01], [0.01], [1.0], [0.0, 0.0]),
        ([0.0], [0.01], [1.0], [0.0]),
        ([0.01], [-0.01], [1.0], [0.0]),
    ],
)
def test_conversion_refuses(tau_mem: list[float], tau_syn: list[float], threshold: list[float], bias: list[float]) -> None:
    with pytest.raises(ValueError, match="shape|positive"):
        rockpool.convert(np.array(tau_mem), np.array(tau_syn), np.array(threshold), np.array(bias))


def layer_of(n: int, value: Any, **more: Any) -> rockpool.Layer:
    """A layer whose currents are all the same."""
    return rockpool.Layer(n, dict.fromkeys(rockpool.CURRENTS, value), **more)


def test_merge_spreads_scalars_and_keeps_the_order() -> None:
    merged = rockpool.merge([layer_of(2, 1e-9), layer_of(3, [2e-9, 3e-9, 4e-9]), layer_of(1, 5e-9)])
    assert merged.n == 6
    assert all(merged.currents[name] == [1e-9, 1e-9, 2e-9, 3e-9, 4e-9, 5e-9] for name in rockpool.CURRENTS)


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [layer_of(1, 1.0), layer_of(1, 1.0, Iscale=2e-8)],
        [layer_of(1, 1.0), layer_of(1, 1.0, dt=2e-3)],
        [layer_of(2, [1.0, 2.0, 3.0])],
    ],
)
def test_merge_refuses(layers: list[rockpool.Layer]) -> None:
    with pytest.raises(ValueError, match="merge|Iscale|dt|neurons"):
        rockpool.merge(layers)


def test_a_current_that_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match="str"):
        layer_of(2, "1 nA").full()


# --- DynapSE ----------------------------------------------------------------------------------------

RECORDED_AS = {"Imem": "Isoma_mem", "Iahp": "Isoma_ahp"}
SPIKES = [505, 766, 827, 884]


@cache
def dpi_run(order: str) -> dynapse.Run:
    """The recorded experiment in one of the two orders."""
    ref = recorded("dynapse.npz")
    return dynapse.simulate(
        ref["in_spikes"], ref["weights"], float(ref["dt"]), order=order, dtype=np.float32 if order == "torch" else float
    )


@pytest.mark.parametrize("name", dynapse.RECORDED)
def test_dpi_neuron_against_brian2(name: str) -> None:
    ref = recorded("dynapse.npz")[f"brian_{RECORDED_AS.get(name, name)}"]
    assert dpi_run("brian2").traces[name][:, 0] == pytest.approx(ref, rel=1e-9, abs=0.0)


@pytest.mark.parametrize("name", dynapse.RECORDED)
def test_dpi_neuron_against_torch(name: str) -> None:
    ref = recorded("dynapse.npz")[f"torch_{RECORDED_AS.get(name, name)}"]
    assert of_range(dpi_run("torch").traces[name][:, 0], ref) < 2e-6


@pytest.mark.parametrize("order", ["brian2", "torch"])
def test_dpi_neuron_spikes_as_recorded(order: str) -> None:
    assert dpi_run(order).spikes[:, 0].tolist() == SPIKES


def test_dpi_neuron_under_dc_fires_once() -> None:
    assert dynapse.simulate(np.zeros((4, 3000)), Iconst=300e-12).spikes.tolist() == [[323, 0]]


def test_dpi_adaptation_is_zero_until_the_first_spike() -> None:
    run = dynapse.simulate(np.zeros((4, 1000)), Iconst=300e-12)
    assert (run.traces["Iahp"][:324] == 0).all()
    assert run.traces["Iahp"][324, 0] == pytest.approx(4e-12)
    assert run.traces["Imem"][324, 0] == 1.2e-12


def test_dpi_membrane_stands_still_for_49_steps() -> None:
    Imem = dynapse.simulate(np.zeros((4, 1000)), Iconst=300e-12).traces["Imem"][:, 0]
    assert (Imem[324:374] == 1.2e-12).all()
    assert Imem[374] != 1.2e-12


@pytest.mark.parametrize("synapse", range(4))
def test_dpi_jump_is_seen_in_the_next_step(synapse: int) -> None:
    spikes = np.zeros((4, 20))
    spikes[synapse, 7] = 2
    run = dynapse.simulate(spikes, weights=(1.0, 1.0, 1.0, 1.0))
    current = run.traces[dynapse.SYNAPSES[synapse]][:, 0]
    assert (current[:8] == 1e-12).all()
    assert current[8] == pytest.approx(1e-12 + 2 * 400e-12, rel=1e-12)
    assert (np.diff(current[8:]) < 0).all()
    others = [name for name in dynapse.SYNAPSES if name != dynapse.SYNAPSES[synapse]]
    assert all((run.traces[name] == 1e-12).all() for name in others)


@pytest.mark.parametrize(("kind", "raises"), [(0, True), (1, True), (2, False), (3, False)])
def test_dpi_synapses_excite_or_inhibit(kind: int, raises: bool) -> None:
    spikes = np.zeros((4, 60))
    spikes[kind, 0] = 1
    driven, alone = (dynapse.simulate(s, Iconst=50e-12).traces["Imem"][5, 0] for s in (spikes, np.zeros((4, 60))))
    assert (driven > alone) == raises


def test_dpi_orders_agree_in_one_precision() -> None:
    spikes = np.random.default_rng(4).random((4, 1500, 6)) < 0.01
    runs = [dynapse.simulate(spikes, order=order) for order in ("brian2", "torch")]
    assert runs[0].spikes.size > 0
    assert runs[0].spikes.tolist() == runs[1].spikes.tolist()
    assert worst(runs[0].traces["Imem"], runs[1].traces["Imem"]) < 1e-18


def test_dpi_neurons_do_not_know_each_other() -> None:
    spikes = np.random.default_rng(6).random((4, 800, 5)) < 0.01
    together = dynapse.simulate(spikes)
    for neuron in range(5):
        assert worst(dynapse.simulate(spikes[:, :, neuron]).traces["Imem"][:, 0], together.traces["Imem"][:, neuron]) == 0


def test_dpi_neuron_continued_equals_one_long_run() -> None:
    spikes = np.random.default_rng(8).random((4, 1200)) < 0.012
    whole = dynapse.simulate(spikes)
    first = dynapse.simulate(spikes[:, :700])
    second = dynapse.simulate(spikes[:, 700:], start=first.state)
    assert whole.spikes.size > 0
    for name in dynapse.RECORDED:
        assert worst(np.concatenate([first.traces[name], second.traces[name]]), whole.traces[name]) == 0
