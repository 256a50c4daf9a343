"""The verifier: dataflow analysis, checks of operands, sizes and semantics, and resolution of names to references."""
