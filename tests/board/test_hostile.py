"""A hostile host: whatever it says, no pulse beyond the limits reaches the electrodes, and the board goes on living."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from random import Random
from typing import Any

import numpy as np
import pytest

from bioasm.hardware.link import messages as m
from bioasm.hardware.link.frames import Frame, encode
from bioasm.hardware.link.messages import Accepted, Kind, State, Substrate
from bioasm.hardware.link.window import GaveUp
from bioasm.safety import DEFAULT_LIMITS, Electrode, Limits, LimitsTable
from tests.board.support import DRIVE, Bench, armed, bytecode, table
from tests.seeds import seeds

QUICK = (m.Parameter("culture.baseline", 0.05),)
PROGRAM = bytecode(DRIVE)
STIMS = bytecode("ALC 4\nMOV r0, 10e-6\nagain:\nSTIM [0,1,2,3], r0, 0.2 ms\nRUN 1 ms\nJMP again\n")


def many_phases(rng: Random) -> tuple[m.Phase, ...]:
    """A balanced pulse of many phases, the long ones of one sign first: what it gathers may be too much."""
    count, level, widths = rng.randint(1, 3), 50 * rng.randint(40, 200), [50_000 * rng.choice([1, 2, 4, 6]) for _ in range(6)]
    first = [part for k in range(count) for part in (m.Phase(-level, widths[k]), m.Phase(level, 50_000))]
    return (*first, *(m.Phase(-phase.current, phase.width) for phase in reversed(first)))


def phases(rng: Random) -> tuple[m.Phase, ...]:
    """Phases of any kind, often nearly right."""
    if rng.random() < 0.7:
        level, width = 50 * rng.randint(1, 210), 50_000 * rng.choice([1, 2, 4, 8, 20, 24])
        spoiled = rng.choice([0, 0, 0, 0, 50, -50, 1])
        return (m.Phase(-level, width), m.Phase(level + spoiled, width))
    if rng.random() < 0.5:
        return many_phases(rng)
    return tuple(m.Phase(rng.randint(-(2**31), 2**31 - 1), rng.randrange(2**32)) for _ in range(rng.randint(0, 6)))


def stimulate(rng: Random) -> m.Message:
    """A request for pulses."""
    channels = tuple(rng.sample(range(16), rng.randint(1, 8)))
    if rng.random() < 0.3:
        channels = tuple(rng.randrange(20) for _ in range(rng.randint(0, 12)))
    at = rng.choice([0, 0, 0, 0, rng.randrange(2**16), rng.randrange(2**64)])
    return m.Stimulate(
        channels=channels,
        count=rng.choice([1, 3, 50, 65535]),
        period=rng.randrange(2**32) >> rng.randrange(32),
        at=at,
        phases=phases(rng),
    )


def loose_table(rng: Random) -> LimitsTable:
    """Limits at the ceiling or over it, on electrodes of any size."""
    factor = rng.choice([1.0, 1.0, 2.0, 1e6])
    limits = Limits(max_current=DEFAULT_LIMITS.max_current * factor, max_rate=DEFAULT_LIMITS.max_rate * rng.choice([1, 1, 100]))
    return LimitsTable(limits, {c: Electrode.disk(rng.choice([1e-4, 1.0, 1e-6]), "PEDOT") for c in range(16)})


def run(rng: Random) -> m.Message:
    """A request to run what may be loaded."""
    names = (
        "culture.amplitude",
        "culture.width",
        "culture.interval",
        "culture.baseline",
        "culture.bias",
        "I_max",
        "culture.noise_rate",
    )
    values = (1e-6, 6e-6, 10e-6, 1e-3, 2e-4, 0.02, 0.0, 1.0, 1e9, -1.0, float("nan"), float("inf"))
    parameters = tuple(m.Parameter(rng.choice(names), rng.choice(values)) for _ in range(rng.randint(0, 3)))
    digest = sha256(rng.choice([PROGRAM, STIMS])).digest()
    substrate = Substrate(rng.choice([0, 1, 2, 2, 2, 3, 255]))
    return m.Run(
        rng.randrange(2**32),
        digest,
        substrate,
        rng.randrange(2**64),
        rng.choice([0, 1, 1, 65535]),
        rng.choice([0, 1000, 2**64 - 1]),
        0,
        (*QUICK, *parameters),
    )


MAKERS: list[Callable[[Random], m.Message]] = [
    stimulate,
    stimulate,
    stimulate,
    run,
    run,
    lambda rng: m.Arm(rng.choice([bytes(32), bytes.fromhex(table().sha256)]), rng.choice([50, 250, 2000, 7])),
    lambda rng: m.Arm(bytes.fromhex(table().sha256), 2000),
    lambda rng: m.Disarm(),
    lambda rng: m.ClearFault(),
    lambda rng: m.ClearFault(),
    lambda rng: m.Halt(),
    lambda rng: m.Subscribe(rng.randrange(2**16), tuple(rng.randrange(70) for _ in range(rng.randint(0, 5)))),
    lambda rng: m.UploadBegin(rng.choice(list(Kind)), rng.randrange(2**32), rng.randbytes(32)),
    lambda rng: m.UploadData(rng.randrange(2**32), rng.randbytes(100)),
    lambda rng: m.UploadEnd(rng.choice(list(Kind)), rng.randbytes(32)),
    lambda rng: m.Fetch(rng.randrange(2**32), rng.randrange(2**32)),
]


def unbalanced(rng: Random) -> m.Stimulate:
    """A pulse that leaves as much as one pulse may, mostly of one sign, on any channels, one or a train."""
    sign = rng.choice([1, 1, 1, -1])
    first, second = rng.choice([(5000, 5050), (5000, 5000), (2500, 2550), (9950, 10_000)])
    shape = (m.Phase(-first * sign, 200_000), m.Phase(second * sign, 200_000))
    count, channels = rng.choice([1, 2, 4]), tuple(rng.sample(range(16), rng.randint(1, 5)))
    return m.Stimulate(channels, count, 6_000_000, m.NOW, shape)


def come_back(bench: Bench, rng: Random) -> None:
    """What a host does that hopes to be a stranger: reset, disarm, leave, fall silent, stop, subscribe; and arm again."""
    what = rng.randrange(6)
    if what == 0:
        bench.host.reset()
    elif what == 1:
        say(bench, m.Disarm())
    elif what == 2:
        bench.host.close()
    elif what == 3:
        say(bench, m.Subscribe(rng.choice([0, 1, 2, 63]), tuple(range(rng.choice([0, 4])))))
    elif what == 4:
        bench.host.estop(bench.now)
        bench.step()
        say(bench, m.ClearFault())
    elif what == 5:
        bench.silent = True
        bench.run(rng.choice([0.3, 2.2]))
        bench.silent = False
    for _ in range(3):
        live(bench, rng)
    load(bench, Kind.LIMITS, rng.choice([table(), table(), loose_table(rng)]).to_bytes())
    say(bench, m.Arm(bytes.fromhex(table().sha256), 2000))


def say(bench: Bench, message: Any) -> Any:
    """Ask without waiting for an answer."""
    return bench.host._end.reliable(message)


def load(bench: Bench, kind: Kind, data: bytes) -> None:
    """Upload piece by piece, whatever the board says to it."""
    say(bench, m.UploadBegin(kind, len(data), sha256(data).digest()))
    for at in range(0, len(data), 1000):
        say(bench, m.UploadData(at, data[at : at + 1000]))
    say(bench, m.UploadEnd(kind, sha256(data).digest()))


def act(bench: Bench, rng: Random) -> None:
    """One thing that a hostile host does."""
    what = rng.random()
    if what < 0.7:
        say(bench, rng.choice(MAKERS)(rng))
    elif what < 0.8:
        load(
            bench,
            rng.choice(list(Kind)),
            rng.choice([PROGRAM, STIMS, table().to_bytes(), loose_table(rng).to_bytes(), rng.randbytes(60)]),
        )
    elif what < 0.9:
        say_raw(bench, rng)
    else:
        bench.step(rng.randbytes(rng.randint(1, 300)))


def say_raw(bench: Bench, rng: Random) -> None:
    """A frame of any type, in this session, with a payload that may be nothing."""
    kind, number = rng.randrange(256), rng.randrange(2**16)
    frame = Frame(kind, rng.choice([bench.host._end.session, rng.randrange(256)]), number, rng.randbytes(rng.randint(0, 80)))
    bench.step(b"\0" + encode(frame))


def live(bench: Bench, rng: Random) -> None:
    """Let some time pass; a session that ended is opened again."""
    try:
        for _ in range(rng.randint(0, 8)):
            bench.step()
    except GaveUp:
        pass
    if bench.host.phase.value != "open":
        bench.reopen()


def await_slice(bench: Bench) -> None:
    """A run on a thread ends with its slice, in which a kernel may be compiled, which takes seconds of the time of day."""
    end = time.monotonic() + 120
    while bench.firmware.state() is State.RUNNING and time.monotonic() < end:
        bench.step()
        time.sleep(0.01)


@pytest.mark.parametrize("seed", seeds(8, 24))
def test_whatever_a_host_says_what_flows_is_harmless(seed: int) -> None:
    rng = Random(seed)
    bench = armed(f"emu:rhs2116?seed={seed}")
    load(bench, Kind.PROGRAM, rng.choice([PROGRAM, STIMS]))
    for _ in range(60):
        act(bench, rng)
        live(bench, rng)
    bench.silent = True
    bench.run(2.6)
    assert bench.off
    assert not bench.firmware.armed
    await_slice(bench)
    assert bench.firmware.state() in (State.DISARMED, State.FAULT)
    bench.assert_harmless()


def test_the_hostile_host_does_reach_the_electrodes() -> None:
    """Without this, the test above could pass because nothing ever flowed."""
    flowed = 0
    for seed in range(6):
        rng = Random(seed)
        bench = armed(f"emu:rhs2116?seed={seed}")
        for _ in range(40):
            say(bench, rng.choice(MAKERS[:5])(rng))
            live(bench, rng)
        flowed += len(bench.phases)
    assert flowed > 50


@pytest.mark.parametrize("seed", seeds(2, 8))
def test_no_way_of_coming_back_lets_charge_add_up(seed: int) -> None:
    """Unbalanced pulses without end, between resets, disarming and new sessions: charge is kept over all of them.

    After a crash it would have to leave the electrodes, which test_exploration follows and no count of phases can.
    """
    rng = Random(seed)
    bench = armed(f"emu:rhs2116?seed={seed}")
    for _ in range(60):
        for _ in range(rng.randint(1, 4)):
            say(bench, unbalanced(rng))
            live(bench, rng)
        come_back(bench, rng)
        if not np.any(bench.chip.stim_current):
            bench.assert_harmless()
    bench.firmware.host_lost("the end")
    bench.assert_harmless()
    assert np.abs(bench.net()).max() > 20e-12  # the limit was come near to
    assert len(bench.phases) // 2 > 130  # so that more than 1000 pulses are admitted in all


def test_what_was_said_once_does_not_count_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = armed()
    said: list[bytes] = []
    poll = bench.host.poll
    monkeypatch.setattr(bench.host, "poll", lambda now: said.append(poll(now)) or said[-1])
    pulse = (m.Phase(-5000, 200_000), m.Phase(5000, 200_000))
    assert isinstance(bench.ask(m.Stimulate((0,), 1, 0, m.NOW, pulse)), Accepted)
    bench.run(0.05)
    assert len(bench.phases) == 2
    for data in said * 2:  # within the session
        bench.step(data)
    monkeypatch.undo()
    bench.host.close()
    bench.run(0.05)
    bench.reopen().arm()
    for data in said:  # and in the next one
        bench.step(data)
    bench.run(0.1)
    assert len(bench.phases) == 2


def test_pulses_go_on_over_the_wrap_of_sequence_numbers() -> None:
    bench = armed()
    bench.host._end.sender._base = bench.firmware.link._end.receiver.expected = (1 << 16) - 3
    for channel in range(8):
        pulse = (m.Phase(-5000, 200_000), m.Phase(5000, 200_000))
        assert isinstance(bench.ask(m.Stimulate((channel,), 1, 0, m.NOW, pulse)), Accepted)
    bench.run(0.05)
    assert sorted(phase.channel for phase in bench.phases) == sorted([*range(8)] * 2)


@pytest.mark.parametrize("kind", [Kind.PROGRAM, Kind.LIMITS, Kind.ELECTRODES])
@pytest.mark.parametrize("seed", range(3))
def test_damaged_uploads_are_refused_and_nothing_else_happens(kind: Kind, seed: int) -> None:
    rng = Random(seed)
    bench = Bench("emu:rhs2116").open()
    for _ in range(15):
        data = bytearray(PROGRAM if kind is Kind.PROGRAM else table().to_bytes())
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        bench.upload(kind, bytes(data))
        assert bench.firmware.state() is State.DISARMED


def test_program_that_stimulates_without_end_stays_within_rate_and_duty() -> None:
    bench = armed()
    bench.upload(Kind.PROGRAM, STIMS)
    reply = bench.ask(m.Run(1, sha256(STIMS).digest(), Substrate.CULTURE, 1, 1, 10**6, 0, QUICK))
    assert isinstance(reply, Accepted)
    bench.run(0.3)
    starts: dict[int, list[float]] = {}
    for phase in bench.phases:
        if phase.amperes < 0:
            starts.setdefault(phase.channel, []).append(phase.start)
    assert max(map(len, starts.values())) >= 3
    for mine in starts.values():
        assert all(later - earlier > 1 / 200 - 1e-4 for earlier, later in zip(mine, mine[1:], strict=False))
    bench.assert_harmless()
