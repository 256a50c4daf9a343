"""The LIF critical twin: feedback, noise, membrane, threshold and reset of one block of lanes.

Order within the step at time t = k dt, as in the source material's Brian2 code (bioasm/models/lif_critical.py has the
equations): feedback if k is a multiple of the interval; samples; membranes; threshold; jumps of spikes that arrive; reset.
"""

from __future__ import annotations

from typing import Any

from numba import uint32

from bioasm.vm.kernels.access import block_row, f4, f8, i1, i4, i8, u1, u4
from bioasm.vm.kernels.device import device
from bioasm.vm.kernels.draw import make_draw_cells
from bioasm.vm.kernels.emit import normals, threefry
from bioasm.vm.kernels.product import add_biases, make_add_column, make_product
from bioasm.vm.kernels.sample import FAR, next_sample, room_for_samples, room_for_trace, take_samples
from bioasm.vm.layout import CHUNK, DRAWN, RESYNC, Block, Ctx, Real, Status


@device
def states(ctx, offset, s, cells):
    """s = clip((v - El)/(Vt - El), 0, 1)."""
    v = f8(ctx[Ctx.V_AT], offset, cells)
    el, span = f8(ctx[Ctx.CELL_EL_AT], offset, cells), f8(ctx[Ctx.CELL_SPAN_AT], offset, cells)
    for k in range(cells):
        s[k] = min(max((v[k] - el[k]) / span[k], 0.0), 1.0)


@device
def add_terms(ctx, s, y, n, width):
    """y += the derivative of the higher-order terms: for each neuron of a term, weight times the others' states."""
    terms = ctx[Ctx.TERMS]
    start = i8(ctx[Ctx.TERM_START_AT], 0, terms + 1)
    index = i4(ctx[Ctx.TERM_INDEX_AT], 0, start[terms])
    value = f8(ctx[Ctx.TERM_VALUE_AT], 0, terms)
    for t in range(terms):
        for a in range(start[t], start[t + 1]):
            for lane in range(width):
                others = value[t]
                for b in range(start[t], start[t + 1]):
                    if b != a:
                        others *= s[index[b] * width + lane]
                y[index[a] * width + lane] += others


@device
def terms_sum(ctx, s, lane, width):
    """The sum over all terms of weight times the product of states, of one lane."""
    terms = ctx[Ctx.TERMS]
    start = i8(ctx[Ctx.TERM_START_AT], 0, terms + 1)
    index = i4(ctx[Ctx.TERM_INDEX_AT], 0, start[terms])
    value = f8(ctx[Ctx.TERM_VALUE_AT], 0, terms)
    total = 0.0
    for t in range(terms):
        product = value[t]
        for a in range(start[t], start[t + 1]):
            product *= s[index[a] * width + lane]
        total += product
    return total


@device
def quadratic_energy(ctx, s, js, n, width, lane):
    """-1/2 s'Js - h's of one lane, from js = J s; in four partial sums, so that one addition need not wait for another."""
    h = f8(ctx[Ctx.H_AT], 0, n)
    e0, e1, e2, e3 = 0.0, 0.0, 0.0, 0.0
    whole = n - n % 4
    for i in range(0, whole, 4):
        k = i * width + lane
        e0 += s[k] * (0.5 * js[k] + h[i])
        e1 += s[k + width] * (0.5 * js[k + width] + h[i + 1])
        e2 += s[k + 2 * width] * (0.5 * js[k + 2 * width] + h[i + 2])
        e3 += s[k + 3 * width] * (0.5 * js[k + 3 * width] + h[i + 3])
    for i in range(whole, n):
        e0 += s[i * width + lane] * (0.5 * js[i * width + lane] + h[i])
    return -((e0 + e2) + (e1 + e3))


@device
def lane_energy(ctx, s, js, n, width, lane):
    """E without the offset, of one lane."""
    energy = quadratic_energy(ctx, s, js, n, width, lane)
    return energy - terms_sum(ctx, s, lane, width) if ctx[Ctx.TERMS] > 0 else energy


@device
def set_drive(ctx, offset, step, n, width):
    """drive = dt/tau (El + R (I_offset + CUR + feedback + WAVE)), so that a step is v += drive - dt/tau v + noise."""
    cells = n * width
    drive, feedback = f8(ctx[Ctx.DRIVE_AT], offset, cells), f8(ctx[Ctx.FEEDBACK_CURRENT_AT], offset, cells)
    base, gain = f8(ctx[Ctx.CELL_BASE_AT], offset, cells), f8(ctx[Ctx.CELL_GAIN_AT], offset, cells)
    for k in range(cells):
        drive[k] = base[k] + gain[k] * feedback[k]
    row = wave_row(ctx, step)
    if row >= 0:
        columns = ctx[Ctx.WAVE_COLUMNS]
        wave = f8(ctx[Ctx.WAVE_AT], row * columns, columns)
        for k in range(cells):
            drive[k] += gain[k] * wave[k // width if columns > 1 else 0]


@device
def wave_row(ctx, step):
    """The row of WAVE that plays at `step`, or -1."""
    if ctx[Ctx.WAVE_ROWS] == 0:
        return -1
    row = (step - ctx[Ctx.WAVE_START]) // ctx[Ctx.WAVE_PERIOD]
    return row if row < ctx[Ctx.WAVE_ROWS] else -1


@device
def next_wave_change(ctx, step):
    """The first step after `step` at which another row of WAVE plays."""
    row = wave_row(ctx, step)
    return FAR if row < 0 else ctx[Ctx.WAVE_START] + (row + 1) * ctx[Ctx.WAVE_PERIOD]


@device
def room_for_spikes(ctx, block):
    """Whether the spikes of two steps still have a place, should every cell fire in both."""
    return block[Block.SPIKES] + 2 * ctx[Ctx.N] * block[Block.WIDTH] <= block[Block.SPIKE_CAPACITY]


@device
def note_spikes(ctx, block, offset, fired, step, n, width):
    """Append this step's spikes to the block's buffer, in the order of the cells."""
    steps = i8(block[Block.SPIKE_STEP_AT], 0, block[Block.SPIKE_CAPACITY])
    ids = i8(block[Block.SPIKE_ID_AT], 0, block[Block.SPIKE_CAPACITY])
    count = i8(ctx[Ctx.SPIKE_COUNT_AT], offset, n * width)
    at = block[Block.SPIKES]
    for k in range(n * width):
        if fired[k] != 0 and k % width < block[Block.LANES]:
            steps[at] = step
            ids[at] = (block[Block.LANE0] + k % width) * n + k // width
            count[k] += 1
            at += 1
    block[Block.SPIKES] = at


draw_normals = make_draw_cells(normals)


@device
def uniform_step(v, drive, normal, fired, count, rate, noise, vt, vr):
    """One step of cells that share their parameters, reset included; returns how many fired."""
    spikes = 0
    for k in range(count):
        u = v[k] + ((drive[k] - rate * v[k]) + noise * normal[k])
        over = u > vt
        fired[k] = over
        spikes += over
        v[k] = vr if over else u
    return spikes


@device
def quiet_step(v, drive, fired, count, rate, vt, vr):
    """`uniform_step` without noise."""
    spikes = 0
    for k in range(count):
        u = v[k] + (drive[k] - rate * v[k])
        over = u > vt
        fired[k] = over
        spikes += over
        v[k] = vr if over else u
    return spikes


@device
def move_cells(v, drive, normal, rate, strength, noise, count):
    """The membranes' part of a step, each cell with its own parameters."""
    for k in range(count):
        v[k] = v[k] + ((drive[k] - rate[k] * v[k]) + (noise * strength[k]) * normal[k])


@device
def test_cells(v, fired, vt, count):
    """The threshold of a step, each cell with its own; returns how many fired."""
    spikes = 0
    for k in range(count):
        over = v[k] > vt[k]
        fired[k] = over
        spikes += over
    return spikes


@device
def reset_cells(v, fired, vr, count):
    """v = Vr where a cell fired."""
    for k in range(count):
        if fired[k] != 0:
            v[k] = vr[k]


@device
def arriving_spikes(ctx, block, offset, step, n, width):
    """The jumps of this step's spikes from SPK and POI; clamped neurons do not move."""
    v = f8(ctx[Ctx.V_AT], offset, n * width)
    hold = u1(ctx[Ctx.HOLD_AT], 0, n)
    length = ctx[Ctx.TRAIN_LENGTH]
    when, whom = i8(ctx[Ctx.TRAIN_STEP_AT], 0, length), i8(ctx[Ctx.TRAIN_NEURON_AT], 0, length)
    jump = f8(ctx[Ctx.TRAIN_JUMP_AT], 0, n)
    at = block[Block.TRAIN_POSITION]
    while at < length and when[at] <= step:
        i = whom[at]
        if hold[i] == 0:
            for k in range(i * width, (i + 1) * width):
                v[k] += jump[i]
        at += 1
    block[Block.TRAIN_POSITION] = at
    if ctx[Ctx.POISSON] == 1:
        poisson_spikes(ctx, block, v, hold, step, n, width)


@device
def poisson_spikes(ctx, block, v, hold, step, n, width):
    """A jump with probability rate * dt, where the uniform number of the cell and step is below it."""
    chance, jump = f8(ctx[Ctx.POISSON_P_AT], 0, n), f8(ctx[Ctx.POISSON_JUMP_AT], 0, n)
    lane0 = block[Block.LANE0]
    key0, key1 = u4(ctx[Ctx.POISSON_KEY0_AT], lane0, width), u4(ctx[Ctx.POISSON_KEY1_AT], lane0, width)
    for i in range(n):
        if chance[i] > 0.0 and hold[i] == 0:
            for lane in range(width):
                even, odd = threefry(key0[lane], key1[lane], uint32(i), uint32(step >> 1))
                word = odd if step & 1 else even
                if (word + 0.5) * 2.0**-32 < chance[i]:
                    v[i * width + lane] += jump[i]


@device
def careful_step(ctx, real, b, offset, normal, fired, step, n, width):
    """One step with spikes arriving between threshold and reset."""
    block, cells = block_row(ctx, b), n * width
    v, drive = f8(ctx[Ctx.V_AT], offset, cells), f8(ctx[Ctx.DRIVE_AT], offset, cells)
    rate, strength = f8(ctx[Ctx.CELL_RATE_AT], offset, cells), f8(ctx[Ctx.CELL_NOISE_AT], offset, cells)
    vt, vr = f8(ctx[Ctx.CELL_VT_AT], offset, cells), f8(ctx[Ctx.CELL_VR_AT], offset, cells)
    half = DRAWN if step & 1 else 0
    spikes = 0
    for first in range(0, cells, CHUNK):
        last = min(first + CHUNK, cells)
        draw_normals(ctx, b, normal, first, last - first, step >> 1)
        part = slice(first, last)
        move_cells(v[part], drive[part], normal[half:], rate[part], strength[part], real[Real.NOISE], last - first)
        spikes += test_cells(v[part], fired[part], vt[part], last - first)
    arriving_spikes(ctx, block, offset, step, n, width)
    reset_cells(v, fired, vr, cells)
    if spikes > 0:
        note_spikes(ctx, block, offset, fired, step, n, width)


def make_pair_of_steps(uniform: bool) -> Any:
    """The function that runs one step, or the two that share their noise, with nothing arriving from outside."""

    @device
    def cells_step(ctx, real, offset, first, count, normal, fired):
        v, drive = f8(ctx[Ctx.V_AT], offset + first, count), f8(ctx[Ctx.DRIVE_AT], offset + first, count)
        rate, strength = f8(ctx[Ctx.CELL_RATE_AT], offset + first, count), f8(ctx[Ctx.CELL_NOISE_AT], offset + first, count)
        vt, vr = f8(ctx[Ctx.CELL_VT_AT], offset + first, count), f8(ctx[Ctx.CELL_VR_AT], offset + first, count)
        noise = real[Real.NOISE]
        if uniform:
            if noise == 0.0:
                return quiet_step(v, drive, fired, count, rate[0], vt[0], vr[0])
            return uniform_step(v, drive, normal, fired, count, rate[0], noise * strength[0], vt[0], vr[0])
        move_cells(v, drive, normal, rate, strength, noise, count)
        spikes = test_cells(v, fired, vt, count)
        if spikes > 0:
            reset_cells(v, fired, vr, count)
        return spikes

    @device
    def pair_of_steps(ctx, real, b, offset, normal, fired, step, both, n, width):
        block, cells = block_row(ctx, b), n * width
        half = DRAWN if step & 1 else 0
        now, then = 0, 0
        for first in range(0, cells, CHUNK):
            count = min(CHUNK, cells - first)
            if real[Real.NOISE] != 0.0 or not uniform:
                draw_normals(ctx, b, normal, first, count, step >> 1)
            now += cells_step(ctx, real, offset, first, count, normal[half:], fired[first:])
            if both:
                then += cells_step(ctx, real, offset, first, count, normal[DRAWN:], fired[cells + first :])
        if now > 0:
            note_spikes(ctx, block, offset, fired, step, n, width)
        if then > 0:
            note_spikes(ctx, block, offset, fired[cells:], step + 1, n, width)

    return pair_of_steps


@device
def rescale(current, cells, width, lane, limit):
    """Scale one lane's current down so that no neuron's is above `limit`."""
    largest = 0.0
    for k in range(lane, cells, width):
        largest = max(largest, abs(current[k]))
    if largest > limit:
        factor = limit / largest
        for k in range(lane, cells, width):
            current[k] *= factor


def make_best(product: Any, add_column: Any) -> Any:
    """The function that follows the energy of the 0/1 state s > 0.5 and keeps the best."""

    @device
    def flip_one(ctx, one, field, n, width, i, lane):
        """Turn one neuron's 0/1 over, given field = J one; returns the change of energy. J must be symmetric."""
        k = i * width + lane
        sign = 1.0 if one[k] == 0 else -1.0
        h = f8(ctx[Ctx.H_AT], 0, n)
        change = -sign * (field[k] + h[i])
        if ctx[Ctx.TERMS] > 0:
            change -= sign * terms_around(ctx, one, i, lane, n, width)
        change -= 0.5 * add_column(ctx, field, n, width, i, lane, sign)
        one[k] = 1 - one[k]
        return change

    @device
    def terms_around(ctx, one, i, lane, n, width):
        start = i8(ctx[Ctx.OF_START_AT], 0, n + 1)
        of = i4(ctx[Ctx.OF_TERM_AT], 0, start[n])
        terms = ctx[Ctx.TERMS]
        first = i8(ctx[Ctx.TERM_START_AT], 0, terms + 1)
        index = i4(ctx[Ctx.TERM_INDEX_AT], 0, first[terms])
        value = f8(ctx[Ctx.TERM_VALUE_AT], 0, terms)
        total = 0.0
        for e in range(start[i], start[i + 1]):
            others = True
            for a in range(first[of[e]], first[of[e] + 1]):
                others = others and (index[a] == i or one[index[a] * width + lane] == 1)
            if others:
                total += value[of[e]]
        return total

    @device
    def compute_anew(ctx, block, one, s, field, energy, partial, n, width):
        for k in range(n * width):
            one[k] = s[k] > 0.5
            s[k] = one[k]
        product(ctx, s, field, partial, n, width, block[Block.LANE0])
        for lane in range(width):
            energy[lane] = lane_energy(ctx, s, field, n, width, lane)

    @device
    def follow(ctx, one, s, field, energy, n, width):
        for i in range(n):
            for lane in range(width):
                k = i * width + lane
                if one[k] != (s[k] > 0.5):
                    energy[lane] += flip_one(ctx, one, field, n, width, i, lane)

    @device
    def keep_best(ctx, block, offset, one, energy, n, width):
        best = i1(ctx[Ctx.BEST_AT], offset, n * width)
        best_energy = f8(ctx[Ctx.BEST_ENERGY_AT], block[Block.LANE0], width)
        for lane in range(width):
            if energy[lane] < best_energy[lane]:
                best_energy[lane] = energy[lane]
                for k in range(lane, n * width, width):
                    best[k] = one[k]

    @device
    def update_best(ctx, block, offset, s, partial, anew, n, width):
        """Bring the 0/1 state and its energy up to s (which may be overwritten)."""
        one = i1(ctx[Ctx.ONE_AT], offset, n * width)
        field = f8(ctx[Ctx.ONE_FIELD_AT], offset, n * width)
        energy = f8(ctx[Ctx.ONE_ENERGY_AT], block[Block.LANE0], width)
        if anew or block[Block.SYNCED] == 0 or ctx[Ctx.SYMMETRIC] == 0:
            compute_anew(ctx, block, one, s, field, energy, partial, n, width)
            block[Block.SYNCED] = 1
        else:
            follow(ctx, one, s, field, energy, n, width)
        keep_best(ctx, block, offset, one, energy, n, width)

    return update_best


def make_lif(storage: str, uniform: bool) -> tuple[Any, Any]:
    """The functions (advance a block, energies of all lanes) for a storage of J and uniform or own parameters."""
    product = make_product(storage)
    pair_of_steps = make_pair_of_steps(uniform)
    update_best = make_best(product, make_add_column(storage))

    @device
    def feedback(ctx, real, block, offset, step, n, width):
        cells = n * width
        s, current = f8(ctx[Ctx.S_AT], offset, cells), f8(ctx[Ctx.FEEDBACK_CURRENT_AT], offset, cells)
        partial = f8(ctx[Ctx.PARTIAL_AT], 64 * block[Block.LANE0], 64 * width)
        trace = f8(block[Block.TRACE_AT], block[Block.TRACE] * width, width)
        states(ctx, offset, s, cells)
        product(ctx, s, current, partial, n, width, block[Block.LANE0])
        for lane in range(width):
            trace[lane] = lane_energy(ctx, s, current, n, width, lane) + real[Real.OFFSET]
        block[Block.TRACE] += 1
        add_biases(ctx, current, n, width)
        if ctx[Ctx.TERMS] > 0:
            add_terms(ctx, s, current, n, width)
        for lane in range(width):
            rescale(current, cells, width, lane, real[Real.I_MAX])
        anew = (step // ctx[Ctx.FEEDBACK_EVERY]) % RESYNC == 0
        update_best(ctx, block, offset, s, partial, anew, n, width)

    @device
    def run_to(ctx, real, b, offset, normal, fired, stop, n, width):
        """Steps until `stop` with constant drive, or until the buffer of spikes is full."""
        block, when = block_row(ctx, b), i8(ctx[Ctx.TRAIN_STEP_AT], 0, ctx[Ctx.TRAIN_LENGTH])
        while block[Block.STEP] < stop and room_for_spikes(ctx, block):
            step = block[Block.STEP]
            at = block[Block.TRAIN_POSITION]
            arrival = when[at] if at < ctx[Ctx.TRAIN_LENGTH] else FAR
            if ctx[Ctx.POISSON] == 1 or arrival <= step:
                careful_step(ctx, real, b, offset, normal, fired, step, n, width)
                block[Block.STEP] = step + 1
            else:
                both = step & 1 == 0 and step + 2 <= min(stop, arrival)
                pair_of_steps(ctx, real, b, offset, normal, fired, step, both, n, width)
                block[Block.STEP] = step + (2 if both else 1)

    @device
    def advance(ctx, real, b):
        """Run block `b` until TARGET; DONE, or DRAIN where a buffer is full."""
        block = block_row(ctx, b)
        n, width, every = ctx[Ctx.N], block[Block.WIDTH], ctx[Ctx.FEEDBACK_EVERY]
        offset = n * block[Block.LANE0]
        normal = f4(ctx[Ctx.DRAWN_AT], 2 * DRAWN * b, 2 * DRAWN)
        fired = u1(ctx[Ctx.FIRED_AT], 2 * offset, 2 * n * width)
        while block[Block.STEP] < ctx[Ctx.TARGET]:
            step = block[Block.STEP]
            if not (room_for_spikes(ctx, block) and room_for_trace(block) and room_for_samples(ctx, b)):
                return Status.DRAIN
            if ctx[Ctx.COUPLED] == 1 and step % every == 0:
                feedback(ctx, real, block, offset, step, n, width)
            take_samples(ctx, b, step)
            set_drive(ctx, offset, step, n, width)
            stop = min(ctx[Ctx.TARGET], min((step // every + 1) * every, next_wave_change(ctx, step)))
            stop = min(stop, next_sample(ctx, b, step))
            run_to(ctx, real, b, offset, normal, fired, stop, n, width)
        return Status.DONE

    @device
    def refresh(ctx, real):
        """Set ENERGY of every lane to E of the present state."""
        n = ctx[Ctx.N]
        for b in range(ctx[Ctx.BLOCKS]):
            block = block_row(ctx, b)
            width, lane0 = block[Block.WIDTH], block[Block.LANE0]
            s, y = f8(ctx[Ctx.S_AT], n * lane0, n * width), f8(ctx[Ctx.Y_AT], n * lane0, n * width)
            partial = f8(ctx[Ctx.PARTIAL_AT], 64 * lane0, 64 * width)
            energy = f8(ctx[Ctx.ENERGY_AT], lane0, width)
            states(ctx, n * lane0, s, n * width)
            product(ctx, s, y, partial, n, width, lane0)
            for lane in range(width):
                energy[lane] = lane_energy(ctx, s, y, n, width, lane)
        ctx[Ctx.DIRTY] = 0

    return advance, refresh

