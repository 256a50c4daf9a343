"""Brian2 as a reference: the same bytecode on an independent simulator, without any of the compiled kernels."""
