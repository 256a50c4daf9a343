"""A Result as an xarray Dataset: dimensions lane, neuron, entry (of the energy trace), spike, and those of each recording and
event."""

from __future__ import annotations

from typing import Any

from bioasm.diagnostics.jsontext import dumps
from bioasm.extras import require
from bioasm.results.files import PROVENANCE, provenance
from bioasm.results.result import Result


def to_xarray(result: Result) -> Any:
    """The Dataset; every array has its lane axis. Units are in attributes `units`, the provenance as JSON in `provenance`."""
    require("xarray", "xarray", "a Dataset")
    import xarray as xr

    clock = {"units": result.clock_unit}
    found: dict[str, Any] = {
        "energy": ("lane", result.energy),
        "best_energy": ("lane", result.best_energy),
        "best_state": (("lane", "neuron"), result.best_state),
        "state": (("lane", "neuron"), result.state),
        "spike_count": (("lane", "neuron"), result.spike_count),
        "energy_trace": (("lane", "entry"), result.energy_trace),
        "spike_time": ("spike", result.spikes.t, {"units": "s"}),
        "spike_neuron": ("spike", result.spikes.i),
        "spike_lane": ("spike", result.spikes.lane),
    }
    places: dict[str, Any] = {"neuron": list(result.labels), "entry_time": ("entry", result.trace_times, clock)}
    for name, times in result.events.items():
        found |= {f"{name}_time": (name, times.t, {"units": "s"}), f"{name}_neuron": (name, times.i)}
        found[f"{name}_lane"] = (name, times.lane)
    for name, recording in result.recordings.items():
        unit = {"units": result.about.get("units", {}).get(name, "")}
        found[name] = (("lane", f"{name}_time", f"{name}_neuron"), recording.values, unit)
        places |= {f"{name}_time": (f"{name}_time", recording.t, clock), f"{name}_neuron": recording.neurons}
    return xr.Dataset(found, places, {PROVENANCE: dumps(provenance(result))})
