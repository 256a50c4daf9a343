"""Tests of the room `bioasm/sweeps/`: pieces, merging, plans, executors."""
