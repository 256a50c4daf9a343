"""The gate: dataflow analysis, checks of operands, sizes and meaning, and resolution of names to references."""
