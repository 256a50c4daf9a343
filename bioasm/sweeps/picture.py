"""Plots of sweeps: a column of the table over one setting, with quartiles, or over two, as a heat map of medians."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import EXIT_USAGE, did_you_mean, error
from bioasm.plot.style import BLUE, new_figure, rendered, settle, style
from bioasm.settings import NUMBER
from bioasm.sweeps.store import TABLE

_FIRST = ("best_energy", "spikes")  # the default column, unless the program emits a number
_OF_RUNS = frozenset({"seed", "status", "steps", "best_energy", "mean_best_energy", "spikes", "file"})
_MOST_TICKS = 12


class Axis(NamedTuple):
    """The axis of a setting: its values as written, their positions, and its name with the unit.

    It is `numeric` where all values are numbers of one unit, which are then the positions.
    """

    name: str
    texts: tuple[str, ...]
    places: NDArray[np.float64]
    label: str
    numeric: bool


def drawn(folder: str, form: str, reading: str | None, over: Sequence[str]) -> bytes:
    """The picture of a sweep's table. Raises BioasmError B301, B314, B406."""
    rows = _rows(Path(folder) / TABLE)
    settings = [name for name in rows[0] if name not in _OF_RUNS and name in _before_seed(rows[0])]
    axes = [_axis(name, rows) for name in _chosen(over, settings, rows)]
    what = _reading(reading, rows, settings)
    with style():
        figure = new_figure(3.4 if len(axes) == 1 else 4.2)
        alt = _line(figure, what, rows, axes[0]) if len(axes) == 1 else _heat(figure, what, rows, axes[0], axes[1])
        settle(figure)
    return rendered(figure, form, alt)


# --- the table ----------------------------------------------------------------------------------------


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get("status") not in (None, "failed", "missing")]
    except (OSError, UnicodeDecodeError, csv.Error) as cause:
        raise error("B301", f"{path} can't be read: {cause}", hint="`bioasm sweep` writes it at its end") from None
    if not rows:
        raise error("B314", f"{path} has no row of a point that has ended")
    return rows


def _before_seed(row: dict[str, str]) -> list[str]:
    """The columns of settings, which precede that of the seed."""
    names = list(row)
    return names[: names.index("seed")] if "seed" in names else []


def _chosen(over: Sequence[str], settings: list[str], rows: list[dict[str, str]]) -> list[str]:
    """The settings of the axes: those named, else the first two with several values."""
    for name in over:
        if name not in settings:
            text = f"--over {name}: the sweep has no such setting"
            raise error("B406", text, hint=did_you_mean(name, settings), exit_code=EXIT_USAGE)
    if len({*over}) != len(over) or len(over) > 2:
        raise error("B406", "--over names one setting, or two that differ", exit_code=EXIT_USAGE)
    found = list(over) or [name for name in settings if len({row[name] for row in rows}) > 1][:2]
    if not found:
        raise error("B314", "no setting of the sweep has several values", hint="bioasm sweep P --set NAME=1:10:10 ...")
    return found


def _reading(name: str | None, rows: list[dict[str, str]], settings: list[str]) -> str:
    """The plotted column."""
    others = (*settings, "seed", "status", "file")
    known = [column for column in rows[0] if column not in others and _numbers(rows, column).size]
    if name is not None and name not in known:
        text = f"--reading {name}: the table has no such column of numbers; it has {', '.join(known) or 'none'}"
        raise error("B406", text, hint=did_you_mean(name, known), exit_code=EXIT_USAGE)
    emitted = [column for column in known if column not in _OF_RUNS]
    found = ([name] if name else []) + emitted + [column for column in _FIRST if column in known]
    if not found:
        raise error("B314", "the program emits no number, and has no energy and no spikes", hint="let it OUT what it computes")
    return found[0]


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def _numbers(rows: Sequence[dict[str, str]], column: str) -> NDArray[np.float64]:
    found = np.array([_number(row[column]) for row in rows])
    return np.asarray(found[np.isfinite(found)])


def _axis(name: str, rows: list[dict[str, str]]) -> Axis:
    """The axis of a setting: numeric positions where all values are numbers of one unit, else categories."""
    texts = tuple(dict.fromkeys(row[name] for row in rows))
    parts = [NUMBER.fullmatch(text) for text in texts]
    units = {part[2] for part in parts if part is not None}
    if None in parts or len(units) > 1:
        return Axis(name, texts, np.arange(len(texts), dtype=np.float64), name, False)
    places = np.array([float(part[1].replace("_", "")) for part in parts if part is not None])
    order = np.argsort(places, kind="stable")
    unit = units.pop()
    return Axis(name, tuple(texts[k] for k in order), places[order], f"{name} ({unit})" if unit else name, True)


# --- pictures -----------------------------------------------------------------------------------------


def _line(figure: Any, what: str, rows: list[dict[str, str]], axis: Axis) -> str:
    """Plot median and quartiles over one setting; returns the alternative text."""
    groups = [_numbers([row for row in rows if row[axis.name] == text], what) for text in axis.texts]
    low, middle, high = (np.array([np.quantile(g, q) if g.size else np.nan for g in groups]) for q in (0.25, 0.5, 0.75))
    axes = figure.add_subplot()
    axes.fill_between(axis.places, low, high, color=BLUE, alpha=0.25, linewidth=0, label="quartiles")
    axes.plot(axis.places, middle, color=BLUE, marker="o", markersize=3.5, label="median")
    axes.set(xlabel=axis.label, ylabel=what, title=f"{what} over {axis.name}")
    if not axis.numeric:
        axes.set_xticks(axis.places, axis.texts)
    axes.legend()
    each = max(len(group) for group in groups)
    return f"{what} over {axis.name}: {_extremes(middle, lambda k: f'{axis.name} = {axis.texts[k]}')}, of {each} points each"


def _heat(figure: Any, what: str, rows: list[dict[str, str]], across: Axis, up: Axis) -> str:
    """Plot a heat map of medians over two settings; returns the alternative text."""
    of: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        of.setdefault((row[up.name], row[across.name]), []).append(row)
    cells = [[_numbers(of.get((y, x), []), what) for x in across.texts] for y in up.texts]
    middle = np.array([[np.median(cell) if cell.size else np.nan for cell in row] for row in cells])
    axes = figure.add_subplot()
    image = axes.imshow(middle, origin="lower", aspect="auto", cmap="viridis", interpolation="nearest")
    figure.colorbar(image, ax=axes, label=f"median of {what}")
    for axis, put in ((across, axes.set_xticks), (up, axes.set_yticks)):
        shown = range(0, len(axis.texts), -(-len(axis.texts) // _MOST_TICKS))
        put(list(shown), [f"{axis.places[k]:g}" if axis.numeric else axis.texts[k] for k in shown])
    axes.spines[:].set_visible(False)
    axes.set(xlabel=across.label, ylabel=up.label, title=f"{what} over {across.name} and {up.name}")

    def where(k: int) -> str:
        y, x = divmod(k, len(across.texts))
        return f"{across.name} = {across.texts[x]}, {up.name} = {up.texts[y]}"

    return f"{what} over {across.name} and {up.name}: {_extremes(middle.ravel(), where)}"


def _extremes(middle: NDArray[np.float64], where: Callable[[int], str]) -> str:
    if not np.isfinite(middle).any():
        return "no value"
    least, most = int(np.nanargmin(middle)), int(np.nanargmax(middle))
    return f"the median is lowest at {where(least)} ({middle[least]:.6g}) and highest at {where(most)} ({middle[most]:.6g})"
