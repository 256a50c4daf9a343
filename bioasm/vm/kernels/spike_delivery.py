"""Spikes under way: those that a step fired, those that come from outside, and where their weights add up."""

from __future__ import annotations

from bioasm.vm.jit.functions import device
from bioasm.vm.jit.types import int64, uint32, uint64
from bioasm.vm.kernels.random import draw_words
from bioasm.vm.kernels.sample import FAR
from bioasm.vm.kernels.slots import Block, Ctx
from bioasm.vm.kernels.views import f4, f8, i1, i2, i4, i8, u1, u2, u4, u8
from bioasm.vm.layout import CHUNK, WIDE


@device
def room_for_spikes(ctx, block):
    """Whether the spikes and events of two steps still have a place, should every cell have all of them in both."""
    return block[Block.SPIKES] + 2 * ctx[Ctx.IDS] * block[Block.WIDTH] <= block[Block.SPIKE_CAPACITY]


@device
def next_fired(fired, k):
    """The first cell from `k` on that fired, or the number of cells: eight flags are looked at together."""
    cells = len(fired)
    eight = u8(fired.ctypes.data, 0, cells >> 3)
    while k < cells:
        if k & 7 == 0:
            while k + 8 <= cells and eight[k >> 3] == 0:
                k += 8
            if k == cells:
                return cells
        if fired[k] != 0:
            return k
        k += 1
    return cells


@device
def note_spikes(ctx, block, fired, step):
    """Append this step's spikes to the block's buffer, in the order of the cells."""
    n, width = ctx[Ctx.N], block[Block.WIDTH]
    steps = i8(block[Block.SPIKE_STEP_AT], 0, block[Block.SPIKE_CAPACITY])
    ids = i8(block[Block.SPIKE_ID_AT], 0, block[Block.SPIKE_CAPACITY])
    count = i8(ctx[Ctx.SPIKE_COUNT_AT], n * block[Block.LANE0], n * width)
    at = block[Block.SPIKES]
    all_fired = fired[: n * width]
    k = next_fired(all_fired, 0)
    while k < n * width:
        if k % width < block[Block.LANES]:
            steps[at] = step
            ids[at] = (block[Block.LANE0] + k % width) * ctx[Ctx.IDS] + k // width
            count[k] += 1
            at += 1
        k = next_fired(all_fired, k + 1)
    block[Block.SPIKES] = at


@device
def note_events(ctx, block, flags_at, n, step, first_id, recorded):
    """In how many of a population's cells an event happened; one that is recorded is noted behind the spikes, cell by cell."""
    width = block[Block.WIDTH]
    flags = u1(flags_at, n * block[Block.LANE0], n * width)
    steps = i8(block[Block.SPIKE_STEP_AT], 0, block[Block.SPIKE_CAPACITY])
    ids = i8(block[Block.SPIKE_ID_AT], 0, block[Block.SPIKE_CAPACITY])
    at, found = block[Block.SPIKES], 0
    k = next_fired(flags, 0)
    while k < n * width:
        if k % width < block[Block.LANES]:
            found += 1
            if recorded != 0:
                steps[at] = step
                ids[at] = (block[Block.LANE0] + k % width) * ctx[Ctx.IDS] + first_id + k // width
                at += 1
        k = next_fired(flags, k + 1)
    block[Block.SPIKES] = at
    return found


@device
def spike_count(ctx, at):
    """Spikes so far of the cell at a place in the table of counts."""
    return float(i8(ctx[Ctx.SPIKE_COUNT_AT], at, 1)[0])


@device
def marks(address, b, slots):
    """The flags of one block's slots: 1 where something arrives."""
    return i8(address, b * slots, slots)


@device
def neuron_of(at, size, e):
    """The neuron at an end of a connection, of which each takes 2 or 4 bytes."""
    return int64(u2(at, e, 1)[0]) if size == 2 else int64(u4(at, e, 1)[0])


@device
def weight_of(at, size, e):
    """The weight of a connection: int8, int16, float32 or float64 by the bytes that each takes, or with 0 the one of all."""
    if size == 0:
        return f8(at, 0, 1)[0]
    if size == 1:
        return float(i1(at, e, 1)[0])
    if size == 2:
        return float(i2(at, e, 1)[0])
    return float(f4(at, e, 1)[0]) if size == 4 else f8(at, e, 1)[0]


@device
def send_row(ring, lane, width, first, end, post_at, weight_at, post_size, weight_size, factor):
    """Add the weights of connections, times a factor, to a lane of a ring's slot; what is common has a loop of its own."""
    wide, own = uint64(width), uint64(lane)  # unsigned: indices are used as they are
    if post_size == 2 and weight_size == 0:
        post, weight = u2(post_at, first, end - first), f8(weight_at, 0, 1)[0] * factor
        for e in range(end - first):
            ring[uint64(post[e]) * wide + own] += weight
    elif post_size == 2 and weight_size == 8:
        post, weights = u2(post_at, first, end - first), f8(weight_at, first, end - first)
        for e in range(end - first):
            ring[uint64(post[e]) * wide + own] += weights[e] * factor
    else:
        for e in range(first, end):
            ring[uint64(neuron_of(post_at, post_size, e)) * wide + own] += weight_of(weight_at, weight_size, e) * factor


@device
def send(fired, n_pre, width, lane0, start_at, post_at, weight_at, scale_at, post_size, weight_size, ring):
    """Add the weights of every spike's connections, times the factor of its lane, to a ring's slot; whether there was any."""
    scale = f8(scale_at, lane0, width)
    start, own = i8(start_at, 0, n_pre + 1), fired[: n_pre * width]
    k = first = next_fired(own, 0)
    while k < n_pre * width:
        i, lane = k // width, k % width
        send_row(ring, lane, width, start[i], start[i + 1], post_at, weight_at, post_size, weight_size, scale[lane])
        k = next_fired(own, k + 1)
    return first < n_pre * width


@device
def values_of_neurons(block, own, n):
    """Where a block's values begin of a port's spikes from outside, how many there are, and for how many cells each holds:
    one a neuron, which all lanes share, or with `own` one a cell."""
    width = block[Block.WIDTH]
    return (n * block[Block.LANE0], n * width, 1) if own else (0, n, width)


@device
def train_spikes(block, b, step, length, step_at, neuron_at, jump_at, position_at, coming, own, n):
    """The weights of a spike train's spikes that are due; how many there were."""
    width = block[Block.WIDTH]
    start, count, each = values_of_neurons(block, own, n)
    when, whom, jump = i8(step_at, 0, length), i8(neuron_at, 0, length), f8(jump_at, start, count)
    position = i8(position_at, b, 1)
    at = position[0]
    while at < length and when[at] <= step:
        for k in range(whom[at] * width, (whom[at] + 1) * width):
            coming[k] += jump[k // each]
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
def draw_pair(block, b, step, key0_at, key1_at, word_at, pair_at, cells):
    """The address of the random words of a step, one a cell: those of an even step are drawn with the next step's."""
    room = 4 * (cells + WIDE)  # bytes: whole vectors are drawn
    even_at = word_at + (2 * room + 4 * CHUNK) * b
    drawn = i8(pair_at, b, 1)
    if drawn[0] != step >> 1:
        drawn[0] = step >> 1
        lane0 = 4 * block[Block.LANE0]
        draw_words(block, key0_at + lane0, key1_at + lane0, even_at, even_at + room, 0, cells, step >> 1)
    return even_at + room * (step & 1)


@device
def add_counts(word, limit, count, jump, coming, width):
    """Add each cell's weight times the count of its word where all have the same limits; whether there was any.

    A pass over a chunk of cells for each limit that some word does not pass; `count` is room for it.
    """
    lowest = uint32(0xFFFFFFFF)
    for k in range(len(word)):
        lowest = min(lowest, word[k])
    if lowest > limit[0]:
        return False
    for k in range(len(word)):
        count[k] = 0
    for e in range(len(limit)):
        if lowest > limit[e]:
            break
        for k in range(len(word)):
            count[k] += uint32(word[k] <= limit[e])
    if width == 1:
        for k in range(len(word)):  # a weight that is no number is that of the spikes that there are
            coming[k] += jump[k] * count[k] if count[k] != 0 else 0.0
    else:
        for i in range(len(word) // width):
            for k in range(i * width, (i + 1) * width):
                coming[k] += jump[i] * count[k] if count[k] != 0 else 0.0
    return True


@device
def random_spikes(
    block, b, step, first_at, end_at, top_at, limit_at, jump_at, key0_at, key1_at, word_at, pair_at, alike, coming, own, n
):  # fmt: skip
    """A weight times the Poisson count of the cell and step (`bioasm.runtime.poisson`), by whole vectors where all neurons
    have the one table of `alike` entries; whether there was any spike."""
    width = block[Block.WIDTH]
    cells = n * width
    drawn_at = draw_pair(block, b, step, key0_at, key1_at, word_at, pair_at, cells)
    at, rows, each = values_of_neurons(block, own, n)
    jump, some = f8(jump_at, at, rows), False
    if alike > 0:
        limit, count = u4(limit_at, 0, alike), u4(word_at, 2 * (cells + WIDE) * (b + 1) + CHUNK * b, CHUNK)
        for start in range(0, cells, CHUNK):
            word = u4(drawn_at, start, min(CHUNK, cells - start))
            some |= add_counts(word, limit, count, jump[start // width :], coming[start:], width)
        return some
    first, end, top = i8(first_at, at, rows), i8(end_at, at, rows), i8(top_at, at, rows)
    limit, word = u4(limit_at, 0, 1), u4(drawn_at, 0, cells)  # the limits are as many as `end` says
    for k in range(cells):
        i = k // each
        if word[k] <= top[i]:
            coming[k] += jump[i] * count_below(limit, first[i], end[i], word[k])
            some = True
    return some


@device
def deliver(
    block, b, fired, step, start_at, post_at, weight_at, scale_at, ring_at, mark_at, post_size, weight_size, n_pre, n, slots,
    late,
):  # fmt: skip
    """Let the spikes of a step set out on a projection: into the slot of the ring in which they will arrive."""
    width, slot = block[Block.WIDTH], (step + late) % slots
    ring = f8(ring_at, slots * n * block[Block.LANE0] + slot * n * width, n * width)
    lane0 = block[Block.LANE0]
    if send(fired, n_pre, width, lane0, start_at, post_at, weight_at, scale_at, post_size, weight_size, ring):
        marks(mark_at, b, slots)[slot] = 1


@device
def take_events(
    block, b, step, step_at, neuron_at, jump_at, position_at, first_at, end_at, top_at, limit_at, rate_jump_at, key0_at,
    key1_at, word_at, pair_at, coming_at, mark_at, length, alike, rates, own, n,
):  # fmt: skip
    """Add up the weights of the spikes from outside that are due at a step."""
    coming = f8(coming_at, n * block[Block.LANE0], n * block[Block.WIDTH])
    some = train_spikes(block, b, step, length, step_at, neuron_at, jump_at, position_at, coming, own, n)
    if rates == 1:
        some += random_spikes(
            block, b, step, first_at, end_at, top_at, limit_at, rate_jump_at, key0_at, key1_at, word_at, pair_at, alike, coming,
            own, n,
        )  # fmt: skip
    if some > 0:
        marks(mark_at, b, 1)[0] = 1


@device
def next_event(b, step_at, position_at, length, rates):
    """The step at which the next spike from outside may come."""
    if rates == 1:
        return 0
    at = i8(position_at, b, 1)[0]
    return i8(step_at, 0, length)[at] if at < length else FAR


# --- spikes that synapses hear ------------------------------------------------------------------------


@device
def list_spikes(block, b, fired, step, listed_at, count_at, n, slots):
    """Put the cells that fired in a step into its list of the ring, in their order; places without a lane never listen."""
    width, lanes, slot = block[Block.WIDTH], block[Block.LANES], step % slots
    listed = i4(listed_at, slots * n * block[Block.LANE0] + slot * n * width, n * width)
    own, some = fired[: n * width], 0
    k = next_fired(own, 0)
    while k < n * width:
        if k % width < lanes:
            listed[some] = k
            some += 1
        k = next_fired(own, k + 1)
    i8(count_at, b * slots, slots)[slot] = some


@device
def delay_of(at, size, e):
    """The delay of a connection in steps, of which each takes 1, 2 or 4 bytes."""
    if size == 1:
        return int64(u1(at, e, 1)[0])
    return int64(u2(at, e, 1)[0]) if size == 2 else int64(i4(at, e, 1)[0])


@device
def first_not_below(late_at, late_size, first, end, delay):
    """The first place from `first` to `end`, where delays rise, whose delay is not below one."""
    low, high = first, end
    while low < high:
        middle = (low + high) >> 1
        if delay_of(late_at, late_size, middle) < delay:
            low = middle + 1
        else:
            high = middle
    return low


# --- spikes that act one after another ------------------------------------------------------------------


@device
def count_events(
    block, b, step, step_at, neuron_at, one_at, position_at, first_at, end_at, top_at, limit_at, one_again_at, key0_at,
    key1_at, word_at, pair_at, given_at, given_mark_at, random_at, random_mark_at, length, alike, rates, own, n,
):  # fmt: skip
    """Count the given and the random spikes from outside that are due at a step, cell by cell: each has a weight of 1."""
    given = f8(given_at, n * block[Block.LANE0], n * block[Block.WIDTH])
    if train_spikes(block, b, step, length, step_at, neuron_at, one_at, position_at, given, own, n) > 0:
        marks(given_mark_at, b, 1)[0] = 1
    if rates == 1:
        random = f8(random_at, n * block[Block.LANE0], n * block[Block.WIDTH])
        if random_spikes(
            block, b, step, first_at, end_at, top_at, limit_at, one_again_at, key0_at, key1_at, word_at, pair_at, alike, random,
            own, n,
        ):  # fmt: skip
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
    block, b, step, start_at, post_at, weight_at, scale_at, ring_at, mark_at, arrived_at, arrived_mark_at, post_size,
    weight_size, n_pre, n, slots,
):  # fmt: skip
    """Sum the weights of the spikes that arrive in a step, from the ring buffer of neurons that fired (n_pre, width)."""
    width, slot = block[Block.WIDTH], step % slots
    if marks(mark_at, b, slots)[slot] == 1:
        marks(mark_at, b, slots)[slot] = 0
        sent = u1(ring_at, slots * n_pre * block[Block.LANE0] + slot * n_pre * width, n_pre * width)
        arrived = f8(arrived_at, n * block[Block.LANE0], n * width)
        lane0 = block[Block.LANE0]
        if send(sent, n_pre, width, lane0, start_at, post_at, weight_at, scale_at, post_size, weight_size, arrived):
            marks(arrived_mark_at, b, 1)[0] = 1
