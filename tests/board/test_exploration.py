"""Every sequence of requests and mishaps on a reduced board, by breadth-first search over its states: nothing passes a limit.

A state is what the future depends on: times are counted from now, and those that no rule asks for any more count as long ago.
A sequence that leads to a state that was seen before need not be gone on with, so that all sequences of a length are covered.
Planted faults show that the search would find them.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from hashlib import sha256
from types import FunctionType, MethodType
from typing import Any

import pytest

from bioasm.hardware.board.firmware import Firmware
from bioasm.hardware.board.stimulator import Stimulator
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import NOW, Kind
from bioasm.hardware.link.uploads import Uploads
from bioasm.safety import DEFAULT_LIMITS, Electrode, Guard, History, LimitsTable
from bioasm.safety.history import ChannelHistory
from tests.board.reduced import APART, CHANNELS, DISCHARGED, OWN, RATE, Beyond, Electrodes, ReducedRig, Wire, new_region

DEPTH = 8
TICK = 1e9 / RATE  # ns of a sample
TIGHT = LimitsTable(replace(DEFAULT_LIMITS, net_fraction=0.007, max_charge=2e-9, max_rate=100.0), OWN.electrodes)
LOOSE = [
    LimitsTable(replace(DEFAULT_LIMITS, max_charge=6e-9, max_current=20e-6), OWN.electrodes),
    LimitsTable(replace(DEFAULT_LIMITS, net_fraction=1.0), OWN.electrodes),
    LimitsTable(DEFAULT_LIMITS, {c: Electrode.disk(1e-3, "PEDOT") for c in range(CHANNELS)}),
]
LEFT = (m.Phase(-5000, round(4 * TICK)), m.Phase(5050, round(4 * TICK)))  # leaves 4 of the 12 that may be left
BACK = (m.Phase(-5050, round(4 * TICK)), m.Phase(5000, round(4 * TICK)))
STRONG = (m.Phase(-10_000, round(6 * TICK)), m.Phase(10_000, round(6 * TICK)))  # 3 nC
LONG = (m.Phase(-3000, round(20 * TICK)), m.Phase(3000, round(20 * TICK)))


class World:
    """A board, its electrodes, the memory that outlasts its starts, and the time of day."""

    def __init__(self, clock: int = 0, net: int = 0) -> None:
        self.electrodes, self.region, self.now = Electrodes(), new_region(), 0.0
        history = History.empty(CHANNELS)
        history.clock = clock
        mine = history.channels[0]
        self.electrodes.wires[0].net = mine.low = mine.high = net
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

    def shared(self) -> list[Any]:
        """What never changes, and the line, which nobody listens to."""
        firmware = self.firmware
        return [OWN, TIGHT, *LOOSE, self.rig.chip, firmware.programs, firmware.link, firmware.reporter]

    def key(self) -> bytes:
        """All that the future depends on, in few bytes."""
        return sha256(repr(self.state()).encode()).digest()

    def state(self) -> tuple[Any, ...]:
        """All that the future depends on. No wait but the long one, which always suffices, is near the time of discharging."""
        firmware, stimulator, truth = self.firmware, self.rig.stimulator, self.electrodes
        history, now = stimulator.guard.history, self.rig.clock
        books = tuple((since(c.start, now, c.length), c.low, c.high, c.length, c.flying) for c in history.channels)
        time = truth.time
        wires = tuple((w.net, since(w.began, time, w.ended - (w.began or 0)), grounded(w, time)) for w in truth.wires)
        queue = sorted((request.start - now, request.channel, request.pulse.levels) for request in stimulator._waiting)
        flying = [(r.start - now, r.channel, r.pulse.levels) for mine in stimulator._flying.values() for r in mine]
        table = stimulator.table.sha256 if stimulator.table else ""
        mode = (firmware.state(), firmware.fault, table, self.rig.compliance, history.ready > 0, self.rig._stimulated)
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


def ask(shape: tuple[m.Phase, ...], channels: tuple[int, ...] = (0,), count: int = 1) -> Callable[[World], None]:
    """Ask for pulses; a train is as dense as the rate allows."""
    period = round(APART * TICK) if count > 1 else 0
    return lambda world: world.firmware.request(m.Stimulate(channels, count, period, NOW, shape))


def crash(world: World) -> None:
    """The firmware stops somewhere, and the board starts; until then a watchdog of its own took the current away."""
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
    """An electrode is off for a moment."""
    world.electrodes.off = True
    world.wait(1, 2 / 1024)
    world.electrodes.off = False


def leak(world: World) -> None:
    """What the electrodes hold leaves them, as it may at any time at which nothing flows."""
    for channel, wire in enumerate(world.electrodes.wires):
        wire.net = wire.net if world.electrodes.level(channel) else 0


def net_alone(history: ChannelHistory, net: int) -> tuple[int, int]:
    """Bounds that know of no leak."""
    return history.low + net, history.high + net


ACTIONS: dict[str, Callable[[World], None]] = {
    "arm": lambda w: load(w, OWN),
    "new limits": lambda w: load(w, TIGHT),
    "loose limits": load_loose,
    "unbalanced": ask(LEFT),
    "unbalanced train": ask(LEFT, count=4),
    "unbalanced back": ask(BACK),
    "strong pulses on both": ask(STRONG, channels=(0, 1)),
    "long pulse": ask(LONG),
    "disarm": lambda w: w.firmware.request(m.Disarm()),
    "reset": reset,
    "lost link": lambda w: w.firmware.host_lost("nothing was heard"),
    "emergency stop": lambda w: w.firmware.estop(),
    "clear fault": lambda w: w.firmware.request(m.ClearFault()),
    "crash": crash,
    "power": lose_power,
    "electrode off": come_off,
    "charge leaks away": leak,
    "wait 1 ms": lambda w: w.wait(1, 1 / 1024),  # from asking it is 2 to the start of a pulse, which is admitted 1 before
    "wait 2 ms": lambda w: w.wait(1, 2 / 1024),
    "wait 30 ms": lambda w: w.wait(6),
    "wait for discharge": lambda w: w.wait(21, 0.5),
}


def copied(world: World) -> World:
    """A world of its own, but for the parts that never change; a deep copy takes ten times as long."""
    other, truth = copy.copy(world), world.electrodes
    wires = [copy.copy(wire) for wire in truth.wires]
    other.electrodes = replace(truth, wires=wires, registers=truth.registers.copy(), pending=truth.pending.copy())
    other.region = world.region.copy()
    other.firmware = copy.copy(world.firmware)
    other.firmware.pace = copy.copy(world.firmware.pace)
    other.firmware.rig = world.rig.copied(other.electrodes, other.region)
    other.firmware.rig.watch = other.firmware._watch
    return other


def explore(actions: dict[str, Callable[[World], None]], depth: int, first: World | None = None) -> int:
    """All sequences of so many actions; how many states they lead to. Raises Beyond with the shortest that passes a limit."""
    first = first or World()
    seen, level = {first.key()}, [(first, ())]
    for left in reversed(range(depth)):
        following: list[Any] = []
        for world, path in level:
            for name, act in actions.items():
                other = copied(world)
                step(other, act, (*path, name))
                key = other.key()
                if left and key not in seen:
                    following.append((other, (*path, name)))
                seen.add(key)
        level = following
    return len(seen)


def step(world: World, act: Callable[[World], None], path: tuple[str, ...]) -> None:
    """One action, after which all is as it should be."""
    try:
        act(world)
        world.electrodes.rest()
    except Beyond as why:
        raise Beyond(f"{why}, after {', '.join(path)}") from None
    assert world.firmware.fault is not m.Fault.INTERNAL, path


def changing(thing: Any, found: dict[int, Any]) -> dict[int, Any]:
    """Everything within a thing that may change, by its identity, added to what was found already."""
    kind = type(thing)
    frozen = getattr(kind, "__dataclass_params__", None) is not None and kind.__dataclass_params__.frozen
    if id(thing) in found or isinstance(thing, type | FunctionType | Enum) or frozen:
        return found
    names = [name for each in kind.__mro__ for name in getattr(each, "__slots__", ())]
    parts = [thing.__self__] if isinstance(thing, MethodType) else list(getattr(thing, "__dict__", {}).values())
    parts += [getattr(thing, name) for name in names if hasattr(thing, name)]
    parts += thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list | tuple | set | deque) else ()
    if names or isinstance(thing, list | dict | set | deque | bytearray) or hasattr(thing, "__dict__"):
        found[id(thing)] = thing
    for part in parts:
        changing(part, found)
    return found


def test_a_copied_world_shares_nothing_that_changes() -> None:
    world = World()
    for name in ("arm", "unbalanced train", "strong pulses on both", "wait 2 ms"):
        ACTIONS[name](world)
    other, shared = copied(world), {id(each): each for each in world.shared()}
    mine, theirs = changing(world, shared.copy()), changing(other, shared.copy())
    assert {id(world.region), id(world.rig.stimulator.guard), id(world.rig.stimulator._flying[0])} <= set(mine)
    assert [mine[which] for which in set(mine) & set(theirs) - set(shared)] == []
    assert other.key() == world.key()


@pytest.mark.parametrize("name", ACTIONS)
def test_what_happens_to_a_copied_world_happens_to_it_alone(name: str) -> None:
    world = World(net=8)
    for before in ("arm", "unbalanced", "wait 2 ms"):
        ACTIONS[before](world)
    key, other, deep = world.key(), copied(world), copy.deepcopy(world, {id(each): each for each in world.shared()})
    for each in (other, deep):
        ACTIONS[name](each)
    assert world.key() == key
    assert other.key() == deep.key()


def test_no_sequence_of_requests_and_mishaps_passes_a_limit() -> None:
    assert explore(ACTIONS, 5) > 500


@pytest.mark.long
def test_no_sequence_of_eight_requests_and_mishaps_passes_a_limit() -> None:
    assert explore(ACTIONS, 8) > 100_000  # states, by 640,000 actions, in 2 to 3 minutes


@pytest.mark.parametrize("net", [-12, 8, 12])
def test_nor_does_one_where_charge_is_left_from_before(net: int) -> None:
    assert explore(ACTIONS, 4, World(net=net)) > 200


@pytest.mark.parametrize("before", [100, 2000])
def test_nor_does_one_where_the_clock_comes_to_its_end(before: int) -> None:
    assert explore(ACTIONS, 4, World((1 << 62) - before)) > 100


# --- the search finds what is wrong ----------------------------------------------------------------------


def some(*names: str) -> dict[str, Callable[[World], None]]:
    """A few of the actions, so that longer sequences can be gone through."""
    return {name: ACTIONS[name] for name in names}


def forgetful_reset(world: World) -> None:
    """The old board: a reset, and all charge is forgotten."""
    world.firmware.reset()
    world.region[:] = new_region()
    world.boot()


def test_search_finds_that_a_reset_forgets() -> None:
    few = some("arm", "unbalanced train", "wait 30 ms", "reset")
    assert explore(few, 8) > 5
    with pytest.raises(Beyond, match="24 are left; 12 may be, after arm, unbalanced train, wait 30 ms, reset, arm"):
        explore({**few, "reset": forgetful_reset}, 7)


def twice(guard: Guard, channel: int, pulse: Any) -> None:
    """Give charge back twice."""
    mine = guard.history.channels[channel]
    mine.low, mine.high = mine.low - 2 * pulse.net, mine.high - 2 * pulse.net
    guard.over(channel)


def never(guard: Guard, channel: int, pulse: Any) -> None:
    """Give nothing back."""
    guard.over(channel)


def known(history: History, discharge: int) -> None:
    """Charge that is not known counts as none at once."""
    for channel in history.channels:
        channel.low = channel.high = 0


def cut(stimulator: Stimulator, now: int) -> list[Any]:
    """Leave pulses where they are."""
    stimulator._edges.clear()
    for mine in stimulator._flying.values():
        mine.clear()
    return []


DROPPED = ("arm", "wait 2 ms", "disarm", "unbalanced train", "wait 30 ms")
# What is broken, with what, which actions show it, and in how many of them.
PLANTED: dict[str, tuple[Any, str, Any, tuple[str, ...], int]] = {
    "a dropped pulse gives back too much": (Guard, "withdraw", twice, (*DROPPED, "unbalanced"), 8),
    "a dropped pulse gives nothing back": (Guard, "withdraw", never, (*DROPPED, "unbalanced back"), 7),
    "a crash leaves charge that counts as none": (History, "forget", known, tuple(ACTIONS), 6),
    "what leaks away is not thought of": (ChannelHistory, "with_net", net_alone, (*DROPPED, "charge leaks away"), 4),
    "no net charge is counted": (Guard, "_net", lambda *_: (), tuple(ACTIONS), 6),
    "no pause is kept": (Guard, "_pauses", lambda *_: (), tuple(ACTIONS), 6),
    "a host's electrodes and limits count alone": (LimitsTable, "over", lambda *_: [], tuple(ACTIONS), 6),
    "a pulse under way is cut off": (Stimulator, "cancel", cut, tuple(ACTIONS), 6),
}


@pytest.mark.parametrize("name", PLANTED)
def test_search_finds_planted_faults(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, attribute, wrong, names, depth = PLANTED[name]
    net = -8 if "leaks" in name else 8
    monkeypatch.setattr(owner, attribute, wrong)
    with pytest.raises(Beyond):
        explore(some(*names), depth, World(net=net))
