"""The virtual machine: plain state, counter-based noise, compiled kernels and their host."""
