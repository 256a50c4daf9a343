"""NIR graphs: neurons become populations, the linear maps between them projections, biases constant inputs."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from bioasm.diagnostics import EXIT_USAGE, error
from bioasm.frameworks.nir.graph import graph_of
from bioasm.frameworks.nir.program import program

HDF5 = b"\x89HDF\r\n\x1a\n"  # what every HDF5 file holds, mostly at its start
ORDER = "bioasm_order"  # of a graph's metadata: names of nodes as JSON, in the order in which they stand in the program


def read_graph(content: bytes, source: str) -> str:
    """The text of a program for the graph in a .nir file. Raises BioasmError: B304, B305 without the package nir."""
    nir = package()
    try:
        graph = nir.read(BytesIO(content), type_check=False)  # sizes are checked here, in words of ours
    except Exception as fault:  # what is wrong in a file can fail in any way inside of nir and h5py
        why = fault or type(fault).__name__ if HDF5 in content else "it is no HDF5 file"
        raise error("B304", f"{source} is no NIR graph: {why}") from fault
    return program(graph_of(graph.nodes, graph.edges, source, order_in(graph.metadata)))


def package() -> Any:
    """The package nir. Raises BioasmError B305 where it is not installed."""
    try:
        import nir
    except ImportError as cause:
        text, hint = "NIR graphs need the package nir, which is not installed", "pip install 'bioasm[nir]'"
        raise error("B305", text, hint=hint, exit_code=EXIT_USAGE) from cause
    return nir


def order_in(metadata: Any) -> tuple[str, ...]:
    """The order of nodes that a graph written by `bioasm export` tells; empty where it tells none."""
    try:
        said = json.loads(metadata[ORDER])
    except (TypeError, KeyError, ValueError, RecursionError):
        return ()
    return tuple(name for name in said if isinstance(name, str)) if isinstance(said, list) else ()
