"""The machine: plain state, counter-based noise, compiled kernels and the host that serves them."""
