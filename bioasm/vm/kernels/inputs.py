"""The parts of an input that come from outside: constants, waveforms, and the feedback."""

from __future__ import annotations

from bioasm.vm.jit.functions import device
from bioasm.vm.kernels.sample import FAR
from bioasm.vm.kernels.slots import Block, Ctx, Wave
from bioasm.vm.kernels.views import block_row, f8, i8

_COLUMNS = len(Wave)


@device
def copy_cells(to_at, from_at, offset, cells):
    """One array of cells into another."""
    to, source = f8(to_at, offset, cells), f8(from_at, offset, cells)
    for k in range(cells):
        to[k] = source[k]


@device
def add_feedback(ctx, to_at, offset, cells):
    """The feedback current."""
    to, current = f8(to_at, offset, cells), f8(ctx[Ctx.FEEDBACK_CURRENT_AT], offset, cells)
    for k in range(cells):
        to[k] += current[k]


@device
def feedback_of(ctx, b, k, n):
    """The feedback current of one cell of a block."""
    return f8(ctx[Ctx.FEEDBACK_CURRENT_AT], n * block_row(ctx, b)[Block.LANE0], k + 1)[k]


@device
def wave_row(step, rows, period, start):
    """The row of a waveform that plays at `step`, or -1."""
    if rows == 0:
        return -1
    row = (step - start) // period
    return row if row < rows else -1


@device
def add_wave(to_at, offset, cells, width, step, wave_at, rows, columns, period, start):
    """The row of a waveform that plays now."""
    row = wave_row(step, rows, period, start)
    if row >= 0:
        to, wave = f8(to_at, offset, cells), f8(wave_at, row * columns, columns)
        for k in range(cells):
            to[k] += wave[k // width if columns > 1 else 0]


@device
def next_wave_change(step, rows, columns, period, start):
    """The first step after `step` at which another row of a waveform plays."""
    row = wave_row(step, rows, period, start)
    return FAR if row < 0 else start + (row + 1) * period


@device
def add_waves(to_at, offset, width, step, waves_at, count, rows_at):
    """The rows of waveforms that play now into parts of a population, of which `count` are told in a table."""
    for k in range(count):
        wave = i8(waves_at, _COLUMNS * k, _COLUMNS)
        at, cells = offset + wave[Wave.FIRST] * width, wave[Wave.NEURONS] * width
        wave_at = rows_at + 8 * wave[Wave.BEGIN]
        period, start = wave[Wave.PERIOD], wave[Wave.START]
        add_wave(to_at, at, cells, width, step, wave_at, wave[Wave.ROWS], wave[Wave.WIDTH], period, start)


@device
def next_waves_change(step, waves_at, count):
    """The first step after `step` at which another row of one of several waveforms plays."""
    earliest = FAR
    for k in range(count):
        wave = i8(waves_at, _COLUMNS * k, _COLUMNS)
        change = next_wave_change(step, wave[Wave.ROWS], wave[Wave.WIDTH], wave[Wave.PERIOD], wave[Wave.START])
        earliest = min(earliest, change)
    return earliest
