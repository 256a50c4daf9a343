"""The interlock in C against bioasm/safety: the same refusals for random pulses, tables and histories, and the same memory."""

from __future__ import annotations

import ctypes
import math
import random
from pathlib import Path

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.safety import DEFAULT_LIMITS, Electrode, Guard, History, Limits, LimitsTable, QuantisedPulse, Refusal
from bioasm.safety.materials import MATERIALS
from tests.firmware.conftest import make

STEP, PERIOD, CHANNELS, PHASES, REFUSALS = 50e-9, 1 / 20000, 16, 16, 192


class CLimits(ctypes.Structure):
    _fields_ = [("values", ctypes.c_double * 15)]


class CElectrode(ctypes.Structure):
    _fields_ = [*((name, ctypes.c_double) for name in ("area", "current", "charge")), ("flags", ctypes.c_uint8 * 3)]


class CTable(ctypes.Structure):
    _fields_ = [("limits", CLimits), ("electrodes", CElectrode * CHANNELS), ("beyond", ctypes.c_int)]


class CPulse(ctypes.Structure):
    _fields_ = [("phases", ctypes.c_uint32), ("levels", ctypes.c_int32 * PHASES), ("samples", ctypes.c_uint32 * PHASES)]


class CRefusal(ctypes.Structure):
    _fields_ = [("rule", ctypes.c_uint8), ("value", ctypes.c_double), ("limit", ctypes.c_double)]


class CRefusals(ctypes.Structure):
    _fields_ = [("count", ctypes.c_uint32), ("found", CRefusal * REFUSALS)]


class CGuard(ctypes.Structure):
    _fields_ = [
        *(("limits", CLimits), ("step", ctypes.c_double), ("period", ctypes.c_double)),
        *(("region", ctypes.c_void_p), ("discharge", ctypes.c_int64)),
    ]


@pytest.fixture(scope="module")
def c(builds: Path) -> ctypes.CDLL:
    found = ctypes.CDLL(str(make(builds, "safety.so")))
    found.guard_wait.restype = ctypes.c_double
    return found


def in_c(pulse: QuantisedPulse) -> CPulse:
    count = len(pulse.levels)
    levels, samples = ([*values[:PHASES], *[0] * (PHASES - count)] for values in (pulse.levels, pulse.samples))
    return CPulse(count, (ctypes.c_int32 * PHASES)(*levels), (ctypes.c_uint32 * PHASES)(*samples))


def told(found: CRefusals) -> list[tuple[int, float, float]]:
    return [(r.rule, r.value, r.limit) for r in found.found[: found.count]]


def alike(mine: CRefusals, theirs: list[Refusal]) -> bool:
    """The same rules in the same order; values to within rounding, where a logarithm or a sum has another last digit."""
    pairs = told(mine)
    if [rule for rule, _, _ in pairs] != [int(r.rule) for r in theirs]:
        return False
    numbers = zip(pairs, theirs, strict=True)
    return all(math.isclose(v, r.value, rel_tol=1e-9, abs_tol=1e-15) and most == r.limit for (_, v, most), r in numbers)


def random_pulse(rng: random.Random) -> QuantisedPulse:
    """Pulses near every limit: mostly balanced, and now and then with anything."""
    count = rng.choice((2, 2, 2, 2, 3, 4, 1, 0, 16))
    width, level = rng.choice((1, 2, 3, 4, 6, 10, 20, 21)), rng.choice((1, 10, 20, 60, 120, 199, 200, 201, 255, 300))
    levels = [(-level if k % 2 == 0 else level) * rng.choice((1, 1, 1, 1, -1, 2)) for k in range(count)]
    samples = [width * rng.choice((1, 1, 1, 2)) if rng.random() < 0.97 else 0 for _ in range(count)]
    if count == 2 and rng.random() < 0.3:
        levels[1] += rng.choice((-1, 1, 2))
    if count and rng.random() < 0.03:
        levels[rng.randrange(count)] = 0
    return QuantisedPulse(tuple(levels), tuple(samples), STEP, PERIOD)


def random_table(rng: random.Random) -> LimitsTable:
    electrodes = {}
    for channel in range(CHANNELS):
        if rng.random() < 0.9:
            own = (rng.choice((math.inf, 8e-6)), rng.choice((math.inf, 1e-9)))
            area = math.pi * (rng.choice((30, 50, 100, 100, 101)) * 1e-6) ** 2 / 4
            electrodes[channel] = Electrode(area, rng.choice(list(MATERIALS)), *own, rng.random() < 0.95)
    names = {"max_current": (10e-6, 5e-6), "max_charge": (3e-9, 1e-9, 4e-9), "max_width": (1e-3, 5e-4), "min_phases": (2, 1, 3)}
    names |= {
        "shannon_k": (1.5, 0.2),
        "net_fraction": (0.01, 0.0, 0.05),
        "min_gap": (200e-6, 1e-3),
        "max_rate": (200.0, 50.0, 333.3),
    }
    names |= {"max_simultaneous": (8, 2), "max_total_current": (50e-6, 12e-6), "max_duty": (0.2, 0.05)}
    return LimitsTable(Limits(**{name: rng.choice(values) for name, values in names.items()}), electrodes)  # type: ignore[arg-type]


def read(c: ctypes.CDLL, data: bytes) -> tuple[int, CTable]:
    table = CTable()
    return c.limits_read(ctypes.byref(table), data, len(data)), table


OWN = LimitsTable(DEFAULT_LIMITS, dict.fromkeys(range(CHANNELS), Electrode.disk(100e-6)))


@pytest.mark.parametrize("seed", range(4))
def test_single_pulses_and_tables(seed: int, c: ctypes.CDLL) -> None:
    rng, refused = random.Random(seed), 0
    for _ in range(60):
        table = random_table(rng)
        why, mine = read(c, table.to_bytes())
        assert why == 0
        found = CRefusals()
        c.limits_over(ctypes.byref(found), ctypes.byref(mine), ctypes.byref(read(c, OWN.to_bytes())[1]))
        assert alike(found, table.over(OWN))
        for _ in range(100):
            pulse, channel, found = random_pulse(rng), rng.randrange(CHANNELS), CRefusals()
            c.check_pulse(
                *map(ctypes.byref, (found, in_c(pulse), mine)), channel, ctypes.c_double(STEP), ctypes.c_double(PERIOD)
            )
            theirs = table.refusals(pulse, (channel,))
            if channel not in table.electrodes:
                assert [rule for rule, _, _ in told(found)] == [int(r.rule) for r in theirs]
                continue
            refused += bool(theirs)
            assert alike(found, theirs), (pulse, told(found), theirs)
    assert 600 < refused < 5900


def test_damaged_tables_are_refused_alike(c: ctypes.CDLL) -> None:
    rng, accepted = random.Random(7), 0
    for _ in range(4000):
        data = bytearray(random_table(rng).to_bytes())
        for _ in range(rng.randrange(3)):
            data[rng.randrange(len(data))] = rng.choice((0, 0xFF, 0x7F, rng.randrange(256)))
        if rng.random() < 0.1:
            data = data[: rng.randrange(len(data))]
        try:
            LimitsTable.from_bytes(bytes(data))
            fine = True
        except BioasmError:
            fine = False
        accepted += fine
        assert (read(c, bytes(data))[0] == 0) == fine
    assert 1000 < accepted < 3900


@pytest.mark.parametrize("seed", range(4))
def test_histories_are_the_same_to_the_byte(seed: int, c: ctypes.CDLL) -> None:
    rng, admitted = random.Random(seed), 0
    table = random_table(rng)
    region = bytearray(History.empty(CHANNELS).to_bytes())
    mirror = (ctypes.c_uint8 * len(region))(*region)
    theirs, mine = Guard(table.limits, STEP, PERIOD, region, CHANNELS), CGuard()
    begin = (ctypes.byref(read(c, table.to_bytes())[1].limits), ctypes.c_double(STEP), ctypes.c_double(PERIOD), mirror)
    c.guard_begin(ctypes.byref(mine), *begin)
    clock, flying = 0, []
    for _ in range(4000):
        what, channel = rng.random(), rng.randrange(6)
        clock += rng.choice((0, 1, 4, 10, 50, 100, 120, 1000))
        if what < 0.7:
            pulse, found = random_pulse(rng), CRefusals()
            fine = c.guard_admit(*map(ctypes.byref, (found, mine)), ctypes.c_int64(clock), channel, ctypes.byref(in_c(pulse)))
            refusals = theirs.admit(clock, (channel,), pulse)
            assert alike(found, refusals), (told(found), refusals)
            assert bool(fine) == (not refusals)
            flying += [(channel, pulse)] if fine else []
            admitted += bool(fine)
        elif what < 0.9 and flying:
            channel, pulse = flying.pop(rng.randrange(len(flying)))
            if rng.random() < 0.3:
                c.guard_withdraw(ctypes.byref(mine), channel, ctypes.byref(in_c(pulse)))
                theirs.withdraw(channel, pulse)
            else:
                c.guard_over(ctypes.byref(mine), channel)
                theirs.over(channel)
        elif what < 0.905:
            c.guard_forget(ctypes.byref(mine))
            theirs.forget()
            clock += rng.choice((10, 200_000, 210_000))
        elif what < 0.91:
            if rng.random() < 0.5:
                region[rng.randrange(len(region))] ^= 1 << rng.randrange(8)
                mirror[:] = list(region)
            flying.clear()
            theirs = Guard(table.limits, STEP, PERIOD, region, CHANNELS)
            c.guard_begin(ctypes.byref(mine), *begin)
            clock = max(clock, theirs.history.clock) + rng.choice((0, 210_000))
        else:
            c.guard_tick(ctypes.byref(mine), ctypes.c_int64(clock))
            theirs.tick(clock)
        assert bytes(mirror) == bytes(region)
        assert c.guard_wait(ctypes.byref(mine)) == theirs.wait()
    assert admitted > 100
