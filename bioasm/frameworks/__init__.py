"""Networks and cells of other frameworks (Rockpool's LIF layers, NIR graphs, NeuroML), read and written as programs."""

from __future__ import annotations

FORMATS: dict[str, str] = {
    "rockpool": "LIF layers of Rockpool, whose parameters become currents of DynapSE neurons: .json, .npz",
    "nir": "a NIR graph of LIF, IF, CubaLIF, LI and linear nodes, with subgraphs: .nir",
    "neuroml": "a cell of cable of a NeuroML 2 document, with its channels: .nml",
}
SUFFIXES = {".nir": "nir", ".nml": "neuroml"}

# The formats that networks are written in.
EXPORTS = ("nir",)


def read_network(content: bytes, source: str, form: str) -> str:
    """The text of a program for the network in a file of the format `form`, one of FORMATS.

    Raises BioasmError: B304 with what is wrong in it, B305 where a package is missing.
    """
    if form == "nir":
        from bioasm.frameworks.nir import read_graph

        return read_graph(content, source)
    if form == "neuroml":
        from bioasm.frameworks.neuroml import read_cell_document

        return read_cell_document(content, source)
    from bioasm.frameworks.rockpool import read_layers

    return read_layers(content, source)
