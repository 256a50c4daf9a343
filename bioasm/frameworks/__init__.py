"""Networks of other frameworks (Rockpool's LIF layers, NIR graphs), read and written as programs."""

from __future__ import annotations

FORMATS: dict[str, str] = {
    "rockpool": "LIF layers of Rockpool, whose parameters become currents of DynapSE neurons: .json, .npz",
    "nir": "a NIR graph of LIF, IF, CubaLIF, LI and linear nodes, with subgraphs: .nir",
}
SUFFIXES = {".nir": "nir"}


def read_network(content: bytes, source: str, form: str) -> str:
    """The text of a program for the network in a file of the format `form`, one of FORMATS.

    Raises BioasmError: B304 with what is wrong in it, B305 where a package is missing.
    """
    if form == "nir":
        from bioasm.frameworks.nir import read_graph

        return read_graph(content, source)
    from bioasm.frameworks.rockpool import read_layers

    return read_layers(content, source)
