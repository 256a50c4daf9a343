"""Record spike counts of random NIR graphs by norse, which test_nir_recorded.py holds programs against.

Run it in an environment with norse (1.1.0) and nir: python tests/frameworks/record_nir.py tests/frameworks/nir_counts.json
It needs nothing of BioASM. `graph` and `spikes` make each case anew from its seed, here and in the test.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

STEPS = 400
SHAPES = [(kind, shape) for kind in ("LIF", "IF") for shape in ("layer", "chain")] + [("LIF", "recurrent")]
CASES = [(kind, shape, dt, seed) for kind, shape in SHAPES for dt in (1e-3, 1e-4) for seed in (1, 2)]


def graph(kind: str, shape: str, dt: float, seed: int) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Nodes and edges of a case: one layer, two layers, or a layer that feeds itself. Numbers fit into 32 bits."""
    import nir

    rng = np.random.default_rng([seed, round(1 / dt), len(kind), len(shape)])
    nodes: dict[str, Any] = {"input": nir.Input(np.array([10]))}
    edges: list[tuple[str, str]] = []
    before, size = "input", 10
    for k in range(2 if shape == "chain" else 1):
        gain = 4e-3 / dt if kind == "LIF" else 0.25
        nodes[f"w{k}"] = nir.Linear(_short(gain * rng.uniform(-0.4, 1, (6, size))))
        nodes[f"n{k}"] = _cells(nir, kind, rng)
        edges += [(before, f"w{k}"), (f"w{k}", f"n{k}")]
        before, size = f"n{k}", 6
    if shape == "recurrent":
        nodes["back"] = nir.Linear(_short(4e-3 / dt * rng.uniform(-0.5, 0.5, (6, 6))))
        edges += [("n0", "back"), ("back", "n0")]
    nodes["output"] = nir.Output(np.array([6]))
    return nodes, [*edges, (before, "output")]


def _short(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32).astype(float)


def _cells(nir: Any, kind: str, rng: np.random.Generator) -> Any:
    n = 6
    values = {"r": np.ones(n), "v_threshold": _short(rng.uniform(0.8, 1.2, n)), "v_reset": np.zeros(n)}
    if kind == "LIF":
        values |= {"tau": _short(rng.uniform(5e-3, 2e-2, n)), "v_leak": np.zeros(n)}
    return getattr(nir, kind)(**values)


def spikes(dt: float, seed: int) -> np.ndarray:
    """Input spikes (steps, inputs)."""
    return (np.random.default_rng([seed, round(1 / dt)]).random((STEPS, 10)) < 0.15).astype(float)


def by_norse(nodes: dict[str, Any], edges: list[tuple[str, str]], dt: float, train: np.ndarray) -> list[int]:
    """Spikes of each output neuron."""
    import nir
    import norse.torch
    import torch

    network = norse.torch.from_nir(nir.NIRGraph(nodes, edges), dt=dt)
    state, count = None, torch.zeros(6)
    with torch.no_grad():
        for row in train:
            out, state = network(torch.tensor(row, dtype=torch.float32)[None], state)
            count += out[0]
    return [int(c) for c in count]


if __name__ == "__main__":
    found = []
    for kind, shape, dt, seed in CASES:
        nodes, edges = graph(kind, shape, dt, seed)
        counts = by_norse(nodes, edges, dt, spikes(dt, seed))
        print(kind, shape, dt, seed, counts)
        found.append({"kind": kind, "shape": shape, "dt": dt, "seed": seed, "counts": counts})
    with open(sys.argv[1], "w") as file:
        json.dump(found, file)
        file.write("\n")
