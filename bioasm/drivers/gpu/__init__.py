"""The driver `gpu`: the machine's dynamics on a device, shared out among work items, with the bytes of the cpu driver."""
