"""NIR graphs: neurons become populations, the linear maps between them projections, biases constant inputs."""

from __future__ import annotations

from io import BytesIO

from bioasm.diagnostics import EXIT_USAGE, error
from bioasm.frameworks.nir.graph import graph_of
from bioasm.frameworks.nir.program import program

HDF5 = b"\x89HDF\r\n\x1a\n"  # what every HDF5 file holds, mostly at its start


def read_graph(content: bytes, source: str) -> str:
    """The text of a program for the graph in a .nir file. Raises BioasmError: B304, B305 without the package nir."""
    try:
        import nir
    except ImportError as cause:
        text, hint = "NIR graphs need the package nir, which is not installed", "pip install 'bioasm[nir]'"
        raise error("B305", text, hint=hint, exit_code=EXIT_USAGE) from cause
    try:
        graph = nir.read(BytesIO(content), type_check=False)  # sizes are checked here, in words of ours
    except Exception as fault:  # what is wrong in a file can fail in any way inside of nir and h5py
        why = fault or type(fault).__name__ if HDF5 in content else "it is no HDF5 file"
        raise error("B304", f"{source} is no NIR graph: {why}") from fault
    return program(graph_of(graph.nodes, graph.edges, source))
