"""Words of a cell's text that networks of cells know too; alone here, since most programs have no cell that must be read."""

from __future__ import annotations

METHODS = ("implicit", "crank_nicolson")
RESERVED = "cv"  # `cells_cv` are the CVs of cells, so that no place that sees spikes has this name
