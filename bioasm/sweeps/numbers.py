"""The columns of a Result in the table of a sweep: status, energies, spikes and numbers of OUT."""

from __future__ import annotations

from typing import Any

import numpy as np

from bioasm.results import Result


def numbers(result: Result) -> dict[str, Any]:
    """The numbers by the names of their columns, as Python's own types."""
    seen = result.best_energy[~np.isnan(result.best_energy)]
    row: dict[str, Any] = {"status": result.status, "steps": int(result.steps)}
    if seen.size:
        row |= {"best_energy": float(seen.min()), "mean_best_energy": float(seen.mean())}
    if result.spike_count.any():
        row["spikes"] = int(result.spike_count.sum())
    for reading in result.results:
        if isinstance(reading.value, float):
            row[_free(reading.what, row)] = float(reading.value)
    return row


def _free(name: str, row: dict[str, Any]) -> str:
    """An unused column name: a repeated `rate` becomes `rate.2`, and so on."""
    again = 1
    while (name if again == 1 else f"{name}.{again}") in row:
        again += 1
    return name if again == 1 else f"{name}.{again}"
