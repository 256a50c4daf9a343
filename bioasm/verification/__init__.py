"""Differential verification of two drivers on one program: trajectories on common noise, or statistics on independent noise."""
