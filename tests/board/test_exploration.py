"""Every sequence of requests and mishaps on a reduced board, by breadth-first search over its states: nothing passes a limit.

A state is what the future depends on: times are counted from now, and those that no rule asks for any more count as long ago. So
a sequence that leads to a state that was seen before need not be gone on with, and what is left is all sequences of that length.
Planted faults show that the search would find them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from bioasm.board.firmware import Firmware
from bioasm.board.stimulator import Stimulator
from bioasm.link import messages as m
from bioasm.link.messages import NOW, Kind
from bioasm.link.uploads import Uploads
from bioasm.safety import DEFAULT_LIMITS, Electrode, Guard, History, LimitsTable
from tests.board.reduced import APART, CHANNELS, DISCHARGED, OWN, Beyond, Electrodes, ReducedRig, Wire, new_region

DEPTH = 8
TICK = 48_828  # ns of a sample
TIGHT = LimitsTable(replace(DEFAULT_LIMITS, net_fraction=0.007, max_charge=2e-9, max_rate=100.0), OWN.electrodes)
LOOSE = [
    LimitsTable(replace(DEFAULT_LIMITS, max_charge=6e-9, max_current=20e-6), OWN.electrodes),
    LimitsTable(replace(DEFAULT_LIMITS, net_fraction=1.0), OWN.electrodes),
    LimitsTable(DEFAULT_LIMITS, {c: Electrode.disk(1e-3, "PEDOT") for c in range(CHANNELS)}),
]
LEFT = (m.Phase(-5000, 4 * TICK), m.Phase(5050, 4 * TICK))  # leaves 4 of the 12 that may be left
BACK = (m.Phase(-5050, 4 * TICK), m.Phase(5000, 4 * TICK))
STRONG = (m.Phase(-10_000, 6 * TICK), m.Phase(10_000, 6 * TICK))  # 3 nC
LONG = (m.Phase(-1000, 20 * TICK), m.Phase(1000, 20 * TICK))


class World:
    """A board, its electrodes, the memory that outlasts its starts, and the time of day."""

    def __init__(self, clock: int = 0) -> None:
        self.electrodes, self.region, self.now = Electrodes(), new_region(), 0.0
        history = History.empty(CHANNELS)
        history.clock = clock
        self.region[:] = history.to_bytes()
        self.boot()

    def boot(self) -> None:
        """The firmware starts."""
        self.firmware = Firmware(ReducedRig(self.electrodes, self.region), 1)
        self.firmware.turn(self.now)

    @property
    def rig(self) -> Any:
        return self.firmware.rig

    def wait(self, turns: int, turn: float = 5 / 1024) -> None:
        """Let time pass in turns of whole milliseconds of 20 samples; a float holds their sum exactly."""
        for _ in range(turns):
            self.now += turn
            self.firmware.turn(self.now)

    def copy(self) -> World:
        """Another world that goes its own way; what never changes is shared, as is the line, which nobody listens to."""
        firmware = self.firmware
        never = [OWN, TIGHT, *LOOSE, OWN.electrodes, DEFAULT_LIMITS, firmware.programs, firmware.link, firmware.reporter]
        return copy.deepcopy(self, {id(each): each for each in never})

    def key(self) -> Any:
        """All that the future depends on. No wait but the long one, which always suffices, is near the time of discharging."""
        firmware, stimulator, truth = self.firmware, self.rig.stimulator, self.electrodes
        history, now = stimulator.guard.history, self.rig.clock
        books = tuple((since(c.start, now, c.length), c.net, c.length, c.flying) for c in history.channels)
        wires = tuple((w.net, since(w.began, truth.time, w.ended - (w.began or 0)), grounded(w, truth.time)) for w in truth.wires)
        queue = sorted((request.start - now, request.channel, request.pulse.levels) for request in stimulator._waiting)
        flying = [(r.start - now, r.channel, r.pulse.levels) for mine in stimulator._flying.values() for r in mine]
        table = stimulator.table.sha256 if stimulator.table else ""
        mode = (firmware.state(), firmware.fault, table, self.rig.compliance, truth.off, history.ready > 0, self.rig._stimulated)
        behind = firmware.pace.behind(now, self.now)
        return (mode, behind, books, wires, tuple(queue), tuple(flying), tuple(truth.level(c) for c in range(CHANNELS)))


def since(start: int | None, now: int, length: int) -> int:
    """A time counted from now; what no pause asks for any more is all the same."""
    return max(-1 if start is None else start - now, -max(2 * APART, 5 * length + 4))


def grounded(wire: Wire, time: int) -> int:
    """Whether a wire is not grounded, grounded, or discharged by that."""
    return 0 if wire.grounded is None else 1 + (time - wire.grounded >= DISCHARGED)


# --- what may happen -----------------------------------------------------------------------------------


def load(world: World, table: LimitsTable) -> None:
    """Upload a table, and arm with it, whatever the board says to either."""
    firmware, data = world.firmware, table.to_bytes()
    uploads, digest = Uploads(firmware.may_upload, firmware.uploaded, firmware.state), sha256(data).digest()
    uploads.begin(m.UploadBegin(Kind.LIMITS, len(data), digest))
    uploads.data(m.UploadData(0, data))
    uploads.end(m.UploadEnd(Kind.LIMITS, digest))
    firmware.link._uploads.loaded = uploads.loaded
    firmware.request(m.Arm(digest))


def load_loose(world: World) -> None:
    """Try tables that allow more than the board's own."""
    for table in LOOSE:
        load(world, table)


def ask(*shapes: tuple[m.Phase, ...], channels: tuple[int, ...] = (0,), count: int = 1, apart_ns: int = APART * TICK) -> Any:
    """Ask for pulses one after another; each train is as dense as the rate allows."""

    def act(world: World) -> None:
        for shape in shapes:
            world.firmware.request(m.Stimulate(channels, count, apart_ns if count > 1 else 0, NOW, shape))

    return act


def crash(world: World) -> None:
    """The firmware stops somewhere, the chip goes on with what it was told last, and the board starts."""
    world.electrodes.flow(3)
    world.boot()


def lose_power(world: World) -> None:
    """The memory is gone with the power."""
    world.region[20] ^= 0xFF
    world.boot()


def reset(world: World) -> None:
    """A host asks for a new start."""
    world.firmware.reset()
    world.boot()


def come_off(world: World) -> None:
    """An electrode comes off, or on again."""
    world.electrodes.off = not world.electrodes.off


ACTIONS: dict[str, Callable[[World], None]] = {
    "arm": lambda w: load(w, OWN),
    "new limits": lambda w: load(w, TIGHT),
    "loose limits": load_loose,
    "unbalanced": ask(LEFT),
    "unbalanced train": ask(LEFT, count=4),
    "unbalanced back": ask(BACK),
    "strong pulses on both": ask(STRONG, LONG, channels=(0, 1)),
    "disarm": lambda w: w.firmware.request(m.Disarm()),
    "reset": reset,
    "lost link": lambda w: w.firmware.host_lost("nothing was heard"),
    "emergency stop": lambda w: w.firmware.estop(),
    "clear fault": lambda w: w.firmware.request(m.ClearFault()),
    "crash": crash,
    "power": lose_power,
    "off": come_off,
    "wait 2 ms": lambda w: w.wait(1, 2 / 1024),
    "wait 30 ms": lambda w: w.wait(6),
    "wait for discharge": lambda w: w.wait(21, 0.5),
}


def explore(actions: dict[str, Callable[[World], None]], depth: int, clock: int = 0) -> int:
    """All sequences of so many actions; how many states they lead to. Raises Beyond with the shortest that passes a limit."""
    first = World(clock)
    seen, level = {first.key()}, [(first, ())]
    for _ in range(depth):
        following = []
        for world, path in level:
            for name, act in actions.items():
                other = world.copy()
                step(other, act, (*path, name))
                key = other.key()
                if key not in seen:
                    seen.add(key)
                    following.append((other, (*path, name)))
        level = following
        print(len(seen))
    return len(seen)


def step(world: World, act: Callable[[World], None], path: tuple[str, ...]) -> None:
    """One action, after which all is as it should be."""
    try:
        act(world)
        world.electrodes.rest()
    except Beyond as why:
        raise Beyond(f"{why}, after {', '.join(path)}") from None
    assert world.firmware.fault is not m.Fault.INTERNAL, path
