"""Requests of every type in every state, on boards of every kind: whatever comes in whatever order, nothing breaks within."""

from __future__ import annotations

from hashlib import sha256
from random import Random
from typing import Any

import pytest

from bioasm.hardware.board.settings import CHIPS, RATES, STIMULATING_RATES, BoardSettings
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import Accepted, Fault, Kind, State, Stream, Substrate
from bioasm.hardware.link.window import GaveUp
from tests.board.support import DRIVE, OBSERVE, Bench, armed, bytecode, table
from tests.board.test_hostile import MAKERS, QUICK, STIMS, load, loose_table, say

PULSE = (m.Phase(-5000, 200_000), m.Phase(5000, 200_000))
PROGRAMS = [bytecode(OBSERVE), bytecode(DRIVE), STIMS, bytecode("MODEL ising\nALC 2\nSIG 1\nRUN 100 sweeps\n")]
MISHAPS = ("_reset", "_lose_power", "_compliance", "_leak", "_stick", "_free", "_uncalibrated", "_unload", "_jump")
STATES_SEEN: set[State] = set()


def settings(rng: Random) -> BoardSettings:
    """A board with any options, of which most are harmless enough for requests to get through."""
    chip = rng.choice([*CHIPS, "rhs2116", "rhs2116", "rhs2116"])
    return BoardSettings(
        chip=chip,
        seed=rng.randrange(1 << 64),
        sample_rate=float(rng.choice(STIMULATING_RATES if chip == "rhs2116" else RATES)),
        time=rng.choice(["virtual", "virtual", "wall"]),
        baud=rng.choice([0.0, 0.0, 1e6, 115200.0]),
        loss=rng.choice([0.0, 0.0, 0.02]),
        duplicate=rng.choice([0.0, 0.1]),
        late=rng.choice([0.0, 0.1]),
        drift=rng.choice([0.0, 1000.0, -1000.0]),
        uncalibrated=rng.random() < 0.05,
        wrong_chip=rng.random() < 0.05,
        stuck=rng.choice([""] * 18 + ["0x0000", "0xFFFF"]),
        diameter_um=rng.choice([100.0, 100.0, 1.0, 1e4]),
        material=rng.choice(["unknown", "PEDOT"]),
    )


def fitting(rng: Random) -> list[Any]:
    """Requests of which most are in order, so that every state is reached."""
    digest = sha256(rng.choice(PROGRAMS)).digest()
    run = m.Run(rng.randrange(1 << 32), digest, rng.choice([Substrate.TWIN, Substrate.CULTURE]), 1, 1, 10**5, 0, QUICK)
    every = sum(1 << stream for stream in Stream)
    return [
        m.Arm(bytes.fromhex(table().sha256), rng.choice([250, 2000])),
        m.Stimulate((rng.randrange(16),), rng.choice([1, 40]), 6_000_000, m.NOW, PULSE),
        m.Subscribe(rng.choice([0, 1 << Stream.SPIKES, 1 << Stream.RAW, every]), tuple(range(rng.choice([0, 1, 16])))),
        run,
        m.Halt(),
        m.Disarm(),
        m.ClearFault(),
        m.Fetch(run.run),
    ]


def act(bench: Bench, rng: Random) -> None:
    """One request, upload, emergency stop, reset or mishap."""
    what = rng.random()
    if what < 0.5:
        say(bench, rng.choice(fitting(rng)))
    elif what < 0.7:
        say(bench, rng.choice(MAKERS)(rng))
    elif what < 0.85:
        electrodes = b"BEM1\x01\x00\x01\x00\x00"
        tables = [table().to_bytes(), table().to_bytes(), loose_table(rng).to_bytes(), electrodes, rng.randbytes(60)]
        kind = rng.choice(list(Kind))
        load(bench, kind, rng.choice(PROGRAMS) if kind is Kind.PROGRAM else rng.choice(tables))
    elif what < 0.9:
        bench.host.estop(bench.now)
    elif what < 0.93:
        bench.host.reset()
    elif what < 0.97:
        getattr(bench.station, rng.choice(MISHAPS))(rng.choice([0.0, 1.0, 5.0]), bench.now)
    else:
        bench.silent = not bench.silent


def live(bench: Bench, rng: Random) -> None:
    """Let some time pass, at times much; a session that ended is opened again. Nothing may have broken."""
    try:
        for _ in range(rng.choice([0, 1, 2, 4, 8, 30])):
            bench.step()
            STATES_SEEN.add(bench.firmware.state())
            assert bench.firmware.fault is not Fault.INTERNAL, bench.of(m.Faulted)
    except GaveUp:
        pass
    if bench.host.phase.value != "open":
        bench.reopen()


@pytest.mark.parametrize("seed", range(40))
def test_nothing_breaks_within_whatever_comes(seed: int) -> None:
    rng = Random(1000 + seed)
    bench = Bench(settings=settings(rng)).open()
    if rng.random() < 0.7:
        load(bench, Kind.LIMITS, table().to_bytes())
    for program in PROGRAMS[: rng.randint(0, 4)]:
        load(bench, Kind.PROGRAM, program)
    for _ in range(40):
        act(bench, rng)
        live(bench, rng)
    assert not [told for told in bench.of(m.Faulted) if told.reason is Fault.INTERNAL]


def test_every_state_was_reached() -> None:
    """Without this the tests above, with which it goes, could pass because nothing was ever accepted."""
    if not STATES_SEEN:
        pytest.skip("the tests before were left out")
    assert set(State) == STATES_SEEN


@pytest.mark.parametrize("pause", [0.0, 0.01, 0.1, 0.3, 2.0])
def test_spikes_are_looked_for_after_a_pulse_that_nobody_looked_at(pause: float) -> None:
    bench = armed()
    assert isinstance(bench.ask(m.Stimulate((0,), 1, 0, m.NOW, PULSE)), Accepted)
    bench.run(pause)
    assert isinstance(bench.ask(m.Subscribe(1 << Stream.SPIKES)), Accepted)
    bench.run(0.3)
    assert bench.firmware.state() is State.ARMED
    assert not bench.of(m.Faulted)
