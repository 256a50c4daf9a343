"""A recorded session of a chip: its inputs come back in microvolts, lost samples are marked, stimuli stand beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bioasm.hardware.chips import open_chip, sequences, settings
from bioasm.hardware.chips.charge import pulses
from bioasm.hardware.chips.words import rhs
from bioasm.hardware.recordings import RecordingInfo, channels
from bioasm.hardware.recordings.events import read_events
from bioasm.hardware.recordings.reader import read_rhd
from bioasm.hardware.recordings.recorder import Recorder
from tests.recordings.support import LAYOUTS, place

RATE = 20000.0


def spiking(length: int) -> np.ndarray:
    """Microvolts of 32 channels with a pulse of 100 uV on each at a time of its own."""
    signal = np.zeros((32, length))
    for c in range(32):
        signal[c, 100 + 20 * c : 106 + 20 * c] = -100.0
    return signal


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_electrodes_saw_is_in_the_recording(tmp_path: Path, layout: str) -> None:
    chip = open_chip("rhd2132", RATE)
    image = settings.rhd_image(RATE, dsp_Hz=None, lower_Hz=0.1, upper_Hz=20000)
    chip.transfer_all(sequences.rhd_power_up(image, chip.word_period))
    signal, path = spiking(1024), place(tmp_path, layout)
    with Recorder(path, RecordingInfo(RATE, channels(32)), layout) as recorder:
        for k in range(0, 1024, 64):
            block = chip.convert_block(signal[:, k : k + 64])
            if k != 512:
                recorder.append(7_000_000 + k, block)
    found = read_rhd(path).microvolts
    kept = np.r_[0:512, 576:1024]
    assert found[:, kept] == pytest.approx(signal[:, kept], abs=0.3)
    assert not found[:, 512:576].any()
    assert [(e["frame"], e["count"]) for e in read_events(path) if e["kind"] == "gap"] == [(512, 64)]


def test_stimuli_of_a_chip_stand_beside_the_recording(tmp_path: Path) -> None:
    chip = open_chip("rhs2116", 30000.0)
    chip.transfer_all(sequences.rhs_power_up(settings.rhs_image(30000.0)) + sequences.arm())
    path = place(tmp_path, "rhd")
    with Recorder(path, RecordingInfo(30000.0, channels(16))) as recorder:
        recorder.append(0, chip.convert_block(np.zeros((16, 128))))
        period = [rhs.convert(c) for c in range(16)]
        amplitudes = [rhs.write(64, 0x8005), rhs.write(96, 0x8005), rhs.write(44, 0)]
        chip.transfer_all([*period, *amplitudes, rhs.write(42, 1, u=True)])
        chip.convert_block(np.zeros((16, 5)))
        chip.transfer_all([*period, *[rhs.read(255)] * 3, rhs.write(44, 1, u=True)])
        chip.convert_block(np.zeros((16, 5)))
        chip.transfer_all([*period, *[rhs.read(255)] * 3, rhs.write(42, 0, u=True)])
        recorder.append(141, chip.convert_block(np.zeros((16, 128))))
        for pulse in pulses(chip.drain_events()):
            phases = [[phase.coulombs, phase.stop - phase.start] for phase in pulse.phases]
            recorder.event("stimulus", 129, channel="A-000", phases=phases, net=pulse.net_coulombs)
    (stimulus,) = [event for event in read_events(path) if event["kind"] == "stimulus"]
    assert stimulus["frame"] == 129
    assert np.array(stimulus["phases"]) == pytest.approx(np.array([[-1e-9, 2e-4], [1e-9, 2e-4]]))
    assert stimulus["net"] == pytest.approx(0, abs=1e-20)
