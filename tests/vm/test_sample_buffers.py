"""Samples in place: what kernels wrote becomes pieces without copies, in growing arrays and in ones that are filled again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bioasm.vm import sample_buffers
from bioasm.vm.layout import Recorder
from bioasm.vm.sample_buffers import SampleBuffer


def taken(grows: bool, ends: list[int], move_at: int = -1) -> tuple[list[Any], list[Any]]:
    """A kernel that numbers its samples through, runs to each of `ends` and drains where it is full or has come there; the
    pieces, and those that were moved out of the list after the run of number `move_at`."""
    buffer, row = SampleBuffer(2, 1, 1, grows=grows, is_small=False), np.zeros(len(Recorder), np.int64)
    row[Recorder.EVERY], row[Recorder.CAPACITY] = 1, len(buffer.array)
    pieces: list[Any] = []
    moved: list[Any] = []
    for run, end in enumerate(ends):
        while row[Recorder.NEXT] < end:
            buffer.make_room(row, end)
            while row[Recorder.NEXT] < end and row[Recorder.COUNT] < row[Recorder.CAPACITY]:
                buffer.array[row[Recorder.COUNT]] = row[Recorder.NEXT]
                row[[Recorder.COUNT, Recorder.NEXT]] += 1
            buffer.drain(row, pieces)
        if run == move_at:
            moved, pieces[:] = pieces.copy(), []
    return pieces, moved


@pytest.mark.parametrize("grows", [True, False])
@pytest.mark.parametrize("ends", [[5], [1, 2, 3, 40], [7, 300, 301]])
def test_pieces_hold_all_samples_in_their_order(grows: bool, ends: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_buffers, "_LEAST_BYTES", 64)
    monkeypatch.setattr(sample_buffers, "_BYTES_OF_ALL", 1 << 10)
    pieces, _ = taken(grows, ends)
    assert np.concatenate(pieces)[:, 0, 0].tolist() == list(range(ends[-1]))


def test_a_run_of_known_length_is_one_piece_that_was_not_copied() -> None:
    (piece,), _ = taken(True, [100_000])
    assert len(piece) == 100_000 and piece.base is not None and len(piece.base) == 100_001


def test_what_was_moved_to_a_file_is_not_told_again() -> None:
    pieces, moved = taken(True, [10, 20, 30], move_at=1)
    assert [np.concatenate(one)[:, 0, 0].tolist() for one in (moved, pieces)] == [[*range(20)], [*range(20, 30)]]
