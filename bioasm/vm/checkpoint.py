"""Checkpoints: save and restore a run, which continues bit for bit as if it had never stopped.

The file (npz) is not trusted. Code, tables and sizes are rebuilt from the program; the file only fills existing arrays of
the same dtype and shape, and gives numbers within known ranges (`bioasm.vm.restoring`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic, error
from bioasm.files import check_replaceable, whole
from bioasm.results.result import Reading, Spikes
from bioasm.vm.archive import Archive, Damaged, reading
from bioasm.vm.machine import Machine
from bioasm.vm.restoring import COUNTERS, LEVELS, restore

Array = NDArray[Any]

FORMAT = 9
_META_BYTES = 1 << 28


def save_checkpoint(path: Path, machine: Machine, program_sha256: str) -> None:
    """Write the run to `path` (npz) atomically. Raises BioasmError B302 where it can't be written."""
    machine.check_finite()
    machine.outputs.drain()
    arrays = machine.live_arrays() | machine.chosen_values() | dict(_outputs(machine))
    arrays["meta"] = np.frombuffer(json.dumps(_meta(machine, program_sha256, _checksum(arrays))).encode(), np.uint8)
    check_replaceable(path)
    with whole(path) as file:
        np.savez(file, **cast(Any, {name: np.asarray(array, order="C") for name, array in arrays.items()}))


def _meta(machine: Machine, program_sha256: str, checksum: str) -> dict[str, Any]:
    state, outputs = machine.state, machine.outputs
    return {
        "format": FORMAT,
        "program_sha256": program_sha256,
        "seed": machine.seed,
        "lanes": list(machine.span),
        "allocated": machine.allocated,
        "loaded": machine.loaded,
        "parameters": machine.parameters,
        "counters": {slot.name: int(state.ctx[slot]) for slot in COUNTERS},
        "levels": {slot.name: float(state.real[slot]) for slot in LEVELS},
        "model": machine.model.origins(),
        "recorders": [[s.pc, s.start, s.active, s.taken] for s in outputs.samples],
        "readings": [_describe(r) for r in outputs.readings],
        "checksum": checksum,
        **({"heard": [one.is_heard for one in outputs.events]} if outputs.events else {}),
        **_over_lanes(machine),
        **_lane_values(machine),
    }


def _lane_values(machine: Machine) -> dict[str, Any]:
    """The entry of values of the lanes' own; empty without any."""
    told = machine.lane_values.told
    return {"lane_values": told} if told else {}


def _over_lanes(machine: Machine) -> dict[str, Any]:
    """Meta data of the trace over lanes: constants, and the steps that registers hold; empty unless the run is a piece."""
    if not machine.span.is_piece:
        return {}
    trace = machine.readings_over_lanes
    held = [[register, step] for register, step in trace.held.items()]
    return {"over_lanes": {"constants": list(trace.constants), "held": held}}


def load_checkpoint(path: Path, machine: Machine, program_sha256: str) -> None:
    """Restore a machine that has not run yet from the checkpoint.

    Raises BioasmError: B301 where the file can't be read, B404 where it belongs to another program, seed or number of lanes, or
    holds a state that no run of this program reaches, B403 where the run does not fit into memory.
    """
    try:
        with reading(path) as archive:
            meta = _read_meta(archive)
            _check_origin(path, meta, machine, program_sha256)
            given = restore(machine, meta, archive)
            if meta.get("checksum") != _checksum(given):
                raise Damaged("its checksum is another")
        machine.kernels.host_has_changed()
    except MemoryError as cause:
        raise error("B403", f"what {path} holds does not fit into memory") from cause


def checkpoint_seed(path: Path) -> int:
    """The seed of a checkpoint's run. Raises BioasmError B301 or B404 as `load_checkpoint` does."""
    with reading(path) as archive:
        seed = _read_meta(archive).get("seed")
        if type(seed) is not int or not 0 <= seed < 1 << 64:
            raise Damaged("it tells no seed")
        return seed


def _read_meta(archive: Archive) -> dict[str, Any]:
    meta = json.loads(archive.read("meta", "|u1", (None,), _META_BYTES).tobytes())
    if not isinstance(meta, dict):
        raise Damaged("it tells nothing of its run")
    return meta


def _check_origin(path: Path, meta: dict[str, Any], machine: Machine, program_sha256: str) -> None:
    own = {"format": FORMAT, "program_sha256": program_sha256, "seed": machine.seed, "lanes": list(machine.span)}
    own |= {"lane_values": machine.lane_values.told or None}
    words = {"format": "version of the format", "program_sha256": "program", "lanes": "piece of lanes (first, number, all)",
             "lane_values": "set of values of the lanes' own"}  # fmt: skip
    wrong = [
        Diagnostic("B404", f"{path} was written for another {words.get(name, name)}: {str(meta.get(name))[:80]}, not {value}")
        for name, value in own.items()
        if type(meta.get(name)) is not type(value) or meta.get(name) != value
    ]
    if wrong:
        raise BioasmError(*wrong)


def _checksum(arrays: dict[str, Array]) -> str:
    """Checksum of all arrays with their names and shapes, so that entries of two checkpoints can't be mixed."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name}{arrays[name].dtype}{arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


# --- outputs --------------------------------------------------------------------------------------------


def _outputs(machine: Machine) -> Iterator[tuple[str, Array]]:
    outputs = machine.outputs
    yield "out.spikes", outputs.spikes.joined()
    yield from ((f"out.{one.train.name}", one.train.joined()) for one in outputs.events)
    for b, entries in enumerate(outputs.trace):
        yield f"out.trace.{b}", np.concatenate(entries) if entries else np.zeros((0, machine.state.width))
    for k, samples in enumerate(outputs.samples):
        yield f"out.neurons.{k}", samples.neurons
        for b, pieces in enumerate(samples.pieces):
            empty = np.zeros((0, len(samples.neurons), machine.state.width))
            yield f"out.samples.{k}.{b}", np.concatenate(pieces) if pieces else empty
    if machine.span.is_piece:
        taken = machine.readings_over_lanes.taken()
        yield from (("out.over_lanes.steps", taken.steps), ("out.over_lanes.values", taken.values))
    for k, one in enumerate(outputs.readings):
        yield from ((f"out.reading.{k}.{name}", array) for name, array in _arrays_of(one).items())


def _arrays_of(one: Reading) -> dict[str, Array]:
    value = one.value
    if isinstance(value, Spikes):
        return {"t": value.t, "i": value.i, "lane": value.lane}
    return {"value": np.asarray(value)}


def _describe(one: Reading) -> list[str]:
    kind = "spikes" if isinstance(one.value, Spikes) else "number" if isinstance(one.value, float) else "array"
    return [one.what, kind]
