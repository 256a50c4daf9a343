"""Problem files (graphs, QUBO, CNF, Ising couplings): how they are read and written as programs."""

from __future__ import annotations

FORMATS: dict[str, str] = {
    "gset": "a graph for max-cut: `n m`, then `i j weight` (rudy, G-set)",
    "qubo": "a QUBO of qbsolv: `p qubo ...`, nodes, couplers",
    "coo": "a QUBO as plain entries `i j value`, counted from 0",
    "matrix": "a QUBO as a matrix: .npy, .npz, .mtx",
    "bqm": "a binary quadratic model as JSON, as dimod serializes it",
    "bq": "a QUBO of a symmetric matrix: `n m`, then `i j value` (Biq Mac, MQLib, OR-Library)",
    "qplib": "a problem of QPLIB over bits without constraints",
    "opb": "a pseudo-boolean problem: `min: ... ;` and constraints",
    "terms": "a polynomial of any order as JSON: terms, or h and J (HUBO, Ising)",
    "dimod": "dimod's own file of a binary quadratic model, .bqm",
    "cqm": "dimod's own file of a constrained quadratic model, .cqm",
    "lp": "an LP file over bits, its constraints as penalties",
    "gml": "a graph as GML, for max-cut",
    "graphml": "a graph as GraphML",
    "edgelist": "a graph as a list of edges of networkx",
    "adjlist": "a graph as a list of neighbours of networkx",
    "nodelink": "a graph as node-link JSON",
    "dimacs": "a graph in DIMACS form: `p edge n m`, then `e u v`",
    "metis": "a graph of METIS",
    "cnf": "clauses in DIMACS form, cnf or wcnf",
    "ising": "a spin glass: `n m`, then `i j J` or `i i h`; or .npz with J, h, offset",
}

# The formats that problems are written in.
EXPORTS = ("qubo", "coo", "bq", "ising", "bqm", "dimod", "terms", "lp", "cnf", "gset")

# Other names of these.
ALIASES = {"rudy": "gset"}

# The formats that are no texts.
BINARY = ("dimod", "cqm")

# The formats whose objective may be maximised instead of minimised.
MAXIMIZABLE = ("qubo", "coo", "matrix", "bqm", "bq", "qplib", "opb", "terms", "dimod")

# How programs for spins minimise: by one fall of the temperature, several short ones, cycles that MERGE combines, blocks that
# BLK solves, a ladder of lanes that exchange components, particles between walls, or what suits the problem.
ANNEAL, RESTARTS, MERGE, STRIPS, TEMPER = "anneal", "restarts", "merge", "strips", "temper"
BIFURCATION, AUTO = "bifurcation", "auto"
SOLVERS = (ANNEAL, RESTARTS, MERGE, STRIPS, TEMPER, BIFURCATION, AUTO)
