"""Comparing two drivers on one program: trajectories on the same noise, or statistics where each draws its own."""
