"""Instructions that the compiled loop takes over from the host (microcode): the same results, checkpoints and faults."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.vm.layout import MICRO, Status
from bioasm.vm.machine import Machine
from bioasm.vm.microcode import Microcode
from tests.vm.support import LANES, finish, machine

ZERO = "\nMOV r1, -0.5"
LOOP = "\nMOV r0, 6\n%s: ADD r1, r1, 0.5\n%s\nRUN %s\nLOOP r0, %s\n"
NETWORK = """
CUR 1 nA
RD v
CUR r1
RD spike_count
RST
OUT r1, level
RD v"""
SPINS = "RD spins\nMERGE\nRST\nRD spins\nOUT r0, left"


def loops(body: str, between: str, duration: str) -> str:
    """A program text: twice the loop and something that drops microcode, and another loop."""
    once, last = (LOOP % (label, body, duration, label) for label in "xy")
    return f"\nMOV r2, 2\nagain:{once}{between}\nLOOP r2, again{last}"


PROGRAMS = {
    "network": f"ALC 3\nSIG 2 mV{ZERO}" + loops(NETWORK, "CLAMP 1, 0.5\nRST", "0.3 ms"),
    "network, reset first": f"ALC 3\nSIG 2 mV{ZERO}" + loops("RST\nRD v", "SET v, 0.3", "0.3 ms"),
    "spins": ".data J = [[0, -1, 0], [-1, 0, 1], [0, 1, 0]]\nMODEL ising\nALC 3\nLDJ J\nSIG 1"
    + ZERO
    + loops(SPINS, "CLAMP 1, -1\nRST", "2 sweeps"),
    "spins without couplings": f"MODEL ising\nALC 3\nSIG 1{ZERO}" + loops(SPINS, "CLAMP 1, -1", "2 sweeps"),
}


def told(this: Machine) -> list[Any]:
    """Everything that a machine's results and checkpoint consist of."""
    values = [(r.what, np.asarray(r.value)) for r in this.readings]
    readings = [(what, value.dtype, value.shape, value.tobytes()) for what, value in values]
    arrays = {name: np.asarray(a).tobytes() for name, a in (this.live_arrays() | this.chosen_values()).items()}
    ctx = this.state.ctx
    return [readings, arrays, this.model.origins(), this.steps, ctx[4:7].tolist(), this.model.best().energy.tobytes()]


def by_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave all to the host."""
    monkeypatch.setattr(Microcode, "note", lambda *_: None)


def taken_over(this: Machine) -> int:
    """The number of instructions that the loop has taken over."""
    return int((this.state["CODE"][:, 0] == MICRO).sum())


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_loop_does_what_the_host_does(monkeypatch: pytest.MonkeyPatch, name: str, lanes: int) -> None:
    ours = finish(machine(PROGRAMS[name], lanes=lanes))
    assert taken_over(ours) >= 2
    by_host(monkeypatch)
    assert told(ours) == told(finish(machine(PROGRAMS[name], lanes=lanes)))


@pytest.mark.parametrize("name", PROGRAMS)
def test_slices_end_in_the_same_states(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def states() -> list[list[Any]]:
        this, found, budgets = machine(PROGRAMS[name]), [], cycle([1, 2, 3, 5])
        status = Status.SLICE
        while status is Status.SLICE:
            this._budget = next(budgets)
            status = this.run_slice()
            if this.allocated:
                found.append(told(this))
        return found

    ours = states()
    by_host(monkeypatch)
    assert ours == states()


def test_a_number_that_is_not_finite_is_told_at_its_place() -> None:
    text = "ALC 3\nMOV r1, 1e300\nMOV r0, 9\nx: MUL r1, r1, 100\nCUR r1\nRD v\nRUN 0.1 ms\nLOOP r0, x\n"
    this = machine(text)
    with pytest.raises(BioasmError, match="CUR got inf") as caught:
        finish(this)
    assert caught.value.diagnostics[0].span.line == 5
    assert len(this.readings) == 4


def test_more_readings_than_their_buffer() -> None:
    """Six of them fill it."""
    this = finish(machine("MODEL ising\nALC 40000\nMOV r0, 20\nx: RD spins\nOUT r0\nLOOP r0, x\n"))
    assert [r.what for r in this.readings] == ["spins", "value"] * 20
    assert taken_over(this) == 1
    first = this.readings[0].value.copy()
    assert all(np.array_equal(r.value, first) for r in this.readings[::2])
    this.readings[4].value[:] = 0
    assert np.array_equal(this.readings[6].value, first)


def test_a_vector_for_an_input_leaves_it_to_the_host() -> None:
    text = ".data c = [1e-9]\nPOP a, lif, 1\nMOV r0, 5\nx: INP a.I, c\nINP a.I, r0\nRUN 0.1 ms\nLOOP r0, x\nINP a.I, c\n"
    this = finish(machine(text))
    assert taken_over(this) == 0
    assert this.program.data[0].value.array.tolist() == [1e-9]


@pytest.mark.parametrize("states", ["v = half", "v = t/(1 s)", "v = u\nu = half"])
def test_a_reset_to_what_changes_is_left_to_the_host(states: str) -> None:
    """Initial values may depend on inputs and on t, also through a definition or another state."""
    parts = {"parameters": 'dt = 0.1 ms > 0 fixed "step"', "state": states, "inputs": "I : 1", "definitions": "half = I/2"}
    model = "\n".join(f"{word}:\n{said}" for word, said in (parts | {"step": "dv/dt = -v/(1 s)"}).items())
    loop = "RUN 0.1 ms\nMOV r0, 6\nx: INP I, r0\nRST\nRD v\nRUN 0.1 ms\nLOOP r0, x\n"
    this = finish(machine(f'.model moving {{\n"moves"\n{model}\n}}\nMODEL moving\nALC 3\n{loop}'))
    assert len({r.value[0, 0] for r in this.readings}) == 6
