"""Problem files (graphs, QUBO, CNF, Ising couplings): how they are read and written as programs."""

from __future__ import annotations

FORMATS: dict[str, str] = {
    "gset": "a graph for max-cut: `n m`, then `i j weight` (rudy, G-set)",
    "qubo": "a QUBO of qbsolv: `p qubo ...`, nodes, couplers",
    "coo": "a QUBO as plain entries `i j value`, counted from 0",
    "matrix": "a QUBO as a matrix: .npy, .npz, .mtx",
    "bqm": "a binary quadratic model as JSON, as dimod serializes it",
    "cnf": "clauses in DIMACS form, cnf or wcnf",
    "ising": "a spin glass: `n m`, then `i j J` or `i i h`; or .npz with J, h, offset",
}

# The formats that are no texts.
BINARY: tuple[str, ...] = ()

# The formats whose objective may be maximised instead of minimised.
MAXIMIZABLE = ("qubo", "coo", "matrix")
