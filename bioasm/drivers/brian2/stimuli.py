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
from bioasm.runtime.streams import poisson_stream

Array = NDArray[Any]


@dataclass
class InputSource:
    """One input of one part. `fed` is the feedback, (lanes, n); `played` the rows, the period in steps and the first step."""

    population: Population
    part: Part
    name: str
    constant: Any = 0.0
    scale: Any = 1.0
    fed: Any = 0.0
    played: tuple[Array, int, int] | None = None
    own: str = field(init=False)

    def __post_init__(self) -> None:
        self.own = identifier(self.part, self.name)
        self.default = next(i.default for i in self.part.model.inputs if i.name == self.name)

    def set(self, value: Any, how: str) -> None:
        """INP: `add` to the input, `scale` it, or `set` it, which lasts until the next INP."""
        if how == SCALE:
            self.scale = np.asarray(value, np.float64)
        elif how != REPLACE:
            self.constant = np.asarray(value, np.float64)
        self.population.store(f"{self.own}_scale", 0.0 if how == REPLACE else self.scale)
        self.population.store(f"{self.own}_set", value if how == REPLACE else 0.0)

    def changes(self, step: int) -> bool:
        """Whether another row begins at a step."""
        return self.played is not None and (step - self.played[2]) % self.played[1] == 0

    def update(self, step: int) -> None:
        """Let the neurons see what comes in at a step."""
        total = self.default + self.constant + self.fed
        if self.played is not None:
            rows, period, first = self.played
            row = (step - first) // period
            total = total + (rows[row] if row < len(rows) else 0.0)
        self.population.store(f"{self.own}_outside", total)


class Stimuli:
    """All inputs by the part that has them, and the sources of spikes by the port that they send to.

    `event_ports` are the ports that the program sends spikes to: their order numbers the streams of random spikes.
    """

    def __init__(self, assembly: Assembly, event_ports: tuple[PortRef, ...]) -> None:
        self.assembly, self.event_ports = assembly, event_ports
        inputs = ((population, part, i.name) for population, part in assembly.parts() for i in part.model.inputs)
        self.inputs = {(one[1].name, one[2]): InputSource(*one) for one in inputs}
        self.trains: dict[PortRef, Train] = {}
        self.rates: dict[PortRef, Poisson] = {}

    def update(self, step: int) -> None:
        """Before a step: the rows of waveforms that begin, and counts of random spikes."""
        for source in self.inputs.values():
            if source.changes(step):
                source.update(step)
        for poisson in self.rates.values():
            poisson.draw(step)

    def set_input(self, ref: InputRef, value: Array | float, how: str, step: int) -> None:
        """The constant of CUR or INP."""
        source = self.inputs[(ref.owner, ref.name)]
        source.set(value, how)
        source.update(step)

    def set_waveform(self, ref: InputRef, rows: Array, period: int, step: int) -> None:
        """The rows of WAVE or PLAY, one every `period` steps from now."""
        source = self.inputs[(ref.owner, ref.name)]
        source.played = rows, period, step
        source.update(step)

    def set_spike_train(self, ref: PortRef, steps: Array, neurons: Array, weight: Array | float) -> None:
        """The spikes of SPK or EVT at steps of the run, in place of those before."""
        net = self.assembly.net
        if ref in self.trains and self.trains[ref].objects:
            net.remove(*self.trains[ref].objects)
        self.trains[ref] = Train(*self._port(ref), steps, neurons, weight)
        if self.trains[ref].objects:
            net.add(*self.trains[ref].objects)

    def set_poisson(self, ref: PortRef, rate: Array | float, weight: Array | float) -> None:
        """The Poisson spikes of POI or RATE (hertz), in place of those before."""
        one = self.assembly
        population, part, port = self._port(ref)
        if ref not in self.rates:
            words = poisson_stream(one.seed, one.lanes, population.n, self.event_ports.index(ref))
            self.rates[ref] = Poisson(population, part, port, None if one.own_noise else words)
            one.net.add(*self.rates[ref].objects)
        self.rates[ref].set(rate, weight, float(one.clock.dt_))

    def _port(self, ref: PortRef) -> tuple[Population, Part, Port]:
        """Where spikes from outside go."""
        population, part = self.assembly.part(ref.owner)
        port = part.model.port(ref.port)
        assert port is not None
        return population, part, port
