"""NeuroML 2: a cell of cable, its segment groups as regions, and its channels, as a program."""

from __future__ import annotations


def read_cell_document(content: bytes, source: str) -> str:
    """The text of a program with the cell of a NeuroML document. Raises BioasmError B304 at the line of what is wrong."""
    from bioasm.frameworks.neuroml.document import read_document
    from bioasm.frameworks.neuroml.program import program_text

    return program_text(read_document(content, source))
