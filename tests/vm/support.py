"""What the tests of the machine share: programs from text, runs in slices of any size, and literals of data."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError
from bioasm.drivers.cpu import CpuDriver
from bioasm.isa.program import Program
from bioasm.network.references import SPIKE_COUNT, STATE
from bioasm.results import Result, Spikes
from bioasm.runtime.observables import best_energy, best_state, energy
from bioasm.runtime.options import RunOptions
from bioasm.runtime.outcome import recordings
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm.layout import Status
from bioasm.vm.machine import Machine

Array = NDArray[Any]

LANES = [1, 20]  # one by one, and two blocks of sixteen of which the second is not full


@lru_cache(maxsize=512)
def program(text: str) -> Program:
    """A program of a text."""
    return assemble(text)


def run(text: str, seed: int = 1, lanes: int = 1, **options: Any) -> Result:
    """Run a text on the cpu driver with one thread."""
    chosen = {"threads": 1, **options}
    return CpuDriver().run(verify(program(text)), RunOptions(seed=seed, lanes=lanes, **chosen))


def machine(text: str, seed: int = 1, lanes: int = 1, **options: Any) -> Machine:
    """A machine that has not run yet."""
    return Machine(verify(program(text)), seed, lanes, **options)


def finish(this: Machine, budgets: Iterator[int] | None = None) -> Machine:
    """Run a machine to its end, each slice with the next budget."""
    status = Status.SLICE
    while status is Status.SLICE:
        if budgets is not None:
            this._budget = next(budgets)
        status = this.run_slice()
    assert status is Status.HALT
    this.close()
    return this


def outs(result: Result) -> list[float]:
    """What the program emitted by OUT and RD of numbers, in order."""
    return [float(np.ravel(reading.value)[0]) for reading in result.results]


def reading(result: Result, what: str) -> Any:
    """The value of the only result called `what`."""
    (value,) = [r.value for r in result.results if r.what == what]
    return value


def fault(run_it: Callable[[], object]) -> tuple[str, int, str]:
    """Code, line and message of the error that a run ends with."""
    try:
        run_it()
    except BioasmError as raised:
        (found,) = raised.diagnostics
        return found.code, found.span.line if found.span else 0, found.message
    raise AssertionError("the run came to its end")


# --- everything that a run leaves behind, to compare two of them ------------------------------------------


def _flat(value: Any) -> list[Array]:
    if isinstance(value, Spikes):
        return [value.t, value.i, value.lane]
    return [np.asarray(value)]


def everything(this: Machine) -> list[tuple[str, bytes]]:
    """Every observable of a machine as named bytes."""
    found: list[tuple[str, Any]] = [
        ("energy", energy(this)),
        ("best_energy", best_energy(this)),
        ("best_state", best_state(this)),
        ("trace", this.model.trace()),
        ("state", this.model.read(STATE)),
        ("registers", this.state["VALUES"][:32]),
        ("steps", this.steps),
    ]
    if this.model.spiking:
        found += [("spikes", this.model.spikes()), ("count", this.model.read(SPIKE_COUNT))]
    for name, recording in recordings(this.model).items():
        found += [(name, recording.t), (name, recording.neurons), (name, recording.values)]
    found += [(r.what, r.value) for r in this.outputs.readings]
    return [(name, array.tobytes()) for name, value in found for array in _flat(value)]


# --- literals -------------------------------------------------------------------------------------------


def vector(values: Any) -> str:
    """A dense vector as text."""
    return "[" + ", ".join(_number(v) for v in values) + "]"


def matrix(rows: Any) -> str:
    """A dense matrix as text."""
    return "[" + ", ".join(vector(row) for row in rows) + "]"


def sparse(dense: Array, symmetric: bool = False) -> str:
    """The entries of a matrix that are not 0 as a sparse literal."""
    row, column = np.nonzero(np.triu(dense) if symmetric else dense)
    entries = " | ".join(f"{i} {j} {_number(dense[i, j])}" for i, j in zip(row, column, strict=True))
    word = " symmetric" if symmetric else ""
    return f"sparse({len(dense)}){word} {{ {entries} }}"


def terms(n: int, found: dict[tuple[int, ...], float]) -> str:
    """Higher-order terms as text."""
    entries = " | ".join(f"{' '.join(map(str, index))} {_number(w)}" for index, w in found.items())
    return f"terms({n}) {{ {entries} }}"


def _number(value: Any) -> str:
    value = float(value)
    return str(int(value)) if value == int(value) else repr(value)


def wait_until(condition: Callable[[], bool]) -> bool:
    """Whether something comes true within 20 seconds."""
    end = time.monotonic() + 20
    while not (true := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return true


def has_ended(process: int) -> bool:
    """Whether a process is gone, or a zombie that no other process waits for."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout
    return state.strip()[:1] in ("", "Z")
