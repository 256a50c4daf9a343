"""A Result as a neo Block: a segment for each lane, with a spike train for each neuron, the times of each recorded event,
labelled by neurons, and a signal for each recording."""

from __future__ import annotations

from typing import Any

import numpy as np

from bioasm.diagnostics import error
from bioasm.diagnostics.jsontext import dumps
from bioasm.extras import require
from bioasm.results.files import provenance
from bioasm.results.result import Recording, Result, Spikes

_UNITS = {"": "dimensionless", "A/m2": "A/m**2", "S/m2": "S/m**2", "F/m2": "F/m**2", "mol/m3": "mol/m**3", "m2": "m**2"}


def to_neo(result: Result) -> Any:
    """The neo Block. Raises BioasmError B314 for a run in sweeps, for which neo has no unit."""
    require("neo", "neo", "a neo Block")
    if result.counts_sweeps:
        hint = "to_pandas() and to_xarray() take runs of any clock"
        raise error("B314", f"model {result.model} counts in sweeps, and neo holds times in seconds", hint=hint)
    import neo

    block = neo.Block(name=result.model, description=f"BioASM, driver {result.driver}, seed {result.seed}")
    block.annotate(provenance=dumps(provenance(result)))
    for lane in range(result.lanes):
        segment = neo.Segment(name=f"lane {lane}", index=lane)
        segment.spiketrains.extend(_trains(result, lane))
        segment.events.extend([_event(result, name, times, lane) for name, times in result.events.items()])
        for name, recording in result.recordings.items():
            _add_signal(segment, name, recording, lane, result.about.get("units", {}).get(name, ""))
        block.segments.append(segment)
    return block


def _trains(result: Result, lane: int) -> list[Any]:
    """One SpikeTrain for each neuron, including silent ones."""
    import neo

    mine = result.spikes.lane == lane
    times, neurons = result.spikes.t[mine], result.spikes.i[mine]
    order = np.argsort(neurons, kind="stable")
    edges = np.searchsorted(neurons[order], np.arange(result.n + 1))
    end = max([result.time, *times[-1:]])
    return [
        neo.SpikeTrain(times[order[a:b]], units="s", t_start=0.0, t_stop=end, name=name)
        for name, a, b in zip(result.labels, edges, edges[1:], strict=False)
    ]


def _event(result: Result, name: str, times: Spikes, lane: int) -> Any:
    """An Event sorted by time; its labels are those of the neurons."""
    import neo

    mine = times.lane == lane
    t, i = times.t[mine], times.i[mine]
    return neo.Event(t, labels=np.array([result.labels[k] for k in i], dtype="U"), units="s", name=name)


def _add_signal(segment: Any, name: str, recording: Recording, lane: int, unit: str) -> None:
    """Add a recording: uniformly sampled as an AnalogSignal, else as an IrregularlySampledSignal."""
    import neo

    given = {"units": _UNITS.get(unit, unit), "name": name, "array_annotations": {"neuron": recording.neurons}}
    values, apart = recording.values[lane], np.diff(recording.t)
    if len(apart) and np.allclose(apart, apart[0], rtol=1e-6, atol=0):
        signal = neo.AnalogSignal(values, sampling_period=apart[0] * _second(), t_start=recording.t[0] * _second(), **given)
        segment.analogsignals.append(signal)
    elif len(recording.t):
        segment.irregularlysampledsignals.append(neo.IrregularlySampledSignal(recording.t, values, time_units="s", **given))


def _second() -> Any:
    import quantities

    return quantities.s
