"""What comes to neurons from outside: constants and waveforms into inputs, spike trains and random spikes to ports."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.limits import limit
from bioasm.isa.program import Register
from bioasm.runtime.poisson import counts
from bioasm.runtime.random import STREAM_POISSON, STREAM_RATES, lane_key
from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.plan import Target
from bioasm.vm.codegen.system import FACTOR, OFFSET
from bioasm.vm.layout import DRAWN, Ctx
from bioasm.vm.network_arrays import NetworkArrays
from bioasm.vm.state import Origin

Array = NDArray[Any]


class Stimuli:
    """Inputs and events of a network. Values are one number or (n,), in the unit of the input; weights in that of the port."""

    def __init__(self, arrays: NetworkArrays) -> None:
        self.arrays, self.state = arrays, arrays.state
        self.constants: dict[str, dict[str, Array]] = {}
        self.waves: dict[str, Origin] = {}  # by input: the WAVE or PLAY that it follows
        self.trains: dict[str, Origin] = {}  # by target: the SPK or EVT whose spikes come to it
        self.rates: dict[str, Origin] = {}  # by target: its POI or RATE
        self.set_by: dict[str, dict[str, Origin]] = {}  # by input: the CUR or INP of each of its constants
        for k, system in enumerate(arrays.systems):
            for name, made in system.inputs.items():
                self.constants[name] = {"add": np.zeros(1), "scale": np.ones(1)}
                self.arrays.fill(name + "#", k, made.default)
                self.arrays.fill(name + "#base", k, made.default)
                self.arrays.fill(name + FACTOR, k, 1.0)
                self.arrays.fill(name + OFFSET, k, 0.0)
        for target in arrays.names.events:
            self._make_events(target)

    # --- inputs -------------------------------------------------------------------------------------

    def set_input(self, name: str, value: Array | float, how: str) -> None:
        """INP: add to an input (qualified name), set it, or scale it."""
        for kept in (self.constants[name], self.set_by.setdefault(name, {})):
            kept.pop("set", None)
        self.set_by[name][how] = self.state.origin
        self.put(name, how, value)

    def put(self, name: str, how: str, value: Array | float) -> None:
        """Give a constant of an input its value, and what follows from the constants theirs."""
        population, kept = self.arrays.system_of(name), self.constants[name]
        kept[how] = np.atleast_1d(np.asarray(value, np.float64))
        made = self.arrays.systems[population].inputs[name]
        base = made.default + kept["add"]
        self.arrays.fill(name + "#", population, base)
        self.arrays.fill(name + "#base", population, base)
        self.arrays.fill(name + OFFSET, population, kept.get("set", np.zeros(1)))
        self.arrays.fill(name + FACTOR, population, np.zeros(1) if "set" in kept else kept["scale"])

    def set_waveform(self, name: str, rows: Array, period: int) -> None:
        """PLAY: a waveform (rows, 1 or n), a row every `period` steps from the origin's on."""
        state = self.state
        self.waves[name] = origin = self.state.origin
        state.fields[f"wave:{name}"] = np.ascontiguousarray(rows, np.float64).ravel()
        numbers = {"rows": rows.shape[0], "columns": rows.shape[1], "period": period, "start": origin.step}
        state.wholes |= {f"wave_{part}:{name}": number for part, number in numbers.items()}
        self.arrays.stale = True

    def present(self, name: str, population: int) -> Array:
        """What the host knows of an input (name with its ending) between two steps, (places, n)."""
        state = self.state
        if not name.endswith("#"):
            return state.places_of(self.arrays.cells(name, population))
        total = state.places_of(self.arrays.cells(name + "base", population)).copy()
        if self.is_fed(name.removesuffix("#"), population):
            total += state.places_of(state["FEEDBACK_CURRENT"])
        return total + self._wave_now(name.removesuffix("#"))

    def is_fed(self, name: str, population: int) -> bool:
        """Whether the feedback goes into this input."""
        feedback = self.arrays.network.populations[population].model.feedback
        return feedback is not None and self.arrays.coupled == population and name == f"p{population}.{feedback.target}"

    def _wave_now(self, name: str) -> Array:
        rows, columns, period, start = (
            self.state.wholes.get(f"wave_{p}:{name}", 0) for p in ("rows", "columns", "period", "start")
        )
        row = (int(self.state.ctx[Ctx.STEP]) - start) // period if rows else rows
        if row >= rows:
            return np.zeros(1)
        return self.state.fields[f"wave:{name}"][row * columns : (row + 1) * columns]

    def chosen(self) -> dict[str, Array]:
        """The constants that a register gave, for a checkpoint; all others follow from the program."""
        return {f"constant.{how}.{name}": self.constants[name][how] for name, how in self.from_registers()}

    def from_registers(self) -> list[tuple[str, str]]:
        """The inputs, and those of their constants, that a register gave."""
        found = [(name, how, origin) for name, parts in self.set_by.items() for how, origin in parts.items()]
        return [(name, how) for name, how, origin in found if self._is_register(origin, 1)]

    def _is_register(self, origin: Origin | None, place: int) -> bool:
        """Whether an operand of the instruction is a register."""
        return origin is not None and isinstance(self.arrays.names.verified.instructions[origin.pc].operands[place], Register)

    def is_live(self, field: str) -> bool:
        """Whether a field is of the run: weights and rates of spikes from outside are the program's, except from registers."""
        kind, _, target = field.partition(":")
        by = {"jump": (self.trains, 2), "rate_jump": (self.rates, 2), "expected": (self.rates, 1)}
        return kind not in by or self._is_register(by[kind][0].get(target), by[kind][1])

    def size(self, name: str) -> int:
        """How many neurons have an input."""
        return self.arrays.network.populations[self.arrays.system_of(name)].n

    def origins(self) -> dict[str, list[Origin]]:
        """The instructions that waveforms, spike trains, random spikes and constants come from, in an order to do them in."""
        constants = [parts[how] for parts in self.set_by.values() for how in ("add", "scale", "set") if how in parts]
        events = {"trains": list(self.trains.values()), "rates": list(self.rates.values())}
        return {"inputs": constants, "waves": list(self.waves.values()), **events}

    def note_rates(self) -> None:
        """Make anew what follows from the numbers of random spikes that are expected. Raises ValueError where one is none."""
        for target in self.arrays.names.events:
            expected = self.state.fields[f"expected:{target.name}"]
            if not ((expected >= 0.0) & (expected <= limit("drawn_spikes"))).all():
                raise ValueError(f"{target.name} expects a number of spikes out of 0 to {limit('drawn_spikes')}")
            self._make_counts(target.name)

    # --- events -------------------------------------------------------------------------------------

    def _make_events(self, target: Target) -> None:
        state, name, p = self.state, target.name, target.population
        n, place = self.arrays.network.populations[p].n, self.arrays.names.events.index(target)
        stream = STREAM_POISSON if place == 0 else STREAM_RATES + place
        key0, key1 = lane_key(state.seed, np.arange(state.places, dtype=np.uint32), stream)
        arrays: dict[str, Array] = {part: np.zeros(0, np.int64) for part in ("step", "neuron")}
        arrays["position"] = np.zeros(state.blocks, np.int64)
        arrays |= {part: np.zeros(n) for part in ("jump", "expected", "rate_jump")} | {"key0": key0, "key1": key1}
        arrays["one"] = np.ones(n)  # the weight that spikes are counted with
        arrays["word"] = np.zeros(2 * DRAWN * state.blocks, np.uint32)
        state.fields |= {f"{part}:{name}": array for part, array in arrays.items()}
        self._make_counts(name)
        state.wholes |= {f"length:{name}": 0, f"rates:{name}": 0, f"slots:events:{name}": 1}
        self.arrays.array(f"events:{name}", Field(p, per="slot"))

    def set_spike_train(self, target: Target, steps: Array, neurons: Array, weight: Array | float) -> None:
        """SPK, EVT: steps from the origin's on, int64, rising; the neuron of each spike; weights, a number or (n,)."""
        fields, name = self.state.fields, target.name
        self.trains[name] = origin = self.state.origin
        fields[f"step:{name}"] = np.ascontiguousarray(steps + origin.step, np.int64)
        fields[f"neuron:{name}"] = np.ascontiguousarray(neurons, np.int64)
        fields[f"jump:{name}"][:] = weight
        fields[f"position:{name}"][:] = 0
        self.state.wholes[f"length:{name}"] = len(steps)
        self.arrays.stale = True

    def set_poisson(self, target: Target, rate: Array | float, weight: Array | float) -> None:
        """POI, RATE: Poisson rates in hertz and weights, each a number or (n,)."""
        fields, name = self.state.fields, target.name
        self.rates[name] = self.state.origin
        fields[f"expected:{name}"][:] = np.asarray(rate, np.float64) * float(self.state.real[0])
        fields[f"rate_jump:{name}"][:] = weight
        self._make_counts(name)
        self.arrays.stale = True

    def _make_counts(self, name: str) -> None:
        """Inverse transform tables for Poisson counts, from the expected spikes of a step, (n,)."""
        fields, expected = self.state.fields, self.state.fields[f"expected:{name}"]
        fields |= {f"count_{part}:{name}": array for part, array in counts(expected)._asdict().items()}
        self.state.wholes[f"rates:{name}"] = int(expected.any())
