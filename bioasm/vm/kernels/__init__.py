"""The compiled part of the machine. They are imported only when a kernel has to be compiled."""
