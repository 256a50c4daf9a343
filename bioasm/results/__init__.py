"""Results of runs: the Result, and how it is written to JSON, files and other libraries' objects."""

from bioasm.results.result import Reading, Recording, Result, Spikes

__all__ = ["Reading", "Recording", "Result", "Spikes"]
