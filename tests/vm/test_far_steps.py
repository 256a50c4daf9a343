"""Runs whose steps need more than 32 bits, up to the last that a run may have, against the definitions.

Nobody waits for four thousand million steps: at an early `RUN 0` the machine and its definition are set to a late one, with all
that starts there (recorders, waveforms, trains of spikes, delays) behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioasm.binary.writer import program_hash
from bioasm.diagnostics import BioasmError
from bioasm.isa.limits import limit
from bioasm.runtime.outcome import recordings
from bioasm.verifier.gate import verify
from bioasm.vm.checkpoint import load_checkpoint, save_checkpoint
from bioasm.vm.layout import Block, Ctx, Real, Status
from bioasm.vm.machine import Machine
from tests.vm.against_reference import ROUNDING, apart
from tests.vm.network_programs import SENT
from tests.vm.network_reference import NetworkReference
from tests.vm.reference import Spins, Twin
from tests.vm.support import everything, finish, machine, matrix, program
from tests.vm.test_spins import COOLING, SIGNS, START, SYMMETRIC

BEGUN = ("REC ", "EVT ", "PLAY ", "RATE ", "INP ")
FAR = {"past 32 bits": 2**32 - 11, "the last steps": limit("steps") - 1000, "past 31 bits": 2**31 - 11}
WORDS = {"spins, whole": f"LDJ {matrix(SIGNS)}\n", "spins, real": f"LDJ {matrix(SYMMETRIC)}\n"}
TWIN = (
    "ALC 5\nSIG 3 mV\nCUR 0.4 nA\nRUN 0\nREC v, 0.1 ms\nSPK [[0.4e-3, 1], [2.1e-3, 3], [4e-3, 0]], 2 mV\n"
    "POI 900 Hz, 1 mV\nRUN 30 ms\nRD\n"
)


def marked(text: str) -> str:
    """A network's program with a `RUN 0` before all that begins at a step."""
    head, run, rest = text.partition("RUN ")
    lines = head.splitlines(keepends=True)
    begun = [line for line in lines if line.startswith(BEGUN)]
    return "".join(line for line in lines if line not in begun) + "RUN 0\n" + "".join(begun) + run + rest


TEXTS = {name: START.replace("REC s\n", "") + j + "RUN 0\nREC s\n" + COOLING for name, j in WORDS.items()}
TEXTS |= {"twin": TWIN, "network": marked(SENT)}


def set_out(text: str, lanes: int, step: int) -> Machine:
    """A machine that stands behind its `RUN 0`, at a late step."""
    this = machine(text, lanes=lanes)
    place = next(at for at, each in enumerate(this.verified.instructions) if each.mnemonic == "RUN")
    while this.state.ctx[Ctx.PC] <= place:
        this._budget = 1
        this.run_slice()
    state = this.state
    assert (state.ctx[Ctx.PC], state.ctx[Ctx.STEP], state.ctx[Ctx.RUNNING]) == (place + 1, 0, 0)
    state.ctx[Ctx.STEP] = state.ctx[Ctx.RUN_END] = state.ctx[Ctx.TARGET] = step
    state["BLOCK"][:, Block.STEP] = step
    state.real[Real.CLOCK] = step * state.real[Real.DT]
    return this


def definition(text: str, lane: int, step: int) -> Any:
    """The same lane by the definition."""

    def run(duration: float) -> None:
        if duration:
            do_run(duration)
        else:
            one.step = one.began = step
            one.clock = step * one.dt

    kinds = {"MODEL": lambda: Spins(program(text), 1, lane), "ALC": lambda: Twin(program(text), 1, lane)}
    one: Any = kinds.get(text.split()[0], lambda: NetworkReference(verify(program(text)), 1, lane))()
    do_run, one.do_run = one.do_run, run
    return one.execute()


@cache
def ran(name: str, where: str, lanes: int) -> Machine:
    """The machine at its end."""
    return finish(set_out(TEXTS[name], lanes, FAR[where]))


def compared(name: str, where: str, lanes: int) -> Iterator[tuple[str, Any, Any]]:
    """What is compared: a name, what was found and what should be."""
    this, found = ran(name, where, lanes), recordings(ran(name, where, lanes).model)
    for lane in {0, lanes - 3} if lanes > 3 else {0}:
        one = definition(TEXTS[name], lane, FAR[where])
        assert this.state.ctx[Ctx.STEP] == one.step > FAR[where]
        if name == "network":
            yield from ((word, found[word].values[lane], np.array(kept[3])) for word, kept in one.recorders.items())
        else:
            (only,) = found.values()
            yield "recorded", only.values[lane], np.array(one.recorded)
        if hasattr(one, "spikes"):
            spikes = this.model.spikes()
            mine = spikes.lane == lane
            steps = np.rint(spikes.t[mine] / this.state.real[Real.DT]).astype(np.int64)
            found_spikes = sorted(zip(steps.tolist(), spikes.i[mine].tolist(), strict=True))
            yield "spikes", np.array(found_spikes), np.array(sorted(one.spikes))


@pytest.mark.parametrize(("where", "lanes"), [("past 31 bits", 1), ("past 32 bits", 20), ("the last steps", 1)])
@pytest.mark.parametrize("name", TEXTS)
def test_late_steps_are_those_of_the_definition(name: str, where: str, lanes: int) -> None:
    for what, found, expected in compared(name, where, lanes):
        assert expected.size > 0, what
        assert apart(found.astype(float), expected.astype(float)) <= (0 if what == "spikes" else ROUNDING), what


@pytest.mark.parametrize("name", TEXTS)
def test_late_steps_do_not_repeat_early_ones(name: str) -> None:
    """Noise and all that is drawn go by the whole number of the step, not by its lower half."""
    early, late = (finish(set_out(TEXTS[name], 1, step)) for step in (0, 2**32))
    first, second = (next(iter(recordings(this.model).values())).values for this in (early, late))
    assert first.shape == second.shape
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("name", TEXTS)
def test_checkpoints_at_late_steps(name: str, tmp_path: Path) -> None:
    where, digest = "past 32 bits", program_hash(program(TEXTS[name]))
    this = set_out(TEXTS[name], 20, FAR[where])
    for budget in (5, 9, 40):
        this._budget = budget
        if this.run_slice() is Status.HALT:
            break
        save_checkpoint(tmp_path / "c", this, digest)
        this.close()
        this = machine(TEXTS[name], lanes=20)
        load_checkpoint(tmp_path / "c", this, digest)
    assert everything(finish(this)) == everything(ran(name, where, 20))


def test_no_run_goes_past_the_last_step() -> None:
    text = TEXTS["twin"].replace("RUN 30 ms", "RUN 1 s")
    with pytest.raises(BioasmError, match="steps"):
        finish(set_out(text, 1, limit("steps") - 1000))
