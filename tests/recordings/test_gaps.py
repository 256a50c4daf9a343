"""Gaps, channels that are off, folders of single channels, and .rhs files: what `info` and the reader make of them."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.hardware.recordings.events import read_events
from bioasm.hardware.recordings.header import header_bytes
from bioasm.hardware.recordings.reader import mend, read_rhd, timing
from bioasm.hardware.recordings.recorder import Recorder
from bioasm.hardware.recordings.timing import MOST_GAPS
from tests.command import bioasm
from tests.recordings.support import LAYOUTS, channel, codes, group, header, info, place, recorded

PAGE = Path(__file__).parents[2] / "docs" / "recordings.md"
RHS = struct.pack("<I2h", 0xD69127AC, 3, 4) + bytes(200)


def with_times(folder: Path, layout: str, times: np.ndarray) -> Path:
    """A recording whose samples have these numbers, as a controller leaves it that lost some; without events."""
    path = recorded(folder, layout, codes(2, len(times)))
    if layout == "signals":
        (path / "time.dat").write_bytes(times.astype("<i4").tobytes())
        (path / "events.jsonl").unlink()
        return path
    start, content = len(header_bytes(info(2))), bytearray(path.read_bytes())
    for k, block in enumerate(times.reshape(-1, 128)):
        at = start + k * (128 * 4 + 2 * 128 * 2)
        content[at : at + 512] = block.astype("<i4").tobytes()
    path.write_bytes(content)
    path.with_name("run.events.jsonl").unlink()
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", range(6))
def test_every_gap_is_told_with_its_place_and_length(tmp_path, layout, seed):
    rng = np.random.default_rng(seed)
    length, origin = 128 * int(rng.integers(1, 6)), int(rng.integers(-5, 9000))
    at = np.sort(rng.choice(np.arange(1, length), int(rng.integers(0, 5)), replace=False))
    counts = rng.integers(1, 5000, len(at))
    steps = np.zeros(length, np.int64)
    steps[at] = counts
    times = origin + np.arange(length) + steps.cumsum()
    path = with_times(tmp_path, layout, times)
    told = bioasm("info", path, "--json").json
    assert (told["frames"], told["missing"], told["gaps_found"]) == (length, counts.sum(), len(at))
    assert told["seconds"] == pytest.approx((length + counts.sum()) / 20000)
    assert [(gap["frame"], gap["count"], gap["filled"]) for gap in told["gaps"]] == [
        (f, c, False) for f, c in zip(at, counts, strict=True)
    ]
    assert [gap["seconds"] * 20000 for gap in told["gaps"]] == pytest.approx((times[at] - counts - origin).tolist())
    assert read_rhd(path).seconds == told["seconds"]
    page = bioasm("info", path).text
    assert all(f"{count:,} samples" in page and f"sample {frame:,}\n" in page for frame, count in zip(at, counts, strict=True))
    assert ("gaps            none" in page or re.search(r"gaps +none", page) is not None) is (not len(at))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_times_that_go_back_are_told(tmp_path, layout):
    path = with_times(tmp_path, layout, np.r_[0:100, 40:68])
    told = bioasm("info", path, "--json").json
    assert [(gap["frame"], gap["count"]) for gap in told["gaps"]] == [(100, -60)]
    assert (told["missing"], told["seconds"]) == (0, 128 / 20000)  # all samples that are there
    assert "60 samples (0.003 s) behind: the times go back at 0.0050 s, sample 100" in bioasm("info", path).text


@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_very_many_gaps_the_first_are_listed_and_all_counted(tmp_path, layout):
    path = with_times(tmp_path, layout, 3 * np.arange(128 * 20))
    told = bioasm("info", path, "--json").json
    assert (len(told["gaps"]), told["gaps_found"], told["missing"]) == (MOST_GAPS, 2559, 2 * 2559)
    assert "2,553 more, 5,118 samples missing in all" in bioasm("info", path).text


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gaps_that_the_recorder_filled_are_told_with_their_place(tmp_path, layout):
    path = place(tmp_path, layout)
    with Recorder(path, info(2), layout) as recorder:
        recorder.append(700, codes(2, 128))
        recorder.append(700 + 128 + 64, codes(2, 64))
    told = bioasm("info", path, "--json").json
    assert told["gaps"] == [{"frame": 128, "seconds": 0.0064, "count": 64, "filled": True}]
    assert (told["missing"], told["seconds"]) == (0, 256 / 20000)
    assert "64 samples (0.0032 s) filled at 0.0064 s, sample 128" in bioasm("info", path).text


def test_times_are_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("bioasm.hardware.recordings.reader.TIMES_AT_ONCE", 256)
    times = np.r_[0:500, 600:1124]
    for layout in LAYOUTS:
        found = timing(with_times(tmp_path, layout, times))
        assert [(gap.frame, gap.count) for gap in found.gaps] == [(500, 100)]


# --- channels that are off --------------------------------------------------------------------------


def partly_off(folder: Path, samples: np.ndarray) -> Path:
    """A folder of signals with the amplifiers A-001 and A-003 of five, a digital input, and events."""
    amplifiers = [channel(f"A-00{k}", 0, k, enabled=k in (1, 3), custom=f"n{k}") for k in range(5)]
    folder.mkdir()
    (folder / "info.rhd").write_bytes(header([group("Port A", amplifiers), group("Digital In Ports", [channel("DIN-00", 4)])]))
    (folder / "time.dat").write_bytes(np.arange(samples.shape[1], dtype="<i4").tobytes())
    (folder / "amplifier.dat").write_bytes((samples.T.astype(np.int32) - 32768).astype("<i2").tobytes())
    (folder / "digitalin.dat").write_bytes(bytes(2 * samples.shape[1]))
    events = ['{"kind": "run", "frame": 10, "sample": 10}', '{"kind": "spike", "frame": 30, "sample": 30, "channel": "n1"}']
    (folder / "events.jsonl").write_text("\n".join(events) + "\n")
    return folder


def test_the_recipe_of_the_page_names_the_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    partly_off(tmp_path / "rec", codes(2, 50))
    _, _, section = PAGE.read_text().partition("## Opening one")
    (recipe,) = re.findall(r"```py\n(.*?)```", section.partition("In neo:")[0], re.DOTALL)
    names: dict = {}
    exec(recipe, names)  # the recipe as the page has it
    assert names["names"] == ["n1", "n3"]
    assert names["volts"].shape == (2, 50)
    assert names["volts"][1] == pytest.approx((codes(2, 50)[1].astype(float) - 32768) * 0.195e-6)
    assert names["spikes"] == [("n1", pytest.approx(20 / 20000))]


def test_names_of_channels_without_a_name_of_their_own(tmp_path):
    assert read_rhd(recorded(tmp_path, "rhd", codes(3, 128))).names == ["A-000", "A-001", "A-002"]


# --- a file for each channel ------------------------------------------------------------------------


def single_channels(folder: Path, samples: np.ndarray, words: np.ndarray) -> Path:
    """A folder with a file for each channel: amplifiers A-001 and A-003 of five, digital inputs of the bits 0 and 4."""
    partly_off(folder, samples)
    inputs = [channel(f"DIGITAL-IN-0{k + 1}", 4, k) for k in (0, 4)]
    amplifiers = [channel(f"A-00{k}", 0, k, enabled=k in (1, 3)) for k in range(5)]
    (folder / "info.rhd").write_bytes(header([group("Port A", amplifiers), group("Digital In Ports", inputs)]))
    for name in ("amplifier.dat", "digitalin.dat"):
        (folder / name).unlink()
    for k, row in zip((1, 3), samples, strict=True):
        (folder / f"amp-A-00{k}.dat").write_bytes((row.astype(np.int32) - 32768).astype("<i2").tobytes())
    for k in (0, 4):
        (folder / f"board-DIGITAL-IN-0{k + 1}.dat").write_bytes((words >> k & 1).astype("<u2").tobytes())
    return folder


def test_a_file_for_each_channel(tmp_path):
    samples, words = codes(2, 300), np.random.default_rng(1).integers(0, 2, 300) * 16 + np.arange(300) % 2
    path = single_channels(tmp_path / "rec", samples, words)
    found = read_rhd(path)
    assert (found.names, found.cut_bytes) == (["A-001", "A-003"], 0)
    assert (found.codes == samples).all()
    assert found.digital is not None
    assert (found.digital == words).all()
    told = bioasm("info", path, "--json").json
    assert (told["frames"], told["gaps"], len(told["channels"])) == (300, [], 2)


def test_a_file_for_each_channel_as_neo_reads_it(tmp_path):
    rawio = pytest.importorskip("neo.rawio", reason="neo is not installed")
    samples = codes(2, 300)
    path = single_channels(tmp_path / "rec", samples, np.zeros(300, np.int64))
    reader = rawio.IntanRawIO(str(path / "info.rhd"))
    reader.parse_header()
    theirs = reader.get_analogsignal_chunk(block_index=0, seg_index=0, stream_index=0)
    assert (theirs.T.astype(np.int32) + 32768 == read_rhd(path).codes).all()


def test_a_file_for_each_channel_that_ends_early_or_is_missing(tmp_path):
    path = single_channels(tmp_path / "rec", codes(2, 300), np.zeros(300, np.int64))
    (path / "amp-A-003.dat").write_bytes(bytes(401))
    assert bioasm("info", path, "--json").json["frames"] == 200
    assert mend(path) == 4 * 100 + 3 * 2 * 100 + 1
    assert read_rhd(path).cut_bytes == 0
    (path / "amp-A-003.dat").unlink()
    told = bioasm("info", path)
    assert (told.code, "B301" in told.stderr, "amp-A-003.dat" in told.stderr) == (1, True, True)


def test_no_channel_leads_out_of_its_folder(tmp_path):
    folder = tmp_path / "rec"
    folder.mkdir()
    (folder / "info.rhd").write_bytes(header([group("Port A", [channel("/../../x", 0)])]))
    (folder / "time.dat").write_bytes(bytes(8))
    with pytest.raises(BioasmError, match="B308"):
        mend(folder)


# --- .rhs files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.rhs", "x.bin", "rec/info.rhs", "x.rhd"])
def test_an_rhs_file_is_refused_by_name(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(RHS)
    given = path.parent if name.startswith("rec") else path
    told = bioasm("info", given)
    assert (told.code, told.stdout) == (1, b"")
    assert "error[B308]" in told.stderr
    assert ".rhs file" in told.stderr
    assert "neo" in told.stderr


def test_a_file_with_the_suffix_rhs_that_is_none(tmp_path):
    (tmp_path / "x.rhs").write_bytes(b"hello")
    told = bioasm("info", tmp_path / "x.rhs")
    assert (told.code, "B308" in told.stderr) == (1, True)


def test_events_are_read_from_a_folder_of_channels(tmp_path):
    path = single_channels(tmp_path / "rec", codes(2, 30), np.zeros(30, np.int64))
    assert [event["kind"] for event in read_events(path)] == ["run", "spike"]
