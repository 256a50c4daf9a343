"""Estimates of a run's demand before it starts: steps, recordings, memory and time."""
