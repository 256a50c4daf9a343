"""Tests of limits as bytes, their hash, and comparison with a ceiling."""

from __future__ import annotations

import struct
from dataclasses import fields, replace
from math import inf, nan

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.safety import DEFAULT_LIMITS, Electrode, Limits, LimitsTable, QuantisedPulse, Rule, biphasic, quantise

NAMES = [each.name for each in fields(Limits)]
LEAST = {"min_width", "min_phases", "min_gap"}
TABLE = LimitsTable(
    Limits(), {0: Electrode.disk(30e-6), 5: Electrode(1e-9, "platinum", 1e-6, 1e-10, False), 15: Electrode(2e-9, "PEDOT")}
)
HEAD = 4 + 2 + 8 * len(NAMES)
ROW = 2 + 1 + 1 + 24


def refused(data: bytes) -> str:
    with pytest.raises(BioasmError) as caught:
        LimitsTable.from_bytes(data)
    (found,) = caught.value.diagnostics
    assert found.code == "B521"
    return found.message


def test_table_comes_back_from_its_bytes() -> None:
    assert LimitsTable.from_bytes(TABLE.to_bytes()) == TABLE


def test_length_is_that_of_the_layout() -> None:
    assert len(TABLE.to_bytes()) == HEAD + 3 * ROW == 6 + 15 * 8 + 3 * 28


def test_layout_is_fixed() -> None:
    data = LimitsTable(Limits(), {258: Electrode(1.0, "platinum")}).to_bytes()
    assert data[:6] == b"BSL1\x01\x00"
    assert struct.unpack_from("<15d", data, 6)[:2] == (10e-6, 3e-9)
    assert data[HEAD:] == struct.pack("<HBBddd", 258, 1, 1, 1.0, inf, inf)


def test_order_in_which_electrodes_were_given_does_not_matter() -> None:
    other = LimitsTable(TABLE.limits, dict(reversed(TABLE.electrodes.items())))
    assert other.sha256 == TABLE.sha256


@pytest.mark.parametrize("name", NAMES)
def test_hash_is_of_every_limit(name: str) -> None:
    changed = replace(DEFAULT_LIMITS, **{name: getattr(DEFAULT_LIMITS, name) * 2})
    assert LimitsTable(changed).sha256 != LimitsTable().sha256


@pytest.mark.parametrize(
    "electrode", [Electrode(1e-9), Electrode(2e-9, "platinum"), Electrode(2e-9, allowed=False), Electrode(2e-9, max_charge=1.0)]
)
def test_hash_is_of_every_electrode(electrode: Electrode) -> None:
    assert LimitsTable(Limits(), {0: electrode}).sha256 != LimitsTable(Limits(), {0: Electrode(2e-9)}).sha256


@pytest.mark.parametrize("cut", [0, 3, 5, HEAD - 1, HEAD, HEAD + 1, HEAD + ROW, HEAD + 3 * ROW - 1])
def test_table_cut_short(cut: int) -> None:
    assert refused(TABLE.to_bytes()[:cut])


def test_bytes_after_the_table() -> None:
    assert "there are" in refused(TABLE.to_bytes() + b"\0")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [nan, inf, -1.0])
def test_limit_that_is_none(name: str, value: float) -> None:
    data = bytearray(TABLE.to_bytes())
    struct.pack_into("<d", data, 6 + 8 * NAMES.index(name), value)
    assert refused(bytes(data))


@pytest.mark.parametrize(("name", "value"), [("max_rate", 0.0), ("max_rate", 5e-324), ("max_duty", 1e-320), ("min_gap", 1e300)])
def test_limit_whose_pause_would_be_no_number_of_samples(name: str, value: float) -> None:
    data = bytearray(TABLE.to_bytes())
    struct.pack_into("<d", data, 6 + 8 * NAMES.index(name), value)
    assert f"the limit {name} is {value:g}; it must be" in refused(bytes(data))


@pytest.mark.parametrize("name", ["min_phases", "max_simultaneous"])
def test_limit_that_counts_is_whole(name: str) -> None:
    data = bytearray(TABLE.to_bytes())
    struct.pack_into("<d", data, 6 + 8 * NAMES.index(name), 2.5)
    assert f"{name} is 2.5; it must be a whole number" in refused(bytes(data))


@pytest.mark.parametrize(
    ("at", "what", "words"),
    [
        (0, b"BSL2", "starts with"),
        (HEAD, b"\x06\x00", "stands after channel 6"),
        (HEAD + 2, b"\x09", "no material 9"),
        (HEAD + 3, b"\x02", "marked with 2"),
        (HEAD + 4, struct.pack("<d", 0.0), "area"),
        (HEAD + 4, struct.pack("<d", nan), "area"),
        (HEAD + 12, struct.pack("<d", -1.0), "greatest current"),
        (HEAD + 20, struct.pack("<d", nan), "greatest charge"),
    ],
)
def test_table_with_a_wrong_byte(at: int, what: bytes, words: str) -> None:
    data = bytearray(TABLE.to_bytes())
    data[at : at + len(what)] = what
    assert words in refused(bytes(data))


# --- ceilings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_looser_limit_is_over_the_ceiling(name: str) -> None:
    value = getattr(DEFAULT_LIMITS, name)
    looser = replace(DEFAULT_LIMITS, **{name: value / 2 if name in LEAST else value * 2})
    (found,) = LimitsTable(looser).over(LimitsTable())
    assert (found.rule, found.what) == (Rule.CEILING, name)
    assert (found.value, found.limit) == (getattr(looser, name), value)


@pytest.mark.parametrize("name", NAMES)
def test_tighter_limit_is_not_over_the_ceiling(name: str) -> None:
    value = getattr(DEFAULT_LIMITS, name)
    tighter = replace(DEFAULT_LIMITS, **{name: value * 2 if name in LEAST else value / 2})
    assert LimitsTable(tighter).over(LimitsTable()) == []


def test_limits_are_not_over_themselves() -> None:
    assert DEFAULT_LIMITS.over(DEFAULT_LIMITS) == []


# --- asking a table ---------------------------------------------------------------------------------


def test_channel_that_is_not_listed_may_not_stimulate() -> None:
    (found,) = TABLE.refusals(quantise(biphasic(1e-6, 1e-4), 1e-6, 5e-5), [1])
    assert found.rule is Rule.ELECTRODE
    assert found.what == "channel 1 is not listed"


def test_table_without_electrodes_lets_nothing_pass() -> None:
    pulse = quantise(biphasic(1e-6, 1e-4), 1e-6, 5e-5)
    assert [len(LimitsTable().refusals(pulse, [channel])) for channel in range(16)] == [1] * 16


def test_each_channel_is_held_to_its_own_electrode() -> None:
    pulse = quantise(biphasic(3e-6, 1e-4), 1e-6, 5e-5)  # 0.3 nC: 42 uC/cm2 on the disk
    assert TABLE.refusals(pulse, [0]) == []
    assert TABLE.refusals(pulse, [15]) == []
    assert {r.rule for r in TABLE.refusals(pulse, [0, 5])} == {Rule.CURRENT, Rule.CHARGE, Rule.ELECTRODE}
    assert all(r.what.startswith("channel 5, ") for r in TABLE.refusals(pulse, [0, 5]))


def test_channel_named_twice_is_refused() -> None:
    """The second row would take the place of the first, with an electrode of another size."""
    row = struct.pack("<HBBddd", 5, 1, 1, 1e-9, inf, inf)
    data = TABLE.to_bytes()
    assert "channel 5 stands after channel 5" in refused(data[:4] + b"\x02\x00" + data[6:HEAD] + row + row)


# --- a board's own table ----------------------------------------------------------------------------

OWN = LimitsTable(Limits(), {0: Electrode(2e-9, "platinum"), 1: Electrode(2e-9, allowed=False)})


@pytest.mark.parametrize(
    ("channel", "electrode", "words"),
    [
        (0, Electrode(2.1e-9, "platinum"), "area of the electrode"),
        (0, Electrode(2e-9, "titanium nitride"), "charge density for titanium nitride"),
        (1, Electrode(2e-9), "no electrode on this board that may stimulate"),
        (2, Electrode(2e-9), "no electrode on this board that may stimulate"),
    ],
)
def test_host_can_not_widen_what_a_board_knows_of_its_electrodes(channel: int, electrode: Electrode, words: str) -> None:
    (found,) = LimitsTable(Limits(), {channel: electrode}).over(OWN)
    assert found.rule is Rule.CEILING
    assert words in found.message


@pytest.mark.parametrize(
    ("channel", "electrode"),
    [
        (0, Electrode(2e-9, "platinum")),
        (0, Electrode(1e-9)),
        (0, Electrode(2e-9, max_charge=1e-9)),
        (1, Electrode(2e-9, allowed=False)),
    ],
)
def test_host_may_tighten_it(channel: int, electrode: Electrode) -> None:
    assert LimitsTable(Limits(), {channel: electrode}).over(OWN) == []


# --- ceilings, to the number ---------------------------------------------------------------------------


def test_density_is_held_below_the_double_of_the_ceiling_too() -> None:
    """0.3 of what platinum injects is 30 uC/cm2, of an unknown material 50 are allowed."""
    limits, area = Limits(cic_fraction=0.3), 1e-8
    mine, ceiling = (LimitsTable(limits, {0: Electrode(area, name)}) for name in ("unknown", "platinum"))
    (found,) = mine.over(ceiling)
    assert (found.value, found.limit, found.unit) == (pytest.approx(50), pytest.approx(30), "uC/cm2")
    assert ceiling.over(mine) == []


def test_what_is_over_a_ceiling_is_told_in_numbers() -> None:
    small, large, none = (LimitsTable(Limits(), {0: Electrode(a)} if a else {}) for a in (1e-8, 3e-8, 0.0))
    (found,) = large.over(small)
    assert (found.value, found.limit, found.unit) == (pytest.approx(30_000), pytest.approx(10_000), "um2")
    (found,) = small.over(none)
    assert (found.value, found.limit) == (1.0, 0.0)


@pytest.mark.parametrize(("level", "allowed"), [(255, True), (256, False)])
def test_range_of_the_stimulator_by_itself(level: int, allowed: bool) -> None:
    shape = QuantisedPulse((-level, level), (2, 2), 10e-9, 50e-6)
    refused = {each.rule for each in LimitsTable(Limits(), {0: Electrode(1e-8)}).refusals(shape, [0])}
    assert refused == (set() if allowed else {Rule.RANGE})
