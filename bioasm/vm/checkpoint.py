"""Checkpoints: a run written to a file so that it goes on elsewhere, bit for bit, as if it had never stopped."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic, error
from bioasm.files import check_replaceable, whole
from bioasm.results.result import Reading, Spikes
from bioasm.vm.layout import Ctx
from bioasm.vm.machine import Machine
from bioasm.vm.outputs import Samples

Array = NDArray[Any]

FORMAT = 2


def save_checkpoint(path: Path, machine: Machine, program_sha256: str) -> None:
    """Write the run to `path` (npz), whole or not at all. Raises BioasmError B302 where it can't be written."""
    machine.outputs.drain()
    arrays = machine.state.snapshot() | _outputs(machine)
    arrays |= {f"model.{name}": array for name, array in machine.model.kept().items()}
    meta = {
        "format": FORMAT,
        "program_sha256": program_sha256,
        "seed": machine.seed,
        "lanes": machine.lanes,
        "n": machine.state.n,
        "loaded": machine.loaded,
        "parameters": machine.parameters,
        "recorders": [[s.variable, s.code, s.every, s.start, s.active] for s in machine.outputs.samples],
        "readings": [_describe(r) for r in machine.outputs.readings],
    }
    meta["checksum"] = _checksum(arrays)
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    check_replaceable(path)
    with whole(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_checkpoint(path: Path, machine: Machine, program_sha256: str) -> None:
    """Put a machine that has not run yet where the checkpoint stands.

    Raises BioasmError: B301 where the file can't be read, B404 where it belongs to another program, seed or number of lanes.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(arrays.pop("meta").tobytes())
    except FileNotFoundError as cause:
        raise error("B301", f"there is no checkpoint {path}") from cause
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as cause:
        raise error("B404", f"{path} is no checkpoint, or is damaged") from cause
    _check(path, meta, arrays, machine, program_sha256)
    try:
        _restore(machine, meta, arrays)
    except (KeyError, ValueError, TypeError, IndexError) as cause:
        raise error("B404", f"{path} is damaged") from cause


def checkpoint_seed(path: Path) -> int:
    """The seed of the run that a checkpoint holds. Raises BioasmError B301 or B404 as `load_checkpoint` does."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return int(json.loads(file["meta"].tobytes())["seed"])
    except FileNotFoundError as cause:
        raise error("B301", f"there is no checkpoint {path}") from cause
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as cause:
        raise error("B404", f"{path} is no checkpoint, or is damaged") from cause


def _check(path: Path, meta: dict[str, Any], arrays: dict[str, Array], machine: Machine, program_sha256: str) -> None:
    own = {"format": FORMAT, "program_sha256": program_sha256, "seed": machine.seed, "lanes": machine.lanes}
    words = {"format": "version of the format", "program_sha256": "program"}
    wrong = [
        Diagnostic("B404", f"{path} was written for another {words.get(name, name)}: {meta.get(name)}, not {value}")
        for name, value in own.items()
        if meta.get(name) != value
    ]
    if wrong:
        raise BioasmError(*wrong)
    if meta.get("checksum") != _checksum(arrays):
        raise error("B404", f"{path} is damaged")


def _checksum(arrays: dict[str, Array]) -> str:
    """Of all arrays with their names and shapes: what a kernel is given must be what a kernel had."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name}{arrays[name].dtype}{arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _restore(machine: Machine, meta: dict[str, Any], arrays: dict[str, Array]) -> None:
    machine.parameters.update(meta["parameters"])
    fuel = int(machine.state.ctx[Ctx.FUEL])
    if meta["n"]:
        machine.allocate(int(meta["n"]))
    for name, pc in meta["loaded"].items():
        operand: Any = machine.program.instructions[pc].operands[0]
        setattr(machine.couplings, {"LDJ": "j", "LDH": "h", "LDT": "terms"}[name], machine.data(operand))
    machine.loaded.update(meta["loaded"])
    if machine.couplings.loaded:
        machine.model.load(machine.couplings)
    machine.state.restore(arrays)
    machine.model.restore({name.removeprefix("model."): a for name, a in arrays.items() if name.startswith("model.")})
    machine.state.ctx[Ctx.FUEL] = max(fuel, 0)  # fuel bounds what one process runs
    machine.forget_kernel()
    _restore_outputs(machine, meta, arrays)


# --- outputs --------------------------------------------------------------------------------------------


def _outputs(machine: Machine) -> dict[str, Array]:
    outputs, found = machine.outputs, {}
    joined = np.concatenate(outputs.spikes, axis=1) if outputs.spikes else np.zeros((2, 0), np.int64)
    found["out.spikes"] = joined
    for b, entries in enumerate(outputs.trace):
        found[f"out.trace.{b}"] = np.concatenate(entries) if entries else np.zeros((0, machine.state.width))
    for k, samples in enumerate(outputs.samples):
        found[f"out.neurons.{k}"] = samples.neurons
        for b, pieces in enumerate(samples.pieces):
            found[f"out.samples.{k}.{b}"] = np.concatenate(pieces) if pieces else np.zeros((0, len(samples.neurons), 0))
    for k, reading in enumerate(outputs.readings):
        found |= {f"out.reading.{k}.{name}": array for name, array in _arrays_of(reading).items()}
    return found


def _arrays_of(reading: Reading) -> dict[str, Array]:
    value = reading.value
    if isinstance(value, Spikes):
        return {"t": value.t, "i": value.i, "lane": value.lane}
    return {"value": np.asarray(value)}


def _describe(reading: Reading) -> list[str]:
    kind = "spikes" if isinstance(reading.value, Spikes) else "number" if isinstance(reading.value, float) else "array"
    return [reading.what, kind]


def _restore_outputs(machine: Machine, meta: dict[str, Any], arrays: dict[str, Array]) -> None:
    outputs = machine.outputs
    outputs.spikes = [arrays["out.spikes"]]
    outputs.spikes_taken = arrays["out.spikes"].shape[1]
    outputs.trace = [[arrays[f"out.trace.{b}"]] for b in range(machine.state.blocks)]
    outputs.trace_taken = sum(entries[0].size for entries in outputs.trace)
    for k, (variable, code, every, start, active) in enumerate(meta["recorders"]):
        pieces = [[arrays[f"out.samples.{k}.{b}"]] for b in range(machine.state.blocks)]
        pieces = [[p for p in block if len(p)] for block in pieces]
        outputs.samples.append(Samples(variable, code, every, start, arrays[f"out.neurons.{k}"], active, pieces))
    outputs.bytes_recorded = sum(p.nbytes for s in outputs.samples for block in s.pieces for p in block)
    outputs.rebuild_recorders()
    outputs.readings[:] = [_reading(arrays, k, *words) for k, words in enumerate(meta["readings"])]


def _reading(arrays: dict[str, Array], k: int, what: str, kind: str) -> Reading:
    part = f"out.reading.{k}"
    if kind == "spikes":
        return Reading(what, Spikes(arrays[f"{part}.t"], arrays[f"{part}.i"], arrays[f"{part}.lane"]))
    value = arrays[f"{part}.value"]
    return Reading(what, float(value) if kind == "number" else value)
