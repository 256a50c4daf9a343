"""The electrode map: the channels of each neuron, and the position, size and material of their electrodes.

A map is a table of comma-separated values. The first row names the columns; `#` starts a comment to the end of the line.

    neuron, channel, x_um, y_um, diameter_um, material
    0,      3,       0,    0,    30,          platinum
    0,      4,       0,    200,  30,          platinum
    1,      7,       200,  0,    30,          platinum
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, pi
from pathlib import Path
from typing import NamedTuple

from bioasm.diagnostics import BioasmError, Diagnostic, Span, did_you_mean
from bioasm.drivers.intan.probe_files import is_probe, table_of
from bioasm.files import unreadable
from bioasm.safety import MATERIALS, Electrode, Limits, LimitsTable
from bioasm.safety.materials import UNKNOWN

COLUMNS = {
    "neuron": "index of the neuron; empty: the electrode belongs to none",
    "channel": "channel of the board, from 0",
    "x_um": "place in micrometres",
    "y_um": "place in micrometres",
    "diameter_um": "diameter of a round electrode in micrometres",
    "area_um2": "area in square micrometres, in place of a diameter",
    "material": "; ".join(MATERIALS),
    "max_current_uA": "a limit of this electrode's own, in microamperes",
    "max_charge_nC": "a limit of this electrode's own per phase, in nanocoulombs",
    "stimulate": "yes or no; no keeps the electrode from stimulating",
}
_MOST_ROWS = 1 << 16
_MOST_ERRORS = 20
_WIDEST_UM = 1e4  # a size above a centimetre is an error of the unit, and would defeat the limit on charge density


@dataclass(frozen=True, slots=True)
class Site:
    """One electrode of a map. `place` is (x, y) in metres; `electrode` is None without a size."""

    channel: int
    neuron: int | None = None
    place: tuple[float, float] | None = None
    electrode: Electrode | None = None


@dataclass(frozen=True, slots=True)
class ElectrodeMap:
    """All electrodes of a map, in the order of its rows; `source` is the file, or another origin, for messages."""

    source: str
    sites: tuple[Site, ...]

    def channels(self, n: int) -> tuple[tuple[int, ...], ...]:
        """The channels of the neurons 0 to n - 1, a tuple each; empty where a neuron has none."""
        found: list[list[int]] = [[] for _ in range(n)]
        for site in self.sites:
            if site.neuron is not None and site.neuron < n:
                found[site.neuron].append(site.channel)
        return tuple(tuple(channels) for channels in found)

    @property
    def neurons(self) -> int:
        """The number of neurons, counted from 0, that all have a channel."""
        mapped = {site.neuron for site in self.sites}
        return next(k for k in range(len(mapped) + 1) if k not in mapped)

    def limits(self) -> LimitsTable:
        """The default limits, with the electrodes of known size; others may not stimulate."""
        return LimitsTable(Limits(), {site.channel: site.electrode for site in self.sites if site.electrode is not None})


def default_map(n: int, channels: int, electrode: Electrode | None) -> ElectrodeMap:
    """The default map: neuron i has the channels i, i + n, i + 2 n, ..., the same number for all neurons."""
    rounds = channels // n if n else 0
    return ElectrodeMap("default", tuple(Site(c, c % n, None, electrode) for c in range(rounds * n)))


def read_map(path: Path) -> ElectrodeMap:
    """The map in a file, a table or ProbeInterface's JSON.

    Raises BioasmError: B301 where it can't be read, B522 with every flawed line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as cause:
        raise unreadable(path, cause) from cause
    except UnicodeDecodeError:
        raise BioasmError(Diagnostic("B522", f"{path} is no text in UTF-8")) from None
    return parse_map(table_of(text, str(path)) if is_probe(text) else text, str(path))


def parse_map(text: str, source: str) -> ElectrodeMap:
    """The map in a text. Raises BioasmError B522 with every flawed line."""
    reader = _Reader(source)
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.partition("#")[0]
        if bare.strip():
            reader.take(number, bare)
    return reader.done()


class _Cell(NamedTuple):
    """One entry of the table and its place."""

    text: str
    line: int
    column: int


class _Reader:
    """Parser of lines to sites, which collects errors."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.columns: list[str] | None = None
        self.bad_heading = False
        self.line = ""
        self.sites: list[Site] = []
        self.lines: dict[int, int] = {}  # channel -> line
        self.errors: list[Diagnostic] = []

    def take(self, number: int, line: str) -> None:
        """Parse a nonempty line."""
        self.line, cells = line, list(_cells(line, number))
        if self.columns is None:
            self.columns = [cell.text for cell in cells]
            self._check_columns(cells)
            self.bad_heading = bool(self.errors)
        elif len(cells) > len(self.columns):
            self.fault(cells[len(self.columns)], f"this row has {len(cells)} entries; there are {len(self.columns)} columns")
        elif not self.bad_heading:  # rows under a wrong heading would only repeat its error
            self._row(dict(zip(self.columns, cells, strict=False)), cells[0])

    def done(self) -> ElectrodeMap:
        """The map, after all lines."""
        if not self.errors and not self.sites:
            self.errors.append(
                Diagnostic("B522", f"{self.source} has no electrodes", hint=f"its columns are {', '.join(COLUMNS)}")
            )
        if self.errors:
            raise BioasmError(*self.errors[:_MOST_ERRORS])
        return ElectrodeMap(self.source, tuple(self.sites))

    def fault(self, cell: _Cell, message: str, hint: str | None = None) -> None:
        """Keep an error at an entry."""
        span = Span(self.source, cell.line, cell.column, cell.column + max(1, len(cell.text)))
        self.errors.append(Diagnostic("B522", message, span, hint, self.line))

    def _check_columns(self, cells: Sequence[_Cell]) -> None:
        names = [cell.text for cell in cells]
        for at, cell in enumerate(cells):
            if cell.text not in COLUMNS:
                hint = did_you_mean(cell.text, COLUMNS) or f"the columns are {', '.join(COLUMNS)}"
                self.fault(cell, f"there is no column {cell.text!r}", hint)
            elif cell.text in names[:at]:
                self.fault(cell, f"the column {cell.text} stands there twice")
        if not self.errors and "channel" not in names:
            self.fault(
                cells[0],
                "the column channel is missing",
                "the first row names the columns, as in: neuron, channel, diameter_um",
            )
        if "diameter_um" in names and "area_um2" in names:
            self.fault(cells[names.index("area_um2")], "an electrode has a diameter or an area, not both")

    def _row(self, row: dict[str, _Cell], first: _Cell) -> None:
        before = len(self.errors)
        channel = self._whole(row.get("channel") or first._replace(text=""))
        neuron = self._whole(row["neuron"]) if row.get("neuron") and row["neuron"].text else None
        if "neuron" not in (self.columns or ()):
            neuron = len(self.sites)  # without the column, rows count neurons
        site = Site(channel or 0, neuron, self._place(row), self._electrode(row))
        if len(self.errors) > before:
            return
        if site.channel in self.lines:
            self.fault(row["channel"], f"channel {site.channel} stands in line {self.lines[site.channel]} already")
        elif len(self.sites) >= _MOST_ROWS:
            self.fault(first, f"there are more than {_MOST_ROWS} electrodes")
        else:
            self.lines[site.channel] = first.line
            self.sites.append(site)

    def _place(self, row: dict[str, _Cell]) -> tuple[float, float] | None:
        x, y = (self._number(row.get(name), -inf) for name in ("x_um", "y_um"))
        return (x * 1e-6, y * 1e-6) if x is not None and y is not None else None

    def _electrode(self, row: dict[str, _Cell]) -> Electrode | None:
        """The electrode, None without a size. Units are those of the columns' names."""
        diameter, area = (
            self._number(row.get("diameter_um"), 0, _WIDEST_UM),
            self._number(row.get("area_um2"), 0, _WIDEST_UM**2),
        )
        current, charge = self._number(row.get("max_current_uA")), self._number(row.get("max_charge_nC"))
        material, allowed = self._material(row.get("material")), self._yes(row.get("stimulate"))
        square = area if diameter is None else pi * diameter**2 / 4
        if square is None:
            return None
        electrode = Electrode(max(square, 1e-300) * 1e-12, material, allowed=allowed)
        if current is not None:
            electrode = replace(electrode, max_current=current * 1e-6)
        return electrode if charge is None else replace(electrode, max_charge=charge * 1e-9)

    # --- entries ------------------------------------------------------------------------------------

    def _whole(self, cell: _Cell) -> int | None:
        if cell.text.isascii() and cell.text.isdigit() and len(cell.text) <= 5 and int(cell.text) < 1 << 16:
            return int(cell.text)
        self.fault(cell, f"{cell.text or 'nothing'} stands where a whole number from 0 to 65535 belongs")
        return None

    def _number(self, cell: _Cell | None, above: float = 0.0, most: float = 1e9) -> float | None:
        """A number in (above, most]; None for an empty or wrong entry."""
        if cell is None or not cell.text:
            return None
        try:
            value = float(cell.text)
        except ValueError:
            value = inf
        if isfinite(value) and above < value <= most:
            return value
        wanted = f"a number more than 0 and at most {most:g}" if above == 0 else "a number"
        hint = "units stand in the names of the columns, so entries are bare numbers"
        self.fault(cell, f"{cell.text!r} stands where {wanted} belongs", hint)
        return None

    def _material(self, cell: _Cell | None) -> str:
        if cell is None or not cell.text:
            return UNKNOWN
        found = next((name for name in MATERIALS if name.lower() == cell.text.lower()), None)
        if found is None:
            self.fault(
                cell,
                f"there is no material {cell.text!r}",
                did_you_mean(cell.text, MATERIALS) or f"known are {', '.join(MATERIALS)}",
            )
        return found or UNKNOWN

    def _yes(self, cell: _Cell | None) -> bool:
        if cell is None or cell.text.lower() in ("", "yes", "no"):
            return cell is None or cell.text.lower() != "no"
        self.fault(cell, f"{cell.text!r} is neither yes nor no")
        return False


def _cells(line: str, number: int) -> Iterable[_Cell]:
    """The entries of a line, without the blanks around them."""
    at = 0
    for piece in line.split(","):
        text = piece.strip()
        yield _Cell(text, number, at + len(piece) - len(piece.lstrip()) + 1)
        at += len(piece) + 1
