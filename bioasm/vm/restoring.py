"""Restoring of checkpoints: a machine is rebuilt from its program and filled with range-checked content of a file.

The order: parameters, allocation, couplings, connections, trains and waveforms, clamps, the generated source; then the
allocated arrays are filled in place, and last come levels and outputs. Kernels never get an array of the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.limits import limit
from bioasm.isa.program import DataRef, Register
from bioasm.models.base import SPINS, Parameter
from bioasm.network.namespace import DELAY, WEIGHT, pathways
from bioasm.network.network import Projection
from bioasm.network.pairwise import Pairwise
from bioasm.network.references import ProjectionRef, Resolved, VariableRef
from bioasm.results.piece import Trace
from bioasm.results.result import Reading, Spikes
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.energy import PARTS
from bioasm.runtime.instructions import operand, period, recorded_neurons
from bioasm.runtime.options import DEFAULT_FUEL
from bioasm.runtime.setup import default_parameters, fixed_parameters
from bioasm.verifier.dataflow import ALLOCATED, UNALLOCATED, UNREACHED, analyse
from bioasm.vm.archive import Archive, Damaged
from bioasm.vm.layout import Block, Ctx, Real
from bioasm.vm.machine import Machine
from bioasm.vm.network_state import Populations
from bioasm.vm.outputs import Samples
from bioasm.vm.state import Origin
from bioasm.vm.synapses import Synapse
from bioasm.vm.trains import Train

Array = NDArray[Any]

COUNTERS = (Ctx.PC, Ctx.STEP, Ctx.RUN_END, Ctx.RUNNING, Ctx.DIRTY, Ctx.EXCHANGES, Ctx.PLAN_MOVES)
LEVELS = (Real.CLOCK, Real.NOISE, Real.OFFSET, Real.NOISE_SET)
# Ranges of integer arrays (of ring buffers, those of neurons that fired); floats are unrestricted, except weights of spikes.
_SIGNS, _FLAGS = (-1, 0, 1), (0, 1)  # signs are 0 until they are computed
_VALUES = {"array.SPIN": (-1, 1), "array.PRODUCT": _SIGNS, "array.BEST": _SIGNS, "array.ONE": _FLAGS}
_VALUES |= {"synced": _FLAGS, "hold": _FLAGS, "placed": _FLAGS, "given": _FLAGS, "mark": _FLAGS, "ring": _FLAGS}
_FINITE = ("field.jump:", "field.rate_jump:")  # EVT and RATE accept only finite weights
# The replayed effects in a file, with the mnemonics that may have caused them.
_ORIGINS = {"inputs": ("CUR", "INP"), "waves": ("WAVE", "PLAY"), "trains": ("SPK", "EVT"), "rates": ("POI", "RATE")}
_ANY_INTEGER = {"array.FIELD", "array.SPIKE_COUNT"}
_READING_TYPES = ("<f8", "<f4", "<i8", "<i4", "|i1", "|u1")


class Given:
    """The content of a file: its numbers and arrays, each read once and kept by name for the checksum."""

    def __init__(self, meta: dict[str, Any], archive: Archive) -> None:
        self.meta, self.archive = meta, archive
        self.taken: dict[str, Array] = {}

    def array(self, name: str, dtype: str, shape: tuple[int | None, ...], most: int = 1 << 40) -> Array:
        """Read an array, whose dtype and shape follow from the program."""
        self.taken[name] = self.archive.read(name, dtype, shape, most)
        return self.taken[name]

    def like(self, name: str, own: Array) -> Array:
        """Read an array of the dtype and shape of `own`."""
        return self.array(name, own.dtype.str, own.shape)

    def table(self, name: str) -> dict[str, Any]:
        """An object of the meta data."""
        found = self.meta.get(name)
        if not isinstance(found, dict):
            raise Damaged(f"it tells no {name}")
        return found

    def rows(self, name: str, width: int) -> list[list[Any]]:
        """A list of lists of length `width`."""
        found = self.meta.get(name)
        if not isinstance(found, list) or not all(isinstance(row, list) and len(row) == width for row in found):
            raise Damaged(f"it tells no {name}")
        return found


def whole(value: Any, low: int, high: int, what: str) -> int:
    """Validate an integer in [low, high]."""
    if type(value) is not int or not low <= value <= high:
        raise Damaged(f"{what} is no whole number from {low} to {high}")
    return value


def real(value: Any, low: float, high: float, what: str) -> float:
    """Validate a finite number in [low, high]."""
    if type(value) not in (int, float) or not math.isfinite(value) or not low <= value <= high:
        raise Damaged(f"{what} is no number from {low:g} to {high:g}")
    return float(value)


def restore(machine: Machine, meta: dict[str, Any], archive: Archive) -> dict[str, Array]:
    """Restore a machine that has not run yet from a checkpoint. Returns the arrays that were read; raises Damaged."""
    given = Given(meta, archive)
    fuel = int(machine.state.ctx[Ctx.FUEL])
    machine.begin_without_neurons()
    _restore_parameters(machine, given)
    _restore_place(machine, given)
    _load_couplings(machine, given)
    if machine.spec.kind != SPINS:
        _restore_network(machine, given)
    elif given.table("model"):
        raise Damaged("it tells of a network, and there are spins")
    machine.model.hold(_checked("hold", given.like("hold", machine.model.held())))
    for name, own in machine.live_arrays().items():
        own[...] = _checked(name, given.like(name, own), _highest(machine, name))
    if isinstance(machine.model, Populations):
        machine.model.follow_live()
    _restore_levels(machine, given)
    machine.state.ctx[Ctx.FUEL] = max(fuel, 0)  # fuel bounds what one process runs
    _restore_outputs(machine, given)
    if archive.unread():
        raise Damaged(f"it holds {archive.unread()[0][:80]!r}, which no run of this program leaves")
    return given.taken


# --- parameters, place, couplings -----------------------------------------------------------------------


def _restore_parameters(machine: Machine, given: Given) -> None:
    known = default_parameters(machine.network)
    projected = {f"{p.name}.{part}" for p in machine.network.projections for part in _settable(machine, p)}
    found = given.table("parameters")
    if not known.keys() <= found.keys() <= known.keys() | projected:
        raise Damaged("its parameters are not those of the program")
    for key, value in found.items():
        ref = machine.verified.parameter(key) if key in known else None
        in_range = ref.parameter if ref else None
        machine.parameters[key] = _in_range(value, in_range, key) if in_range else real(value, -math.inf, math.inf, key)
    _check_delays(machine, given, found | fixed_parameters(machine.verified))


def _settable(machine: Machine, projection: Projection) -> Iterable[str]:
    """The keys of a projection's parameters in the options of a run."""
    if projection.synapse is None:
        return WEIGHT, DELAY
    return machine.verified.names.synapse_parameters(projection, projection.synapse)


def _check_delays(machine: Machine, given: Given, parameters: dict[str, Any]) -> None:
    """Check delays against the file's size: it contains the ring buffers, which bounds their allocation."""
    step, populations = real(parameters["dt"], 5e-324, math.inf, "dt"), machine.network.populations
    for projection in machine.network.projections:
        words = (f"{projection.name}.{part}" for part in pathways(projection))
        delay = max((real(parameters.get(word, 0.0), 0.0, math.inf, "a delay") for word in words), default=0.0)
        target = machine.network.instance(projection.target)
        fewest = min(populations[projection.pre].n, populations[target.population if target else 0].n)
        room = given.archive.size / (fewest * machine.state.places) if given.meta.get("allocated") is True and fewest else 1.0
        if delay / step > min(limit("delay_steps") * (1 + 1e-9), room + 1):
            raise Damaged(f"it has no room for a delay of {delay:g} s")


def _in_range(value: Any, parameter: Parameter, key: str) -> float:
    """Validate a parameter's value: its default, or a finite number in its range."""
    if type(value) is float and value == parameter.default:
        return value
    found = real(value, parameter.low, parameter.high, key)
    if parameter.open_low and found == parameter.low:
        raise Damaged(f"{key} is out of its range")
    return found


def _restore_place(machine: Machine, given: Given) -> None:
    """Restore the program counter; the dataflow facts there must hold for the machine."""
    counters = given.table("counters")
    code = machine.program.instructions
    pc = whole(counters.get("PC"), 0, len(code), "PC")
    step = whole(counters.get("STEP"), 0, limit("steps"), "STEP")
    running = whole(counters.get("RUNNING"), 0, 1, "RUNNING")
    end = whole(counters.get("RUN_END"), 0, limit("steps"), "RUN_END")
    exchanges = whole(counters.get("EXCHANGES"), 0, DEFAULT_FUEL, "EXCHANGES")
    moves = whole(counters.get("PLAN_MOVES"), 0, limit("steps"), "PLAN_MOVES")
    values = (pc, step, end, running, whole(counters.get("DIRTY"), 0, 1, "DIRTY"), exchanges, moves)
    allocated, facts = given.meta.get("allocated"), analyse(machine.program).facts[pc]
    here = bool(facts & UNALLOCATED), bool(facts & ALLOCATED)
    if type(allocated) is not bool or facts == UNREACHED or here[0 if allocated else 1]:
        raise Damaged("no path leads to where it stands")
    if running and (pc == len(code) or code[pc].mnemonic != "RUN" or end < step or not allocated):
        raise Damaged("it stands in no RUN")
    if allocated:
        machine.allocate()
        if machine.model.parameter_problem() is not None:
            raise Damaged(f"{machine.model.parameter_problem()}")
    for slot, value in zip(COUNTERS, values, strict=True):
        machine.state.ctx[slot] = value
    machine.state.ctx[Ctx.TARGET] = step
    machine.state["BLOCK"][:, Block.STEP] = step


def _restore_levels(machine: Machine, given: Given) -> None:
    """Restore the scalars of the run that kernels read, with DIRTY, which loading has set."""
    levels, table = given.table("levels"), machine.state.real
    longest = float(table[Real.DT]) * (limit("steps") + 1)
    ranges = ((0.0, longest), (0.0, math.inf), (-math.inf, math.inf), (0.0, 1.0))
    for slot, (low, high) in zip(LEVELS, ranges, strict=True):
        table[slot] = real(levels.get(slot.name), low, high, slot.name)
    machine.state.ctx[Ctx.DIRTY] = given.table("counters")["DIRTY"]


def _instruction(machine: Machine, pc: Any, mnemonics: tuple[str, ...]) -> Resolved:
    at = whole(pc, 0, len(machine.program.instructions) - 1, "a place in the program")
    if machine.program.instructions[at].mnemonic not in mnemonics:
        raise Damaged(f"instruction {at} is no {' or '.join(mnemonics)}")
    return machine.verified.instructions[at]


def _load_couplings(machine: Machine, given: Given) -> None:
    for name, pc in given.table("loaded").items():
        if name not in PARTS:
            raise Damaged("it loads what there is not")
        data = machine.data(_instruction(machine, pc, (name,)).operands[0])
        machine.couplings = machine.couplings.with_part(name, data)
        machine.loaded[name] = pc
    if machine.couplings.loaded and machine.state.n:
        machine.model.load(machine.couplings)


# --- networks -------------------------------------------------------------------------------------------


def _restore_network(machine: Machine, given: Given) -> None:
    model, origins = machine.model, given.table("model")
    assert isinstance(model, Populations)
    _restore_weights(machine, model, given)
    for name, parameter, n in model.parameters_of():
        rows = machine.state.places if machine.lane_values.told else None
        model.parameters[name] = _per_neuron(given, f"value.{name}", n, parameter, rows)
    for name, synapse in model.projections.synapses.items():
        for state in (s.name for s in synapse.model.states):
            _restore_given(machine, synapse, state, given, f"given.{name}.{state}")
    for kind, mnemonics in _ORIGINS.items():
        for origin in _origins(machine, origins, kind):
            _instruction(machine, origin.pc, mnemonics)
            machine.execute(origin)
    rows = machine.state.places if machine.lane_values.told else None
    for name in model.stimuli.from_registers():
        size, words = model.stimuli.size(name), model.stimuli.constants[name]
        model.stimuli.put(name, {how: _per_neuron(given, f"constant.{how}.{name}", size, None, rows) for how in words})


def _restore_weights(machine: Machine, model: Populations, given: Given) -> None:
    """Restore weights: those with one a connection by replaying the instruction, others as numbers."""
    for origin in _origins(machine, given.table("model"), "weights"):
        ref, value = _instruction(machine, origin.pc, ("SET",)).operands
        if not (isinstance(ref, ProjectionRef) and ref.parameter.name == WEIGHT and isinstance(value, DataRef | Pairwise)):
            raise Damaged(f"instruction {origin.pc} gives no weights to connections")
        machine.execute(origin)
    for projection in machine.network.projections:
        if projection.name not in model.projections.set_by:
            number = real(float(given.array(f"weight.{projection.name}", "<f8", ())), -math.inf, math.inf, "a weight")
            values = ConnectionValues(number, f"{projection.name}.weight", of_lanes=_scales(machine, given, projection.name))
            model.projections.set_weight(projection.name, values)


def _scales(machine: Machine, given: Given, projection: str) -> Array | None:
    """The factors of a projection's weights in each lane, (lanes, 1); None where the file has none."""
    name = f"scale.{projection}"
    if not (machine.lane_values.told and name in given.archive):
        return None
    found = given.array(name, "<f8", (machine.state.places,))
    if not np.isfinite(found).all():
        raise Damaged(f"{name} holds a weight that is not finite")
    return found[: machine.lanes, None]


def _restore_given(machine: Machine, synapse: Synapse, state: str, given: Given, name: str) -> None:
    """Restore the initial value that the program gave a state of connections; the file has a single NaN where it gave none."""
    shape = given.archive.head(name)[1]
    places, shared = machine.state.places, synapse.instance.qualified(state) in synapse.link.shared
    by_lane = (synapse.link.apart and shape == (places, 1)) or (not shared and shape == (places, synapse.edges))
    if shape not in ((), (1,), (synapse.edges,)) and not by_lane:
        raise Damaged(f"{name} is neither one number nor one for each of {synapse.edges} connections")
    found = given.array(name, "<f8", shape)
    if shape and not np.isfinite(found).all():
        raise Damaged(f"{name} is out of its range")
    synapse.given = {word: value for word, value in synapse.given.items() if word != state} | ({state: found} if shape else {})


def _per_neuron(given: Given, name: str, n: int, parameter: Parameter | None, rows: int | None = None) -> Any:
    """Read one number, one a neuron, or with `rows` one for each place or each neuron there; a parameter's range is checked."""
    shape = given.archive.head(name)[1]
    alone = (1,) if parameter is None else ()  # an input's single number is stored as a vector
    if shape not in ((), alone, (n,)) and (rows is None or shape not in ((rows, 1), (rows, n))):
        raise Damaged(f"{name} is neither one number nor one for each of {n} neurons")
    found = given.array(name, "<f8", shape)
    low, high, default = (parameter.low, parameter.high, parameter.default) if parameter else (-math.inf, math.inf, 0.0)
    if not (((found >= low) & (found <= high) & np.isfinite(found)) | (found == default)).all():
        raise Damaged(f"{name} is out of its range")
    return found if shape else float(found)


def _origins(machine: Machine, table: dict[str, Any], name: str) -> Iterator[Origin]:
    found, step = table.get(name), machine.steps
    if not isinstance(found, list) or not all(isinstance(row, list) and len(row) == 2 for row in found):
        raise Damaged(f"it tells no {name}")
    for pc, begun in found:
        yield Origin(whole(pc, 0, len(machine.program.instructions) - 1, name), whole(begun, 0, step, name))


# --- arrays ---------------------------------------------------------------------------------------------


def _checked(name: str, array: Array, highest: int | None = None) -> Array:
    """Validate an array of a checkpoint: integers within their ranges, noise levels and weights finite."""
    if name == "array.LEVEL" and not (np.isfinite(array) & (array >= 0.0)).all():
        raise Damaged(f"{name} holds a level of noise that there is not")
    if name.startswith(_FINITE) and not np.isfinite(array).all():
        raise Damaged(f"{name} holds a weight that is not finite")
    if array.dtype.kind == "f" or name in _ANY_INTEGER:
        return array
    if highest is not None:
        right = array.size == 0 or (int(array.min()) >= 0 and int(array.max()) <= highest)
    else:
        right = bool(np.isin(array, _VALUES[name if name in _VALUES else name.partition(".")[2].partition(":")[0]]).all())
    if not right:
        raise Damaged(f"{name} holds what it can't")
    return array


def _highest(machine: Machine, name: str) -> int | None:
    """The highest valid position in a spike train."""
    field, _, target = name.partition(":")
    if field in ("field.spiked", "field.spikes_of"):
        return machine.network.populations[int(target)].n * machine.state.width - (field == "field.spiked")
    return machine.state.wholes[f"length:{target}"] if field == "field.position" else None


# --- outputs --------------------------------------------------------------------------------------------


def _restore_outputs(machine: Machine, given: Given) -> None:
    outputs, state = machine.outputs, machine.state
    _restore_train(machine, given, outputs.spikes)
    _restore_events(machine, given)
    trace = [given.array(f"out.trace.{b}", "<f8", (None, state.width), limit("trace_entries")) for b in range(state.blocks)]
    if len({len(entries) for entries in trace}) > 1:
        raise Damaged("its lanes have traces of different lengths")
    outputs.trace, outputs.trace_taken = [[entries] for entries in trace], sum(entries.size for entries in trace)
    outputs.samples[:] = [_samples(machine, given, k, *row) for k, row in enumerate(given.rows("recorders", 4))]
    outputs.bytes_recorded = sum(p.nbytes for s in outputs.samples for block in s.pieces for p in block)
    outputs.rebuild_recorders()
    rows = given.rows("readings", 2)
    whole(len(rows), 0, limit("results"), "the number of results")
    words = machine.code.reading_names()
    outputs.readings[:] = [_reading(machine, given, k, words, *row) for k, row in enumerate(rows)]
    if machine.span.is_piece:
        _restore_trace(machine, given)


def _restore_train(machine: Machine, given: Given, train: Train) -> None:
    found = given.array(f"out.{train.name}", "<i8", (2, None), 2 * limit("spikes"))
    if found.size and not (_within(found[0], machine.lanes * train.neurons) and _within(found[1], machine.steps + 1)):
        raise Damaged(f"it holds {train.name} of neurons or times that there are not")
    train.replace(found)


def _restore_events(machine: Machine, given: Given) -> None:
    """Restore the recorded times of events, and which events are recorded now."""
    events, heard = machine.outputs.events, given.meta.get("heard", [])
    if not isinstance(heard, list) or len(heard) != len(events) or not all(type(flag) is bool for flag in heard):
        raise Damaged("it does not tell which events are recorded")
    for one, flag in zip(events, heard, strict=True):
        one.is_heard = flag
        _restore_train(machine, given, one.train)


def _restore_trace(machine: Machine, given: Given) -> None:
    """Restore the trace of readings over lanes, whose size is bounded by that of the file."""
    told, outputs = given.table("over_lanes"), machine.outputs
    constants, held = told.get("constants"), told.get("held")
    if not (isinstance(constants, list) and isinstance(held, list) and all(isinstance(pair, list) for pair in held)):
        raise Damaged("it tells no readings over lanes")
    steps = given.array("out.over_lanes.steps", "<i8", (None, 3))
    values = given.array("out.over_lanes.values", "<f8", (None, None))
    trace = Trace(steps, values, tuple(map(_hexadecimal, constants)))
    flaw = trace.flaw(machine.lanes, len(outputs.readings))
    if flaw is not None:
        raise Damaged(f"of its readings over lanes {flaw}")
    registers = {whole(r, 0, limit("registers") - 1, "a register"): whole(s, 0, len(steps) - 1, "a step") for r, s in held}
    machine.readings_over_lanes.restore(trace, registers)


def _hexadecimal(text: Any) -> float:
    if not isinstance(text, str):
        raise Damaged("a constant is no number")
    return float.fromhex(text)


def _within(numbers: Array, end: int) -> bool:
    """Whether all numbers are in [0, end)."""
    return not numbers.size or (int(numbers.min()) >= 0 and int(numbers.max()) < end)


def _samples(machine: Machine, given: Given, k: int, pc: Any, start: Any, active: Any, taken: Any) -> Samples:
    """Restore a recording: the variable of the REC at `pc`, its neurons, which a register may have chosen, and its samples."""
    state, instruction = machine.state, _instruction(machine, pc, ("REC",))
    ref = instruction.operands[0]
    if not isinstance(ref, VariableRef):
        raise Damaged(f"the REC at {pc} records an event and takes no samples")
    n = machine.model.neurons_of(ref)
    named = None if isinstance(operand(instruction, 2), Register) else recorded_neurons(machine, instruction)
    name = f"out.neurons.{k}"
    neurons = given.array(name, "<i8", (1,)) if named is None else given.like(name, named)
    if not (_within(neurons, n) and (named is None or np.array_equal(neurons, named))):
        raise Damaged(f"{name} are not the neurons that the program records")
    count = whole(taken, 0, machine.steps + 1, "a number of samples")
    begun = whole(start, 0, machine.steps, "the start of a recording")
    samples = Samples(ref, machine.model.variable(ref), period(machine, instruction, 1), begun, neurons, pc)
    samples.active = bool(whole(int(active) if type(active) is bool else active, 0, 1, "active"))
    shape, most = (count, len(neurons), state.width), limit("record_bytes") // 8
    pieces = [given.array(f"out.samples.{k}.{b}", "<f8", shape, most) for b in range(state.blocks)]
    samples.pieces = [[piece] if count else [] for piece in pieces]
    return samples


def _reading(machine: Machine, given: Given, k: int, words: frozenset[str], what: Any, kind: Any) -> Reading:
    part, lanes = f"out.reading.{k}", machine.lanes
    if what not in words if type(what) is str else True:
        raise Damaged("it holds a result that the program does not emit")
    if kind == "spikes":
        times = given.array(f"{part}.t", "<f8", (None,), limit("spikes"))
        which, lane = (given.array(f"{part}.{name}", "<i8", times.shape) for name in ("i", "lane"))
        if not (_within(which, machine.state.n) and _within(lane, lanes)):
            raise Damaged(f"{part} holds spikes of neurons that there are not")
        return Reading(what, Spikes(times, which, lane))
    if kind == "number":
        return Reading(what, float(given.array(f"{part}.value", "<f8", ())))
    if kind != "array":
        raise Damaged(f"{part} is nothing that is emitted")
    return Reading(what, _emitted(given, f"{part}.value", lanes))


def _emitted(given: Given, name: str, lanes: int) -> Array:
    """Read an emitted result, a number or a row a lane, in the narrowest dtype of emitted results."""
    dtype, shape = given.archive.head(name)
    if dtype not in _READING_TYPES or len(shape) not in (1, 2) or shape[0] != lanes:
        raise Damaged(f"{name} is nothing that is emitted")
    return given.array(name, dtype, shape)
