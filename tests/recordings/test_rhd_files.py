"""An .rhd file holds what was appended, byte by byte as the format is described."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from bioasm.hardware.recordings import Channel, RecordingInfo, channels
from bioasm.hardware.recordings.header import header_bytes, parsed
from bioasm.hardware.recordings.info import ADC, AMPLIFIER, AUX, DIGITAL_IN, SUPPLY
from bioasm.hardware.recordings.reader import read_rhd
from bioasm.hardware.recordings.recorder import Recorder
from tests.recordings.support import LAYOUTS, channel, codes, group, header, info, place, recorded

# --- the header -------------------------------------------------------------------------------------

FIELDS = [
    (0, "<I", 0xC6912702),
    (4, "<h", 3),
    (6, "<h", 4),
    (8, "<f", 20000.0),
    (12, "<h", 1),
    (14, "<f", 0.75),
    (18, "<f", 1.25),
    (22, "<f", 7603.75),
    (26, "<f", 1.0),
    (30, "<f", 1.5),
    (34, "<f", 7500.0),
    (38, "<h", 2),
    (40, "<f", 1000.0),
    (44, "<f", 1000.0),
    (48, "<I", 4),
]


@pytest.mark.parametrize(("at", "form", "value"), FIELDS, ids=[str(at) for at, _, _ in FIELDS])
def test_field_of_the_header(at: int, form: str, value: float) -> None:
    made = header_bytes(
        info(
            dsp_Hz=0.75,
            lower_Hz=1.25,
            upper_Hz=7603.75,
            wanted_dsp_Hz=1.0,
            wanted_lower_Hz=1.5,
            wanted_upper_Hz=7500.0,
            notch=2,
            notes=("hi", "", ""),
        )
    )
    assert struct.unpack_from(form, made, at)[0] == value


def test_header_is_the_one_of_the_description() -> None:
    made = RecordingInfo(
        20000.0,
        (Channel("A-000", impedance_ohm=12e3, phase_deg=-45.0), Channel("A-001", "soma", 1, AMPLIFIER, 1, 0, 12e3, -45.0)),
        dsp_Hz=0.8,
        lower_Hz=1.1,
        upper_Hz=7600.0,
        wanted_dsp_Hz=1.0,
        wanted_lower_Hz=1.0,
        wanted_upper_Hz=7500.0,
        impedance_Hz=1000.0,
        notes=("first note", "", ""),
    )
    entries = [channel("A-000", AMPLIFIER), channel("A-001", AMPLIFIER, 1, custom="soma")]
    described = header([group("Port A", entries)])
    null_note = struct.pack("<I", 0xFFFFFFFF)
    same_impedance = described.replace(struct.pack("<2f", 1000.0, 990.0), struct.pack("<2f", 1000.0, 1000.0))
    assert header_bytes(made) == same_impedance.replace(null_note, b"\0\0\0\0", 1)


@pytest.mark.parametrize(
    "made",
    [
        info(),
        info(32, digital=3),
        info(64, dsp_Hz=0.5),
        info(1, notes=("one", "zwei: äöü µV", "三")),
        info(2, reference="A-001", notch=1),
        RecordingInfo(30000.0, channels(3, {0: "left", 2: "right"}, port="C"), lower_Hz=0.1, upper_Hz=20000.0),
        RecordingInfo(1000.0, (Channel("B-007", "x", 7, AMPLIFIER, 7, 1, 1e6, -80.0),)),
    ],
)
def test_header_comes_back(made: RecordingInfo) -> None:
    content = header_bytes(made)
    back, end = parsed(content)
    assert end == len(content)
    assert back.channels == made.channels
    assert (back.sample_rate, back.notes, back.reference, back.notch) == (
        made.sample_rate,
        made.notes,
        made.reference,
        made.notch,
    )
    assert back.lower_Hz == pytest.approx(made.lower_Hz)
    assert back.upper_Hz == pytest.approx(made.upper_Hz)
    assert (back.dsp_Hz is None) is (made.dsp_Hz is None)


def test_channels_have_the_names_that_readers_expect() -> None:
    made = channels(34, {1: "soma"}, digital=2)
    assert [c.native for c in made[:2]] == ["A-000", "A-001"]
    assert made[33].native == "A-033"
    assert (made[33].chip_channel, made[33].stream) == (1, 1)
    assert [c.native for c in made[34:]] == ["DIGITAL-IN-01", "DIGITAL-IN-02"]
    assert made[1].custom == "soma"


# --- the data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("amplifiers", [1, 4, 32, 64])
@pytest.mark.parametrize("length", [128, 640])
def test_samples_come_back(tmp_path: Path, layout: str, amplifiers: int, length: int) -> None:
    samples = codes(amplifiers, length)
    found = read_rhd(recorded(tmp_path, layout, samples))
    assert found.codes.tolist() == samples.tolist()
    assert found.time.tolist() == list(range(length))
    assert found.cut_bytes == found.jumps == 0
    assert found.seconds == length / 20000


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("pieces", [(1, 127), (100, 100, 100, 100), (128, 256), (300, 1, 83), (0, 384)])
def test_samples_may_come_in_any_pieces(tmp_path: Path, layout: str, pieces: tuple[int, ...]) -> None:
    total = sum(pieces)
    samples = codes(3, total)
    path, first = place(tmp_path, layout), 0
    with Recorder(path, info(3), layout) as recorder:
        for length in pieces:
            recorder.append(5000 + first, samples[:, first : first + length])
            first += length
    kept = total // 128 * 128 if layout == "rhd" else total
    assert read_rhd(path).codes.tolist() == samples[:, :kept].tolist()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_digital_words_come_back(tmp_path: Path, layout: str) -> None:
    words = np.arange(256, dtype=np.uint16) % 4
    path = place(tmp_path, layout)
    with Recorder(path, info(2, digital=2), layout) as recorder:
        recorder.append(0, codes(2, 100), words[:100])
        recorder.append(100, codes(2, 156), words[100:])
    found = read_rhd(path)
    assert found.digital is not None
    assert found.digital.tolist() == words.tolist()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_digital_words_are_zero_where_none_are_given(tmp_path: Path, layout: str) -> None:
    found = read_rhd(recorded(tmp_path, layout, codes(2, 128), info(2, digital=1)))
    assert found.digital is not None
    assert not found.digital.any()


def test_without_digital_channels_there_are_no_words(tmp_path: Path) -> None:
    assert read_rhd(recorded(tmp_path, "rhd", codes(2, 128))).digital is None


def test_block_lies_in_the_file_as_described(tmp_path: Path) -> None:
    samples = codes(3, 256)
    path = place(tmp_path, "rhd")
    with Recorder(path, info(3, digital=1), "rhd") as recorder:
        recorder.append(77, samples, np.arange(256, dtype=np.uint16))
    data = path.read_bytes()[len(header_bytes(info(3, digital=1))) :]
    size = 4 * 128 + 3 * 2 * 128 + 2 * 128
    assert len(data) == 2 * size
    for block in (0, 1):
        at, span = block * size, slice(block * 128, block * 128 + 128)
        assert struct.unpack_from("<128i", data, at) == tuple(range(span.start, span.stop))
        for c in range(3):
            assert struct.unpack_from("<128H", data, at + 512 + 256 * c) == tuple(samples[c, span])
        assert struct.unpack_from("<128H", data, at + 512 + 768) == tuple(range(span.start, span.stop))


def test_signals_lie_in_their_files_as_described(tmp_path: Path) -> None:
    samples = codes(3, 10)
    path = recorded(tmp_path, "signals", samples, info(3, digital=1))
    assert (path / "info.rhd").read_bytes() == header_bytes(info(3, digital=1))
    assert struct.unpack("<10i", (path / "time.dat").read_bytes()) == tuple(range(10))
    signed = struct.unpack("<30h", (path / "amplifier.dat").read_bytes())
    assert signed == tuple(int(code) - 32768 for code in samples.T.ravel())
    assert (path / "digitalin.dat").read_bytes() == bytes(20)


@pytest.mark.parametrize(("code", "microvolts"), [(0, -6389.76), (32768, 0.0), (32769, 0.195), (65535, 6389.565)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_microvolts(tmp_path: Path, layout: str, code: int, microvolts: float) -> None:
    found = read_rhd(recorded(tmp_path, layout, np.full((1, 128), code, np.uint16)))
    assert found.microvolts[0, 0] == pytest.approx(microvolts, abs=1e-9)


# --- files by others --------------------------------------------------------------------------------

AMPS = [channel(f"A-00{c}", AMPLIFIER, c) for c in range(2)]


def blocks(count: int, length: int, *signals: tuple[int, int]) -> tuple[bytes, list[np.ndarray]]:
    """Data blocks with times and signals (channels, samples each), and the signals."""
    made = [np.random.default_rng(k).integers(0, 65536, (count, n, each)).astype("<u2") for k, (n, each) in enumerate(signals)]
    times = np.arange(count * length, dtype="<i4").reshape(count, length)
    return b"".join(times[b].tobytes() + b"".join(m[b].tobytes() for m in made) for b in range(count)), made


def test_all_kinds_of_signals_are_found(tmp_path: Path) -> None:
    groups = [
        group("Port A", [*AMPS, channel("A-AUX1", AUX), channel("A-AUX2", AUX, 1), channel("A-VDD", SUPPLY)]),
        group("Analog In", [channel("ANALOG-IN-1", ADC)]),
        group("Digital In", [channel("DIGITAL-IN-01", DIGITAL_IN), channel("DIGITAL-IN-02", DIGITAL_IN, 1)]),
        group("Digital Out", [channel("DIGITAL-OUT-01", 5)]),
    ]
    data, made = blocks(3, 128, (2, 128), (2, 32), (1, 1), (1, 1), (1, 128), (1, 128), (1, 128))
    path = tmp_path / "all.rhd"
    path.write_bytes(header(groups, temperatures=1) + data)
    found = read_rhd(path)
    assert found.cut_bytes == 0
    assert found.codes.tolist() == made[0].transpose(1, 0, 2).reshape(2, -1).tolist()
    assert found.others[AUX].tolist() == made[1].transpose(1, 0, 2).reshape(2, -1).tolist()
    assert found.others[SUPPLY].shape == (1, 3)
    assert found.others[ADC].tolist() == made[4].transpose(1, 0, 2).reshape(1, -1).tolist()
    assert found.digital is not None
    assert found.digital.tolist() == made[5].ravel().tolist()


@pytest.mark.parametrize(
    ("version", "length"), [((1, 0), 60), ((1, 1), 60), ((1, 3), 60), ((1, 5), 60), ((2, 0), 128), ((3, 0), 128)]
)
def test_version_decides_fields_and_block_size(tmp_path: Path, version: tuple[int, int], length: int) -> None:
    data, made = blocks(4, length, (2, length))
    path = tmp_path / "old.rhd"
    path.write_bytes(header([group("Port A", AMPS)], version) + data)
    found = read_rhd(path)
    assert found.info.version == version
    assert found.codes.tolist() == made[0].transpose(1, 0, 2).reshape(2, -1).tolist()
    assert found.cut_bytes == 0


def test_disabled_channels_have_no_data(tmp_path: Path) -> None:
    entries = [AMPS[0], channel("A-001", AMPLIFIER, 1, enabled=0), channel("A-002", AMPLIFIER, 2)]
    data, made = blocks(2, 128, (2, 128))
    path = tmp_path / "some.rhd"
    path.write_bytes(header([group("Port A", entries)]) + data)
    found = read_rhd(path)
    assert [c.native for c in found.info.of(AMPLIFIER)] == ["A-000", "A-002"]
    assert found.codes.tolist() == made[0].transpose(1, 0, 2).reshape(2, -1).tolist()


def test_disabled_groups_without_channels_are_passed_over(tmp_path: Path) -> None:
    data, _ = blocks(1, 128, (2, 128))
    path = tmp_path / "some.rhd"
    path.write_bytes(header([group("Port A", [], enabled=0), group("Port B", AMPS), group("Port C", [], enabled=0)]) + data)
    assert read_rhd(path).codes.shape == (2, 128)


def test_null_and_empty_texts_are_read(tmp_path: Path) -> None:
    path = tmp_path / "some.rhd"
    path.write_bytes(header([group("Port A", AMPS)]))
    assert read_rhd(path).info.notes == ("first note", "", "")


def test_recording_without_data(tmp_path: Path) -> None:
    path = tmp_path / "some.rhd"
    path.write_bytes(header([group("Port A", AMPS)]))
    assert read_rhd(path).codes.shape == (2, 0)


def test_jumps_of_the_time_are_counted(tmp_path: Path) -> None:
    data, _ = blocks(3, 128, (2, 128))
    path = tmp_path / "some.rhd"
    size = len(data) // 3
    path.write_bytes(header([group("Port A", AMPS)]) + data[:size] + data[2 * size :])
    assert read_rhd(path).jumps == 1
