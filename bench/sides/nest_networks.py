"""The other side of networks.py: networks of spiking neurons in NEST.

    python nest_networks.py CASE        (in an environment with nest-simulator==3.10.0)

CASE is a case of networks.py as JSON, with `short`, the seconds that are simulated before the clock starts. Prints the
processor time of `seconds` more, nothing built in it, the spikes a second of all neurons in that time, and NEST's version.

NEST has no delay below a step, so 0 becomes 0.1 ms. Conductances are solved by NEST's adaptive Runge-Kutta method, the only
one that its `iaf_cond_exp` has; Brian2 and we take steps of Euler's there. `iaf_psc_delta` is solved exactly, as ours.
"""

from __future__ import annotations

import json
import sys
import time

import nest

DT = 0.1  # ms
LEAK = 10.0  # nS, the leak that the weights of `coba` are multiples of
CELLS = {"coba": "iaf_cond_exp", "brunel": "iaf_psc_delta"}
UNITS = {"coba": (LEAK, -LEAK), "brunel": (1.0, 1.0)}  # what a weight of excitation and of inhibition is multiplied with
PARAMETERS = {
    "coba": {
        "C_m": 20 * LEAK,
        "g_L": LEAK,
        "E_L": -49.0,
        "E_ex": 0.0,
        "E_in": -80.0,
        "tau_syn_ex": 5.0,
        "tau_syn_in": 10.0,
        "V_th": -50.0,
        "V_reset": -60.0,
        "t_ref": 5.0,
        "V_m": -60.0,
    },
    "brunel": {
        "C_m": 1.0,
        "tau_m": 20.0,
        "E_L": 0.0,
        "V_th": 20.0,
        "V_reset": 10.0,
        "t_ref": 2.0,
        "V_m": 0.0,
        "refractory_input": True,  # what arrives at a refractory neuron counts, as on the other sides (NEST's decays meanwhile)
    },
}


def build(case):
    """Make the network; returns the recorder of its spikes."""
    n, delay = case["n"], max(case["delay"], DT)
    kind, first = case["kind"], 0
    cells, units = nest.Create(CELLS[kind], n, params=PARAMETERS[kind]), UNITS[kind]
    for part, weight, unit in zip((n * 4 // 5, n // 5), case["weights"], units, strict=True):
        rule = {"rule": "pairwise_bernoulli", "p": 0.02}
        if kind == "brunel":
            rule = {"rule": "fixed_indegree", "indegree": part // 10, "allow_multapses": False}
        nest.Connect(cells[first : first + part], cells, rule, {"weight": weight * unit, "delay": delay})
        first += part
    noise = nest.Create("poisson_generator", params={"rate": case["sources"] * case["rate"]})
    nest.Connect(noise, cells, syn_spec={"weight": case["weights"][0] * units[0], "delay": delay})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder, syn_spec={"delay": delay})
    return recorder


def main():
    """Build, simulate `short`, and clock what follows."""
    case = json.loads(sys.argv[1])
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=DT, local_num_threads=1, rng_seed=1)
    recorder = build(case)
    nest.Prepare()
    nest.Run(1e3 * case["short"])
    earlier = recorder.n_events
    before = time.process_time()
    nest.Run(1e3 * case["seconds"])
    spent = time.process_time() - before
    print(spent, (recorder.n_events - earlier) / case["seconds"], nest.__version__)


main()
