"""Files that are no recordings, or damaged ones, are refused in words; none of them brings the reader down."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.hardware.recordings.events import read_events
from bioasm.hardware.recordings.header import header_bytes
from bioasm.hardware.recordings.reader import is_recording, mend, read_rhd
from tests.command import bioasm
from tests.recordings.support import LAYOUTS, channel, codes, group, header, info, recorded

GOOD = header([group("Port A", [channel("A-000", 0)])])


def refusal(path: Path) -> BioasmError:
    """The error that reading a file gives."""
    with pytest.raises(BioasmError) as caught:
        read_rhd(path)
    return caught.value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no header of an .rhd file"),
        (b"\x02\x27\x91\xc6", "ends within its header"),
        (b"MODEL ising\n" * 40, "no header of an .rhd file"),
        (struct.pack("<I", 0xD69127AC) + GOOD[4:], "no header of an .rhd file"),
        (GOOD[:-3], "ends within its header"),
        (GOOD[:60], "ends within its header"),
        (GOOD.replace(struct.pack("<f", 20000.0), struct.pack("<f", 0.0)), "sampling rate"),
        (GOOD.replace(struct.pack("<f", 20000.0), struct.pack("<f", float("nan"))), "sampling rate"),
        (GOOD.replace(b"f\0i\0r\0", b"f\0\0\xd8r\0"), "no text"),
        (GOOD.replace(struct.pack("<3h", 1, 1, 1), struct.pack("<3h", 1, -1, 1)), "group of -1 channels"),
        (GOOD.replace(struct.pack("<3h", 1, 1, 1), struct.pack("<3h", 1, 32000, 1)), "group of 32000 channels"),
        (GOOD.replace(struct.pack("<I", 20), struct.pack("<I", 0x7FFFFFFF)), "ends within its header"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.rhd"
    path.write_bytes(content)
    found = refusal(path)
    assert found.diagnostics[0].code == "B308"
    assert words in found.diagnostics[0].message


@pytest.mark.parametrize("name", ["missing.rhd", "no/info.rhd"])
def test_missing_recording(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path / name).diagnostics[0].code == "B301"


@pytest.mark.parametrize("name", ["time.dat", "amplifier.dat"])
def test_folder_that_lacks_a_signal(tmp_path: Path, name: str) -> None:
    path = recorded(tmp_path, "signals", codes(2, 10))
    (path / name).unlink()
    assert refusal(path).diagnostics[0].code == "B301"


def test_disabled_group_with_channels_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.rhd"
    path.write_bytes(header([group("Port A", [channel("A-000", 0)], enabled=0), group("Port B", [channel("B-000", 0)])]))
    assert [found.native for found in read_rhd(path).info.channels] == ["B-000"]


@pytest.mark.parametrize("seed", range(40))
def test_damaged_header_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    content = bytearray(header_bytes(info(5, digital=2)) + bytes(4000))
    for at in random.integers(0, 300, 4):
        content[at] = random.integers(256)
    path = tmp_path / "x.rhd"
    path.write_bytes(content)
    try:
        found = read_rhd(path)
    except BioasmError as refused:
        assert refused.diagnostics[0].code == "B308"
    else:
        assert found.codes.ndim == 2


@pytest.mark.parametrize("layout", LAYOUTS)
def test_recordings_are_recognised(tmp_path: Path, layout: str) -> None:
    assert is_recording(recorded(tmp_path, layout, codes(2, 10)))


@pytest.mark.parametrize("content", [b"", b"ALC 4", b"BBC1", b"\xac\x27\x91\xd6"])
def test_other_files_are_not(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.rhd"
    path.write_bytes(content)
    assert not is_recording(path)
    assert not is_recording(tmp_path)
    assert not is_recording(tmp_path / "missing")


@pytest.mark.parametrize("line", ["nonsense", "[1, 2]", "3", "", "{"])
def test_event_that_is_no_object_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.events.jsonl"
    path.write_text('{"kind": "start"}\n' + line + "\n")
    with pytest.raises(BioasmError, match="line 2") as caught:
        read_events(path)
    assert caught.value.diagnostics[0].code == "B308"


def test_missing_events(tmp_path: Path) -> None:
    with pytest.raises(BioasmError) as caught:
        read_events(tmp_path / "a.rhd")
    assert caught.value.diagnostics[0].code == "B301"


def test_mending_what_is_no_recording_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.rhd"
    path.write_bytes(b"precious")
    with pytest.raises(BioasmError, match="B308"):
        mend(path)
    assert path.read_bytes() == b"precious"


# --- `bioasm info` ----------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_info_tells_of_a_recording(tmp_path: Path, layout: str) -> None:
    told = bioasm("info", recorded(tmp_path, layout, codes(9, 256), info(9, digital=2, notes=("a note", "", ""))))
    assert told.code == 0
    for words in ("256 samples at 20000 Hz, 0.0128 s", "9: A-000 A-001 A-002 ... A-008", "2: DIGITAL-IN-01", "a note", "gaps"):
        assert words in told.text


@pytest.mark.parametrize("layout", LAYOUTS)
def test_info_of_a_recording_as_json(tmp_path: Path, layout: str) -> None:
    told = bioasm("info", recorded(tmp_path, layout, codes(2, 256)), "--json").json
    assert (told["frames"], told["sample_rate"], told["cut_bytes"], told["version"]) == (256, 20000.0, 0, "3.4")
    assert [channel["native"] for channel in told["channels"]] == ["A-000", "A-001"]
    assert told["events"] == {"closed": True, "gaps": 0, "missing": 0, "kinds": {}}


def test_info_of_half_a_recording(tmp_path: Path) -> None:
    path = recorded(tmp_path, "rhd", codes(2, 256))
    path.write_bytes(path.read_bytes()[:-1])
    (tmp_path / "run.events.jsonl").unlink()
    told = bioasm("info", path)
    assert "128 samples" in told.text
    assert "1023 bytes at the end are not whole" in told.text


def test_info_of_a_damaged_recording_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.rhd"
    path.write_bytes(GOOD[:100])
    told = bioasm("info", path)
    assert told.code == 1
    assert "B308" in told.stderr


@pytest.mark.parametrize(("name", "code"), [("empty.rhd", "B308"), ("missing.rhd", "B301")])
def test_info_takes_the_suffix_at_its_word(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "empty.rhd").write_bytes(b"")
    told = bioasm("info", tmp_path / name)
    assert told.code == 1
    assert code in told.stderr


def test_info_with_events_of_another_kind(tmp_path: Path) -> None:
    path = recorded(tmp_path, "rhd", codes(2, 128))
    (tmp_path / "run.events.jsonl").write_text('{"kind": "gap", "count": "many"}\n{"kind": [1]}\n{}\n')
    told = bioasm("info", path, "--json").json
    assert told["events"]["gaps"] == 1
    assert told["events"]["closed"] is False


def odd(tmp_path: Path, at: int, content: bytes) -> Path:
    """A file whose header has other bytes at a place."""
    path = tmp_path / "odd.rhd"
    start = header([group("Port A", [channel("A-000", 0)])])
    at %= len(start)
    path.write_bytes(start[:at] + content + start[at + len(content) :])
    return path


@pytest.mark.parametrize(
    ("at", "name"), [(14, "dsp_Hz"), (18, "lower_Hz"), (22, "upper_Hz"), (-8, "impedance_ohm")], ids=lambda value: str(value)
)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_info_of_a_header_with_what_is_no_number(tmp_path: Path, at: int, name: str, value: float) -> None:
    path = odd(tmp_path, at, struct.pack("<f", value))
    told = bioasm("info", path, "--json").json
    assert (told["channels"][0] if name == "impedance_ohm" else told)[name] is None
    assert bioasm("info", path).code == 0


def test_info_of_a_header_with_fewer_than_no_temperatures(tmp_path: Path) -> None:
    path = tmp_path / "odd.rhd"
    path.write_bytes(header([group("Port A", [channel("A-000", 0)])], temperatures=-1) + bytes(4000))
    told = bioasm("info", path)
    assert told.code == 1
    assert "B308" in told.stderr


def test_folder_of_signals_without_amplifiers(tmp_path: Path) -> None:
    (tmp_path / "info.rhd").write_bytes(header([group("Digital In Ports", [channel("DIGITAL-IN-01", 4)])]))
    (tmp_path / "time.dat").write_bytes(np.arange(100, dtype="<i4").tobytes())
    (tmp_path / "digitalin.dat").write_bytes(np.arange(100, dtype="<u2").tobytes())
    found = read_rhd(tmp_path)
    assert (found.codes.shape, found.digital.tolist()) == ((0, 100), list(range(100)))
    assert bioasm("info", tmp_path, "--json").json["frames"] == 100


def test_info_does_not_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "odd.rhd"
    path.write_bytes(header([group("Port A", [channel("A-000", 0, custom="\x1b[31mred\nline")])]))
    assert "channels   1: \\x1b[31mred\\nline\n" in bioasm("info", path).text


def test_name_that_is_too_long(tmp_path: Path) -> None:
    told = bioasm("info", tmp_path / ("x" * 5000 + ".rhd"))
    assert told.code == 1
    assert "B301" in told.stderr
    assert not is_recording(tmp_path / ("x" * 5000))
