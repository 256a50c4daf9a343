"""The step of a network: generated loops of its populations, with feedback, samples, inputs and spikes around them.

Order within the step at time t = k dt: feedback where it is due; samples; inputs; integration; threshold; spikes that
arrive; reset. Where nothing comes from outside, two steps that share their noise are done at a time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bioasm.vm.jit.functions import device, remember
from bioasm.vm.kernels import elementary, inputs, spike_delivery
from bioasm.vm.kernels.feedback import make_feedback
from bioasm.vm.kernels.llvm_intrinsics import fma, prefetch
from bioasm.vm.kernels.random import draw_normals
from bioasm.vm.kernels.sample import FAR, make_sampling, room_for_samples, room_for_trace
from bioasm.vm.kernels.slots import Block, Ctx, Status
from bioasm.vm.kernels.spike_delivery import room_for_spikes
from bioasm.vm.kernels.views import block_row, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8
from bioasm.vm.layout import CHUNK, DRAWN


@device
def tables(ctx, wholes, numbers, fields):
    """The numbers and addresses that generated source reads."""
    whole = i8(ctx[Ctx.WHOLE_AT], 0, wholes)
    return whole, f8(ctx[Ctx.NUMBER_AT], 0, numbers), i8(ctx[Ctx.ADDRESS_AT], 0, fields)


@device
def fired_cells(ctx, block):
    """The flags of a block's cells that fired, of two steps."""
    cells = ctx[Ctx.N] * block[Block.WIDTH]
    return u1(ctx[Ctx.FIRED_AT], 2 * ctx[Ctx.N] * block[Block.LANE0], 2 * cells)


@device
def normals_of(ctx, b, chunks):
    """A block's buffer of random numbers, for both steps of a pair."""
    room = 2 * DRAWN * chunks
    return f4(ctx[Ctx.DRAWN_AT], room * b, room)


def namespace() -> dict[str, Any]:
    """The names that generated source may use."""
    own = {"tables": tables, "fired_cells": fired_cells, "normals_of": normals_of, "draw": draw_normals}
    own |= {"device": device, "fma": fma, "prefetch": prefetch}
    views = (block_row, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8)
    names: dict[str, Any] = {view.__name__: view for view in views}
    for module in (spike_delivery, elementary, inputs):
        names |= {name: thing for name, thing in vars(module).items() if not name.startswith("_")}
    return names | own | {"np": np, "math": math, "CHUNK": CHUNK, "DRAWN": DRAWN, "FAR": FAR}


def make_network(source: str, storage: str | None) -> tuple[Any, Any, Any]:
    """The functions (advance a block, energies of all lanes, value of a variable) of a network.

    `source` is what `bioasm.vm.codegen.source.generate` writes; `storage` is that of J where a population has feedback.
    """
    names = namespace()
    exec(compile(source, remember(source), "exec"), names)  # our own writer's source: it spells every name and number itself
    prepare, hold, next_change, next_arrival = (names[n] for n in ("prepare", "hold", "next_change", "next_arrival"))
    take_samples = make_sampling(names["value_of"])
    names |= {"take_samples": take_samples, "room_for_samples": room_for_samples}
    run_to = _make_run_to(names, next_arrival)
    coupled, alone = storage is not None, names["ALONE"]
    feedback, refresh = make_feedback(storage, names["feedback_source"]) if storage is not None else (_nothing, _no_energy)

    @device
    def advance(ctx, real, b):
        """Run block `b` until TARGET; DONE, or DRAIN where a buffer is full."""
        block = block_row(ctx, b)
        every, change = ctx[Ctx.FEEDBACK_EVERY], block[Block.STEP]  # inputs are summed up anew from step `change` on
        prepare(ctx, real)
        while block[Block.STEP] < ctx[Ctx.TARGET]:
            step = block[Block.STEP]
            if not (room_for_spikes(ctx, block) and room_for_trace(block) and room_for_samples(ctx, b)):
                return Status.DRAIN
            stop = ctx[Ctx.TARGET]
            if coupled and ctx[Ctx.COUPLED] == 1:
                if step % every == 0:
                    feedback(ctx, real, b, step)
                    change = step
                stop = min(stop, (step // every + 1) * every)
            if step >= change:
                hold(ctx, real, b, step)
                change = next_change(ctx, step)
            stop = min(stop, change)
            if ctx[Ctx.RECORDERS] > 0 and not alone:
                if step >= block[Block.DUE]:
                    block[Block.DUE] = take_samples(ctx, real, b, step)
                stop = min(stop, block[Block.DUE])
            run_to(ctx, real, b, stop)
        return Status.DONE

    return advance, refresh, _make_peek(prepare, hold, names["value_of"])


def _make_peek(prepare: Any, hold: Any, value_of: Any) -> Any:
    """`value_of` between two steps: inputs are summed up before the first lane of a block is looked at."""

    @device
    def peek(ctx, real, variable, b, k):
        block = block_row(ctx, b)
        if k % block[Block.WIDTH] == 0:
            prepare(ctx, real)
            hold(ctx, real, b, block[Block.STEP])
        return value_of(ctx, real, variable, b, k)

    return peek


def _make_run_to(names: dict[str, Any], next_arrival: Any) -> Any:
    """The function that does steps until `stop` with constant inputs, or until the buffer of spikes is full."""
    if names["ALONE"]:
        return _make_alone(names["many"])
    if not names["FAST"]:
        careful = names["careful"]

        @device
        def each(ctx, real, b, stop):
            block = block_row(ctx, b)
            while block[Block.STEP] < stop and room_for_spikes(ctx, block):
                careful(ctx, real, b, block[Block.STEP])
                block[Block.STEP] += 1

        return each
    steps = names["steps"]
    if not names["CAREFUL"]:

        @device
        def undisturbed(ctx, real, b, stop):
            block = block_row(ctx, b)
            while block[Block.STEP] < stop and room_for_spikes(ctx, block):
                step = block[Block.STEP]
                both = step & 1 == 0 and step + 2 <= stop
                steps(ctx, real, b, step, both)
                block[Block.STEP] = step + (2 if both else 1)

        return undisturbed
    careful = names["careful"]

    @device
    def in_pairs(ctx, real, b, stop):
        block = block_row(ctx, b)
        while block[Block.STEP] < stop and room_for_spikes(ctx, block):
            step, arrival = block[Block.STEP], next_arrival(ctx, b)
            if arrival <= step:
                careful(ctx, real, b, step)
                block[Block.STEP] = step + 1
            else:
                both = step & 1 == 0 and step + 2 <= min(stop, arrival)
                steps(ctx, real, b, step, both)
                block[Block.STEP] = step + (2 if both else 1)

    return in_pairs


def _make_alone(many: Any) -> Any:
    """`_make_run_to` where many steps are one loop."""

    @device
    def together(ctx, real, b, stop):
        block = block_row(ctx, b)
        while block[Block.STEP] < stop and room_for_spikes(ctx, block) and room_for_samples(ctx, b):
            many(ctx, real, b, stop)

    return together


@device
def _nothing(ctx, real, b, step):
    """In place of what a network does not have."""


@device
def _no_energy(ctx, real):
    """Energies without couplings: the offset."""
    ctx[Ctx.DIRTY] = 0
