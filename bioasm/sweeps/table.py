"""The table of a sweep: a row for each point, with its settings, seed, status, energies, spikes and numbers of OUT."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bioasm.sweeps.numbers import numbers
from bioasm.sweeps.plan import Point
from bioasm.sweeps.store import Store

Columns = dict[str, list[Any]]


def table(store: Store, points: Sequence[Point], known: Mapping[str, dict[str, Any]] = MappingProxyType({})) -> Columns:
    """The columns by name; None for missing values and results.

    `known` are the numbers of results, by the names of points; others are read from files.
    """
    rows = [_row(store, point, known.get(point.name)) for point in points]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def to_csv(columns: Columns) -> bytes:
    """The table as CSV in UTF-8; numbers read back exactly."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def _row(store: Store, point: Point, known: dict[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {**dict(point.settings), "seed": point.seed}
    if known is not None or store.has(point):
        return {**row, **(known or numbers(store.load(point))), "file": f"results/{point.name}.npz"}
    failed = any(store.failure(job) is not None for job in point.jobs)
    return {**row, "status": "failed" if failed else "missing"}
