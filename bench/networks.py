"""Networks of spiking neurons, also with plastic connections: `bioasm` against NEST and Brian2 (compiled to C++ and Cython).

    python bench/networks.py [coba cuba brunel brunel10k plastic calm]      (in the environment of bench/README.md)

All sides simulate the same network on one pinned core, in turn, dt 0.1 ms, every spike recorded:

- `coba`: 4000 neurons with conductances (Vogels and Abbott), 2 % connected, and 300 Poisson spikes a second to each.
- `cuba`: 4000 neurons with synaptic voltages, solved exactly, 2 % connected, no input.
- `brunel`, `brunel10k`: 2500 and 10,000 delta neurons with in-degrees of 10 %, delays of 1.5 ms, g = 5, eta = 2. The
  Poisson spikes are counts on our side and NEST's, and `PoissonInput` (binomial counts) on Brian2's.
- `plastic`, `calm`: 1000 Poisson sources of 15 Hz on 1000 neurons, 10^6 connections that learn by the pair rule of STDP; the
  weights make the neurons fire at more than 100 Hz, and at 15 Hz.

NEST has no delay below a step, so its `coba` has delays of 0.1 ms. It is started with the interpreter NEST_PYTHON or, without
that, with ours; where it is absent its columns stay empty.

The clock is processor time. What a simulation costs is the difference between a run of SECONDS and a short one, so that
compiling, connecting and loading are on no side; Brian2's C++ standalone programs are built for both lengths, and are
timed as the processes that they are. NEST is built in a process of its own each round, and clocked after a short run. Each
line tells the rates that the sides found.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import brian2
import common
import numpy as np
from brian2 import Hz, ms, mV, second
from numpy.typing import NDArray

from bioasm.drivers.cpu import CpuDriver
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

SHORT = 0.02  # s
DELAY = 1.5  # ms
PEERS = ("NEST", "Brian2 C++", "Brian2 Cython")
NEST = Path(__file__).parent / "sides" / "nest_networks.py"
CALM = 0.0075  # weight of a connection of `calm`
NEURONS = {
    "coba": """
  state:
    v = -60 mV
    ge = 0
    gi = 0
  step:
    dv/dt = (ge*(0 mV - v) + gi*(-80 mV - v) - (v + 49 mV))/(20 ms) unless refractory
    dge/dt = -ge/(5 ms)
    dgi/dt = -gi/(10 ms)
  spike: v > -50 mV
  refractory: 5 ms
  reset:
    v := -60 mV
  receive exc:
    ge += weight
  receive inh:
    gi += weight
""",
    "cuba": """
  parameters:
    v0 = -60 mV
  state:
    v = v0
    ge = 0 mV
    gi = 0 mV
  step:
    dv/dt = (ge + gi - (v + 49 mV))/(20 ms) using exact unless refractory
    dge/dt = -ge/(5 ms) using exact
    dgi/dt = -gi/(10 ms) using exact
  spike: v > -50 mV
  refractory: 5 ms
  reset:
    v := -60 mV
  receive exc:
    weight : V
    ge += weight
  receive inh:
    weight : V
    gi += weight
""",
    "brunel": """
  state:
    v = 0 mV
  step:
    dv/dt = -v/(20 ms) using exact unless refractory
  spike: v >= 20 mV
  refractory: 2 ms
  reset:
    v := 10 mV
  receive:
    weight : V
    v += weight
""",
    "stdp": """
  state:
    v = -60 mV
    ge = 0
  step:
    dv/dt = (ge*(0 mV - v) + (-70 mV - v))/(10 ms)
    dge/dt = -ge/(5 ms)
  spike: v > -54 mV
  reset:
    v := -60 mV
  receive:
    ge += weight
""",
}


class Case(NamedTuple):
    """A network: what its neurons are, how many, what a spike adds (`unit`), and who sends random spikes to each."""

    kind: str
    n: int
    seconds: float
    weights: tuple[float, float]
    unit: str = ""
    sources: int = 0
    rate: float = 0.0  # Hz, of one source
    delay: float = 0.0  # ms

    @property
    def parts(self) -> tuple[int, int]:
        """How many neurons excite, and how many inhibit."""
        return self.n * 4 // 5, self.n // 5


def _brunel(n: int, seconds: float) -> Case:
    excites = n * 4 // 50
    jump = 0.1 * 1000 / excites  # mV: 0.1 with an in-degree of 1000
    return Case("brunel", n, seconds, (jump, -5 * jump), " mV", excites, 2 * 20 / (jump * excites * 20e-3), DELAY)


CASES = {
    "coba": Case("coba", 4000, 2.0, (0.6, 6.7), sources=1, rate=300.0),
    "cuba": Case("cuba", 4000, 2.0, (1.62, -9.0), " mV"),
    "brunel": _brunel(2500, 1.0),
    "brunel10k": _brunel(10000, 0.5),
    "plastic": Case("stdp", 1000, 1.0, (0.01, 0.0), sources=1000, rate=15.0),
    "calm": Case("stdp", 1000, 1.0, (CALM, 0.0), sources=1000, rate=15.0),
}

Pairs = tuple[NDArray[np.int32], NDArray[np.int32]]


def connections(case: Case) -> tuple[Pairs, Pairs]:
    """(source, target) of the connections that excite and of those that inhibit, sources counted in their part."""
    rng = np.random.default_rng(case.n)
    found = []
    for sources in case.parts:
        if case.kind == "brunel":
            source = np.concatenate([rng.choice(sources, sources // 10, replace=False) for _ in range(case.n)])
            target = np.repeat(np.arange(case.n), sources // 10)
        else:
            source, target = np.nonzero(rng.random((sources, case.n)) < 0.02)
        order = np.lexsort((target, source))
        found.append((source[order].astype(np.int32), target[order].astype(np.int32)))
    return found[0], found[1]


# --- our side -----------------------------------------------------------------------------------------


def plastic_program(case: Case, seconds: float) -> str:
    """The text of sources on neurons over connections that learn."""
    return f"""
.model cell {{{NEURONS[case.kind]}}}
    POP sources, relay, {case.sources}
    POP cells, cell, {case.n}
    SYN s, sources, cells
    CON s, all
    VIA s, stdp_pair
    SET s.w, uniform(0, 1)
    SET s.weight, {case.weights[0]}
    RATE sources, {case.rate} Hz, 1
    RUN {seconds} s
"""


def program(case: Case, seconds: float) -> str:
    """The text of a network; its neurons are two populations of one model."""
    if case.kind == "stdp":
        return plastic_program(case, seconds)
    lines = [
        f".model cell {{{NEURONS[case.kind]}}}",
        *(f"    POP {p}, cell, {n}" for p, n in zip("EI", case.parts, strict=True)),
    ]
    ports = {"E": "", "I": ""} if case.kind == "brunel" else {"E": ".exc", "I": ".inh"}
    for pre, weight, part in zip("EI", case.weights, case.parts, strict=True):
        rule = f"indegree, {part // 10}" if case.kind == "brunel" else "probability, 0.02"
        for post in "EI":
            name = f"from_{pre}_to_{post}"
            lines += [f"    SYN {name}, {pre}, {post}{ports[pre]}", f"    CON {name}, {rule}"]
            lines += [f"    SET {name}.weight, {weight}{case.unit}", f"    SET {name}.delay, {case.delay} ms"]
    lines += [
        f"    RATE {p}{ports['E']}, {case.sources * case.rate} Hz, {case.weights[0]}{case.unit}" for p in "EI" if case.rate
    ]
    if case.kind == "cuba":
        starts = np.random.default_rng(1).uniform(-0.06, -0.05, case.n)
        for p, part in zip("EI", np.split(starts, case.parts[:1]), strict=True):
            lines.append(f"    SET {p}.v0, {part.tolist()}")
    return "\n".join([*lines, f"    RUN {seconds} s", ""])


def ours(case: Case) -> Callable[[], float]:
    """The bioasm side, compiled and run once: seconds of processor time between the short and the long run."""
    texts = [program(case, seconds) for seconds in (SHORT, SHORT + case.seconds)]
    programs = [verify(assemble(text)) for text in texts]
    driver = CpuDriver()

    def run() -> float:
        spent = []
        for verified in programs:
            before = time.process_time()
            driver.run(verified, RunOptions(seed=1, threads=1))
            spent.append(time.process_time() - before)
        return spent[1] - spent[0]

    result = driver.run(programs[1], RunOptions(seed=1, threads=1))
    tell("bioasm", case, int(result.spike_count.ravel()[-case.n :].sum()) / (SHORT + case.seconds))
    return run


# --- Brian2's side ------------------------------------------------------------------------------------

EQUATIONS = {
    "coba": """dv/dt = (ge*(0*mV - v) + gi*(-80*mV - v) - (v + 49*mV))/(20*ms) : volt (unless refractory)
               dge/dt = -ge/(5*ms) : 1
               dgi/dt = -gi/(10*ms) : 1""",
    "cuba": """dv/dt = (ge + gi - (v + 49*mV))/(20*ms) : volt (unless refractory)
               dge/dt = -ge/(5*ms) : volt
               dgi/dt = -gi/(10*ms) : volt""",
    "brunel": "dv/dt = -v/(20*ms) : volt (unless refractory)",
    "stdp": """dv/dt = (ge*(0*mV - v) + (-70*mV - v))/(10*ms) : volt
               dge/dt = -ge/(5*ms) : 1""",
}
MEMBRANES: dict[str, dict[str, Any]] = {
    "coba": {"threshold": "v > -50*mV", "reset": "v = -60*mV", "refractory": 5 * ms, "method": "euler"},
    "cuba": {"threshold": "v > -50*mV", "reset": "v = -60*mV", "refractory": 5 * ms, "method": "exact"},
    "brunel": {"threshold": "v >= 20*mV", "reset": "v = 10*mV", "refractory": 2 * ms, "method": "exact"},
    "stdp": {"threshold": "v > -54*mV", "reset": "v = -60*mV", "method": "euler"},
}
PLASTIC = """w : 1
             dapre/dt = -apre/(20*ms) : 1 (event-driven)
             dapost/dt = -apost/(20*ms) : 1 (event-driven)"""
ON_PRE = """ge += {weight}*w
            apre += 0.01
            w = clip(w + apost, 0, 1)"""
ON_POST = """apost += -0.0105
             w = clip(w + apre, 0, 1)"""


def brian2_network(case: Case) -> tuple[brian2.Network, brian2.SpikeMonitor]:
    """The network as Brian2's documentation teaches it, and the monitor of its spikes."""
    cells = brian2.NeuronGroup(case.n, EQUATIONS[case.kind], **MEMBRANES[case.kind])
    if case.kind == "stdp":
        return plastic_network(case, cells)
    if case.kind != "brunel":
        cells.v = np.random.default_rng(1).uniform(-60, -50, case.n) * mV if case.kind == "cuba" else -60 * mV
    one = mV if case.unit else 1
    variables = ("v", "v") if case.kind == "brunel" else ("ge", "gi")
    groups, first = [], 0
    for variable, weight, part, (source, target) in zip(variables, case.weights, case.parts, connections(case), strict=True):
        adds = f"{variable} += {weight}{'*mV' * bool(case.unit)}"
        synapses = brian2.Synapses(cells[first : first + part], cells, on_pre=adds, delay=case.delay * ms)
        synapses.connect(i=source, j=target)
        groups.append(synapses)
        first += part
    if case.rate:
        groups.append(brian2.PoissonInput(cells, variables[0], case.sources, case.rate * Hz, weight=case.weights[0] * one))
    spikes = brian2.SpikeMonitor(cells)
    return brian2.Network(cells, *groups, spikes), spikes


def plastic_network(case: Case, cells: brian2.NeuronGroup) -> tuple[brian2.Network, brian2.SpikeMonitor]:
    """Sources on the neurons over connections that learn; all spikes are recorded, those of the sources too."""
    cells.v = -60 * mV
    sources = brian2.PoissonGroup(case.sources, rates=case.rate * Hz)
    synapses = brian2.Synapses(sources, cells, PLASTIC, on_pre=ON_PRE.format(weight=case.weights[0]), on_post=ON_POST)
    synapses.connect()
    synapses.w = "rand()"
    spikes = brian2.SpikeMonitor(cells)
    return brian2.Network(sources, cells, synapses, spikes, brian2.SpikeMonitor(sources)), spikes


def cython(case: Case) -> Callable[[], float]:
    """Brian2's Cython target, compiled and run once: processor seconds of a run."""
    network, spikes = brian2_network(case)

    def run() -> float:
        before = time.process_time()
        network.run(case.seconds * second)
        return time.process_time() - before

    network.run((SHORT + case.seconds) * second)
    tell("Brian2 Cython", case, spikes.num_spikes / (SHORT + case.seconds))
    return run


def standalone(case: Case, folder: Path) -> Callable[[], float]:
    """Brian2's C++ programs of a short and a long run: the difference of their processor seconds."""
    named = f"{case.kind}_{case.n}_{case.weights[0]}"
    places = [_built(case, seconds, folder / f"{named}_{seconds}") for seconds in (SHORT, SHORT + case.seconds)]

    def run() -> float:
        spent = []
        for place in places:
            before = _of_children()
            subprocess.run([str(place / "main")], cwd=place, check=True, stdout=subprocess.DEVNULL)
            spent.append(_of_children() - before)
        return spent[1] - spent[0]

    return run


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _built(case: Case, seconds: float, folder: Path) -> Path:
    """The folder of a compiled program; it was run once, and its spikes told if it is the long one."""
    brian2.set_device("cpp_standalone", build_on_run=False)
    brian2.device.reinit()
    brian2.device.activate(build_on_run=False)
    network, spikes = brian2_network(case)
    network.run(seconds * second)
    brian2.device.build(directory=str(folder), compile=True, run=True, with_output=False)
    if seconds > SHORT:
        tell("Brian2 C++", case, spikes.num_spikes / seconds)
    return folder


# --- NEST's side --------------------------------------------------------------------------------------


def nest(case: Case) -> Callable[[], float] | None:
    """NEST in a process of its own: processor seconds after a short run; None where NEST is absent or the case not written."""
    interpreter = os.environ.get("NEST_PYTHON") or sys.executable
    found = subprocess.run([interpreter, "-c", "import nest"], capture_output=True, check=False)
    if found.returncode or case.kind not in ("coba", "brunel"):
        return None
    command = [interpreter, str(NEST), json.dumps({**case._asdict(), "short": SHORT})]

    def simulate() -> tuple[str, str, str]:
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        spent, spikes, version = printed.splitlines()[-1].split()
        return spent, spikes, version

    _, spikes, version = simulate()
    tell(f"NEST {version}", case, float(spikes))
    return lambda: float(simulate()[0])


# --- all ---------------------------------------------------------------------------------------------


def tell(side: str, case: Case, spikes: float) -> None:
    """Print a side's rate, so that a reader sees that all do the same work."""
    print(f"{side:13} {case.kind} {case.n}: {spikes / case.n:.1f} spikes/s a neuron", flush=True)


def measure(name: str, case: Case, rounds: int, folder: Path) -> list[str]:
    """One row of the table: processor milliseconds of a second of biology, and how many times as long the peers take."""
    cpp = standalone(case, folder)
    brian2.set_device("runtime")
    sides = {"bioasm": ours(case), "NEST": nest(case), "Brian2 C++": cpp, "Brian2 Cython": cython(case)}
    samples = common.in_turn({side: run for side, run in sides.items() if run}, rounds)
    times = [f"{1e3 * statistics.median(samples[side]) / case.seconds:.0f}" if run else "" for side, run in sides.items()]
    ratios = [f"{common.ratio(samples[side], samples['bioasm']):.1f}" if sides[side] else "" for side in PEERS]
    return [name, *times, *ratios]


def main() -> None:
    """Measure the networks that are named, or all, and print the table."""
    brian2.prefs.codegen.target = "cython"
    brian2.defaultclock.dt = 0.1 * ms
    common.start("Networks, processor milliseconds for 1 s of biological time", "brian2", "numpy", "llvmlite")
    with tempfile.TemporaryDirectory() as folder:
        rows = [tuple(measure(name, CASES[name], 5, Path(folder))) for name in sys.argv[1:] or CASES]
    print()
    common.table(("network", "bioasm", *PEERS, *(f"{peer} / bioasm" for peer in PEERS)), rows)


if __name__ == "__main__":
    main()
