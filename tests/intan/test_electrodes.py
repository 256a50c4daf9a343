"""Tests of the electrode map: what a file says, and what is wrong with it, with line and column."""

from __future__ import annotations

from math import inf, pi
from pathlib import Path

import pytest

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.drivers.intan.electrodes import COLUMNS, Site, default_map, parse_map, read_map
from bioasm.safety import DEFAULT_LIMITS, Electrode, biphasic, quantise

WHOLE = """\
# array A, 2 neurons
neuron, channel, x_um, y_um, diameter_um, material,         max_current_uA, max_charge_nC, stimulate
0,      3,       0,    0,    30,          platinum,         ,               ,              yes
0,      4,       0,    200,  30,          Titanium Nitride, 5,              0.5,           no     # a bad one

1,      7,       -200, 1e1
,       9
"""


def faults(text: str) -> list[Diagnostic]:
    with pytest.raises(BioasmError) as caught:
        parse_map(text, "m.csv")
    assert {d.code for d in caught.value.diagnostics} == {"B522"}
    return list(caught.value.diagnostics)


def fault(text: str) -> tuple[str, int, int]:
    """The message of the only fault, with its line and column."""
    (found,) = faults(text)
    assert found.span is not None
    assert found.span.source == "m.csv"
    assert found.excerpt == text.splitlines()[found.span.line - 1]
    return found.message, found.span.line, found.span.column


# --- what a map says --------------------------------------------------------------------------------


def test_sites_of_a_map() -> None:
    first, second, third, fourth = parse_map(WHOLE, "m.csv").sites
    area = pi * (30e-6) ** 2 / 4
    assert first.electrode is not None and second.electrode is not None
    assert (first.channel, first.neuron, first.place) == (3, 0, (0.0, 0.0))
    assert first.electrode.area == pytest.approx(area)
    assert (first.electrode.material, first.electrode.max_current, first.electrode.allowed) == ("platinum", inf, True)
    assert second.electrode.material == "titanium nitride"
    assert (second.electrode.max_current, second.electrode.max_charge) == pytest.approx((5e-6, 0.5e-9))
    assert not second.electrode.allowed
    assert (third.channel, third.neuron, third.electrode) == (7, 1, None)
    assert third.place == pytest.approx((-200e-6, 10e-6))
    assert fourth == Site(9)


def test_channels_of_neurons() -> None:
    read = parse_map(WHOLE, "m.csv")
    assert read.neurons == 2
    assert read.channels(2) == ((3, 4), (7,))
    assert read.channels(1) == ((3, 4),)
    assert read.channels(3) == ((3, 4), (7,), ())


def test_limits_have_the_electrodes_of_known_size() -> None:
    table = parse_map(WHOLE, "m.csv").limits()
    assert table.limits == DEFAULT_LIMITS
    assert sorted(table.electrodes) == [3, 4]
    pulse = quantise(biphasic(1e-6, 1e-4), 1e-7, 5e-5)
    assert [bool(table.refusals(pulse, [c])) for c in (3, 4, 7, 9)] == [False, True, True, True]


def test_an_area_in_place_of_a_diameter() -> None:
    (site,) = parse_map("channel, area_um2\n0, 700\n", "m").sites
    assert site.electrode is not None
    assert site.electrode.area == pytest.approx(700e-12)
    assert site.electrode.material == "unknown"


def test_without_a_column_of_neurons_rows_are_neurons() -> None:
    assert parse_map("channel\n5\n3\n", "m").channels(2) == ((5,), (3,))


@pytest.mark.parametrize("text", ["neuron,channel\n0,1\n2,3\n", "neuron,channel\n2,3\n0,1\n5,7\n"])
def test_neurons_are_counted_up_to_the_first_that_is_missing(text: str) -> None:
    assert parse_map(text, "m").neurons == 1


@pytest.mark.parametrize("text", ["channel\r\n0\r\n1\r\n", "\n\nchannel\n\n0\n# end\n1", "\ufeffchannel\n0\n1\n"])
def test_line_ends_comments_and_marks(text: str, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(text.encode())
    assert read_map(path).channels(2) == ((0,), (1,))


@pytest.mark.parametrize(
    ("n", "channels", "wanted"),
    [
        (4, 8, ((0, 4), (1, 5), (2, 6), (3, 7))),
        (3, 8, ((0, 3), (1, 4), (2, 5))),
        (8, 8, tuple((k,) for k in range(8))),
        (0, 8, ()),
    ],
)
def test_map_without_a_file(n: int, channels: int, wanted: tuple[tuple[int, ...], ...]) -> None:
    made = default_map(n, channels, Electrode(1e-9))
    assert made.channels(n) == wanted
    assert len(made.limits().electrodes) == sum(map(len, wanted))


def test_map_without_a_file_for_more_neurons_than_channels() -> None:
    assert default_map(9, 8, None).neurons == 0


def test_map_without_a_file_of_unknown_electrodes_lets_nothing_stimulate() -> None:
    assert default_map(2, 8, None).limits().electrodes == {}


# --- what is wrong with it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words", "line", "column"),
    [
        ("neuron, chanel\n0, 1\n", "no column 'chanel'", 1, 9),
        ("neuron, diameter_um\n0, 1\n", "the column channel is missing", 1, 1),
        ("channel, channel\n0, 1\n", "stands there twice", 1, 10),
        ("channel, diameter_um, area_um2\n0, 1\n", "a diameter or an area", 1, 23),
        ("channel\n0\nx\n", "x stands where a whole number from 0 to 65535", 3, 1),
        ("channel\n0\n-1\n", "-1 stands where", 3, 1),
        ("channel\n0\n1.0\n", "1.0 stands where", 3, 1),
        ("channel\n65536\n", "65536 stands where", 2, 1),
        ("neuron, channel\n0\n", "nothing stands where", 2, 1),
        ("neuron, channel\n0, \n", "nothing stands where", 2, 4),
        ("neuron, channel\n  zero, 1\n", "zero stands where", 2, 3),
        ("channel, diameter_um\n0, 0\n", "'0' stands where a number more than 0 and at most 10000", 2, 4),
        ("channel, diameter_um\n0, -3\n", "'-3' stands where", 2, 4),
        ("channel, diameter_um\n0, 30 um\n", "'30 um' stands where", 2, 4),
        ("channel, diameter_um\n0, 30000\n", "'30000' stands where", 2, 4),
        ("channel, diameter_um\n0, nan\n", "'nan' stands where", 2, 4),
        ("channel, diameter_um\n0, inf\n", "'inf' stands where", 2, 4),
        ("channel, area_um2\n0, 1e9\n", "'1e9' stands where", 2, 4),
        ("channel, x_um, y_um\n0, a, 1\n", "'a' stands where a number belongs", 2, 4),
        ("channel, max_current_uA\n0, 0\n", "'0' stands where", 2, 4),
        ("channel, max_charge_nC\n0, -1\n", "'-1' stands where", 2, 4),
        ("channel, material\n0, platnum\n", "no material 'platnum'", 2, 4),
        ("channel, stimulate\n0, maybe\n", "'maybe' is neither yes nor no", 2, 4),
        ("channel\n0\n1\n0\n", "channel 0 stands in line 2 already", 4, 1),
        ("channel\n0, 1\n", "this row has 2 entries; there are 1 columns", 2, 4),
    ],
)
def test_fault_with_its_place(text: str, words: str, line: int, column: int) -> None:
    message, at, where = fault(text)
    assert words in message
    assert (at, where) == (line, column)


def test_all_faults_are_told_at_once() -> None:
    found = faults("channel, material\n0, gold\nx, platinum\n1, platinum\n1, zinc\n")
    assert [d.span.line for d in found if d.span] == [2, 3, 5]


def test_a_flawed_heading_is_told_alone() -> None:
    assert len(faults("a, b\n" + "x, y\n" * 50)) == 2


def test_faults_are_not_told_without_end() -> None:
    assert len(faults("channel\n" + "x\n" * 50)) == 20


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "channel\n"])
def test_map_without_electrodes(text: str) -> None:
    (found,) = faults(text)
    assert found.message == "m.csv has no electrodes"
    assert found.hint is not None
    assert all(column in found.hint for column in COLUMNS)


@pytest.mark.parametrize(
    ("text", "hint"), [("chanel\n", "did you mean channel?"), ("channel,material\n0,platnum", "did you mean platinum?")]
)
def test_hint_names_the_nearest(text: str, hint: str) -> None:
    assert faults(text)[0].hint == hint


def test_too_many_electrodes() -> None:
    text = "neuron, channel\n" + "".join(f"0,{k}\n" for k in range(65536))
    assert len(parse_map(text, "m").sites) == 65536


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BioasmError) as caught:
        read_map(tmp_path / "none.csv")
    assert caught.value.diagnostics[0].code == "B301"


def test_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(b"channel\n\xff\xfe\n")
    with pytest.raises(BioasmError, match="no text in UTF-8"):
        read_map(path)
