"""Samples for recorders, and the values of variables that PEEK and recorders read."""

from __future__ import annotations

from numba import carray, int64

from bioasm.vm.kernels.access import block_row, f8, i1, i8
from bioasm.vm.kernels.device import device
from bioasm.vm.kernels.emit import pointer
from bioasm.vm.layout import Block, Ctx, Recorder, Variable

FAR = 1 << 62
_COLUMNS = len(Recorder)


@device
def value_of(ctx, variable, offset, width, i, lane):
    """A variable of neuron i in one lane of the block whose cells start at `offset`."""
    k = i * width + lane
    if variable == Variable.SPIN:
        return float(i1(ctx[Ctx.SPIN_AT], offset, k + 1)[k])
    if variable == Variable.SPIKE_COUNT:
        return float(i8(ctx[Ctx.SPIKE_COUNT_AT], offset, k + 1)[k])
    if variable == Variable.I:
        return f8(ctx[Ctx.FEEDBACK_CURRENT_AT], offset, k + 1)[k]
    v = f8(ctx[Ctx.V_AT], offset, k + 1)[k]
    if variable == Variable.V:
        return v
    el, vt = f8(ctx[Ctx.EL_AT], 0, i + 1)[i], f8(ctx[Ctx.VT_AT], 0, i + 1)[i]
    return min(max((v - el) / (vt - el), 0.0), 1.0)


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
def next_sample(ctx, b, step):
    """The first step after `step` at which some recorder takes a sample."""
    nearest = FAR
    for r in range(ctx[Ctx.RECORDERS]):
        row = recorder_row(ctx, r, b)
        taken = (step - row[Recorder.START]) // row[Recorder.EVERY]
        nearest = min(nearest, row[Recorder.START] + (taken + 1) * row[Recorder.EVERY])
    return nearest


@device
def take_samples(ctx, b, step):
    """Let every recorder that is due at `step` take its sample of block b."""
    block = block_row(ctx, b)
    width = block[Block.WIDTH]
    for r in range(ctx[Ctx.RECORDERS]):
        row = recorder_row(ctx, r, b)
        if (step - row[Recorder.START]) % row[Recorder.EVERY] == 0:
            count = row[Recorder.NEURONS]
            neurons = i8(row[Recorder.NEURON_AT], 0, count)
            values = f8(row[Recorder.VALUE_AT], row[Recorder.COUNT] * count * width, count * width)
            for a in range(count):
                for lane in range(width):
                    at = ctx[Ctx.N] * block[Block.LANE0]
                    values[a * width + lane] = value_of(ctx, row[Recorder.VARIABLE], at, width, neurons[a], lane)
            row[Recorder.COUNT] += 1
