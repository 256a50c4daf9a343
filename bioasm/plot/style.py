"""Style of plots, and reproducible rendering: fonts, colours, fixed hash salt, no dates."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from bioasm.diagnostics import error
from bioasm.extras import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bioasm.results import Result

# Readable on white and on black.
BLUE, ORANGE, GREEN, PINK, VIOLET, GREY = "#3b82d6", "#e0752d", "#2f9e5f", "#d0487a", "#8a63d2", "#8a8f98"
CYCLE = (BLUE, ORANGE, GREEN, PINK, VIOLET, GREY)
INK = "#16191d"  # colour of text and axes, which pages replace by their own
WIDTH = 8.0
DPI = 150
MANY = 4000  # marks from which they are rasterised within a vector image
_POINTS = 600  # columns to which a long trace is decimated
_STYLE = {
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.formatter.useoffset": False,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "svg.hashsalt": "bioasm",
    "svg.fonttype": "none",
    "path.simplify": True,
}
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "BioASM"},
    "pdf": {"CreationDate": None, "Creator": "BioASM", "Producer": None},
    "png": {"Software": None},
}


@contextmanager
def style() -> Iterator[None]:
    """Context manager of the style of plots. Raises BioasmError B312 without matplotlib."""
    require("matplotlib", "plot", "a picture")
    import matplotlib
    from cycler import cycler

    look: dict[Any, Any] = {**_STYLE, "axes.prop_cycle": cycler(color=CYCLE)}
    with matplotlib.rc_context(look):
        yield


def new_figure(height: float) -> Figure:
    """An empty figure without a window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained")


def settle(figure: Figure) -> None:
    """Compute the layout once, with rounded positions: the solver's last digits depend on memory addresses."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        x, y, width, height = (round(number, 4) for number in axes.get_position(original=True).bounds)
        axes.set_position((x, y, width, height))


def rendered(figure: Figure, form: str, alt: str, *, transparent: bool = False) -> bytes:
    """Render a figure as svg, png or pdf, with the alternative text `alt`."""
    made = io.BytesIO()
    with style():
        figure.savefig(made, format=form, dpi=DPI, metadata=_METADATA[form], transparent=transparent)
    return _with_words(_numbered(made.getvalue().decode()), alt).encode() if form == "svg" else made.getvalue()


def _numbered(svg: str) -> str:
    """The SVG with numbered ids in place of hashed ones, because hashes include digits that are not written."""
    names: dict[str, str] = {}
    for name in re.findall(r'id="([a-z]+[0-9a-f]{10})"', svg):
        names.setdefault(name, f"{name[0]}{len(names) + 1}")
    return re.sub(r"\b[a-z]+[0-9a-f]{10}\b", lambda found: names.get(found[0], found[0]), svg)


def _with_words(svg: str, alt: str) -> str:
    """The SVG with its description for screen readers, and without a document type."""
    start = svg.index("<svg")
    head, _, rest = svg[start:].partition(">")
    return f'{head} role="img" aria-label="{escape(alt)}">\n <desc>{escape(alt)}</desc>{rest}'


def in_page(svg: bytes, number: int) -> str:
    """The SVG for embedding in a page: with the page's colours, and unique ids."""
    head, _, rest = svg.decode().partition(">")
    head = re.sub(r' (width|height|xmlns|xmlns:xlink|version)="[^"]*"', "", head)
    text = f"{head}>{re.sub(r'<metadata>.*?</metadata>', '', rest, flags=re.DOTALL)}".replace(INK, "currentColor")
    return re.sub(r'(?<=id=")|(?<=href="#)|(?<=url\(#)', f"p{number}-", text)


# --- numbers on axes ---------------------------------------------------------------------------------

_PREFIXES = {1e-12: "p", 1e-9: "n", 1e-6: "µ", 1e-3: "m", 1.0: "", 1e3: "k", 1e6: "M", 1e9: "G"}
_PREFIXED = frozenset({"s", "V", "A", "Hz", "ohm", "F", "S", "C", "m"})


def scale_of(values: Any, unit: str) -> tuple[float, str]:
    """The factor and the prefixed unit for displaying values: 0.003 s as 3 ms."""
    if unit not in _PREFIXED:
        return 1.0, unit
    finite = np.abs(np.asarray(values, np.float64)[np.isfinite(values)])
    largest = float(finite.max()) if finite.size else 1.0
    size = max((step for step in _PREFIXES if step <= largest * 1.0000001), default=1e-12) if largest else 1.0
    return 1.0 / size, _PREFIXES[size] + unit


def with_unit(name: str, unit: str) -> str:
    """The label of an axis."""
    return f"{name} ({unit})" if unit else name


def which_lane(result: Result, lane: int) -> str:
    """The suffix of a title with the lane, where there are several."""
    return f", lane {lane} of {result.lanes}" if result.lanes > 1 else ""


def reduced(x: Any, y: Any) -> tuple[Any, Any]:
    """Min-max decimation of a long trace: the lowest and the highest value of each column, in order; short ones unchanged."""
    if len(x) <= 2 * _POINTS:
        return x, y
    width = -(-len(x) // _POINTS)
    whole = len(x) // width * width
    columns = y[:whole].reshape(-1, width)
    first = np.arange(len(columns)) * width
    low, high = columns.argmin(axis=1), columns.argmax(axis=1)
    kept = np.sort(np.stack([first + low, first + high]), axis=0).T.ravel()
    kept = np.unique(np.concatenate([[0], kept, np.arange(whole, len(x)), [len(x) - 1]]))
    return x[kept], y[kept]


def nothing(what: str, hint: str) -> Exception:
    """The error that a result has nothing to plot."""
    return error("B314", f"there is nothing to draw: {what}", hint=hint)
