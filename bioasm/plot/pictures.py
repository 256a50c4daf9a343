"""Composition of figures: panels of one or several kinds in one figure, as an object, in notebooks and as files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bioasm.diagnostics import EXIT_USAGE, did_you_mean, error
from bioasm.plot.kinds import KINDS, SHOWN_FIRST, Choice, Kind, Named, applicable
from bioasm.plot.style import in_page, new_figure, nothing, rendered, settle, style
from bioasm.results import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_OVER_TIME = ("energy", "success")


class Panel(NamedTuple):
    """One panel: its kind and its results."""

    kind: Kind
    named: Named


class Picture(NamedTuple):
    """A figure and its alternative text."""

    figure: Figure
    alt: str


def panels(named: Named, kinds: Sequence[str], choice: Choice) -> list[Panel]:
    """The panels of these kinds. Raises BioasmError B314 for one that is not applicable, B306 for an unknown kind."""
    found: list[Panel] = []
    for name in kinds or _first_kinds(named, choice):
        if name not in KINDS:
            hint = did_you_mean(name, KINDS) or f"there are {', '.join(KINDS)}"
            raise error("B306", f"there is no picture of kind {name}", hint=hint, exit_code=EXIT_USAGE)
        found += _of_kind(KINDS[name], named, choice)
    return found


def _first_kinds(named: Named, choice: Choice) -> list[str]:
    """The default kinds: the first three applicable to all results."""
    common = [name for name in SHOWN_FIRST if all(name in applicable(result, choice) for _, result in named)]
    if not common:
        raise nothing("no energy, no spikes and no recording", "add REC v, 1 ms to the program, or name a --kind")
    return common


def _of_kind(kind: Kind, named: Named, choice: Choice) -> Iterator[Panel]:
    for label, result in named:
        if not 0 <= choice.lane < result.lanes:
            raise error("B306", f"{label} has no lane {choice.lane}: there are {result.lanes}", exit_code=EXIT_USAGE)
        lacking = kind.lacks(result, choice)
        if lacking:
            others = applicable(result, choice)
            raise nothing(f"{lacking} in {label}", f"it has {', '.join(others)}" if others else "it has no picture of any kind")
    yield from (Panel(kind, together) for together in (_shared(kind, named) if kind.shared else [[one] for one in named]))


def _shared(kind: Kind, named: Named) -> Iterator[Named]:
    """Group results that share a panel: over time, those with the same clock, sweeps or seconds."""
    for unit in dict.fromkeys(result.clock_unit for _, result in named) if kind.name in _OVER_TIME else [None]:
        yield [(label, result) for label, result in named if unit in (None, result.clock_unit)]


def _said(panel: Panel, of: int, choice: Choice) -> str:
    """Alternative text of a panel, with the name of its result where there are several."""
    alone = of > 1 and len(panel.named) == 1 and panel.kind.name in _OVER_TIME
    return f"{panel.named[0][0] + ': ' if alone else ''}{panel.kind.alt(panel.named, choice)}"


def picture(found: Sequence[Panel], choice: Choice, title: str = "") -> Picture:
    """One figure with stacked panels."""
    labels = {label for panel in found for label, _ in panel.named}
    with style():
        figure = new_figure(sum(panel.kind.height for panel in found) + (0.3 if title else 0.0))
        parts = figure.subfigures(len(found), 1, squeeze=False, height_ratios=[panel.kind.height for panel in found])[:, 0]
        for part, panel in zip(parts, found, strict=True):
            panel.kind.draw(part, panel.named, choice)
            if len(labels) > 1 and len(panel.named) == 1:
                part.suptitle(panel.named[0][0], x=0.01, ha="left", fontsize=9)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        settle(figure)
    return Picture(figure, " ".join(_said(panel, len(labels), choice) for panel in found))


def inline(result: Result, most: int) -> Iterator[str]:
    """The first plots of a result as inline SVG."""
    for number, name in enumerate([n for n in SHOWN_FIRST if n in applicable(result)][:most]):
        drawn = picture(panels([("", result)], [name], Choice()), Choice())
        yield in_page(rendered(drawn.figure, "svg", drawn.alt, transparent=True), number)


class Pictures:
    """Pictures of one result: `plot.raster()` and so on are matplotlib Figures, `plot.save(path)` writes files."""

    def __init__(self, result: Result) -> None:
        self.result = result

    def __dir__(self) -> list[str]:
        return [*KINDS, "kinds", "save"]

    def __getattr__(self, name: str) -> Any:
        if name not in KINDS:
            raise AttributeError(f"no picture of kind {name!r}: there are {', '.join(KINDS)}")

        def draw(lane: int = 0, target: float | None = None) -> Figure:
            """The Figure of this kind. Raises BioasmError B314 where the result has nothing for it."""
            choice = Choice(lane, target)
            return picture(panels([("the result", self.result)], [name], choice), choice).figure

        return draw

    @property
    def kinds(self) -> list[str]:
        """The kinds that this result has something for."""
        return applicable(self.result)

    def save(self, path: str | Path, *kinds: str, lane: int = 0, target: float | None = None) -> None:
        """Write the kinds, by default energy, raster and traces as far as there are, to a file (.svg, .png, .pdf, .html)."""
        from bioasm.plot.files import write

        write([("the result", self.result)], path, kinds, Choice(lane, target))
