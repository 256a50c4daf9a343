"""The driver `gpu`: the machine's dynamics on a device, distributed over work items, bit-identical to the cpu driver."""
