"""Plots of results with matplotlib: rasters, traces, energies, ISI histograms, phase planes, success over time."""

from __future__ import annotations

from bioasm.plot.kinds import KINDS, applicable
from bioasm.plot.pictures import Pictures, inline

__all__ = ["KINDS", "Pictures", "applicable", "inline"]
