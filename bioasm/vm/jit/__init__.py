"""A compiler of the Python subset that kernels are written in: typed when called (as templates are), printed as LLVM IR."""
