"""BioASM: an assembler and virtual machine for programs that make neurons compute."""

__version__ = "0.1.0"
