"""Micro-operations: what the compiled loop does for instructions of the host that only move data."""

from __future__ import annotations

import math

from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import float64, int64
from bioasm.vm.kernels.dynamics import call_dynamics
from bioasm.vm.kernels.slots import Ctx, Micro, Status
from bioasm.vm.kernels.views import f8, i1, i8
from bioasm.vm.layout import REFRESH

_COLUMNS = 5


@device
def emit(ctx, number):
    """Put a number among those that OUT gives out."""
    at = ctx[Ctx.OUT_COUNT]
    f8(ctx[Ctx.OUT_VALUE_AT], 0, ctx[Ctx.OUT_CAPACITY])[at] = number
    i8(ctx[Ctx.OUT_PC_AT], 0, ctx[Ctx.OUT_CAPACITY])[at] = ctx[Ctx.PC]
    ctx[Ctx.OUT_COUNT] = at + 1


@device
def copy_bytes(to, origin, size):
    """Copy bytes between addresses, eight at a time."""
    words, new_words = i8(origin, 0, size >> 3), i8(to, 0, size >> 3)
    for k in range(size >> 3):
        new_words[k] = words[k]
    rest, new_rest = i1(origin, 0, size), i1(to, 0, size)
    for k in range(size & ~7, size):
        new_rest[k] = rest[k]


@device
def put(ctx, header_at, origin, size):
    """Append the cells that RD reads to their buffer; DRAIN where it, or that of OUT, is full."""
    header = i8(header_at, 0, 3)
    if header[0] + size > header[1] or ctx[Ctx.OUT_COUNT] >= ctx[Ctx.OUT_CAPACITY]:
        return int64(Status.DRAIN)
    copy_bytes(header[2] + header[0], origin, size)
    emit(ctx, float64(header[0]))
    header[0] += size
    return int64(Status.DONE)


@device
def leave(ctx, real):
    """Let the present state count for the best one before it is replaced."""
    if ctx[Ctx.DIRTY] == 1:
        call_dynamics(ctx, real, REFRESH)
    ctx[Ctx.DIRTY] = 1


@device
def perform(ctx, real, table_at, count):
    """Do micro-operations; DONE, or the status of the first that can't be done, before anything was changed."""
    for k in range(count):
        row = i8(table_at, k * _COLUMNS, _COLUMNS)
        kind, to, origin, size = row[0], row[1], row[2], row[4]
        if kind == Micro.FINITE:
            if not abs(f8(origin, 0, 1)[0]) < math.inf:
                return int64(Status.HOST)
        elif kind == Micro.COPY:
            copy_bytes(to, origin, size)
        elif kind == Micro.ADD:
            total, cells = f8(row[3], 0, 1)[0] + f8(origin, 0, 1)[0], f8(to, 0, size)
            for c in range(size):
                cells[c] = total
        elif kind == Micro.NOTE:
            note = i8(to, 0, 2)
            note[0], note[1] = ctx[Ctx.PC], ctx[Ctx.STEP]
        elif kind == Micro.LEAVE:
            leave(ctx, real)
        else:
            return put(ctx, to, origin, size)
    return int64(Status.DONE)
