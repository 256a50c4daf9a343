"""Recordings open in neo with the right names, units, rate and values; and the traps of the format are the ones avoided."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioasm.hardware.recordings import RecordingInfo, channels
from bioasm.hardware.recordings.header import header_bytes
from bioasm.hardware.recordings.reader import mend, read_rhd
from bioasm.hardware.recordings.recorder import Recorder
from tests.recordings.support import LAYOUTS, channel, codes, group, header, info, place, recorded

rawio = pytest.importorskip("neo.rawio", reason="neo is not installed; recordings are checked against it where it is")


def opened(path: Path, **options: Any) -> Any:
    """A recording in neo."""
    reader = rawio.IntanRawIO(str(path / "info.rhd" if path.is_dir() else path), **options)
    reader.parse_header()
    return reader


def refused(path: Path) -> Exception:
    """What neo says of a file that it does not open."""
    with pytest.raises(Exception) as caught:  # noqa: B017, PT011  (neo raises errors of many kinds, and tests look at them)
        opened(path)
    return caught.value


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("amplifiers", [1, 4, 32, 64])
@pytest.mark.parametrize("rate", [20000.0, 30000.0])
def test_names_units_rate_and_values(tmp_path: Path, layout: str, amplifiers: int, rate: float) -> None:
    samples = codes(amplifiers, 384)
    path = recorded(tmp_path, layout, samples, RecordingInfo(rate, channels(amplifiers, {0: "soma"})))
    reader = opened(path)
    found = reader.header["signal_channels"]
    assert found["id"].tolist() == [f"A-{c:03d}" for c in range(amplifiers)]
    assert found["name"].tolist() == ["soma", *(f"A-{c:03d}" for c in range(1, amplifiers))]
    assert set(found["units"].tolist()) == {"uV"}
    assert set(found["sampling_rate"].tolist()) == {rate}
    assert set(found["gain"].tolist()) == {0.195}
    raw = reader.get_analogsignal_chunk(stream_index=0)
    microvolts = reader.rescale_signal_raw_to_float(raw, dtype="float64", stream_index=0)
    assert pytest.approx(0.195 * (samples.astype(float) - 32768), abs=1e-6) == microvolts.T


@pytest.mark.parametrize("layout", LAYOUTS)
def test_digital_inputs(tmp_path: Path, layout: str) -> None:
    words = (np.arange(256) % 8).astype(np.uint16)
    path = place(tmp_path, layout)
    with Recorder(path, info(2, digital=3), layout) as recorder:
        recorder.append(0, codes(2, 256), words)
    reader = opened(path)
    assert reader.header["signal_channels"]["id"].tolist()[2:] == ["DIGITAL-IN-01", "DIGITAL-IN-02", "DIGITAL-IN-03"]
    bits = reader.get_analogsignal_chunk(stream_index=1)
    assert bits.tolist() == [[word & 1, word >> 1 & 1, word >> 2 & 1] for word in words.tolist()]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gap_is_filled_and_times_run_on(tmp_path: Path, layout: str) -> None:
    path = place(tmp_path, layout)
    with Recorder(path, info(2), layout) as recorder:
        recorder.append(10**12, codes(2, 100))
        recorder.append(10**12 + 150, codes(2, 106))
    raw = opened(path).get_analogsignal_chunk(stream_index=0)
    assert raw.shape == (256, 2)
    assert (raw[100:150] == (32768 if layout == "rhd" else 0)).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_notes_and_filters_arrive(tmp_path: Path, layout: str) -> None:
    path = recorded(tmp_path, layout, codes(2, 128), info(2, notes=("one", "zwei ä", ""), dsp_Hz=0.75, upper_Hz=7500.0))
    told = opened(path)._global_info
    assert (told["note1"], told["note2"], told["note3"]) == ("one", "zwei ä", "")
    assert told["actual_dsp_cutoff_frequency"] == 0.75
    assert told["actual_upper_bandwidth"] == 7500.0
    assert told["dsp_enabled"] == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_open_recording_can_be_read(tmp_path: Path, layout: str) -> None:
    path = place(tmp_path, layout)
    with Recorder(path, info(2), layout) as recorder:
        recorder.append(0, codes(2, 300))
        assert opened(path).get_analogsignal_chunk(stream_index=0).shape[0] == (256 if layout == "rhd" else 300)


def test_whole_neo_objects(tmp_path: Path) -> None:
    neo = pytest.importorskip("neo", reason="neo is not installed")
    path = recorded(tmp_path, "rhd", codes(4, 640))
    (signal,) = neo.IntanIO(str(path)).read_block().segments[0].analogsignals
    assert signal.shape == (640, 4)
    assert float(signal.sampling_rate) == 20000
    assert str(signal.units.dimensionality) == "uV"


# --- the seven traps of the format ------------------------------------------------------------------


def test_trap_1_a_block_cut_short(tmp_path: Path) -> None:
    path = recorded(tmp_path, "rhd", codes(4, 384))
    os.truncate(path, path.stat().st_size - 100)
    assert "multiple of the data-type size" in str(refused(path))
    mend(path)
    assert opened(path).get_analogsignal_chunk(stream_index=0).shape == (256, 4)


@pytest.mark.parametrize("length", [127, 129, 200, 255])
def test_trap_1_is_avoided_for_every_length(tmp_path: Path, length: int) -> None:
    path = recorded(tmp_path, "rhd", codes(4, length + 128))
    assert opened(path).get_analogsignal_chunk(stream_index=0).shape[0] == (length + 128) // 128 * 128


def test_trap_2_times_that_jump(tmp_path: Path) -> None:
    path = recorded(tmp_path, "rhd", codes(4, 384))
    start = len(header_bytes(info(4)))
    content = bytearray(path.read_bytes())
    content[start + 40 : start + 44] = (500).to_bytes(4, "little")
    path.write_bytes(content)
    assert "not continuous" in str(refused(path))
    assert read_rhd(path).jumps == 2


def bare(tmp_path: Path, groups: list[bytes], version: tuple[int, int] = (3, 4)) -> Path:
    """A file with a header by the description, and blocks of zeros for two amplifiers."""
    path = tmp_path / "x.rhd"
    times = np.arange(256, dtype="<i4").reshape(2, 128)
    path.write_bytes(header(groups, version) + b"".join(row.tobytes() + bytes(2 * 2 * 128) for row in times))
    return path


def test_trap_3_native_names_twice(tmp_path: Path) -> None:
    path = bare(tmp_path, [group("Port A", [channel("A-000", 0), channel("A-000", 0, 1)])])
    assert isinstance(refused(path), ValueError)


def test_trap_4_native_names_that_are_blank(tmp_path: Path) -> None:
    path = bare(tmp_path, [group("Port A", [channel("", 0), channel("", 0, 1)])])
    assert str(refused(path))


def test_trap_5_disabled_group_with_channels(tmp_path: Path) -> None:
    entries = [channel("A-000", 0), channel("A-001", 0, 1)]
    path = bare(tmp_path, [group("Port A", [channel("X-000", 0)], enabled=0), group("Port B", entries)])
    assert str(refused(path))
    assert opened(bare(tmp_path, [group("Port A", [], enabled=0), group("Port B", entries)])).header["nb_block"] == 1


def test_trap_6_version_and_body_must_fit(tmp_path: Path) -> None:
    groups = [group("Port A", [channel("A-000", 0), channel("A-001", 0, 1)])]
    path = bare(tmp_path, groups)
    opened(path)
    content = bytearray(path.read_bytes())
    content[4:8] = b"\x01\0\0\0"
    path.write_bytes(content)
    assert str(refused(path))


def test_trap_7_the_suffix(tmp_path: Path) -> None:
    path = recorded(tmp_path, "rhd", codes(2, 128))
    other = path.with_suffix(".bin")
    path.rename(other)
    assert ".rhd" in str(refused(other))


def test_trap_7_info_rhd_means_single_signals(tmp_path: Path) -> None:
    path = recorded(tmp_path, "rhd", codes(2, 128))
    path.rename(tmp_path / "info.rhd")
    assert str(refused(tmp_path / "info.rhd"))
