"""Human-readable summary of a Result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bioasm.results.content import content
from bioasm.results.result import Result
from bioasm.units import Dimension, spell

# Larger arrays are abbreviated to their first and last entries.
_SHOWN_ENTRIES = 64
_SHOWN_SPIKES = 6
_WIDTH = 100


def summary(result: Result) -> str:
    """Aligned lines with the run, its results in program order, energies, spikes and times."""
    readings = [(reading["what"], reading["value"]) for reading in content(result)["results"]]
    lines = [(_label(what), _shown(value, "events" if what in result.events else "spikes")) for what, value in readings]
    lines += list(_facts(result))
    width = max(len(label) for label, _ in lines)
    indent = "\n" + " " * (width + 2)
    return "".join(f"{label:<{width}}  {text.replace(chr(10), indent)}\n" for label, text in lines)


def headline(result: Result) -> str:
    """The driver and the run's size in one line: `driver cpu, model ising, n 800, lanes 1, seed 7`."""
    return f"driver {result.driver}, model {result.model}, n {result.n}, {_which_lanes(result)}, seed {result.seed}"


def _which_lanes(result: Result) -> str:
    piece = result.piece
    if piece is None:
        return f"lanes {result.lanes}"
    return f"lanes {piece.first_lane} to {piece.first_lane + result.lanes - 1} of {piece.all_lanes}"


def one_line(result: Result) -> str:
    """The run in one line: status, model and driver, the best energy, spikes, and the number of results."""
    facts = [f"{label} {text}" for label, text in _facts(result) if label in ("best energy", "spikes")]
    counted = f"{len(result.results)} result{'s' if len(result.results) != 1 else ''}"
    return "; ".join([result.status, headline(result), *facts, counted])


def _label(what: str) -> str:
    return what if what.isprintable() else repr(what)


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    if not np.isnan(result.best_energy).all():
        yield "best energy", _over_lanes(result.best_energy)
        if result.in_bits:
            yield "best bits", _bits(result)
    if result.spikes.t.size or result.spike_count.any():
        yield "spikes", f"{int(result.spike_count.sum()):,}"
    if result.events:
        yield "events", ", ".join(f"{name} {times.t.size:,}" for name, times in result.events.items())
    yield "ran", f"{_duration(result)}{'' if result.status == 'finished' else f' ({result.status})'}"


def _bits(result: Result) -> str:
    """The best state of all lanes in the problem's bits, by name where its variables have names."""
    bits = (1 + result.best_state[int(np.nanargmin(result.best_energy))].astype(int)) // 2
    said = [f"{name}={bit}" for name, bit in zip(result.names, bits, strict=True)] if result.names else list(map(str, bits))
    more = f" ... ({len(said)} in all)" if len(said) > _SHOWN_ENTRIES else ""
    return " ".join(word if word.isprintable() else repr(word) for word in said[:_SHOWN_ENTRIES]) + more


def _over_lanes(values: Any) -> str:
    """The minimum of one number a lane, its lane, and the mean over lanes."""
    if values.size == 1:
        return _number(values[0])
    best = int(np.nanargmin(values))
    return f"{_number(values[best])} (lane {best} of {values.size}; mean {_number(np.nanmean(values))})"


def _duration(result: Result) -> str:
    if result.counts_sweeps:
        return f"{result.steps:,} sweeps"
    time = float(format(result.time, ".12g"))  # hides the rounding error of steps * dt
    return f"{' '.join(spell(time, Dimension.TIME)).strip()} in {result.steps:,} steps"


def _shown(value: Any, times: str) -> str:
    """A value for display; with `times` (spikes or events), their number and the first ones."""
    if isinstance(value, dict):
        return _spikes(value, times)
    array = np.asarray(value)
    if array.ndim == 0:
        return _number(array[()])
    return np.array2string(array, _WIDTH, threshold=_SHOWN_ENTRIES, separator=" ", formatter={"float_kind": _number})


def _number(value: Any) -> str:
    return f"{value + 0.0:.10g}"  # avoids -0


def _spikes(spikes: dict[str, Any], called: str) -> str:
    first = [f"{_number(t)} s neuron {i}" for t, i in zip(spikes["t"][:_SHOWN_SPIKES], spikes["i"], strict=False)]
    count = len(spikes["t"])
    more = ", ..." if count > _SHOWN_SPIKES else ""
    return f"{count:,} {called}" + (f": {', '.join(first)}{more}" if first else "")
