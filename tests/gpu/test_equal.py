"""A device gives the cpu driver's bytes: programs, networks at random, checkpoints that change the machine, `bioasm verify`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.gpu.driver import GpuDriver
from bioasm.drivers.gpu.runner import DeviceRunner
from bioasm.isa.program import Program
from bioasm.runtime.options import RunOptions
from bioasm.settings import verified_program
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm.machine import Machine
from tests.command import bioasm
from tests.gpu.support import TWIN, assert_same, assert_same_beginning, device, needs_device
from tests.vm.random_networks import random_program
from tests.vm.support import everything, finish

pytestmark = needs_device
PROGRAMS = Path(__file__).resolve().parents[2] / "programs"
NAMES = sorted(path.stem for path in PROGRAMS.glob("*.basm"))
SOME = ("lif_twin", "sat3", "gap_junction", "coincidence")  # feedback; spins and terms; sums; spikes, mechanisms and delays


def program(name: str) -> Program:
    return assemble((PROGRAMS / f"{name}.basm").read_text(encoding="utf-8"), folder=PROGRAMS)


@pytest.mark.parametrize("name", SOME)
def test_some_programs(name: str) -> None:
    assert_same(program(name), 17)  # two blocks, the second of a single lane


UPDATES = 2_000_000  # of a neuron, in a second or two on a device that is a processor
SMALL = {
    "boltzmann": {"samples": "100"},
    "closed_loop": {"rounds": "3", "averaged": "2"},
    "ferromagnet_2d": {"samples": "100"},
    "invertible_and": {"samples": "100"},
    "poisson_input": {"moments": "3"},
    "potjans_diesmann": {"scale": "0.02"},
    "song_abbott": {"window": "50 ms", "middle": "50 ms"},
}


@pytest.mark.long
@pytest.mark.parametrize("lanes", [1, 16, 200])
@pytest.mark.parametrize("name", NAMES)
def test_all_programs(name: str, lanes: int) -> None:
    """To their end, or for so many updates: their instructions are in the conformance kit, and here are their texts."""
    assert_same_beginning(verified_program(program(name), SMALL.get(name, {}))[0], lanes, UPDATES)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(50))
def test_random_networks(seed: int) -> None:
    assert_same(assemble(random_program(seed)), 1 + seed % 3 * 9)


PLASTIC = """
.model unit {
  state:
    v = 0
  step:
    dv/dt = -v/(10 ms) using exact
  spike: v > 1
  reset:
    v := 0
  receive:
    weight : 1
    v += weight
}
POP a, relay, 6
POP b, unit, 3
SYN wire, a, b
CON wire, all
VIA wire, stdp_pair
SET wire.weight, 0.5
SET wire.w, uniform(0, 1)
RATE a, 300 Hz, 1
REC wire.w, 1 ms
RUN 10 ms
RD wire.w
RUN 10 ms
RD wire.w
RD wire.last_event
RD spikes
"""


def test_states_of_connections_come_back_between_two_runs() -> None:
    """Which stand side by side in records, of which an array of the machine is a column."""
    assert_same(assemble(PLASTIC), 17)


def test_many_pieces_of_a_run_are_the_whole_run() -> None:
    """Launches and slices of any length, which write and read what has changed in between."""
    expected = everything(finish(Machine(verify(assemble(TWIN)), 1, 17)))
    this = Machine(verify(assemble(TWIN)), 1, 17, kernels=DeviceRunner(device(), None))
    assert everything(finish(this, budgets=iter([1, 7, 2, 40, 3, 100, 1000, 1000, 1000, 1000]))) == expected


@pytest.mark.parametrize("drivers", [(CpuDriver, GpuDriver), (GpuDriver, CpuDriver)])
def test_a_checkpoint_goes_to_the_other_driver(drivers: tuple[type[CpuDriver], type[CpuDriver]], tmp_path: Path) -> None:
    verified, path = verify(assemble(TWIN)), tmp_path / "checkpoint"
    whole = CpuDriver().run(verified, RunOptions(seed=4, lanes=17))
    made = {CpuDriver: CpuDriver(), GpuDriver: GpuDriver("opencl:p")}
    first = made[drivers[0]].run(verified, RunOptions(seed=4, lanes=17, fuel=120, checkpoint=path))
    rest = made[drivers[1]].run(verified, RunOptions(seed=4, lanes=17, checkpoint=path, resume=True))
    assert (first.status, rest.status) == ("out of fuel", "finished")
    assert rest.recordings["v"].values.tobytes() == whole.recordings["v"].values.tobytes()
    assert rest.energy_trace.tobytes() == whole.energy_trace.tobytes()
    assert rest.spikes.t.tobytes() == whole.spikes.t.tobytes() and rest.spikes.t.size > 0


def test_verify_says_that_no_bit_differs(tmp_path: Path) -> None:
    path = tmp_path / "twin.basm"
    path.write_text(TWIN)
    told = bioasm("verify", path, "--against", "gpu", "--against-option", "device=opencl:p", "--seed", 1, "--lanes", 17)
    assert told.code == 0, told.stderr
    assert told.text.splitlines()[-1] == "within tolerance, 0 deviating bits"


def test_relaxed_mathematics_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from bioasm.drivers.gpu import opencl

    text = TWIN + "; relaxed\n"
    expected = everything(finish(Machine(verify(assemble(text)), 1, 17)))
    monkeypatch.setattr(opencl, "EXACT", ("-cl-std=CL1.2", "-cl-fast-relaxed-math", "-w"))
    monkeypatch.setattr(device(), "_built", {})
    assert everything(finish(Machine(verify(assemble(text)), 1, 17, kernels=DeviceRunner(device(), None)))) != expected
