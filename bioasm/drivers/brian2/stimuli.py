"""Stimuli on Brian2: constants, waveforms and feedback into inputs; spike trains and Poisson sources at ports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.brian2.assembly import Assembly
from bioasm.drivers.brian2.cell import Part, identifier
from bioasm.drivers.brian2.population import Population
from bioasm.drivers.brian2.sources import Poisson, Train
from bioasm.models.base import Port
from bioasm.network.network import REPLACE, SCALE
from bioasm.network.references import InputRef, PortRef
from bioasm.runtime.parts import Train as GivenSpikes
from bioasm.runtime.parts import overlaid, pieces_in, place
from bioasm.runtime.setup import event_ports, played_parts
from bioasm.runtime.streams import poisson_stream
from bioasm.verifier.gate import Verified

Array = NDArray[Any]


@dataclass
class InputSource:
    """One input of one part. `fed` is the feedback, (lanes, n); `played` are waveforms by part: rows, period and first step."""

    population: Population
    part: Part
    name: str
    constant: Any = 0.0
    scale: Any = 1.0
    replaced: Any = 0.0  # the value of INP's `set`, where it is `alone`
    alone: Any = 0.0
    fed: Any = 0.0
    played: dict[range, tuple[Array, int, int]] = field(default_factory=dict)
    own: str = field(init=False)

    def __post_init__(self) -> None:
        self.own = identifier(self.part, self.name)
        self.default = next(i.default for i in self.part.model.inputs if i.name == self.name)

    def set(self, value: Any, how: str, part: range | None) -> None:
        """INP: `add` to the input, `scale` it, or `set` it, which lasts until the next INP."""
        word, n = {SCALE: "scale", REPLACE: "replaced"}.get(how, "constant"), self.population.n
        setattr(self, word, overlaid(getattr(self, word), np.asarray(value, np.float64), part, n))
        self.alone = overlaid(self.alone, float(how == REPLACE), part, n)
        self.population.store(f"{self.own}_scale", np.where(self.alone, 0.0, self.scale))
        self.population.store(f"{self.own}_set", np.where(self.alone, self.replaced, 0.0))

    def changes(self, step: int) -> bool:
        """Whether a new row begins at a step."""
        return any((step - first) % period == 0 for _, period, first in self.played.values())

    def update(self, step: int) -> None:
        """Write the value of the input at a step into the group."""
        total = self.default + self.constant + self.fed
        if self.played:
            coming = np.zeros(self.population.n)
            for neurons, (rows, period, first) in self.played.items():
                row = (step - first) // period
                coming[place(neurons)] = rows[row] if row < len(rows) else 0.0
            total = total + coming
        self.population.store(f"{self.own}_outside", total)


class Stimuli:
    """All inputs by part, and the sources of spikes by port.

    The order of `event_ports` numbers the streams of Poisson spikes; each of the `played_parts` of an input has one waveform
    at a time.
    """

    def __init__(self, assembly: Assembly, verified: Verified) -> None:
        self.assembly, self.event_ports, self.played_parts = assembly, event_ports(verified), played_parts(verified)
        inputs = ((population, part, i.name) for population, part in assembly.parts() for i in part.model.inputs)
        self.inputs = {(one[1].name, one[2]): InputSource(*one) for one in inputs}
        self.trains: dict[PortRef, Train] = {}
        self.given: dict[PortRef, tuple[GivenSpikes, Array]] = {}  # spike trains, and the weights of neurons (n,)
        self.rates: dict[PortRef, Poisson] = {}

    def update(self, step: int) -> None:
        """Before a step: set new rows of waveforms, and the counts of Poisson spikes."""
        for source in self.inputs.values():
            if source.changes(step):
                source.update(step)
        for poisson in self.rates.values():
            poisson.draw(step)

    def set_input(self, ref: InputRef, value: Array | float, how: str, step: int) -> None:
        """The constant of CUR or INP."""
        source = self.inputs[(ref.owner, ref.name)]
        source.set(value, how, ref.part)
        source.update(step)

    def set_waveform(self, ref: InputRef, rows: Array, period: int, step: int) -> None:
        """The rows of WAVE or PLAY, one every `period` steps from now."""
        source = self.inputs[(ref.owner, ref.name)]
        begin = 0 if ref.part is None else ref.part.start
        for neurons in pieces_in(ref.part, self.played_parts[ref]):
            own = rows if rows.shape[1] == 1 else rows[:, neurons.start - begin : neurons.stop - begin]
            source.played[neurons] = own, period, step
        source.update(step)

    def set_spike_train(self, ref: PortRef, steps: Array, neurons: Array, weight: Array | float, now: int) -> None:
        """SPK, EVT: replace the spike train, in steps of the run."""
        net, population = self.assembly.net, self._port(ref)[0]
        part = ref.part or range(population.n)
        before, weights = self.given.get(ref, (GivenSpikes(steps[:0], neurons[:0]), np.zeros(population.n)))
        weights[place(part)] = weight
        given = before.replaced(part, GivenSpikes(steps, neurons), now)
        if ref in self.trains and self.trains[ref].objects:
            net.remove(*self.trains[ref].objects)
        self.given[ref] = given, weights
        self.trains[ref] = Train(*self._port(ref), *given, weights)
        if self.trains[ref].objects:
            net.add(*self.trains[ref].objects)

    def set_poisson(self, ref: PortRef, rate: Array | float, weight: Array | float) -> None:
        """POI, RATE: replace the Poisson spike trains; `rate` in hertz."""
        one = self.assembly
        population, part, port = self._port(ref)
        if ref not in self.rates:
            words = poisson_stream(one.seed, one.numbers, population.n, self.event_ports.index(ref))
            self.rates[ref] = Poisson(population, part, port, None if one.own_noise else words)
            one.net.add(*self.rates[ref].objects)
        self.rates[ref].set(rate, weight, float(one.clock.dt_), place(ref.part))

    def _port(self, ref: PortRef) -> tuple[Population, Part, Port]:
        """The population, part and port of external spikes."""
        population, part = self.assembly.part(ref.owner)
        port = part.model.port(ref.port)
        assert port is not None
        return population, part, port
