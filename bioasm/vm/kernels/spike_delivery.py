"""Spikes under way: those that a step fired, those that come from outside, and where their weights add up."""

from __future__ import annotations

from bioasm.vm.kernels.device import device
from bioasm.vm.kernels.random import draw_words
from bioasm.vm.kernels.sample import FAR
from bioasm.vm.kernels.slots import Block, Ctx
from bioasm.vm.kernels.views import f8, i4, i8, u1, u4
from bioasm.vm.layout import CHUNK, DRAWN


@device
def room_for_spikes(ctx, block):
    """Whether the spikes of two steps still have a place, should every cell fire in both."""
    return block[Block.SPIKES] + 2 * ctx[Ctx.N] * block[Block.WIDTH] <= block[Block.SPIKE_CAPACITY]


@device
def note_spikes(ctx, block, fired, step):
    """Append this step's spikes to the block's buffer, in the order of the cells."""
    n, width = ctx[Ctx.N], block[Block.WIDTH]
    steps = i8(block[Block.SPIKE_STEP_AT], 0, block[Block.SPIKE_CAPACITY])
    ids = i8(block[Block.SPIKE_ID_AT], 0, block[Block.SPIKE_CAPACITY])
    count = i8(ctx[Ctx.SPIKE_COUNT_AT], n * block[Block.LANE0], n * width)
    at = block[Block.SPIKES]
    for k in range(n * width):
        if fired[k] != 0 and k % width < block[Block.LANES]:
            steps[at] = step
            ids[at] = (block[Block.LANE0] + k % width) * n + k // width
            count[k] += 1
            at += 1
    block[Block.SPIKES] = at


@device
def spike_count(ctx, at):
    """Spikes so far of the cell at a place in the table of counts."""
    return float(i8(ctx[Ctx.SPIKE_COUNT_AT], at, 1)[0])


@device
def marks(address, b, slots):
    """The flags of one block's slots: 1 where something arrives."""
    return i8(address, b * slots, slots)


@device
def send(fired, n_pre, width, start_at, post_at, weight_at, ring):
    """Add the weights of every spike's connections to a ring's slot; whether there was any spike."""
    start = i8(start_at, 0, n_pre + 1)
    post, weight = i4(post_at, 0, start[n_pre]), f8(weight_at, 0, start[n_pre])
    some = False
    for i in range(n_pre):
        for lane in range(width):
            if fired[i * width + lane] != 0:
                some = True
                for e in range(start[i], start[i + 1]):
                    ring[post[e] * width + lane] += weight[e]
    return some


@device
def train_spikes(b, step, length, step_at, neuron_at, jump_at, position_at, coming, n, width):
    """The weights of a spike train's spikes that are due; how many there were."""
    when, whom, jump = i8(step_at, 0, length), i8(neuron_at, 0, length), f8(jump_at, 0, n)
    position = i8(position_at, b, 1)
    at = position[0]
    while at < length and when[at] <= step:
        for k in range(whom[at] * width, (whom[at] + 1) * width):
            coming[k] += jump[whom[at]]
        at += 1
    some = at - position[0]
    position[0] = at
    return some


@device
def count_below(limit, at, end, word):
    """How many of the limits from `at` to `end`, which fall, a word does not pass."""
    low, high = at, end
    while low < high:
        middle = (low + high) >> 1
        if word <= limit[middle]:
            low = middle + 1
        else:
            high = middle
    return low - at


@device
def random_spikes(
    block, b, step, first_at, end_at, top_at, limit_at, jump_at, key0_at, key1_at, word_at, coming, n, width
):  # fmt: skip
    """A weight times the Poisson count of the cell and step (`bioasm.runtime.poisson`); words are drawn by whole vectors."""
    first, end, top, jump = i8(first_at, 0, n), i8(end_at, 0, n), i8(top_at, 0, n), f8(jump_at, 0, n)
    limit = u4(limit_at, 0, 1)  # as long as `end` says
    even_at = word_at + 8 * DRAWN * b
    odd_at = even_at + 4 * DRAWN
    word = u4(odd_at if step & 1 else even_at, 0, DRAWN)
    lane0, some, i = 4 * block[Block.LANE0], 0, 0
    for start in range(0, n * width, CHUNK):
        cells = min(CHUNK, n * width - start)
        draw_words(block, key0_at + lane0, key1_at + lane0, even_at, odd_at, start, cells, step >> 1)
        for k in range(0, cells, width):
            for lane in range(width):
                if word[k + lane] <= top[i]:
                    count = count_below(limit, first[i], end[i], word[k + lane])
                    coming[start + k + lane] += jump[i] * count
                    some += 1
            i += 1
    return some


@device
def deliver(block, b, fired, step, start_at, post_at, weight_at, ring_at, mark_at, n_pre, n, slots, late):
    """Let the spikes of a step set out on a projection: into the slot of the ring in which they will arrive."""
    width, slot = block[Block.WIDTH], (step + late) % slots
    ring = f8(ring_at, slots * n * block[Block.LANE0] + slot * n * width, n * width)
    if send(fired, n_pre, width, start_at, post_at, weight_at, ring):
        marks(mark_at, b, slots)[slot] = 1


@device
def take_events(
    block, b, step, step_at, neuron_at, jump_at, position_at, first_at, end_at, top_at, limit_at, rate_jump_at, key0_at,
    key1_at, word_at, coming_at, mark_at, length, rates, n,
):  # fmt: skip
    """Add up the weights of the spikes from outside that are due at a step."""
    width = block[Block.WIDTH]
    coming = f8(coming_at, n * block[Block.LANE0], n * width)
    some = train_spikes(b, step, length, step_at, neuron_at, jump_at, position_at, coming, n, width)
    if rates == 1:
        some += random_spikes(
            block, b, step, first_at, end_at, top_at, limit_at, rate_jump_at, key0_at, key1_at, word_at, coming, n, width
        )
    if some > 0:
        marks(mark_at, b, 1)[0] = 1


@device
def next_event(b, step_at, position_at, length, rates):
    """The step at which the next spike from outside may come."""
    if rates == 1:
        return 0
    at = i8(position_at, b, 1)[0]
    return i8(step_at, 0, length)[at] if at < length else FAR


# --- spikes that act one after another ------------------------------------------------------------------


@device
def count_events(
    block, b, step, step_at, neuron_at, one_at, position_at, first_at, end_at, top_at, limit_at, one_again_at, key0_at,
    key1_at, word_at, given_at, given_mark_at, random_at, random_mark_at, length, rates, n,
):  # fmt: skip
    """Count the given and the random spikes from outside that are due at a step, cell by cell: each has a weight of 1."""
    width = block[Block.WIDTH]
    given = f8(given_at, n * block[Block.LANE0], n * width)
    if train_spikes(b, step, length, step_at, neuron_at, one_at, position_at, given, n, width) > 0:
        marks(given_mark_at, b, 1)[0] = 1
    if rates == 1:
        random = f8(random_at, n * block[Block.LANE0], n * width)
        some = random_spikes(
            block, b, step, first_at, end_at, top_at, limit_at, one_again_at, key0_at, key1_at, word_at, random, n, width
        )
        if some > 0:
            marks(random_mark_at, b, 1)[0] = 1


@device
def depart(block, b, fired, step, ring_at, mark_at, n_pre, slots, late):
    """Keep which neurons fired in a step in the slot of the ring in which their spikes will arrive."""
    width, slot = block[Block.WIDTH], (step + late) % slots
    ring = u1(ring_at, slots * n_pre * block[Block.LANE0] + slot * n_pre * width, n_pre * width)
    some = 0
    for k in range(n_pre * width):
        ring[k] = fired[k]
        some += fired[k]
    if some > 0:
        marks(mark_at, b, slots)[slot] = 1


@device
def arrive(
    block, b, step, start_at, post_at, weight_at, ring_at, mark_at, arrived_at, arrived_mark_at, n_pre, n, slots,
):  # fmt: skip
    """Add up the weights of the spikes that arrive in a step, from who fired when they set out."""
    width, slot = block[Block.WIDTH], step % slots
    if marks(mark_at, b, slots)[slot] == 1:
        marks(mark_at, b, slots)[slot] = 0
        sent = u1(ring_at, slots * n_pre * block[Block.LANE0] + slot * n_pre * width, n_pre * width)
        arrived = f8(arrived_at, n * block[Block.LANE0], n * width)
        if send(sent, n_pre, width, start_at, post_at, weight_at, arrived):
            marks(arrived_mark_at, b, 1)[0] = 1
