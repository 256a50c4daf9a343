"""A recorder keeps what it was given: gaps are marked, events stand beside, crashes and full disks leave whole files."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError, error
from bioasm.hardware.recordings import Channel, RecordingInfo, channels
from bioasm.hardware.recordings.events import events_path, read_events
from bioasm.hardware.recordings.reader import is_recording, mend, read_rhd
from bioasm.hardware.recordings.recorder import MOST_FRAMES, Recorder
from tests.recordings.support import LAYOUTS, codes, info, place, recorded


def refused(code: str, *arguments: Any, **named: Any) -> BioasmError:
    """The error that making a recorder gives."""
    with pytest.raises(BioasmError) as caught:
        Recorder(*arguments, **named)
    assert caught.value.diagnostics[0].code == code
    return caught.value


def of_kind(path: Path, kind: str) -> list[dict[str, Any]]:
    """The events of a kind beside a recording."""
    return [event for event in read_events(path) if event["kind"] == kind]


# --- gaps -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("first", "lost", "second"), [(128, 1, 127), (100, 28, 128), (1, 254, 1), (200, 1000, 80), (128, 70000, 128)]
)
def test_gap_is_padded_and_listed(tmp_path: Path, layout: str, first: int, lost: int, second: int) -> None:
    path = place(tmp_path, layout)
    one, two = codes(2, first), codes(2, second + 1)[:, 1:]
    with Recorder(path, info(2), layout) as recorder:
        recorder.append(900, one)
        recorder.append(900 + first + lost, two)
    whole = np.concatenate([one, np.full((2, lost), 32768, np.uint16), two], axis=1)
    found = read_rhd(path)
    assert found.codes.tolist() == whole[:, : found.codes.shape[1]].tolist()
    assert found.jumps == 0
    (gap,) = of_kind(path, "gap")
    assert (gap["frame"], gap["sample"], gap["count"]) == (first, 900 + first, lost)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_recording_without_loss_lists_no_gap(tmp_path: Path, layout: str) -> None:
    path = recorded(tmp_path, layout, codes(2, 384))
    assert of_kind(path, "gap") == []
    assert of_kind(path, "end")[0]["missing"] == 0


def test_every_gap_is_listed(tmp_path: Path) -> None:
    path = place(tmp_path, "signals")
    with Recorder(path, info(1), "signals") as recorder:
        for k in range(5):
            recorder.append(100 * k, codes(1, 60 + k))
    assert [gap["count"] for gap in of_kind(path, "gap")] == [40, 39, 38, 37]
    (end,) = of_kind(path, "end")
    assert (end["frames"], end["gaps"], end["missing"], end["dropped"]) == (464, 4, 154, 0)


def test_gap_has_zero_digital_words(tmp_path: Path) -> None:
    path = place(tmp_path, "signals")
    with Recorder(path, info(1, digital=1), "signals") as recorder:
        recorder.append(0, codes(1, 3), np.ones(3, np.uint16))
        recorder.append(5, codes(1, 1), np.ones(1, np.uint16))
    assert read_rhd(path).digital.tolist() == [1, 1, 1, 0, 0, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("first", [0, 9, 127])
def test_samples_that_go_back_are_refused(tmp_path: Path, layout: str, first: int) -> None:
    with Recorder(place(tmp_path, layout), info(2), layout) as recorder:
        recorder.append(0, codes(2, 128))
        with pytest.raises(ValueError, match="recorded before"):
            recorder.append(first, codes(2, 10))
        recorder.append(128, codes(2, 128))
    assert read_rhd(place(tmp_path, layout)).codes.shape == (2, 256)


def test_times_end_at_32_bits(tmp_path: Path) -> None:
    with Recorder(place(tmp_path, "rhd"), info(2)) as recorder:
        recorder.append(0, codes(2, 128))
        with pytest.raises(BioasmError, match="29.8 hours") as caught:
            recorder.append(MOST_FRAMES, codes(2, 1))
    assert caught.value.diagnostics[0].code == "B309"
    assert read_rhd(place(tmp_path, "rhd")).codes.shape == (2, 128)


def test_device_samples_may_be_large(tmp_path: Path) -> None:
    path = place(tmp_path, "rhd")
    with Recorder(path, info(2)) as recorder:
        recorder.append(1 << 60, codes(2, 128))
        recorder.event("spike", (1 << 60) + 5)
    assert of_kind(path, "spike")[0]["frame"] == 5
    assert read_rhd(path).time[-1] == 127


# --- the end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "kept"), [(0, 0), (1, 0), (127, 0), (128, 128), (129, 128), (383, 256)])
def test_tail_of_an_rhd_file_is_dropped_and_told(tmp_path: Path, length: int, kept: int) -> None:
    path = recorded(tmp_path, "rhd", codes(2, length))
    found = read_rhd(path)
    assert found.codes.shape == (2, kept)
    assert found.cut_bytes == 0
    (end,) = of_kind(path, "end")
    assert (end["frames"], end["dropped"]) == (kept, length - kept)


@pytest.mark.parametrize("length", [1, 127, 129])
def test_signals_keep_every_sample(tmp_path: Path, length: int) -> None:
    path = recorded(tmp_path, "signals", codes(2, length))
    assert read_rhd(path).codes.shape == (2, length)
    assert of_kind(path, "end")[0]["dropped"] == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_closing_twice_ends_once(tmp_path: Path, layout: str) -> None:
    recorder = Recorder(place(tmp_path, layout), info(2), layout)
    recorder.close()
    recorder.close()
    assert len(of_kind(place(tmp_path, layout), "end")) == 1
    with pytest.raises(ValueError, match="closed"):
        recorder.append(0, codes(2, 1))


def test_block_is_in_the_file_as_soon_as_it_is_full(tmp_path: Path) -> None:
    path = place(tmp_path, "rhd")
    with Recorder(path, info(2)) as recorder:
        empty = path.stat().st_size
        recorder.append(0, codes(2, 127))
        assert path.stat().st_size == empty
        recorder.append(127, codes(2, 1))
        assert path.stat().st_size == empty + 128 * 8
        assert read_rhd(path).codes.shape == (2, 128)


def test_sample_is_in_its_file_at_once(tmp_path: Path) -> None:
    path = place(tmp_path, "signals")
    with Recorder(path, info(2), "signals") as recorder:
        for k in range(3):
            recorder.append(k, codes(2, 1))
            assert read_rhd(path).codes.shape == (2, k + 1)


def test_error_in_the_block_still_closes(tmp_path: Path) -> None:
    path = place(tmp_path, "rhd")
    with pytest.raises(RuntimeError), Recorder(path, info(2)) as recorder:
        recorder.append(0, codes(2, 200))
        raise RuntimeError
    assert read_rhd(path).codes.shape == (2, 128)
    assert of_kind(path, "end")[0]["dropped"] == 72


KILLED = """
import sys, numpy as np
from bioasm.hardware.recordings import RecordingInfo, channels
from bioasm.hardware.recordings.recorder import Recorder
recorder = Recorder(sys.argv[1], RecordingInfo(20000.0, channels(8)), sys.argv[2])
for k in range(10**9):
    recorder.append(50 * k, np.full((8, 50), k % 60000, np.uint16))
    recorder.event("beat", 50 * k)
    if k == 20:
        print("going", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_killed_recorder_leaves_a_recording(tmp_path: Path, layout: str) -> None:
    path = place(tmp_path, layout)
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path), layout], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.05)
    process.kill()
    process.communicate()
    mend(path)
    found = read_rhd(path)
    length = found.codes.shape[1]
    assert length >= 1000
    assert found.cut_bytes == found.jumps == 0
    assert found.codes[0].tolist() == (np.arange(length) // 50 % 60000).tolist()
    assert of_kind(path, "end") == []
    assert len(of_kind(path, "beat")) >= length // 50 - 3


# --- what a crash may leave -------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 2, 511, 512, 1500, 2047])
def test_half_a_block_is_told_and_mended(tmp_path: Path, cut: int) -> None:
    path = recorded(tmp_path, "rhd", codes(6, 384))
    size = path.stat().st_size
    os.truncate(path, size - cut)
    found = read_rhd(path)
    assert found.codes.tolist() == codes(6, 384)[:, :256].tolist()
    assert found.cut_bytes == 2048 - cut
    assert mend(path) == 2048 - cut
    assert path.stat().st_size == size - 2048
    assert mend(path) == 0


@pytest.mark.parametrize(
    ("name", "cut", "kept"),
    [("time.dat", 4, 9), ("time.dat", 1, 9), ("amplifier.dat", 1, 9), ("amplifier.dat", 12, 8), ("digitalin.dat", 2, 9)],
)
def test_signals_of_different_length_are_mended(tmp_path: Path, name: str, cut: int, kept: int) -> None:
    path = recorded(tmp_path, "signals", codes(3, 10), info(3, digital=1))
    os.truncate(path / name, (path / name).stat().st_size - cut)
    assert read_rhd(path).cut_bytes > 0
    mend(path)
    found = read_rhd(path)
    assert found.codes.tolist() == codes(3, 10)[:, :kept].tolist()
    assert found.cut_bytes == 0
    assert (path / "time.dat").stat().st_size == 4 * kept


def test_last_event_without_its_end_is_left_out(tmp_path: Path) -> None:
    path = recorded(tmp_path, "rhd", codes(2, 128))
    beside = events_path(path)
    beside.write_bytes(beside.read_bytes()[:-5])
    assert [event["kind"] for event in read_events(path)] == ["start"]


def test_error_in_closing_does_not_hide_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise error("B302", "no space left")

    with pytest.raises(RuntimeError, match="the first"), Recorder(place(tmp_path, "rhd"), info(2)) as recorder:
        monkeypatch.setattr(recorder.events, "put", full)
        raise RuntimeError("the first")
    assert recorder.closed
    with pytest.raises(BioasmError, match="no space left"), Recorder(place(tmp_path, "rhd", "b"), info(2)) as recorder:
        monkeypatch.setattr(recorder.events, "put", full)


def test_failed_write_ends_the_recording_and_leaves_it_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place(tmp_path, "rhd")
    recorder = Recorder(path, info(2))
    recorder.append(0, codes(2, 256))

    class Full:
        """A stream on a disk that takes 100 bytes more."""

        name = str(path)

        def __init__(self, stream: Any) -> None:
            self.stream, self.room = stream, 100

        def write(self, view: memoryview) -> int:
            if not self.room:
                raise OSError(28, "No space left on device")
            self.room, taken = 0, self.room
            return int(self.stream.write(view[:taken]))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.stream, name)

    monkeypatch.setattr(recorder.writer, "stream", Full(recorder.writer.stream))  # type: ignore[attr-defined]
    with pytest.raises(BioasmError, match="no space left") as caught:
        recorder.append(256, codes(2, 300))
    assert caught.value.diagnostics[0].code == "B302"
    assert recorder.closed
    found = read_rhd(path)
    assert found.codes.shape == (2, 256)
    assert found.cut_bytes == 0
    assert of_kind(path, "end")[0]["dropped"] == 300


# --- events -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_events_stand_beside_the_recording(tmp_path: Path, layout: str) -> None:
    path = place(tmp_path, layout)
    with Recorder(path, info(2), layout) as recorder:
        recorder.append(1000, codes(2, 128))
        recorder.event("spike", 1003, channel="A-001", peak_uV=-81.5)
        recorder.event("stimulus", 1010, phases=[[-1e-9, 2e-4], [1e-9, 2e-4]])
        recorder.event("link", 1100, lost=3, resent=7)
    assert events_path(path).name == ("run.events.jsonl" if layout == "rhd" else "events.jsonl")
    assert [e for e in read_events(path) if e["kind"] not in ("start", "end")] == [
        {"kind": "spike", "frame": 3, "sample": 1003, "channel": "A-001", "peak_uV": -81.5},
        {"kind": "stimulus", "frame": 10, "sample": 1010, "phases": [[-1e-9, 2e-4], [1e-9, 2e-4]]},
        {"kind": "link", "frame": 100, "sample": 1100, "lost": 3, "resent": 7},
    ]


def test_first_event_says_what_it_is(tmp_path: Path) -> None:
    path = place(tmp_path, "rhd")
    Recorder(path, RecordingInfo(25000.0, channels(2, {1: "soma"}))).close()
    assert read_events(path)[0] == {
        "kind": "start",
        "format": "bioasm-events",
        "version": 1,
        "sample_rate": 25000.0,
        "channels": ["A-000", "soma"],
    }


def test_last_event_says_what_there_is(tmp_path: Path) -> None:
    path = recorded(tmp_path, "rhd", codes(2, 200))
    assert read_events(path)[-1] == {"kind": "end", "origin": 0, "frames": 128, "dropped": 72, "gaps": 0, "missing": 0}


def test_events_before_the_first_sample_get_frames_too(tmp_path: Path) -> None:
    path = place(tmp_path, "rhd")
    with Recorder(path, info(2)) as recorder:
        recorder.event("armed", 90)
        recorder.append(100, codes(2, 1))
    assert of_kind(path, "armed") == [{"kind": "armed", "frame": -10, "sample": 90}]


def test_events_without_any_sample_have_no_frame(tmp_path: Path) -> None:
    path = place(tmp_path, "rhd")
    with Recorder(path, info(2)) as recorder:
        recorder.event("armed", 90)
    assert of_kind(path, "armed") == [{"kind": "armed", "frame": None, "sample": 90}]
    assert of_kind(path, "end")[0]["origin"] is None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (np.float32(1.5), 1.5),
        (np.int64(7), 7),
        (np.arange(3), [0, 1, 2]),
        (float("nan"), None),
        (float("inf"), None),
        (np.array([1.0, np.nan]), [1.0, None]),
        ((1, "µ"), [1, "µ"]),
        ({"a": np.uint8(3)}, {"a": 3}),
        (True, True),
        (None, None),
    ],
)
def test_values_of_events(tmp_path: Path, value: Any, told: Any) -> None:
    path = place(tmp_path, "rhd")
    with Recorder(path, info(1)) as recorder:
        recorder.append(0, codes(1, 1))
        recorder.event("x", np.int64(0), value=value)
    assert of_kind(path, "x")[0]["value"] == told
    lines = events_path(path).read_text().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)


@pytest.mark.parametrize("kind", ["start", "gap", "end"])
def test_the_recorders_own_kinds_are_refused(tmp_path: Path, kind: str) -> None:
    with Recorder(place(tmp_path, "rhd"), info(1)) as recorder, pytest.raises(ValueError, match="no event"):
        recorder.event(kind, 0)


def test_no_event_after_the_end(tmp_path: Path) -> None:
    recorder = Recorder(place(tmp_path, "rhd"), info(1))
    recorder.close()
    with pytest.raises(ValueError, match="no event"):
        recorder.event("spike", 0)


# --- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_recordings_are_never_replaced(tmp_path: Path, layout: str) -> None:
    path = recorded(tmp_path, layout, codes(2, 128))
    before = read_rhd(path).codes
    refused("B302", path, info(2), layout)
    assert read_rhd(path).codes.tolist() == before.tolist()
    assert len(of_kind(path, "end")) == 1


def test_recording_with_events_of_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.events.jsonl").write_text("{}\n")
    refused("B302", tmp_path / "run.rhd", info(2))
    assert not (tmp_path / "run.rhd").exists()


def test_failed_start_leaves_no_events(tmp_path: Path) -> None:
    (tmp_path / "run.rhd").write_text("mine")
    refused("B302", tmp_path / "run.rhd", info(2))
    assert [p.name for p in tmp_path.iterdir()] == ["run.rhd"]


@pytest.mark.parametrize("name", ["run", "run.dat", "run.RHS", "info.rhd"])
def test_file_names_that_readers_do_not_take(tmp_path: Path, name: str) -> None:
    assert "ends in .rhd" in str(refused("B309", tmp_path / name, info(2)).diagnostics[0].hint)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    refused("B302", tmp_path / "no" / "run.rhd", info(2))


def test_folder_of_signals_is_made(tmp_path: Path) -> None:
    Recorder(tmp_path / "a" / "b", info(2), "signals").close()
    assert is_recording(tmp_path / "a" / "b")


def test_unknown_layout(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rhd or signals"):
        Recorder(tmp_path / "a.rhd", info(2), "channels")


@pytest.mark.parametrize(
    "header",
    [
        RecordingInfo(0.0, channels(2)),
        RecordingInfo(float("nan"), channels(2)),
        RecordingInfo(2e6, channels(2)),
        RecordingInfo(20000.0, ()),
        RecordingInfo(20000.0, channels(0, digital=2)),
        RecordingInfo(20000.0, (Channel("A-000"), Channel("A-000"))),
        RecordingInfo(20000.0, (Channel("A-000", "x"), Channel("A-001", "x"))),
        RecordingInfo(20000.0, channels(2, {0: "A-001"})),
        RecordingInfo(20000.0, channels(2, {0: "\ud800"})),
        RecordingInfo(20000.0, channels(2), lower_Hz=1e300),
        RecordingInfo(20000.0, channels(2), notch=99999),
        RecordingInfo(20000.0, channels(4097)),
        RecordingInfo(1e-50, channels(2)),
        RecordingInfo(20000.0, (Channel(""),)),
        RecordingInfo(20000.0, (Channel("  "),)),
        RecordingInfo(20000.0, (*channels(1), Channel("A-AUX1", kind=1))),
        RecordingInfo(20000.0, (*channels(1), Channel("D1", kind=4), Channel("D2", kind=4))),
        RecordingInfo(20000.0, (*channels(1), Channel("D1", kind=4, order=16))),
    ],
)
def test_headers_that_would_not_open_are_refused(tmp_path: Path, header: RecordingInfo) -> None:
    refused("B309", tmp_path / "a.rhd", header)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(3, 5), (5, 2), (2,), (2, 5, 1)])
def test_samples_of_another_shape_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with Recorder(place(tmp_path, "rhd"), info(2)) as recorder, pytest.raises(ValueError, match="samples of 2 channels"):
        recorder.append(0, np.zeros(shape, np.uint16))


@pytest.mark.parametrize("shape", [(4,), (6,), (5, 1), ()])
def test_digital_words_of_another_length_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with Recorder(place(tmp_path, "rhd"), info(2, digital=1)) as recorder, pytest.raises(ValueError, match="digital words"):
        recorder.append(0, codes(2, 5), np.zeros(shape, np.uint16))


@pytest.mark.parametrize("there", ["time.dat", "amplifier.dat", "digitalin.dat", "info.rhd", "events.jsonl"])
def test_folder_with_a_file_of_another_is_left_as_it_was(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("precious")
    assert there in str(refused("B302", tmp_path, info(2, digital=1), "signals"))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "precious")]


@pytest.mark.parametrize("value", [-1, 65536, 1.5, math.nan, math.inf, -70000])
def test_what_is_no_code_is_refused(tmp_path: Path, value: float) -> None:
    with Recorder(place(tmp_path, "rhd"), info(2, digital=1)) as recorder:
        for samples, words in (([[1, value], [2, 3]], None), ([[1, 1], [2, 3]], [0, value])):
            with pytest.raises(ValueError, match="whole numbers from 0 to 65535"):
                recorder.append(0, np.array(samples), None if words is None else np.array(words))
        assert recorder.frames == 0


@pytest.mark.parametrize("dtype", [np.int64, np.float64, np.uint32, ">u2"])
def test_codes_of_other_types_are_taken_where_they_are_whole(tmp_path: Path, dtype: Any) -> None:
    samples = codes(2, 128)
    with Recorder(place(tmp_path, "rhd"), info(2)) as recorder:
        recorder.append(0, samples.astype(dtype))
    assert (read_rhd(place(tmp_path, "rhd")).codes == samples).all()
