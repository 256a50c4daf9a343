"""Samples for recorders."""

from __future__ import annotations

from typing import Any

from bioasm.vm.jit.calls import carray, pointer
from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import int64
from bioasm.vm.kernels.slots import Block, Ctx, Recorder
from bioasm.vm.kernels.views import block_row, f8, i8

FAR = 1 << 62
_COLUMNS = len(Recorder)


@device
def recorder_row(ctx, r, b):
    """The row of recorder r and block b."""
    return carray(pointer(ctx[Ctx.RECORDER_AT] + 8 * _COLUMNS * (r * ctx[Ctx.BLOCKS] + b), int64), _COLUMNS)


@device
def room_for_trace(block):
    """Whether one more energy has a place."""
    return block[Block.TRACE] < block[Block.TRACE_CAPACITY]


@device
def room_for_samples(ctx, b):
    """Whether every recorder has room for one more sample."""
    for r in range(ctx[Ctx.RECORDERS]):
        row = recorder_row(ctx, r, b)
        if row[Recorder.COUNT] >= row[Recorder.CAPACITY]:
            return False
    return True


@device
def copy_cells(values, source, neurons, width):
    """Copy the cells of neurons, in one piece where each neuron follows the one before (looking costs less than a gather)."""
    first, apart = neurons[0] if len(neurons) > 0 else 0, 0
    for a in range(len(neurons)):
        apart |= neurons[a] - a - first
    if apart == 0:
        for k in range(len(neurons) * width):
            values[k] = source[first * width + k]
        return
    for a in range(len(neurons)):
        for lane in range(width):
            values[a * width + lane] = source[neurons[a] * width + lane]


def make_sampling(value_of: Any) -> Any:
    """The function that lets every recorder that is due at `step` take its sample of block b; it returns the next such step.

    `value_of` gives (ctx, real, variable, b, cell of the block) its value.
    """

    @device
    def take_samples(ctx, real, b, step):
        width, nearest = block_row(ctx, b)[Block.WIDTH], FAR
        for r in range(ctx[Ctx.RECORDERS]):
            row = recorder_row(ctx, r, b)
            if step >= row[Recorder.NEXT]:
                row[Recorder.NEXT] += row[Recorder.EVERY]
                count = row[Recorder.NEURONS]
                neurons = i8(row[Recorder.NEURON_AT], 0, count)
                values = f8(row[Recorder.VALUE_AT], row[Recorder.COUNT] * count * width, count * width)
                if row[Recorder.SOURCE_AT] != 0:
                    copy_cells(values, f8(row[Recorder.SOURCE_AT], 0, 1 << 40), neurons, width)
                else:
                    for a in range(count):
                        for lane in range(width):
                            values[a * width + lane] = value_of(ctx, real, row[Recorder.VARIABLE], b, neurons[a] * width + lane)
                row[Recorder.COUNT] += 1
            nearest = min(nearest, row[Recorder.NEXT])
        return nearest

    return take_samples
