"""What a run returns: the Result and how it is written to JSON and files."""

from bioasm.results.result import Reading, Recording, Result, Spikes

__all__ = ["Reading", "Recording", "Result", "Spikes"]
