"""External stimuli of neurons: constants and waveforms into inputs, spike trains and random spikes to ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.limits import limit
from bioasm.isa.program import Register
from bioasm.network.network import REPLACE
from bioasm.runtime.parts import Train, overlaid, pieces_in, place
from bioasm.runtime.poisson import counts
from bioasm.runtime.random import STREAM_POISSON, STREAM_RATES, lane_key
from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.plan import Target
from bioasm.vm.codegen.system import FACTOR, OFFSET
from bioasm.vm.dynamics import InputArrays
from bioasm.vm.layout import CHUNK, WIDE, Ctx
from bioasm.vm.network_arrays import NetworkArrays
from bioasm.vm.state import Origin

Array = NDArray[Any]
_MOST_ALIKE = 64  # entries of a table up to which it is scanned for whole vectors, not searched per cell


class Share(NamedTuple):
    """The source of some neurons' stimuli: the instruction's origin, the neurons (None: all), and the mode of INP."""

    origin: Origin
    part: range | None
    how: str = ""


class Wave(NamedTuple):
    """A waveform (rows, 1 or n): a row every `period` steps, from the step of its origin on."""

    rows: Array
    period: int
    origin: Origin


Shares = dict[int, Share]  # by index of the instruction, in replay order: the form of a checkpoint


def note(shares: Shares, share: Share) -> None:
    """Add a share; one of all neurons supersedes all others, for INP those of the same mode and of `set`."""
    ended = [pc for pc, other in shares.items() if other.how in (share.how, REPLACE)] if share.part is None else []
    for pc in (*ended, share.origin.pc):
        shares.pop(pc, None)
    shares[share.origin.pc] = share


def _laid_out(tables: list[Array]) -> tuple[Array, list[int]]:
    """Concatenation of tables without duplicates, and the offset of each."""
    once = {id(table): table for table in tables}
    begins = dict(zip(once, np.cumsum([0, *(table.size for table in once.values())]).tolist(), strict=False))
    flat = [table.ravel() for table in once.values()]
    return flat[0] if len(flat) == 1 else np.concatenate(flat), [begins[id(table)] for table in tables]


class Stimuli:
    """External inputs and events: numbers, (n,) or (lanes, 1), in the unit of the input; weights in that of the port."""

    def __init__(self, arrays: NetworkArrays) -> None:
        self.arrays, self.state = arrays, arrays.state
        self.constants: dict[str, dict[str, Array]] = {}  # by input: INP's offset, factor, value, and mask of set neurons
        self.waves: dict[str, dict[range, Wave]] = {}  # by input and part of the neurons, in the order in which they were set
        self._moved: set[str] = set()  # the inputs whose waves are not bound yet
        self.trains: dict[str, Shares] = {}  # by target: its SPK or EVTs
        self.rates: dict[str, Shares] = {}  # by target: its POI or RATEs
        self.set_by: dict[str, Shares] = {}  # by input: the CUR or INPs of its constants
        self.by_lane: dict[str, set[str]] = {}  # by target: the weights and rates with values of the lanes' own
        for k, system in enumerate(arrays.systems):
            for name, made in system.inputs.items():
                self.constants[name] = {"add": np.zeros(1), "scale": np.ones(1), "set": np.zeros(1), "alone": np.zeros(1)}
                self.arrays.fill(name + "#", k, made.default)
                self.arrays.fill(name + "#base", k, made.default)
                self.arrays.fill(name + FACTOR, k, 1.0)
                self.arrays.fill(name + OFFSET, k, 0.0)
        for target in arrays.names.events:
            self._make_events(target)

    # --- inputs -------------------------------------------------------------------------------------

    def set_input(self, name: str, value: Array | float, how: str, part: range | None) -> None:
        """INP: add to an input (qualified name), set it, or scale it."""
        note(self.set_by.setdefault(name, {}), Share(self.state.origin, part, how))
        given = np.atleast_1d(np.asarray(value, np.float64))
        given = self.state.rows_of_places(given) if given.ndim == 2 else given
        kept, alone = self.constants[name], np.full(1, float(how == REPLACE))
        both = {how: overlaid(kept[how], given, part, self.size(name))}
        both["alone"] = overlaid(kept["alone"], alone, part, self.size(name))
        self.put(name, {word: np.asarray(values) for word, values in both.items()})

    def put(self, name: str, constants: Mapping[str, Array]) -> None:
        """Set constants of an input, and the fields derived from them."""
        population, kept = self.arrays.system_of(name), self.constants[name]
        for word, values in constants.items():
            if kept[word].shape == values.shape:
                kept[word][:] = values  # where kernels set it too
            else:
                kept[word] = values.copy()  # it may be a datum of the program
        base, alone = self.arrays.systems[population].inputs[name].default + kept["add"], kept["alone"] != 0.0
        self.arrays.fill(name + "#", population, base)
        self.arrays.fill(name + "#base", population, base)
        self.arrays.fill(name + OFFSET, population, np.where(alone, kept["set"], 0.0))
        self.arrays.fill(name + FACTOR, population, np.where(alone, 0.0, kept["scale"]))

    def input_arrays(self, name: str) -> InputArrays:
        """The arrays of an input (qualified name) to which one number is added."""
        population = self.arrays.system_of(name)
        default = np.full(1, self.arrays.systems[population].inputs[name].default)
        sums = tuple(self.arrays.cells(name + end, population) for end in ("#", "#base"))
        return InputArrays(self.constants[name]["add"], default, sums)

    def note_input(self, name: str, origin: Origin) -> None:
        """Note that an instruction has added one number to an input."""
        note(self.set_by.setdefault(name, {}), Share(origin, None, "add"))

    def set_waveform(self, name: str, rows: Array, period: int, part: range | None) -> None:
        """PLAY: a waveform (rows, 1 or n), a row every `period` steps from the origin's on."""
        waves, first = self.waves.setdefault(name, {}), 0 if part is None else part.start
        rows = np.ascontiguousarray(rows, np.float64)
        for piece in pieces_in(part, self.arrays.names.waves[name]):
            own = rows if rows.shape[1] == 1 else rows[:, piece.start - first : piece.stop - first]
            waves.pop(piece, None)
            waves[piece] = Wave(np.ascontiguousarray(own), period, self.state.origin)
        self._moved.add(name)
        self.arrays.stale = True

    def bind_waves(self) -> None:
        """Bind the waveforms of inputs: the single one, or a table of those of parts."""
        fields, wholes = self.state.fields, self.state.wholes
        for name in self._moved:
            waves = self.waves[name]
            numbers, begins = _laid_out([wave.rows for wave in waves.values()])
            fields[f"wave:{name}"] = numbers
            if name in self.arrays.names.played_apart:
                told = zip(waves.items(), begins, strict=True)
                table = [(p.start, len(p), begin, *w.rows.shape, w.period, w.origin.step) for (p, w), begin in told]
                fields[f"waves:{name}"] = np.array(table, np.int64).ravel()
                wholes[f"waves:{name}"] = len(table)
            else:
                (wave,) = waves.values()
                words = (f"wave_{word}:{name}" for word in ("rows", "columns", "period", "start"))
                wholes |= dict(zip(words, (*wave.rows.shape, wave.period, wave.origin.step), strict=True))
        self._moved.clear()

    def present(self, name: str, population: int) -> Array:
        """The value of an input (name with suffix) between two steps, (places, n)."""
        state = self.state
        if not name.endswith("#"):
            return state.places_of(self.arrays.cells(name, population))
        total = state.places_of(self.arrays.cells(name + "base", population)).copy()
        if self.is_fed(name.removesuffix("#"), population):
            total += state.places_of(state["FEEDBACK_CURRENT"])
        return total + self._wave_now(name.removesuffix("#"))

    def is_fed(self, name: str, population: int) -> bool:
        """Whether an input gets the feedback."""
        feedback = self.arrays.network.populations[population].model.feedback
        return feedback is not None and self.arrays.coupled == population and name == f"p{population}.{feedback.target}"

    def _wave_now(self, name: str) -> Array:
        """The row of a waveform in the next step, (n,)."""
        total, step = np.zeros(self.size(name)), int(self.state.ctx[Ctx.STEP])
        for piece, wave in self.waves.get(name, {}).items():
            row = (step - wave.origin.step) // wave.period
            total[place(piece)] = wave.rows[row] if row < len(wave.rows) else 0.0
        return total

    def chosen(self) -> dict[str, Array]:
        """The constants of inputs that came from registers, for a checkpoint; all others follow from the program."""
        listed = [(name, how, value) for name in self.from_registers() for how, value in self.constants[name].items()]
        return {f"constant.{how}.{name}": value for name, how, value in listed}

    def from_registers(self) -> list[str]:
        """The inputs with a constant from a register."""
        return [name for name, shares in self.set_by.items() if self._has_register(shares, 1)]

    def _has_register(self, shares: Shares, at: int) -> bool:
        """Whether an operand of some of the instructions is a register."""
        instructions = self.arrays.names.verified.instructions
        return any(isinstance(instructions[pc].operands[at], Register) for pc in shares)

    def is_live(self, field: str) -> bool:
        """Whether a checkpoint needs a field: external weights and rates follow from the program, except from registers."""
        kind, _, target = field.partition(":")
        by = {"jump": (self.trains, 2), "rate_jump": (self.rates, 2), "expected": (self.rates, 1)}
        return kind not in by or self._has_register(by[kind][0].get(target, {}), by[kind][1])

    def size(self, name: str) -> int:
        """The number of neurons of an input."""
        return self.arrays.network.populations[self.arrays.system_of(name)].n

    def origins(self) -> dict[str, list[Origin]]:
        """The instructions of waveforms, spike trains, Poisson spikes and constants, in replay order."""
        shared = {"inputs": self.set_by, "trains": self.trains, "rates": self.rates}
        found = {kind: [s.origin for shares in by.values() for s in shares.values()] for kind, by in shared.items()}
        return {"waves": [wave.origin for waves in self.waves.values() for wave in waves.values()], **found}

    def note_rates(self) -> None:
        """Recompute the tables of Poisson counts from the expected numbers. Raises ValueError for an invalid one."""
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
        key0, key1 = lane_key(state.seed, state.numbers, stream)
        arrays: dict[str, Array] = {part: np.zeros(0, np.int64) for part in ("step", "neuron")}
        arrays["position"] = np.zeros(state.blocks, np.int64)
        arrays |= {part: np.zeros(n) for part in ("jump", "expected", "rate_jump")} | {"key0": key0, "key1": key1}
        arrays["one"] = np.ones(n)  # the weight of counted spikes
        arrays["word"] = np.zeros(state.blocks * (2 * (n * state.width + WIDE) + CHUNK), np.uint32)
        arrays["pair"] = np.full(state.blocks, -1)  # the pair of steps whose random words are in each block's buffer
        state.fields |= {f"{part}:{name}": array for part, array in arrays.items()}
        state.wholes |= {f"length:{name}": 0, f"rates:{name}": 0, f"own:{name}": 0, f"slots:events:{name}": 1}
        self._make_counts(name)
        self.arrays.array(f"events:{name}", Field(p, per="slot"))

    def set_spike_train(self, target: Target, steps: Array, neurons: Array, weight: Array | float, part: range | None) -> None:
        """SPK, EVT: ascending steps from the origin's on, int64; the neuron of each spike; weights, one, (n,) or (lanes, 1)."""
        fields, name, origin = self.state.fields, target.name, self.state.origin
        note(self.trains.setdefault(name, {}), Share(origin, part))
        coming = Train(steps + origin.step, neurons)
        if part is not None:
            coming = Train(fields[f"step:{name}"], fields[f"neuron:{name}"]).replaced(part, coming, origin.step)
        steps, neurons = coming
        fields[f"step:{name}"] = np.ascontiguousarray(steps, np.int64)
        fields[f"neuron:{name}"] = np.ascontiguousarray(neurons, np.int64)
        self._put_event(target, "jump", weight, part)
        fields[f"position:{name}"][:] = 0
        self.state.wholes[f"length:{name}"] = len(steps)
        self.arrays.stale = True

    def set_poisson(self, target: Target, rate: Array | float, weight: Array | float, part: range | None) -> None:
        """POI, RATE: Poisson rates in hertz and weights, each a number, (n,) or (lanes, 1)."""
        name = target.name
        note(self.rates.setdefault(name, {}), Share(self.state.origin, part))
        self._put_event(target, "expected", np.asarray(rate, np.float64) * float(self.state.real[0]), part)
        self._put_event(target, "rate_jump", weight, part)
        self._make_counts(name)
        self.arrays.stale = True

    def _put_event(self, target: Target, kind: str, value: Array | float, part: range | None) -> None:
        """Set a weight or rate of a port: one number a neuron; where any of them is by lane, all have one a cell."""
        name, n = target.name, self.arrays.network.populations[target.population].n
        own, given = self.by_lane.setdefault(name, set()), np.asarray(value, np.float64)
        if given.ndim == 2:
            own.add(kind)
        elif part is None:
            own.discard(kind)
        self._spread(name, n, by_cell=bool(own))
        rows = self.state.rows_of_places(given) if given.ndim == 2 else given
        array = self.state.fields[f"{kind}:{name}"]
        if own:
            cells = self.state.places_of(array)
            cells[:, place(part)] = rows
            array[:] = self.state.to_cells(cells)
        else:
            array[place(part)] = rows

    def _spread(self, name: str, n: int, *, by_cell: bool) -> None:
        """Convert the values of a port between one a neuron and one a cell."""
        if by_cell == bool(self.state.wholes[f"own:{name}"]):
            return
        for part in ("jump", "rate_jump", "expected", "one"):
            old = self.state.fields[f"{part}:{name}"]
            made = self.state.per_neuron_to_cells(old) if by_cell else self.state.places_of(old)[0].copy()
            self.state.fields[f"{part}:{name}"] = made
        self.state.wholes[f"own:{name}"] = int(by_cell)
        self._make_counts(name)

    def _make_counts(self, name: str) -> None:
        """Inverse transform tables for Poisson counts, from the expected spikes of a step, (n,) or one a cell."""
        fields, expected = self.state.fields, self.state.fields[f"expected:{name}"]
        table = counts(expected)
        fields |= {f"count_{part}:{name}": array for part, array in table._asdict().items()}
        one = bool(expected.size) and not self.state.wholes[f"own:{name}"]
        same = one and len(table.limit) <= _MOST_ALIKE and bool((expected == expected[0]).all())
        self.state.wholes |= {f"rates:{name}": int(expected.any()), f"alike:{name}": int(table.end[0]) if same else 0}
