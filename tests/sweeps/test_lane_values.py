"""Values of the lanes' own: lane k of one run is lane k of the run with that value, bit for bit."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.drivers.cpu import CpuDriver
from bioasm.results import Result
from bioasm.sweeps.merge import merge
from bioasm.verifier.gate import verify
from bioasm.verifier.lane_values import are_levels
from tests.command import bioasm as command
from tests.seeds import rarely
from tests.sweeps.support import both, dumped, pieces

SPINS = """
.const T = 2
MODEL ising
ALC 5
LDJ [[0, 1, 0, 0, 0], [1, 0, WEIGHT, 0, 0], [0, WEIGHT, 0, 1, 0], [0, 0, 1, 0, -1], [0, 0, 0, -1, 0]]
SIG T
REC s, 4 sweeps
RUN 7 sweeps
RD spins
SIG 0.5
RUN 6 sweeps
SIG T
RUN 7 sweeps
RD energy
"""
TWIN = """
.const S = 3 mV
.const I = 0.1 nA
.const TAU = 20 ms
.const V0 = -60 mV
SET tau, TAU
ALC 4
LDJ [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]]
CUR I
SIG S
POI 400, 2 mV
REC v, 1 ms
RUN 15 ms
SET v, V0
RUN 15 ms
RD v
"""
# Noise before SIG, equations by several methods, a mechanism, a projection, an input that is scaled, and a refractory time.
NETWORK = """
.const T = 10 ms
.const G = 5 nS
.const I = 0.2 nA
.const S = 1 mV
.model noisy {
  "an adapting membrane with noise"
  noise: sigma = 2 mV
  parameters:
    tau = 10 ms > 0
    El = -65 mV
    ref = 2 ms >= 0
  inputs:
    I : A
  state:
    v = El + 1 mV
    w = (ref/(3 ms) + 0.1)^3*(1 mV)
  step:
    dv/dt = (El - v + I*(100 Mohm) - w)/tau + sigma*sqrt(2/tau)*xi using euler unless refractory
    dw/dt = (v - El - w)/(5*tau) using cnexp
  spike: v > -50 mV
  reset:
    v := El
    w := w + 2 mV
  refractory: ref
  receive:
    weight : V
    v += weight
}
.mechanism leak {
  "a leak"
  parameters:
    g = 1 nS >= 0
    E = -77 mV
  uses:
    v : V
  adds:
    I += -g*(held(v) - E)
}
POP a, noisy, 5
MECH k, leak, a
SYN w, a, a
CON w, others
SET w.weight, 1 mV
SET w.delay, 1 ms
SET a.tau, T
SET k.g, G
INP a.I, I
INP a.I, 1.5, scale
REC a.v, 1 ms
RUN 5 ms
SIG S
RUN 15 ms
RD spikes
"""
# Spikes from outside and over a projection, with factors of lanes before and after the first step, and a clamp.
SPIKES = """
.const R = 100 Hz
.const W = 2 mV
.const Q = 3 mV
.const C = -60 mV
.const G = 4 mV
.const L = 6 mV
POP a, lif_critical, 6
SYN w, a, a
CON w, others
SET w.weight, G
SET w.delay, 1 ms
EVT a, [[1e-3, 0], [2e-3, 1], [2e-3, 1], [9e-3, 5]], Q
RATE a, R, W
SIG 2 mV
REC a.v, 1 ms
RUN 20 ms
SET w.weight, L
CLAMP 2, C
RATE a, 300 Hz, 2 mV
EVT a, [[1e-3, 0]], Q
RUN 20 ms
RD spikes
"""
# The spikes of a port act one after another, and connections with a matrix of weights, without delays of their own, and with.
PORTS = """
.const R = 300 Hz
.const W = 0.2
.const Q = 0.5
.const A = 0.1
.const B = 2
.const C = 0.3
.model shrinking {
  "each spike acts on what the one before has left"
  parameters:
    tau = 10 ms > 0
  state:
    v = 0
  step:
    dv/dt = -v/tau using exact
  spike: v > 0.6
  reset:
    v := 0
  receive:
    weight : 1
    v += weight*(1 - v)
}
POP a, shrinking, 4
SYN w, a, a
CON w, others
SET w.weight, A
SYN m, a, a
CON m, [[0, 0.1, 0, 0.3], [0.2, 0, 0, 0], [0, 0, 0, 0.1], [0, 0.7, 0, 0]]
SET m.weight, B
SYN s, a, a
VIA s, tsodyks_markram
CON s, others
SET s.weight, C
RATE a, R, W
EVT a, [[1e-3, 0], [2e-3, 1], [2e-3, 1], [9e-3, 3]], Q
REC a.v, 1 ms
RUN 30 ms
RD spikes
"""
# Connections that learn: parameters and initial states of the run and of the program, also of a state that nothing changes.
LEARNING = """
.const ETA = 0.1
.const X = 0.5
.const C = 2
.synapse learning {
  "a weight that grows where a spike follows another"
  parameters:
    eta = 0.1 >= 0
    tau = 20 ms > 0
    low = 1
  state:
    w = low + 0.5
    trace = 0
    x = 1
    c = 2*low
  step:
    dtrace/dt = -trace/tau using exact
    dx/dt = (1 - x)/(5*tau) event-driven
  on pre:
    send w*c*x
    trace += 1
    x += -0.3*x
  on post:
    w += eta*trace
}
POP a, lif_critical, 4
SYN s, a, a
VIA s, learning
CON s, others
SET s.eta, ETA
SET s.x, X
SET s.weight, 1 mV
RATE a, 300 Hz, 5 mV
REC s.w, 5 ms
REC a.v, 1 ms
RUN 20 ms
SET s.c, C
RUN 10 ms
RST
RUN 10 ms
RD s.c
RD s.x
"""
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "spins": (SPINS.replace("WEIGHT", "1"), {"T": [0.5, 3, 1, 0, 1.5, 2, 9]}),
    "spins, real": (SPINS.replace("WEIGHT", "0.3"), {"T": [0.5, 3, 1, 0, 1.5, 2, 9]}),
    "twin": (
        TWIN,
        {
            "S": [0, 0.003, 0.001, 0.004, 0.002, 0.009, 0.005],
            "I": ["0 nA", "0.2 nA"],
            "TAU": [0.01, 0.02, 0.03],
            "V0": [-0.06, -0.07],
        },
    ),
    "parameters of the twin": (TWIN.replace("SET tau, TAU\n", ""), {"tau": [0.01, 0.03], "Vt": [-0.05, -0.049, -0.051]}),
    "network": (NETWORK, {"S": [0, 1e-3, 3e-3], "T": [5e-3, 9e-3], "G": [0, 2e-9, 9e-9, 1e-9], "I": [1e-10, 3e-10]}),
    "spikes": (
        SPIKES,
        {
            "R": [100, 400, 0, 50],
            "W": [2e-3, 5e-3],
            "Q": [3e-3, 3e-2, 0],
            "C": [-0.06, -0.055],
            "G": [4e-3, -5e-3],
            "L": [1e-3, 1e-2],
        },
    ),
    "weights alone": (SPIKES, {"L": [1e-2, -1e-3, 2e-2, 3e-3, 7e-3, 0, 4e-3]}),
    "spikes one by one": (
        PORTS,
        {"R": [300, 500], "W": [0.2, 0.3, 0.1], "Q": [0.5, 0.1], "A": [0.1, 0.2, 0], "B": [2, 1], "C": [0.3, 0]},
    ),
    "factors of a projection": (
        SPIKES.replace("SET w.weight, G\n", "").replace("SET w.weight, L\n", ""),
        {"w.weight": [4e-3, 2e-2]},
    ),
    "connections that learn": (
        LEARNING,
        {
            "ETA": [0.1, 0.5, 0, 0.2],
            "X": [0.5, 1],
            "C": [2, 1, 3],
            "s.low": [1, 0.5, 2, 1, 1.5],
            "s.tau": [1e-2, 3e-2],
            "s.trace": [0, 0.3, 1],
        },
    ),
    "parameters of a network": (
        NETWORK,
        {"a.El": [-0.066, -0.063, -0.06], "a.ref": [0, 2e-3, 5e-3, 1e-3], "k.E": [-0.07, -0.08]},
    ),
}


def lane(result: Result, k: int) -> list[bytes]:
    """All that a run computed of one lane."""
    fields = ("state", "energy", "best_energy", "best_state", "energy_trace", "spike_count")
    arrays = [getattr(result, name)[k] for name in fields]
    arrays += [recording.values[k] for recording in result.recordings.values()]
    arrays += [reading.value[k] for reading in result.results if isinstance(reading.value, np.ndarray)]
    mine = result.spikes.lane == k
    return [np.ascontiguousarray(a).tobytes() for a in (*arrays, result.spikes.t[mine], result.spikes.i[mine])]


@pytest.mark.parametrize("lanes", [7, *rarely(4, 20)])
@pytest.mark.parametrize("name", CASES)
def test_each_lane_is_that_of_the_run_with_its_value(name: str, lanes: int) -> None:
    text, given = CASES[name]
    own = {word: values[:lanes] for word, values in given.items()}
    many = bioasm.run(text, set=own, lanes=lanes, seed=5)
    for k in {0, 1, 3, lanes - 1}:
        one = bioasm.run(text, set={word: values[k % len(values)] for word, values in own.items()}, lanes=lanes, seed=5)
        assert lane(many, k) == lane(one, k), k
    assert len({tuple(lane(many, k)) for k in range(lanes)}) == lanes


def test_values_of_one_kind_take_one_run_of_as_many_lanes() -> None:
    text, given = CASES["spins"]
    made = bioasm.run(text, set=given, seed=5)
    assert made.lanes == 7
    assert made.extras["lane_values"] == given


@pytest.mark.parametrize("name", ["spins", "twin", "network"])
def test_pieces_merge_to_the_bytes_of_the_whole(name: str) -> None:
    text, given = CASES[name]
    whole = bioasm.run(text, set=given, lanes=20, seed=5)
    assert both(merge(pieces(text, 20, (7, 9), set=given))) == both(whole)
    other = {word: [*values[::-1]] for word, values in given.items()}
    with pytest.raises(BioasmError, match="B602.*values of the lanes' own"):
        merge([pieces(text, 20, (9,), set=given)[0], pieces(text, 20, (9,), set=other)[1]])


@pytest.mark.parametrize("name", CASES)
def test_checkpoint_keeps_them_and_belongs_to_them(name: str, tmp_path: Path) -> None:
    text, given = CASES[name]
    options: dict[str, Any] = {"seed": 5, "lanes": 7, "checkpoint": tmp_path / "c.ckpt"}
    assert (
        bioasm.run(text, set=given, fuel=120 if name not in ("spins", "spins, real") else 20, **options).status == "out of fuel"
    )
    resumed = bioasm.run(text, set=given, resume=True, **options)
    assert dumped(resumed) == dumped(bioasm.run(text, set=given, seed=5, lanes=7))
    other = {word: [*values[:-1], values[0]] for word, values in given.items()}
    for wrong in (other, {word: values[0] for word, values in given.items()}):
        with pytest.raises(BioasmError, match="B404"):
            bioasm.run(text, set=wrong, resume=True, **options)


@pytest.mark.parametrize("driver", ["cpu", pytest.param("brian2", marks=pytest.mark.skipif(find_spec("brian2") is None, reason="not installed"))])  # noqa: E501  # fmt: skip
def test_initial_state_of_connections_is_that_of_the_options(driver: str) -> None:
    text = "POP a, lif_critical, 3\nSYN s, a, a\nVIA s, tsodyks_markram\nCON s, others\nRUN 1 ms\nRD s.x\nRD s.u\n"
    x, u = (reading.value for reading in bioasm.run(text, set={"s.x": 0.5}, driver=driver, seed=1).results)
    assert (x == 0.5).all()
    assert (u == 0).all()


def test_a_constant_may_have_the_name_of_what_the_run_tells() -> None:
    text = ".const energy = 0.5\nMODEL ising\nALC 3\nSIG energy\nRUN 3 sweeps\nRD energy\n"
    assert are_levels(verify(bioasm.assemble(text)), ("energy",), ())
    assert not are_levels(verify(bioasm.assemble(text.replace("RD energy", "OUT energy"))), ("energy",), ())


def test_threads_do_not_show() -> None:
    text, given = CASES["spins"]
    one, three = (bioasm.run(text, set=given, lanes=50, seed=5, threads=threads) for threads in (1, 3))
    assert dumped(one) == dumped(three)


def test_cold_lanes_only_go_down() -> None:
    text, _ = CASES["spins"]
    made = bioasm.run(text.replace("SIG 0.5\n", ""), set={"T": [0, 50] * 8}, seed=2)
    rises = (np.diff(made.energy_trace, axis=1) > 0).any(axis=1)
    assert not rises[::2].any()
    assert rises[1::2].all()


# --- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("MOV r0, X", "registers"),
        ("JGT X, 0, end", "registers"),
        ("OUT X", "registers"),
        ("RUN X", "alike"),
        ("CLAMP X, 0", "alike"),
        ("LDO X", "alike"),
        ("SET v, normal(X, 0.001)", "random"),
        ("SET w.delay, X", "fixed before the run"),
        ("SIG X\nGET r0, noise", "reads one number"),
        ("SIG X\nRD noise", "reads one number"),
    ],
)
def test_what_needs_one_value_is_refused_at_its_place(line: str, why: str) -> None:
    text = f".const X = 1\nPOP cells, lif_critical, 2\nSYN w, cells, cells\nCON w, others\n{line}\nend:\nRUN 1 ms\n"
    with pytest.raises(BioasmError) as refused:
        bioasm.run(text, set={"X": [1, 0]}, seed=1)
    (found,) = refused.value.diagnostics
    assert found.code == "B603"
    assert why in found.message
    assert found.span.line == 5 + line.count("\n")


@pytest.mark.parametrize("name", ["dt", "feedback_interval"])
def test_fixed_parameters_are_refused(name: str) -> None:
    with pytest.raises(BioasmError, match="B603.*fixed before the run"):
        bioasm.run("ALC 2\nRUN 1 ms\n", set={name: ["0.1 ms", "0.2 ms"]}, seed=1)
    with pytest.raises(BioasmError, match="B603.*fixed before the run"):
        bioasm.run(f".const X = 0.1 ms\nSET {name}, X\nALC 2\nRUN 1 ms\n", set={"X": ["0.1 ms", "0.2 ms"]}, seed=1)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"I": ["1 nA", "1 mV"]}, "B006"),
        ({"S": ["1 mV", "2 mV", "-1 mV"]}, "B014"),
        ({"tau": ["10 ms", "0 ms"]}, "B116"),
        ({"nothing": [1, 2]}, "B405"),
        ({"S": []}, "B406"),
        ({"S": [0.001, None]}, "B406"),
        ({"tau": [0.01, 0.02], "lif_critical.tau": [0.01]}, "B406.*given twice"),
        ({"S": [1e-3] * 3}, "B406"),
    ],
)
def test_wrong_values_are_refused(given: dict[str, Any], what: str) -> None:
    with pytest.raises(BioasmError, match=what):
        bioasm.run(
            TWIN.replace("SET tau, TAU\n", ""), set=given, lanes=2 if len(next(iter(given.values()))) == 3 else None, seed=1
        )


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"lane_constants": {"S": (0.001, -0.001)}}, "B402"),
        ({"lane_constants": {"none": (1.0,)}}, "B405"),
        ({"lane_parameters": {"Vt": (float("nan"),)}}, "B116"),
        ({"lane_parameters": {"tau": (0.01, -0.01)}}, "B116"),
        ({"lane_parameters": {"nothing": (1.0,)}}, "B405"),
    ],
)
def test_options_of_a_run_are_checked_as_well(options: dict[str, Any], what: str) -> None:
    with pytest.raises(BioasmError, match=what):
        bioasm.run(TWIN.replace("SET tau, TAU\n", ""), lanes=2, seed=1, **options)


def test_drivers_without_them_refuse_by_name() -> None:
    class Alike(CpuDriver):
        by_lane = False

    with pytest.raises(BioasmError, match="B502.*driver cpu gives all lanes the same values"):
        bioasm.run(TWIN, set={"S": [0.001, 0.002]}, driver=Alike(), seed=1)


def test_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.basm").write_text(CASES["spins"][0])
    made = command("run", "p.basm", "--seed", 5, "--set-lanes", "T=0.5:4:8", "--json")
    assert (made.code, made.json["lanes"]) == (0, 8)
    assert made.json["extras"]["lane_values"]["T"] == np.linspace(0.5, 4, 8).tolist()
    twice = command("run", "p.basm", "--set-lanes", "T=1,2", "--set", "T=1")
    assert (twice.code, "B406" in twice.stderr) == (2, True)
    few = command("run", "p.basm", "--set-lanes", "T=1,2,3", "--lanes", 2)
    assert (few.code, "3 values for 2 lanes" in few.stderr) == (1, True)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("U=1,2", "B405]: --set-lanes U"),
        ("T=1,2 xx", "B005]: --set-lanes T=2 xx"),
        ("T=1:2", "B406]: --set-lanes T=1:2"),
        ("rule=x,y", "B406]: --set-lanes rule=x"),
    ],
)
def test_what_is_wrong_is_told_by_the_option_that_gave_it(
    values: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.basm").write_text(CASES["spins"][0])
    refused = command("run", "p.basm", "--set-lanes", values)
    assert (refused.code, told in refused.stderr) == (2, True)
